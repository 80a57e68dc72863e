"""Take what vendors deliver through one path: resolve symbols, judge, store what is admitted, hold the rest."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.admission import FLAGS, Admission, admit
from core.data.bar_columns import take_columns
from core.data.calendar import closes_of
from core.data.quality import Verdict
from core.data.symbols import SymbolResolver
from core.domain.identifiers import IdSource
from core.errors import QuantdeskError
from core.ports.clock import Clock
from core.ports.data_store import BarArrays, Counts, DataStore, HeldRow, IngestLog, SeriesWriter, Split
from core.ports.vendor import BarColumns, RecordRows

# Days of stored bars that are read as the history of new ones.
HISTORY_DAYS = 120
# Bars are judged and stored in blocks of whole instruments of about this many rows: a delivery of any size takes the
# same memory.
BLOCK_ROWS = 150_000
Progress = Callable[[str, float], None]


def no_progress(step: str, share: float) -> None:
    """Show nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """Say what became of one step of a run."""

    step: str
    source: str
    counts: Counts
    seconds: float
    error: str | None = None


@dataclass(slots=True, kw_only=True)
class IngestReport:
    """Say what became of a run, step by step."""

    run_id: str
    steps: list[StepReport] = field(default_factory=list)

    @property
    def counts(self) -> Counts:
        """Return the sum over the steps."""
        total = Counts()
        for step in self.steps:
            total.add(step.counts)
        return total

    @property
    def failed(self) -> list[StepReport]:
        """Return the steps that failed."""
        return [step for step in self.steps if step.error]

    @property
    def state(self) -> str:
        """Return done, partial (some steps failed) or failed (all did)."""
        failed = self.failed
        return "done" if not failed else "failed" if len(failed) == len(self.steps) else "partial"


