"""Read price series for questions: who is meant, which window, one source and basis for each series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from core.domain.facts import Unit
from core.domain.market_records import Instrument
from core.domain.panel import Panel
from core.errors import InvalidInput, NoData, UnknownName
from core.ports.market_data import Needs, Purpose
from core.query.catalog import find_group
from core.query.semantic.answer import Answer, Sources
from core.query.semantic.metric_query import Grain, ValueFilter
from core.query.semantic.period import DateRange

if TYPE_CHECKING:
    from core.domain.kernel import Float64Array
    from core.domain.market_path import DayArray

ASSET_CLASSES = frozenset({"equity", "etf", "crypto", "index", "fx", "commodity"})
# A session count becomes calendar days with room for holidays.
DAYS_PER_SESSION = 1.6
BEFORE = timedelta(days=14)
# A series that ended this long before the newest one of its group no longer belongs to a "latest" list.
STALE = timedelta(days=10)
_BASIS_REMARKS = {
    "total_return": "total-return-adjusted prices (dividends and splits inside)",
    "split_adjusted": "split-adjusted prices (dividends not inside)",
    "raw": "raw traded prices",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Hold one instrument's sessions without gaps; fields the source does not have are missing."""

    instrument: Instrument
    days: DayArray
    fields: dict[str, Float64Array]

    @property
    def symbol(self) -> str:
        """Return the symbol."""
        return self.instrument.symbol

    @property
    def close(self) -> Float64Array:
        """Return the closes."""
        return self.fields["close"]

    @property
    def price_unit(self) -> Unit:
        """Return how a price of it is printed: money, or a plain number for indices and exchange rates."""
        return "number" if self.instrument.asset_class in ("index", "fx") else "money"

    @property
    def currency(self) -> str | None:
        """Return the currency of its prices, if they are money."""
        return self.instrument.currency if self.price_unit == "money" else None

    @property
    def sessions_per_year(self) -> int:
        """Return 365 where it trades every day, else 252."""
        return 365 if self.instrument.calendar == "24x7" else 252


def find_members(sources: Sources, answer: Answer) -> tuple[list[Instrument], bool]:
    """Return the instruments asked about, and whether they were named one by one.

    Raises UnknownName for a symbol or group that does not exist, InvalidInput when neither is given.
    """
    query = answer.query
    if query.symbols:
        found = {part.instrument_id: part for part in (sources.instruments.find(name) for name in query.symbols)}
        members, named = list(found.values()), True
    elif query.group:
        members, named = _group(sources, query.group), False
    else:
        raise InvalidInput(f"{answer.metric.title} of what?", hint="Give symbols or a group.")
    if len(members) < answer.metric.least:
        raise InvalidInput(f"{answer.metric.title} needs at least {answer.metric.least} symbols.")
    return members, named


def _group(sources: Sources, name: str) -> list[Instrument]:
    known = find_group(name)
    key = known.name if known else name.strip().lower().replace(" ", "_").replace("-", "_")
    by_class = key in ASSET_CLASSES
    # Who was in the group then, not who is today.
    members = sources.instruments.list(
        asset_class=key if by_class else None, group=None if by_class else key, on=sources.today
    )
    if not members:
        every = {group for part in sources.instruments.list() for group in part.groups} | ASSET_CLASSES
        from difflib import get_close_matches

        raise UnknownName("group", name, get_close_matches(key, sorted(every), n=3))
    return list(members)


def read_series(
    sources: Sources,
    answer: Answer,
    window: DateRange,
    *,
    purpose: Purpose,
    lookback_sessions: int = 1,
    latest: bool = False,
    needs: Needs = "close",
) -> list[Series]:
    """Return a series for each instrument asked about, from `lookback_sessions` before the window to its end.

    A `latest` window ends at the newest session of the instruments. Members of a group without data are left out and
    counted in a note; a named symbol without data raises NoData.
    """
    members, named = find_members(sources, answer)
    asked = len(members)
    if not named:
        members = _stored(sources, members)
    end = min(window.end or sources.today, sources.today)
    start = window.start
    sessions = (window.sessions or 0) + lookback_sessions
    if latest or window.sessions:
        newest = sources.bars.last_session([part.instrument_id for part in members], as_of=sources.as_of)
        if newest is None:
            raise NoData(f"No prices are stored for {', '.join(part.symbol for part in members[:5])}.")
        end = min(end, newest)
        start = None
    if start is not None and start > end:
        raise NoData(f"The period starts on {start}, after the desk's date {sources.today}.")
    since = _since(start, end, sessions) if start is not None or latest or window.sessions else None
    panels, absent = _panels(sources, members, purpose, since, end, named, needs)
    found = [series for panel in panels for series in _split(panel, members)]
    if latest and not named:
        found, stale = _without_stale(found)
        absent += stale
    absent += asked - len(members)
    if absent:
        answer.note(f"{absent} of {asked} have no prices in the period and are left out.")
    if not found:
        raise NoData(f"None of the {asked} members has prices in the period.")
    _describe(answer, panels)
    return found


