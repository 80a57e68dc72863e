"""Tell workflows while Temporal comes and goes: nothing is lost, nothing is done twice."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.adapters.store.outbox import Outbox
from core.errors import Refused, Unavailable
from core.execution.requests import LegRequest, TradeRequest
from core.execution.stores import OutboxEvent
from core.testing.small_market import AGENT, PETER
from workflows.outbox import TRADE_APPROVAL, OutboxStarter, workflow_id


class RecordingJobs:
    """Note what is started and told; `away` is a Temporal server that does not answer."""

    def __init__(self):
        self.started = []
        self.told = []
        self.away = False
        self.refuses = False

    async def start(self, workflow, workflow_id, argument):
        if self.away:
            raise Unavailable("Temporal is away.")
        self.started.append((workflow, workflow_id, argument))

    async def tell(self, workflow_id, update, argument):
        if self.away:
            raise Unavailable("Temporal is away.")
        if self.refuses:
            raise Refused("not mine", rule="workflow")
        self.told.append((workflow_id, update, argument))


@pytest.fixture
def jobs():
    return RecordingJobs()


@pytest.fixture
def starter(parts, jobs):
    return OutboxStarter(jobs, parts.desk.proposals, parts.trading)


def propose(parts, quantity=10):
    leg = LegRequest(symbol="AAA", side="buy", quantity=Decimal(quantity))
    return parts.desk.proposals.propose(TradeRequest(legs=(leg,)), AGENT)


def decide(parts, proposal, decision="approved"):
    parts.desk.proposals.decide(proposal.proposal_id, decision, proposal.digest, PETER, face="cli")


def event(topic, subject):
    return OutboxEvent(event_id=1, topic=topic, subject_id=subject)


async def test_each_event_starts_or_tells_the_workflow_of_its_proposal(parts, jobs, starter):
    proposal = propose(parts)
    name = workflow_id(proposal.proposal_id)
    assert name == f"proposal-{proposal.proposal_id}"
    await starter.handle(event("proposal.created", proposal.proposal_id))
    assert (jobs.started, jobs.told) == ([(TRADE_APPROVAL, name, proposal.proposal_id)], [])
    await starter.handle(event("proposal.decided", proposal.proposal_id))
    assert len(jobs.started) == 2 and jobs.told == [(name, "look", proposal.proposal_id)]
    decide(parts, proposal)
    (order,) = parts.gateway.release(proposal.proposal_id)
    await starter.handle(event("order.changed", order.order_id))
    assert len(jobs.started) == 2 and jobs.told[-1] == (name, "look", proposal.proposal_id)


@pytest.mark.parametrize("topic", ["fill.recorded", "trading.halted", "alert.raised", "something.new"])
async def test_other_events_are_not_for_workflows(jobs, starter, topic):
    await starter.handle(event(topic, "x"))
    assert (jobs.started, jobs.told) == ([], [])


async def test_an_order_that_is_gone_is_passed_over(jobs, starter):
    await starter.handle(event("order.changed", "ord_none"))
    assert jobs.told == []


async def test_a_workflow_that_refuses_is_left_alone(parts, jobs, starter):
    jobs.refuses = True
    await starter.handle(event("proposal.decided", propose(parts).proposal_id))
    assert len(jobs.started) == 1


@pytest.mark.parametrize("topic", ["proposal.created", "proposal.decided"])
async def test_while_temporal_is_away_the_event_is_not_done(parts, jobs, starter, topic):
    jobs.away = True
    with pytest.raises(Unavailable):
        await starter.handle(event(topic, propose(parts).proposal_id))


async def test_the_outbox_keeps_events_until_they_are_told_in_their_order(parts):
    outbox = Outbox(parts.database)
    proposals = [propose(parts, number) for number in (1, 2, 3)]
    waiting = outbox.waiting()
    assert [one.subject_id for one in waiting] == [proposal.proposal_id for proposal in proposals]
    assert [one.event_id for one in waiting] == sorted(one.event_id for one in waiting)
    outbox.told([waiting[1].event_id])
    assert [one.subject_id for one in outbox.waiting()] == [proposals[0].proposal_id, proposals[2].proposal_id]
    assert len(outbox.waiting(limit=1)) == 1
    outbox.told([one.event_id for one in waiting])
    outbox.told([one.event_id for one in waiting])
    assert outbox.waiting() == []


async def test_a_rolled_back_transaction_announces_nothing(parts):
    def die():
        with parts.trading.transaction() as transaction:
            transaction.events.put("proposal.created", "prp_never")
            raise RuntimeError("died")

    with pytest.raises(RuntimeError):
        die()
    assert Outbox(parts.database).waiting() == []


async def test_after_temporal_lost_its_record_everything_unfinished_is_started_again(parts, jobs, starter):
    pending, rejected, approved, filled = (propose(parts, number) for number in (1, 2, 3, 4))
    decide(parts, rejected, "rejected")
    decide(parts, filled)
    parts.gateway.release(filled.proposal_id)
    parts.advance_clock(1)
    decide(parts, approved)
    working = propose(parts, 5)
    decide(parts, working)
    parts.gateway.release(working.proposal_id)
    assert parts.desk.proposals.get(filled.proposal_id).progress == "Filled."
    assert await starter.resume() == 3
    expected = {proposal.proposal_id for proposal in (pending, approved, working)}
    assert {argument for _, _, argument in jobs.started} == expected


async def test_a_worker_finds_what_was_decided_while_temporal_was_away(parts, working, until):
    """The decision waits in the outbox; with the worker back it is sent once."""
    proposal = propose(parts)
    decide(parts, proposal)
    assert len(Outbox(parts.database).waiting()) == 2
    async with working(parts):
        await until(lambda: [o.state for o in parts.desk.proposals.get(proposal.proposal_id).orders] == ["accepted"])
        await until(lambda: Outbox(parts.database).waiting() == [])
    with parts.database.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM execution.paper_orders").fetchone() == (1,)