class Pipeline:
    """Run the steps of one ingest run and record them; a failing step leaves the others standing.

    Steps may run in several threads. With `run_id` it works for a run that another process began and will end.
    """

    def __init__(
        self,
        store: DataStore,
        log: IngestLog,
        clock: Clock,
        ids: IdSource,
        *,
        mode: str,
        arguments: Mapping[str, Any],
        history_import: bool = True,
        run_id: str | None = None,
    ) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self.report = IngestReport(run_id=run_id or ids.new("ing"))
        self.history_import = history_import
        self._lock = threading.Lock()
        self._touched: set[int] = set()
        self._resolver: SymbolResolver | None = None
        # A run that was broken off may have stored bars and died before it indexed them.
        self._index_everything = run_id is None and log.start(self.report.run_id, mode, arguments, clock.wall()) > 0

    @property
    def resolver(self) -> SymbolResolver:
        """Return who each symbol is; read again after instruments were stored."""
        with self._lock:
            if self._resolver is None:
                self._resolver = SymbolResolver(*self._store.identities())
            return self._resolver

    def run_step(
        self, step: str, source: str, work: Callable[[], Counts], *, so_far: Counts | None = None
    ) -> StepReport:
        """Run one step, record its outcome and return it; an error of the desk's own kinds is reported, not raised.

        `so_far` counts, while the work goes on, what stands even if it fails.
        """
        started, at = time.perf_counter(), self._clock.wall()
        error = None
        try:
            counts = work()
        except QuantdeskError as failure:
            counts, error = so_far or Counts(), str(failure)
        seconds = time.perf_counter() - started
        done = StepReport(step=step, source=source, counts=counts, seconds=seconds, error=error)
        self._log.step(self.report.run_id, step, source, counts, seconds=seconds, error=error, at=at)
        with self._lock:
            self.report.steps.append(done)
        return done

    def store_bars(self, columns: BarColumns) -> Counts:
        """Judge and store the bars of one source and basis and hold the others; return the counts."""
        ids = self.resolver.resolve(columns)
        counts = Counts(read=len(columns))
        known = ids >= 0
        held = _held_rows(columns, np.flatnonzero(~known), "quarantine", "unknown_symbol")
        if held:
            counts.hold("unknown_symbol", "quarantine", len(held))
        bars = take_columns(columns, known)
        if len(bars):
            held += self._admit(bars, ids[known], counts)
        self.hold(held)
        counts.show([describe(row) for row in held[:20]])
        return counts

    def _admit(self, columns: BarColumns, ids: NDArray[np.int32], counts: Counts) -> list[HeldRow]:
        held: list[HeldRow] = []
        for reason, verdict, rows in self._judge_and_store(columns, ids, counts):
            counts.hold(reason, "reject" if verdict == "reject" else "quarantine", len(rows))
            held += _held_rows(columns, rows, verdict, reason, ids)
        return held

    def _judge_and_store(
        self, columns: BarColumns, ids: NDArray[np.int32], counts: Counts
    ) -> list[tuple[str, Verdict, NDArray[np.intp]]]:
        """Store the bars that are admitted; return the reasons for which the others were not, each with its rows."""
        sessions = columns.session[~np.isnat(columns.session)]
        first = _day(sessions.min()) if len(sessions) else None
        since = (first or date(1900, 1, 1)) - timedelta(days=HISTORY_DAYS)
        splits = self._store.splits() if columns.price_basis == "raw" else ()
        found: list[tuple[str, Verdict, NDArray[np.intp]]] = []
        with self._store.series(columns.source, columns.price_basis) as series:
            for rows in _blocks(ids):
                places = np.flatnonzero(rows)
                admission = self._store_block(series, take_columns(columns, rows), ids[rows], since, splits, counts)
                found += [(reason, verdict, places[held]) for reason, verdict, held in admission.held()]
        return found

    def _store_block(
        self,
        series: SeriesWriter,
        columns: BarColumns,
        ids: NDArray[np.int32],
        since: date,
        splits: Sequence[Split],
        counts: Counts,
    ) -> Admission:
        admission = admit(
            columns,
            ids,
            series.stored(np.unique(ids), since),
            self.resolver,
            splits,
            now=self._clock.wall(),
            history_import=self.history_import,
        )
        new, changed = self._arrays(columns, ids, admission)
        series.insert(new)
        series.replace(changed)
        counts.new += len(new)
        counts.changed += len(changed)
        counts.same += int(admission.same.sum())
        with self._lock:
            self._touched.update(np.union1d(new.instrument_id, changed.instrument_id).tolist())
        return admission

    def _arrays(self, columns: BarColumns, ids: NDArray[np.int32], admission: Admission) -> tuple[BarArrays, BarArrays]:
        bars = replace(self._make(columns, ids, admission.changed), flag=admission.flag, flags=FLAGS)
        return bars.take(admission.new), bars.take(admission.changed)

    def _make(self, columns: BarColumns, ids: NDArray[np.int32], corrections: NDArray[np.bool_]) -> BarArrays:
        calendars = self.resolver.calendars(ids)
        known_at = np.empty(len(ids), dtype="datetime64[us]")
        for calendar in np.unique(calendars):
            rows = calendars == calendar
            known_at[rows] = closes_of(str(calendar), columns.session[rows])  # type: ignore[arg-type]
        # A correction is known from its delivery on.
        delivery = np.datetime64(self._clock.wall().astimezone(UTC).replace(tzinfo=None), "us")
        known_at[corrections] = np.maximum(known_at[corrections], delivery)
        missing = np.full(len(ids), np.nan)
        return BarArrays(
            instrument_id=ids,
            session=columns.session,
            open=columns.open if columns.has_ohlc else missing,
            high=columns.high if columns.has_ohlc else missing,
            low=columns.low if columns.has_ohlc else missing,
            close=columns.close,
            volume=columns.volume if columns.has_volume else missing,
            flag=np.zeros(len(ids), dtype=np.int16),
            flags=("",),
            known_at=known_at,
        )

    def store_released(self, source: str, bars: Sequence[Mapping[str, Any]]) -> Counts:
        """Store bars of one series that a person released, without judging them; each is flagged `released`."""
        columns, ids = _columns_of(source, bars)
        with self._store.series(source, columns.price_basis) as series:
            stored = series.stored(np.unique(ids), _day(columns.session.min()) or date(1900, 1, 1))
            exists = np.isin(columns.session, stored.session)
            made = replace(
                self._make(columns, ids, exists), flag=np.ones(len(ids), dtype=np.int16), flags=("", "released")
            )
            series.insert(made.take(~exists))
            series.replace(made.take(exists))
        with self._lock:
            self._touched.update(ids.tolist())
        return Counts(read=len(bars), new=int((~exists).sum()), changed=int(exists.sum()))

    def judge_again(self, source: str, bars: Sequence[Mapping[str, Any]], passed: list[int]) -> Counts:
        """Judge held bars of one series again and store those that pass; their places are added to `passed`."""
        columns, ids = _columns_of(source, bars)
        counts = Counts(read=len(bars))
        failed = {int(row) for _, _, rows in self._judge_and_store(columns, ids, counts) for row in rows}
        passed += [place for place in range(len(bars)) if place not in failed]
        return counts

    def store_records(self, rows: RecordRows, *, set_once: Sequence[str] = ()) -> Counts:
        """Store records by key and return the counts."""
        counts = self._store.merge(rows, delivered_at=self._clock.wall(), set_once=set_once)
        if rows.record.kind in ("instrument", "symbol_history") and counts.new + counts.changed:
            with self._lock:
                self._resolver = None
        return counts

    def hold(self, rows: Sequence[HeldRow]) -> None:
        """Keep rows that were not stored."""
        self._log.hold(rows)

    def index(self) -> None:
        """Bring what is derived from stored bars up to date with what this process stored."""
        if self._touched or self._index_everything:
            self._store.index_series(None if self._index_everything else sorted(self._touched))
        self._touched.clear()
        self._index_everything = False

    def finish(self) -> IngestReport:
        """Index what was stored, record the end of the run and return the report."""
        self.index()
        counts = self.report.counts
        summary = {
            "read": counts.read,
            "new": counts.new,
            "changed": counts.changed,
            "same": counts.same,
            "quarantined": counts.quarantined,
            "rejected": counts.rejected,
            "reasons": counts.reasons,
        }
        self._log.finish(self.report.run_id, self.report.state, summary, self._clock.wall())
        return self.report


