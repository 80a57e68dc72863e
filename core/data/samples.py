"""Fill an empty desk with the sample data, once."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from core.data.calendar import close_of, shift_session
from core.data.pipeline import IngestReport, Pipeline, Progress, no_progress, run_vendor
from core.data.universe import SOURCE, macro_catalogue, memberships, release_schedule, symbol_history, universe
from core.domain.event_records import EconomicEvent
from core.domain.market_records import GroupMembership, Instrument, MacroSeries, SymbolHistory
from core.domain.records import Record
from core.ports.clock import Clock
from core.ports.vendor import RecordRows

# The desk starts this many sessions before the newest sample bar, so that fills and reports have a future to meet.
REPLAY_SESSIONS = 20


class ReplayClock(Clock, Protocol):
    """Tell the time and be set to replay the past."""

    def is_set(self) -> bool:
        """Say whether anyone has set the clock."""
        ...

    def set_replay(self, moment: datetime) -> None:
        """Replay the past at a moment."""
        ...


def seed_universe(pipeline: Pipeline) -> None:
    """Store the instruments, symbols, macro series and release days the desk knows; what a vendor states is kept."""
    for record, entries in (
        (Instrument, universe()),
        (SymbolHistory, symbol_history()),
        (GroupMembership, memberships()),
        (MacroSeries, macro_catalogue()),
        (EconomicEvent, release_schedule()),
    ):
        rows = RecordRows(record=record, source=SOURCE, rows=[as_row(entry) for entry in entries])
        set_once = ("total_assets_usd", "listed", "delisted") if record is Instrument else ()
        pipeline.run_step(
            record.kind,
            SOURCE,
            lambda rows=rows, set_once=set_once: pipeline.store_records(rows, set_once=set_once),  # type: ignore[misc]
        )


def load_samples(pipeline: Pipeline, vendor: Any, clock: ReplayClock, progress: Progress = no_progress) -> IngestReport:
    """Store the universe and the samples; a clock never set then replays 20 sessions before the newest sample bar."""
    seed_universe(pipeline)
    run_vendor(pipeline, vendor, progress)
    report = pipeline.finish()
    newest = max(columns.session.max() for columns in vendor.bars()).item()
    if not clock.is_set():
        clock.set_replay(close_of(shift_session(newest, -REPLAY_SESSIONS, "XNYS"), "XNYS"))
    progress("sample data", 1.0)
    return report


def as_row(record: Record) -> tuple[Any, ...]:
    """Return the values of a record in the order of its fields."""
    return tuple(getattr(record, name) for name in type(record).model_fields)
