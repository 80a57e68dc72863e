"""The second parser refuses whatever the first one might have missed, asked by itself."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import SqlRefused
from core.query.scope import Source, column_hint, refuse, renamed
from core.query.second_parser import agree

BARS = "market_data.v_bars"


def judge(
    sql: str, relations: set[str] | None = None, common: set[str] | None = None, functions: set[str] | None = None
) -> None:
    agree(sql, relations=relations or set(), common_names=common or set(), functions=functions or set())


@pytest.mark.parametrize(
    ("sql", "relations", "common", "functions"),
    [
        ("SELECT 1", set(), set(), set()),
        ("SELECT 1;", set(), set(), set()),
        ("VALUES (1, 2), (3, 4)", set(), set(), set()),
        (f"SELECT close FROM {BARS}", {BARS}, set(), set()),
        ("SELECT close FROM Market_Data.V_Bars AS b", {BARS}, set(), set()),
        (f"SELECT close FROM {BARS} UNION ALL SELECT 1", {BARS}, set(), set()),
        (f"WITH x AS (SELECT * FROM {BARS}) SELECT * FROM x", {BARS}, {"x"}, set()),
        (f"SELECT (SELECT max(close) FROM {BARS})", {BARS}, set(), {"max"}),
        (f"SELECT b.close FROM {BARS} b JOIN {BARS} c USING (session)", {BARS}, set(), set()),
        ("SELECT * FROM generate_series(1, 3)", set(), set(), {"generate_series"}),
        ("SELECT my_own(1)", set(), set(), {"my_own"}),
        ('SELECT 1 FROM "Odd"."Name"', {"Odd.Name"}, set(), set()),
    ],
)
def test_what_both_see_alike_passes(sql: str, relations: set[str], common: set[str], functions: set[str]) -> None:
    judge(sql, relations, common, functions)


@pytest.mark.parametrize(
    "sql",
    [
        f"DELETE FROM {BARS}",
        f"UPDATE {BARS} SET close = 0",
        f"INSERT INTO {BARS} VALUES (1)",
        f"MERGE INTO {BARS} b USING {BARS} c ON true WHEN MATCHED THEN DELETE",
        f"TRUNCATE {BARS}",
        f"DROP VIEW {BARS}",
        f"CREATE TABLE x AS SELECT * FROM {BARS}",
        f"ALTER TABLE {BARS} ADD COLUMN x int",
        f"COPY {BARS} TO '/tmp/x'",
        "SET ROLE postgres",
        "RESET ALL",
        "SHOW all",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "VACUUM",
        "DO $$ BEGIN END $$",
        "CALL x()",
        f"EXPLAIN ANALYZE SELECT * FROM {BARS}",
        f"LOCK TABLE {BARS}",
        f"GRANT SELECT ON {BARS} TO public",
        "LISTEN x",
        "PREPARE x AS SELECT 1",
        f"SELECT * INTO x FROM {BARS}",
        f"SELECT * FROM {BARS} FOR UPDATE",
        f"SELECT * FROM {BARS} FOR SHARE",
        f"WITH gone AS (DELETE FROM {BARS} RETURNING *) SELECT * FROM gone",
        "SELECT current_user",
        "SELECT session_user",
        "SELECT current_schema",
        "SELECT current_database()",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE x",
        "",
        ";",
        "SELECT FROM WHERE",
        "SELECT 'open",
        "not sql at all (",
    ],
)
def test_what_does_more_than_read_is_refused_even_if_the_first_parser_let_it_through(sql: str) -> None:
    with pytest.raises(SqlRefused) as refused:
        judge(sql, {BARS}, {"gone", "x"}, {"x"})
    assert refused.value.rule == "parsers_disagree"


@pytest.mark.parametrize(
    ("sql", "seen_first"),
    [
        (f"SELECT * FROM {BARS}", set()),
        ("SELECT 1", {BARS}),
        (f"SELECT * FROM {BARS}, execution.v_orders", {BARS}),
        ('SELECT * FROM "market_data"."V_Bars"', {BARS}),
        ('SELECT * FROM "Market_Data".v_bars', {BARS}),
        (f"SELECT (SELECT count(*) FROM execution.v_orders) FROM {BARS}", {BARS}),
        (f"SELECT * FROM {BARS} WHERE EXISTS (SELECT 1 FROM desk.users)", {BARS}),
    ],
)
def test_another_set_of_relations_is_refused(sql: str, seen_first: set[str]) -> None:
    with pytest.raises(SqlRefused, match="different relations"):
        judge(sql, seen_first, functions={"count"})


def test_a_relation_without_a_schema_must_be_a_common_table() -> None:
    judge("WITH x AS (SELECT 1 AS a) SELECT a FROM X", common={"x"})
    with pytest.raises(SqlRefused, match="sees the relation 'bars'"):
        judge("SELECT * FROM bars")
    # A quoted name keeps its case, so it is another one.
    with pytest.raises(SqlRefused, match="sees the relation 'X'"):
        judge('WITH x AS (SELECT 1 AS a) SELECT a FROM "X"', common={"x"})


def test_a_relation_of_another_database_is_refused() -> None:
    with pytest.raises(SqlRefused, match="another database"):
        judge(f"SELECT * FROM other.{BARS}", {BARS})


@pytest.mark.parametrize("name", ["pg_read_file", "dblink", "lo_import", "pg_sleep", "set_config", "query_to_xml"])
@pytest.mark.parametrize(
    "place",
    [
        "SELECT {}('x')",
        "SELECT 1 WHERE {}('x') IS NULL",
        "SELECT 1 ORDER BY {}('x')",
        "SELECT CASE WHEN true THEN {}('x') END",
        "WITH x AS (SELECT {}('x') AS a) SELECT a FROM x",
        "SELECT sum(1) OVER (PARTITION BY {}('x'))",
    ],
)
def test_a_function_that_the_first_parser_did_not_see_is_refused_wherever_it_stands(name: str, place: str) -> None:
    with pytest.raises(SqlRefused, match=f"sees the function {name}"):
        judge(place.format(name), common={"x"}, functions={"sum"})


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_any_text_is_passed_or_refused_and_raises_nothing_else(text: str) -> None:
    with contextlib.suppress(SqlRefused):
        judge(text)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.floats(1.0, 1e6)), max_size=6),
    st.lists(st.sampled_from("wxyz"), max_size=7),
)
def test_an_alias_list_renames_the_first_columns_and_sizes_are_never_lost(
    columns: list[tuple[str, float]], names: list[str]
) -> None:
    if len(names) > len(columns):
        with pytest.raises(SqlRefused, match=f"names {len(names)} columns, but there are {len(columns)}"):
            renamed(columns, names)
        return
    found = renamed(columns, names)
    said = [*names, *(name for name, _ in columns[len(names) :])]
    assert set(found) == set(said)
    # Of columns that share a name the larger estimate stands, for either may be meant.
    for name in found:
        assert found[name] == max(size for word, (_, size) in zip(said, columns, strict=True) if word == name)


def test_a_refusal_names_its_rule_and_lists_the_columns_there_are() -> None:
    source = Source(name="b", columns={f"c{number}": 1.0 for number in range(40)})
    hint = column_hint(source)
    assert hint.startswith("Its columns: c0, c1,") and "c29" in hint and "c30" not in hint
    found = refuse("column", "There is no column x.", hint=hint)
    assert (found.rule, found.hint) == ("column", hint)
