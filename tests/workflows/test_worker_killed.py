"""Kill worker and Temporal with SIGKILL on the way: after a restart the proposal is approved and sent once."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import psutil
import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from app.runtime import temporal
from core.execution.requests import LegRequest, TradeRequest
from core.testing.small_market import AGENT, PETER

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def worker_process(parts, address, crash_at=None):
    """Run `python -m app.worker`; kill it at the end if it still runs."""
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "QUANTDESK_HOME": str(parts.settings.home),
        "DATABASE_URL": parts.dsn,
        "TEMPORAL_ADDRESS": address,
    }
    if crash_at:
        env["QUANTDESK_CRASH_AT"] = crash_at
    process = subprocess.Popen([sys.executable, "-m", "app.worker"], cwd=ROOT, env=env, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait(10)


def count(parts, table):
    with parts.database.transaction() as connection:
        return connection.execute(f"SELECT count(*) FROM execution.{table}".encode()).fetchone()[0]


async def history(address, proposal_id):
    """Return the events of the proposal's workflow so far, as JSON; none before it is started."""
    handle = (await Client.connect(address)).get_workflow_handle(f"proposal-{proposal_id}")
    try:
        return json.loads((await handle.fetch_history()).to_json())["events"]
    except RPCError:
        return []


async def happened(address, proposal_id, kind):
    """Wait until the workflow's history holds an event of this kind, and return the last one."""
    for _ in range(2400):
        found = [event for event in await history(address, proposal_id) if event["eventType"] == kind]
        if found:
            return found[-1]
        await asyncio.sleep(0.05)
    raise AssertionError(f"{kind} did not happen within 120 seconds.")


@pytest.fixture
def own_temporal(tmp_path):
    """Give a Temporal server of the test's own that may be killed."""
    home = tmp_path / "temporal-home"
    with temporal.ensure_temporal(home) as server:
        yield home, server


async def test_everything_is_killed_between_proposal_and_approval_and_while_sending(parts, own_temporal, until):
    home, server = own_temporal
    leg = LegRequest(symbol="AAA", side="buy", quantity=Decimal(10))
    proposal = parts.desk.proposals.propose(TradeRequest(legs=(leg,)), AGENT)

    with worker_process(parts, server.address):
        # It waits for a decision: nothing of the killed worker's is under way.
        await happened(server.address, proposal.proposal_id, "EVENT_TYPE_TIMER_STARTED")
    psutil.Process(server.pid).kill()
    parts.desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="cli")
    server = temporal.heal(home)

    with worker_process(parts, server.address, crash_at="send.sent") as process:
        assert await asyncio.to_thread(process.wait, 120) == -signal.SIGKILL
    assert count(parts, "paper_orders") == 1
    assert parts.desk.proposals.get(proposal.proposal_id).orders[0].state == "submitting"

    with worker_process(parts, server.address) as process:
        await until(lambda: parts.desk.proposals.get(proposal.proposal_id).orders[0].state == "accepted")
        parts.clock.advance(1)
        await until(lambda: parts.desk.proposals.get(proposal.proposal_id).progress == "Filled.")
        await happened(server.address, proposal.proposal_id, "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED")
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 30) == 0
    # The send that died with its worker was given to the next one because its heart stopped, not after its whole time.
    lost = [
        event["activityTaskStartedEventAttributes"]
        for event in await history(server.address, proposal.proposal_id)
        if event["eventType"] == "EVENT_TYPE_ACTIVITY_TASK_STARTED"
        and "lastFailure" in event["activityTaskStartedEventAttributes"]
    ]
    assert [event["lastFailure"]["timeoutFailureInfo"]["timeoutType"] for event in lost] == ["TIMEOUT_TYPE_HEARTBEAT"]
    tables = ("orders", "paper_orders", "paper_executions", "fills", "decisions")
    assert [count(parts, table) for table in tables] == [1] * 5
    assert parts.desk.books.holdings().positions[0].quantity == 10
