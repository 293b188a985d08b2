# What a SELECT can do without grouping.

SELECT 1
----
= Int64(1) Int64
1

SELECT id, amount FROM orders WHERE amount > 3 ORDER BY amount DESC, id
----
= id Utf8 | amount Int64
o4 | 7
o2 | 5
o5 | 5

SELECT * FROM customers ORDER BY name
----
= name Utf8 | city Utf8 | age UInt32
ann | Oslo | 30
bob | Rome | 41
cid | Oslo | NULL
eve | NULL | 25

SELECT c.*, city FROM customers c ORDER BY 1 LIMIT 2
----
= name Utf8 | city Utf8 | age UInt32 | city Utf8
ann | Oslo | 30 | Oslo
bob | Rome | 41 | Rome

SELECT * EXCEPT (age) FROM customers ORDER BY name DESC LIMIT 1
----
= name Utf8 | city Utf8
eve | NULL

SELECT id FROM orders ORDER BY id LIMIT 2 OFFSET 3
----
= id Utf8
o4
o5

SELECT id FROM orders ORDER BY id OFFSET 5
----
= id Utf8
o6
o7

SELECT id FROM orders ORDER BY amount NULLS FIRST, id LIMIT 3
----
= id Utf8
o3
o6
o1

SELECT id FROM orders ORDER BY amount DESC, id LIMIT 3
----
= id Utf8
o3
o4
o2

SELECT id, price * 2 AS double FROM orders WHERE price IS NOT NULL ORDER BY double DESC, id LIMIT 3
----
= id Utf8 | double Float64
o7 | 21.0
o2 | 4.0
o5 | 4.0

SELECT id FROM orders ORDER BY price * -1, id LIMIT 2
----
= id Utf8
o7
o2

# sorted
SELECT DISTINCT customer FROM orders
----
= customer Utf8
NULL
ann
bob
cid
dan%

SELECT DISTINCT customer FROM orders ORDER BY customer DESC
----
= customer Utf8
NULL
dan%
cid
bob
ann

SELECT DISTINCT customer FROM orders ORDER BY amount
----
error 42P10: with SELECT DISTINCT, what ORDER BY names must be selected (at character 47); select it too

SELECT DISTINCT ON (customer) customer, id FROM orders ORDER BY customer, amount DESC
----
= customer Utf8 | id Utf8
ann | o3
bob | o2
cid | o4
dan% | o7
NULL | o5

SELECT id FROM orders WHERE customer IN ('ann', 'cid') AND done ORDER BY id
----
= id Utf8
o1
o4

SELECT id FROM orders WHERE customer NOT IN ('ann', 'cid') ORDER BY id
----
= id Utf8
o2
o6
o7

SELECT id FROM orders WHERE customer NOT IN ('ann', NULL) ORDER BY id
----
= id Utf8

SELECT id FROM orders WHERE amount BETWEEN 3 AND 5 ORDER BY id
----
= id Utf8
o1
o2
o5
o7

SELECT id FROM orders WHERE customer LIKE 'a%' OR customer ILIKE 'BO_' ORDER BY id
----
= id Utf8
o1
o2
o3
o6

SELECT id FROM orders WHERE customer LIKE 'dan\%' ORDER BY id
----
= id Utf8
o7

SELECT id FROM orders WHERE customer NOT LIKE '%n%' ORDER BY id
----
= id Utf8
o2
o4
o6

SELECT id FROM orders WHERE customer = 'ann' OR customer = 'cid' ORDER BY id
----
= id Utf8
o1
o3
o4

SELECT id FROM orders WHERE at >= '2026-01-02' ORDER BY at
----
= id Utf8
o3
o5
o6
o7

SELECT id FROM orders WHERE at > '2026-01-01T12:30:00.250Z' AND at < now() - INTERVAL '10 days' ORDER BY at
----
= id Utf8
o3
o5
o6

SELECT id FROM orders WHERE big = 18446744073709551615 OR big > 9007199254740992 ORDER BY id
----
= id Utf8
o1
o5

SELECT id FROM orders WHERE amount = 3.0 ORDER BY id
----
= id Utf8
o1
o7

SELECT id FROM orders WHERE amount > 2.5 AND amount < 5.5 ORDER BY id
----
= id Utf8
o1
o2
o5
o7

SELECT id FROM orders WHERE big < -1
----
= id Utf8

SELECT id FROM orders WHERE note = 'abc'
----
= id Utf8
o1

SELECT id FROM orders WHERE done == true AND customer <> 'ann' ORDER BY id
----
= id Utf8
o4
o6

SELECT id FROM orders WHERE done IS NOT TRUE ORDER BY id
----
= id Utf8
o2
o3
o5
o7

SELECT id FROM orders WHERE id > 'o5' ORDER BY id
----
= id Utf8
o6
o7

SELECT "id" AS "The Id" FROM orders WHERE "customer" = 'bob' ORDER BY "The Id"
----
= The Id Utf8
o2
o6

SELECT count(*) AS n FROM orders WHERE false
----
= n Int64
0

SELECT id FROM public.orders WHERE id = 'o1'
----
= id Utf8
o1

SELECT id FROM restate.public.orders o WHERE o.id = 'o1'
----
= id Utf8
o1

# An unaliased derived table keeps the name that its table has inside.
SELECT COUNT(1) FROM (SELECT * FROM orders o LIMIT 50000) WHERE o.customer IN ('ann') AND done IS NULL
----
= count(Int64(1)) Int64
1

SELECT unnest(parts) AS part, id FROM orders WHERE id <= 'o2' ORDER BY part
----
= part UInt32 | id Utf8
1 | o1
2 | o1
3 | o2

SELECT value FROM generate_series(1, 3) ORDER BY value DESC
----
= value Int64
3
2
1

SELECT * FROM (VALUES (1, 'a'), (2, NULL)) AS v(n, s) ORDER BY n
----
= n Int64 | s Utf8
1 | a
2 | NULL

SELECT CASE WHEN amount > 4 THEN 'much' WHEN amount IS NULL THEN 'unknown' ELSE 'little' END AS how, id FROM orders ORDER BY id
----
= how Utf8 | id Utf8
little | o1
much | o2
unknown | o3
much | o4
much | o5
little | o6
little | o7

SELECT CASE customer WHEN 'ann' THEN 1 END AS x FROM orders ORDER BY id LIMIT 2
----
= x Int64
1
NULL

SELECT LIMIT 1
----
error 42601: syntax error: found "LIMIT", expected an expression (at character 8)
