# Grouping and aggregates.

SELECT count(*), count(amount), sum(amount), min(amount), max(amount), avg(amount) FROM orders
----
= count(*) Int64 | count(orders.amount) Int64 | sum(orders.amount) Int64 | min(orders.amount) Int64 | max(orders.amount) Int64 | avg(orders.amount) Float64
7 | 6 | 21 | -2 | 7 | 3.5

SELECT count(*), sum(a), min(b) FROM empty
----
= count(*) Int64 | sum(empty.a) Int64 | min(empty.b) Utf8
0 | NULL | NULL

SELECT customer, count(*) AS n FROM orders GROUP BY customer ORDER BY n DESC, customer
----
= customer Utf8 | n Int64
ann | 2
bob | 2
cid | 1
dan% | 1
NULL | 1

SELECT customer, done, sum(price) FROM orders GROUP BY 1, 2 ORDER BY 1, 2
----
= customer Utf8 | done Boolean | sum(orders.price) Float64
ann | true | 1.5
ann | NULL | 0.25
bob | false | 2.0
bob | true | -1.0
cid | true | NULL
dan% | false | 10.5
NULL | false | 2.0

SELECT upper(customer) AS who, count(*) FROM orders GROUP BY who ORDER BY who NULLS FIRST
----
= who Utf8 | count(*) Int64
NULL | 1
ANN | 2
BOB | 2
CID | 1
DAN% | 1

SELECT CASE WHEN amount > 4 THEN 'much' ELSE 'little' END AS how, COUNT(1) AS count FROM orders GROUP BY CASE WHEN amount > 4 THEN 'much' ELSE 'little' END ORDER BY how
----
= how Utf8 | count Int64
little | 4
much | 3

SELECT customer FROM orders GROUP BY customer HAVING count(*) > 1 ORDER BY customer
----
= customer Utf8
ann
bob

SELECT customer, count(*) AS n FROM orders GROUP BY customer HAVING n > 1 ORDER BY customer
----
= customer Utf8 | n Int64
ann | 2
bob | 2

SELECT FIRST_VALUE(id ORDER BY amount DESC NULLS LAST) AS most, LAST_VALUE(id ORDER BY id) AS last FROM orders
----
= most Utf8 | last Utf8
o4 | o7

SELECT customer, first_value(id ORDER BY at ASC) AS first FROM orders WHERE customer IS NOT NULL GROUP BY customer ORDER BY customer
----
= customer Utf8 | first Utf8
ann | o1
bob | o2
cid | o4
dan% | o7

SELECT count(DISTINCT customer), count(DISTINCT amount), sum(DISTINCT amount) FROM orders
----
= count(DISTINCT orders.customer) Int64 | count(DISTINCT orders.amount) Int64 | sum(DISTINCT orders.amount) Int64
4 | 4 | 13

SELECT count(*) FILTER (WHERE done), sum(amount) FILTER (WHERE NOT done) FROM orders
----
= count(*) FILTER (WHERE orders.done) Int64 | sum(orders.amount) FILTER (WHERE NOT orders.done) Int64
3 | 13

SELECT array_agg(id ORDER BY id) AS ids, string_agg(customer, ',' ORDER BY id) AS names FROM orders WHERE amount = 5
----
= ids List(Utf8) | names Utf8
[o2, o5] | bob

SELECT bool_and(done), bool_or(done) FROM orders
----
= bool_and(orders.done) Boolean | bool_or(orders.done) Boolean
false | true

SELECT round(stddev(amount), 3) AS sd, median(amount) AS med FROM orders
----
= sd Float64 | med Float64
3.082 | 4.0

SELECT sum(took), max(took) FROM orders
----
= sum(orders.took) Duration | max(orders.took) Duration
PT3693.5S | PT3600S

SELECT min(at), max(at), max(customer) FROM orders
----
= min(orders.at) Timestamp | max(orders.at) Timestamp | max(orders.customer) Utf8
2026-01-01T00:00:00Z | 2026-03-01T00:00:00Z | dan%

SELECT customer, amount FROM orders GROUP BY customer
----
error 42803: column orders.amount must be in GROUP BY or inside an aggregate (at character 18)

SELECT count(*) + 1 AS more, sum(amount) / count(amount) AS mean FROM orders
----
= more Int64 | mean Int64
8 | 3

SELECT SUM(CASE WHEN done THEN 1 ELSE 0 END) AS done, COALESCE(SUM(big - big), 0) AS nothing FROM orders
----
= done Int64 | nothing Int64
3 | 0

SELECT id FROM orders WHERE count(*) > 1
----
error 42803: the aggregate count cannot stand in WHERE (at character 29)

SELECT customer, count(*) FROM orders GROUP BY ALL ORDER BY 2 DESC, 1 LIMIT 1
----
= customer Utf8 | count(*) Int64
ann | 2

SELECT DISTINCT customer FROM orders GROUP BY customer ORDER BY customer LIMIT 2
----
= customer Utf8
ann
bob

SELECT n, count(*) AS customers FROM (SELECT customer, count(*) AS n FROM orders GROUP BY customer) GROUP BY n ORDER BY n
----
= n Int64 | customers Int64
1 | 3
2 | 2

SELECT customer, count(*) FROM orders GROUP BY customer ORDER BY sum(amount) DESC NULLS LAST, customer LIMIT 2
----
= customer Utf8 | count(*) Int64
cid | 1
NULL | 1

SELECT date_trunc('month', at) AS month, count(*) FROM orders GROUP BY month ORDER BY month
----
= month Timestamp | count(*) Int64
2026-01-01T00:00:00Z | 3
2026-02-01T00:00:00Z | 2
2026-03-01T00:00:00Z | 1
NULL | 1
