"""What the books and a venue say differently, found by an independent comparison of the same two sides."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.books import Order, OrderState
from core.execution.orders import AT_VENUE
from core.execution.reconciliation import _differences as differences_at
from core.execution.reconciliation import _text
from core.ports.broker import VenueAccount, VenueOpenOrder

D = Decimal
NOON = datetime(2022, 11, 30, 17, tzinfo=UTC)


def _differences(ours: Any, account_id: str, theirs: VenueAccount) -> dict[tuple[str, str], tuple[str, str]]:
    """Compare where the venue was asked after all that the books know."""
    return differences_at(ours, account_id, theirs, NOON)


def order(number: int, state: OrderState) -> Order:
    return Order(
        order_id=f"ord_{number}",
        client_order_id=f"qd{number}",
        proposal_id="prp_1",
        leg=number,
        attempt=1,
        account_id="main",
        instrument_id=1,
        side="buy",
        quantity=D(10),
        order_type="market",
        time_in_force="day",
        state=state,
        desk_time=NOON,
        created_at=NOON,
        updated_at=NOON,
    )


def open_order(number: int) -> VenueOpenOrder:
    return VenueOpenOrder(
        venue_order_id=f"v{number}",
        client_order_id=f"qd{number}",
        instrument_id=1,
        symbol="AAA",
        side="buy",
        quantity=D(10),
        filled_quantity=D(0),
    )


def books(held: dict[int, Decimal], cash: Decimal, orders: list[Order]) -> Any:
    """Stand for one transaction on the books of an account in dollars."""

    def at_work(*, account_id: str, states: list[str]) -> list[Order]:
        return [part for part in orders if part.state in states]

    return SimpleNamespace(
        books=SimpleNamespace(
            positions=lambda account_id: [
                SimpleNamespace(instrument_id=key, quantity=quantity) for key, quantity in held.items()
            ],
            balance=lambda account_id: cash,
        ),
        accounts=SimpleNamespace(get=lambda account_id: SimpleNamespace(currency="USD")),
        orders=SimpleNamespace(all=at_work),
    )


def venue(
    held: dict[int, Decimal], cash: dict[str, Decimal] | None, numbers: list[int], unmapped: tuple[str, ...] = ()
) -> VenueAccount:
    return VenueAccount(
        open_orders=tuple(open_order(number) for number in numbers), positions=held, cash=cash, unmapped=unmapped
    )


QUANTITIES = st.decimals("-50", "50", places=1)
HELD = st.dictionaries(st.integers(1, 4), QUANTITIES, max_size=4)


@settings(max_examples=80, deadline=None)
@given(HELD, HELD)
def test_positions_differ_where_the_quantities_do_and_flat_is_the_same_as_absent(
    ours: dict[int, Decimal], theirs: dict[int, Decimal]
) -> None:
    found = _differences(books(ours, D(0), []), "main", venue(theirs, {"USD": D(0)}, []))
    expected = {("position", str(key)) for key in range(1, 5) if ours.get(key, D(0)) != theirs.get(key, D(0))}
    assert found.keys() == expected
    for (_, name), (here, there) in found.items():
        assert (D(here), D(there)) == (ours.get(int(name), D(0)), theirs.get(int(name), D(0)))


@settings(max_examples=40, deadline=None)
@given(HELD, st.decimals("0", "1e6", places=2), st.lists(st.integers(0, 5), unique=True))
def test_sides_that_say_the_same_do_not_differ(held: dict[int, Decimal], cash: Decimal, numbers: list[int]) -> None:
    orders = [order(number, "accepted") for number in numbers]
    assert _differences(books(held, cash, orders), "main", venue(held, {"USD": cash}, numbers)) == {}


@pytest.mark.parametrize(
    ("ours", "theirs", "found"),
    [
        ("100.00", {"USD": "100.00"}, None),
        # Venues keep fractions of a cent; the books do not.
        ("100.00", {"USD": "100.009"}, None),
        ("100.00", {"USD": "99.991"}, None),
        ("100.00", {"USD": "100.01"}, ("100", "100.01")),
        ("100.00", {"USD": "99.99"}, ("100", "99.99")),
        ("100.00", {"EUR": "100.00"}, ("100", "0")),
        ("100.00", {}, ("100", "0")),
        ("0", {}, None),
        # A venue that does not tell its cash says nothing about it.
        ("100.00", None, None),
    ],
)
def test_cash_differs_from_a_cent_on(ours: str, theirs: dict[str, str] | None, found: tuple[str, str] | None) -> None:
    told = None if theirs is None else {name: D(text) for name, text in theirs.items()}
    differences = _differences(books({}, D(ours), []), "main", venue({}, told, []))
    assert differences == ({} if found is None else {("cash", "USD"): found})


@pytest.mark.parametrize("state", ["accepted", "partially_filled"])
def test_an_order_that_the_venue_said_it_works_and_does_not_show_differs(state: Any) -> None:
    found = _differences(books({}, D(0), [order(1, state), order(2, state)]), "main", venue({}, None, [2]))
    assert found == {("order", "ord_1"): (state, "not open")}


@pytest.mark.parametrize(
    "state", ["intended", "denied", "submitting", "unknown", "filled", "cancelled", "rejected", "expired"]
)
def test_no_other_order_is_missed(state: Any) -> None:
    # Of one that is on its way, or of which nobody knows, the venue is asked by itself.
    assert _differences(books({}, D(0), [order(1, state)]), "main", venue({}, None, [])) == {}
    assert {"submitting", "unknown"} <= AT_VENUE


def test_holdings_that_the_desk_has_no_instrument_for_are_named() -> None:
    found = _differences(books({}, D(0), []), "main", venue({}, None, [], ("OLDCO 4.5 2031", "X")))
    assert found == {
        ("instrument", "OLDCO 4.5 2031"): ("unknown", "held"),
        ("instrument", "X"): ("unknown", "held"),
    }


@settings(max_examples=60, deadline=None)
@given(st.decimals("-1e9", "1e9", places=8), st.integers(0, 6))
def test_equal_quantities_are_told_in_one_text_without_exponent(value: Decimal, zeros: int) -> None:
    text = _text(value)
    assert D(text) == value and "E" not in text.upper()
    assert _text(value * D(10) ** zeros / D(10) ** zeros) == text
