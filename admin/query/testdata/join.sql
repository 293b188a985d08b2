# Joins.

SELECT o.id, c.city FROM orders o JOIN customers c ON c.name = o.customer ORDER BY o.id
----
= id Utf8 | city Utf8
o1 | Oslo
o2 | Rome
o3 | Oslo
o4 | Oslo
o6 | Rome

SELECT o.id, c.city, c.name IS NOT NULL AS known FROM orders o LEFT JOIN customers c ON c.name = o.customer ORDER BY o.id
----
= id Utf8 | city Utf8 | known Boolean
o1 | Oslo | true
o2 | Rome | true
o3 | Oslo | true
o4 | Oslo | true
o5 | NULL | false
o6 | Rome | true
o7 | NULL | false

SELECT o.id, c.name FROM orders o RIGHT JOIN customers c ON c.name = o.customer ORDER BY o.id, c.name
----
= id Utf8 | name Utf8
o1 | ann
o2 | bob
o3 | ann
o4 | cid
o6 | bob
NULL | eve

SELECT o.id, c.name FROM orders o FULL JOIN customers c ON c.name = o.customer ORDER BY o.id, c.name
----
= id Utf8 | name Utf8
o1 | ann
o2 | bob
o3 | ann
o4 | cid
o5 | NULL
o6 | bob
o7 | NULL
NULL | eve

SELECT o.id, c.city FROM orders o LEFT JOIN customers c ON c.name = o.customer AND c.city = 'Oslo' ORDER BY o.id
----
= id Utf8 | city Utf8
o1 | Oslo
o2 | NULL
o3 | Oslo
o4 | Oslo
o5 | NULL
o6 | NULL
o7 | NULL

SELECT o.id, c.city FROM orders o LEFT JOIN customers c ON c.name = o.customer WHERE c.city = 'Oslo' ORDER BY o.id
----
= id Utf8 | city Utf8
o1 | Oslo
o3 | Oslo
o4 | Oslo

SELECT o.id FROM orders o LEFT JOIN customers c ON c.name = o.customer WHERE c.name IS NULL ORDER BY o.id
----
= id Utf8
o5
o7

SELECT a.name, b.name AS other FROM customers a, customers b WHERE a.city = b.city AND a.name < b.name
----
= name Utf8 | other Utf8
ann | cid

SELECT count(*) FROM orders CROSS JOIN customers
----
= count(*) Int64
28

SELECT o.id, c.age FROM orders o JOIN customers c ON o.amount < c.age AND c.name = 'eve' ORDER BY o.id LIMIT 2
----
= id Utf8 | age UInt32
o1 | 25
o2 | 25

SELECT name, total FROM customers JOIN (SELECT customer AS name, sum(amount) AS total FROM orders GROUP BY customer) t USING (name) ORDER BY name
----
= name Utf8 | total Int64
ann | 3
bob | 3
cid | 7

SELECT * FROM customers NATURAL JOIN (SELECT name, 1 AS one FROM customers) x ORDER BY name LIMIT 1
----
= name Utf8 | city Utf8 | age UInt32 | one Int64
ann | Oslo | 30 | 1

SELECT c.name FROM customers c LEFT SEMI JOIN orders o ON o.customer = c.name ORDER BY c.name
----
= name Utf8
ann
bob
cid

SELECT c.name FROM customers c LEFT ANTI JOIN orders o ON o.customer = c.name ORDER BY c.name
----
= name Utf8
eve

SELECT o.id, c.name, p.name AS peer FROM orders o JOIN customers c ON c.name = o.customer LEFT JOIN customers p ON p.city = c.city AND p.name <> c.name ORDER BY o.id
----
= id Utf8 | name Utf8 | peer Utf8
o1 | ann | cid
o2 | bob | NULL
o3 | ann | cid
o4 | cid | ann
o6 | bob | NULL

SELECT id FROM orders JOIN customers ON city = 'Rome' AND customer = name ORDER BY id
----
= id Utf8
o2
o6

SELECT name FROM customers a JOIN customers b ON a.name = b.name
----
error 42702: column name is ambiguous: a.name or b.name (at character 8); say of which table

SELECT 1 FROM customers JOIN customers ON true
----
error 42712: two tables are called customers (at character 25); give one an alias

SELECT o.id FROM orders o JOIN customers c ON o.big = c.age
----
= id Utf8
