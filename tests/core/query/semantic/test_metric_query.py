"""What a typed question may say, and what is refused before anything is read."""

# ruff: noqa: RUF043

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from core.domain.facts import ChartSeries, Column
from core.errors import InvalidInput, UnknownName
from core.query.catalog import METRICS, find_metric
from core.query.semantic.answer import MOST_CHART_POINTS, Answer
from core.query.semantic.evaluate import evaluate
from core.query.semantic.metric_query import MetricQuery, ValueFilter

REFUSED = [
    ({}, "metric"),
    ({"metric": ""}, "metric"),
    ({"metric": "   "}, "metric"),
    ({"metric": "x" * 81}, "metric"),
    ({"metric": 5}, "metric"),
    ({"metric": "close", "symbol": "AAPL"}, "symbol"),
    ({"metric": "close", "symbols": "AAPL"}, "symbols"),
    ({"metric": "close", "symbols": ["x" * 81]}, "symbols"),
    ({"metric": "close", "symbols": [f"S{i}" for i in range(61)]}, "symbols"),
    ({"metric": "close", "symbols": [""]}, "symbols"),
    ({"metric": "macro_value", "series": [f"S{i}" for i in range(11)]}, "series"),
    ({"metric": "close", "severity": "extreme"}, "severity"),
    ({"metric": "close", "grain": "hour"}, "grain"),
    ({"metric": "close", "aggregation": "mode"}, "aggregation"),
    ({"metric": "close", "window": 0}, "window"),
    ({"metric": "close", "window": 2521}, "window"),
    ({"metric": "close", "window": 2.5}, "window"),
    ({"metric": "close", "limit": 0}, "limit"),
    ({"metric": "close", "limit": 5001}, "limit"),
    ({"metric": "close", "order": "up"}, "order"),
    ({"metric": "close", "filter": {"operator": "~", "value": 1}}, "filter"),
    ({"metric": "close", "filter": {"operator": ">"}}, "filter"),
    ({"metric": "close", "filter": {"operator": ">", "value": float("nan")}}, "filter"),
    ({"metric": "close", "filter": {"operator": ">", "value": float("inf")}}, "filter"),
    ({"metric": "close", "filter": {"operator": ">", "value": "a lot"}}, "filter"),
    ({"metric": "close", "period": {"name": "fortnight"}}, "period"),
    ({"metric": "close", "period": {"last": 3}}, "period"),
    ({"metric": "close", "period": {"last": 3, "next": 3, "unit": "days"}}, "period"),
    ({"metric": "close", "period": {"name": "today", "start": "2020-01-01"}}, "period"),
    ({"metric": "close", "period": {"start": "2021-01-01", "end": "2020-01-01"}}, "period"),
    ({"metric": "close", "period": {"start": "someday"}}, "period"),
    ({"metric": "close", "period": {"last": 100_001, "unit": "days"}}, "period"),
    ({"metric": "close", "period": {"last": -1, "unit": "days"}}, "period"),
    ({"metric": "close", "period": {"last": 1, "unit": "fortnights"}}, "period"),
    ({"metric": "close", "versus": {"unit": "days"}}, "versus"),
    ({"metric": "close", "country": ""}, "country"),
]


@pytest.mark.parametrize(("arguments", "field"), REFUSED, ids=str)
def test_a_question_outside_its_shape_names_the_field(arguments, field):
    with pytest.raises(ValidationError) as refused:
        MetricQuery.model_validate(arguments)
    assert field in {str(error["loc"][0]) for error in refused.value.errors()}


def test_names_are_trimmed_and_kept_once():
    query = MetricQuery(metric=" close ", symbols=("AAPL", " AAPL", "MSFT"), series=("a", "a"))
    assert query.metric == "close" and query.symbols == ("AAPL", "MSFT") and query.series == ("a",)


