"""Ingest runs against loopback stand-ins of the vendors and a real database: daily, backfill, faults, killed runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.bootstrap import Parts
from core.data.ingest_plan import IngestRequest
from core.settings import Settings
from core.testing.clock import FixedClock
from core.testing.vendor_stand_ins import StandIns, serve, small_data

NOW = datetime(2024, 2, 14, 12, tzinfo=UTC)  # a Wednesday; the last closed session is the 13th
ONLY = ("polygon",)  # the others would be looked for in the network
DAILY = IngestRequest(vendors=ONLY)
BACKFILL = IngestRequest(mode="backfill", start=date(2024, 1, 2), end=date(2024, 2, 13), vendors=ONLY)
Query = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW, mode="live", step=timedelta(microseconds=1))


@pytest.fixture
def parts(database_dsn: str, tmp_path: Path, clock: FixedClock) -> Iterator[Parts]:
    made = Parts(Settings(home=tmp_path), database_dsn, wall=clock)
    yield made
    made.database.close()


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIns]:
    with serve("polygon", data=small_data(), now=NOW) as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("QUANTDESK_POLYGON_REQUESTS_PER_MINUTE", "100000")
        yield made


@pytest.fixture
def query(parts: Parts) -> Query:
    def ask(statement: str, *values: object) -> list[tuple[Any, ...]]:
        with parts.database.transaction() as connection:
            return connection.execute(statement.encode(), values).fetchall()

    return ask


BARS = (
    "SELECT instrument_id, session, open, high, low, close, volume, flags, known_at FROM market_data.bars_daily"
    " ORDER BY 1, 2"
)
CLOSES = (
    "SELECT i.symbol, b.session, b.close FROM market_data.bars_daily b"
    " JOIN market_data.instruments i USING (instrument_id)"
)
OTHERS = (
    "SELECT instrument_id, action, ex_date, ratio, amount, known_at FROM market_data.corporate_actions"
    " ORDER BY 1, 2, 3",
    "SELECT article_id, headline, known_at FROM news.articles ORDER BY 1",
    "SELECT article_id, instrument_id FROM news.article_symbols ORDER BY 1, 2",
    "SELECT article_id, scorer, score FROM news.sentiment ORDER BY 1, 2",
)
TABLES = (
    "market_data.bars_daily",
    "market_data.corporate_actions",
    "news.article_symbols",
    "news.sentiment",
    "news.articles",
)


def test_a_backfill_stores_all_that_the_vendor_has_and_a_second_one_writes_nothing(
    parts: Parts, stand_ins: StandIns, query: Query
) -> None:
    first = parts.ingest.run(BACKFILL)
    assert first.report.state == "done", first.remarks
    served = stand_ins["polygon"].data
    expected = {
        (symbol, bar.session, bar.close)
        for symbol in served.bars
        if not symbol.endswith("-USD")
        for bar in served.between(symbol, date(2024, 1, 2), date(2024, 2, 13))
    }
    stored = query(CLOSES)
    held = query("SELECT symbol, about FROM ops.quarantine WHERE state = 'held'")
    assert len(stored) + len(held) >= len(expected)
    assert set(stored) <= expected
    assert len(stored) == len(expected) - len([row for row in held if row[1] is not None])
    (coverage,) = first.coverage
    assert coverage.source == "polygon"
    assert (coverage.stored, coverage.open) == (len(stored), len(held))
    second = parts.ingest.run(BACKFILL)
    assert second.report.counts.new == second.report.counts.changed == 0
    assert second.report.counts.same > 0
    payloads = query("SELECT count(*), count(DISTINCT payload_id) FROM ops.raw_payloads")
    assert payloads[0][0] == payloads[0][1] > 0


def test_a_daily_run_asks_for_the_newest_session_and_two_before_it(
    parts: Parts, stand_ins: StandIns, query: Query
) -> None:
    outcome = parts.ingest.run(IngestRequest(skip_steps=("news",), vendors=ONLY))
    assert (outcome.first_day, outcome.last_day) == (date(2024, 2, 9), date(2024, 2, 13))
    assert query("SELECT DISTINCT session FROM market_data.bars_daily ORDER BY 1") == [
        (date(2024, 2, 9),),
        (date(2024, 2, 12),),
        (date(2024, 2, 13),),
    ]
    assert query("SELECT count(*) FROM news.articles") == [(0,)]
    assert not [asked for asked in stand_ins["polygon"].asked if "news" in asked.path]


def test_a_failed_step_leaves_the_others_standing_and_a_later_daily_run_makes_up_for_it(
    parts: Parts, stand_ins: StandIns, query: Query, clock: FixedClock
) -> None:
    stand_ins["polygon"].fail("wrong_key", matching="aggs")
    failed = parts.ingest.run(DAILY)
    assert failed.report.state == "partial"
    assert [step.step.split()[0] for step in failed.report.failed] == ["market_data"]
    assert any("market_data" in remark and "next run" in remark for remark in failed.remarks)
    assert query("SELECT count(*) FROM market_data.bars_daily") == [(0,)]
    assert query("SELECT count(*) FROM news.articles")[0][0] > 0
    # A week later the look-back alone would not reach the days that failed.
    stand_ins["polygon"].heal()
    clock.moment = NOW + timedelta(days=7)
    stand_ins["polygon"].now = clock.moment
    healed = parts.ingest.run(DAILY)
    assert healed.report.state == "done", healed.remarks
    days = {row[0] for row in query("SELECT DISTINCT session FROM market_data.bars_daily")}
    assert {date(2024, 2, 9), date(2024, 2, 12), date(2024, 2, 13)} <= days
    # It is made up for once.
    again = parts.ingest.run(DAILY)
    assert not [step for step in again.report.steps if "2024-02-09" in step.step]


def test_what_a_failing_vendor_delivered_before_it_failed_stands_and_healing_equals_a_clean_run(
    parts: Parts, stand_ins: StandIns, query: Query
) -> None:
    stand_ins["polygon"].fail("wrong_key", after=3, matching="aggs")
    partial = parts.ingest.run(BACKFILL)
    assert partial.report.state == "partial"
    kept = len(query(BARS))
    stand_ins["polygon"].heal()
    healed = parts.ingest.run(BACKFILL)
    assert healed.report.state == "done"
    assert healed.resumed > 0
    assert 0 <= kept < len(query(BARS))
    clean = replace(BACKFILL, skip_steps=("derived",))
    before = [query(BARS), *(query(statement) for statement in OTHERS)]
    assert parts.ingest.run(clean).report.counts.new == 0
    assert [query(BARS), *(query(statement) for statement in OTHERS)] == before


def test_rows_are_derived_again_from_the_kept_replies_without_the_vendor(
    parts: Parts, stand_ins: StandIns, query: Query
) -> None:
    parts.ingest.run(BACKFILL)
    before = [query(BARS), *(query(statement) for statement in OTHERS)]
    for table in TABLES:
        with parts.database.transaction() as connection:
            connection.execute(f"DELETE FROM {table}".encode())
    asked = len(stand_ins["polygon"].asked)
    outcome = parts.ingest.reparse((), None)
    assert outcome.report.state == "done", outcome.remarks
    assert len(stand_ins["polygon"].asked) == asked
    assert [query(BARS), *(query(statement) for statement in OTHERS)] == before


def test_symbols_and_vendors_narrow_a_run(parts: Parts, stand_ins: StandIns, query: Query) -> None:
    outcome = parts.ingest.run(
        IngestRequest(
            mode="backfill", days=10, symbols=("AAPL", "facebook"), vendors=("polygon",), skip_steps=("news",)
        )
    )
    assert outcome.report.state == "done", outcome.remarks
    assert {symbol for symbol, _, _ in query(CLOSES)} == {"AAPL", "META"}


def test_without_a_key_the_run_names_the_variable(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MASSIVE_API_KEY", raising=False)
    outcome = parts.ingest.run(IngestRequest(vendors=("polygon",)))
    assert outcome.report.state == "partial"
    assert all("MASSIVE_API_KEY" in str(step.error) for step in outcome.report.failed)
