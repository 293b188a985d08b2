# What clients of PostgreSQL use beside.

SELECT value FROM generate_series(1, array_upper(ARRAY[4, 5], 1))
----
= value Int64
1
2

SELECT id, (SELECT count(*) FROM generate_series(1, o.amount)) AS n FROM orders o WHERE amount > 4 ORDER BY id
----
= id Utf8 | n Int64
o2 | 5
o4 | 7
o5 | 5

SELECT d FROM generate_series(TIMESTAMP '2026-01-30', TIMESTAMP '2026-04-01', INTERVAL '1 month') d
----
= d Timestamp
2026-01-30T00:00:00Z
2026-02-28T00:00:00Z
2026-03-30T00:00:00Z

SELECT d FROM generate_series(TIMESTAMP '2026-01-02', TIMESTAMP '2026-01-01', INTERVAL '-12 hours') d
----
= d Timestamp
2026-01-02T00:00:00Z
2026-01-01T12:00:00Z
2026-01-01T00:00:00Z

SELECT value FROM generate_series(1, 9, 0)
----
error 22023: the step of generate_series is 0

SELECT count(*) FROM generate_series(TIMESTAMP '2026-01-02', TIMESTAMP '2026-01-01')
----
error 42883: generate_series of times needs a step (at character 22); interval '1 day', for one

SELECT s[2] FROM string_to_array('a,b', ',') s
----
= array_element(s.s,Int64(2)) Utf8
b

SELECT * FROM upper('x') u
----
= u Utf8
X

SELECT * FROM nothing('x') u
----
error 42883: there is no function nothing (at character 15)

SELECT array_lower(ARRAY[1, 2], 1) AS a, array_upper(ARRAY[1, 2], 1) AS b, array_upper('{}'::int[], 1) AS c, array_upper(ARRAY[1], 2) AS d
----
= a Int64 | b Int64 | c Int64 | d Int64
1 | 2 | NULL | NULL

SELECT array_remove(ARRAY[1, 2, NULL, 1], 1) AS a, array_remove(ARRAY[1, NULL], NULL) AS b
----
= a List(Int64) | b List(Int64)
[2, ] | [1]

SELECT quote_ident('plain') AS a, quote_ident('Two') AS b, quote_ident('order') AS c, quote_ident('') AS d
----
= a Utf8 | b Utf8 | c Utf8 | d Utf8
plain | "Two" | "order" | ""

SELECT format('%s %I %L %%', 'a', 'B', NULL) AS a, format('%2$s %1$s', 1, 2) AS b
----
= a Utf8 | b Utf8
a "B" NULL % | 2 1

SELECT format('%s %s', 1)
----
error 22023: format has too few arguments for %s

SELECT floor(extract(epoch FROM at) / 300) * 300 AS time, count(*) AS n FROM orders WHERE at BETWEEN '2026-01-01T00:00:00Z' AND '2026-01-02T00:00:00Z' GROUP BY floor(extract(epoch FROM at) / 300) * 300 ORDER BY time
----
= time Float64 | n Int64
1767225600.0 | 1
1767270600.0 | 1
1767312000.0 | 1
