"""Show every vendor every fault, in whole ingest runs on fresh databases: `python -m benchmarks.vendor_faults`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.bootstrap import Parts
from core.adapters.transport.client import Timing
from core.adapters.vendors import open_vendor, vendor_terms
from core.data.ingest_plan import IngestRequest
from core.data.ingest_service import Outcome
from core.ports.vendor import Vendor, VendorTerms
from core.settings import Settings
from core.testing.clock import FixedClock
from core.testing.vendor_contract import StoppedTime
from core.testing.vendor_faults import NOW, OpenDesk, Snapshot
from core.testing.vendor_stand_ins import StandIns

# What vendors fill; the times at which rows were stored and the numbers given to them are left out.
_TABLES = (
    "market_data.instruments",
    "market_data.bars_daily",
    "market_data.bars_daily_history",
    "market_data.corporate_actions",
    "market_data.macro_series",
    "market_data.macro_observations",
    "events.economic",
    "events.security",
    "events.geopolitical",
    "news.articles",
    "news.article_symbols",
    "news.sentiment",
    "ops.quarantine",
)
_COLUMNS = """
SELECT column_name FROM information_schema.columns WHERE table_schema || '.' || table_name = %s
AND column_name NOT IN ('recorded_at', 'quarantine_id') ORDER BY ordinal_position
"""
NewDatabase = Callable[[], AbstractContextManager[str]]


class StoppedVendors:
    """Open vendors whose pauses take no time."""

    def terms(self) -> Sequence[VendorTerms]:
        """Return the terms of every vendor."""
        return vendor_terms()

    def has_key(self, terms: VendorTerms) -> bool:
        """Say that every key is set."""
        return True

    def open(self, name: str) -> Vendor:
        """Return a vendor on stopped time."""
        time = StoppedTime(now=NOW)
        return open_vendor(name, Timing(now=time.wall, monotonic=time.monotonic, sleep=time.sleep, random=time.random))


class FaultDesk:
    """Run ingests on one database."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def run(self, request: IngestRequest) -> Outcome:
        """Run a request."""
        return self._parts.ingest.run(request)

    def snapshot(self) -> Snapshot:
        """Return every row of every table that vendors fill, but for the time at which it was stored."""
        found: dict[str, list[tuple[Any, ...]]] = {}
        with self._parts.database.transaction() as connection:
            for table in _TABLES:
                names = ", ".join(row[0] for row in connection.execute(_COLUMNS, (table,)))
                rows = connection.execute(f"SELECT {names} FROM {table}".encode()).fetchall()
                found[table] = sorted(rows, key=repr)
        return found


def fault_desks(new_database: NewDatabase, *, timeout_seconds: float = 30.0) -> OpenDesk:
    """Return what opens a desk on a fresh database whose vendors are the stand-ins."""

    @contextmanager
    def open_desk(stand_ins: StandIns) -> Iterator[FaultDesk]:
        variables = {
            **stand_ins.environment,
            **{f"QUANTDESK_{name.upper()}_TIMEOUT_SECONDS": str(timeout_seconds) for name in stand_ins.running},
        }
        before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        with new_database() as dsn, TemporaryDirectory() as home:
            parts = Parts(
                Settings(home=Path(home)), dsn, wall=FixedClock(NOW, mode="live", step=timedelta(microseconds=1))
            )
            parts.vendors = StoppedVendors()
            try:
                yield FaultDesk(parts)
            finally:
                parts.database.close()
                for name, value in before.items():
                    if value is None:
                        os.environ.pop(name, None)
                    else:
                        os.environ[name] = value

    return open_desk
