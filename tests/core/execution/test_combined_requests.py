"""Linked pairs and brackets: what is taken and refused, by an independent reading of the rules in docs/orders.md."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.execution.requests import LegRequest, TradeRequest, check_request

D = Decimal
PRICES: dict[str, dict[str, Decimal]] = {
    "market": {},
    "limit": {"limit_price": D(110)},
    "stop": {"stop_price": D(90)},
    "stop_limit": {"limit_price": D(89), "stop_price": D(90)},
}


def leg(
    kind: str | None, *, of: str = "market", symbol: str = "AAA", side: str = "sell", quantity: int = 10
) -> LegRequest:
    """Return a leg with the prices that its own type, or the type `of` the whole trade, needs."""
    made: dict[str, Any] = {"symbol": symbol, "side": side, "quantity": D(quantity), "order_type": kind}
    return LegRequest(**made, **PRICES[kind or of])


def is_taken(request: TradeRequest) -> bool:
    try:
        check_request(request)
    except InvalidInput:
        return False
    return True


LEGS = st.lists(
    st.tuples(
        st.sampled_from(["limit", "stop", "stop_limit", "market", None]),
        st.sampled_from(["AAA", "AAA", "AAA", "BBB"]),
        st.sampled_from(["buy", "sell", "sell"]),
        st.sampled_from([10, 10, 10, 11]),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(LEGS)
def test_a_linked_pair_is_a_limit_and_a_stop_of_one_trade(parts: list[tuple[str | None, str, str, int]]) -> None:
    legs = tuple(leg(kind, symbol=symbol, side=side, quantity=count) for kind, symbol, side, count in parts)
    types = [kind or "market" for kind, *_ in parts]
    expected = (
        len(parts) == 2
        and len({part[1:] for part in parts}) == 1
        and "limit" in types
        and ("stop" in types or "stop_limit" in types)
    )
    assert is_taken(TradeRequest(legs=legs, legging="one_cancels_other")) == expected


@settings(max_examples=200, deadline=None)
@given(LEGS, st.sampled_from(["market", "limit"]))
def test_a_bracket_is_an_entry_or_none_and_then_what_protects(
    parts: list[tuple[str | None, str, str, int]], entry: str
) -> None:
    legs = tuple(leg(kind, of=entry, symbol=symbol, side=side, quantity=count) for kind, symbol, side, count in parts)
    protecting = parts[1:] if parts[0][0] is None else parts
    kinds = [kind for kind, *_ in protecting]
    expected = (
        None not in kinds
        and sorted(map(str, kinds)) in (["stop"], ["limit"], ["limit", "stop"])
        and len({(side, count) for _, _, side, count in protecting}) == 1
        and len({symbol for _, symbol, _, _ in parts}) == 1
    )
    request = TradeRequest(legs=legs, legging="bracket", order_type=entry)  # type: ignore[arg-type]
    assert is_taken(request) == expected


ENTRY, STOP, TARGET = leg(None, side="buy"), leg("stop"), leg("limit")


@pytest.mark.parametrize("order_type", ["stop", "stop_limit"])
def test_the_entry_of_a_bracket_does_not_wait_for_a_trigger(order_type: str) -> None:
    legs = (leg(None, of=order_type, side="buy"), STOP)
    with pytest.raises(InvalidInput, match="entry of a bracket is a market or limit order"):
        check_request(TradeRequest(legs=legs, legging="bracket", order_type=order_type))  # type: ignore[arg-type]


@pytest.mark.parametrize(("legging", "legs"), [("one_cancels_other", (STOP, TARGET)), ("bracket", (ENTRY, STOP))])
def test_what_protects_one_trade_has_nothing_to_unwind(legging: Any, legs: tuple[LegRequest, ...]) -> None:
    assert is_taken(TradeRequest(legs=legs, legging=legging))
    with pytest.raises(InvalidInput, match=r"nothing (to unwind|of it is unwound)"):
        check_request(TradeRequest(legs=legs, legging=legging, on_failure="unwind"))


@pytest.mark.parametrize("time_in_force", ["ioc", "fok"])
def test_a_linked_pair_waits_and_so_does_not_end_at_once(time_in_force: Any) -> None:
    pair = TradeRequest(legs=(STOP, TARGET), legging="one_cancels_other", time_in_force=time_in_force)
    with pytest.raises(InvalidInput, match="an order that waits cannot end at once") as told:
        check_request(pair)
    assert told.value.hint == "Use day or gtc."
    # The entry of a bracket may: what protects it rests until it is cancelled all the same.
    assert is_taken(TradeRequest(legs=(ENTRY, STOP), legging="bracket", time_in_force=time_in_force))


@pytest.mark.parametrize("legging", ["together", "in_order"])
def test_elsewhere_no_leg_has_a_type_of_its_own(legging: Any) -> None:
    with pytest.raises(InvalidInput, match="AAA has the order type limit of its own") as told:
        check_request(TradeRequest(legs=(TARGET, leg(None, symbol="BBB")), legging=legging))
    assert "give the order type for the whole trade" in told.value.hint


@pytest.mark.parametrize("size", [{"target_weight": D("0.1")}, {"position_share": D("0.5")}])
def test_what_protects_says_how_many_shares(size: dict[str, Decimal]) -> None:
    asked = LegRequest(symbol="AAA", side="sell", order_type="stop", stop_price=D(90), **size)
    assert not is_taken(TradeRequest(legs=(ENTRY, asked), legging="bracket"))
    # Of a linked pair both orders may be for the same share of what is held.
    other = LegRequest(symbol="AAA", side="sell", order_type="limit", limit_price=D(110), **size)
    assert is_taken(TradeRequest(legs=(asked, other), legging="one_cancels_other"))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(PRICES)), st.booleans(), st.booleans())
def test_a_type_has_its_prices_and_no_others(kind: Any, has_limit: bool, has_stop: bool) -> None:
    prices = ({"limit_price": D(110)} if has_limit else {}) | ({"stop_price": D(90)} if has_stop else {})
    asked = LegRequest(symbol="AAA", side="buy", quantity=D(1), **prices)
    assert is_taken(TradeRequest(legs=(asked,), order_type=kind)) == (prices.keys() == PRICES[kind].keys())


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity", "-Infinity", "sNaN"])
@pytest.mark.parametrize("name", ["limit_price", "stop_price"])
def test_a_price_is_a_number_above_0(name: str, price: str) -> None:
    prices = {**PRICES["stop_limit"], name: D(price)}
    asked = LegRequest(symbol="AAA", side="buy", quantity=D(1), **prices)
    with pytest.raises(InvalidInput, match=f"{name} of AAA is .*expected a price above 0"):
        check_request(TradeRequest(legs=(asked,), order_type="stop_limit"))
