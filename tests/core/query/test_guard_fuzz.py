"""Statements grown from a small grammar: rendering is stable, refusals are SqlRefused, nothing private is read."""

# ruff: noqa: E501, PT017

from __future__ import annotations

import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from postgast import parse
from sqlglot import exp

from core.errors import SqlRefused
from core.query import tree
from core.query.allowed import FUNCTIONS, GRAMMAR_NODES
from core.query.guard import SqlGuard
from core.query.relations import product_relations, relations_from

PUBLIC = relations_from(
    {
        "class": "public",
        "relations": {
            "shop.goods": {"good_id": "integer", "name": "text", "price": "numeric", "made": "date", "tags": "text[]"},
            "shop.sales": {"good_id": "integer", "day": "date", "count": "integer", "note": "text"},
        },
    }
)
GUARD = SqlGuard(PUBLIC)
DESK_GUARD = SqlGuard(product_relations("private"), desk_time=True)
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

STABLE = [
    "SELECT 1",
    "SELECT name, price FROM shop.goods WHERE price > 1 ORDER BY price DESC NULLS LAST LIMIT 5 OFFSET 2",
    "SELECT * FROM shop.goods",
    "SELECT g.* FROM shop.goods g JOIN shop.sales s USING (good_id)",
    "SELECT shop.goods.* FROM shop.goods",
    "SELECT shop.goods.name FROM shop.goods",
    "SELECT *, name FROM shop.goods",
    "SELECT row_to_json(g) FROM shop.goods g",
    "SELECT x.a FROM (VALUES (1, 'b'), (2, 'c')) x(a, b)",
    "WITH a AS (SELECT made, avg(price) AS mean FROM shop.goods GROUP BY made) SELECT * FROM a WHERE mean > 1",
    "SELECT name, rank() OVER (PARTITION BY made ORDER BY price DESC) FROM shop.goods",
    "SELECT sum(price) OVER w FROM shop.goods WINDOW w AS (ORDER BY made ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)",
    "SELECT count(*) FILTER (WHERE price > 1), count(DISTINCT name) FROM shop.goods",
    "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY price) FROM shop.goods",
    "SELECT CASE WHEN price > 1 THEN 'a' ELSE 'b' END FROM shop.goods",
    "SELECT CAST(price AS numeric(5, 2)), made::timestamptz AT TIME ZONE 'UTC' FROM shop.goods",
    "SELECT date_trunc('month', day)::date AS month FROM shop.sales GROUP BY GROUPING SETS ((1), ())",
    "SELECT extract(year FROM day), day + interval '1 month', day - 3 FROM shop.sales",
    "SELECT name FROM shop.goods WHERE name ILIKE '%a''b%' ESCAPE '!' AND made BETWEEN '2020-01-01' AND '2021-01-01'",
    "SELECT name FROM shop.goods WHERE good_id IN (SELECT good_id FROM shop.sales) OR NOT EXISTS (TABLE shop.sales)",
    "SELECT (tags)[1], tags[1:2] FROM shop.goods",
    "SELECT jsonb_build_object('a', 1) -> 'a', '{\"a\": [1]}'::jsonb #>> '{a,0}'",
    "SELECT d FROM generate_series(date '2024-01-01', date '2024-02-01', interval '1 day') WITH ORDINALITY AS t(d, n)",
    "(SELECT 1 UNION ALL SELECT 2) EXCEPT SELECT 3 ORDER BY 1",
    "SELECT 1 AS \"select\", 2 AS \"Größe\", 3 AS \"a\"\"b\"",
    "SELECT E'\\n', 'a\\b', $$it's$$, U&'\\0061'",
    "SELECT trim(both ' ' FROM name), substring(name FROM 1 FOR 2), overlay(name PLACING 'x' FROM 1) FROM shop.goods",
    "SELECT DISTINCT ON (good_id) good_id, day FROM shop.sales ORDER BY good_id, day DESC",
    "SELECT name FROM shop.goods TABLESAMPLE bernoulli (10) REPEATABLE (1)",
    "SELECT made FROM shop.goods GROUP BY ROLLUP (made) HAVING grouping(made) = 0",
    "SELECT - price, + price, @ price, price ^ 2, price % 2 FROM shop.goods",
    "SELECT a.name FROM shop.goods a LEFT JOIN LATERAL (SELECT max(day) AS d FROM shop.sales s WHERE s.good_id = a.good_id) "
    "x ON true",
    "SELECT CURRENT_DATE, CURRENT_TIMESTAMP, LOCALTIMESTAMP, now()",
]  # fmt: skip


