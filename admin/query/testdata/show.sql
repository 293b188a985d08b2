# What there is.

# sorted
SHOW TABLES
----
= table_catalog Utf8 | table_schema Utf8 | table_name Utf8 | table_type Utf8
restate | information_schema | columns | VIEW
restate | information_schema | df_settings | VIEW
restate | information_schema | parameters | VIEW
restate | information_schema | routines | VIEW
restate | information_schema | schemata | VIEW
restate | information_schema | tables | VIEW
restate | information_schema | views | VIEW
restate | public | customers | BASE TABLE
restate | public | empty | BASE TABLE
restate | public | orders | BASE TABLE

SHOW COLUMNS FROM customers
----
= table_catalog Utf8 | table_schema Utf8 | table_name Utf8 | column_name Utf8 | data_type Utf8 | is_nullable Utf8
restate | public | customers | name | LargeUtf8 | YES
restate | public | customers | city | LargeUtf8 | YES
restate | public | customers | age | UInt32 | YES

DESCRIBE customers
----
= column_name Utf8 | data_type Utf8 | is_nullable Utf8
name | LargeUtf8 | YES
city | LargeUtf8 | YES
age | UInt32 | YES

DESCRIBE nowhere
----
error 42P01: there is no table nowhere (at character 1); SHOW TABLES lists them

SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_name = 'empty' ORDER BY ordinal_position
----
= table_name Utf8 | column_name Utf8 | data_type Utf8
empty | a | Int64
empty | b | LargeUtf8

SELECT COUNT(*) FROM information_schema.columns WHERE table_name = 'orders' AND column_name IN ('id', 'at', 'nothing')
----
= count(*) Int64
2

SELECT * FROM information_schema.schemata
----
= catalog_name Utf8 | schema_name Utf8 | schema_owner Utf8 | default_character_set_catalog Utf8 | default_character_set_schema Utf8 | default_character_set_name Utf8 | sql_path Utf8
restate | public | NULL | NULL | NULL | NULL | NULL

SELECT count(*) > 100 AS many FROM information_schema.routines
----
= many Boolean
true

SHOW TIME ZONE
----
= name Utf8 | value Utf8
time zone | UTC

SHOW nothing
----
error 42703: there is no setting nothing (at character 1); SHOW TABLES, SHOW COLUMNS FROM table and SHOW FUNCTIONS are possible

EXPLAIN SELECT id FROM orders WHERE customer = 'ann' AND amount + 1 > 2 ORDER BY at DESC LIMIT 3
----
= plan_type Utf8 | plan Utf8
plan | Projection: orders.id\n  Limit: skip=0, fetch=3\n    Sort: orders.at DESC NULLS FIRST, fetch=3\n      Scan: orders [id, customer, amount, at], customer in ann, filter=orders.customer = Utf8("ann") AND orders.amount + Int64(1) > Int64(2)\n

EXPLAIN SELECT count(*) FROM orders o LEFT JOIN customers c ON c.name = o.customer WHERE o.id IN ('o1', 'o2')
----
= plan_type Utf8 | plan Utf8
plan | Projection: count(*)\n  Aggregate: groupBy=[], aggr=[count(*)]\n    Join: left, o.customer = c.name\n      Scan: orders [id, customer], id in o1 o2, filter=o.id IN ([Utf8("o1"), Utf8("o2")])\n      Scan: customers [name]\n