def _stored(sources: Sources, members: list[Instrument]) -> list[Instrument]:
    from core.query.semantic.statement import Statement

    ids = [part.instrument_id for part in members]
    statement = Statement("ops.v_coverage", "instrument_id").where("instrument_id = ANY(?) AND stored > 0", ids)
    found = statement.group("instrument_id").run(sources.query, sources.as_of, label="public")
    stored = {row[0] for row in found.rows}
    if not stored:
        raise NoData(f"None of the {len(members)} members has prices stored.")
    return [part for part in members if part.instrument_id in stored]


def _since(start: date | None, end: date, sessions: int) -> date:
    days = timedelta(days=round(sessions * DAYS_PER_SESSION)) + BEFORE
    base = start or end
    return base - days if base - date.min > days else date.min


def _panels(
    sources: Sources,
    members: Sequence[Instrument],
    purpose: Purpose,
    start: date | None,
    end: date,
    named: bool,
    needs: Needs,
) -> tuple[list[Panel], int]:
    def read(ids: list[int]) -> Panel:
        return sources.bars.panel(ids, purpose=purpose, as_of=sources.as_of, start=start, end=end, needs=needs)

    try:
        return [read([part.instrument_id for part in members])], 0
    except NoData:
        if len(members) == 1:
            raise
    panels, absent = [], 0
    for part in members:
        try:
            panels.append(read([part.instrument_id]))
        except NoData:
            if named:
                raise
            absent += 1
    return panels, absent


def _split(panel: Panel, members: Sequence[Instrument]) -> list[Series]:
    by_symbol = {part.symbol: part for part in members}
    grids = {"close": panel.close, "open": panel.open, "high": panel.high, "low": panel.low, "volume": panel.volume}
    found = []
    for index, symbol in enumerate(panel.symbols):
        there = np.isfinite(panel.close[:, index])
        fields = {
            name: np.asarray(grid[there, index], dtype=np.float64) for name, grid in grids.items() if grid is not None
        }
        found.append(Series(instrument=by_symbol[symbol], days=panel.sessions[there], fields=fields))
    return [series for series in found if len(series.days)]


def _without_stale(found: list[Series]) -> tuple[list[Series], int]:
    if not found:
        return found, 0
    newest = max(series.days[-1] for series in found)
    fresh = [series for series in found if newest - series.days[-1] <= np.timedelta64(STALE.days, "D")]
    return fresh, len(found) - len(fresh)


def _describe(answer: Answer, panels: Sequence[Panel]) -> None:
    for panel in panels:
        if panel.sql not in answer.sql:
            answer.sql.append(panel.sql)
        answer.sources.extend(f"{part.symbol}: {part.source} ({part.price_basis})" for part in panel.series)
    bases = dict.fromkeys(part.price_basis for panel in panels for part in panel.series)
    answer.note(f"From {' and '.join(_BASIS_REMARKS[basis] for basis in bases)}.")


def first_in(series: Series, window: DateRange) -> int:
    """Return the position of the first session of the window; raise NoData when none lies in it."""
    if window.sessions:
        return max(len(series.days) - window.sessions, 0)
    first = 0 if window.start is None else int(np.searchsorted(series.days, np.datetime64(window.start)))
    if first >= len(series.days):
        raise NoData(
            f"{series.symbol} has no session from {window.start} on in this period.",
            hint=f"Its newest known session is {series.days[-1]}.",
        )
    return first


def grain_ends(days: DayArray, grain: Grain) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Return the positions of the last session of each day, week (from Monday), month, quarter or year."""
    keys = grain_keys(days, grain)
    last = np.ones(len(keys), dtype=bool)
    last[:-1] = keys[1:] != keys[:-1]
    return np.flatnonzero(last)


def grain_keys(days: DayArray, grain: Grain) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Number the weeks, months ... that days fall in."""
    if grain == "day":
        return days.astype("datetime64[D]").astype(np.int64)
    if grain == "week":
        return (days.astype("datetime64[D]").astype(np.int64) + 3) // 7
    months = days.astype("datetime64[M]").astype(np.int64)
    return np.asarray(months // {"month": 1, "quarter": 3, "year": 12}[grain], dtype=np.int64)


def passes(value: float, wanted: ValueFilter | None) -> bool:
    """Say whether a value satisfies a filter; a missing value does not."""
    if value != value:
        return False
    if wanted is None:
        return True
    tests = {
        ">": value > wanted.value,
        ">=": value >= wanted.value,
        "<": value < wanted.value,
        "<=": value <= wanted.value,
        "=": value == wanted.value,
        "!=": value != wanted.value,
    }
    return tests[wanted.operator]
