"""Attacks by class, several ways into each, every one beside a harmless statement that looks like it."""

# ruff: noqa: E501

from __future__ import annotations

import pytest

from core.errors import SqlRefused
from core.query.guard import SqlGuard
from core.query.relations import relations_from

PUBLIC = relations_from(
    {
        "class": "public",
        "relations": {
            "shop.goods": {"good_id": "integer", "name": "text", "price": "numeric", "made": "date", "tags": "text[]"},
            "shop.sales": {"good_id": "integer", "day": "date", "count": "integer", "note": "text"},
        },
    }
)
PRIVATE = relations_from({"class": "private", "relations": {"vault.wages": {"person": "text", "wage": "numeric"}}})
PUBLIC_GUARD = SqlGuard(PUBLIC)
BOTH_GUARD = SqlGuard(PUBLIC | PRIVATE)


def refused_by(sql, guard=PUBLIC_GUARD, **options):
    with pytest.raises(SqlRefused) as refused:
        guard.check(sql, **options)
    return refused.value.rule


# Statements of every other kind; the twin names the same thing in a place where it does nothing.
OTHER_STATEMENTS = [
    ("INSERT INTO shop.goods (name) VALUES ('x')", "SELECT 'INSERT INTO shop.goods' AS insert"),
    ("INSERT INTO shop.goods SELECT * FROM shop.goods", "SELECT * FROM shop.goods"),
    ("WITH x AS (SELECT 1) INSERT INTO shop.goods SELECT * FROM x", "WITH x AS (SELECT 1 AS a) SELECT a FROM x"),
    ("WITH x AS (SELECT 1) DELETE FROM shop.goods", "WITH x AS (SELECT 1 AS a) SELECT a FROM x, shop.goods LIMIT 3"),
    ("TRUNCATE shop.goods", "SELECT trunc(price) FROM shop.goods"),
    ("DROP TABLE shop.goods", "SELECT name AS drop FROM shop.goods"),
    ("ALTER TABLE shop.goods ADD COLUMN x int", "SELECT 1 AS x FROM shop.goods"),
    ("GRANT SELECT ON shop.goods TO public", "SELECT 'GRANT SELECT ON shop.goods'"),
    ("REVOKE SELECT ON shop.goods FROM public", "SELECT $$REVOKE SELECT$$"),
    ("CREATE VIEW shop.v AS SELECT 1", "SELECT 1 AS view"),
    ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "SELECT 1 AS function"),
    ("CREATE ROLE evil SUPERUSER", "SELECT 'evil' AS role"),
    ("CREATE EXTENSION dblink", "SELECT 'dblink' AS extension"),
    ("VACUUM shop.goods", "SELECT 1 -- VACUUM"),
    ("ANALYZE shop.goods", "SELECT 1 /* ANALYZE shop.goods */"),
    ("REINDEX TABLE shop.goods", "TABLE shop.goods"),
    ("CLUSTER shop.goods", "SELECT name AS cluster FROM shop.goods"),
    ("REFRESH MATERIALIZED VIEW shop.goods", "WITH x AS MATERIALIZED (SELECT 1 AS a) SELECT a FROM x"),
    ("LOCK TABLE shop.goods", "SELECT 'LOCK TABLE shop.goods'"),
    ("NOTIFY shop, 'x'", "SELECT 'x' AS notify"),
    ("LISTEN shop", "SELECT 'shop' AS listen"),
    ("UNLISTEN *", "SELECT * FROM shop.goods"),
    ("SHOW ALL", "SELECT ALL name FROM shop.goods"),
    ("SET ROLE postgres", "SELECT 'postgres' AS role"),
    ("SET SESSION AUTHORIZATION postgres", "SELECT 'SET SESSION AUTHORIZATION'"),
    ("SET LOCAL statement_timeout = 0", "SELECT 0 AS statement_timeout"),
    ("RESET ALL", "SELECT 1 = ALL (ARRAY[1])"),
    ("DISCARD ALL", "SELECT count(ALL name) FROM shop.goods"),
    ("BEGIN", "SELECT 1 AS begin"),
    ("START TRANSACTION READ WRITE", "SELECT 'START TRANSACTION READ WRITE'"),
    ("ROLLBACK", "SELECT 1 AS rollback"),
    ("SAVEPOINT a", "SELECT 1 AS savepoint"),
    ("PREPARE p AS SELECT 1", "SELECT 1 AS prepare"),
    ("EXECUTE p", "SELECT 1 AS execute"),
    ("DEALLOCATE ALL", "SELECT 1 AS deallocate"),
    ("FETCH ALL FROM c", "SELECT name FROM shop.goods FETCH FIRST 3 ROWS ONLY"),
    ("CLOSE c", "SELECT price AS close FROM shop.goods"),
    ("CHECKPOINT", "SELECT 1 AS checkpoint"),
    ("LOAD 'evil'", "SELECT 'evil' AS load"),
    ("EXPLAIN SELECT 1", "SELECT 1 AS explain"),
    ("COPY (SELECT 1) TO STDOUT", "SELECT 1 AS copy"),
    ("COPY shop.goods FROM '/etc/passwd'", "SELECT '/etc/passwd' AS copy"),
    ("COMMENT ON TABLE shop.goods IS 'x'", "SELECT name IS NULL AS comment FROM shop.goods"),
    ("SECURITY LABEL ON TABLE shop.goods IS 'x'", "SELECT 'x' AS security"),
    ("IMPORT FOREIGN SCHEMA a FROM SERVER b INTO c", "SELECT 1 AS import"),
    ("DO LANGUAGE plpgsql 'BEGIN END'", "SELECT 'BEGIN END'"),
    ("CALL shop.restock()", "SELECT 'CALL shop.restock()'"),
    ("REASSIGN OWNED BY a TO b", "SELECT 1 AS owned"),
    ("; DROP TABLE x", "SELECT '; DROP TABLE x'"),
]

