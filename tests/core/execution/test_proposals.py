"""Ask for trades that do and do not make sense, and decide as those who may and may not."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest

from core.domain.principal import Principal
from core.errors import ApprovalRefused, InvalidInput, NoData, NotSignedIn, Refused, TradingHalted, UnknownName
from core.execution.requests import LegRequest, TradeRequest
from core.testing.small_market import AGENT, ANNA, CLERK, PETER

SERVICE = Principal(id="svc", name="scanner", kind="service", scopes=frozenset({"read", "trade"}))
READER = Principal(id="usr_r", name="reader", kind="person", scopes=frozenset({"read"}))


def stored(desk):
    return desk.sql("SELECT count(*) FROM execution.proposals")[0][0]


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"symbol": "AAAA"}, UnknownName, "AAA"),
        ({"symbol": "IDX"}, InvalidInput, "cannot be traded"),
        ({"symbol": "OLD"}, NoData, "2013-03-01"),
        ({"quantity": "0.5"}, InvalidInput, "whole shares"),
        ({"quantity": "0"}, InvalidInput, "above 0"),
        ({"quantity": "-3"}, InvalidInput, "above 0"),
        ({"quantity": "NaN"}, InvalidInput, "above 0"),
        ({"quantity": None}, InvalidInput, "quantity, a target_weight or a position_share"),
        ({"target_weight": "0.1"}, InvalidInput, "quantity, a target_weight or a position_share"),
        ({"side": None}, InvalidInput, "buy or to sell"),
        ({"order_type": "limit"}, InvalidInput, "needs limit_price"),
        ({"order_type": "stop"}, InvalidInput, "needs stop_price"),
        ({"order_type": "stop_limit"}, InvalidInput, "needs limit_price"),
        ({"limit_price": "150"}, InvalidInput, "takes no limit_price"),
        ({"order_type": "limit", "limit_price": "-1"}, InvalidInput, "above 0"),
        ({"quantity": None, "target_weight": "1.5"}, InvalidInput, "0.05 = 5 %"),
        ({"quantity": None, "target_weight": "0.1", "side": "sell"}, InvalidInput, "not to sell"),
        ({"quantity": None, "target_weight": "0.001", "side": None}, InvalidInput, "within one lot"),
        ({"quantity": None, "position_share": "0.5", "side": "sell"}, InvalidInput, "holds no AAA"),
        ({"quantity": None, "position_share": "0.5", "side": None}, InvalidInput, "buy or to sell"),
        ({"position_share": "0.5"}, InvalidInput, "quantity, a target_weight or a position_share"),
        ({"account_id": "nobody"}, UnknownName, "main"),
        ({"expires_in_minutes": 0}, InvalidInput, "1 minute"),
        ({"quantity": "401"}, Refused, "max_order_notional"),
    ],
)
def test_what_cannot_be_traded_is_refused_with_a_reason_and_nothing_is_stored(desk, ask, changes, error, match):
    with pytest.raises(error, match=match):
        desk.proposals.propose(ask(**changes), PETER)
    assert stored(desk) == 0


def test_a_trade_must_have_one_to_ten_legs(desk):
    for count in (0, 11):
        with pytest.raises(InvalidInput, match="1 to 10 legs"):
            desk.proposals.prepare(TradeRequest(legs=(LegRequest(symbol="AAA"),) * count))


def test_only_those_with_the_scope_trade_propose(desk, ask):
    with pytest.raises(NotSignedIn):
        desk.proposals.propose(ask(), READER)
    assert desk.proposals.propose(ask(), SERVICE).author_kind == "service"


def test_a_fraction_of_a_coin_at_a_limit_keeps_every_digit(desk, ask):
    request = ask("BTC", quantity="0.25000001", order_type="limit", limit_price="15000.5", time_in_force="gtc")
    proposal = desk.proposals.propose(request, AGENT)
    (leg,) = desk.proposals.get(proposal.proposal_id).proposal.legs
    assert (leg.quantity, leg.limit_price, leg.band_low) == (Decimal("0.25000001"), Decimal("15000.5"), None)
    smallest = desk.proposals.propose(ask("BTC", quantity="0.00000001"), AGENT)
    assert smallest.legs[0].quantity == Decimal("0.00000001")


def test_a_weight_becomes_whole_shares_towards_zero(desk, ask):
    # 10 % of 100,000 dollars at 150 is 66.67 shares.
    draft = desk.proposals.prepare(ask(quantity=None, side=None, target_weight="0.10"))
    assert (draft.legs[0].side, draft.legs[0].quantity) == ("buy", 66)


def test_the_impact_adds_up(desk, ask):
    impact = desk.proposals.prepare(ask(quantity=100)).impact
    assert impact.notional == 15_000
    assert impact.fee == Decimal("1.5")
    assert (impact.cash_before, impact.cash_after) == (100_000, Decimal("84998.5"))
    (leg,) = impact.legs
    assert (leg.position_before, leg.position_after) == (0, 100)
    assert leg.weight_after == Decimal(15_000) / (Decimal("84998.5") + 15_000)
    assert {verdict.rule for verdict in impact.verdicts} >= {"max_order_notional", "max_gross_exposure", "min_cash"}


def test_selling_what_is_not_held_is_flagged_as_a_short_sale_where_the_account_allows_it(desk, ask):
    notes = desk.proposals.prepare(ask(side="sell", quantity=50)).impact.notes
    assert any("opens a short position: 50 short" in note for note in notes)
    desk.sql("UPDATE execution.accounts SET limits = '{\"allow_short\": false}'")
    with pytest.raises(Refused, match="no_short"):
        desk.proposals.prepare(ask(side="sell", quantity=50))


def test_a_limit_far_through_the_market_is_flagged(desk, ask):
    draft = desk.proposals.prepare(ask("BTC", quantity="0.25", order_type="limit", limit_price=60_000))
    assert any("more than 5 % through" in note for note in draft.impact.notes)


def test_several_legs_are_one_proposal_sales_first(desk):
    legs = (
        LegRequest(symbol="AAA", side="buy", quantity=Decimal(600)),
        LegRequest(symbol="BBB", side="sell", quantity=Decimal(100)),
    )
    desk.sql("UPDATE execution.accounts SET limits = '{\"allow_short\": true}'")
    draft = desk.proposals.prepare(TradeRequest(legs=legs))
    assert [leg.symbol for leg in draft.legs] == ["AAA", "BBB"]
    assert [leg.symbol for leg in draft.impact.legs] == ["BBB", "AAA"]
    proposal = desk.proposals.submit(draft, AGENT)
    assert proposal.band_low is None and all(leg.band_low for leg in proposal.legs)


def test_a_proposal_and_its_event_come_together(desk, ask):
    proposal = desk.proposals.propose(ask(), AGENT)
    assert desk.sql("SELECT topic, subject_id FROM desk.outbox") == [("proposal.created", proposal.proposal_id)]


@pytest.mark.parametrize(
    ("principal", "rule"),
    [(AGENT, "person"), (SERVICE, "person"), (CLERK, "scope"), (READER, "scope")],
)
def test_agents_services_and_persons_without_the_scope_do_not_approve(desk, ask, approve, principal, rule):
    proposal = desk.proposals.propose(ask(), AGENT)
    with pytest.raises(ApprovalRefused) as refusal:
        approve(proposal, principal)
    assert refusal.value.rule == rule
    assert desk.proposals.get(proposal.proposal_id).state == "pending"


def test_a_person_whom_the_desk_does_not_know_is_refused_by_the_database(desk, ask, approve):
    forged = Principal(id="usr_forged", name="forged", kind="person", scopes=frozenset({"approve"}))
    proposal = desk.proposals.propose(ask(), AGENT)
    with pytest.raises(Refused, match="Only a person of this desk"):
        approve(proposal, forged)


def test_the_one_who_asked_may_withdraw_without_the_scope_to_approve(desk, ask, approve):
    proposal = desk.proposals.propose(ask(), CLERK)
    assert approve(proposal, CLERK, "rejected").decision == "rejected"
    with pytest.raises(ApprovalRefused, match="rejected already, by usr_clerk on cli"):
        approve(proposal)


def test_another_digest_is_refused(desk, ask):
    shown = desk.proposals.propose(ask(), AGENT)
    other = desk.proposals.propose(ask(quantity=20), AGENT)
    with pytest.raises(ApprovalRefused) as refusal:
        desk.proposals.decide(other.proposal_id, "approved", shown.digest, PETER, face="cli")
    assert refusal.value.rule == "digest"


def test_an_expired_proposal_is_refused_and_noted_once(desk, ask, approve, expire):
    proposal = expire(desk.proposals.propose(ask(), AGENT))
    with pytest.raises(ApprovalRefused) as refusal:
        approve(proposal)
    assert refusal.value.rule == "expired"
    for _ in range(2):
        assert desk.proposals.expire(proposal.proposal_id).state == "expired"
    assert desk.sql("SELECT decision, decided_by FROM execution.decisions") == [("expired", "desk")]


def test_nothing_expires_before_its_time(desk, ask):
    proposal = desk.proposals.propose(ask(), AGENT)
    view = desk.proposals.expire(proposal.proposal_id)
    assert view.state == "pending" and 86_300 < view.seconds_left <= 86_400


def test_above_the_four_eyes_limit_another_person_must_approve(desk, ask, approve):
    for author in (PETER, AGENT):
        proposal = desk.proposals.propose(ask(quantity=350), author)
        with pytest.raises(ApprovalRefused) as refusal:
            approve(proposal, PETER)
        assert refusal.value.rule == "four_eyes"
        approve(proposal, ANNA)
        desk.proposals.decide(
            desk.proposals.propose(ask(quantity=10), author).proposal_id,
            "rejected",
            desk.proposals.list()[0].proposal.digest,
            PETER,
            face="cli",
        )


def test_a_price_outside_the_band_is_refused_at_the_approval(desk, ask, approve):
    proposal = desk.proposals.propose(ask(), AGENT)
    # AAA rises by a dollar a session: after eight sessions it is above 157.50.
    desk.clock.advance(8)
    with pytest.raises(ApprovalRefused) as refusal:
        approve(proposal)
    assert refusal.value.rule == "price_band"
    assert "158.0000" in str(refusal.value)
    assert approve(proposal, decision="rejected").decision == "rejected"


def test_limits_are_checked_again_at_the_approval(desk, ask, approve):
    first, second = (desk.proposals.propose(ask(quantity=400), ANNA) for _ in range(2))
    approve(first)
    desk.gateway.release(first.proposal_id)
    with pytest.raises(ApprovalRefused, match="min_cash"):
        approve(second)


def test_a_halt_refuses_approvals_but_not_rejections(desk, ask, approve):
    proposal = desk.proposals.propose(ask(), AGENT)
    desk.kill_switch.halt(AGENT, "test")
    with pytest.raises(TradingHalted, match="agent:usr_peter: test"):
        approve(proposal)
    assert approve(proposal, decision="rejected").decision == "rejected"


def test_of_many_decisions_at_once_exactly_one_wins_and_all_learn_of_it(desk, ask):
    proposal = desk.proposals.propose(ask(), AGENT)
    outcomes = []

    def decide(number):
        try:
            decision = "approved" if number % 2 else "rejected"
            who = PETER if number % 3 else ANNA
            desk.proposals.decide(proposal.proposal_id, decision, proposal.digest, who, face=f"face {number}")
            outcomes.append("won")
        except ApprovalRefused as error:
            outcomes.append(error.rule)

    threads = [threading.Thread(target=decide, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["decided"] * 15 + ["won"]
    assert desk.sql("SELECT count(*) FROM desk.outbox WHERE topic = 'proposal.decided'") == [(1,)]


def test_proposals_are_listed_by_state_newest_first(desk, ask, approve):
    made = [desk.proposals.propose(ask(quantity=number), AGENT) for number in (1, 2, 3)]
    approve(made[1], decision="rejected")
    assert [view.proposal for view in desk.proposals.list()] == made[::-1]
    assert [view.proposal for view in desk.proposals.list(state="pending")] == [made[2], made[0]]
    # Newer ones of another state hide none that is asked for.
    assert [view.proposal for view in desk.proposals.list(state="rejected", limit=1)] == [made[1]]
    assert [view.proposal for view in desk.proposals.list(state="pending", limit=1)] == [made[2]]
    assert desk.proposals.list(state="expired") == desk.proposals.list(state="approved") == []
    assert [view.proposal for view in desk.proposals.list(limit=1)] == [made[2]]
    with pytest.raises(UnknownName):
        desk.proposals.get("prp_none")
