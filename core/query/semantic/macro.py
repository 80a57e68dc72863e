"""Answer questions on macro series: values, changes, growth, spreads, thresholds; as known at the time."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from statistics import fmean, median
from typing import Literal

from core.domain.as_of import AsOf
from core.domain.facts import ChartSeries, Column, Unit
from core.errors import InvalidInput, NoData
from core.query.catalog import find_macro
from core.query.semantic.answer import MOST_FACT_ROWS, Answer, Sources
from core.query.semantic.levels import chosen_aggregation
from core.query.semantic.metric_query import Grain
from core.query.semantic.period import DateRange, Period, months_before, resolve
from core.query.semantic.prices import passes
from core.query.semantic.statement import Statement

Point = tuple[date, float]
_STEP_DAYS = {"daily": 1, "weekly": 7, "monthly": 31, "quarterly": 92, "annual": 366}
_PER_YEAR = {"daily": 200, "weekly": 50, "monthly": 12, "quarterly": 4, "annual": 1}
_GRAIN_OF = {"weekly": "week", "monthly": "month", "quarterly": "quarter", "annual": "year"}
_SHARE_OF_YEAR = {"day": 365, "week": 52, "month": 12, "quarter": 4, "year": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro:
    """Hold one series as it was known."""

    series_id: str
    name: str
    unit: str
    frequency: str
    points: list[Point]
    published: dict[date, str] = field(default_factory=dict)
    """When each value was published, where it is asked for as first published."""

    @property
    def fact_unit(self) -> Unit:
        """Return how its values are printed."""
        return "percent" if self.unit.strip().lower().startswith(("percent", "%")) else "number"


def answer_macro(sources: Sources, answer: Answer) -> None:
    """Answer a question on macro series."""
    names = answer.query.series or answer.query.symbols
    if len(names) < answer.metric.least:
        raise InvalidInput(f"{answer.metric.title} needs {answer.metric.least} series.", hint="Name macro series.")
    if answer.query.vintage == "first" and answer.metric.name != "macro_value":
        raise InvalidInput(
            f"{answer.metric.title} compares figures, and as first published they belong to different days.",
            hint="Ask for the values as first published, or for it as known on a day.",
        )
    window = _window(sources, answer)
    found = [_read(sources, answer, name, window) for name in names]
    if answer.metric.name == "macro_spread":
        _spread(answer, found, window)
        return
    for series in found:
        points, unit = _measured(answer, series)
        inside = _inside(points, window, answer.query.period)
        if not inside:
            raise NoData(
                f"No value of {series.name} lies in the period.",
                hint=f"It is known from {points[0][0]} to {points[-1][0]}." if points else "",
            )
        _state(answer, series, inside, unit, sources)
    _table(answer, found, window)


def _window(sources: Sources, answer: Answer) -> DateRange:
    query = answer.query
    period = query.period
    if period.is_empty:
        seeking = query.filter is not None or query.aggregation in ("minimum", "maximum", "average", "median")
        period = Period(name="all") if seeking or query.grain else answer.metric.default_period
    return resolve(period, sources.today)


def _read(sources: Sources, answer: Answer, name: str, window: DateRange) -> Macro:
    """Read the first stored series that the name means, with a year before the window for changes."""
    concept = find_macro(name)
    wanted = list(concept.series) if concept else []
    if not wanted:
        wanted = [sources.macro.find(name).series_id]
    start = None
    if window.start is not None:
        start = months_before(window.start, 36)
    elif window.sessions is not None:
        start = months_before(sources.today, 60)
    for series_id in wanted:
        found = _query(sources, answer, series_id, start, window.end) or (
            _query(sources, answer, series_id, None, window.end) if start else None
        )
        if found is not None:
            if concept and series_id != concept.series[0]:
                answer.note(f"{concept.title}: {series_id} answers, {concept.series[0]} is not stored.")
            return found
    if not concept:
        raise NoData(f"No value of {name} was known on {sources.as_of.known:%Y-%m-%d}.")
    raise NoData(
        f"No series for {concept.title} is stored (looked for {', '.join(wanted)}).",
        hint="`quantdesk coverage` shows what is stored.",
    )


def _query(sources: Sources, answer: Answer, series_id: str, start: date | None, end: date | None) -> Macro | None:
    vintage = answer.query.vintage
    columns = ("series_id", "name", "unit", "frequency", "period", "value", "source")
    if vintage == "first":
        statement = Statement(
            "market_data.v_macro_vintages", *columns, "known_at", "known_at_method", distinct_on=("period",)
        )
    else:
        statement = Statement("market_data.v_macro", *columns)
    statement.where("series_id = ? AND NOT value IS NULL", series_id)
    if start is not None:
        statement.where("period >= ?", start)
    if end is not None:
        statement.where("period <= ?", end)
    order = ("period", "known_at", "vintage", "source") if vintage == "first" else ("period",)
    result = statement.order(*order).run(sources.query, _known(sources, vintage), label="public")
    if not result.rows:
        return None
    answer.sql.append(result.sql)
    first = result.rows[0]
    answer.sources.append(f"{series_id}: {first[6]}")
    if vintage == "first" and any(row[8] != "vintage" for row in result.rows):
        answer.note(f"Not every vintage of {first[1]} is stored: the earliest that is may be a revised one.")
    said = "" if vintage is None else ", as first published" if vintage == "first" else f", as known on {vintage}"
    return Macro(
        series_id=str(first[0]),
        name=f"{first[1]}{said}",
        unit=str(first[2]),
        frequency=str(first[3]),
        points=[(date.fromisoformat(str(row[4])), float(row[5] or 0.0)) for row in result.rows],
        published={date.fromisoformat(str(row[4])): str(row[7])[:10] for row in result.rows}
        if vintage == "first"
        else {},
    )


def _known(sources: Sources, vintage: Literal["first"] | date | None) -> AsOf:
    """Return as of when the series is read: what is asked for, never later than the question itself."""
    if not isinstance(vintage, date):
        return sources.as_of
    if vintage > sources.today:
        raise InvalidInput(f"What is known on {vintage} is not known yet.", hint=f"The desk's date is {sources.today}.")
    end = datetime.combine(vintage, time.max, UTC)
    return AsOf(known=min(end, sources.as_of.known), recorded=sources.as_of.recorded)


def _inside(points: list[Point], window: DateRange, period: Period) -> list[Point]:
    if window.sessions is not None:
        return points[-window.sessions :]
    if period.last is not None and points:
        # "The last 12 months" of a series that is published late are its newest 12.
        start = resolve(period, points[-1][0]).start
        return [point for point in points if start is None or point[0] > start]
    return [point for point in points if window.start is None or point[0] >= window.start]


def _measured(answer: Answer, series: Macro) -> tuple[list[Point], Unit]:
    """Return the points of what is asked of one series, with their unit."""
    query, name = answer.query, answer.metric.name
    if name == "macro_yoy":
        return year_over_year(series.points, series.frequency), "ratio"
    if name == "macro_growth":
        averages = period_averages(series.points, query.grain or "year", series.frequency)
        return [(day, value / before - 1.0) for (_, before), (day, value) in _pairs(averages) if before], "ratio"
    points = period_averages(series.points, query.grain, series.frequency) if query.grain else series.points
    if name == "macro_change":
        return [(day, value - before) for (_, before), (day, value) in _pairs(points)], series.fact_unit
    return points, series.fact_unit


def _pairs(points: list[Point]) -> list[tuple[Point, Point]]:
    return list(pairwise(points))


def year_over_year(points: list[Point], frequency: str) -> list[Point]:
    """Return each value over the one a year before minus one; periods without one a year before are left out.

    Monthly and slower series need the same period; daily and weekly ones take the last value of the ten days up to it.
    """
    days = [day for day, _ in points]
    slack = timedelta(days=10 if frequency in ("daily", "weekly") else 0)
    found = []
    for day, value in points:
        wanted = months_before(day, 12)
        place = bisect_right(days, wanted) - 1
        if place >= 0 and wanted - days[place] <= slack and points[place][1]:
            found.append((day, value / points[place][1] - 1.0))
    return found


def period_averages(points: list[Point], grain: Grain, frequency: str) -> list[Point]:
    """Average the values of each week, month, quarter or year; incomplete periods are left out.

    The date is the first day of the period.
    """
    groups: dict[date, list[float]] = defaultdict(list)
    for day, value in points:
        groups[grain_start(day, grain)].append(value)
    needed = _PER_YEAR.get(frequency, 1) // _SHARE_OF_YEAR[grain]
    return [(day, fmean(values)) for day, values in sorted(groups.items()) if len(values) >= max(needed, 1)]


def grain_start(day: date, grain: Grain) -> date:
    """Return the first day of the week, month, quarter or year that a day lies in."""
    if grain == "day":
        return day
    if grain == "week":
        return day - timedelta(days=day.weekday())
    months = {"month": 1, "quarter": 3, "year": 12}[grain]
    return date(day.year, (day.month - 1) // months * months + 1, 1)


def _state(answer: Answer, series: Macro, points: list[Point], unit: Unit, sources: Sources) -> None:
    query = answer.query
    aggregation = _aggregation(answer)
    title = series.name if answer.metric.name == "macro_value" else f"{series.name}, {answer.metric.title.lower()}"
    kept = [point for point in points if passes(point[1], query.filter)]
    if query.filter is not None:
        answer.state(f"{title}: periods found", len(kept), "count")
        if not kept:
            answer.note(f"No period of {series.name} satisfies the condition.")
            return
    if aggregation in ("minimum", "maximum"):
        day, value = (min if aggregation == "minimum" else max)(kept, key=lambda point: point[1])
        word = "lowest" if aggregation == "minimum" else "highest"
        answer.state(f"{word} {title}", value, unit)
        answer.state(f"date of the {word} {title}", day.isoformat(), "date")
        return
    if aggregation in ("average", "median"):
        values = [value for _, value in kept]
        answer.state(f"{aggregation} {title}", fmean(values) if aggregation == "average" else median(values), unit)
        answer.state(f"{title}: first period", kept[0][0].isoformat(), "date")
        answer.state(f"{title}: last period", kept[-1][0].isoformat(), "date")
        return
    if aggregation == "count":
        answer.state(f"{title}: periods", len(kept), "count")
        return
    first = query.filter is not None and query.order == "asc"
    day, value = kept[0] if first else kept[-1]
    answer.state(title, value, unit)
    answer.state(f"{title}: period", day.isoformat(), "date")
    if day in series.published:
        answer.state(f"{title}: published", series.published[day], "date")
    _note_age(answer, series, day, sources, filtered=query.filter is not None)


def _aggregation(answer: Answer) -> str:
    if answer.metric.name in ("macro_change", "macro_growth") and answer.query.aggregation is None:
        return "list"
    if answer.metric.name == "macro_value" and answer.query.grain and answer.query.aggregation == "average":
        # The averages of the periods are what is asked for, not the average of these.
        return "list"
    return chosen_aggregation(answer)


def _note_age(answer: Answer, series: Macro, day: date, sources: Sources, *, filtered: bool) -> None:
    expected = 3 * _STEP_DAYS.get(series.frequency, 31) + 30
    if answer.metric.name not in ("macro_value", "macro_yoy") or answer.query.grain:
        return
    if (
        answer.query.vintage is None
        and not filtered
        and answer.query.period.is_empty
        and (sources.today - day).days > expected
    ):
        answer.note(f"The newest known value of {series.name} is of {day}; the desk's date is {sources.today}.")


def _table(answer: Answer, found: list[Macro], window: DateRange) -> None:
    query = answer.query
    columns: list[list[Point]] = []
    units: list[Unit] = []
    for series in found:
        points, unit = _measured(answer, series)
        columns.append(
            [point for point in _inside(points, window, answer.query.period) if passes(point[1], query.filter)]
        )
        units.append(unit)
    if _aggregation(answer) not in ("list", "latest"):
        return
    days = sorted({day for points in columns for day, _ in points})
    newest_first = query.order == "desc" or (query.filter is not None and query.order is None)
    shown = list(reversed(days)) if newest_first else days
    if query.limit is not None:
        shown = shown[: query.limit] if query.order is not None or query.filter is not None else days[-query.limit :]
    values = [dict(points) for points in columns]
    answer.table(
        [
            Column(name="period", unit="date"),
            *(
                Column(name=series.series_id, unit=unit, title=series.name)
                for series, unit in zip(found, units, strict=True)
            ),
        ],
        [(day.isoformat(), *(part.get(day) for part in values)) for day in shown],
    )
    lines = [
        ChartSeries(name=series.name, x=tuple(day.isoformat() for day, _ in points), y=tuple(v for _, v in points))
        for series, points in zip(found, columns, strict=True)
    ]
    if answer.query.filter is None:
        # A line through only those periods that passed would draw values where none did.
        answer.line_chart(lines[:MOST_FACT_ROWS], unit=units[0])


def _spread(answer: Answer, found: list[Macro], window: DateRange) -> None:
    """State the first series minus the second, by date; the finer frequency is averaged to the coarser."""
    from core.query.semantic.statistics import state_series

    if len(found) != 2:
        raise InvalidInput("A spread needs exactly two series.")
    import numpy as np

    first, second = found
    left, right = dict(first.points), dict(second.points)
    if first.frequency != second.frequency:
        coarse = max(first.frequency, second.frequency, key=lambda name: _STEP_DAYS.get(name, 31))
        grain: Grain = _GRAIN_OF.get(coarse, "month")  # type: ignore[assignment]
        left = dict(period_averages(first.points, grain, coarse))
        right = dict(period_averages(second.points, grain, coarse))
        answer.note(f"Averages by {grain}, because {second.name} and {first.name} differ in frequency.")
    points = _inside(
        [(day, left[day] - right[day]) for day in sorted(left.keys() & right.keys())], window, answer.query.period
    )
    if not points:
        raise NoData(f"{first.name} and {second.name} have no common dates in the period.")
    days = np.array([np.datetime64(day) for day, _ in points])
    if first.fact_unit == "percent":
        answer.note("In percentage points.")
    state_series(answer, f"{first.series_id} and {second.series_id}", days, np.array([value for _, value in points]))
