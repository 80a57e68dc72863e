"""Show each fault of each vendor to a whole ingest run, heal it, run again, and compare the store with a clean one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Protocol

from core.data.ingest_plan import IngestRequest
from core.data.ingest_service import Outcome
from core.testing.vendor_stand_ins import FAULTS, Fault, StandIns, serve, small_data

NOW = datetime(2024, 2, 14, 12, 0, tzinfo=UTC)
VENDORS = (
    "alpha_vantage", "binance", "coingecko", "fred", "geopolitical_risk", "interactive_brokers", "newsapi", "polygon",
    "reddit", "world_bank",
)  # fmt: skip
_PAGED = frozenset({"binance", "newsapi", "polygon", "reddit", "world_bank"})
_WITHOUT_KEY = frozenset({"binance", "geopolitical_risk", "world_bank"})
# The gateway's protocol has no pages, no web pages and no bodies: a cut message is one that never came.
_OF_THE_WEB = frozenset({"html", "error_body", "truncated", "short_page", "wrong_key"})
_GATEWAY = "interactive_brokers"
_ONE_FILE = "geopolitical_risk"
# Requests for data, as against those for a sign-in.
_DATA = {"reddit": "/r/"}
_ANSWERED_BEFORE = 2

Snapshot = Mapping[str, list[tuple[Any, ...]]]


class Desk(Protocol):
    """Run ingests on a store of its own and show what is in it."""

    def run(self, request: IngestRequest) -> Outcome:
        """Run a request."""
        ...

    def snapshot(self) -> Snapshot:
        """Return every row of every table that vendors fill, but for the time at which it was stored."""
        ...


OpenDesk = Callable[[StandIns], AbstractContextManager[Desk]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRow:
    """Say what one fault did: the run that met it, what it left in the store, and the run after it was healed."""

    vendor: str
    fault: Fault
    state: str
    told: str
    rows_stored: int
    state_after: str
    rows_new_after: int
    equals_clean: bool


def request_for(vendor: str) -> IngestRequest:
    """Return the backfill that the table is made with."""
    data = small_data()
    return IngestRequest(
        mode="backfill",
        start=date(2024, 1, 2),
        end=date(2024, 2, 13),
        vendors=(vendor,),
        symbols=(*data.bars, *data.macro),
    )


def can_show(vendor: str, fault: Fault) -> bool:
    """Say whether a vendor's protocol can show a fault: pages need a cursor, a refused key a key."""
    if vendor == _GATEWAY and fault in _OF_THE_WEB:
        return False
    return vendor in _PAGED if fault == "looping_cursor" else vendor not in _WITHOUT_KEY or fault != "wrong_key"


def clean_store(vendor: str, open_desk: OpenDesk) -> Snapshot:
    """Return the store after a run without any fault; raises AssertionError when that run was not whole."""
    with serve(vendor, data=small_data(), now=NOW) as stand_ins, open_desk(stand_ins) as desk:
        outcome = desk.run(request_for(vendor))
        assert outcome.report.state == "done", outcome.remarks
        return desk.snapshot()


def show_fault(vendor: str, fault: Fault, open_desk: OpenDesk, clean: Snapshot) -> FaultRow:
    """Meet a fault that stays from the third request for data on, heal it, run again, compare with the clean store."""
    assert fault in FAULTS
    with serve(vendor, data=small_data(), now=NOW) as stand_ins, open_desk(stand_ins) as desk:
        stand_in = stand_ins[vendor]
        if fault == "looping_cursor":
            stand_in.page_rows = 2
        answered = 0 if vendor == _ONE_FILE else _ANSWERED_BEFORE
        stand_in.fail(fault, after=answered, matching=_DATA.get(vendor, ""))
        met = desk.run(request_for(vendor))
        stored = sum(map(len, desk.snapshot().values()))
        stand_in.heal()
        stand_in.page_rows = None
        healed = desk.run(request_for(vendor))
        return FaultRow(
            vendor=vendor,
            fault=fault,
            state=met.report.state,
            told=next((step.error for step in met.report.failed if step.error), ""),
            rows_stored=stored,
            state_after=healed.report.state,
            rows_new_after=healed.report.counts.new,
            equals_clean=desk.snapshot() == clean,
        )
