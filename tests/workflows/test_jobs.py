"""Start and tell workflows on a real Temporal server, twice and after their end."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

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


async def test_starting_twice_is_one_workflow(client, proposal):
    jobs = TemporalJobs(client)
    name = workflow_id(proposal.proposal_id)
    await jobs.start(TRADE_APPROVAL, name, proposal.proposal_id)
    first = (await client.get_workflow_handle(name).describe()).run_id
    await jobs.start(TRADE_APPROVAL, name, proposal.proposal_id)
    assert (await client.get_workflow_handle(name).describe()).run_id == first
    await client.get_workflow_handle(name).terminate()


async def test_a_workflow_that_succeeded_is_not_started_again(client, parts, proposal, working):
    parts.desk.proposals.decide(proposal.proposal_id, "rejected", proposal.digest, PETER, face="cli")
    jobs = TemporalJobs(client)
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


async def test_a_workflow_that_was_broken_off_is_started_anew(client, proposal):
    jobs = TemporalJobs(client)
    name = workflow_id(proposal.proposal_id)
    await jobs.start(TRADE_APPROVAL, name, proposal.proposal_id)
    handle = client.get_workflow_handle(name)
    first = (await handle.describe()).run_id
    await handle.terminate()
    await jobs.start(TRADE_APPROVAL, name, proposal.proposal_id)
    described = await handle.describe()
    assert described.run_id != first and described.status == WorkflowExecutionStatus.RUNNING
    await handle.terminate()


async def test_telling_a_workflow_that_never_was_does_nothing(client):
    await TemporalJobs(client).tell("proposal-prp_never", "look", "prp_never")


async def test_a_workflow_refuses_words_about_another_proposal(client, parts, proposal, working):
    jobs = TemporalJobs(client)
    name = workflow_id(proposal.proposal_id)
    async with working(parts):
        await jobs.start(TRADE_APPROVAL, name, proposal.proposal_id)
        with pytest.raises(Refused, match="refused look") as refusal:
            await jobs.tell(name, "look", "prp_another")
        assert refusal.value.rule == "workflow"
        await jobs.tell(name, "look", proposal.proposal_id)
        await client.get_workflow_handle(name).terminate()


async def test_a_server_that_does_not_answer_in_time_is_unavailable(client, proposal, monkeypatch):
    jobs = TemporalJobs(client)
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
