# Three-valued logic.

SELECT NULL AND false AS a, NULL AND true AS b, NULL OR true AS c, NULL OR false AS d, NOT NULL AS e
----
= a Boolean | b Boolean | c Boolean | d Boolean | e Boolean
false | NULL | true | NULL | NULL

SELECT NULL = NULL AS a, NULL IS NULL AS b, 1 = NULL AS c, NULL IS DISTINCT FROM NULL AS d, 1 IS DISTINCT FROM NULL AS e, 1 IS NOT DISTINCT FROM 1 AS f
----
= a Boolean | b Boolean | c Boolean | d Boolean | e Boolean | f Boolean
NULL | true | NULL | false | true | true

SELECT 1 IN (1, NULL) AS a, 2 IN (1, NULL) AS b, 2 NOT IN (1, NULL) AS c, NULL IN (1) AS d
----
= a Boolean | b Boolean | c Boolean | d Boolean
true | NULL | NULL | NULL

SELECT NULL + 1 AS a, NULL || 'x' AS b, NULL LIKE 'x' AS c, NULL BETWEEN 1 AND 2 AS d
----
= a Int64 | b Utf8 | c Boolean | d Boolean
NULL | NULL | NULL | NULL

SELECT true IS TRUE AS a, NULL IS TRUE AS b, NULL IS NOT TRUE AS c, false IS FALSE AS d, NULL IS UNKNOWN AS e
----
= a Boolean | b Boolean | c Boolean | d Boolean | e Boolean
true | false | true | true | true

SELECT CASE WHEN NULL THEN 1 ELSE 2 END AS a, CASE NULL WHEN NULL THEN 1 END AS b
----
= a Int64 | b Int64
2 | NULL

SELECT id FROM orders WHERE done ORDER BY id
----
= id Utf8
o1
o4
o6

SELECT id FROM orders WHERE NOT done ORDER BY id
----
= id Utf8
o2
o5
o7

SELECT count(*) AS n FROM orders WHERE done OR NOT done
----
= n Int64
6

SELECT count(*) AS n FROM orders WHERE amount = amount
----
= n Int64
6

SELECT id FROM orders WHERE NOT (amount > 3 AND price > 1) ORDER BY id
----
= id Utf8
o1
o3
o6
o7

SELECT amount, count(*) FROM orders GROUP BY amount ORDER BY amount
----
= amount Int64 | count(*) Int64
-2 | 1
3 | 2
5 | 2
7 | 1
NULL | 1