@pytest.mark.parametrize("sql", STABLE)
def test_what_was_rendered_is_checked_to_itself(sql):
    once = GUARD.check(sql)
    assert GUARD.check(once.text) == once


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM market_data.v_prices WHERE session > current_date - 30",
        "SELECT symbol, now() - known_at FROM news.v_symbol_articles",
        "SELECT * FROM execution.v_positions p JOIN market_data.v_instruments i USING (instrument_id)",
        "SELECT to_jsonb(f) FROM execution.v_fills f",
        "SELECT count(*) FROM events.v_economic WHERE event_at < localtimestamp",
    ],
)
def test_the_desk_clock_is_the_only_thing_the_guard_adds(sql):
    text = DESK_GUARD.check(sql).text
    added = {
        ".".join(part.string.sval for part in message.funcname)
        for message in tree.messages(parse(text).stmts[0].stmt)
        if message.DESCRIPTOR.name == "FuncCall"
    } - FUNCTIONS
    assert added <= {"market_data.as_of"}
    assert "current_date" not in text.lower().replace('"current_date"', "") and "now()" not in text


# A small grammar: well-formed and ill-formed pieces, allowed and forbidden ones. --------------------------------

NAMES = st.sampled_from(
    ["name", "price", "good_id", "made", "g.name", "s.day", "wage", "x", "tableoid", '"name"', "NAME"]
)
LITERALS = st.sampled_from(["1", "-2.5", "'a'", "NULL", "true", "$$x$$", "E'\\''", "date '2024-01-01'", "$1", "''"])
CALLS = st.sampled_from(
    [
        "abs",
        "lower",
        "count",
        "max",
        "coalesce",
        "concat",
        "pg_sleep",
        "set_config",
        "pg_read_file",
        "nextval",
        "to_json",
    ]
)
BINARY = st.sampled_from(
    ["+", "-", "*", "||", "=", "<", "AND", "OR", "LIKE", "OPERATOR(vault.=)", "<->", "->>", "IS DISTINCT FROM"]
)
CASTS = st.sampled_from(["text", "int", "date", "regclass", "vault.wages", "numeric(4,1)", "text[]", "oid", "jsonb"])
RELATIONS = st.sampled_from(
    ["shop.goods g", "shop.sales s", "vault.wages", "vault.wages w", "pg_class", "pg_catalog.pg_authid", "x", "goods",
     "generate_series(1, 9) n", "pg_ls_dir('.')", "shop.goods", '"shop"."sales"', "unnest(ARRAY[1, 2]) u"]
)  # fmt: skip


def grown(children):
    return st.one_of(
        st.tuples(children, BINARY, children).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(CALLS, st.lists(children, max_size=2)).map(lambda t: f"{t[0]}({', '.join(t[1])})"),
        st.tuples(children, CASTS).map(lambda t: f"({t[0]})::{t[1]}"),
        st.tuples(children, children).map(lambda t: f"CASE WHEN {t[0]} IS NULL THEN {t[1]} END"),
        children.map(lambda a: f"(SELECT {a})"),
        st.tuples(children, RELATIONS).map(lambda t: f"(SELECT max({t[0]}) FROM {t[1]})"),
        st.tuples(children, RELATIONS).map(lambda t: f"EXISTS (SELECT {t[0]} FROM {t[1]})"),
        st.tuples(children, NAMES).map(lambda t: f"({t[0]}).{t[1].split('.')[-1]}"),
        st.lists(children, min_size=1, max_size=3).map(lambda a: f"ARRAY[{', '.join(a)}]"),
    )


EXPRESSIONS = st.recursive(NAMES | LITERALS, grown, max_leaves=6)


