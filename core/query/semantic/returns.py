"""Answer questions on returns: over a period, per week or month, ranked over a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.domain.facts import ChartSeries, Column
from core.errors import NoData
from core.ports.market_data import Purpose
from core.query.semantic.answer import MOST_FACT_ROWS, Answer, Sources
from core.query.semantic.levels import Points, note_age
from core.query.semantic.metric_query import Grain
from core.query.semantic.period import DateRange, Period, resolve
from core.query.semantic.prices import Series, first_in, grain_ends, passes, read_series

if TYPE_CHECKING:
    from core.domain.kernel import Float64Array
    from core.domain.market_path import DayArray

_UNIT_OF_GRAIN = {
    "day": ("days", "sessions"),
    "week": ("weeks",),
    "month": ("months",),
    "quarter": ("quarters",),
    "year": ("years",),
}
_GRAIN_SESSIONS = {"day": 1, "week": 5, "month": 23, "quarter": 66, "year": 262}
_WORDS = {"average": "average", "median": "median", "minimum": "worst", "maximum": "best"}


def answer_return(sources: Sources, answer: Answer) -> None:
    """Answer a question on total return or price change."""
    query = answer.query
    if query.grain is not None or query.aggregation not in (None, "total", "latest"):
        _per_grain(sources, answer, query.grain or "day")
        return
    period = query.period if not query.period.is_empty else answer.metric.default_period
    values = _totals(sources, answer, period)
    if query.versus is not None:
        _compare(sources, answer, values)
        return
    rows = [
        (series.symbol, str(days[0]), str(days[-1]), value)
        for series, (days, value) in values
        if passes(value, query.filter)
    ]
    _order(answer, rows)
    for symbol, first, last, value in rows[:MOST_FACT_ROWS]:
        answer.state(f"{symbol} {answer.metric.name.replace('_', ' ')}", value, "ratio")
        answer.state(f"{symbol} from the close of", first, "date")
        answer.state(f"{symbol} to the close of", last, "date")
    note_age(sources, answer, [row[2] for row in rows])
    answer.table(
        [
            Column(name="symbol", unit="text"),
            Column(name="from the close of", unit="date"),
            Column(name="to the close of", unit="date"),
            Column(name=answer.metric.name, unit="ratio", title=answer.metric.title),
        ],
        rows,
    )
    answer.bar_chart([row[0] for row in rows], [row[3] for row in rows], unit="ratio")


def _purpose(answer: Answer) -> Purpose:
    return "return" if answer.metric.name == "return" else "price"


def _order(answer: Answer, rows: list[tuple[str, str, str, float]]) -> None:
    query = answer.query
    if query.order or query.group:
        rows.sort(key=lambda row: (row[3], row[0]), reverse=query.order != "asc")
    if query.limit is not None:
        del rows[query.limit :]


def period_closes(series: Series, window: DateRange) -> tuple[DayArray, Float64Array]:
    """Return the sessions and closes of a window with the last close before it; raise NoData when there is none."""
    base = max(first_in(series, window) - 1, 0)
    days, close = series.days[base:], series.close[base:]
    if len(days) < 2:
        raise NoData(f"{series.symbol} has fewer than two closes in the period.")
    return days, close


def _totals(sources: Sources, answer: Answer, period: Period) -> list[tuple[Series, tuple[DayArray, float]]]:
    window = resolve(period, sources.today)
    if period.name == "latest":
        window = DateRange(end=sources.today, sessions=1)
    found = []
    for series in read_series(sources, answer, window, purpose=_purpose(answer)):
        try:
            days, close = period_closes(series, window)
        except NoData:
            if answer.query.symbols:
                raise
            answer.note(f"{series.symbol} has no two closes in the period and is left out.")
            continue
        found.append((series, (days, float(close[-1] / close[0] - 1.0))))
    return found


def _compare(sources: Sources, answer: Answer, values: list[tuple[Series, tuple[DayArray, float]]]) -> None:
    versus = answer.query.versus
    if versus is None:
        return
    before = {series.symbol: value for series, (_, value) in _totals(sources, answer, versus)}
    rows = []
    for series, (_, value) in values:
        other = before.get(series.symbol)
        rows.append((series.symbol, value, other, None if other is None else value - other))
        answer.state(f"{series.symbol} {answer.metric.name}", value, "ratio")
        answer.state(f"{series.symbol} {answer.metric.name} of the second period", other, "ratio")
        if other is not None:
            answer.state(f"{series.symbol} difference", value - other, "ratio")
    answer.table(
        [
            Column(name="symbol", unit="text"),
            *(Column(name=name, unit="ratio") for name in ("first period", "second period", "difference")),
        ],
        rows,
    )


def _per_grain(sources: Sources, answer: Answer, grain: Grain) -> None:
    query = answer.query
    # When something happened is asked of the whole history, a list of returns of the last year.
    usual = Period(last=1, unit="years") if query.filter is None else Period(name="all")
    period = query.period if not query.period.is_empty else usual
    window = resolve(period, sources.today)
    counted = period.last if period.unit in _UNIT_OF_GRAIN[grain] else None
    if counted is not None:
        window = DateRange(end=sources.today, sessions=counted * _GRAIN_SESSIONS[grain])
    found = read_series(sources, answer, window, purpose=_purpose(answer), lookback_sessions=_GRAIN_SESSIONS[grain] * 2)
    by_symbol = [(series, _grain_returns(series, window, grain, counted)) for series in found]
    if query.aggregation in ("average", "median", "minimum", "maximum", "count"):
        _reduce(answer, by_symbol, grain)
        return
    rows: list[tuple[str, str, float]] = []
    lines: list[ChartSeries] = []
    for series, (days, values) in by_symbol:
        kept = [
            (str(day), float(value)) for day, value in zip(days, values, strict=True) if passes(value, query.filter)
        ]
        lines.append(ChartSeries(name=series.symbol, x=tuple(d for d, _ in kept), y=tuple(v for _, v in kept)))
        rows.extend((series.symbol, day, value) for day, value in kept)
        if query.filter is not None:
            answer.state(f"{series.symbol} {grain}s found", len(kept), "count")
        if kept:
            ends = [("first", kept[0])] if query.filter is not None else []
            for word, (day, value) in [*ends, ("last", kept[-1])]:
                answer.state(f"{series.symbol} {word} {grain}'s return", value, "ratio")
                answer.state(f"{series.symbol} {word} {grain} ends", day, "date")
    note_age(sources, answer, [day for _, day, _ in rows])
    rows.sort(key=lambda row: (row[1], row[0]), reverse=query.order == "desc")
    if query.limit is not None:
        rows = rows[: query.limit]
    answer.table(
        [
            Column(name="symbol", unit="text"),
            Column(name="ending", unit="date"),
            Column(name=answer.metric.name, unit="ratio"),
        ],
        rows,
        title=f"{answer.metric.title} by {grain}",
    )
    answer.line_chart(lines, unit="ratio", title=f"{answer.metric.title} by {grain}")


def _grain_returns(series: Series, window: DateRange, grain: Grain, counted: int | None) -> Points:
    ends = grain_ends(series.days, grain)
    close = series.close[ends]
    days, values = series.days[ends][1:], close[1:] / close[:-1] - 1.0
    if counted is not None:
        return days[-counted:], values[-counted:]
    if window.start is not None:
        inside = days >= np.datetime64(window.start)
        return days[inside], values[inside]
    return days, values


def _reduce(answer: Answer, by_symbol: list[tuple[Series, Points]], grain: Grain) -> None:
    query = answer.query
    rows: list[tuple[str, str | None, float]] = []
    for series, (days, values) in by_symbol:
        keep = np.array([passes(value, query.filter) for value in values], dtype=bool)
        days, values = days[keep], values[keep]
        if query.aggregation == "count":
            rows.append((series.symbol, None, float(len(values))))
            answer.state(f"{series.symbol} {grain}s", len(values), "count")
            continue
        if not len(values):
            continue
        if query.aggregation in ("minimum", "maximum"):
            # Several of one instrument, when more than one is asked for; of several instruments one each.
            wanted = (query.limit or 1) if len(by_symbol) == 1 else 1
            signed = values if query.aggregation == "minimum" else -values
            rows.extend(
                (series.symbol, str(days[at]), float(values[at])) for at in np.argsort(signed, kind="stable")[:wanted]
            )
        else:
            average = np.mean(values) if query.aggregation == "average" else np.median(values)
            rows.append((series.symbol, None, float(average)))
    if query.aggregation != "count":
        if len(by_symbol) > 1 and (query.order or query.group):
            rows.sort(key=lambda row: (row[2], row[0]), reverse=query.order != "asc")
            del rows[query.limit or len(rows) :]
        _state_reduced(answer, rows, f"{_WORDS[query.aggregation or 'average']} {grain}")
    unit = "count" if query.aggregation == "count" else "ratio"
    answer.table(
        [Column(name="symbol", unit="text"), Column(name="ending", unit="date"), Column(name="value", unit=unit)],
        [(symbol, day, int(value) if unit == "count" else value) for symbol, day, value in rows],
        title=f"{(query.aggregation or '').title()} by {grain}",
    )


def _state_reduced(answer: Answer, rows: list[tuple[str, str | None, float]], what: str) -> None:
    seen: dict[str, int] = {}
    for symbol, day, value in rows[:MOST_FACT_ROWS]:
        seen[symbol] = seen.get(symbol, 0) + 1
        name = f"{symbol} {what}" if seen[symbol] == 1 else f"{symbol} {what}, number {seen[symbol]}"
        answer.state(name, value, "ratio")
        if day is not None:
            answer.state(f"{name} ends", day, "date")
