"""An ingest run against a loopback vendor tells people once when it fails, and goes on when nobody can be told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from app.bootstrap import Parts
from core.data.ingest_plan import IngestRequest
from core.settings import Settings
from core.testing.clock import FixedClock
from core.testing.notice_stand_ins import SLACK_PATH, TELEGRAM_CHAT, TELEGRAM_TOKEN, Posted, serve_notices
from core.testing.vendor_stand_ins import StandIns, serve, small_data

NOW = datetime(2024, 2, 14, 12, tzinfo=UTC)
DAILY = IngestRequest(vendors=("polygon",))
BACKFILL = IngestRequest(mode="backfill", start=date(2023, 12, 20), end=date(2024, 2, 13), vendors=("polygon",))


@pytest.fixture
def posted() -> Iterator[Posted]:
    with serve_notices() as made:
        yield made


@pytest.fixture
def parts(database_dsn: str, tmp_path: Path, posted: Posted) -> Iterator[Parts]:
    told: dict[str, Any] = {
        "slack_webhook_url": f"{posted.url}{SLACK_PATH}",
        "telegram_url": posted.url,
        "telegram_token": TELEGRAM_TOKEN,
        "telegram_chat": TELEGRAM_CHAT,
    }
    made = Parts(Settings(home=tmp_path, **told), database_dsn, wall=FixedClock(NOW, mode="live"))
    yield made
    made.database.close()


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIns]:
    with serve("polygon", data=small_data(), now=NOW) as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        yield made


def test_a_partial_run_of_many_units_is_one_message_a_channel(
    parts: Parts, stand_ins: StandIns, posted: Posted
) -> None:
    stand_ins["polygon"].fail("wrong_key", matching="aggs")
    outcome = parts.ingest.run(BACKFILL)
    assert outcome.report.state == "partial"
    assert len(outcome.report.failed) == 2  # one per calendar year
    ((slack,), (telegram,)) = (posted.slack, posted.telegram)
    assert slack["text"].splitlines()[0] == "quantdesk: backfill ingest partial"
    assert slack["text"].count("market_data ") == 2
    assert outcome.report.run_id in slack["text"]
    assert telegram["text"].splitlines()[0] == slack["text"].splitlines()[0]
    for name, value in stand_ins.environment.items():
        if name.endswith("KEY"):
            assert value not in slack["text"]


def test_a_good_run_tells_nobody(parts: Parts, stand_ins: StandIns, posted: Posted) -> None:
    assert parts.ingest.run(DAILY).report.state == "done"
    assert posted.slack == posted.telegram == []


def test_a_run_goes_on_when_nobody_can_be_told(parts: Parts, stand_ins: StandIns, posted: Posted) -> None:
    posted.status = 503
    stand_ins["polygon"].fail("wrong_key", matching="news")
    outcome = parts.ingest.run(DAILY)
    assert outcome.report.state == "partial"
    with parts.database.transaction() as connection:
        state = connection.execute("SELECT state FROM ops.ingest_runs").fetchall()
        bars = connection.execute("SELECT count(*) FROM market_data.bars_daily").fetchone()
    assert state == [("partial",)]
    assert bars is not None and bars[0] > 0


def test_a_run_of_a_workflow_tells_at_its_end_only(parts: Parts, stand_ins: StandIns, posted: Posted) -> None:
    stand_ins["polygon"].fail("wrong_key", matching="aggs")
    run_id, stages = parts.ingest.begin(DAILY, "ingest-1/1")
    states = [parts.ingest.run_unit(run_id, unit) for stage in stages for unit in stage]
    assert "failed" in states
    assert posted.slack == []
    assert parts.ingest.finish(run_id) == "partial"
    (message,) = posted.slack
    assert "quantdesk: daily ingest partial" in message["text"] and run_id in message["text"]


def test_a_source_that_is_late_is_told_after_a_daily_run_that_went_well(
    parts: Parts, stand_ins: StandIns, posted: Posted
) -> None:
    assert parts.ingest.run(BACKFILL).report.state == "done"
    # A backfill is about other days; only a daily run looks whether its sources are late.
    stand_ins["polygon"].data.articles.clear()
    with parts.database.transaction() as connection:
        connection.execute("DELETE FROM news.sentiment")
        connection.execute("DELETE FROM news.article_symbols")
        connection.execute("DELETE FROM news.articles WHERE published_date > '2024-02-05'")
    assert posted.slack == []
    outcome = parts.ingest.run(DAILY)
    assert outcome.report.state == "done"
    (message,) = posted.slack
    lines = message["text"].splitlines()
    assert lines[0] == "quantdesk: daily ingest done, sources are late"
    assert lines[1].startswith("news of polygon are late: nothing new since 2024-02-05 (9 days")
    assert lines[1] in outcome.remarks
