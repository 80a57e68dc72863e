"""The scan runs on Temporal: for every person with enabled strategies, on days with trading, once for each move."""

from __future__ import annotations

import asyncio
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from app.bootstrap import open_jobs
from app.scheduling import change_scan_schedule
from core.domain.principal import agent_for
from core.settings import Settings
from core.testing.small_market import AGENT, ANNA, PETER
from tools.runner import run_tool
from workflows.scan_activities import SCAN, ScanActivities, scanner_for

HISTORIES = Path(__file__).with_name("histories")


def enable(parts, principal=AGENT, **changes):
    arguments = {
        "name": "Rising",
        "strategy": "timed",
        "symbols": ["AAA"],
        "parameters": {"buy": "close > 148.5", "sell": "close > 1000"},
        **changes,
    }
    run_tool(parts.desk, "save_strategy", arguments, principal=principal, face="test")


def activities(parts, now=datetime(2024, 7, 5, 9, tzinfo=UTC)):
    return ScanActivities(parts.desk, lambda: now, "America/New_York")


async def test_the_scan_proposes_for_each_person_once(parts, working, temporal_address):
    enable(parts)
    enable(parts, agent_for(ANNA), name="Mine")
    async with working(parts):
        client = await Client.connect(temporal_address)
        for number, expected in ((1, 2), (2, 0)):
            await open_jobs(client, parts.clock.desk_id()).start(SCAN, f"scan-test-{number}", {})
            handle = client.get_workflow_handle(f"scan-test-{number}")
            ended = await asyncio.wait_for(handle.result(), 60)
            assert ended["scanned"] == 2 and ended["failed"] == 0 and ended["proposals"] in (0, expected)
        if os.environ.get("RECORD_HISTORIES"):
            history = await client.get_workflow_handle("scan-test-2").fetch_history()
            text = re.sub(r"[0-9]+@[\w-]+", "worker", history.to_json())
            (HISTORIES / "scan.json").write_text(text, encoding="utf-8")
    views = parts.desk.proposals.list()
    assert sorted(view.proposal.requested_by for view in views) == [ANNA.id, PETER.id]
    assert {view.proposal.author_kind for view in views} == {"service"}
    assert {view.state for view in views} == {"pending"}


async def ended(client, name, until):
    """Wait until the workflow of a name was started and has come to its end."""
    loop = asyncio.get_running_loop()

    async def known():
        try:
            return await client.get_workflow_handle(name).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None

    await until(lambda: asyncio.run_coroutine_threadsafe(known(), loop).result())
    await asyncio.wait_for(client.get_workflow_handle(name).result(), 60)


async def test_when_a_replaying_clock_moves_the_worker_scans(parts, working, until, temporal_address):
    # At another moment than the other tests: a scan is named by its moment, and Temporal is shared here. Another desk
    # at the same moment of the past may use the same server too: the workflow has this desk's name.
    parts.advance_clock(1)
    client = await Client.connect(temporal_address)
    enable(parts, parameters={"buy": "close > 151.5", "sell": "close > 1000"})

    def name():
        return f"scan-{parts.clock.desk_id()}-{parts.clock.now():%Y-%m-%dT%H%M}"

    async with working(parts):
        await ended(client, name(), until)
        assert parts.desk.proposals.list() == []
        await asyncio.to_thread(parts.advance_clock, 1)
        await ended(client, name(), until)
    (view,) = parts.desk.proposals.list()
    assert view.proposal.requested_by == PETER.id and view.proposal.legs[0].symbol == "AAA"


@pytest.mark.parametrize(
    ("moment", "runs"),
    [
        (datetime(2024, 7, 4, 9, tzinfo=UTC), False),  # Independence Day
        (datetime(2024, 7, 5, 9, tzinfo=UTC), True),
        (datetime(2024, 7, 5, 2, tzinfo=UTC), False),  # in New York it is still the fourth
    ],
)
def test_a_scheduled_scan_on_a_day_without_trading_looks_at_nobody(parts, moment, runs):
    enable(parts)
    owners = ActivityEnvironment().run(activities(parts, moment).strategy_owners, {"scheduled": True})
    assert owners == ([PETER.id] if runs else [])
    assert ActivityEnvironment().run(activities(parts, moment).strategy_owners, {}) == [PETER.id]


def test_a_repeated_activity_writes_no_second_proposal(parts):
    enable(parts)
    environment, made = ActivityEnvironment(), activities(parts)
    assert [environment.run(made.scan_owner, PETER.id) for _ in range(3)] == [1, 0, 0]
    assert environment.run(made.scan_owner, "usr_nobody") == 0
    assert len(parts.desk.proposals.list()) == 1


def test_the_scanner_acts_for_a_person_and_cannot_approve(parts):
    scanner = scanner_for(PETER.id)
    assert scanner.requested_by == PETER.id and scanner.kind == "service" and "approve" not in scanner.scopes


async def test_the_schedule_runs_an_hour_after_the_ingest_on_weekdays(tmp_path, temporal_address):
    settings = Settings(home=tmp_path, temporal_address=temporal_address)
    times = await change_scan_schedule(settings, "desk1", "on")
    assert len(times) >= 5
    for time in times:
        local = time.astimezone(ZoneInfo("America/New_York"))
        assert (local.hour, local.minute) == (6, 0) and local.weekday() < 5
    assert list(await change_scan_schedule(settings, "desk1", "show")) == list(times)
    assert not await change_scan_schedule(settings, "desk1", "off")