# Writes, targets and locks inside something that begins with SELECT or WITH.
HIDDEN_WRITES = [
    ("write", "WITH x AS (UPDATE shop.goods SET price = 1 RETURNING *) SELECT * FROM x",
     "WITH x AS (SELECT price + 1 AS price FROM shop.goods) SELECT * FROM x"),
    ("write", "WITH x AS (SELECT 1), y AS (DELETE FROM shop.goods RETURNING 1) SELECT * FROM x",
     "WITH x AS (SELECT 1 AS a), y AS (SELECT 2 AS b) SELECT * FROM x"),
    ("write", "WITH x AS (MERGE INTO shop.goods g USING shop.sales s ON g.good_id = s.good_id WHEN MATCHED THEN DELETE)"
     " SELECT 1", "WITH x AS (SELECT 1 FROM shop.goods g JOIN shop.sales s ON g.good_id = s.good_id) SELECT 1"),
    ("write", "WITH x AS (WITH y AS (DELETE FROM shop.goods RETURNING 1) SELECT * FROM y) SELECT * FROM x",
     "WITH x AS (WITH y AS (SELECT 1 AS a) SELECT * FROM y) SELECT * FROM x"),
    ("write", "SELECT (WITH y AS (DELETE FROM shop.goods RETURNING 1) SELECT * FROM y)",
     "SELECT (WITH y AS (SELECT 1 AS a) SELECT * FROM y)"),
    ("write", "SELECT 1 WHERE EXISTS (WITH y AS (DELETE FROM shop.goods RETURNING 1) SELECT * FROM y)",
     "SELECT 1 WHERE EXISTS (WITH y AS (SELECT 1 AS a) SELECT * FROM y)"),
    ("into", "SELECT * INTO TEMP t FROM shop.goods", "SELECT * FROM shop.goods"),
    ("into", "SELECT 1 INTO t", "SELECT 1 AS \"into\""),
    ("into", "SELECT 1 UNION SELECT 2 INTO t", "SELECT 1 UNION SELECT 2"),
    ("into", "SELECT 1 INTO t UNION SELECT 2", "SELECT 1 AS t UNION SELECT 2"),
    ("row_lock", "SELECT name FROM shop.goods FOR NO KEY UPDATE", "SELECT name AS update FROM shop.goods"),
    ("row_lock", "SELECT name FROM shop.goods FOR KEY SHARE SKIP LOCKED", "SELECT name AS share FROM shop.goods"),
    ("row_lock", "WITH x AS (SELECT name FROM shop.goods FOR UPDATE) SELECT * FROM x",
     "WITH x AS (SELECT name FROM shop.goods) SELECT * FROM x"),
    ("row_lock", "SELECT (SELECT name FROM shop.goods LIMIT 1 FOR UPDATE)", "SELECT (SELECT name FROM shop.goods LIMIT 1)"),
    ("one_statement", "SELECT 1;; SELECT 2", "SELECT 1;;"),
    ("one_statement", "SELECT 1 /* ; */ ; DROP TABLE x", "SELECT 1 /* ; DROP TABLE x */ ;"),
    ("one_statement", "SELECT ';'; SELECT 2", "SELECT ';'';'"),
]  # fmt: skip

# A forbidden function in every place that holds an expression; the twin has a harmless call there.
PLACES = [
    "SELECT {f}",
    "SELECT a.f FROM (SELECT {f} AS f) a",
    "SELECT (SELECT {f})",
    "SELECT CASE WHEN true THEN {f} END",
    "SELECT CASE {f} WHEN 1 THEN 2 END",
    "SELECT CASE WHEN false THEN 1 ELSE {f} END",
    "SELECT coalesce({f}, 1)",
    "SELECT nullif({f}, 1)",
    "SELECT greatest(1, {f})",
    "SELECT ARRAY[{f}]",
    "SELECT ROW({f})",
    "SELECT -{f}",
    "SELECT {f}::text",
    "SELECT CAST({f} AS text)",
    "SELECT 1 WHERE {f} > 0",
    "SELECT 1 WHERE NOT {f} > 0",
    "SELECT 1 FROM shop.goods GROUP BY {f}",
    "SELECT count(*) FROM shop.goods HAVING {f} > 0",
    "SELECT DISTINCT ON ({f}) 1 FROM shop.goods",
    "SELECT 1 FROM shop.goods ORDER BY {f}",
    "SELECT 1 LIMIT {f}",
    "SELECT 1 OFFSET {f}",
    "SELECT string_agg(name, ',' ORDER BY {f}) FROM shop.goods",
    "SELECT count(*) FILTER (WHERE {f} > 0) FROM shop.goods",
    "SELECT sum(price) OVER (PARTITION BY {f}) FROM shop.goods",
    "SELECT sum(price) OVER w FROM shop.goods WINDOW w AS (ORDER BY {f})",
    "SELECT sum(price) OVER (ORDER BY made ROWS BETWEEN {f} PRECEDING AND CURRENT ROW) FROM shop.goods",
    "SELECT (g.tags)[{f}] FROM shop.goods g",
    "SELECT (g.tags)[1:{f}] FROM shop.goods g",
    "SELECT 1 FROM shop.goods g JOIN shop.sales s ON g.good_id = s.good_id AND {f} > 0",
    "SELECT * FROM (VALUES ({f})) v(a)",
    "VALUES ({f})",
    "SELECT 1 IN ({f})",
    "SELECT {f} IN (1, 2)",
    "SELECT 1 = ANY (SELECT {f})",
    "SELECT 1 = ALL (ARRAY[{f}])",
    "SELECT EXISTS (SELECT {f})",
    "SELECT ARRAY(SELECT {f})",
    "SELECT 1 BETWEEN {f} AND 2",
    "SELECT {f} IS NULL",
    "SELECT ({f} > 1) IS TRUE",
    "SELECT {f} IS DISTINCT FROM 1",
    "SELECT make_interval(days => {f})",
    "SELECT 1 UNION ALL SELECT {f}",
    "WITH x AS (SELECT {f} AS a) SELECT 1 FROM x",
    "WITH RECURSIVE t(n) AS (SELECT {f} UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT n FROM t",
    "SELECT 1 FROM shop.goods g CROSS JOIN LATERAL (SELECT {f} AS a WHERE g.good_id = 1) x",
    "SELECT unnest(ARRAY[{f}])",
    "SELECT * FROM unnest(ARRAY[{f}]) u",
    "SELECT 1 FROM shop.goods GROUP BY ROLLUP ({f})",
]

