"""Standing rules reject when a trade is proposed, decided on and sent; none of them approves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from core.domain.books import Leg, Proposal, RejectCondition, RejectRule
from core.errors import ApprovalRefused, InvalidInput, NotSignedIn, UnknownName
from core.execution.reject_rules import RejectRuleDesk, first_match
from core.execution.requests import LegRequest, TradeRequest
from core.testing.small_market import AGENT, ANNA, CLERK, PETER

NOW = datetime(2022, 11, 29, 21, tzinfo=UTC)


@pytest.fixture
def rules(desk):
    return RejectRuleDesk(desk.store, desk.clock, desk.proposals._ids)


def test_what_a_rule_names_is_rejected_as_it_is_proposed_and_everybody_hears(desk, rules, ask):
    rules.declare("no AAA", RejectCondition(symbols=("AAA",)), PETER)
    view = desk.proposals.get(desk.proposals.propose(ask("AAA"), ANNA).proposal_id)
    assert (view.state, view.decision.face, view.decision.decided_by_kind) == ("rejected", "rule", "service")
    assert view.decision.reason == "The standing rule 'no AAA' rejects it."
    assert view.progress == "Rejected: nothing was sent."
    assert desk.proposals.get(desk.proposals.propose(ask("BBB"), ANNA).proposal_id).state == "pending"
    topics = [row[0] for row in desk.sql("SELECT topic FROM desk.outbox ORDER BY event_id")]
    assert topics == ["proposal.created", "proposal.decided", "proposal.created"]
    (row,) = desk.sql("SELECT actor, detail ->> 'decision' FROM desk.audit WHERE action = 'decisions.insert'")
    assert row[0].startswith("rule:rul_") and row[1] == "rejected"


def test_a_rejected_proposal_is_never_approved_nor_sent(desk, rules, ask):
    rules.declare("no AAA", RejectCondition(symbols=("AAA",)), PETER)
    proposal = desk.proposals.propose(ask("AAA"), ANNA)
    rules.end("no AAA", PETER)
    with pytest.raises(ApprovalRefused, match="was rejected already"):
        desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="cli")
    with pytest.raises(ApprovalRefused, match="is not approved"):
        desk.gateway.release(proposal.proposal_id)


def test_a_rule_that_comes_later_stops_the_approval(desk, rules, ask):
    proposal = desk.proposals.propose(ask(), ANNA)
    rules.declare("later", RejectCondition(notional_above=Decimal(1000)), PETER)
    with pytest.raises(ApprovalRefused, match="rule 'later' rejects it") as refused:
        desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="cli")
    assert refused.value.rule == "reject_rule"
    desk.proposals.decide(proposal.proposal_id, "rejected", proposal.digest, PETER, face="cli")


def test_a_rule_that_comes_after_the_approval_stops_the_release(desk, rules, ask, approve):
    proposal = desk.proposals.propose(ask(), ANNA)
    approve(proposal)
    rules.declare("last", RejectCondition(sides=("buy",)), PETER)
    (order,) = desk.gateway.release(proposal.proposal_id)
    assert (order.state, order.reason) == ("denied", "reject_rule: The standing rule 'last' rejects it.")
    assert desk.sql("SELECT count(*) FROM execution.paper_orders") == [(0,)]


def test_a_rule_between_intention_and_send_stops_the_send(desk, rules, ask, approve, monkeypatch):
    proposal = desk.proposals.propose(ask(), ANNA)
    approve(proposal)
    named = iter(["in between"])

    def declare(name):
        if name == "send.intent_stored":
            rules.declare(next(named), RejectCondition(symbols=("AAA",)), PETER)

    monkeypatch.setattr("core.execution.gateway.crash_point", declare)
    (order,) = desk.gateway.release(proposal.proposal_id)
    assert order.state == "denied" and "in between" in order.reason


def test_a_rule_of_an_account_leaves_others_alone(desk, rules, ask):
    with pytest.raises(UnknownName):
        rules.declare("elsewhere", RejectCondition(sides=("buy",)), PETER, account_id="nowhere")
    rules.declare("of main", RejectCondition(sides=("buy",)), PETER, account_id="main")
    assert desk.proposals.get(desk.proposals.propose(ask(), ANNA).proposal_id).state == "rejected"


@pytest.mark.parametrize("who", [CLERK, AGENT], ids=["clerk", "agent"])
def test_only_a_person_who_may_approve_declares_and_ends(desk, rules, who):
    with pytest.raises(NotSignedIn):
        rules.declare("mine", RejectCondition(sides=("buy",)), who)
    rules.declare("his", RejectCondition(sides=("buy",)), PETER)
    with pytest.raises(NotSignedIn):
        rules.end("his", who)
    with pytest.raises(NotSignedIn, match="may not change standing rules"):
        rules.declare("local", RejectCondition(sides=("buy",)), replace(PETER, id="local:peter"))
    assert [rule.name for rule in rules.standing()] == ["his"]


def test_a_rule_without_a_condition_or_with_a_taken_name_is_refused(rules):
    with pytest.raises(InvalidInput, match="would reject every proposal"):
        rules.declare("all", RejectCondition(), PETER)
    rules.declare("one", RejectCondition(sides=("buy",)), PETER)
    with pytest.raises(InvalidInput, match="stands already"):
        rules.declare(" one ", RejectCondition(sides=("sell",)), PETER)
    with pytest.raises(UnknownName):
        rules.end("two", PETER)
    assert rules.end("one", ANNA).ended_by == ANNA.id
    rules.declare("one", RejectCondition(sides=("sell",)), PETER)


@pytest.mark.parametrize(
    "wrong",
    [{"sides": ["hold"]}, {"notional_above": -1}, {"order_types": ["magic"]}, {"approve": True}, {"symbols": 5}],
)
def test_a_condition_is_typed(wrong):
    with pytest.raises(ValidationError):
        RejectCondition(**wrong)


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ('UPDATE execution.reject_rules SET condition = \'{"sides": ["sell"]}\'', "ended once"),
        ("UPDATE execution.reject_rules SET name = 'x'", "ended once"),
        ("UPDATE execution.reject_rules SET ended_at = now(), ended_by = 'usr_clerk'", "Only a person"),
        ("DELETE FROM execution.reject_rules", "append only"),
        (
            "INSERT INTO execution.reject_rules (rule_id, name, condition, declared_by)"
            " VALUES ('r', 'r', '{\"sides\": [\"buy\"]}', 'agent:usr_peter')",
            "Only a person",
        ),
        (
            "INSERT INTO execution.reject_rules (rule_id, name, condition, declared_by)"
            " VALUES ('r', 'r', '{}', 'usr_peter')",
            "reject_rules_condition_check",
        ),
    ],
)
def test_the_database_keeps_rules_too(desk, rules, statement, why):
    rules.declare("his", RejectCondition(sides=("buy",)), PETER)
    with pytest.raises(psycopg.errors.IntegrityError, match=why), desk.database.transaction() as connection:
        connection.execute(statement)


def test_the_database_takes_no_approval_of_a_rule(desk, rules, ask):
    proposal = desk.proposals.propose(ask(), ANNA)
    with (
        pytest.raises(psycopg.errors.CheckViolation, match="Only a person of this desk"),
        desk.database.transaction() as connection,
    ):
        connection.execute(
            "INSERT INTO execution.decisions (proposal_id, decision, digest, decided_by, decided_by_kind, face,"
            " desk_time) VALUES (%s, 'approved', %s, 'rule:rul_1', 'service', 'rule', now())",
            (proposal.proposal_id, proposal.digest),
        )


SYMBOLS, SIDES, TYPES = ("AAA", "BBB", "CCC"), ("buy", "sell"), ("market", "limit", "stop")
LEGS = st.lists(st.tuples(st.sampled_from(SYMBOLS), st.sampled_from(SIDES), st.integers(1, 5)), min_size=1, max_size=3)
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "symbols": st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=2),
        "sides": st.lists(st.sampled_from(SIDES), min_size=1, max_size=1),
        "order_types": st.lists(st.sampled_from(TYPES), min_size=1, max_size=2),
        "author_kinds": st.lists(st.sampled_from(("person", "agent")), min_size=1, max_size=1),
        "notional_above": st.integers(0, 6),
        "quantity_above": st.integers(0, 6),
    },
)


@given(
    legs=LEGS,
    order_type=st.sampled_from(TYPES),
    kind=st.sampled_from(("person", "agent", "service")),
    notional=st.integers(0, 6),
    given_condition=CONDITIONS,
)
@settings(max_examples=400, deadline=None)
def test_a_rule_rejects_exactly_what_has_every_part(legs, order_type, kind, notional, given_condition):
    """Beside the plain reading of the words: every part of the trade, and one leg with every part of a leg."""
    proposal = Proposal(
        proposal_id="prp",
        account_id="main",
        legs=tuple(
            Leg(instrument_id=number, symbol=symbol, side=side, quantity=Decimal(quantity))
            for number, (symbol, side, quantity) in enumerate(legs)
        ),
        order_type=order_type,
        time_in_force="day",
        notional=Decimal(notional),
        author="a",
        author_kind=kind,
        requested_by="a",
        digest="",
        desk_time=NOW,
        created_at=NOW,
        expires_at=NOW,
    )
    rule = RejectRule(
        rule_id="r", name="r", condition=RejectCondition(**given_condition), declared_by="p", declared_at=NOW
    )
    c = given_condition
    whole = kind in c.get("author_kinds", [kind]) and notional > c.get("notional_above", -1)
    one = any(
        symbol in c.get("symbols", SYMBOLS)
        and side in c.get("sides", SIDES)
        and order_type in c.get("order_types", TYPES)
        and quantity > c.get("quantity_above", -1)
        for symbol, side, quantity in legs
    )
    assert (first_match([rule], proposal) is rule) == (whole and one)
    assert first_match([replace_account(rule)], proposal) is None


def replace_account(rule):
    return rule.model_copy(update={"account_id": "another"})


def test_in_a_linked_pair_the_type_of_each_leg_counts(desk, rules):
    rules.declare("no stops", RejectCondition(order_types=("stop",)), PETER)
    legs = [
        LegRequest(symbol="AAA", side="sell", quantity=Decimal(1), order_type=kind, **{name: Decimal(price)})
        for kind, name, price in (("limit", "limit_price", 160), ("stop", "stop_price", 140))
    ]
    request = TradeRequest(legs=tuple(legs), order_type="limit", time_in_force="gtc", legging="one_cancels_other")
    assert desk.proposals.get(desk.proposals.propose(request, ANNA).proposal_id).state == "rejected"
