# Subqueries, WITH, and sets.

SELECT name FROM customers WHERE name IN (SELECT customer FROM orders) ORDER BY name
----
= name Utf8
ann
bob
cid

SELECT name FROM customers WHERE name NOT IN (SELECT customer FROM orders) ORDER BY name
----
= name Utf8

SELECT name FROM customers WHERE name NOT IN (SELECT customer FROM orders WHERE customer IS NOT NULL) ORDER BY name
----
= name Utf8
eve

SELECT name FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer = c.name AND o.amount > 4) ORDER BY name
----
= name Utf8
bob
cid

SELECT name FROM customers c WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer = c.name) ORDER BY name
----
= name Utf8
eve

SELECT name, (SELECT count(*) FROM orders o WHERE o.customer = c.name) AS orders FROM customers c ORDER BY name
----
= name Utf8 | orders Int64
ann | 2
bob | 2
cid | 1
eve | 0

SELECT name, (SELECT max(amount) FROM orders o WHERE o.customer = c.name) AS most FROM customers c ORDER BY name
----
= name Utf8 | most Int64
ann | 3
bob | 5
cid | 7
eve | NULL

SELECT (SELECT id FROM orders) AS many
----
error 21000: a subquery that stands for one value gave several rows

SELECT (SELECT id FROM orders WHERE id = 'none') AS none
----
= none Utf8
NULL

SELECT id FROM orders WHERE amount = (SELECT max(amount) FROM orders)
----
= id Utf8
o4

SELECT id FROM orders WHERE customer = ANY (SELECT name FROM customers WHERE city = 'Rome') ORDER BY id
----
= id Utf8
o2
o6

WITH rich AS (SELECT customer, sum(amount) AS total FROM orders GROUP BY customer), top AS (SELECT * FROM rich WHERE total > 2) SELECT customer FROM top ORDER BY total DESC, customer
----
= customer Utf8
cid
NULL
ann
bob
dan%

WITH x(a, b) AS (VALUES (1, 2)) SELECT x.a + y.b AS sum FROM x, x AS y WHERE x.a = y.a
----
= sum Int64
3

WITH x(a) AS (VALUES (1)) SELECT a FROM x
----
= a Int64
1

SELECT name FROM customers UNION SELECT customer FROM orders ORDER BY name
----
= name Utf8
ann
bob
cid
dan%
eve
NULL

SELECT name FROM customers UNION ALL SELECT customer FROM orders ORDER BY name LIMIT 4
----
= name Utf8
ann
ann
ann
bob

SELECT name FROM customers EXCEPT SELECT customer FROM orders
----
= name Utf8
eve

# sorted
SELECT customer FROM orders INTERSECT SELECT name FROM customers
----
= customer Utf8
ann
bob
cid

# sorted
SELECT customer FROM orders EXCEPT ALL SELECT name FROM customers
----
= customer Utf8
NULL
ann
bob
dan%

# sorted
SELECT customer FROM orders INTERSECT ALL SELECT name FROM customers
----
= customer Utf8
ann
bob
cid

SELECT 1 UNION ALL SELECT 2.5 ORDER BY 1
----
= Int64(1) Float64
1.0
2.5

SELECT 1 UNION SELECT 1, 2
----
error 42601: UNION of 1 and 2 columns (at character 10)

(SELECT id FROM orders ORDER BY id LIMIT 1) UNION ALL (SELECT id FROM orders ORDER BY id DESC LIMIT 1) ORDER BY id
----
= id Utf8
o1
o7

WITH a AS (SELECT DISTINCT customer AS id FROM orders WHERE done UNION SELECT DISTINCT name AS id FROM customers WHERE age > 40) SELECT c.name AS id FROM customers c EXCEPT SELECT id FROM a
----
= id Utf8
eve

SELECT id FROM (SELECT id, amount FROM orders WHERE amount > 2) t WHERE t.amount < 6 ORDER BY id
----
= id Utf8
o1
o2
o5
o7

# Lists as text, and ANY and ALL of lists.

SELECT id FROM orders WHERE amount = ANY('{3,7}') ORDER BY id
----
= id Utf8
o1
o4
o7

SELECT '{1,NULL, 3}'::int[] AS a, '{"a b","c\"d",null}'::text[] AS b, '{}'::int[] AS c
----
= a List(Int64) | b List(Utf8) | c List(Int64)
[1, , 3] | [a b, c"d, ] | []

SELECT '{1,x}'::int[]
----
error 22023: cannot cast "{1,x}" of type Utf8 to List(Int64) (at character 8)

SELECT '1,2'::int[]
----
error 22023: cannot cast "1,2" of type Utf8 to List(Int64) (at character 8)

SELECT id FROM orders WHERE amount > ALL(ARRAY[2, 4]) ORDER BY id
----
= id Utf8
o2
o4
o5

SELECT id FROM orders WHERE amount <> ALL('{3,5}'::int[]) ORDER BY id
----
= id Utf8
o4
o6

SELECT 1 < ANY(ARRAY[NULL, 0]) AS a, 1 < ANY(ARRAY[NULL, 2]) AS b, 1 > ALL(ARRAY[NULL, 2]) AS c, 1 = ALL('{}'::int[]) AS d
----
= a Boolean | b Boolean | c Boolean | d Boolean
NULL | true | false | true

SELECT id FROM orders WHERE id ~ ANY(ARRAY['1', '[56]']) ORDER BY id
----
= id Utf8
o1
o5
o6
