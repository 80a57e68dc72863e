"""The two tools for questions, on a runner that answers with fixed rows: units, labels, notes, what reaches it."""

# ruff: noqa: E501

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from core.domain.as_of import AsOf
from core.errors import SqlRefused
from core.ports.query import QueryResult
from tools.context import ToolContext
from tools.query_metric import query_metric
from tools.run_sql import SqlQuestion, run_sql

NOW = AsOf(known=datetime(2024, 6, 14, 21, tzinfo=UTC))


class FixedRunner:
    """Answer every statement with the same rows and remember what was asked."""

    def __init__(self, columns=("n",), types=("int8",), rows=((3,),), truncated=False, notes=()):
        self.answer = {"columns": columns, "types": types, "rows": rows, "truncated": truncated}
        self.remarks = notes
        self.asked = []

    def run(self, statement, parameters=None, *, as_of, max_rows=1000):
        self.asked.append((statement, parameters, as_of, max_rows))
        return QueryResult(**self.answer, sql=statement.text, milliseconds=1.0)

    def notes(self):
        return self.remarks


def context(runner, tool="run_sql"):
    desk = SimpleNamespace(query=runner, instruments=None, bars=None, macro=None, books=None,
                           clock=SimpleNamespace(wall=lambda: NOW.known))  # fmt: skip
    return ToolContext(desk=desk, principal=None, run_id="run_1", tool=tool, as_of=NOW, seed=0, face="test",
                       thread_id=None, label="public")  # fmt: skip


def ask(sql, runner, **more):
    return run_sql.function(context(runner), SqlQuestion(sql=sql, **more))


def test_one_row_becomes_facts():
    runner = FixedRunner(("n", "day", "name"), ("int8", "date", "text"), ((3, "2024-06-14", "a"),))
    result = ask("SELECT count(*) AS n FROM news.v_articles", runner)
    assert [(f.name, f.value, f.unit) for f in result.facts] == [
        ("rows", 1, "count"), ("n", 3, "number"), ("day", "2024-06-14", "date"), ("name", "a", "text")]  # fmt: skip
    assert result.sources == ("news.v_articles",) and result.sql == ("SELECT count(*) AS n FROM news.v_articles",)


def test_several_rows_are_a_table_only():
    result = ask("SELECT 1 AS n", FixedRunner(rows=((1,), (2,))))
    assert [fact.name for fact in result.facts] == ["rows"] and result.facts[0].value == 2
    assert result.tables[0].rows == ((1,), (2,)) and not result.tables[0].truncated and result.notes == ()


def test_no_row_is_an_answer():
    result = ask("SELECT 1 AS n", FixedRunner(rows=()))
    assert result.facts[0].value == 0 and result.tables[0].rows == ()


@pytest.mark.parametrize(
    ("kind", "unit"),
    [("int2", "number"), ("int4", "number"), ("int8", "number"), ("float4", "number"), ("float8", "number"),
     ("numeric", "number"), ("date", "date"), ("timestamp", "date"), ("timestamptz", "date"), ("text", "text"),
     ("bool", "text"), ("jsonb", "text"), ("int4[]", "text"), ("unknown", "text")],
)  # fmt: skip
def test_units_follow_the_types(kind, unit):
    assert ask("SELECT 1 AS n", FixedRunner(types=(kind,), rows=((None,),))).tables[0].columns[0].unit == unit


def test_columns_of_one_name_are_told_apart():
    result = ask("SELECT 1 AS a, 2 AS a", FixedRunner(("a", "a", "b"), ("int4",) * 3, ((1, 2, 3),)))
    names = [column.name for column in result.tables[0].columns]
    assert names == ["a", "a (2)", "b"] and len(set(names)) == 3


def test_a_cut_result_says_so():
    result = ask("SELECT 1 AS n", FixedRunner(rows=((1,), (2,)), truncated=True), max_rows=2)
    assert result.tables[0].truncated and result.notes == (
        "Only the first 2 rows are shown; the statement returns more.",
    )


