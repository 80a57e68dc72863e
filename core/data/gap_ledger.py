"""Say which sessions a stored series should have and has not, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

import numpy as np

from core.data.calendar import Days, sessions_between
from core.domain.market_path import PriceBasis
from core.domain.market_records import Calendar

GapState = Literal["open", "explained", "healed"]
# Why a session is missing and not expected to come.
NOT_LISTED = "not_listed"
DELISTED = "delisted"
HALTED = "halted"
VENDOR_HAS_NONE = "vendor_has_none"
# Why a session is missing and may still come.
HELD_BACK = "held_back"
NOT_DELIVERED = "not_delivered"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesKey:
    """Name one stored series of bars."""

    instrument_id: int
    source: str
    price_basis: PriceBasis


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesDays:
    """Hold the sessions of a series that are stored in the days looked at, with what explains missing ones.

    Sessions are datetime64[D], ascending; `first` and `last` are those of the whole series. `elsewhere` are sessions
    that another source has of the instrument, `held` those that wait in the quarantine, `asked` the days (first,
    last) over which the source was asked and answered.
    """

    key: SeriesKey
    calendar: Calendar
    first: date
    last: date
    sessions: Days
    listed: date | None = None
    delisted: date | None = None
    elsewhere: Days | None = None
    held: Days | None = None
    asked: tuple[tuple[date, date], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Name a missing session and say whether it may still come, and why it is missing."""

    key: SeriesKey
    session: date
    state: GapState
    reason: str


def find_gaps(series: SeriesDays, start: date, end: date) -> list[Gap]:
    """Return the expected sessions from start to end that are not stored, each open or explained.

    Expected are the sessions of the exchange calendar between the first and the last stored one and, where the source
    was asked, those of the days asked for.
    """
    missing = expected_sessions(series, start, end)
    return [_explain(series, day) for day in missing[~np.isin(missing, series.sessions)]]


def expected_sessions(series: SeriesDays, start: date, end: date) -> Days:
    """Return the sessions from start to end that the series should have."""
    expected = _between(series.calendar, max(start, series.first), min(end, series.last))
    for begin, stop in series.asked:
        expected = np.union1d(expected, _between(series.calendar, max(start, begin), min(end, stop)))
    return expected


def _between(calendar: Calendar, first: date, last: date) -> Days:
    return sessions_between(calendar, first, last) if first <= last else np.empty(0, dtype="datetime64[D]")


def _explain(series: SeriesDays, day: np.datetime64) -> Gap:
    session = day.astype(object)
    assert isinstance(session, date)
    state: GapState = "explained"
    if series.listed is not None and session < series.listed:
        reason = NOT_LISTED
    elif series.delisted is not None and session > series.delisted:
        reason = DELISTED
    elif series.held is not None and day in series.held:
        state, reason = "open", HELD_BACK
    elif not any(begin <= session <= stop for begin, stop in series.asked):
        state, reason = "open", NOT_DELIVERED
    elif session < series.first and series.listed is None:
        # Asked for, and nothing older has ever come.
        reason = NOT_LISTED
    elif series.elsewhere is not None and len(series.elsewhere) and day not in series.elsewhere:
        reason = HALTED
    else:
        reason = VENDOR_HAS_NONE
    return Gap(key=series.key, session=session, state=state, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class GapCount:
    """Count the gaps of one source by state and reason; `topic` is bars, macro, news or events."""

    topic: str
    source: str
    state: GapState
    reason: str
    gaps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowCoverage:
    """Say what one source has of the sessions expected of it over some days.

    `explained` sessions are missing for a known reason; `open` ones may still come.
    """

    source: str
    instruments: int
    expected: int
    stored: int
    explained: int
    open: int

    @property
    def share(self) -> float:
        """Return stored sessions over those that are expected and not explained away; 1 where nothing is expected."""
        wanted = self.expected - self.explained
        return self.stored / wanted if wanted else 1.0


class GapLedger(Protocol):
    """Keep the ledger of missing sessions."""

    def look(
        self,
        asked: Mapping[str, Sequence[tuple[date, date]]],
        start: date,
        end: date,
        *,
        instrument_ids: Sequence[int] | None = None,
    ) -> Sequence[WindowCoverage]:
        """Compare what is stored of the sources asked, from start to end, with what is expected; record the gaps.

        `instrument_ids` None means every instrument that the sources have.
        """
        ...

    def gaps(self, *, state: GapState | None = None, limit: int = 200) -> Sequence[Gap]:
        """Return gaps, newest session first."""
        ...
