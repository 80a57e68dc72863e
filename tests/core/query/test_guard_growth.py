"""Statements whose values or rows grow beyond measure, each beside a harmless one of the same kind."""

# ruff: noqa: E501

from __future__ import annotations

import pytest

from core.errors import SqlRefused
from core.query.guard import SqlGuard
from core.query.relations import relations_from

GUARD = SqlGuard(
    relations_from(
        {
            "class": "public",
            "relations": {
                "shop.goods": {"good_id": "integer", "name": "text", "price": "numeric", "tags": "text[]"},
                "shop.sales": {"good_id": "integer", "day": "date", "count": "integer", "note": "text"},
            },
        }
    )
)

GROWING = [
    ("value_size", "SELECT repeat(repeat('x', 1000), 11)", "SELECT repeat(repeat('x', 1000), 10)"),
    ("value_size", "SELECT string_agg(repeat('x', 900) || repeat('y', 900) || name || name || name || name, '') FROM shop.goods",
     "SELECT string_agg(repeat('x', 900) || repeat('y', 900), '') FROM shop.goods"),
    ("value_size", "SELECT ARRAY(SELECT repeat(repeat('x', 1000), 9) FROM shop.goods)", "SELECT ARRAY(SELECT repeat('x', 1000) FROM shop.goods)"),
    ("value_size", "SELECT mode() WITHIN GROUP (ORDER BY repeat(repeat('x', 1000), 9)) FROM shop.goods",
     "SELECT mode() WITHIN GROUP (ORDER BY repeat('x', 1000)) FROM shop.goods"),
    ("value_size", "SELECT 10::numeric ^ 100000", "SELECT 10::numeric ^ 10"),
    ("value_size", "SELECT price ^ (100 * 100 / 2) FROM shop.goods", "SELECT price ^ (1.0 / 5) FROM shop.goods"),
    ("value_size", "SELECT power(10::numeric, 50000)", "SELECT power(1 + price, 252) FROM shop.goods"),
    ("value_size", "SELECT exp(50000::numeric)", "SELECT exp(sum(ln(price))) FROM shop.goods"),
    ("value_size", "SELECT round(1.5, 16000)", "SELECT round(price, 2) FROM shop.goods"),
    ("value_size", "SELECT 1e120000", "SELECT 1e300"),
    ("value_size", "SELECT '-1.5E+12_000'::numeric", "SELECT '-1.5E+12'::numeric"),
    ("value_size", "SELECT jsonb_path_query('[[]]', '$.**.**')", "SELECT jsonb_path_query('[[]]', '$[*][*]')"),
    ("value_size", "SELECT jsonb_path_query('1', '$[0,0,0,0][0,0,0,0]')", "SELECT jsonb_path_query('1', '$[0]')"),
    ("value_size", "SELECT jsonb_path_query_array('{}', '$.keyvalue().keyvalue()')", "SELECT jsonb_path_query_array('{}', '$.key')"),
    ("value_size", "SELECT jsonb_path_exists('{}', name::text) FROM shop.goods", "SELECT jsonb_path_exists('{}', '$.a')"),
    ("value_size", "SELECT '{}'::jsonb @? '$.**'", "SELECT '{}'::jsonb @? '$.a'"),
    ("value_size", "SELECT '{}'::jsonb @@ '$[0,0] == 1'", "SELECT '{}'::jsonb @@ '$[0] == 1'"),
    ("value_size", "SELECT normalize(repeat(string_agg(name, ''), 10)) FROM shop.goods", "SELECT normalize(name) FROM shop.goods"),
    ("value_size", "SELECT array_replace(string_to_array(string_agg(name, ''), NULL), 'a', name) FROM shop.goods GROUP BY name",
     "SELECT array_replace(tags, 'a', name) FROM shop.goods"),
    ("series", "SELECT generate_series(1, 10000) FROM shop.goods", "SELECT generate_series(1, 1000) FROM shop.goods"),
    ("series", "SELECT * FROM generate_series(date_trunc('year', now()), now(), '1 second')",
     "SELECT * FROM generate_series(date_trunc('year', now()), now(), '1 hour')"),
    ("series", "SELECT * FROM shop.goods, generate_series(date_trunc(name, now()), now(), '1 day')",
     "SELECT * FROM generate_series(date_trunc('week', now()), now(), '1 day')"),
    ("series", "SELECT * FROM generate_series((SELECT min(day) FROM shop.sales), (SELECT max(day) FROM shop.sales), '1 minute')",
     "SELECT * FROM generate_series((SELECT min(day) FROM shop.sales), (SELECT max(day) FROM shop.sales), '1 day')"),
    ("series", "SELECT * FROM generate_series(1, (SELECT max(count) FROM shop.sales))",
     "SELECT * FROM generate_series((SELECT min(day) FROM shop.sales), current_date, '1 week')"),
    ("series", "SELECT * FROM generate_series((SELECT max(day) + 999999 FROM shop.sales), now(), '1 day')",
     "SELECT * FROM generate_series((SELECT max(day) FROM shop.sales), now(), '1 day')"),
    ("series", "SELECT * FROM (SELECT date '0001-01-01' AS x) a, generate_series((SELECT x FROM shop.sales), now(), '1 day')",
     "SELECT * FROM generate_series((SELECT day FROM shop.sales LIMIT 1), now(), '1 day')"),
    ("value_size", "SELECT " + "format('" + "%1$s" * 40 + "', " + "format('" + "%1$s" * 40 + "', repeat('x', 900)))", "SELECT format('%1$s-%1$s', 'x')"),
    ("value_size", "SELECT " + "regexp_match(" * 6 + "repeat('x', 900)" + ", '((((((((.*))))))))')::text" * 6, "SELECT (regexp_match(name, '(a)(b)'))[1] FROM shop.goods"),
]  # fmt: skip

