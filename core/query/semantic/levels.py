"""Answer questions on price levels and volume: latest, lists, averages, extremes with their dates."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from core.domain.facts import Cell, ChartSeries, Column, Unit
from core.errors import NoData
from core.ports.market_data import Needs
from core.query.semantic.answer import MOST_FACT_ROWS, Answer, Sources
from core.query.semantic.metric_query import Aggregation
from core.query.semantic.period import DateRange, Period, resolve
from core.query.semantic.prices import Series, first_in, grain_ends, grain_keys, passes, read_series

if TYPE_CHECKING:
    from core.domain.kernel import Float64Array
    from core.domain.market_path import DayArray

Points: TypeAlias = "tuple[DayArray, Float64Array]"
_REDUCTIONS: dict[str, Callable[[Float64Array], float]] = {
    "average": lambda values: float(np.mean(values)),
    "median": lambda values: float(np.median(values)),
    "sum": lambda values: float(np.sum(values)),
}
# How the values of a week, month ... become one when a list is asked for.
_WITHIN_GRAIN: dict[str, Callable[[Float64Array], float]] = {
    "close": lambda values: float(values[-1]),
    "open": lambda values: float(values[0]),
    "high": lambda values: float(np.max(values)),
    "low": lambda values: float(np.min(values)),
    "volume": lambda values: float(np.sum(values)),
}
_NEEDS: dict[str, Needs] = {"close": "close", "open": "ohlc", "high": "ohlc", "low": "ohlc", "volume": "volume"}
_WORDS = {"average": "average", "median": "median", "sum": "total", "minimum": "lowest", "maximum": "highest"}


def answer_level(sources: Sources, answer: Answer) -> None:
    """Answer a question on close, open, high, low or volume."""
    query = answer.query
    aggregation = chosen_aggregation(answer)
    period = query.period
    if period.is_empty:
        period = Period(name="latest") if aggregation == "latest" else Period(name="all")
    window = resolve(period, sources.today)
    latest = aggregation == "latest" or period.name == "latest"
    found = read_series(sources, answer, window, purpose="price", latest=latest, needs=_NEEDS[answer.metric.name])
    points = [(series, _points(series, answer.metric.name, window)) for series in found]
    if aggregation == "latest":
        _latest(sources, answer, points)
    elif aggregation in ("minimum", "maximum"):
        _extremes(answer, points, aggregation)
    elif aggregation in ("list", "count"):
        _list(answer, points, count_only=aggregation == "count")
    else:
        _reduce(answer, points, aggregation)


def chosen_aggregation(answer: Answer) -> Aggregation:
    """Return the aggregation asked for, or a list for a stretch of time or a filter, else the newest value."""
    query = answer.query
    if query.aggregation is not None:
        return query.aggregation
    single = query.period.is_empty or query.period.name == "latest" or query.period.last == 1
    if query.filter is not None and answer.metric.kind in ("level", "macro"):
        return "list"
    return "latest" if single and query.grain is None else "list"


def _points(series: Series, name: str, window: DateRange) -> Points:
    if name not in series.fields:
        raise NoData(f"{series.symbol} has closes only: its source gives no {name}.")
    first = first_in(series, window)
    values, days = series.fields[name][first:], series.days[first:]
    there = np.isfinite(values)
    return days[there], values[there]


def level_unit(answer: Answer, series: Series) -> tuple[Unit, str | None]:
    """Return unit and currency of a level of this series."""
    if answer.metric.unit == "money":
        return series.price_unit, series.currency
    return answer.metric.unit, None


def _column(answer: Answer, found: list[Series], *, title: str = "") -> Column:
    unit, currency = level_unit(answer, found[0])
    same = {level_unit(answer, series) for series in found}
    if len(same) > 1:
        unit, currency = "number", None
    return Column(name=answer.metric.name, unit=unit, currency=currency, title=title or answer.metric.title)


def _latest(sources: Sources, answer: Answer, points: list[tuple[Series, Points]]) -> None:
    rows: list[tuple[str, str, float]] = []
    for series, (days, values) in points:
        if len(values) and passes(values[-1], answer.query.filter):
            rows.append((series.symbol, str(days[-1]), float(values[-1])))
    ranked(answer, rows)
    by_symbol = {series.symbol: series for series, _ in points}
    for symbol, day, value in rows[:MOST_FACT_ROWS]:
        unit, currency = level_unit(answer, by_symbol[symbol])
        answer.state(f"{symbol} {answer.metric.name}", value, unit, currency=currency)
        answer.state(f"{symbol} session", day, "date")
    note_age(sources, answer, [day for _, day, _ in rows])
    answer.table(
        [
            Column(name="symbol", unit="text"),
            Column(name="session", unit="date"),
            _column(answer, [s for s, _ in points]),
        ],
        rows,
    )
    answer.bar_chart([row[0] for row in rows], [row[2] for row in rows], unit=answer.metric.unit)


def ranked(answer: Answer, rows: list[tuple[str, str, float]]) -> None:
    """Sort rows (symbol, date, value) by value when an order is asked for or a group was meant, and cut them."""
    query = answer.query
    if query.order or (query.group and not query.symbols):
        descending = query.order == "desc" if query.order else answer.metric.descending
        rows.sort(key=lambda row: (row[2], row[0]), reverse=descending)
    if query.limit is not None:
        del rows[query.limit :]


def note_age(sources: Sources, answer: Answer, days: list[str]) -> None:
    """Say so when the newest value is much older than the desk's date."""
    if days and (np.datetime64(sources.today) - np.datetime64(max(days))) > np.timedelta64(7, "D"):
        answer.note(f"The newest known value is of {max(days)}; the desk's date is {sources.today}.")