def test_a_question_survives_json():
    query = MetricQuery.model_validate(
        {
            "metric": "rsi",
            "group": "equity",
            "filter": {"operator": "<", "value": 30},
            "period": {"last": 5, "unit": "sessions"},
        }
    )
    assert MetricQuery.model_validate_json(query.model_dump_json()) == query
    assert query.filter == ValueFilter(operator="<", value=30.0)


@pytest.mark.parametrize("name", sorted(name for name, metric in METRICS.items() if metric.kind != "return"))
def test_only_returns_are_compared_between_periods(name):
    with pytest.raises(InvalidInput, match="cannot be compared"):
        evaluate(MetricQuery(metric=name, versus={"name": "last_year"}), SimpleNamespace())


@pytest.mark.parametrize("name", sorted(name for name, metric in METRICS.items() if metric.window is None))
def test_a_window_is_for_rolling_figures_only(name):
    with pytest.raises(InvalidInput, match="takes no window"):
        evaluate(MetricQuery(metric=name, window=5), SimpleNamespace())


@pytest.mark.parametrize("name", sorted(name for name, metric in METRICS.items() if metric.subject == "instrument"))
def test_a_metric_of_instruments_needs_one(name):
    with pytest.raises(InvalidInput, match="of what|exactly two|to what"):
        evaluate(MetricQuery(metric=name, benchmark=None), _nothing())


@pytest.mark.parametrize("name", sorted(name for name, metric in METRICS.items() if metric.subject == "macro"))
def test_a_macro_metric_needs_its_series(name):
    with pytest.raises(InvalidInput, match="series"):
        evaluate(MetricQuery(metric=name), _nothing())


def _nothing():
    from datetime import date

    def absent(name):
        raise UnknownName("symbol", name, [])

    return SimpleNamespace(today=date(2024, 2, 29), instruments=SimpleNamespace(find=absent))


@pytest.mark.parametrize("name", ["clse", "clos", "volatilty", "sharp_ratio", "", "drop table"])
def test_an_unknown_metric_is_an_error_with_a_way_on(name):
    with pytest.raises(UnknownName) as unknown:
        find_metric(name)
    assert "docs/metrics.md" in f"{unknown.value} {unknown.value.hint}"


def test_notes_are_said_once_and_empty_ones_never():
    answer = Answer(query=MetricQuery(metric="close"), metric=METRICS["close"])
    answer.note("a", "", "b", "a")
    answer.note("b")
    assert answer.notes == ["a", "b"]


def test_long_lines_are_thinned_evenly_and_keep_both_ends():
    answer = Answer(query=MetricQuery(metric="close"), metric=METRICS["close"])
    long = ChartSeries(name="a", x=tuple(str(i) for i in range(5000)), y=tuple(float(i) for i in range(5000)))
    answer.line_chart([long, ChartSeries(name="b", x=("1",), y=(1.0,))], unit="number")
    (line,) = answer.charts[0].series
    assert len(line.x) == MOST_CHART_POINTS and (line.x[0], line.x[-1]) == ("0", "4999")
    gaps = {b - a for a, b in zip(line.y, line.y[1:], strict=False)}
    assert max(gaps) - min(gaps) <= 1
    answer.line_chart([ChartSeries(name="b", x=("1",), y=(1.0,))], unit="number")
    answer.bar_chart(["one"], [1.0], unit="number")
    assert len(answer.charts) == 1
    answer.bar_chart([str(i) for i in range(99)], [1.0] * 99, unit="number")
    assert len(answer.charts[1].series[0].x) == 60


def test_a_table_is_named_after_its_metric():
    answer = Answer(query=MetricQuery(metric="close"), metric=METRICS["close"])
    answer.table([Column(name="a", unit="text")], [("x",)])
    answer.table([Column(name="a", unit="text")], [("x",)], title="Other", name="other", truncated=True)
    assert [(t.name, t.title, t.truncated) for t in answer.tables] == [
        ("close", "Close", False),
        ("other", "Other", True),
    ]
