"""Judge trades against positions, cash and limits: before and after, worked by hand."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from core.domain.books import Account, Leg
from core.errors import InvalidInput, NoData, Refused
from core.execution.impact import FEE_BPS, assess, band_objections, limits_of
from core.execution.market_risk import MarketView
from core.execution.marks import SessionPrice
from core.execution.requests import LegRequest, TradeRequest
from core.testing.small_market import AGENT, PETER

NOON = datetime(2022, 11, 30, 17, tzinfo=UTC)


def an_account(**limits):
    return Account(
        account_id="main", name="Main", broker="paper", limits=limits, opened_at=datetime(2022, 10, 1, tzinfo=UTC)
    )


def set_limits(desk, **limits):
    desk.sql("UPDATE execution.accounts SET limits = %s::jsonb, four_eyes_above = NULL", json.dumps(limits))


@pytest.fixture
def hold(desk, ask, approve):
    """Give a function that brings a position into the book at the next session's open."""

    def buy(symbol, quantity, side="buy"):
        proposal = desk.proposals.propose(ask(symbol, side, quantity), AGENT)
        approve(proposal)
        desk.gateway.release(proposal.proposal_id)
        desk.advance()

    return buy


def test_a_purchase_before_and_after(desk, ask):
    impact = desk.proposals.prepare(ask(quantity=200)).impact
    # 200 at 150 are 30,000 dollars, of which one basis point is 3 dollars.
    assert (impact.notional, impact.fee) == (30_000, 3)
    assert (impact.cash_before, impact.cash_after, impact.nav) == (100_000, 69_997, 100_000)
    (leg,) = impact.legs
    assert (leg.position_before, leg.position_after, leg.price, leg.notional) == (0, 200, 150, 30_000)
    assert leg.weight_after == Decimal(30_000) / Decimal(99_997)
    assert impact.objections == ()


def test_a_sale_before_and_after(desk, ask, hold):
    hold("AAA", 100)
    # Bought at 151.50 and 2 bps: 15,153.03 and 1.52 of fee. AAA closed at 151.
    cash = Decimal("100000") - Decimal("15153.03") - Decimal("1.52")
    impact = desk.proposals.prepare(ask(side="sell", quantity=40)).impact
    assert (impact.cash_before, impact.nav) == (cash, cash + 15_100)
    assert impact.cash_after == cash + 6040 - Decimal("0.604")
    (leg,) = impact.legs
    assert (leg.position_before, leg.position_after) == (100, 60)
    assert leg.weight_after == Decimal(9060) / (impact.cash_after + 9060)
    assert impact.notes == ()


def test_a_limit_order_is_judged_at_its_limit(desk, ask):
    impact = desk.proposals.prepare(ask(quantity=10, order_type="limit", limit_price="145.5")).impact
    assert (impact.notional, impact.cash_after) == (1455, Decimal("98544.8545"))
    assert impact.legs[0].last_close.close == 150


def test_a_stop_order_is_judged_at_its_trigger(desk, ask):
    impact = desk.proposals.prepare(ask(quantity=10, order_type="stop", stop_price=160)).impact
    assert (impact.notional, impact.legs[0].price) == (1600, 160)


def test_orders_at_work_count_as_filled(desk, ask, approve):
    first = desk.proposals.propose(ask(quantity=100), AGENT)
    approve(first)
    desk.gateway.release(first.proposal_id)
    impact = desk.proposals.prepare(ask(quantity=50)).impact
    assert impact.cash_before == 100_000 - 15_000
    assert (impact.legs[0].position_before, impact.legs[0].position_after) == (100, 150)
    assert "1 open order(s) of the account are counted as if filled." in impact.notes
    # The proposal's own order is left out when it is judged again.
    assert desk.proposals.impact(first.proposal_id).legs[0].position_before == 0