FORBIDDEN_FUNCTIONS = [
    "pg_sleep",
    "pg_sleep_for",
    "pg_backend_pid",
    "pg_terminate_backend",
    "pg_cancel_backend",
    "pg_reload_conf",
    "pg_rotate_logfile",
    "pg_read_file",
    "pg_read_binary_file",
    "pg_ls_dir",
    "pg_stat_file",
    "lo_import",
    "lo_export",
    "lo_get",
    "lo_from_bytea",
    "dblink",
    "dblink_exec",
    "set_config",
    "current_setting",
    "current_query",
    "current_database",
    "current_schemas",
    "version",
    "inet_server_addr",
    "inet_client_addr",
    "pg_typeof",
    "pg_column_size",
    "txid_current",
    "pg_current_xact_id",
    "pg_export_snapshot",
    "pg_switch_wal",
    "pg_postmaster_start_time",
    "has_table_privilege",
    "pg_get_viewdef",
    "pg_get_functiondef",
    "to_regclass",
    "to_regproc",
    "obj_description",
    "format_type",
    "query_to_xml",
    "table_to_xml",
    "database_to_xml",
    "cursor_to_xml",
    "schema_to_xml",
    "xpath",
    "ts_stat",
    "ts_rewrite",
    "ts_debug",
    "array_to_tsvector",
    "get_current_ts_config",
    "pg_advisory_lock",
    "pg_try_advisory_lock",
    "pg_advisory_unlock_all",
    "pg_notify",
    "nextval",
    "setval",
    "currval",
    "lastval",
    "array_fill",
    "convert_from",
    "convert_to",
    "encrypt",
    "hashtext",
    "factorial",
    "gen_random_uuid",
    "setseed",
    "timeofday",
    "json_populate_record",
    "jsonb_populate_record",
    "jsonb_populate_recordset",
    "jsonb_path_query_tz",
    "pg_partition_tree",
    "suppress_redundant_updates_trigger",
    "pg_logical_emit_message",
    "pg_create_restore_point",
    "pg_stat_get_activity",
    "pg_show_all_settings",
    "pg_hba_file_rules",
    "pg_lock_status",
    "pg_prepared_xact",
    "crypt",
    "digest",
]

SPELLINGS = [
    "pg_sleep(1)", "PG_SLEEP(1)", '"pg_sleep"(1)', "Pg_Sleep (1)", "pg_sleep/**/(1)", "pg_catalog.pg_sleep(1)",
    "pg_catalog . pg_sleep ( 1 )", '"pg_catalog"."pg_sleep"(1)', 'U&"pg\\005fsleep"(1)', 'U&"\\0070g_sleep"(1)',
    "U&\"pg!005fsleep\" UESCAPE '!' (1)", "pg_sleep\n(1)", "pg_sleep--\n(1)", "pg_sleep(VARIADIC ARRAY[1])",
    "postgres.pg_catalog.lower('A')", "public.lower('A')", "vault.lower('A')", '"LOWER"(\'A\')',
]  # fmt: skip

TYPES = [
    "'pg_class'::regclass", "'lower'::regproc", "'lower(text)'::regprocedure", "'postgres'::regrole",
    "'shop'::regnamespace", "'int'::regtype", "'+'::regoper", "'+(int,int)'::regoperator", "'simple'::regconfig",
    "'simple'::regdictionary", "'1'::oid", "'a'::name", "'<a/>'::xml", "'a'::cstring",
    "'$'::jsonpath", "'1'::money", "'0/0'::pg_lsn", "'1'::xid", "'(1,2)'::point", "'1'::int4multirange", "'1'::bit",
    "'10.0.0.1'::inet", "CAST('x' AS regclass)", "regclass 'pg_class'", "pg_catalog.regclass 'pg_class'",
    "CAST(NULL AS vault.wages)", "NULL::shop.goods[]", "ROW(1, 2)::shop.goods", "('x'::text)::regclass::text",
    "'x'::\"regclass\"", "'x'::RegClass", "NULL::pg_authid", "NULL::record", "NULL::anyelement",
]  # fmt: skip
ALLOWED_TYPES = [
    "'1'::numeric(5, 2)", "'1'::varchar(10)", "'{1}'::text[]", "1::int8", "1::bigint", "1::real", "1::double precision",
    "DATE '2020-01-01'", "TIMESTAMP '2020-01-01 10:00'", "TIMESTAMPTZ '2020-01-01 10:00Z'", "INTERVAL '1' DAY",
    "INTERVAL '1 year 2 months'", "TIME '10:00'", "'{}'::jsonb", "'{}'::json", "true::boolean", "CAST(1 AS text)",
    "'a'::bytea", "'a'::tsvector", "'a & b'::tsquery", "'[1,2)'::int4range", "'[2020-01-01,)'::daterange",
    "'a'::char(3)", "'6f9619ff-8b86-d011-b42d-00c04fc964ff'::uuid",
]  # fmt: skip

