"""What runs were going to do, have done and owe."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from core.adapters.store.database import Database
from core.adapters.store.ingest_log import PostgresIngestLog
from core.errors import UnknownName
from core.ports.data_store import Counts, PlannedStep

AT = datetime(2024, 2, 14, 12, tzinfo=UTC)
ALL: dict[str, Any] = {"mode": "daily", "symbols": [], "vendors": []}
BACKFILL: dict[str, Any] = {"mode": "backfill", "start": "2024-01-01", "symbols": []}


@pytest.fixture
def log(database_dsn: str) -> Iterator[PostgresIngestLog]:
    database = Database(database_dsn)
    yield PostgresIngestLog(database)
    database.close()


def planned(name: str, source: str = "vendor", first: int = 1, last: int = 3, month: int = 2) -> PlannedStep:
    begin, end = date(2024, month, first), date(2024, month, last)
    return PlannedStep(step=f"{name} {begin}..{end}", source=source, first_day=begin, last_day=end)


def run(
    log: PostgresIngestLog,
    run_id: str,
    steps: dict[PlannedStep, str | None],
    *,
    at: datetime = AT,
    arguments: dict[str, Any] = ALL,
    state: str = "partial",
    mode: str = "daily",
) -> None:
    """Record a run: each step with its error, `never` for one that was not begun."""
    log.start(run_id, mode, arguments, at)
    log.plan(run_id, list(steps), at)
    for step, error in steps.items():
        if error != "never":
            log.step(run_id, step.step, step.source, Counts(read=2, new=1), seconds=0.1, error=error, at=at)
    log.finish(run_id, state, {}, at)


def test_a_plan_stands_before_it_is_done(log: PostgresIngestLog) -> None:
    log.start("ing_1", "daily", ALL, AT)
    log.plan("ing_1", [planned("market_data"), planned("news")], AT)
    assert [(step.step, step.state) for step in log.steps("ing_1")] == [
        (planned("market_data").step, "running"),
        (planned("news").step, "running"),
    ]
    log.step("ing_1", planned("news").step, "vendor", Counts(read=3, new=2, same=1), seconds=1.5, error=None, at=AT)
    done = next(step for step in log.steps("ing_1") if step.step.startswith("news"))
    assert (done.state, done.counts.read, done.counts.new, done.seconds) == ("done", 3, 2, 1.5)
    assert (done.first_day, done.last_day) == (date(2024, 2, 1), date(2024, 2, 3))
    # Planning again changes nothing.
    log.plan("ing_1", [planned("news")], AT)
    assert [step.state for step in log.steps("ing_1")] == ["running", "done"]


def test_what_failed_or_was_never_begun_is_owed_until_it_is_done(log: PostgresIngestLog) -> None:
    steps = {planned("market_data"): "It broke.", planned("news"): None, planned("macro"): "never"}
    run(log, "ing_1", steps)
    assert {step.step.split()[0] for step in log.unfinished()} == {"market_data", "macro"}
    later = AT + timedelta(days=1)
    run(log, "ing_2", {planned("market_data"): None}, at=later, state="done")
    assert [step.step.split()[0] for step in log.unfinished()] == ["macro"]


def test_days_that_a_later_run_covers_are_made_up_for_and_others_are_not(log: PostgresIngestLog) -> None:
    run(log, "ing_1", {planned("market_data", first=5, last=8): "It broke."})
    later = AT + timedelta(days=1)
    run(log, "ing_2", {planned("market_data", first=6, last=9): None}, at=later, state="done")
    assert len(log.unfinished()) == 1
    run(log, "ing_3", {planned("market_data", "other", 1, 20): None}, at=later, state="done")
    assert len(log.unfinished()) == 1
    run(log, "ing_4", {planned("market_data", first=1, last=20): None}, at=later, state="done")
    assert log.unfinished() == []


def test_what_was_done_before_it_failed_does_not_count(log: PostgresIngestLog) -> None:
    run(log, "ing_1", {planned("market_data", first=1, last=20): None}, at=AT - timedelta(days=1), state="done")
    run(log, "ing_2", {planned("market_data"): "It broke."})
    assert len(log.unfinished()) == 1


def test_a_run_for_some_symbols_owes_nothing_and_pays_for_nobody(log: PostgresIngestLog) -> None:
    some = {**ALL, "symbols": ["AAPL"]}
    run(log, "ing_1", {planned("market_data"): "It broke."}, arguments=some)
    assert log.unfinished() == []
    run(log, "ing_2", {planned("news"): "It broke."})
    run(log, "ing_3", {planned("news"): None}, at=AT + timedelta(days=1), arguments=some, state="done")
    assert [step.step.split()[0] for step in log.unfinished()] == ["news"]


def test_a_run_at_work_owes_nothing_yet_and_one_whose_process_died_does(
    log: PostgresIngestLog, database_dsn: str
) -> None:
    log.start("ing_1", "daily", ALL, AT)
    log.plan("ing_1", [planned("market_data")], AT)
    assert log.unfinished() == []
    log._alive()  # type: ignore[misc]  # the process dies: the server frees its lock
    other = Database(database_dsn)
    assert PostgresIngestLog(other).start("ing_2", "daily", ALL, AT + timedelta(hours=1)) == 1
    assert len(PostgresIngestLog(other).unfinished()) == 1
    other.close()


def test_the_same_request_goes_on_where_the_newest_run_stopped(log: PostgresIngestLog) -> None:
    one, two = planned("market_data", month=1), planned("market_data")
    run(log, "ing_1", {one: None, two: "never"}, arguments=BACKFILL, state="failed", mode="backfill")
    since = AT - timedelta(hours=24)
    assert list(log.done_before("backfill", BACKFILL, since)) == [one]
    # Another request, another mode and too long ago are other runs.
    assert list(log.done_before("backfill", {**BACKFILL, "start": "2023-01-01"}, since)) == []
    assert list(log.done_before("daily", BACKFILL, since)) == []
    assert list(log.done_before("backfill", BACKFILL, AT + timedelta(hours=1))) == []


def test_a_request_broken_off_twice_owes_nothing_that_either_run_has_done(log: PostgresIngestLog) -> None:
    one, two, three = planned("market_data", month=1), planned("market_data"), planned("news")
    run(log, "ing_1", {one: None, two: "never"}, arguments=BACKFILL, state="failed", mode="backfill")
    later = AT + timedelta(hours=1)
    run(log, "ing_2", {two: None, three: "It broke."}, at=later, arguments=BACKFILL, state="failed", mode="backfill")
    assert list(log.done_before("backfill", BACKFILL, AT - timedelta(hours=24))) == [one, two]
    # After a complete run nothing older counts.
    run(log, "ing_3", {three: None}, at=later + timedelta(hours=1), arguments=BACKFILL, state="done", mode="backfill")
    run(log, "ing_4", {one: None}, at=later + timedelta(hours=2), arguments=BACKFILL, state="failed", mode="backfill")
    assert list(log.done_before("backfill", BACKFILL, AT - timedelta(hours=24))) == [one]


def test_a_complete_run_is_not_gone_on_with(log: PostgresIngestLog) -> None:
    one = planned("market_data")
    run(log, "ing_1", {one: None, planned("news"): "It broke."}, arguments=BACKFILL, mode="backfill")
    run(log, "ing_2", {one: None}, at=AT + timedelta(hours=1), arguments=BACKFILL, state="done", mode="backfill")
    assert list(log.done_before("backfill", BACKFILL, AT - timedelta(hours=24))) == []


def test_the_run_of_a_workflow_is_found_and_not_taken_for_dead(log: PostgresIngestLog, database_dsn: str) -> None:
    arguments = {**ALL, "workflow": "ingest-daily-1/abc"}
    log.start("ing_1", "daily", arguments, AT)
    assert log.of_workflow("ingest-daily-1/abc") == "ing_1"
    assert log.of_workflow("ingest-daily-1/other") is None
    log._alive()  # type: ignore[misc]
    other = Database(database_dsn)
    assert PostgresIngestLog(other).start("ing_2", "daily", ALL, AT) == 0
    assert PostgresIngestLog(other).arguments("ing_1") == ("daily", arguments)
    other.close()


def test_a_run_that_does_not_exist_has_no_arguments_and_no_steps(log: PostgresIngestLog) -> None:
    assert log.steps("ing_9") == []
    with pytest.raises(UnknownName, match="ing_9"):
        log.arguments("ing_9")
