from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.risk.limits import Book, Holding, Limits, OrderRequest, allowed, check_order

BOOK = Book(
    cash=Decimal(20_000),
    holdings={
        "AAPL": Holding(quantity=Decimal(100), price=Decimal(150)),
        "MSFT": Holding(quantity=Decimal(50), price=Decimal(300)),
    },
)


def order(side="buy", quantity=10, price="150", symbol="AAPL"):
    return OrderRequest(symbol=symbol, side=side, quantity=Decimal(quantity), price=Decimal(price))


def verdict(rule, *, limits, request=None, book=BOOK, **options):
    found = [v for v in check_order(request or order(), book, limits, **options) if v.rule == rule]
    assert len(found) == 1
    return found[0]


def test_equity_is_cash_and_positions():
    assert BOOK.equity == Decimal(50_000)


def test_order_notional():
    assert verdict("max_order_notional", limits=Limits(max_order_notional=Decimal(1500))).allowed
    refused = verdict("max_order_notional", limits=Limits(max_order_notional=Decimal(1499)))
    assert (refused.allowed, refused.after, refused.limit) == (False, Decimal(1500), Decimal(1499))


def test_position_weight_before_and_after():
    found = verdict("max_position_weight", limits=Limits(max_position_weight=Decimal("0.32")))
    assert (found.before, found.after, found.allowed) == (Decimal("0.3"), Decimal("0.33"), False)


def test_cash_counts_fees():
    spend_all = order(quantity=100, price="200")
    assert verdict("min_cash", limits=Limits(), request=spend_all).allowed
    refused = verdict("min_cash", limits=Limits(), request=spend_all, fee=Decimal("0.01"))
    assert (refused.allowed, refused.after) == (False, Decimal("-0.01"))


def test_no_short_unless_allowed():
    sell = order(side="sell", quantity=101)
    refused = verdict("no_short", limits=Limits(), request=sell)
    assert (refused.allowed, refused.before, refused.after) == (False, Decimal(100), Decimal(-1))
    assert verdict("no_short", limits=Limits(), request=order(side="sell", quantity=100)).allowed
    assert not [v for v in check_order(sell, BOOK, Limits(allow_short=True)) if v.rule == "no_short"]
    covering = Book(cash=Decimal(100_000), holdings={"AAPL": Holding(quantity=Decimal(-50), price=Decimal(150))})
    assert verdict("no_short", limits=Limits(), request=order(quantity=10), book=covering).allowed


def test_price_band():
    limits = Limits(price_band_bps=Decimal(100))
    assert verdict("price_band_bps", limits=limits, request=order(price="151.5"), reference_price=Decimal(150)).allowed
    far = verdict("price_band_bps", limits=limits, request=order(price="151.6"), reference_price=Decimal(150))
    assert not far.allowed
    assert not verdict("price_band_bps", limits=limits).allowed


def test_exposures():
    found = verdict("max_gross_exposure", limits=Limits(max_gross_exposure=Decimal("0.62")))
    assert (found.before, found.after, found.allowed) == (Decimal("0.6"), Decimal("0.63"), False)
    found = verdict("max_net_exposure", limits=Limits(max_net_exposure=Decimal("0.63")))
    assert found.allowed


def test_an_order_that_reduces_a_breach_is_allowed():
    limits = Limits(max_position_weight=Decimal("0.1"), max_gross_exposure=Decimal("0.1"))
    assert allowed(check_order(order(side="sell", quantity=10), BOOK, limits))
    assert not allowed(check_order(order(side="buy", quantity=1), BOOK, limits))


def test_no_equity_refuses_all_but_reductions():
    book = Book(cash=Decimal(-15_000), holdings={"AAPL": Holding(quantity=Decimal(100), price=Decimal(150))})
    limits = Limits(max_gross_exposure=Decimal(2), min_cash=None)
    assert not allowed(check_order(order(), book, limits))
    assert allowed(check_order(order(side="sell"), book, limits))


quantities = st.decimals("0.01", 10_000, places=2)
prices = st.decimals("0.01", 1_000, places=2)


@settings(max_examples=300)
@given(
    side=st.sampled_from(["buy", "sell"]),
    quantity=quantities,
    price=prices,
    cash=st.decimals(-10_000, 1_000_000, places=2),
    held=st.decimals(-1_000, 1_000, places=2),
    last=prices,
)
def test_nothing_allowed_breaks_a_limit_it_did_not_already_break(side, quantity, price, cash, held, last):
    book = Book(cash=cash, holdings={"AAPL": Holding(quantity=held, price=last)})
    limits = Limits(
        max_order_notional=Decimal(50_000), max_position_weight=Decimal("0.5"), max_gross_exposure=Decimal(1),
        price_band_bps=Decimal(500),
    )  # fmt: skip
    request = OrderRequest(symbol="AAPL", side=side, quantity=quantity, price=price)
    if not allowed(check_order(request, book, limits, reference_price=last)):
        return
    signed = quantity if side == "buy" else -quantity
    cash_after, held_after = cash - signed * price, held + signed
    equity_after = cash_after + held_after * last
    assert quantity * price <= 50_000
    assert abs(price - last) * 10_000 <= 500 * last * (1 + Decimal("1e-20"))
    assert side == "buy" or held_after >= 0
    assert cash_after >= 0 or cash_after >= cash
    if abs(held_after) >= abs(held):
        assert equity_after > 0
        assert abs(held_after * last) <= equity_after * Decimal("0.5") * (1 + Decimal("1e-20"))


def test_bad_orders_are_refused():
    with pytest.raises(InvalidInput, match="quantity is Decimal\\('0'\\)"):
        order(quantity=0)
    with pytest.raises(InvalidInput, match="side is 'hold'"):
        order(side="hold")
    with pytest.raises(InvalidInput, match="price is 1\\.5"):
        OrderRequest(symbol="A", side="buy", quantity=Decimal(1), price=1.5)