COLUMN_NOTATION = [
    ("column", "SELECT g.pg_sleep FROM shop.goods g", "SELECT g.name FROM shop.goods g"),
    ("column", "SELECT goods.version FROM shop.goods", "SELECT goods.price FROM shop.goods"),
    ("column", "SELECT g.text FROM shop.goods g", "SELECT g::text FROM shop.goods g"),
    ("column", "SELECT g.to_json FROM shop.goods g", "SELECT to_json(g) FROM shop.goods g"),
    ("column", "SELECT g.name.x FROM shop.goods g", "SELECT g.name AS x FROM shop.goods g"),
    ("column", "SELECT shop.goods.name FROM shop.goods g", "SELECT shop.goods.name FROM shop.goods"),
    ("column", "SELECT ctid FROM shop.goods", "SELECT 1 AS ctid FROM shop.goods"),
    ("column", "SELECT xmin, xmax FROM shop.goods", "SELECT min(price), max(price) FROM shop.goods"),
    ("column", "SELECT tableoid FROM shop.goods", "SELECT good_id AS tableoid FROM shop.goods"),
    ("column", "SELECT x.peek FROM (SELECT g.* FROM shop.goods g) x", "SELECT x.name FROM (SELECT g.* FROM shop.goods g) x"),
    ("column", "WITH x AS (SELECT name FROM shop.goods) SELECT x.price FROM x",
     "WITH x AS (SELECT name, price FROM shop.goods) SELECT x.price FROM x"),
    ("column", "SELECT s.name FROM shop.goods g JOIN shop.sales s USING (good_id)",
     "SELECT g.name FROM shop.goods g JOIN shop.sales s USING (good_id)"),
    ("column", "SELECT 1 FROM shop.goods g JOIN shop.sales s USING (name)",
     "SELECT 1 FROM shop.goods g JOIN shop.sales s USING (good_id)"),
    ("column", "SELECT 1 FROM shop.goods, shop.goods", "SELECT 1 FROM shop.goods a, shop.goods b WHERE a.name = b.name"),
    ("column", "SELECT name FROM shop.goods g(a, b, c)", "SELECT b FROM shop.goods g(a, b, c)"),
    ("column", "SELECT a FROM shop.goods g(a, b, c, d, e, f)", "SELECT a FROM shop.goods g(a, b, c, d, e)"),
    ("column", "SELECT *", "SELECT * FROM (SELECT 1 AS a) x"),
    ("column", "SELECT count(s.*) FROM shop.goods g", "SELECT count(g.*) FROM shop.goods g"),
    ("column", "SELECT to_jsonb(shop.sales.*) FROM shop.goods", "SELECT to_jsonb(shop.goods.*) FROM shop.goods"),
    ("column_notation", "SELECT (g.*).name FROM shop.goods g", "SELECT (g.*) IS NOT NULL FROM shop.goods g"),
    ("column", "SELECT shop.* FROM shop.goods", "SELECT shop.goods.* FROM shop.goods"),
    ("column", "SELECT b.a FROM (SELECT 1 AS a) x, (SELECT x.a) b",
     "SELECT b.a FROM (SELECT 1 AS a) x, LATERAL (SELECT x.a) b"),
    ("column_notation", "SELECT (g.name).upper FROM shop.goods g", "SELECT upper(g.name) FROM shop.goods g"),
    ("column_notation", "SELECT (shop.goods).name FROM shop.goods", "SELECT (goods.name) FROM shop.goods"),
    ("column_notation", "SELECT ((g)).name FROM shop.goods g", "SELECT ((g.name)) FROM shop.goods g"),
    ("column_notation", "SELECT (ARRAY[g])[1].name FROM shop.goods g", "SELECT (ARRAY[g.name])[1] FROM shop.goods g"),
    ("column_notation", "SELECT (SELECT g).name FROM shop.goods g", "SELECT (SELECT g.name) FROM shop.goods g"),
    ("column_notation", "SELECT (row(1, 2)).f1", "SELECT row(1, 2)"),
    ("column_notation", "SELECT (row(1, 2)).*", "SELECT x.* FROM (VALUES (1, 2)) x"),
]  # fmt: skip

OPERATORS = [
    ("SELECT 1 OPERATOR(pg_catalog.+) 1", "SELECT 1 + 1"),
    ("SELECT 1 OPERATOR(vault.=) 1", "SELECT 1 = 1"),
    ("SELECT 1 OPERATOR(vault.=) ANY (ARRAY[1])", "SELECT 1 = ANY (ARRAY[1])"),
    ("SELECT 1 OPERATOR(vault.=) ALL (SELECT 1)", "SELECT 1 = ALL (SELECT 1)"),
    ("SELECT 1 <#> 2", "SELECT 1 <> 2"),
    ("SELECT 'a' <-> 'b'", "SELECT 'a' ^@ 'b'"),
    ("SELECT 1 ~~~ 2", "SELECT 'a' ~~ 'b'"),
    ("SELECT 'a' !!= 'b'", "SELECT 'a' != 'b'"),
    ("SELECT name FROM shop.goods ORDER BY name USING <", "SELECT name FROM shop.goods ORDER BY name ASC"),
    ("SELECT string_agg(name, '' ORDER BY name USING >) FROM shop.goods",
     "SELECT string_agg(name, '' ORDER BY name DESC) FROM shop.goods"),
]  # fmt: skip