def test_sales_pay_for_purchases_of_the_same_proposal(desk, hold):
    set_limits(desk)
    hold("AAA", 600)
    legs = (
        LegRequest(symbol="BBB", side="buy", quantity=Decimal(1200)),
        LegRequest(symbol="AAA", side="sell", quantity=Decimal(500)),
    )
    impact = desk.proposals.prepare(TradeRequest(legs=legs)).impact
    # Cash is 100,000 - 90,918.18 - 9.09 = 9,072.73; the sale brings 75,500 before the purchase costs 60,000.
    assert impact.cash_before == Decimal("9072.73")
    assert [leg.symbol for leg in impact.legs] == ["AAA", "BBB"]
    assert impact.cash_after == Decimal("9072.73") + 75_500 - 60_000 - Decimal("13.55")
    with pytest.raises(Refused, match="min_cash"):
        desk.proposals.prepare(TradeRequest(legs=legs[:1]))


@pytest.mark.parametrize(
    ("limits", "quantity", "side", "rule"),
    [
        # Of 100,000 dollars at 150 a share. Each pair is the last quantity that is allowed and the first that is not.
        ({"max_order_notional": 30_000}, 200, "buy", None),
        ({"max_order_notional": 30_000}, 201, "buy", "max_order_notional"),
        ({"max_position_weight": "0.3"}, 199, "buy", None),
        ({"max_position_weight": "0.3"}, 201, "buy", "max_position_weight"),
        ({"min_cash": 70_000}, 199, "buy", None),
        ({"min_cash": 70_000}, 200, "buy", "min_cash"),
        ({}, 666, "buy", None),
        ({}, 667, "buy", "min_cash"),
        ({"min_cash": None, "max_gross_exposure": "1.5"}, 999, "buy", None),
        ({"min_cash": None, "max_gross_exposure": "1.5"}, 1001, "buy", "max_gross_exposure"),
        ({"min_cash": None, "max_net_exposure": "0.5"}, 333, "buy", None),
        ({"min_cash": None, "max_net_exposure": "0.5"}, 334, "buy", "max_net_exposure"),
        ({}, 1, "sell", "no_short"),
        ({"allow_short": True}, 1, "sell", None),
        ({"allow_short": True, "max_gross_exposure": "0.5"}, 333, "sell", None),
        ({"allow_short": True, "max_gross_exposure": "0.5"}, 334, "sell", "max_gross_exposure"),
    ],
)
def test_each_limit_at_its_edge(desk, ask, limits, quantity, side, rule):
    set_limits(desk, **limits)
    request = ask(side=side, quantity=quantity)
    if rule is None:
        assert desk.proposals.prepare(request).impact.objections == ()
    else:
        with pytest.raises(Refused, match=rule) as refusal:
            desk.proposals.prepare(request)
        assert refusal.value.rule == "limits"
    assert desk.proposals.list() == []


@pytest.mark.parametrize("limits", [{"max_position_weight": "0.1"}, {"max_gross_exposure": "0.1"}])
def test_a_trade_that_lowers_the_risk_passes_a_limit_that_was_lowered_below_it(desk, ask, hold, limits):
    hold("AAA", 300)
    set_limits(desk, **limits)
    assert desk.proposals.prepare(ask(side="sell", quantity=10)).impact.objections == ()
    with pytest.raises(Refused):
        desk.proposals.prepare(ask(side="buy", quantity=10))


def test_selling_more_than_is_held_needs_the_right_to_sell_short(desk, ask, hold):
    hold("AAA", 100)
    set_limits(desk)
    assert desk.proposals.prepare(ask(side="sell", quantity=100)).impact.objections == ()
    with pytest.raises(Refused, match="no_short"):
        desk.proposals.prepare(ask(side="sell", quantity=101))


@pytest.mark.parametrize(
    ("side", "quantity", "note"),
    [
        ("sell", 150, "with 100 held opens a short position: 50 short after it."),
        ("sell", 100, None),
        ("buy", 10, None),
    ],
)
def test_a_sale_through_zero_is_noted(desk, ask, hold, side, quantity, note):
    hold("AAA", 100)
    notes = desk.proposals.prepare(ask(side=side, quantity=quantity)).impact.notes
    assert (note is None and notes == ()) or any(note in part for part in notes)


def test_adding_to_a_short_position_is_noted_as_such(desk, ask, hold):
    hold("AAA", 50, "sell")
    (note,) = desk.proposals.prepare(ask(side="sell", quantity=10)).impact.notes
    assert "adds to a short position: 60 short after it." in note


def test_total_return_prices_are_noted(desk, ask):
    (note,) = desk.proposals.prepare(ask("BBB")).impact.notes
    assert note.startswith("BBB: total-return-adjusted prices")


