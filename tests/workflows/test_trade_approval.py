"""Run the workflow on a real Temporal server and a real database."""

from __future__ import annotations

import json
import os
import re
from decimal import Decimal
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.worker import Replayer

from core.execution.requests import LegRequest, TradeRequest
from core.testing.small_market import AGENT, PETER
from workflows.trade_approval import TradeApprovalWorkflow

HISTORIES = Path(__file__).with_name("histories")


def propose(parts, quantity=10, **changes):
    leg = LegRequest(symbol="AAA", side="buy", quantity=Decimal(quantity))
    return parts.desk.proposals.propose(TradeRequest(legs=(leg,), **changes), AGENT)


def decide(parts, proposal, decision="approved"):
    return parts.desk.proposals.decide(proposal.proposal_id, decision, proposal.digest, PETER, face="cli")


def orders_at_venue(parts):
    with parts.database.transaction() as connection:
        return connection.execute("SELECT count(*) FROM execution.paper_orders").fetchone()[0]


async def history_replays(handle, name=None):
    """Replay the history of a workflow; keep it under a name when RECORD_HISTORIES is set."""
    history = await handle.fetch_history()
    await Replayer(workflows=[TradeApprovalWorkflow]).replay_workflow(history)
    if name and os.environ.get("RECORD_HISTORIES"):
        # Who recorded it, and where, says nothing about the workflow.
        text = re.sub(r'"(identity": *")?[0-9]+@[\w.-]+"', lambda found: f'"{found[1] or ""}worker"', history.to_json())
        HISTORIES.joinpath(f"{name}.json").write_text(json.dumps(json.loads(text), indent=1) + "\n", encoding="utf-8")
    return history


async def test_an_approval_is_sent_filled_and_ends_the_workflow(parts, working, until, temporal_address):
    proposal = propose(parts)
    async with working(parts):
        client = await Client.connect(temporal_address)
        handle = client.get_workflow_handle(f"proposal-{proposal.proposal_id}")
        decide(parts, proposal)
        view = lambda: parts.desk.proposals.get(proposal.proposal_id)  # noqa: E731
        await until(lambda: [order.state for order in view().orders] == ["accepted"])
        parts.clock.advance(1)
        await until(lambda: [order.state for order in view().orders] == ["filled"])
        assert await handle.result() == "filled"
        history = await history_replays(handle, "filled")
    assert parts.desk.books.holdings().positions[0].quantity == 10
    assert orders_at_venue(parts) == 1
    # Nothing private leaves the database: the history has ids and states only.
    text = history.to_json()
    assert "AAA" not in text and "1500" not in text


async def test_a_bracket_is_accompanied_until_what_protects_has_ended(parts, working, until, temporal_address):
    """One approval; the stop leaves by itself when the entry has filled, and the workflow goes on while it rests."""
    legs = (
        LegRequest(symbol="AAA", side="sell", quantity=Decimal(10)),
        LegRequest(symbol="AAA", side="buy", quantity=Decimal(10), order_type="stop", stop_price=Decimal("153.4")),
    )
    proposal = parts.desk.proposals.propose(TradeRequest(legs=legs, legging="bracket"), AGENT)
    async with working(parts):
        client = await Client.connect(temporal_address)
        handle = client.get_workflow_handle(f"proposal-{proposal.proposal_id}")
        decide(parts, proposal)
        states = lambda: [order.state for order in parts.desk.proposals.get(proposal.proposal_id).orders]  # noqa: E731
        await until(lambda: states() == ["accepted"])
        parts.clock.advance(1)
        await until(lambda: states() == ["filled", "accepted"])
        assert (await handle.describe()).status == WorkflowExecutionStatus.RUNNING
        # Sold at 151.50 on 30 November; 2 December opens at 153.50, beyond the stop.
        for _ in range(2):
            parts.clock.advance(1)
        await until(lambda: states() == ["filled", "filled"])
        assert await handle.result() == "filled"
        await history_replays(handle)
    assert parts.desk.books.holdings().positions == () and orders_at_venue(parts) == 2


