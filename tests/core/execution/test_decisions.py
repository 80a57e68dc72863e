"""Decide at the edge of the expiry and all at once: the database's clock and the first commit decide."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from core.errors import ApprovalRefused, InvalidInput, UnknownName
from core.testing.small_market import AGENT, ANNA, CLERK, PETER


def set_expiry(desk, proposal, when):
    """Set the expiry by the database's clock, around the rules that forbid it, and return the proposal."""
    with desk.database.transaction() as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute(f"UPDATE execution.proposals SET expires_at = {when}".encode())
        connection.execute("UPDATE execution.proposals p SET digest = execution.proposal_digest(p)")
    return desk.proposals.get(proposal.proposal_id).proposal


@pytest.mark.parametrize(("minutes", "seconds"), [(None, 86_400), (1, 60), (90, 5_400), (43_200, 2_592_000)])
def test_the_time_to_decide_is_counted_by_the_database_s_clock(desk, ask, minutes, seconds):
    proposal = desk.proposals.propose(ask(expires_in_minutes=minutes), AGENT)
    ((left,),) = desk.sql("SELECT extract(epoch FROM expires_at - created_at) FROM execution.proposals")
    assert abs(float(left) - seconds) < 5
    assert seconds - 30 < desk.proposals.get(proposal.proposal_id).seconds_left <= seconds


@pytest.mark.parametrize(
    ("when", "state"),
    [
        ("clock_timestamp() - interval '1 microsecond'", "expired"),
        ("clock_timestamp() - interval '1 year'", "expired"),
        ("clock_timestamp() + interval '20 seconds'", "pending"),
    ],
)
def test_a_moment_before_and_after_the_expiry(desk, ask, approve, when, state):
    proposal = set_expiry(desk, desk.proposals.propose(ask(), AGENT), when)
    view = desk.proposals.get(proposal.proposal_id)
    assert view.state == state and (view.seconds_left > 0) == (state == "pending")
    if state == "pending":
        assert approve(proposal).decision == "approved"
        return
    for decision in ("approved", "rejected"):
        with pytest.raises(ApprovalRefused, match="expired at") as refusal:
            approve(proposal, decision=decision)
        assert refusal.value.rule == "expired"
    assert desk.sql("SELECT count(*) FROM execution.decisions") == [(0,)]


def test_the_desk_s_replayed_clock_does_not_expire_anything(desk, ask, approve):
    proposal = desk.proposals.propose(ask(), AGENT)
    desk.clock.advance(5)
    assert desk.proposals.expire(proposal.proposal_id).state == "pending"
    assert approve(proposal).decision == "approved"


def test_an_expiry_and_an_approval_at_once_leave_one_decision(desk, ask, approve):
    proposal = set_expiry(desk, desk.proposals.propose(ask(), AGENT), "clock_timestamp() + interval '300 milliseconds'")
    outcomes = []

    def keep_expiring():
        while desk.proposals.expire(proposal.proposal_id).decision is None:
            pass
        outcomes.append("seen")

    def keep_approving():
        try:
            approve(proposal)
            outcomes.append("approved")
        except ApprovalRefused as error:
            outcomes.append(error.rule)

    threads = [threading.Thread(target=keep_expiring), threading.Thread(target=keep_approving)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    ((decision, count),) = desk.sql("SELECT min(decision), count(*) FROM execution.decisions")
    assert count == 1 and len(outcomes) == 2
    assert (decision == "approved") == ("approved" in outcomes)


def test_of_two_persons_at_once_both_learn_who_came_first(desk, ask):
    for _ in range(5):
        proposal = desk.proposals.propose(ask(quantity=1), AGENT)
        together = threading.Barrier(2)
        said = {}

        def decide(person, decision, proposal=proposal, together=together, said=said):
            together.wait(10)
            try:
                desk.proposals.decide(proposal.proposal_id, decision, proposal.digest, person, face="web")
                said[person.id] = "won"
            except ApprovalRefused as error:
                said[person.id] = str(error)

        threads = [
            threading.Thread(target=decide, args=arguments) for arguments in ((PETER, "approved"), (ANNA, "rejected"))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        winner = next(person for person, word in said.items() if word == "won")
        loser = next(word for word in said.values() if word != "won")
        stored = desk.proposals.get(proposal.proposal_id)
        assert stored.decision.decided_by == winner
        assert f"was {stored.state} already, by {winner} on web" in loser


@pytest.mark.parametrize("decision", ["maybe", "", "expired", "Approved"])
def test_a_decision_is_approved_or_rejected(desk, ask, approve, decision):
    proposal = desk.proposals.propose(ask(), AGENT)
    with pytest.raises(InvalidInput, match="approved or rejected"):
        approve(proposal, decision=decision)


@pytest.mark.parametrize("digest", ["", "0" * 64, "x"])
def test_a_digest_that_was_not_shown_decides_nothing(desk, ask, digest):
    proposal = desk.proposals.propose(ask(), AGENT)
    for given in (digest, proposal.digest.upper(), proposal.digest[:-1]):
        with pytest.raises(ApprovalRefused) as refusal:
            desk.proposals.decide(proposal.proposal_id, "approved", given, PETER, face="cli")
        assert refusal.value.rule == "digest"
    assert desk.proposals.get(proposal.proposal_id).state == "pending"


def test_a_proposal_that_is_not_there_cannot_be_decided(desk):
    with pytest.raises(UnknownName, match="prp_none"):
        desk.proposals.decide("prp_none", "approved", "0" * 64, PETER, face="cli")


def test_only_the_one_who_asked_withdraws_without_the_scope(desk, ask, approve):
    of_peter, of_clerk = desk.proposals.propose(ask(), PETER), desk.proposals.propose(ask(), CLERK)
    with pytest.raises(ApprovalRefused, match="lacks the scope") as refusal:
        approve(of_peter, CLERK, "rejected")
    assert refusal.value.rule == "scope"
    assert approve(of_clerk, CLERK, "rejected").decided_by == CLERK.id


def test_the_decision_notes_both_clocks(desk, ask, approve):
    decision = approve(desk.proposals.propose(ask(), AGENT))
    assert decision.desk_time == datetime(2022, 11, 29, 21, tzinfo=UTC)
    ((now,),) = desk.sql("SELECT clock_timestamp()")
    assert now - decision.decided_at < timedelta(minutes=1)
    assert decision.used_at is None


def test_the_progress_is_a_sentence_at_every_step(desk, ask, approve, expire):
    def said(proposal):
        return desk.proposals.get(proposal.proposal_id).progress

    proposal = desk.proposals.propose(ask(), AGENT)
    until = (proposal.created_at + timedelta(hours=24)).astimezone(UTC)
    assert said(proposal) == f"Waits for a person's decision until {until:%Y-%m-%d %H:%M} UTC."
    approve(proposal)
    assert said(proposal) == "Approved: the worker will send it."
    (order,) = desk.gateway.release(proposal.proposal_id)
    assert said(proposal).startswith("Working at the venue: fills at the next session's open. The clock replays")
    desk.gateway.cancel(order.order_id, PETER)
    assert said(proposal) == "Cancelled: cancelled by the desk."
    rejected = desk.proposals.propose(ask(), AGENT)
    approve(rejected, decision="rejected")
    assert said(rejected) == "Rejected: nothing was sent."
    assert said(expire(desk.proposals.propose(ask(), AGENT))) == "Expired: nothing was sent."