ROW_SOURCES = [
    ("function", "SELECT * FROM ROWS FROM (generate_series(1, 2), pg_ls_dir('.'))", "SELECT * FROM generate_series(1, 2)"),
    ("function", "SELECT * FROM ROWS FROM (generate_series(1, 2), generate_series(1, 3)) t",
     "SELECT * FROM unnest(ARRAY[1, 2], ARRAY[3, 4]) t(a, b)"),
    ("type", "SELECT * FROM json_to_record('{}') AS t(a regclass)", "SELECT * FROM json_to_record('{}') AS t(a int)"),
    ("type", "SELECT * FROM jsonb_to_recordset('[]') AS t(a shop.goods)", "SELECT * FROM jsonb_to_recordset('[]') AS t(a int)"),
    ("collation", "SELECT * FROM json_to_record('{}') AS t(a text COLLATE shop.evil)", "SELECT * FROM json_to_record('{}') AS t(a text)"),
    ("function", "SELECT * FROM json_to_record('{}') t", "SELECT * FROM json_each('{}') AS t(a, b)"),
    ("function", "SELECT * FROM dblink('', 'SELECT 1') AS t(a int)", "SELECT * FROM json_to_record('{}') AS t(a int)"),
    ("function", "SELECT * FROM json_populate_record(NULL::shop.goods, '{}')", "SELECT * FROM jsonb_each_text('{}')"),
    ("function", "SELECT * FROM lower('A')", "SELECT lower('A')"),
    ("function", "SELECT * FROM current_user", "SELECT * FROM unnest(ARRAY['user']) AS current_one"),
    ("function", "SELECT * FROM pg_stat_file('x')", "SELECT * FROM json_object_keys('{}')"),
    ("function", "SELECT concat_ws(',', VARIADIC ARRAY['a'])", "SELECT concat_ws(',', 'a')"),
    ("function", "SELECT name FROM shop.goods TABLESAMPLE system_rows (10)",
     "SELECT name FROM shop.goods TABLESAMPLE system (10)"),
    ("function", "SELECT name FROM shop.goods TABLESAMPLE system ((SELECT 10))",
     "SELECT name FROM shop.goods TABLESAMPLE system (10) REPEATABLE (1)"),
    ("function", "SELECT name FROM shop.goods TABLESAMPLE bernoulli (10) REPEATABLE (good_id)",
     "SELECT name FROM shop.goods TABLESAMPLE bernoulli (10.5)"),
    ("node", "SELECT * FROM XMLTABLE('/a' PASSING '<a/>' COLUMNS a int)", "SELECT '/a' AS xmltable"),
    ("node", "SELECT * FROM JSON_TABLE('[]', '$' COLUMNS (a int))", "SELECT * FROM json_array_elements('[]')"),
    ("node", "SELECT 1 FROM (shop.goods a JOIN shop.sales b USING (good_id)) AS j",
     "SELECT 1 FROM (shop.goods a JOIN shop.sales b USING (good_id))"),
    ("node", "SELECT 1 FROM shop.goods a JOIN shop.sales b USING (good_id) AS j",
     "SELECT 1 FROM shop.goods a JOIN shop.sales b USING (good_id)"),
    ("node", "SELECT JSON_OBJECT('a': 1)", "SELECT json_build_object('a', 1)"),
    ("node", "SELECT JSON_ARRAY(1)", "SELECT json_build_array(1)"),
    ("node", "SELECT JSON_VALUE('{}', '$.a')", "SELECT '{}'::json ->> 'a'"),
    ("node", "SELECT JSON_EXISTS('{}', '$.a')", "SELECT '{}'::jsonb ? 'a'"),
    ("node", "SELECT '{}' IS JSON", "SELECT '{}' IS NULL"),
    ("node", "SELECT XMLELEMENT(NAME a)", "SELECT 'a' AS name"),
    ("collation", "SELECT 'a' COLLATE evil", "SELECT 'a' COLLATE \"C\""),
    ("collation", "SELECT name FROM shop.goods ORDER BY name COLLATE shop.\"C\"", "SELECT name FROM shop.goods ORDER BY name COLLATE \"C\""),
    ("collation", "SELECT name COLLATE pg_catalog.\"C\" FROM shop.goods", "SELECT name COLLATE \"und-x-icu\" FROM shop.goods"),
    ("node", "SELECT DEFAULT", "SELECT 'default'"),
    ("node", "SELECT merge_action()", "SELECT 'merge_action'"),
    ("node", "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 9) SEARCH DEPTH FIRST BY n SET o "
     "SELECT * FROM t", "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 9) SELECT * FROM t"),
    ("node", "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 9) CYCLE n SET c USING p "
     "SELECT * FROM t", "WITH RECURSIVE t(n) AS (SELECT 1 UNION SELECT n + 1 FROM t WHERE n < 9) SELECT * FROM t"),
]  # fmt: skip

SHADOWS = [
    ("relation", "SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM x) a, x",
     "WITH x AS (SELECT 1 AS b) SELECT * FROM (SELECT * FROM x) a, x"),
    ("relation", "SELECT * FROM x, (WITH x AS (SELECT 1) SELECT * FROM x) a",
     "WITH x AS (SELECT 1 AS b) SELECT * FROM x, (WITH x AS (SELECT 2 AS c) SELECT * FROM x) a"),
    ("relation", "WITH x AS (SELECT * FROM y), y AS (SELECT 1 AS a) SELECT * FROM x",
     "WITH y AS (SELECT 1 AS a), x AS (SELECT * FROM y) SELECT * FROM x"),
    ("relation", "WITH x AS (SELECT * FROM x) SELECT * FROM x", "WITH x AS (SELECT 1 AS a) SELECT * FROM x"),
    ("relation", "SELECT (WITH x AS (SELECT 1) SELECT 1), (SELECT count(*) FROM x)",
     "WITH x AS (SELECT 1 AS a) SELECT (SELECT count(*) FROM x)"),
    ("relation", "WITH goods AS (SELECT 1 AS a) SELECT * FROM vault.goods",
     "WITH goods AS (SELECT 1 AS a) SELECT a FROM goods"),
    ("relation", "WITH pg_class AS (SELECT 1 AS a) SELECT * FROM pg_catalog.pg_class",
     "WITH pg_class AS (SELECT 1 AS a) SELECT * FROM pg_class"),
    ("relation", "WITH \"Goods\" AS (SELECT 1 AS a) SELECT * FROM goods", "WITH \"Goods\" AS (SELECT 1 AS a) SELECT * FROM \"Goods\""),
    ("column", "WITH goods AS (SELECT 1 AS a) SELECT a FROM shop.goods", "WITH goods AS (SELECT 1 AS a) SELECT name FROM shop.goods"),
]  # fmt: skip

