"""Say what is stored: per dataset and per series, how fresh it is and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

import numpy as np

from core.data.calendar import Days, last_closed_session, sessions_between
from core.data.gap_ledger import GapCount
from core.domain.as_of import AsOf
from core.domain.market_path import PriceBasis
from core.domain.market_records import Calendar

if TYPE_CHECKING:
    from core.data.freshness import SourceFreshness


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetCoverage:
    """Sum up one dataset as known at a time.

    `items` counts what it is about (symbols, series, countries), `missing` the sessions between first and last that
    have no bar (None where nothing is expected on fixed days), `behind` the sessions since the last one.
    """

    dataset: str
    topic: str
    items: int
    rows: int
    first: date | None
    last: date | None
    sources: tuple[str, ...]
    missing: int | None = None
    behind: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesCoverage:
    """Describe one stored series of bars as known at a time."""

    instrument_id: int
    symbol: str
    asset_class: str
    calendar: Calendar
    source: str
    price_basis: PriceBasis
    stored: int
    expected: int
    first: date
    last: date
    behind: int

    @property
    def missing(self) -> int:
        """Return the number of sessions between first and last without a bar."""
        return max(self.expected - self.stored, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class YearCoverage:
    """Give stored and expected bars of one asset class and year."""

    asset_class: str
    year: int
    stored: int
    expected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCoverage:
    """Count rows that are held back for one reason."""

    record_kind: str
    verdict: str
    reason: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestRun:
    """Sum up one run that brought data in; `rows_new` counts rows that were not stored before."""

    run_id: str
    mode: str
    state: str
    started_at: datetime
    finished_at: datetime | None
    rows_read: int
    rows_new: int
    rows_held: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MacroGap:
    """Name a period of a macro series that is not stored, between the first and the last one that are."""

    series_id: str
    period: date
    reason: str


class CoverageReader(Protocol):
    """Read what is stored."""

    def datasets(self, *, as_of: AsOf) -> Sequence[DatasetCoverage]:
        """Return one summary per dataset: bars by asset class, then the other records."""
        ...

    def series(self, instrument_ids: Sequence[int], *, as_of: AsOf) -> Sequence[SeriesCoverage]:
        """Return the stored series of instruments, in the order of sources for prices."""
        ...

    def years(self) -> Sequence[YearCoverage]:
        """Return stored and expected bars by asset class and year."""
        ...

    def gaps(self, series: Sequence[SeriesCoverage], *, as_of: AsOf) -> Sequence[Sequence[date]]:
        """Return of each series the sessions between its first and its last one without a bar."""
        ...

    def macro_gaps(self, *, as_of: AsOf) -> Sequence[MacroGap]:
        """Return missing periods of monthly, quarterly and annual series, with what explains them."""
        ...

    def gap_counts(self) -> Sequence[GapCount]:
        """Return how many gaps the ledgers hold, by topic, source, state and reason."""
        ...

    def freshness(self, *, as_of: AsOf) -> Sequence[SourceFreshness]:
        """Return every source of bars, macro, news, economic and geopolitical events, the late ones first."""
        ...

    def held(self) -> Sequence[HeldCoverage]:
        """Return how many rows are held back and why."""
        ...

    def runs(self, *, limit: int = 12) -> Sequence[IngestRun]:
        """Return the runs that brought data in, newest first."""
        ...


def count_sessions(calendar: Calendar, first: date, last: date) -> int:
    """Return the number of sessions from first to last, both included."""
    return len(sessions_between(calendar, first, last)) if first <= last else 0


def sessions_behind(calendar: Calendar, last: date, as_of: AsOf) -> int:
    """Return how many sessions have closed since the last stored one."""
    newest = last_closed_session(as_of.known, calendar)
    return max(count_sessions(calendar, last, newest) - 1, 0) if newest > last else 0


def missing_sessions(calendar: Calendar, first: date, last: date, stored: Days) -> list[date]:
    """Return the sessions from first to last that are not among the stored ones, datetime64[D] in any order."""
    expected = sessions_between(calendar, first, last)
    if not len(expected):
        return []
    there = np.zeros(int((expected[-1] - expected[0]).astype(np.int64)) + 1, dtype=np.bool_)
    places = (stored - expected[0]).astype(np.int64)
    there[places[(places >= 0) & (places < len(there))]] = True
    days: list[date] = expected[~there[(expected - expected[0]).astype(np.int64)]].tolist()
    return days