def test_what_the_runner_remarks_is_passed_on():
    result = ask("SELECT 1 AS n", FixedRunner(notes=("behind the guard",), truncated=True))
    assert result.notes[0] == "behind the guard" and len(result.notes) == 2


@pytest.mark.parametrize(
    ("sql", "label"),
    [
        ("SELECT 1", "public"),
        ("SELECT * FROM market_data.v_prices", "public"),
        ("SELECT * FROM execution.v_fills", "private"),
        ("SELECT 1 FROM market_data.v_instruments i WHERE EXISTS (SELECT 1 FROM execution.v_positions p WHERE p.symbol = i.symbol)", "private"),
        ("WITH x AS (SELECT name FROM strategies.v_specs) SELECT * FROM x", "private"),
        ("SELECT 1 UNION ALL SELECT count(*) FROM execution.v_orders", "private"),
    ],
)  # fmt: skip
def test_the_label_is_that_of_what_is_read(sql, label):
    runner = FixedRunner()
    result = ask(sql, runner)
    assert result.label == label and {fact.label for fact in result.facts} == {label}
    statement, parameters, as_of, max_rows = runner.asked[0]
    assert (statement.label, parameters, as_of, max_rows) == (label, None, NOW, 500)


@pytest.mark.parametrize(
    "sql",
    ["DELETE FROM execution.fills", "SELECT * FROM desk.users", "SELECT pg_sleep(1)", "SELECT 1; SELECT 2", "SELECT $1",
     "SELECT * FROM execution.fills", "SELECT value FROM desk.secrets", "COPY (SELECT 1) TO '/tmp/x'", "nonsense"],
)  # fmt: skip
def test_a_refused_statement_never_reaches_the_server(sql):
    runner = FixedRunner()
    with pytest.raises(SqlRefused):
        ask(sql, runner)
    assert runner.asked == []


def test_today_is_the_desk_clock_in_what_runs():
    runner = FixedRunner()
    ask("SELECT count(*) FROM news.v_articles WHERE published_date >= current_date - 7", runner)
    assert "market_data.as_of()" in runner.asked[0][0].text and "current_date" not in runner.asked[0][0].text.lower()


@pytest.mark.parametrize("arguments", [{}, {"sql": ""}, {"sql": "x" * 20_001}, {"sql": "SELECT 1", "max_rows": 0},
                                       {"sql": "SELECT 1", "max_rows": 5_001}, {"sql": "SELECT 1", "rows": 1}])  # fmt: skip
def test_a_question_has_its_limits(arguments):
    with pytest.raises(ValidationError):
        SqlQuestion(**arguments)


ARTICLE = ("2024-06-14", None, "Headline", "Wire", "", "")


def metric(runner, **arguments):
    from core.query.semantic.metric_query import MetricQuery

    return query_metric.function(context(runner, "query_metric"), MetricQuery(**arguments))


def test_a_metric_is_read_with_values_as_parameters():
    runner = FixedRunner(("a",) * 6, ("text",) * 6, (ARTICLE,), notes=("behind the guard",))
    result = metric(runner, metric="news", topic="it's; DROP TABLE x --", limit=7)
    statement, parameters, as_of, max_rows = runner.asked[0]
    assert "DROP" not in statement.text and list(parameters.values()) == ["%it's; DROP TABLE x --%"] * 2
    assert (as_of, max_rows, statement.label) == (NOW, 7, "public")
    assert result.label == "public" and result.sql == (statement.text,) and result.sources == ("Wire",)
    assert result.notes[-1] == "behind the guard"
    assert {fact.name for fact in result.facts} >= {"newest article", "articles listed"}


def test_a_private_metric_raises_the_label_before_anything_is_read():
    made = context(FixedRunner(), "query_metric")
    from core.query.semantic.metric_query import MetricQuery

    with pytest.raises(AttributeError):
        query_metric.function(made, MetricQuery(metric="cash"))
    assert made.label == "private"