def _extremes(answer: Answer, points: list[tuple[Series, Points]], aggregation: Aggregation) -> None:
    pick = np.argmin if aggregation == "minimum" else np.argmax
    rows: list[tuple[str, str, float]] = []
    for series, (days, values) in points:
        if len(values):
            place = int(pick(values))
            rows.append((series.symbol, str(days[place]), float(values[place])))
    ranked(answer, rows)
    by_symbol = {series.symbol: series for series, _ in points}
    for symbol, day, value in rows[:MOST_FACT_ROWS]:
        unit, currency = level_unit(answer, by_symbol[symbol])
        answer.state(f"{symbol} {_WORDS[aggregation]} {answer.metric.name}", value, unit, currency=currency)
        answer.state(f"{symbol} date of the {_WORDS[aggregation]} {answer.metric.name}", day, "date")
    answer.table(
        [
            Column(name="symbol", unit="text"),
            Column(name="session", unit="date"),
            _column(
                answer, [s for s, _ in points], title=f"{_WORDS[aggregation].title()} {answer.metric.title.lower()}"
            ),
        ],
        rows,
    )


def _reduce(answer: Answer, points: list[tuple[Series, Points]], aggregation: Aggregation) -> None:
    reduction = _REDUCTIONS[aggregation]
    # A session is a day already: the average day is the average of the sessions, not a list of them.
    if answer.query.grain not in (None, "day"):
        _list(answer, [(series, _by_grain(answer, part, reduction)) for series, part in points], grained=True)
        return
    rows: list[tuple[str, str, float]] = []
    spans: dict[str, tuple[Cell, Cell, int]] = {}
    for series, (days, values) in points:
        if len(values):
            rows.append((series.symbol, str(days[-1]), reduction(values)))
            spans[series.symbol] = (str(days[0]), str(days[-1]), len(values))
    ranked(answer, rows)
    by_symbol = {series.symbol: series for series, _ in points}
    for symbol, _, value in rows[:MOST_FACT_ROWS]:
        unit, currency = level_unit(answer, by_symbol[symbol])
        answer.state(f"{symbol} {_WORDS[aggregation]} {answer.metric.name}", value, unit, currency=currency)
        answer.state(f"{symbol} first session", spans[symbol][0], "date")
        answer.state(f"{symbol} last session", spans[symbol][1], "date")
        answer.state(f"{symbol} sessions", spans[symbol][2], "count")
    answer.table(
        [
            Column(name="symbol", unit="text"),
            Column(name="from", unit="date"),
            Column(name="to", unit="date"),
            Column(name="sessions", unit="count"),
            _column(
                answer, [s for s, _ in points], title=f"{_WORDS[aggregation].title()} {answer.metric.title.lower()}"
            ),
        ],
        [(symbol, *spans[symbol], value) for symbol, _, value in rows],
    )


def _by_grain(answer: Answer, part: Points, reduction: Callable[[Float64Array], float]) -> Points:
    days, values = part
    grain = answer.query.grain
    if grain is None or not len(days):
        return part
    keys = grain_keys(days, grain)
    ends = grain_ends(days, grain)
    return days[ends], np.array([reduction(values[keys == keys[end]]) for end in ends])


def _list(
    answer: Answer, points: list[tuple[Series, Points]], *, count_only: bool = False, grained: bool = False
) -> None:
    query = answer.query
    rows: list[tuple[str, str, float]] = []
    lines = []
    for series, whole in points:
        part = whole if grained else _by_grain(answer, whole, _WITHIN_GRAIN[answer.metric.name])
        kept = [(str(day), float(value)) for day, value in zip(*part, strict=True) if passes(value, query.filter)]
        newest_first = query.order != "asc"
        shown = (kept[-query.limit :] if newest_first else kept[: query.limit]) if query.limit else kept
        lines.append(ChartSeries(name=series.symbol, x=tuple(d for d, _ in shown), y=tuple(v for _, v in shown)))
        rows.extend((series.symbol, day, value) for day, value in (reversed(shown) if newest_first else shown))
        _state_list(answer, series, kept, count_only=count_only)
    columns = [
        Column(name="symbol", unit="text"),
        Column(name="session", unit="date"),
        _column(answer, [s for s, _ in points]),
    ]
    answer.table(columns, rows)
    if not count_only:
        answer.line_chart(lines, unit=columns[2].unit)


def _state_list(answer: Answer, series: Series, kept: list[tuple[str, float]], *, count_only: bool) -> None:
    unit, currency = level_unit(answer, series)
    if answer.query.filter is not None or count_only:
        answer.state(f"{series.symbol} sessions found", len(kept), "count")
    if kept and not count_only:
        first = answer.query.filter is not None and answer.query.order == "asc" and answer.query.limit == 1
        day, value = kept[0] if first else kept[-1]
        word = "first" if first else "last"
        answer.state(f"{series.symbol} {word} {answer.metric.name}", value, unit, currency=currency)
        answer.state(f"{series.symbol} {word} session", day, "date")
        if len(kept) > 1 and answer.metric.name == "close" and answer.query.filter is None:
            answer.state(f"{series.symbol} change over the list", value / kept[0][1] - 1.0, "ratio")
