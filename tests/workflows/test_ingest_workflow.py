"""Run the ingest workflow on a real Temporal server, a real database and a loopback vendor."""

from __future__ import annotations

import asyncio
import json
import os
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from temporalio.client import Client
from temporalio.worker import Replayer

from app.bootstrap import Parts, open_jobs
from app.scheduling import SCHEDULE, WORKFLOW, change_schedule, start_ingest
from core.data.calendar import are_sessions
from core.data.ingest_plan import IngestRequest
from core.settings import Settings
from core.testing.clock import FixedClock
from core.testing.vendor_stand_ins import serve, small_data
from workflows.ingest import IngestWorkflow
from workflows.ingest_activities import IngestActivities

HISTORIES = Path(__file__).with_name("histories")
NOW = datetime(2024, 2, 14, 12, tzinfo=UTC)
BACKFILL = IngestRequest(mode="backfill", start=date(2023, 12, 20), end=date(2024, 2, 13), vendors=("polygon",))


@pytest.fixture
def vendor(monkeypatch):
    with serve("polygon", data=small_data(), now=NOW) as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("QUANTDESK_POLYGON_REQUESTS_PER_MINUTE", "100000")
        yield made["polygon"]


@pytest.fixture
def parts(database_dsn, tmp_path, temporal_address):
    made = Parts(
        Settings(home=tmp_path, temporal_address=temporal_address), database_dsn, wall=FixedClock(NOW, mode="live")
    )
    yield made
    made.trading.database.close()
    made.database.close()


def query(parts, statement):
    with parts.database.transaction() as connection:
        return connection.execute(statement).fetchall()


async def ended(client, workflow_id, name=None):
    """Return the result of a workflow whose history replays; keep the history where RECORD_HISTORIES is set."""
    handle = client.get_workflow_handle(workflow_id)
    result = await asyncio.wait_for(handle.result(), 120)
    history = await handle.fetch_history()
    await Replayer(workflows=[IngestWorkflow]).replay_workflow(history)
    if name and os.environ.get("RECORD_HISTORIES"):
        text = re.sub(r'"(identity": *")?[0-9]+@[\w.-]+"', lambda found: f'"{found[1] or ""}worker"', history.to_json())
        HISTORIES.joinpath(f"{name}.json").write_text(json.dumps(json.loads(text), indent=1) + "\n", encoding="utf-8")
    return result


async def test_a_backfill_is_done_by_the_workers_and_ends_complete(parts, vendor, working, temporal_address):
    async with working(parts):
        client = await Client.connect(temporal_address)
        assert (
            await ended(client, await start_ingest(parts.settings, parts.clock.desk_id(), BACKFILL), "ingest_backfill")
            == "done"
        )
    served = sum(len(vendor.data.between(symbol, BACKFILL.start, BACKFILL.end)) for symbol in vendor.data.bars
                 if not symbol.endswith("-USD"))  # fmt: skip
    stored = query(parts, "SELECT count(*) FROM market_data.bars_daily")[0][0]
    held = query(parts, "SELECT count(*) FROM ops.quarantine WHERE record_kind = 'bar'")[0][0]
    assert stored + held == served
    runs = query(parts, "SELECT state, arguments ->> 'workflow' IS NOT NULL FROM ops.ingest_runs")
    assert runs == [("done", True)]
    years = query(parts, "SELECT step, state FROM ops.ingest_steps WHERE step LIKE 'market_data%' ORDER BY 1")
    assert years == [
        ("market_data 2023-12-20..2023-12-31", "done"),
        ("market_data 2024-01-01..2024-02-13", "done"),
    ]


async def test_the_years_of_one_step_and_source_are_ordered_one_after_another(parts, vendor, working, temporal_address):
    """How a bar is flagged depends on the bars before it, so two runs must store the years in the same order."""
    async with working(parts):
        client = await Client.connect(temporal_address)
        workflow_id = await start_ingest(parts.settings, parts.clock.desk_id(), BACKFILL)
        assert await ended(client, workflow_id, "ingest_in_order") == "done"
        events = (await client.get_workflow_handle(workflow_id).fetch_history()).events
    ordered, done, open_queues = {}, [], set()
    for event in events:
        scheduled = event.activity_task_scheduled_event_attributes
        if scheduled.activity_type.name == "ingest_unit":
            unit = json.loads(scheduled.input.payloads[1].data)
            queue = unit.rsplit("/", 2)[0]
            assert queue not in open_queues
            open_queues.add(queue)
            ordered[event.event_id] = unit
        ended_of = event.activity_task_completed_event_attributes.scheduled_event_id
        if ended_of in ordered:
            done.append(ordered[ended_of])
            open_queues.remove(ordered[ended_of].rsplit("/", 2)[0])
    assert sorted(done) == sorted(ordered.values())
    bars = [unit for unit in done if unit.startswith("market_data/polygon")]
    assert bars == sorted(bars) and len(bars) == 2