@st.composite
def selects(draw, depth=0):
    items = ", ".join(draw(st.lists(EXPRESSIONS | st.just("*") | st.just("g.*"), min_size=1, max_size=3)))
    sql = f"SELECT {items}"
    if draw(st.booleans()):
        sources = [draw(RELATIONS)]
        if draw(st.booleans()):
            kind = draw(st.sampled_from([", ", " CROSS JOIN ", " NATURAL JOIN ", " JOIN "]))
            other = f"({draw(selects(depth=depth + 1))}) y" if depth < 2 and draw(st.booleans()) else draw(RELATIONS)
            sources.append(other + (f" ON {draw(EXPRESSIONS)}" if kind == " JOIN " else ""))
            sql += f" FROM {kind.join(sources)}"
        else:
            sql += f" FROM {sources[0]}"
    for word in ("WHERE", "GROUP BY", "ORDER BY", "LIMIT"):
        if draw(st.integers(0, 4)) == 0:
            sql += f" {word} {draw(EXPRESSIONS)}"
    if draw(st.integers(0, 9)) == 0:
        sql += draw(
            st.sampled_from(
                [" FOR UPDATE", " INTO t", "; DROP TABLE x", " -- x", " UNION SELECT wage FROM vault.wages", ";"]
            )
        )
    if depth == 0 and draw(st.integers(0, 4)) == 0:
        inner = draw(selects(depth=1)) if draw(st.booleans()) else "DELETE FROM shop.goods RETURNING 1"
        sql = f"WITH x AS ({inner}) {sql}"
    return sql


@FUZZ
@given(selects())
def test_grown_statements_are_refused_or_read_public_data_only(sql):
    try:
        checked = GUARD.check(sql)
    except SqlRefused as refused:
        assert refused.rule and str(refused) and refused.rule != "unjudged"
        return
    _assert_harmless(checked.text)
    assert GUARD.check(checked.text).text == checked.text


PIECES = st.sampled_from(
    ["SELECT", "FROM", "shop.goods", "vault.wages", "name", "(", ")", ",", "*", "--", "/*", "*/", "'", '"', ";", "$$",
     "WITH x AS", "UNION", "::", "regclass", "pg_sleep(1)", "[", "]", ".", "\\", "\u00a0", "\u2028", "é", "1", "=",
     "LATERAL", "AS", "x", "U&", "E'", "DELETE", "INTO", "VALUES", "TABLE", "ONLY", "%", "@", "\t", "\r\n", "\x7f", "😀"]
)  # fmt: skip


@FUZZ
@given(st.lists(PIECES, max_size=14).map(" ".join))
def test_any_heap_of_pieces_is_judged(sql):
    try:
        text = GUARD.check(sql).text
    except SqlRefused as refused:
        assert refused.rule
        return
    _assert_harmless(text)


@FUZZ
@given(st.text(max_size=60))
def test_any_text_is_judged(text):
    for sql in (
        text,
        f"SELECT {text}",
        f"SELECT '{text}'",
        f'SELECT 1 AS "{text}"',
        f"SELECT name FROM shop.goods -- {text}",
    ):
        try:
            rendered = GUARD.check(sql).text
        except SqlRefused:
            continue
        _assert_harmless(rendered)


@FUZZ
@given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=40))
def test_a_quoted_text_stays_one_literal(text):
    checked = GUARD.check("SELECT '" + text.replace("'", "''") + "' AS a")
    constants = [m.sval.sval for m in tree.messages(parse(checked.text)) if m.DESCRIPTOR.name == "A_Const"]
    assert constants == [text] and checked.relations == ()


def _assert_harmless(text):
    """See in the text alone, with both parsers, that it is one SELECT on public relations."""
    (statement,) = parse(text).stmts
    assert statement.stmt.WhichOneof("node") == "select_stmt"
    common = set()
    read = set()
    for message in tree.messages(statement.stmt):
        kind = message.DESCRIPTOR.name
        assert kind in GRAMMAR_NODES | {"SelectStmt"}
        if kind == "CommonTableExpr":
            common.add(message.ctename)
        elif kind == "RangeVar":
            read.add(f"{message.schemaname}.{message.relname}".lstrip("."))
        elif kind == "FuncCall":
            assert message.funcname[-1].string.sval in FUNCTIONS
    assert read <= set(PUBLIC) | common
    (other,) = sqlglot.parse(text, dialect="postgres")
    named = {f"{table.db}.{table.name}" for table in other.find_all(exp.Table) if table.db}
    assert named <= set(PUBLIC)
    assert not list(other.find_all(exp.DML, exp.DDL, exp.Command, exp.Into, exp.Lock)) or isinstance(other, exp.Query)
    assert not list(
        other.find_all(exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Drop, exp.Create, exp.Into, exp.Lock)
    )