async def test_a_rejection_sends_nothing(parts, working, temporal_address):
    proposal = propose(parts)
    decide(parts, proposal, "rejected")
    async with working(parts):
        client = await Client.connect(temporal_address)
        handle = client.get_workflow_handle(f"proposal-{proposal.proposal_id}")
        await client_waits(handle)
        assert await handle.result() == "rejected"
        await history_replays(handle, "rejected")
    assert orders_at_venue(parts) == 0


async def test_words_to_the_workflow_without_an_approval_row_change_nothing(parts, working, until, temporal_address):
    proposal = propose(parts)
    async with working(parts):
        client = await Client.connect(temporal_address)
        handle = client.get_workflow_handle(f"proposal-{proposal.proposal_id}")
        await client_waits(handle)
        for _ in range(3):
            assert await handle.execute_update("look", proposal.proposal_id) == "pending"
        with pytest.raises(Exception, match="Workflow update failed"):
            await handle.execute_update("look", "prp_another")
        assert (await handle.describe()).status == WorkflowExecutionStatus.RUNNING
        assert parts.desk.proposals.get(proposal.proposal_id).state == "pending"
        assert orders_at_venue(parts) == 0
        decide(parts, proposal)
        await until(lambda: orders_at_venue(parts) == 1)
        await history_replays(handle, "told_without_a_decision_then_working")


async def test_a_halt_after_the_approval_ends_the_workflow_with_a_denied_order(parts, working, until, temporal_address):
    proposal = propose(parts)
    decide(parts, proposal)
    parts.kill_switch.halt(PETER, "test")
    async with working(parts):
        client = await Client.connect(temporal_address)
        handle = client.get_workflow_handle(f"proposal-{proposal.proposal_id}")
        await client_waits(handle)
        assert await handle.result() == "denied"
        await history_replays(handle, "denied")
    assert orders_at_venue(parts) == 0


async def test_an_approval_used_up_elsewhere_ends_the_workflow_as_refused(parts, working, temporal_address):
    proposal = propose(parts)
    decide(parts, proposal)
    with parts.database.transaction() as connection:
        connection.execute("UPDATE execution.decisions SET used_at = clock_timestamp()")
    async with working(parts):
        client = await Client.connect(temporal_address)
        handle = client.get_workflow_handle(f"proposal-{proposal.proposal_id}")
        await client_waits(handle)
        assert await handle.result() == "refused"
        assert await handle.query("state") == "refused"
    assert orders_at_venue(parts) == 0


async def test_an_expiry_is_noted_by_the_workflow(parts, working, until, temporal_address):
    proposal = propose(parts)
    with parts.database.transaction() as connection:
        connection.execute("ALTER TABLE execution.proposals DISABLE TRIGGER USER")
        connection.execute("UPDATE execution.proposals SET expires_at = clock_timestamp() + interval '1 second'")
        connection.execute("UPDATE execution.proposals p SET digest = execution.proposal_digest(p)")
        connection.execute("ALTER TABLE execution.proposals ENABLE TRIGGER USER")
    async with working(parts):
        client = await Client.connect(temporal_address)
        handle = client.get_workflow_handle(f"proposal-{proposal.proposal_id}")
        await client_waits(handle)
        assert await handle.result() == "expired"
        await history_replays(handle, "expired")
    view = parts.desk.proposals.get(proposal.proposal_id)
    assert (view.state, view.decision.decided_by_kind) == ("expired", "service")


async def test_two_workers_and_repeated_starts_make_one_order(parts, working, until):
    proposals = [propose(parts, quantity) for quantity in (1, 2, 3)]
    async with working(parts), working(parts):
        for proposal in proposals:
            decide(parts, proposal)
        await until(lambda: orders_at_venue(parts) == 3)
        parts.clock.advance(1)
        await until(lambda: all(parts.desk.proposals.get(p.proposal_id).progress == "Filled." for p in proposals))
    assert parts.desk.books.holdings().positions[0].quantity == 6


async def client_waits(handle):
    """Wait until the outbox has started the workflow."""
    import asyncio

    from temporalio.service import RPCError

    for _ in range(600):
        try:
            await handle.describe()
            return
        except RPCError:
            await asyncio.sleep(0.05)
    raise AssertionError("The workflow was not started.")