RECURSION = [
    ("WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT ROW(s, s)::text FROM t WHERE s < 'y') SELECT * FROM t",
     "WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT s FROM t WHERE (s, s) < ('y', 'z')) SELECT ROW(s, s)::text FROM t"),
    ("WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT ARRAY[s, s]::text FROM t WHERE s < 'y') SELECT * FROM t",
     "WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT s FROM t WHERE s = ANY (ARRAY['y', 'z'])) SELECT ARRAY[s, s] FROM t"),
    ("WITH RECURSIVE t(n, s) AS (SELECT 1, 'x' UNION ALL SELECT n + 1, t::text FROM t WHERE n < 9) SELECT * FROM t",
     "WITH RECURSIVE t(n, s) AS (SELECT 1, 'x' UNION ALL SELECT n + 1, s::text FROM t WHERE n < 9) SELECT t::text FROM t"),
    ("WITH RECURSIVE t(s) AS (SELECT ARRAY[1] UNION ALL SELECT array_cat(s, s) FROM t WHERE s < ARRAY[2]) SELECT * FROM t",
     "WITH RECURSIVE t(s) AS (SELECT ARRAY[1] UNION ALL SELECT array_remove(s, 1) FROM t WHERE s < ARRAY[2]) SELECT * FROM t"),
    ("WITH RECURSIVE t(q) AS (SELECT 'a'::tsquery UNION ALL SELECT q && q FROM t WHERE q IS NOT NULL) SELECT numnode(q) FROM t",
     "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT 'a'::tsquery && 'b'::tsquery FROM t"),
    ("WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT regexp_match(s, '((.*))')::text FROM t WHERE s < 'y') SELECT s FROM t",
     "WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT substring(s from '.*') FROM t WHERE s < 'y') SELECT regexp_match(s, '((.*))') FROM t"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "attack", "twin"), GROWING, ids=lambda value: ascii(value)[:45])
def test_what_grows_beyond_measure_is_refused_and_its_twin_is_not(rule, attack, twin):
    with pytest.raises(SqlRefused) as refused:
        GUARD.check(attack)
    assert refused.value.rule == rule
    assert GUARD.check(twin).label == "public"


@pytest.mark.parametrize(("attack", "twin"), RECURSION, ids=lambda sql: sql[:60])
def test_what_can_double_in_a_recursion_is_refused_there_alone(attack, twin):
    with pytest.raises(SqlRefused) as refused:
        GUARD.check(attack)
    assert refused.value.rule == "recursion"
    assert GUARD.check(twin).label == "public"


def test_joined_queries_of_a_text_search_are_counted_as_long_as_both():
    doubled = "SELECT 'a'::tsquery AS q"
    for _ in range(10):
        doubled = f"SELECT {' && '.join('q' * 6)} AS q FROM ({doubled}) x"
    with pytest.raises(SqlRefused) as refused:
        GUARD.check(doubled)
    assert refused.value.rule == "value_size"
