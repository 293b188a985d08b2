# Window functions.

SELECT id, row_number() OVER (ORDER BY id) AS n FROM orders ORDER BY id
----
= id Utf8 | n UInt64
o1 | 1
o2 | 2
o3 | 3
o4 | 4
o5 | 5
o6 | 6
o7 | 7

SELECT id, row_number() OVER (PARTITION BY customer ORDER BY id DESC) AS n FROM orders ORDER BY id
----
= id Utf8 | n UInt64
o1 | 2
o2 | 2
o3 | 1
o4 | 1
o5 | 1
o6 | 1
o7 | 1

SELECT id, rank() OVER (ORDER BY amount) AS r, dense_rank() OVER (ORDER BY amount) AS d FROM orders ORDER BY amount, id
----
= id Utf8 | r UInt64 | d UInt64
o6 | 1 | 1
o1 | 2 | 2
o7 | 2 | 2
o2 | 4 | 3
o5 | 4 | 3
o4 | 6 | 4
o3 | 7 | 5

SELECT id, count(*) OVER () AS n FROM orders ORDER BY id LIMIT 2
----
= id Utf8 | n Int64
o1 | 7
o2 | 7

SELECT id, sum(amount) OVER (ORDER BY id) AS running FROM orders ORDER BY id
----
= id Utf8 | running Int64
o1 | 3
o2 | 8
o3 | 8
o4 | 15
o5 | 20
o6 | 18
o7 | 21

SELECT id, sum(amount) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS near FROM orders ORDER BY id
----
= id Utf8 | near Int64
o1 | 8
o2 | 8
o3 | 12
o4 | 12
o5 | 10
o6 | 6
o7 | 1

SELECT id, lag(id) OVER (ORDER BY id) AS before, lead(id, 2, 'none') OVER (ORDER BY id) AS after FROM orders ORDER BY id
----
= id Utf8 | before Utf8 | after Utf8
o1 | NULL | o3
o2 | o1 | o4
o3 | o2 | o5
o4 | o3 | o6
o5 | o4 | o7
o6 | o5 | none
o7 | o6 | none

SELECT id, first_value(id) OVER (PARTITION BY customer ORDER BY id) AS f, last_value(id) OVER (PARTITION BY customer ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS l FROM orders ORDER BY id
----
= id Utf8 | f Utf8 | l Utf8
o1 | o1 | o3
o2 | o2 | o6
o3 | o1 | o3
o4 | o4 | o4
o5 | o5 | o5
o6 | o2 | o6
o7 | o7 | o7

SELECT id, ntile(3) OVER (ORDER BY id) AS t, percent_rank() OVER (ORDER BY id) AS p, cume_dist() OVER (ORDER BY id) AS c FROM orders ORDER BY id
----
= id Utf8 | t UInt64 | p Float64 | c Float64
o1 | 1 | 0.0 | 0.14285714285714285
o2 | 1 | 0.16666666666666666 | 0.2857142857142857
o3 | 1 | 0.3333333333333333 | 0.42857142857142855
o4 | 2 | 0.5 | 0.5714285714285714
o5 | 2 | 0.6666666666666666 | 0.7142857142857143
o6 | 3 | 0.8333333333333334 | 0.8571428571428571
o7 | 3 | 1.0 | 1.0

SELECT customer, count(*) AS n, rank() OVER (ORDER BY count(*) DESC) AS r FROM orders GROUP BY customer ORDER BY r, customer
----
= customer Utf8 | n Int64 | r UInt64
ann | 2 | 1
bob | 2 | 1
cid | 1 | 3
dan% | 1 | 3
NULL | 1 | 3

SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY customer ORDER BY amount DESC) AS n FROM orders) WHERE n = 1 ORDER BY id
----
= id Utf8
o2
o3
o4
o5
o7

SELECT id, avg(amount) OVER w AS a FROM orders WINDOW w AS (PARTITION BY done) ORDER BY id
----
= id Utf8 | a Float64
o1 | 2.6666666666666665
o2 | 4.333333333333333
o3 | NULL
o4 | 2.6666666666666665
o5 | 4.333333333333333
o6 | 2.6666666666666665
o7 | 4.333333333333333

SELECT id FROM orders WHERE row_number() OVER () = 1
----
error 42P20: a window function cannot stand in WHERE (at character 29)

SELECT row_number() FROM orders
----
error 42803: row_number needs OVER (...) (at character 8)
