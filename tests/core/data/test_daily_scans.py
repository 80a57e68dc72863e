"""A daily run that finds nothing new reads the newest bars only: shown by the plan of every statement that it ran."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.bootstrap import Parts
from core.adapters.store.database import Connection, Database
from core.data.ingest_plan import IngestRequest
from core.domain.as_of import AsOf
from core.settings import Settings
from core.testing.clock import FixedClock
from core.testing.vendor_stand_ins import serve, small_data

NOW = datetime(2024, 2, 14, 12, tzinfo=UTC)
ONLY = ("polygon",)
DAILY = IngestRequest(vendors=ONLY)
BACKFILL = IngestRequest(mode="backfill", start=date(2024, 1, 2), end=date(2024, 2, 13), vendors=ONLY)
# Sixteen years before what the vendor has, on every weekday.
OLDER = """
INSERT INTO market_data.bars_daily
    (instrument_id, source, price_basis, session, open, high, low, close, volume, flags, known_at)
SELECT instrument_id, source, price_basis, day::date, close, close, close, close, volume, '{}',
       day + interval '21 hours'
FROM (SELECT DISTINCT ON (instrument_id, source, price_basis) * FROM market_data.bars_daily
      ORDER BY instrument_id, source, price_basis, session) AS first
CROSS JOIN generate_series('2008-01-01Z'::timestamptz, '2023-12-29Z'::timestamptz, '1 day') AS day
WHERE extract(isodow FROM day) < 6;
SELECT market_data.index_series_years(NULL);
ANALYZE market_data.bars_daily
"""
EXPLAIN = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_format": "json",
    "auto_explain.log_level": "notice",
}
Plan = dict[str, Any]
Explained = Callable[[], tuple[Parts, list[tuple[str, Plan]]]]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW, mode="live", step=timedelta(microseconds=1))


@pytest.fixture
def parts(database_dsn: str, tmp_path: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Parts]:
    made = Parts(Settings(home=tmp_path), database_dsn, wall=clock)
    with serve("polygon", data=small_data(), now=NOW) as served:
        for name, value in served.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("QUANTDESK_POLYGON_REQUESTS_PER_MINUTE", "100000")
        yield made
    made.database.close()


@pytest.fixture
def explained(parts: Parts, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Explained]:
    """Open the desk anew, on connections over which the server sends the plan of every statement."""
    opened: list[Parts] = []

    def start() -> tuple[Parts, list[tuple[str, Plan]]]:
        with psycopg.connect(parts.dsn, autocommit=True) as connection:
            try:
                connection.execute("LOAD 'auto_explain'")
            except psycopg.errors.UndefinedFile:
                pytest.skip("this server comes without auto_explain")
            for name, value in EXPLAIN.items():
                connection.execute(f"ALTER DATABASE {connection.info.dbname} SET {name} = '{value}'".encode())
        plans: list[tuple[str, Plan]] = []
        heard: list[Connection] = []

        def hear(notice: psycopg.errors.Diagnostic) -> None:
            message = notice.message_primary or ""
            if "plan:" in message:
                found = json.loads(message[message.index("{") :])
                plans.append((found["Query Text"], found["Plan"]))

        original = Database.transaction

        @contextmanager
        def transaction(self: Database, as_of: AsOf | None = None) -> Iterator[Connection]:
            with original(self, as_of) as connection:
                if connection not in heard:
                    heard.append(connection)
                    connection.add_notice_handler(hear)
                yield connection

        monkeypatch.setattr(Database, "transaction", transaction)
        opened.append(Parts(parts.settings, parts.dsn, wall=clock))
        return opened[-1], plans

    yield start
    for made in opened:
        made.database.close()


def nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    yield from itertools.chain.from_iterable(nodes(part) for part in plan.get("Plans", ()))


def bars_read(plans: list[tuple[str, Plan]]) -> dict[str, int]:
    """Return the rows of bars that scans have touched, by partition."""
    touched: dict[str, int] = {}
    for _, plan in plans:
        for node in nodes(plan):
            name = node.get("Relation Name", "")
            if name.startswith("bars_daily") and "Scan" in node["Node Type"] and node["Actual Loops"]:
                rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
                touched[name] = touched.get(name, 0) + round(rows * node["Actual Loops"])
    return touched


def test_a_daily_run_with_nothing_new_scans_no_year_but_the_newest(parts: Parts, explained: Explained) -> None:
    parts.ingest.run(BACKFILL)
    with parts.database.transaction() as connection:
        connection.execute(OLDER.encode())
    parts.ingest.run(DAILY)
    with parts.database.transaction() as connection:
        row = connection.execute(
            "SELECT count(*), count(DISTINCT instrument_id) FROM market_data.bars_daily"
        ).fetchone()
    assert row is not None
    stored, instruments = row
    desk, plans = explained()
    outcome = desk.ingest.run(DAILY)
    assert outcome.report.state == "done", outcome.remarks
    assert (outcome.report.counts.new, outcome.report.counts.changed) == (0, 0)
    assert outcome.report.counts.same >= instruments
    statements = [text for text, _ in plans]
    assert any("FROM market_data.bars_daily" in text and "session >=" in text for text in statements), "it was judged"
    assert any("UPDATE ops.gaps" in text for text in statements), "it looked for gaps"
    touched = bars_read(plans)
    assert touched.get("bars_daily_2024", 0) >= instruments
    # Judging looks back 120 days from the first day asked for.
    assert {name for name in touched if touched[name]} <= {"bars_daily_2023", "bars_daily_2024"}, touched
    assert sum(touched.values()) < stored / 5, (touched, stored)


def test_reading_it_whole_would_be_seen(parts: Parts, explained: Explained) -> None:
    parts.ingest.run(BACKFILL)
    with parts.database.transaction() as connection:
        connection.execute(OLDER.encode())
    desk, plans = explained()
    with desk.database.transaction() as connection:
        row = connection.execute("SELECT count(*), sum(close) FROM market_data.bars_daily").fetchone()
    assert row is not None
    touched = bars_read(plans)
    assert {"bars_daily_2008", "bars_daily_2023", "bars_daily_2024"} <= touched.keys()
    assert sum(touched.values()) == row[0]
