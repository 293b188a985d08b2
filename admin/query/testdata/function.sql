# Functions and operators.

SELECT length('héllo') AS a, char_length('abc') AS b, octet_length('hé') AS c, upper('abc') AS d, lower('ABC') AS e
----
= a Int64 | b Int64 | c Int64 | d Utf8 | e Utf8
5 | 3 | 3 | ABC | abc

SELECT substr('abcdef', 2, 3) AS a, substring('abcdef' FROM 3) AS b, left('abc', 2) AS c, right('abc', 2) AS d, split_part('a.b.c', '.', 2) AS e
----
= a Utf8 | b Utf8 | c Utf8 | d Utf8 | e Utf8
bcd | cdef | ab | bc | b

SELECT trim('  x ') AS a, ltrim('xxa', 'x') AS b, rtrim('axx', 'x') AS c, btrim('xax', 'x') AS d, trim(LEADING 'x' FROM 'xax') AS e
----
= a Utf8 | b Utf8 | c Utf8 | d Utf8 | e Utf8
x | a | a | a | ax

SELECT concat('a', NULL, 'b') AS a, concat_ws('-', 'a', NULL, 'b') AS b, 'a' || 'b' AS c, 'a' || NULL AS d, repeat('ab', 2) AS e, reverse('abc') AS f
----
= a Utf8 | b Utf8 | c Utf8 | d Utf8 | e Utf8 | f Utf8
ab | a-b | ab | NULL | abab | cba

SELECT replace('aXbX', 'X', '-') AS a, strpos('hello', 'l') AS b, starts_with('hello', 'he') AS c, ends_with('hello', 'lo') AS d, contains('hello', 'ell') AS e
----
= a Utf8 | b Int64 | c Boolean | d Boolean | e Boolean
a-b- | 3 | true | true | true

SELECT regexp_replace('foobar', 'o+', '0') AS a, regexp_like('foo', '^f') AS b, 'foo' ~ 'o$' AS c, 'FOO' ~* 'foo' AS d, 'foo' !~ 'x' AS e
----
= a Utf8 | b Boolean | c Boolean | d Boolean | e Boolean
f0bar | true | true | true | true

SELECT abs(-3) AS a, ceil(1.2) AS b, floor(-1.2) AS c, round(2.567, 2) AS d, sqrt(16) AS e, power(2, 10) AS f, 7 % 3 AS g, 7 / 2 AS h, -7 / 2 AS i, 7 / 2.0 AS j
----
= a Int64 | b Float64 | c Float64 | d Float64 | e Float64 | f Float64 | g Int64 | h Int64 | i Int64 | j Float64
3 | 2.0 | -2.0 | 2.57 | 4.0 | 1024.0 | 1 | 3 | -3 | 3.5

SELECT greatest(1, 3, 2) AS a, least(1, NULL, 2) AS b, coalesce(NULL, 2) AS c, nullif(1, 1) AS d, nullif(1, 2) AS e, nvl(NULL, 'x') AS f
----
= a Int64 | b Int64 | c Int64 | d Int64 | e Int64 | f Utf8
3 | 1 | 2 | NULL | 1 | x

SELECT date_trunc('day', at) AS a, date_bin(INTERVAL '6 hours', at) AS b, date_part('hour', at) AS c, extract(month FROM at) AS d FROM orders WHERE id = 'o2'
----
= a Timestamp | b Timestamp | c Float64 | d Float64
2026-01-01T00:00:00Z | 2026-01-01T12:00:00Z | 12.0 | 1.0

SELECT at + INTERVAL '1 day' AS a, at - INTERVAL '1 month' AS b, now() - at AS c, at - '2026-01-01T00:00:00Z' AS d FROM orders WHERE id = 'o2'
----
= a Timestamp | b Timestamp | c Duration | d Duration
2026-01-02T12:30:00.250Z | 2025-12-01T12:30:00.250Z | PT5095799.75S | PT45000.25S

SELECT to_timestamp(1) AS a, to_timestamp_millis(1500) AS b, '2026-01-01'::timestamp AS c, DATE '2026-01-02' AS d, TIMESTAMP '2026-01-01 10:00:00' AS e
----
= a Timestamp | b Timestamp | c Timestamp | d Date | e Timestamp
1970-01-01T00:00:01Z | 1970-01-01T00:00:01.500Z | 2026-01-01T00:00:00Z | 2026-01-02 | 2026-01-01T10:00:00Z

SELECT CAST('12' AS BIGINT) AS a, CAST(1.9 AS INT) AS b, CAST(true AS VARCHAR) AS c, '1.5'::double AS d, try_cast('x' AS INT) AS e, arrow_cast(1, 'Float64') AS f
----
= a Int64 | b Int64 | c Utf8 | d Float64 | e Int64 | f Float64
12 | 1 | true | 1.5 | NULL | 1.0

SELECT CAST('x' AS INT) AS a
----
error 22023: cannot cast "x" of type Utf8 to Int64 (at character 13)

SELECT array_length([1, 2, 3]) AS a, array_has([1, 2], 2) AS b, [1, 2][1] AS c, make_array(1, 2) AS d
----
= a UInt64 | b Boolean | c Int64 | d List(Int64)
3 | true | 1 | [1, 2]

SELECT array_length(parts) AS n, array_has(parts, 3) AS three FROM orders ORDER BY id
----
= n UInt64 | three Boolean
2 | false
1 | true
NULL | NULL
1 | false
3 | true
NULL | NULL
1 | false

SELECT 1 / 0
----
error 22012: division by zero

SELECT 9223372036854775807 + 1
----
error 22003: 9223372036854775807 + 1 is out of the range of Int64

SELECT encode('abc', 'hex') AS a, decode('616263', 'hex') AS b, md5('a') AS c, to_hex(255) AS d
----
= a Utf8 | b Binary | c Utf8 | d Utf8
616263 | 616263 | 0cc175b9c0f1b6a831c399e269772661 | ff

SELECT arrow_typeof(now()) AS a, arrow_typeof(1) AS b, arrow_typeof(at - at) AS c FROM orders LIMIT 1
----
= a Utf8 | b Utf8 | c Utf8
Timestamp(ms, "+00:00") | Int64 | Duration(ms)

SELECT lenght('a')
----
error 42883: there is no function lenght (at character 8); did you mean length?

SELECT length()
----
error 42883: function length cannot be called with 0 arguments (at character 8); it takes 1 argument
