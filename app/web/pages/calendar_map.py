"""Draw a year of sessions day by day: how many names of a topic should have a bar, and how many have one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from core.data.calendar import last_closed_session, sessions_between
from core.data.coverage import SeriesCoverage
from core.reporting.rendering import render_value

_WEEK, _WORKDAYS = 7, 5
_WEEKDAYS = ("Mon", "", "Wed", "", "Fri", "", "")
_SHOWN_DAYS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCoverage:
    """Count, for one day, the names that should have a bar and those that have one from any source."""

    day: date
    expected: int
    stored: int


def ended_before(series: Sequence[SeriesCoverage], start: date) -> list[str]:
    """Return the symbols whose newest bar of any source is older than `start`, in order."""
    newest: dict[str, date] = {}
    for entry in series:
        newest[entry.symbol] = max(entry.last, newest.get(entry.symbol, entry.last))
    return sorted(symbol for symbol, last in newest.items() if last < start)


def days_of(
    series: Sequence[SeriesCoverage], gaps: Mapping[SeriesCoverage, Sequence[date]], start: date, now: datetime
) -> list[DayCoverage]:
    """Return the sessions since `start` that had closed by `now`, each with what is expected and stored.

    A name is expected from its first session on, up to `now` even when its bars end earlier; names that ended before
    `start` are not. `gaps` holds the sessions without a bar between the first and last of a series.
    """
    left_out = set(ended_before(series, start))
    by_name: dict[str, list[SeriesCoverage]] = {}
    for entry in series:
        if entry.symbol not in left_out:
            by_name.setdefault(entry.symbol, []).append(entry)
    expected: Counter[date] = Counter()
    stored: Counter[date] = Counter()
    for sources in by_name.values():
        calendar = sources[0].calendar
        first = max(start, min(entry.first for entry in sources))
        expected.update(sessions_between(calendar, first, last_closed_session(now, calendar)).tolist())
        there: set[date] = set()
        for entry in sources:
            days = sessions_between(calendar, max(start, entry.first), entry.last).tolist()
            there |= set(days) - set(gaps.get(entry, ()))
        stored.update(there)
    return [DayCoverage(day=day, expected=expected[day], stored=stored[day]) for day in sorted(expected)]


def year_before(moment: datetime) -> date:
    """Return the Monday of the week 52 weeks before a moment."""
    return (moment - timedelta(weeks=52, days=moment.weekday())).date()


def calendar_html(days: Sequence[DayCoverage], start: date) -> str:
    """Return the map: a column per week from `start` (a Monday), a row per weekday, months above."""
    by_day = {entry.day: entry for entry in days}
    last = days[-1].day if days else start
    weeks = (last - start).days // _WEEK + 1
    rows = _WEEK if any(entry.day.weekday() >= _WORKDAYS for entry in days) else _WORKDAYS
    cells = "".join(
        _cell(start + timedelta(days=week * _WEEK + row), by_day) for week in range(weeks) for row in range(rows)
    )
    names = "".join(f"<span>{name}</span>" for name in _WEEKDAYS[:rows])
    label = f"{_total(days)} from {start} to {last}"
    return (
        f'<div class="qd-year" style="--weeks: {weeks}; --rows: {rows}">'
        f'<div class="months">{_months(start, weeks)}</div>'
        f'<div class="days">{names}</div><div class="cells" role="img" aria-label="{label}">{cells}</div></div>'
        f'<p class="qd-note">{_total(days)}. {_incomplete(days)}</p>'
    )


def _cell(day: date, by_day: Mapping[date, DayCoverage]) -> str:
    entry = by_day.get(day)
    if entry is None:
        return "<span></span>"
    share = entry.stored / entry.expected
    level = "full" if share >= 1 else "part" if share > 0 else "none"
    return f'<span class="{level}" style="--share: {share:.2f}" title="{_words(entry)}"></span>'


def _months(start: date, weeks: int) -> str:
    found, month = [], 0
    for week in range(weeks):
        day = start + timedelta(days=week * _WEEK)
        if day.month != month and week < weeks - 1:
            month = day.month
            found.append(f'<span style="grid-column: {week + 1}">{day:%b}</span>')
    return "".join(found[1:] if len(found) > 1 and start.day > _WEEK * 2 else found)


def _total(days: Sequence[DayCoverage]) -> str:
    stored, expected = sum(entry.stored for entry in days), sum(entry.expected for entry in days)
    return f"{render_value(stored, 'count')} of {render_value(expected, 'count')} expected bars are stored"


def _incomplete(days: Sequence[DayCoverage]) -> str:
    short = [entry for entry in days if entry.stored < entry.expected]
    if not short:
        return "No day is incomplete."
    listed = "; ".join(_words(entry) for entry in short[-_SHOWN_DAYS:])
    more = f", of {render_value(len(short), 'count')}" if len(short) > _SHOWN_DAYS else ""
    return f"Incomplete days, newest last{more}: {listed}."


def _words(entry: DayCoverage) -> str:
    return f"{entry.day}: {render_value(entry.stored, 'count')} of {render_value(entry.expected, 'count')}"
