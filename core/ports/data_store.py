"""Define how ingested data is stored: bars by series, every other record by key, runs and doubtful rows in the open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from core.domain.market_path import PriceBasis
from core.domain.market_records import Instrument, SymbolHistory
from core.ports.vendor import Floats, RecordRows

Ids = NDArray[np.int32]
_EXAMPLES = 20
Days = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BarArrays:
    """Hold bars of one source and basis as arrays of equal length; NaN is a missing price or volume.

    `flag` indexes `flags` (0 is none). `session` is datetime64[D], `known_at` datetime64[us] in UTC.
    """

    instrument_id: Ids
    session: Days
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    flag: NDArray[np.int16]
    flags: tuple[str, ...]
    known_at: NDArray[np.datetime64]

    def __len__(self) -> int:
        return len(self.session)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> BarArrays:
        """Return the chosen rows, by mask or position."""
        return BarArrays(
            instrument_id=self.instrument_id[rows],
            session=self.session[rows],
            open=self.open[rows],
            high=self.high[rows],
            low=self.low[rows],
            close=self.close[rows],
            volume=self.volume[rows],
            flag=self.flag[rows],
            flags=self.flags,
            known_at=self.known_at[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Name a split as it was known: new shares per old from the ex-date on."""

    instrument_id: int
    ex_date: date
    ratio: float
    known_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRow:
    """Hold a row that was not stored, as it arrived, with the reason."""

    record_kind: str
    source: str
    symbol: str
    about: date | None
    verdict: Literal["reject", "quarantine"]
    reason: str
    detail: str
    row: Mapping[str, Any]
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """Name a step of a run, whom it asks, and the days it covers, both included."""

    step: str
    source: str
    first_day: date
    last_day: date


@dataclass(slots=True, kw_only=True)
class Counts:
    """Count what became of the rows of one step; `examples` describes the first rows that were held back."""

    read: int = 0
    new: int = 0
    changed: int = 0
    same: int = 0
    quarantined: int = 0
    rejected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)

    @property
    def stored(self) -> int:
        """Return how many of the rows read are in the store now."""
        return self.new + self.changed + self.same

    def add(self, other: Counts) -> None:
        """Add the counts of another step."""
        self.read += other.read
        self.new += other.new
        self.changed += other.changed
        self.same += other.same
        self.quarantined += other.quarantined
        self.rejected += other.rejected
        for reason, count in other.reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + count
        self.show(other.examples)

    def show(self, examples: Sequence[str]) -> None:
        """Keep the first twenty descriptions of rows that were held back."""
        self.examples += examples[: _EXAMPLES - len(self.examples)]

    def hold(self, reason: str, verdict: Literal["reject", "quarantine"], count: int = 1) -> None:
        """Count rows that were held back."""
        if verdict == "reject":
            self.rejected += count
        else:
            self.quarantined += count
        self.reasons[reason] = self.reasons.get(reason, 0) + count


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """Hold what the record of a run says of one step; the days are None where it covers none."""

    step: str
    source: str
    first_day: date | None
    last_day: date | None
    state: Literal["running", "done", "failed", "skipped"]
    counts: Counts
    seconds: float
    error: str | None


class SeriesWriter(Protocol):
    """Write the bars of one source and basis inside one transaction and under one lock."""

    def stored(self, instrument_ids: Ids, since: date) -> BarArrays:
        """Return the stored bars from a day on, by instrument and session."""
        ...

    def insert(self, bars: BarArrays) -> None:
        """Store bars whose sessions are not stored yet."""
        ...

    def replace(self, bars: BarArrays) -> None:
        """Store corrections: the old rows are closed into the history as of the new rows' known time."""
        ...


class DataStore(Protocol):
    """Store what vendors and files deliver."""

    def series(self, source: str, price_basis: PriceBasis) -> AbstractContextManager[SeriesWriter]:
        """Open one series for writing; commits at the end, rolls back on an exception."""
        ...

    def merge(self, rows: RecordRows, *, delivered_at: datetime, set_once: Sequence[str] = ()) -> Counts:
        """Store records by key and count new, changed and same; columns in `set_once` are never overwritten.

        What corrects a versioned record is known from `delivered_at` on.
        """
        ...

    def identities(self) -> tuple[Sequence[Instrument], Sequence[SymbolHistory]]:
        """Return every instrument and which symbols named it when."""
        ...

    def splits(self) -> Sequence[Split]:
        """Return every known split."""
        ...

    def index_series(self, instrument_ids: Sequence[int] | None = None) -> None:
        """Bring coverage, the order of sources and the planner's statistics up to date; None means everything."""
        ...


class IngestLog(Protocol):
    """Keep the record of runs and of rows that were held back."""

    def start(self, run_id: str, mode: str, arguments: Mapping[str, Any], at: datetime) -> int:
        """Record that a run begins and that runs which were broken off have failed; return how many those were."""
        ...

    def step(
        self, run_id: str, step: str, source: str, counts: Counts, *, seconds: float, error: str | None, at: datetime
    ) -> None:
        """Record the outcome of a step."""
        ...

    def plan(self, run_id: str, units: Sequence[PlannedStep], at: datetime) -> None:
        """Record what a run is going to do, so that a run that dies leaves what it owes."""
        ...

    def of_workflow(self, workflow: str) -> str | None:
        """Return the run that a workflow began, None when it has begun none."""
        ...

    def steps(self, run_id: str) -> Sequence[StepRecord]:
        """Return the steps of a run as they stand."""
        ...

    def arguments(self, run_id: str) -> tuple[str, Mapping[str, Any]]:
        """Return mode and arguments of a run; raise UnknownName."""
        ...

    def unfinished(self) -> Sequence[PlannedStep]:
        """Return the steps of earlier runs for all symbols that failed or died and were not done since."""
        ...

    def done_before(self, mode: str, arguments: Mapping[str, Any], since: datetime) -> Sequence[PlannedStep]:
        """Return the steps done since a time by runs of the same arguments, later than the last complete one."""
        ...

    def finish(self, run_id: str, state: str, summary: Mapping[str, Any], at: datetime) -> None:
        """Record the end of a run: done, partial or failed."""
        ...

    def hold(self, rows: Sequence[HeldRow]) -> int:
        """Keep rows that were not stored; a row already held is kept once. Returns how many are new."""
        ...
