"""Ask above and below the account's limit for one person, as everyone who may ask."""

from __future__ import annotations

import psycopg
import pytest

from core.domain.principal import Principal, agent_for, is_unknown_person
from core.errors import ApprovalRefused, Refused
from core.execution.demo import ACCOUNT_ID
from core.testing.small_market import AGENT, ALL_SCOPES, ANNA, CLERK, PETER

# Who may run the program without signing in: a login of the machine, which the desk cannot tell from any person.
LOCAL = Principal(id="local:peter", name="peter", kind="person", scopes=frozenset({"read", "trade", "admin"}))
SCANNER = Principal(id="svc_scan", name="scanner", kind="service", scopes=frozenset({"read", "trade"}))
# The account's limit is 50,000 dollars and AAA closes at 150.
AT_LIMIT, ABOVE = {"symbol": "BBB", "quantity": 1000}, {"symbol": "BBB", "quantity": 1001}


@pytest.fixture(autouse=True)
def room_for_shares_of_bbb(desk):
    desk.sql('UPDATE execution.accounts SET limits = \'{"allow_short": true, "min_cash": null}\'')


@pytest.mark.parametrize("asker", [PETER, AGENT, CLERK, SCANNER, LOCAL, agent_for(LOCAL)], ids=lambda p: p.id)
def test_at_the_limit_one_person_suffices_whoever_asked(desk, ask, approve, asker):
    assert approve(desk.proposals.propose(ask(**AT_LIMIT), asker), PETER).decided_by == PETER.id


@pytest.mark.parametrize(
    ("asker", "may_approve", "may_not"),
    [
        (PETER, [ANNA], [PETER]),
        (AGENT, [ANNA], [PETER]),
        (ANNA, [PETER], [ANNA]),
        (CLERK, [PETER, ANNA], []),
        (SCANNER, [PETER, ANNA], []),
    ],
    ids=lambda value: getattr(value, "id", None),
)
def test_above_it_another_person_must_approve(desk, ask, approve, asker, may_approve, may_not):
    for person in may_not:
        proposal = desk.proposals.propose(ask(**ABOVE), asker)
        with pytest.raises(ApprovalRefused, match=r"50050 is above the four-eyes limit of 50000") as refusal:
            approve(proposal, person)
        assert refusal.value.rule == "four_eyes"
        assert approve(proposal, person, "rejected").decision == "rejected"
    for person in may_approve:
        assert approve(desk.proposals.propose(ask(**ABOVE), asker), person).decision == "approved"


@pytest.mark.parametrize("asker", [LOCAL, agent_for(LOCAL)], ids=lambda p: p.id)
def test_above_it_someone_who_is_not_signed_in_cannot_even_ask(desk, ask, asker):
    with pytest.raises(Refused, match="not signed in") as refusal:
        desk.proposals.propose(ask(**ABOVE), asker)
    assert refusal.value.rule == "four_eyes" and "Sign in" in refusal.value.hint
    assert desk.proposals.list() == []


@pytest.mark.parametrize("approver", [PETER, ANNA], ids=lambda p: p.id)
def test_a_limit_lowered_after_a_local_request_forbids_every_approval(desk, ask, approve, approver):
    proposal = desk.proposals.propose(ask(**AT_LIMIT), LOCAL)
    desk.sql("UPDATE execution.accounts SET four_eyes_above = 40000")
    with pytest.raises(ApprovalRefused, match="you may be the same person") as refusal:
        approve(proposal, approver)
    assert refusal.value.rule == "four_eyes"
    assert approve(proposal, approver, "rejected").decision == "rejected"


@pytest.mark.parametrize("approver", [PETER, ANNA], ids=lambda p: p.id)
def test_the_database_refuses_it_too(desk, ask, approver):
    proposal = desk.proposals.propose(ask(**AT_LIMIT), LOCAL)
    desk.sql("UPDATE execution.accounts SET four_eyes_above = 40000")
    with pytest.raises(psycopg.errors.CheckViolation, match="nobody signed in asked for it"):
        desk.sql(
            "INSERT INTO execution.decisions (proposal_id, decision, digest, decided_by, decided_by_kind, face,"
            " desk_time) VALUES (%s, 'approved', %s, %s, 'person', 'cli', now())",
            proposal.proposal_id,
            proposal.digest,
            approver.id,
        )


@pytest.mark.parametrize("limit", [None, 10**9])
def test_without_a_limit_or_under_a_high_one_everybody_may(desk, ask, approve, limit):
    desk.sql("UPDATE execution.accounts SET four_eyes_above = %s", limit)
    assert approve(desk.proposals.propose(ask(**ABOVE), LOCAL), PETER).decision == "approved"
    assert approve(desk.proposals.propose(ask(**ABOVE), PETER), PETER).decision == "approved"


def test_a_strategy_named_as_author_does_not_hide_who_asked(desk, ask, approve):
    proposal = desk.proposals.propose(ask(**ABOVE, author="rebalancer"), PETER)
    assert (proposal.author, proposal.requested_by) == ("rebalancer", PETER.id)
    with pytest.raises(ApprovalRefused, match="four-eyes"):
        approve(proposal, PETER)


def test_a_person_named_as_author_may_not_approve_either(desk, ask, approve):
    proposal = desk.proposals.propose(ask(**ABOVE, author=ANNA.id), PETER)
    with pytest.raises(ApprovalRefused, match="four-eyes"):
        approve(proposal, ANNA)


@pytest.mark.parametrize(
    ("requested_by", "unknown"),
    [("local:peter", True), ("local:", True), ("usr_peter", False), ("agent:local", False), (ACCOUNT_ID, False)],
)
def test_only_logins_of_the_machine_are_unknown(requested_by, unknown):
    assert is_unknown_person(requested_by) is unknown


@pytest.mark.parametrize("face", ["cli", "web", "chat", "api", "mcp"])
def test_a_decision_keeps_the_face_it_was_taken_on(desk, ask, face):
    proposal = desk.proposals.propose(ask(), AGENT)
    decision = desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face=face, reason="ok")
    assert (decision.face, decision.decided_by, decision.decided_by_kind) == (face, PETER.id, "person")
    assert desk.sql("SELECT face, decided_by, reason FROM execution.decisions") == [(face, PETER.id, "ok")]


@pytest.mark.parametrize("kind", ["agent", "service"])
def test_nothing_but_a_person_can_hold_the_scope_to_approve(kind):
    with pytest.raises(ValueError, match="only a person can"):
        Principal(id="x", name="x", kind=kind, scopes=ALL_SCOPES)


def test_an_agent_of_a_person_never_gets_the_scope():
    assert AGENT.scopes == {"read", "trade"} and AGENT.requested_by == PETER.id