RECURSION = [
    ("WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL (WITH RECURSIVE u(m) AS (SELECT 1 UNION ALL SELECT m FROM u WHERE m < 2)"
     " SELECT m FROM u, t WHERE n < 3)) SELECT * FROM t",
     "WITH RECURSIVE u(m) AS (SELECT 1 UNION ALL SELECT m + 1 FROM u WHERE m < 2), t(n) AS (SELECT 1 UNION ALL "
     "SELECT n + 1 FROM t WHERE n < 3) SELECT n, m FROM t JOIN u ON n = m"),
    ("WITH RECURSIVE t(n) AS (SELECT 1 EXCEPT SELECT n FROM t WHERE n < 2) SELECT * FROM t",
     "WITH RECURSIVE t(n) AS (SELECT 1 EXCEPT SELECT 2) SELECT * FROM t"),
    ("WITH RECURSIVE t(n) AS (SELECT n FROM t UNION SELECT 1) SELECT * FROM t", "WITH RECURSIVE t(n) AS (SELECT 1) SELECT n FROM t"),
    ("WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT 2 FROM t) SELECT n FROM t",
     "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE t.n < 2) SELECT n FROM t"),
    ("WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT repeat(s, 2) FROM t WHERE s < 'y') SELECT * FROM t",
     "WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT left(s, 2) FROM t WHERE s < 'y') SELECT * FROM t"),
    ("WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT concat(s, s) FROM t WHERE s < 'y') SELECT * FROM t",
     "WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT upper(s) FROM t WHERE s < 'y') SELECT concat(s, s) FROM t"),
    ("WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT to_json(s)::text FROM t WHERE s < 'y') SELECT * FROM t",
     "WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT lower(s) FROM t WHERE s < 'y') SELECT to_json(s) FROM t"),
]  # fmt: skip

