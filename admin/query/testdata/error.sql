# What is refused, and how.

SELEC 1
----
error 42601: syntax error: found "SELEC", expected SELECT (at character 1)

SELECT id FROM nowhere
----
error 42P01: there is no table nowhere (at character 16); SHOW TABLES lists them

SELECT id FROM order
----
error 42P01: there is no table order (at character 16); did you mean orders?

SELECT idd FROM orders
----
error 42703: there is no column idd (at character 8); did you mean orders.id?

SELECT x.id FROM orders
----
error 42703: there is no column x.id (at character 8); did you mean orders.id?

SELECT id FROM orders o, orders p
----
error 42702: column id is ambiguous: o.id or p.id (at character 8); say of which table

SELECT id + at FROM orders
----
error 42804: cannot compute Utf8 + Timestamp (at character 11)

SELECT id FROM orders WHERE amount
----
error 42804: a condition must be true or false, not of type Int64 (at character 29)

SELECT id FROM orders WHERE id
----
error 42804: a condition must be true or false, not of type Utf8 (at character 29)

SELECT sum(customer) FROM orders
----
error 42804: sum takes numbers, not Utf8 (at character 8); cast it to a number

INSERT INTO orders VALUES (1)
----
error 25006: INSERT is not possible: queries only read (at character 1)

SELECT 1; SELECT 2
----
error 42601: more than one statement (at character 11); send one at a time

SELECT * FROM orders LIMIT -1
----
error 22023: LIMIT must not be negative (at character 28)

SELECT * FROM orders LIMIT 'x'
----
error 22023: cannot cast "x" of type Utf8 to Int64 (at character 28)

SELECT id FROM orders ORDER BY 2
----
error 42703: there is no column 2: there are 1 (at character 32)

SELECT nothing(1)
----
error 42883: there is no function nothing (at character 8)

WITH RECURSIVE x AS (SELECT 1) SELECT * FROM x
----
error 0A000: not supported: WITH RECURSIVE (at character 6)

SELECT id FROM orders WHERE at > 'yesterday'
----
error 22023: cannot cast "yesterday" of type Utf8 to Timestamp (at character 34)

SELECT id FROM orders WHERE amount = 'x'
----
= id Utf8

SELECT (SELECT id, amount FROM orders)
----
error 42601: a subquery has 2 columns where one value is wanted (at character 9)

SELECT CAST(id AS nothing) FROM orders
----
error 42804: there is no type nothing (at character 8)

SELECT * FROM orders TABLESAMPLE (10)
----
error 0A000: not supported: TABLESAMPLE (at character 22)

SELECT id FROM orders GROUP BY 1, 5
----
error 42703: there is no column 5: there are 1 (at character 35)