def describe(row: HeldRow) -> str:
    """Return where a held row stood and why it was held, for a person."""
    where = " ".join(str(part) for part in (row.detail, row.symbol, row.about) if part)
    return f"{where}: {row.reason}"


def _blocks(ids: NDArray[np.int32]) -> Iterator[NDArray[np.bool_]]:
    """Yield the rows of each block, as masks."""
    _, place, rows = np.unique(ids, return_inverse=True, return_counts=True)
    block = ((np.cumsum(rows) - rows) // BLOCK_ROWS)[place]
    for number in np.unique(block):
        yield block == number


def _columns_of(source: str, bars: Sequence[Mapping[str, Any]]) -> tuple[BarColumns, NDArray[np.int32]]:
    """Return held bars of one series, as they were read, in columns with their instrument ids."""

    def numbers(name: str) -> NDArray[np.float64]:
        return np.array([bar.get(name) for bar in bars], dtype=np.float64)

    open_, volume = numbers("open"), numbers("volume")
    columns = BarColumns(
        source=source,
        price_basis=bars[0]["price_basis"],
        symbols=("",),
        symbol_code=np.zeros(len(bars), dtype=np.int32),
        session=np.array([bar["session"] for bar in bars], dtype="datetime64[D]"),
        open=open_,
        high=numbers("high"),
        low=numbers("low"),
        close=numbers("close"),
        volume=volume,
        line=np.arange(len(bars), dtype=np.int64),
        has_ohlc=not np.isnan(open_).all(),
        has_volume=not np.isnan(volume).all(),
    )
    return columns, np.array([bar["instrument_id"] for bar in bars], dtype=np.int32)


def _held_rows(
    columns: BarColumns, rows: NDArray[np.intp], verdict: Any, reason: str, ids: NDArray[np.int32] | None = None
) -> list[HeldRow]:
    if not len(rows):
        return []
    raw = columns.raw_rows(rows) if columns.raw_rows is not None else [_as_row(columns, row) for row in rows]
    if ids is not None:
        # As the row was read, so that a review can store it whatever the source calls its columns.
        raw = [{**content, "bar": _as_bar(columns, row, int(ids[row]))} for row, content in zip(rows, raw, strict=True)]
    return [
        HeldRow(
            record_kind="bar",
            source=columns.source,
            symbol=columns.symbols[columns.symbol_code[row]],
            about=_day(columns.session[row]),
            verdict=verdict,
            reason=reason,
            detail=f"line {int(columns.line[row])}",
            row=content,
            origin=columns.origin,
        )
        for row, content in zip(rows, raw, strict=True)
    ]


def _as_bar(columns: BarColumns, row: int, instrument_id: int) -> dict[str, Any]:
    content = _as_row(columns, row)
    day = _day(columns.session[row])
    kept = {name: content[name] for name in ("price_basis", "open", "high", "low", "close", "volume")}
    return {"instrument_id": instrument_id, "session": None if day is None else day.isoformat(), **kept}


def _as_row(columns: BarColumns, row: int) -> dict[str, Any]:
    values = {name: float(getattr(columns, name)[row]) for name in ("open", "high", "low", "close", "volume")}
    return {
        "symbol": columns.symbols[columns.symbol_code[row]],
        "date": str(columns.session[row]),
        "price_basis": columns.price_basis,
        **{name: None if value != value else value for name, value in values.items()},
    }


def _day(session: np.datetime64) -> date | None:
    day = session.astype("datetime64[D]").item()
    return day if isinstance(day, date) else None


def run_vendor(pipeline: Pipeline, vendor: Any, progress: Progress = no_progress) -> None:
    """Take everything that a vendor offers (actions, bars, macro) through the pipeline."""
    for rows in _offered(vendor, "actions"):
        pipeline.run_step("actions", rows.source, lambda rows=rows: pipeline.store_records(rows))  # type: ignore[misc]
    blocks = list(_offered(vendor, "bars"))
    for done, columns in enumerate(blocks):
        progress(f"bars of {columns.source}", done / max(len(blocks), 1))
        pipeline.run_step(
            f"bars {columns.price_basis} {columns.symbols[0]}..{len(columns.symbols)}",
            columns.source,
            lambda columns=columns: pipeline.store_bars(columns),  # type: ignore[misc]
        )
    for rows in _offered(vendor, "macro"):
        progress(f"macro of {rows.source}", 1.0)
        pipeline.run_step("macro", rows.source, lambda rows=rows: pipeline.store_records(rows))  # type: ignore[misc]


def _offered(vendor: Any, kind: str) -> Iterable[Any]:
    deliver = getattr(vendor, kind, None)
    if deliver is None:
        return ()
    return deliver(None, None, None) if kind == "bars" else deliver(None)  # type: ignore[no-any-return]
