"""Start and tell workflows on a real Temporal server, twice and after their end."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from app.worker import build_worker
from core.adapters.jobs import temporal
from core.adapters.jobs.temporal import TemporalJobs
from core.errors import Refused, Unavailable
from core.execution.requests import LegRequest, TradeRequest
from core.testing.small_market import AGENT, PETER
from workflows.outbox import TRADE_APPROVAL, workflow_id


@pytest.fixture
async def client(temporal_address):
    return await Client.connect(temporal_address)


@pytest.fixture
def proposal(parts):
    leg = LegRequest(symbol="AAA", side="buy", quantity=Decimal(10))
    return parts.desk.proposals.propose(TradeRequest(legs=(leg,)), AGENT)


async def test_starting_twice_is_one_workflow(client, parts, proposal):
    jobs = TemporalJobs(client, parts.clock.desk_id())
    name = workflow_id(proposal.proposal_id)
    await jobs.start(TRADE_APPROVAL, name, proposal.proposal_id)
    first = (await client.get_workflow_handle(name).describe()).run_id
    await jobs.start(TRADE_APPROVAL, name, proposal.proposal_id)
    assert (await client.get_workflow_handle(name).describe()).run_id == first
    await client.get_workflow_handle(name).terminate()


async def test_a_workflow_that_succeeded_is_not_started_again(client, parts, proposal, working):
    parts.desk.proposals.decide(proposal.proposal_id, "rejected", proposal.digest, PETER, face="cli")
    jobs = TemporalJobs(client, parts.clock.desk_id())
    name = workflow_id(proposal.proposal_id)
    await jobs.start(TRADE_APPROVAL, name, proposal.proposal_id)
    async with working(parts):
        assert await client.get_workflow_handle(name).result() == "rejected"
    ended = await client.get_workflow_handle(name).describe()
    await jobs.start(TRADE_APPROVAL, name, proposal.proposal_id)
    again = await client.get_workflow_handle(name).describe()
    assert (again.run_id, again.status) == (ended.run_id, WorkflowExecutionStatus.COMPLETED)
    # Telling it is harmless too.
    await jobs.tell(name, "look", proposal.proposal_id)


async def test_a_workflow_that_was_broken_off_is_started_anew(client, parts, proposal):
    jobs = TemporalJobs(client, parts.clock.desk_id())
    name = workflow_id(proposal.proposal_id)
    await jobs.start(TRADE_APPROVAL, name, proposal.proposal_id)
    handle = client.get_workflow_handle(name)
    first = (await handle.describe()).run_id
    await handle.terminate()
    await jobs.start(TRADE_APPROVAL, name, proposal.proposal_id)
    described = await handle.describe()
    assert described.run_id != first and described.status == WorkflowExecutionStatus.RUNNING
    await handle.terminate()


async def test_telling_a_workflow_that_never_was_does_nothing(client, parts):
    await TemporalJobs(client, parts.clock.desk_id()).tell("proposal-prp_never", "look", "prp_never")


async def test_a_workflow_refuses_words_about_another_proposal(client, parts, proposal, working):
    jobs = TemporalJobs(client, parts.clock.desk_id())
    name = workflow_id(proposal.proposal_id)
    async with working(parts):
        await jobs.start(TRADE_APPROVAL, name, proposal.proposal_id)
        with pytest.raises(Refused, match="refused look") as refusal:
            await jobs.tell(name, "look", "prp_another")
        assert refusal.value.rule == "workflow"
        await jobs.tell(name, "look", proposal.proposal_id)
        await client.get_workflow_handle(name).terminate()


async def test_a_server_that_does_not_answer_in_time_is_unavailable(client, parts, proposal, monkeypatch):
    jobs = TemporalJobs(client, parts.clock.desk_id())
    name = workflow_id(proposal.proposal_id)
    await jobs.start(TRADE_APPROVAL, name, proposal.proposal_id)
    # No worker runs, so nobody answers the update.
    monkeypatch.setattr(temporal, "_CALL_TIMEOUT", timedelta(milliseconds=50))
    with pytest.raises(Unavailable, match="did not answer look in time"):
        await jobs.tell(name, "look", proposal.proposal_id)
    monkeypatch.setattr(temporal, "_CALL_TIMEOUT", timedelta(microseconds=1))
    with pytest.raises(Unavailable, match="did not start"):
        await jobs.start(TRADE_APPROVAL, "proposal-prp_late", "prp_late")
    await client.get_workflow_handle(name).terminate()


async def test_desks_that_share_a_namespace_leave_each_other_s_work_alone(client, parts, proposal, working):
    """Both proposals are in one database here, so only the queue keeps the worker from the other desk's work."""
    leg = LegRequest(symbol="BBB", side="buy", quantity=Decimal(10))
    second = parts.desk.proposals.propose(TradeRequest(legs=(leg,)), AGENT)
    for one in (proposal, second):
        parts.desk.proposals.decide(one.proposal_id, "rejected", one.digest, PETER, face="cli")
    theirs = client.get_workflow_handle(workflow_id(proposal.proposal_id))
    await TemporalJobs(client, "another").start(TRADE_APPROVAL, theirs.id, proposal.proposal_id)
    ours = client.get_workflow_handle(workflow_id(second.proposal_id))
    await TemporalJobs(client, parts.clock.desk_id()).start(TRADE_APPROVAL, ours.id, second.proposal_id)
    async with working(parts):
        assert await ours.result() == "rejected"
        begun = [
            event
            async for event in theirs.fetch_history_events()
            if event.HasField("workflow_task_started_event_attributes")
        ]
        assert begun == []
    async with build_worker(client, parts, "another"):
        assert await theirs.result() == "rejected"


async def test_a_schedule_belongs_to_one_desk(client):
    mine, theirs = TemporalJobs(client, "mine"), TemporalJobs(client, "theirs")
    for jobs, hour in ((mine, 5), (theirs, 7)):
        await jobs.schedule("daily", TRADE_APPROVAL, "none", hour=hour, minute=0, time_zone="UTC")
    assert {moment.hour for moment in await mine.next_runs("daily")} == {5}
    await theirs.unschedule("daily")
    assert await theirs.next_runs("daily") == ()
    assert {moment.hour for moment in await mine.next_runs("daily")} == {5}
    await mine.unschedule("daily")