BOMBS = [
    ("value_size", "SELECT repeat('x', 1001)", "SELECT repeat('x', 1000)"),
    ("value_size", "SELECT repeat('x', 10^9::int)", "SELECT repeat('x', 10 * 10)"),
    ("value_size", "SELECT repeat('x', (SELECT 5))", "SELECT repeat('x', 5)"),
    ("value_size", "SELECT lpad('x', 1001)", "SELECT lpad('x', 1000)"),
    ("value_size", "SELECT rpad(name, good_id) FROM shop.goods", "SELECT rpad(name, 40) FROM shop.goods"),
    ("value_size", "SELECT format('%*s', 100000000, 'x')", "SELECT format('%s-%s', 'x', 'y')"),
    ("value_size", "SELECT format(name, 1) FROM shop.goods", "SELECT format('%s', name) FROM shop.goods"),
    ("value_size", "SELECT format('%1$1000000s', 'x')", "SELECT format('%1$10s', 'x')"),
    ("value_size", "SELECT 'x'::char(1001)", "SELECT 'x'::char(1000)"),
    ("value_size", "SELECT 'x'::bpchar(100000)", "SELECT 'x'::varchar(100000)"),
    ("value_size", "SELECT string_agg(repeat(name, 1000), ',') FROM shop.goods", "SELECT string_agg(name, ',') FROM shop.goods"),
    ("value_size", "SELECT string_agg(s, s) FROM (SELECT string_agg(name, '') AS s FROM shop.goods) x",
     "SELECT max(s) FROM (SELECT string_agg(name, '') AS s FROM shop.goods) x"),
    ("value_size", "SELECT " + "to_json(" * 15 + "repeat('\"', 999)" + ")::text" * 15, "SELECT to_json(to_json('\"'::text)::text)"),
    ("value_size", "SELECT " + "ARRAY[" * 15 + "repeat('\"', 999)" + "]::text" * 15, "SELECT ARRAY[ARRAY['\"']]::text"),
    ("value_size", "SELECT " + "ROW(" * 15 + "repeat('\"', 999)" + ")::text" * 15, "SELECT ROW(ROW('\"'))::text"),
    ("value_size", "SELECT jsonb_pretty((repeat('[', 999) || repeat(']', 999) || repeat('x', 9000))::jsonb)",
     "SELECT jsonb_pretty('[[1], [2]]'::jsonb)"),
    ("value_size", "SELECT array_to_string(string_to_array(repeat(repeat('x', 99), 999), NULL), repeat('y', 999))",
     "SELECT array_to_string(string_to_array(name, ' '), ', ') FROM shop.goods"),
    ("value_size", "WITH a AS (SELECT string_agg(name, '') s FROM shop.goods), b AS (SELECT overlay(s PLACING overlay(s PLACING "
     "overlay(s PLACING overlay(s PLACING overlay(s PLACING s FROM 1) FROM 1) FROM 1) FROM 1) FROM 1) s FROM a), c AS (SELECT replace(s, 'a', repeat('b', 9)) s FROM b) SELECT s FROM c",
     "SELECT overlay(name PLACING 'x' FROM 1) FROM shop.goods"),
    ("value_size", "SELECT " + ", ".join(["repeat(repeat('x', 1000), 1000)"] * 20), "SELECT " + ", ".join(["repeat('x', 1000)"] * 20)),
    ("value_size", "SELECT " + "||".join(["repeat(repeat('x', 1000), 900)"] * 8), "SELECT " + "||".join(["repeat('x', 900)"] * 8)),
    ("series", "SELECT * FROM generate_series(1, 100001)", "SELECT * FROM generate_series(1, 100000)"),
    ("series", "SELECT * FROM generate_series(1, 2147483647)", "SELECT * FROM generate_series(-3, 3)"),
    ("series", "SELECT * FROM generate_series(1, 10, 0)", "SELECT * FROM generate_series(1, 10, 2)"),
    ("series", "SELECT * FROM generate_series(1, 1e9, 1e-3)", "SELECT * FROM generate_series(1, 2, 0.1)"),
    ("series", "SELECT * FROM generate_series(1, (SELECT 9))", "SELECT * FROM generate_series(100, 1, -1)"),
    ("series", "SELECT * FROM generate_series(1, 10) a, generate_series(1, a) b",
     "SELECT * FROM generate_series(1, 10) a, generate_series(1, 9) b"),
    ("series", "SELECT generate_series(1, good_id) FROM shop.goods", "SELECT generate_series(1, 3) FROM shop.goods"),
    ("series", "SELECT * FROM generate_series(date '2020-01-01', date '2021-01-01', interval '1 microsecond')",
     "SELECT * FROM generate_series(date '2020-01-01', date '2021-01-01', interval '1 day')"),
    ("series", "SELECT * FROM generate_series(date '0001-01-01', date '9999-01-01', interval '1 hour')",
     "SELECT * FROM generate_series(date '0001-01-01', date '9999-01-01', interval '1 year')"),
    ("series", "SELECT * FROM generate_series(date '2020-01-01', now(), interval '1 second')",
     "SELECT * FROM generate_series(now() - interval '1 year', now(), interval '1 day')"),
    ("series", "SELECT * FROM generate_series(now(), now() + 9999 * interval '1 year', interval '1 hour')",
     "SELECT * FROM generate_series(current_date - 30, current_date, '1 day')"),
    ("cross_join", "SELECT * FROM generate_series(1, 50000) a, generate_series(1, 50000) b",
     "SELECT * FROM generate_series(1, 100) a, generate_series(1, 100) b"),
    ("cross_join", "SELECT 1 FROM shop.goods a, shop.sales b, shop.sales c WHERE a.good_id = b.good_id",
     "SELECT 1 FROM shop.goods a, shop.sales b, shop.sales c WHERE a.good_id = b.good_id AND c.day = b.day"),
    ("cross_join", "SELECT 1 FROM shop.goods a CROSS JOIN shop.sales b", "SELECT 1 FROM shop.goods a CROSS JOIN (SELECT 1) b"),
    ("cross_join", "SELECT 1 FROM (SELECT * FROM shop.goods) a, (SELECT * FROM shop.sales) b",
     "SELECT 1 FROM (SELECT * FROM shop.goods) a, (SELECT * FROM shop.sales LIMIT 5) b"),
    ("cross_join", "WITH a AS (SELECT * FROM shop.goods), b AS (SELECT * FROM shop.sales) SELECT 1 FROM a, b",
     "WITH a AS (SELECT * FROM shop.goods), b AS (SELECT max(day) AS d FROM shop.sales) SELECT 1 FROM a, b"),
    ("cross_join", "SELECT 1 FROM shop.goods a LEFT JOIN shop.sales b ON 1 = 1",
     "SELECT 1 FROM shop.goods a LEFT JOIN shop.sales b ON a.good_id = b.good_id"),
    ("items", f"SELECT 1 WHERE 1 NOT IN ({', '.join(['1'] * 2001)})", f"SELECT 1 WHERE 1 NOT IN ({', '.join(['1'] * 2000)})"),
    ("items", f"SELECT ARRAY[{', '.join(['1'] * 2001)}]", f"SELECT ARRAY[{', '.join(['1'] * 2000)}]"),
    ("items", f"VALUES {', '.join(['(1)'] * 2001)}", f"VALUES {', '.join(['(1)'] * 2000)}"),
    ("columns", "SELECT " + ", ".join(["g.*"] * 41) + " FROM shop.goods g", "SELECT " + ", ".join(["g.*"] * 40) + " FROM shop.goods g"),
    ("relations", " UNION ALL ".join(["SELECT 1 FROM shop.goods"] * 13), " UNION ALL ".join(["SELECT 1 FROM shop.goods"] * 12)),
    ("relations", "SELECT " + ", ".join(["(SELECT count(*) FROM shop.goods)"] * 13),
     "SELECT " + ", ".join(["(SELECT count(*) FROM shop.goods)"] * 12)),
    ("depth", "SELECT 1 " + "/*" * 101 + "*/" * 101, "SELECT 1 " + "/* a */" * 50),
    ("depth", "SELECT " + "(" * 101 + "1" + ")" * 101, "SELECT " + "(" * 40 + "1" + ")" * 40),
    ("depth", "SELECT " + "NOT " * 120 + "true", "SELECT " + "NOT " * 30 + "true"),
    ("depth", "SELECT " + "(SELECT " * 60 + "1" + ")" * 60, "SELECT " + "(SELECT " * 8 + "1" + ")" * 8),
    ("depth", "SELECT 1" + " + 1" * 150, "SELECT 1" + " + 1" * 25),
    ("depth", "SELECT " + "abs(" * 110 + "1" + ")" * 110, "SELECT " + "abs(" * 20 + "1" + ")" * 20),
    ("depth", "SELECT 1 FROM " + "(SELECT 1 FROM " * 60 + "shop.goods" + ") x" * 60,
     "SELECT 1 FROM " + "(SELECT 1 FROM " * 8 + "shop.goods" + ") x" * 8),
]  # fmt: skip