@pytest.mark.parametrize(
    ("side", "limit", "noted"),
    [("buy", "157.5", False), ("buy", "157.51", True), ("sell", "142.5", False), ("sell", "142.49", True)],
)
def test_a_limit_more_than_five_percent_through_the_market_is_noted(desk, ask, side, limit, noted):
    notes = desk.proposals.prepare(ask(side=side, order_type="limit", limit_price=limit)).impact.notes
    assert any("more than 5 % through" in note for note in notes) == noted


@pytest.mark.parametrize(
    ("limits", "match"),
    [
        ({"max_order": 1}, r"unknown limits \['max_order'\]"),
        ({"max_order_notional": "a lot"}, "is 'a lot', not a number"),
        ({"min_cash": [1]}, "not a number"),
    ],
)
def test_limits_that_cannot_be_read_are_refused_and_not_ignored(desk, ask, approve, limits, match):
    with pytest.raises(InvalidInput, match=match):
        limits_of(an_account(**limits))
    proposal = desk.proposals.propose(ask(), AGENT)
    set_limits(desk, **limits)
    with pytest.raises(InvalidInput, match=match):
        approve(proposal, PETER)
    assert desk.proposals.get(proposal.proposal_id).state == "pending"


@pytest.mark.parametrize("name", ["max_order_notional", "max_daily_loss", "min_cash"])
@pytest.mark.parametrize("value", ["nan", "NaN", float("nan"), "sNaN"])
def test_a_limit_that_nothing_can_be_compared_with_is_no_limit(name, value):
    with pytest.raises(InvalidInput, match=f"The limit {name} of account .* not a number"):
        limits_of(an_account(**{name: value}))


def test_limits_keep_their_numbers():
    limits = limits_of(an_account(max_order_notional=1.1, max_gross_exposure="1.5", allow_short=True, min_cash=None))
    assert (limits.max_order_notional, limits.max_gross_exposure) == (Decimal("1.1"), Decimal("1.5"))
    assert limits.allow_short is True and limits.min_cash is None
    assert limits_of(an_account()).min_cash == 0


def test_without_a_price_of_a_leg_nothing_is_judged(desk):
    leg = Leg(instrument_id=5, symbol="OLD", side="buy", quantity=Decimal(1))
    with desk.store.transaction() as transaction:
        snapshot = transaction.gate.snapshot("main")
    view = MarketView(marks={}, instruments={}, risk=None, moment=NOON, is_live=False)
    with pytest.raises(NoData, match="no price of OLD"):
        assess(snapshot, an_account(), [leg], view)


def a_price(close):
    return SessionPrice(
        session=date(2022, 11, 29),
        open=None,
        high=None,
        low=None,
        close=Decimal(close),
        price_basis="raw",
        source="test",
    )


@pytest.mark.parametrize(
    ("close", "inside"),
    [("142.5", True), ("142.4999", False), ("150", True), ("157.5", True), ("157.5001", False)],
)
def test_the_edges_of_the_band_are_inside(close, inside):
    leg = Leg(
        instrument_id=1,
        symbol="AAA",
        side="buy",
        quantity=Decimal(1),
        band_low=Decimal("142.5"),
        band_high=Decimal("157.5"),
    )
    objections = band_objections([leg], {1: a_price(close)})
    assert (objections == ()) == inside
    if not inside:
        assert f"{close} of 2022-11-29" in objections[0] and "142.5 to 157.5" in objections[0]


def test_a_leg_without_a_price_is_outside_and_one_without_a_band_inside():
    leg = Leg(instrument_id=1, symbol="AAA", side="buy", quantity=Decimal(1))
    assert band_objections([leg], {}) == ("price_band: there is no price of AAA.",)
    assert band_objections([leg], {1: a_price("1")}) == ()


def test_the_fee_of_the_card_is_the_fee_of_the_paper_venue(desk, ask, hold):
    expected = desk.proposals.prepare(ask(quantity=100)).impact.fee
    hold("AAA", 100)
    (fill,) = desk.books.fills()
    assert FEE_BPS == 1
    # It filled at 151.5303 where the card expected 150.
    assert fill.fee == (expected * Decimal("151.5303") / 150).quantize(Decimal("0.01"))
