# What columns are called that have no name of their own.

SELECT count(*), COUNT(1), min(at), max(o.id), sum(amount) FROM orders o
----
= count(*) Int64 | count(Int64(1)) Int64 | min(o.at) Timestamp | max(o.id) Utf8 | sum(o.amount) Int64
7 | 7 | 2026-01-01T00:00:00Z | o7 | 21

SELECT 1, 'a', 1.5, true, NULL, 1 + 1, 2 * 3 - 1, upper('a'), CASE WHEN true THEN 1 ELSE 0 END, now() IS NULL
----
= Int64(1) Int64 | Utf8("a") Utf8 | Float64(1.5) Float64 | Boolean(true) Boolean | NULL Null | Int64(1) + Int64(1) Int64 | Int64(2) * Int64(3) - Int64(1) Int64 | upper(Utf8("a")) Utf8 | CASE WHEN Boolean(true) THEN Int64(1) ELSE Int64(0) END Int64 | now() IS NULL Boolean
1 | a | 1.5 | true | NULL | 2 | 5 | A | 1 | false

SELECT id, o.id || 'x', amount + 1, -amount, NOT done, amount > 1 AND done, amount IN (1, 2), customer LIKE 'a%', at IS NOT NULL FROM orders o LIMIT 0
----
= id Utf8 | o.id || Utf8("x") Utf8 | o.amount + Int64(1) Int64 | (- o.amount) Int64 | NOT o.done Boolean | o.amount > Int64(1) AND o.done Boolean | o.amount IN ([Int64(1), Int64(2)]) Boolean | o.customer LIKE Utf8("a%") Boolean | o.at IS NOT NULL Boolean

SELECT coalesce(customer, 'x'), CAST(amount AS DOUBLE), amount::varchar, amount BETWEEN 1 AND 2, count(DISTINCT id) FROM orders GROUP BY customer, amount LIMIT 0
----
= coalesce(orders.customer,Utf8("x")) Utf8 | orders.amount Float64 | orders.amount Utf8 | orders.amount BETWEEN Int64(1) AND Int64(2) Boolean | count(DISTINCT orders.id) Int64

SELECT first_value(id ORDER BY at DESC), count(*) FILTER (WHERE done), row_number() OVER (ORDER BY count(*)) FROM orders LIMIT 0
----
= first_value(orders.id) ORDER BY [orders.at DESC NULLS FIRST] Utf8 | count(*) FILTER (WHERE orders.done) Int64 | row_number() ORDER BY [count(*) ASC NULLS LAST] RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW UInt64