async def test_a_failed_unit_leaves_a_partial_run(parts, vendor, working, temporal_address):
    vendor.fail("wrong_key", matching="aggs")
    async with working(parts):
        client = await Client.connect(temporal_address)
        assert (
            await ended(client, await start_ingest(parts.settings, parts.clock.desk_id(), BACKFILL), "ingest_partial")
            == "partial"
        )
    assert query(parts, "SELECT count(*) FROM market_data.bars_daily") == [(0,)]
    assert query(parts, "SELECT count(*) FROM news.articles")[0][0] > 0


async def test_a_long_run_goes_on_with_a_new_history(parts, vendor, working, temporal_address):
    async with working(parts):
        client = await Client.connect(temporal_address)
        order = {**BACKFILL.as_arguments(), "units_a_history": 2}
        await open_jobs(client, parts.clock.desk_id()).start(WORKFLOW, "ingest-long", order)
        first = client.get_workflow_handle("ingest-long")
        assert await asyncio.wait_for(first.result(), 120) == "done"
        described = await first.describe()
        assert described.raw_description.workflow_execution_info.first_run_id != described.run_id
    assert query(parts, "SELECT count(*) FROM ops.ingest_runs") == [(1,)]


def activities(parts, now):
    return IngestActivities(parts.ingest, lambda: now, "America/New_York")


async def test_the_schedule_runs_at_five_in_new_york_on_weekdays_summer_and_winter(parts):
    times = await change_schedule(parts.settings, parts.clock.desk_id(), "on")
    assert len(times) >= 5
    for time in times:
        local = time.astimezone(ZoneInfo("America/New_York"))
        assert (local.hour, local.minute) == (5, 0)
        assert local.weekday() < 5
    assert list(times) == sorted(times)
    # Changing it again keeps one; ending it twice does no harm.
    assert list(await change_schedule(parts.settings, parts.clock.desk_id(), "on")) == list(times)
    assert list(await change_schedule(parts.settings, parts.clock.desk_id(), "show")) == list(times)
    for _ in range(2):
        assert not await change_schedule(parts.settings, parts.clock.desk_id(), "off")
    assert SCHEDULE == "daily-ingest"


@pytest.mark.parametrize(
    ("moment", "runs"),
    [
        (datetime(2024, 7, 4, 9, tzinfo=UTC), False),  # Independence Day
        (datetime(2024, 7, 5, 9, tzinfo=UTC), True),
        (datetime(2024, 1, 1, 10, tzinfo=UTC), False),
        (datetime(2025, 1, 9, 10, tzinfo=UTC), False),  # the day of mourning for a president, an ad-hoc closure
        (datetime(2024, 7, 5, 2, tzinfo=UTC), False),  # in New York it is still the fourth
    ],
)
async def test_a_scheduled_start_on_a_day_without_trading_does_nothing(parts, vendor, moment, runs):
    from temporalio.testing import ActivityEnvironment

    order = {**IngestRequest(vendors=("polygon",)).as_arguments(), "scheduled": True}
    begun = ActivityEnvironment().run(activities(parts, moment).begin_ingest, order)
    assert bool(begun["run"]) is runs
    day = (moment - timedelta(hours=4)).date()
    assert bool(are_sessions("XNYS", np.array([day], dtype="datetime64[D]"))[0]) is runs


async def test_an_activity_that_is_repeated_begins_one_run_and_does_a_unit_once(parts, vendor):
    from temporalio.testing import ActivityEnvironment

    environment, made = ActivityEnvironment(), activities(parts, NOW)
    first = environment.run(made.begin_ingest, BACKFILL.as_arguments())
    assert environment.run(made.begin_ingest, BACKFILL.as_arguments()) == first
    assert query(parts, "SELECT count(*) FROM ops.ingest_runs") == [(1,)]
    unit = first["stages"][0][0]
    assert environment.run(made.ingest_unit, first["run"], unit) == "done"
    asked = len(vendor.asked)
    assert environment.run(made.ingest_unit, first["run"], unit) == "done"
    assert len(vendor.asked) == asked
    # What was never done is owed.
    assert environment.run(made.finish_ingest, first["run"]) == "partial"
