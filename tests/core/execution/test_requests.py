"""Turn requests into exact legs: every refusal has its sentence, every leg its lots, side and band."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.as_of import AsOf
from core.domain.market_records import Instrument
from core.domain.trading_rules import LOTS
from core.errors import InvalidInput, NoData
from core.execution.marks import SessionPrice
from core.execution.requests import LegRequest, TradeRequest, check_request, exact_leg

NOW = AsOf(known=datetime(2022, 11, 29, 21, tzinfo=UTC))
ASKED = LegRequest(symbol="AAA", side="buy", quantity=Decimal(10))


def an_instrument(asset_class="equity"):
    return Instrument(
        instrument_id=1,
        symbol="AAA",
        name="AAA",
        asset_class=asset_class,
        calendar="24x7" if asset_class == "crypto" else "XNYS",
        source="test",
        known_at=NOW.known,
    )


def a_mark(close="150", session=date(2022, 11, 29)):
    return SessionPrice(
        session=session, open=None, high=None, low=None, close=Decimal(close), price_basis="raw", source="test"
    )


def leg_of(asked=ASKED, *, asset_class="equity", mark=None, order_type="market", held=0, nav=100_000, **changes):
    numbers = {name: None if text is None else Decimal(str(text)) for name, text in changes.items() if name != "side"}
    sides = {"side": changes["side"]} if "side" in changes else {}
    return exact_leg(
        replace(asked, **numbers, **sides),
        an_instrument(asset_class),
        a_mark() if mark is None else mark,
        order_type=order_type,
        held=Decimal(str(held)),
        nav=Decimal(str(nav)),
        as_of=NOW,
    )


def refusal(call, *arguments, error=InvalidInput, **changes):
    """Return what the refusal says, with its hint."""
    with pytest.raises(error) as caught:
        call(*arguments, **changes)
    return f"{caught.value} {caught.value.hint or ''}"


@pytest.mark.parametrize(
    ("order_type", "limit", "stop", "sentence"),
    [
        ("market", None, None, None),
        ("limit", "150", None, None),
        ("stop", None, "150", None),
        ("market", "150", None, "A market order of AAA takes no limit_price."),
        ("market", None, "150", "A market order of AAA takes no stop_price."),
        ("limit", None, None, "A limit order of AAA needs limit_price."),
        ("limit", "150", "149", "A limit order of AAA takes no stop_price."),
        ("stop", None, None, "A stop order of AAA needs stop_price."),
        ("stop", "150", "149", "A stop order of AAA takes no limit_price."),
        ("stop_limit", "150", None, "A stop_limit order of AAA needs stop_price."),
        ("limit", "0", None, "limit_price of AAA is 0, expected a price above 0."),
        ("limit", "-1", None, "limit_price of AAA is -1, expected a price above 0."),
        ("limit", "NaN", None, "limit_price of AAA is NaN, expected a price above 0."),
        ("limit", "Infinity", None, "limit_price of AAA is Infinity, expected a price above 0."),
        ("stop", None, "0", "stop_price of AAA is 0, expected a price above 0."),
        ("stop", None, "-Infinity", "stop_price of AAA is -Infinity, expected a price above 0."),
    ],
)
def test_prices_fit_the_order_type(order_type, limit, stop, sentence):
    prices = {"limit_price": limit, "stop_price": stop}
    leg = replace(ASKED, **{name: None if text is None else Decimal(text) for name, text in prices.items()})
    request = TradeRequest(legs=(leg,), order_type=order_type)
    if sentence is None:
        check_request(request)
    else:
        assert sentence in refusal(check_request, request)


@pytest.mark.parametrize(
    ("quantity", "weight", "fits"),
    [("10", None, True), (None, "0.1", True), (None, "0", True), ("10", "0.1", False), (None, None, False)],
)
def test_a_leg_has_a_quantity_or_a_weight(quantity, weight, fits):
    leg = LegRequest(
        symbol="AAA",
        side="buy",
        quantity=None if quantity is None else Decimal(quantity),
        target_weight=None if weight is None else Decimal(weight),
    )
    if fits:
        check_request(TradeRequest(legs=(leg,)))
    else:
        assert "Give AAA either a quantity, a target_weight" in refusal(check_request, TradeRequest(legs=(leg,)))


@pytest.mark.parametrize(("minutes", "fits"), [(None, True), (1, True), (43_200, True), (0, False), (43_201, False)])
def test_a_proposal_expires_after_a_minute_to_thirty_days(minutes, fits):
    request = TradeRequest(legs=(ASKED,), expires_in_minutes=minutes)
    if fits:
        check_request(request)
    else:
        assert "1 minute to 30 days" in refusal(check_request, request)


@pytest.mark.parametrize(("count", "fits"), [(0, False), (1, True), (10, True), (11, False)])
def test_a_proposal_has_one_to_ten_legs(count, fits):
    request = TradeRequest(legs=(ASKED,) * count)
    if fits:
        check_request(request)
    else:
        assert f"not {count}" in refusal(check_request, request)


def test_a_stop_order_has_one_leg():
    leg = replace(ASKED, stop_price=Decimal(150))
    assert "A stop order has one leg." in refusal(check_request, TradeRequest(legs=(leg, leg), order_type="stop"))


def test_the_second_leg_is_checked_like_the_first():
    bad = replace(ASKED, symbol="BBB", limit_price=Decimal(1))
    assert "of BBB takes no limit_price" in refusal(check_request, TradeRequest(legs=(ASKED, bad)))


@pytest.mark.parametrize(
    ("asset_class", "lot"),
    [
        ("equity", "1"),
        ("etf", "1"),
        ("crypto", "0.00000001"),
        ("index", None),
        ("fx", None),
        ("commodity", None),
    ],
)
def test_shares_funds_and_cryptocurrencies_are_traded_and_nothing_else(asset_class, lot):
    if lot is None:
        said = refusal(leg_of, asset_class=asset_class)
        assert f"of the class {asset_class}, which cannot be traded" in said
        assert "Choose a share, a fund or a cryptocurrency." in said
    else:
        assert LOTS[asset_class] == Decimal(lot)
        assert leg_of(asset_class=asset_class).quantity == 10


@pytest.mark.parametrize(
    ("asset_class", "quantity", "hint"),
    [
        ("equity", "0.5", "Ask for 1."),
        ("equity", "10.5", "Ask for 10."),
        ("equity", "10.00000001", "Ask for 10."),
        ("etf", "2.999", "Ask for 2."),
        ("crypto", "0.123456789", "Ask for 0.12345678."),
        ("crypto", "0.000000001", "Ask for 0.00000001."),
    ],
)
def test_fractions_are_for_cryptocurrencies_to_eight_places(asset_class, quantity, hint):
    said = refusal(leg_of, asset_class=asset_class, quantity=quantity)
    assert hint in said
    assert ("whole shares" in said) == (asset_class != "crypto")


@pytest.mark.parametrize("quantity", ["0", "-1", "NaN", "Infinity", "-Infinity"])
def test_a_quantity_is_a_number_above_0(quantity):
    assert f"is {quantity}, expected a number above 0" in refusal(leg_of, quantity=quantity)


def test_a_quantity_out_of_reason_is_refused():
    assert leg_of(quantity="1000000000000").quantity == 10**12
    assert "out of reason" in refusal(leg_of, quantity="1000000000001")


def test_a_quantity_needs_a_side():
    assert "Say whether to buy or to sell AAA." in refusal(leg_of, side=None)


@pytest.mark.parametrize(
    ("spelt", "plain"), [("10", "10"), ("10.0", "10"), ("1E+1", "10"), ("100", "100"), ("1E2", "100")]
)
def test_equal_quantities_have_one_text(spelt, plain):
    assert str(leg_of(quantity=spelt).quantity) == plain


@pytest.mark.parametrize(("spelt", "plain"), [("150.50", "150.5"), ("1.5E+2", "150"), ("0.00010", "0.0001")])
def test_equal_prices_have_one_text(spelt, plain):
    leg = leg_of(order_type="limit", limit_price=spelt)
    assert str(leg.limit_price) == plain


@pytest.mark.parametrize(
    ("close", "low", "high"),
    [("150", "142.5", "157.5"), ("1", "0.95", "1.05"), ("33.3333", "31.6666", "35"), ("0.0123", "0.0117", "0.0129")],
)
def test_a_market_order_is_bound_to_five_percent_around_the_last_close(close, low, high):
    # 33.3333 x 0.95 = 31.666635 and x 1.05 = 34.999965; 0.0123 x 0.95 = 0.011685 and x 1.05 = 0.012915.
    leg = leg_of(mark=a_mark(close))
    assert (leg.band_low, leg.band_high) == (Decimal(low), Decimal(high))


@pytest.mark.parametrize(("order_type", "price"), [("limit", {"limit_price": "140"}), ("stop", {"stop_price": "160"})])
def test_an_order_with_a_price_has_no_band(order_type, price):
    leg = leg_of(order_type=order_type, **price)
    assert (leg.band_low, leg.band_high) == (None, None)


@pytest.mark.parametrize(("age", "fresh"), [(0, True), (10, True), (11, False), (400, False)])
def test_a_trade_needs_a_price_of_the_last_ten_days(age, fresh):
    mark = a_mark(session=NOW.known.date() - timedelta(days=age))
    if fresh:
        assert leg_of(mark=mark).quantity == 10
    else:
        said = refusal(leg_of, mark=mark, error=NoData)
        assert f"the last is of {mark.session}" in said and "last 10 days" in said


def test_without_any_price_it_says_so():
    said = refusal(
        exact_leg,
        ASKED,
        an_instrument(),
        None,
        order_type="market",
        held=Decimal(0),
        nav=Decimal(1),
        as_of=NOW,
        error=NoData,
    )
    assert "none is stored" in said and "2022-11-29" in said


@pytest.mark.parametrize(
    ("held", "weight", "side", "quantity"),
    [
        # Of 100,000 dollars at 150: a weight w is w x 666.67 shares, whole ones towards the position held.
        (0, "0.1", "buy", 66),
        (66, "0.2", "buy", 67),
        (100, "0.1", "sell", 33),
        (100, "0", "sell", 100),
        (-50, "0", "buy", 50),
        (0, "-0.1", "sell", 66),
        (100, "-0.1", "sell", 166),
        (0, "1", "buy", 666),
        (0, "0.0015", "buy", 1),
    ],
)
def test_a_weight_becomes_whole_shares(held, weight, side, quantity):
    leg = leg_of(quantity=None, side=None, target_weight=weight, held=held)
    assert (leg.side, leg.quantity) == (side, quantity)


@pytest.mark.parametrize(
    ("held", "side", "share", "quantity"),
    [
        # Half of 67 shares is 33 whole ones; a short position is counted by its size; 1 is all of it.
        (67, "sell", "0.5", 33),
        (67, "sell", "1", 67),
        (67, "buy", "1", 67),
        (-67, "buy", "0.5", 33),
        (3, "sell", "0.34", 1),
    ],
)
def test_a_share_of_the_position_becomes_whole_shares(held, side, share, quantity):
    leg = leg_of(quantity=None, side=side, position_share=share, held=held)
    assert (leg.side, leg.quantity) == (side, quantity)


@pytest.mark.parametrize(
    ("held", "share", "said"),
    [(0, "0.5", "holds no"), (1, "0.5", "less than the smallest step, 1"), (10, "0", "0.5 is half"),
     (10, "1.5", "0.5 is half"), (10, "NaN", "0.5 is half"), (10, "-0.5", "0.5 is half")],
)  # fmt: skip
def test_a_share_of_the_position_needs_a_position_and_a_ratio(held, share, said):
    assert said in refusal(leg_of, quantity=None, side="sell", position_share=share, held=held)


def test_a_weight_of_a_cryptocurrency_becomes_eight_places():
    leg = leg_of(
        quantity=None, side=None, target_weight="0.01", asset_class="crypto", mark=a_mark("15000"), nav="100000"
    )
    assert leg.quantity == Decimal("0.06666666")


@pytest.mark.parametrize("weight", ["1.01", "-1.01", "5", "NaN", "Infinity"])
def test_a_weight_is_a_ratio_from_minus_one_to_one(weight):
    assert "0.05 = 5 %" in refusal(leg_of, quantity=None, target_weight=weight)


@pytest.mark.parametrize("nav", ["0", "-1"])
def test_a_weight_of_nothing_means_nothing(nav):
    assert "not above 0" in refusal(leg_of, quantity=None, target_weight="0.1", nav=nav)


@pytest.mark.parametrize(("held", "weight"), [(0, "0"), (66, "0.1"), (0, "0.0014"), (-66, "-0.1")])
def test_within_one_lot_there_is_nothing_to_do(held, weight):
    said = refusal(leg_of, quantity=None, side=None, target_weight=weight, held=held)
    assert "within one lot" in said and "Nothing to do." in said


@pytest.mark.parametrize(("side", "weight", "held", "means"), [("sell", "0.1", 0, "buy"), ("buy", "0", 10, "sell")])
def test_a_side_against_the_weight_is_not_guessed(side, weight, held, means):
    said = refusal(leg_of, quantity=None, side=side, target_weight=weight, held=held)
    assert f"means to {means}" in said and f"not to {side}" in said and "of net asset value" in said


@settings(max_examples=300, deadline=None)
@given(
    weight=st.decimals(min_value="-1", max_value="1", places=4),
    close=st.decimals(min_value="0.5", max_value="5000", places=2),
    held=st.integers(-500, 500),
    nav=st.integers(1_000, 10_000_000),
)
def test_a_weight_is_approached_and_never_passed(weight, close, held, nav):
    """After the trade the position is within one share of the target, on the side it came from."""
    target = weight * nav / close
    try:
        leg = leg_of(quantity=None, side=None, target_weight=weight, held=held, nav=nav, mark=a_mark(str(close)))
    except InvalidInput:
        assert abs(target - held) < 1
        return
    after = held + (leg.quantity if leg.side == "buy" else -leg.quantity)
    assert leg.quantity == int(leg.quantity) >= 1
    assert abs(target - after) < 1
    assert (target - held) * (target - after) >= 0


@pytest.mark.parametrize(
    ("side", "order_type", "limit", "stop", "expected"),
    [
        ("buy", "limit", "149.259", None, ("149.25", None)),
        ("sell", "limit", "149.251", None, ("149.26", None)),
        ("buy", "stop", None, "151.001", (None, "151.01")),
        ("sell", "stop", None, "149.999", (None, "149.99")),
        ("buy", "stop_limit", "152.009", "151.001", ("152", "151.01")),
        ("buy", "limit", "0.12345", None, ("0.1234", None)),
        ("buy", "limit", "149.25", None, ("149.25", None)),
    ],
)
def test_prices_stand_on_the_tick_and_never_worse_than_asked(desk, ask, side, order_type, limit, stop, expected):
    draft = desk.proposals.prepare(ask(side=side, order_type=order_type, limit_price=limit, stop_price=stop))
    (leg,) = draft.legs
    assert (leg.limit_price, leg.stop_price) == tuple(None if value is None else Decimal(value) for value in expected)


def test_a_price_below_its_tick_is_refused(desk, ask):
    with pytest.raises(InvalidInput, match="below its tick"):
        desk.proposals.prepare(ask(order_type="limit", limit_price="0.00001"))