TEXTS = [
    ("text", "", "SELECT"),
    ("text", " \n\t ", " \n SELECT \t 1 "),
    ("text", "SELECT 1\0", "SELECT 1"),
    ("text", "SELECT '\0'", "SELECT ''"),
    ("length", "SELECT 1 -- " + "x" * 20_000, "SELECT 1 -- " + "x" * 10_000),
    ("length", "SELECT 1" + " " * 20_000, "SELECT 1" + " " * 10_000),
    ("one_statement", "-- only a comment", "SELECT 1 -- only a comment"),
    ("one_statement", ";", "SELECT 1;"),
    ("syntax", "SELECT pg_/**/sleep(1)", "SELECT/**/1"),
    ("syntax", "SELECT /* /* open */ 1", "SELECT /* /* nested */ */ 1"),
    ("syntax", "SELECT 'open", "SELECT 'shut'"),
    ("syntax", 'SELECT "open', 'SELECT 1 AS "shut"'),
    ("syntax", "SELECT $a$ open $b$", "SELECT $a$ $b$ $a$"),
    ("syntax", "SELECT ?", "SELECT '?'"),
    ("syntax", "SELECT :name", "SELECT ':name'"),
    ("syntax", "SELECT %s", "SELECT '%s'"),
    ("syntax", "SELECT 1 WHERE CURRENT OF c", "SELECT 1 AS current_of"),
    ("syntax", "SELECT 1\u00a0", "SELECT '\u00a0'"),
    ("parameter", "SELECT $1", "SELECT '$1'"),
    ("parameter", "SELECT $0", "SELECT '$0'"),
    ("parameter", "SELECT 1 LIMIT $1", "SELECT 1 LIMIT 1"),
    ("session", "SELECT CURRENT_CATALOG", "SELECT 'current_catalog'"),
    ("session", "SELECT CURRENT_ROLE", 'SELECT 1 AS "current_role"'),
    ("session", "SELECT USER", 'SELECT 1 AS "user"'),
    ("session", "SELECT 1 WHERE session_user = 'a'", "SELECT 1 WHERE 'session_user' = 'a'"),
    ("session", "SELECT upper(current_schema)", "SELECT upper('current_schema')"),
    ("column", "SELECT ﬁ", "SELECT 'ﬁ'"),
    ("column", "SELECT naïve FROM shop.goods", 'SELECT name AS "naïve" FROM shop.goods'),
    ("column", "SELECT nаme FROM shop.goods", "SELECT name AS nаme FROM shop.goods"),
]


@pytest.mark.parametrize(("attack", "twin"), OTHER_STATEMENTS, ids=lambda sql: sql[:40])
def test_only_reading_statements_are_judged_further(attack, twin):
    assert refused_by(attack, BOTH_GUARD) == "read_only"
    assert PUBLIC_GUARD.check(twin).label == "public"


@pytest.mark.parametrize(
    ("rule", "attack", "twin"),
    [*HIDDEN_WRITES, *COLUMN_NOTATION, *ROW_SOURCES, *SHADOWS, *BOMBS, *TEXTS],
    ids=lambda value: ascii(value)[:45],
)
def test_the_attack_is_refused_by_its_rule_and_the_twin_is_not(rule, attack, twin):
    assert refused_by(attack, BOTH_GUARD) == rule
    assert PUBLIC_GUARD.check(twin).label == "public"


@pytest.mark.parametrize("place", PLACES)
def test_a_function_is_judged_wherever_an_expression_stands(place):
    assert refused_by(place.format(f="pg_backend_pid()")) == "function"
    assert PUBLIC_GUARD.check(place.format(f="abs(1)")).text


@pytest.mark.parametrize("name", FORBIDDEN_FUNCTIONS)
def test_what_is_not_listed_may_not_be_called(name):
    assert refused_by(f"SELECT {name}('a', 1)") == "function"
    assert refused_by(f"SELECT * FROM {name}('a', 1) f") == "function"
    assert PUBLIC_GUARD.check(f"SELECT length('{name}') AS {name}").label == "public"


@pytest.mark.parametrize("spelling", SPELLINGS, ids=ascii)
def test_no_spelling_of_a_function_gets_through(spelling):
    assert refused_by(f"SELECT {spelling}") == "function"
    assert PUBLIC_GUARD.check("SELECT $q$" + spelling + "$q$").text


@pytest.mark.parametrize("cast", TYPES)
def test_a_type_that_reads_the_catalogue_or_runs_code_is_refused(cast):
    assert refused_by(f"SELECT {cast}", BOTH_GUARD) == "type"
    assert refused_by(f"SELECT name FROM shop.goods WHERE ({cast}) IS NULL") == "type"


@pytest.mark.parametrize("cast", ALLOWED_TYPES)
def test_plain_types_are_allowed(cast):
    assert PUBLIC_GUARD.check(f"SELECT {cast} AS a").text


@pytest.mark.parametrize(("attack", "twin"), OPERATORS)
def test_only_listed_operators_without_a_schema(attack, twin):
    assert refused_by(attack) == "operator"
    assert PUBLIC_GUARD.check(twin).text


@pytest.mark.parametrize(("attack", "twin"), RECURSION, ids=lambda sql: sql[:60])
def test_recursion_must_end_and_stay_small(attack, twin):
    assert refused_by(attack) in ("recursion", "value_size")
    assert PUBLIC_GUARD.check(twin).text


@pytest.mark.parametrize(("allowed", "sql", "fine"), [
    (0, "SELECT $1", False), (1, "SELECT $1::int", True), (1, "SELECT $2::int", False), (2, "SELECT $1::int + $2::int", True),
    (1, "SELECT name FROM shop.goods WHERE good_id = ANY($1) LIMIT $1", True), (3, "SELECT $4::text", False),
    (1, "SELECT name FROM shop.goods WHERE name ILIKE $1", True), (1, "SELECT name FROM $1", None),
    (1, "SELECT $1(1)", None), (1, "SELECT 'x'::$1", None),
])  # fmt: skip
def test_parameters_stand_for_values_only(allowed, sql, fine):
    if fine:
        assert PUBLIC_GUARD.check(sql, parameters=allowed).text
    else:
        assert refused_by(sql, parameters=allowed) == ("syntax" if fine is None else "parameter")


def test_a_refusal_says_what_to_do():
    for sql, words in (
        ("SELECT nam FROM shop.goods", "nam"),
        ("SELECT g.nam FROM shop.goods g", "good_id, name, price"),
        ("SELECT 1 FROM goods", "shop.goods"),
        ("SELECT 1 FROM shop.goodz", "shop.goods"),
        ("SELECT foo(1)", "foo"),
        ("DELETE FROM shop.goods", "Only SELECT"),
        ("SELECT 1; SELECT 2", "found 2"),
        ("SELECT 'x'::regclass", "regclass"),
    ):
        with pytest.raises(SqlRefused) as refused:
            PUBLIC_GUARD.check(sql)
        assert words in f"{refused.value} {getattr(refused.value, 'hint', '')}"
