"""Limits exactly at and just beyond, the sentences people read, and sizes at the edge of sense."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.risk.limits import Book, Holding, Limits, OrderRequest, allowed, check_order
from core.risk.sizing import SizingAccount, fixed_fraction, kelly, risk_per_stop, volatility_target

CENT = Decimal("0.01")


def book(cash="10000", **holdings):
    return Book(
        cash=Decimal(cash),
        holdings={name: Holding(quantity=Decimal(q), price=Decimal(p)) for name, (q, p) in holdings.items()},
    )


def order(side, quantity, price, symbol="AAA"):
    return OrderRequest(symbol=symbol, side=side, quantity=Decimal(quantity), price=Decimal(price))


def the(rule, verdicts):
    (found,) = [verdict for verdict in verdicts if verdict.rule == rule]
    return found


OFF = Limits(min_cash=None, allow_short=True)


def limits(**changes):
    return Limits(**{"min_cash": None, "allow_short": True, **{k: Decimal(v) for k, v in changes.items()}})


def test_all_rules_off_judge_nothing():
    assert check_order(order("buy", "1", "1"), book(), OFF) == ()
    assert allowed(())


@pytest.mark.parametrize(("limit", "fits"), [("1000", True), ("999.99", False)])
def test_notional_at_its_limit(limit, fits):
    found = the("max_order_notional", check_order(order("buy", "10", "100"), book(), limits(max_order_notional=limit)))
    assert found.allowed is fits
    assert found.reason == f"1,000.00 is {'within' if fits else 'above'} the limit of {Decimal(limit):,.2f}."


@pytest.mark.parametrize(("limit", "fits"), [("0.1", True), ("0.0999", False)])
def test_position_weight_at_its_limit(limit, fits):
    found = the(
        "max_position_weight", check_order(order("buy", "10", "100"), book(), limits(max_position_weight=limit))
    )
    assert (found.before, found.after, found.allowed) == (Decimal(0), Decimal("0.1"), fits)
    assert found.reason.startswith("0.00 % of equity becomes 10.00 %; the limit is ")


def test_a_short_position_weighs_as_much_as_a_long_one():
    found = the(
        "max_position_weight", check_order(order("sell", "20", "100"), book(), limits(max_position_weight="0.1"))
    )
    assert (found.after, found.allowed) == (Decimal("0.2"), False)


def test_gross_counts_both_sides_and_net_their_difference():
    held = book(AAA=("10", "100"), BBB=("-10", "100"))
    verdicts = check_order(order("buy", "10", "100"), held, limits(max_gross_exposure="0.3", max_net_exposure="0.1"))
    gross, net = the("max_gross_exposure", verdicts), the("max_net_exposure", verdicts)
    assert (gross.before, gross.after) == (Decimal("0.2"), Decimal("0.3"))
    assert (net.before, net.after) == (Decimal(0), Decimal("0.1"))
    assert allowed(verdicts)


def test_a_net_short_book_is_measured_by_its_size():
    held = book("12000", AAA=("-20", "100"))
    found = the("max_net_exposure", check_order(order("sell", "1", "100"), held, limits(max_net_exposure="0.2")))
    assert (found.before, found.after, found.allowed) == (Decimal("0.2"), Decimal("0.21"), False)
    assert the("max_net_exposure", check_order(order("buy", "1", "100"), held, limits(max_net_exposure="0.1"))).allowed


def test_paying_away_from_the_last_price_shows_in_equity():
    held = book("9000", AAA=("10", "100"))
    found = the("max_position_weight", check_order(order("buy", "10", "150"), held, limits(max_position_weight="1")))
    assert found.after == Decimal(2000) / Decimal(9500)


@pytest.mark.parametrize(("fee", "fits"), [("0", True), ("0.01", False)])
def test_cash_at_its_floor(fee, fits):
    verdicts = check_order(
        order("buy", "90", "100"), book(), Limits(min_cash=Decimal(1000), allow_short=True), fee=Decimal(fee)
    )
    found = the("min_cash", verdicts)
    assert (found.allowed, found.after) == (fits, Decimal(1000) - Decimal(fee))
    assert "at least 1,000.00 must remain." in found.reason


def test_a_sale_that_brings_cash_is_allowed_below_the_floor():
    held = book("-500", AAA=("10", "100"))
    assert the("min_cash", check_order(order("sell", "1", "100"), held, Limits())).allowed
    assert not the("min_cash", check_order(order("buy", "1", "100"), held, Limits())).allowed


def test_a_sale_whose_fee_exceeds_its_proceeds_is_not_a_relief():
    held = book("-500", AAA=("10", "1"))
    assert not the("min_cash", check_order(order("sell", "1", "1"), held, Limits(), fee=Decimal(2))).allowed


@pytest.mark.parametrize(
    ("held", "side", "quantity", "fits"),
    [("10", "sell", "10", True), ("10", "sell", "10.01", False), ("0", "sell", "1", False), ("-5", "buy", "1", True)],
)
def test_selling_more_than_is_held(held, side, quantity, fits):
    found = the("no_short", check_order(order(side, quantity, "1"), book(AAA=(held, "1")), Limits(min_cash=None)))
    assert found.allowed is fits
    assert found.reason == f"{quantity} to {side}, {held} held, {found.after} after."


@pytest.mark.parametrize(("price", "fits"), [("101", True), ("99", True), ("101.01", False), ("98.99", False)])
def test_price_band_on_both_sides(price, fits):
    found = the(
        "price_band_bps",
        check_order(order("buy", "1", price), book(), limits(price_band_bps="100"), reference_price=Decimal(100)),
    )
    assert found.allowed is fits
    assert f"The price {price} is " in found.reason


@pytest.mark.parametrize("reference", [None, Decimal(0), Decimal(-1)])
def test_a_band_without_a_price_to_compare_with_refuses(reference):
    found = the(
        "price_band_bps",
        check_order(order("buy", "1", "1"), book(), limits(price_band_bps="100"), reference_price=reference),
    )
    assert not found.allowed
    assert found.reason == "There is no last price to compare the order's price with."


@pytest.mark.parametrize("name", ["quantity", "price"])
@pytest.mark.parametrize("value", [Decimal(0), Decimal(-1), Decimal("NaN"), Decimal("Infinity"), 1, 1.0, "1"])
def test_orders_hold_decimals_above_zero(name, value):
    fields = {"symbol": "AAA", "side": "buy", "quantity": Decimal(1), "price": Decimal(1), name: value}
    with pytest.raises(InvalidInput, match=f"{name} is .*, expected a Decimal above 0"):
        OrderRequest(**fields)


@settings(max_examples=150)
@given(
    side=st.sampled_from(["buy", "sell"]),
    quantity=st.decimals("0.01", 100, places=2),
    price=st.decimals("0.01", 100, places=2),
    held=st.decimals(-100, 100, places=2),
    cash=st.decimals(-1000, 10_000, places=2),
)
def test_tighter_limits_never_allow_more(side, quantity, price, held, cash):
    account = Book(cash=cash, holdings={"AAA": Holding(quantity=held, price=price)})
    request = OrderRequest(symbol="AAA", side=side, quantity=quantity, price=price)
    loose = limits(max_order_notional="5000", max_position_weight="0.5", max_gross_exposure="1")
    tight = limits(max_order_notional="500", max_position_weight="0.2", max_gross_exposure="0.4")
    if allowed(check_order(request, account, tight)):
        assert allowed(check_order(request, account, loose))


def account(**changes):
    return SizingAccount(**{"equity": Decimal(10_000), "price": Decimal(25), **changes})


@pytest.mark.parametrize("name", ["equity", "price", "lot", "max_weight"])
@pytest.mark.parametrize("value", [Decimal(0), Decimal(-1), Decimal("NaN"), Decimal("Infinity"), 5, 5.0])
def test_accounts_hold_decimals_above_zero(name, value):
    with pytest.raises(InvalidInput, match=f"{name} is .*, expected a Decimal above 0"):
        account(**{name: value})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: volatility_target(account(), target=0.0, volatility=0.2), "target is 0.0, expected a number above 0"),
        (lambda: volatility_target(account(), target=0.1, volatility=float("inf")), "volatility is inf"),
        (lambda: kelly(account(), expected_return=0.1, volatility=0.0), "volatility is 0.0"),
        (lambda: kelly(account(), expected_return=0.1, volatility=0.2, fraction=-0.5), "fraction is -0.5"),
        (lambda: kelly(account(), expected_return=float("nan"), volatility=0.2), "expected a number"),
        (lambda: risk_per_stop(account(), risk_fraction=Decimal(0), stop_price=Decimal(20)), "risk_fraction is 0"),
        (lambda: risk_per_stop(account(), risk_fraction=Decimal(1), stop_price=Decimal(20)), "risk_fraction is 1"),
        (lambda: risk_per_stop(account(), risk_fraction=Decimal("0.01"), stop_price=Decimal(0)), "stop_price is 0"),
        (lambda: risk_per_stop(account(), risk_fraction=Decimal("0.01"), stop_price=Decimal(25)), "other than 25"),
        (lambda: fixed_fraction(account(), fraction=Decimal("NaN")), "expected a number"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(call, message):
    with pytest.raises(InvalidInput, match=message):
        call()


@given(
    mean=st.floats(-0.2, 0.5),
    volatility=st.floats(0.05, 1.0),
    fraction=st.floats(0.1, 1.0),
    rate=st.floats(0.0, 0.1),
)
def test_kelly_takes_its_share_of_mean_over_variance(mean, volatility, fraction, rate):
    size = kelly(
        account(max_weight=Decimal(1000), lot=Decimal("0.000001")),
        expected_return=mean, volatility=volatility, fraction=fraction, risk_free=rate,
    )  # fmt: skip
    expected = max(0.0, (mean - rate) / volatility**2 * fraction)
    assert float(size.weight) == pytest.approx(expected, rel=1e-6, abs=1e-7)
    assert size.method == "kelly"


@given(stop=st.decimals("1", "60", places=2).filter(lambda price: abs(price - 25) > Decimal("0.5")))
def test_a_stop_loses_what_was_risked(stop):
    size = risk_per_stop(
        account(max_weight=Decimal(1000), lot=Decimal("0.0001")), risk_fraction=Decimal("0.02"), stop_price=stop
    )
    assert float(size.shares * (25 - stop)) == pytest.approx(200.0, rel=1e-3)
    assert (size.shares > 0) == (stop < 25)


def test_reasons_are_sentences_with_the_numbers():
    size = volatility_target(account(max_weight=Decimal("0.3")), target=0.2, volatility=0.4)
    assert size.reasons == (
        "Target volatility 20.00% over the asset's 40.00% is a weight of 50.00 %.",
        "Cut from 50.00 % to the largest weight allowed, 30.00 %.",
    )
    assert (size.shares, size.value, size.weight) == (Decimal(120), Decimal(3000), Decimal("0.3"))
    none = kelly(account(), expected_return=0.01, volatility=0.2, risk_free=0.03)
    assert none.reasons == ("The expected return 1.00% does not exceed 3.00%: no position.",)


def test_a_size_of_nothing_has_no_lot_to_complain_about():
    size = fixed_fraction(account(), fraction=Decimal(0))
    assert (size.shares, size.weight) == (0, 0)
    assert len(size.reasons) == 1
