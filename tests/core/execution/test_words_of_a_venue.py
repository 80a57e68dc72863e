"""What a venue says of an order and what it executed, taken into the books: no database, every word by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.books import Order, OrderState
from core.execution.orders import Move
from core.execution.positions import cash_entries, trade_amount
from core.execution.settlement import _report_overfill, _to_fill, apply_word
from core.ports.broker import Execution, VenueOrder
from core.testing.clock import FixedClock

D = Decimal
NOON = datetime(2022, 11, 30, 17, tzinfo=UTC)
CLOCK = FixedClock(NOON)
FILLED: tuple[OrderState, ...] = ("partially_filled", "filled")


def order(state: OrderState = "accepted", **values: Any) -> Order:
    told: dict[str, Any] = {
        "order_id": "ord_1",
        "client_order_id": "qd1",
        "proposal_id": "prp_1",
        "leg": 0,
        "attempt": 1,
        "account_id": "main",
        "instrument_id": 7,
        "side": "buy",
        "quantity": D(10),
        "order_type": "market",
        "time_in_force": "day",
        "state": state,
        "desk_time": NOON,
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Order(**told | values)


def execution(quantity: str = "4", price: str = "10", fee: str = "1", number: int = 1) -> Execution:
    return Execution(
        execution_id=f"exe_{number}",
        client_order_id="qd1",
        quantity=D(quantity),
        price=D(price),
        fee=D(fee),
        currency="USD",
        session=date(2022, 11, 30),
        executed_at=NOON,
        note="at the open",
    )


class Noting:
    """Stand for a transaction: record the moves of orders, events and what was done to trading."""

    def __init__(self, events: list[dict[str, Any]] | None = None) -> None:
        self.moves: list[Move] = []
        self.told: list[tuple[str, str]] = []
        self.details: list[dict[str, Any]] = []
        self.halted: list[dict[str, Any]] = []
        self.orders = SimpleNamespace(record=self._record, events=lambda order_id: events or [])
        self.events = SimpleNamespace(put=lambda kind, about: self.told.append((kind, about)))
        self.accounts = SimpleNamespace(set_trading_state=lambda **state: self.halted.append(state))

    def _record(self, before: Order, move: Move, **values: Any) -> Order:
        self.moves.append(move)
        self.details.append(values)
        return before.model_copy(update={"state": move.after})


def apply(state: OrderState, said: str) -> tuple[Order, Noting]:
    noting = Noting()
    word = VenueOrder(client_order_id="qd1", venue_order_id="v1", state=said, reason="")  # type: ignore[arg-type]
    return apply_word(noting, order(state), word, CLOCK), noting  # type: ignore[arg-type]


@pytest.mark.parametrize("state", get_args(OrderState))
@pytest.mark.parametrize("said", ["accepted", "partially_filled", "filled", "cancelled", "rejected", "expired"])
def test_no_word_fills_an_order_and_none_opens_one_that_ended(state: OrderState, said: str) -> None:
    after, noting = apply(state, said)
    # That something traded, executions prove and nothing else.
    assert after.state not in FILLED or after.state == state
    if state in ("filled", "cancelled", "rejected", "expired", "denied"):
        assert after.state == state
    assert noting.told == ([("order.changed", "ord_1")] if after.state != state else [])
    assert len(noting.moves) == 1 and noting.details[0]["detail"] == {"venue_state": said}


@pytest.mark.parametrize(
    ("state", "said", "after"),
    [
        ("unknown", "accepted", "accepted"),
        ("unknown", "filled", "accepted"),
        ("unknown", "rejected", "rejected"),
        ("submitting", "accepted", "accepted"),
        ("accepted", "cancelled", "cancelled"),
        ("accepted", "expired", "expired"),
        ("partially_filled", "cancelled", "cancelled"),
        # What is left of an order that traded in part was cancelled, whatever the venue calls it.
        ("partially_filled", "rejected", "cancelled"),
    ],
)
def test_a_word_moves_an_order(state: OrderState, said: str, after: OrderState) -> None:
    assert apply(state, said)[0].state == after


def test_a_word_on_an_order_that_was_never_sent_is_alarming() -> None:
    for state in ("intended", "denied"):
        for said in ("accepted", "cancelled", "rejected", "expired", "filled"):
            (move,) = apply(state, said)[1].moves  # type: ignore[arg-type]
            assert move.alarming and move.after == state


@settings(max_examples=60, deadline=None)
@given(
    st.decimals("0.00000001", "1e6", places=8),
    st.decimals("0.0001", "1e5", places=4),
    st.decimals("-5", "50", places=6),
)
def test_a_fill_is_what_the_venue_executed_with_its_fee_in_cents(
    quantity: Decimal, price: Decimal, fee: Decimal
) -> None:
    made = _to_fill(order(), execution(str(quantity), str(price), str(fee)))
    assert (made.quantity, made.price, made.side, made.instrument_id) == (quantity, price, "buy", 7)
    assert made.fee == fee.quantize(D("0.01"), rounding=ROUND_HALF_UP)
    assert (made.account_id, made.order_id, made.execution_id) == ("main", "ord_1", "exe_1")
    assert (made.filled_at, made.session, made.note) == (NOON, date(2022, 11, 30), "at the open")
    # The cash that it moves is what it cost, and its fee apart.
    moved = {entry.movement: entry.amount for entry in cash_entries(made)}
    assert moved["trade"] == trade_amount(made) == -(quantity * price).quantize(D("0.01"), rounding=ROUND_HALF_UP)
    assert moved.get("fee", D(0)) == -made.fee


def test_an_execution_has_one_id_in_the_books_and_another_account_another() -> None:
    one = _to_fill(order(), execution())
    assert one.fill_id == _to_fill(order("filled"), execution(quantity="9")).fill_id
    assert one.fill_id != _to_fill(order(), execution(number=2)).fill_id
    assert one.fill_id != _to_fill(order(account_id="other"), execution()).fill_id


def test_what_is_executed_beyond_an_order_halts_trading_and_is_kept() -> None:
    noting = Noting()
    _report_overfill(noting, order(), _to_fill(order(), execution("11")), CLOCK)  # type: ignore[arg-type]
    (state,) = noting.halted
    assert state["halted"] is True and "executed more than order ord_1 asked for" in state["reason"]
    assert noting.details[0]["detail"] == {"overfill": True, "execution_id": "exe_1", "quantity": "11"}
    assert noting.told == [("alert.raised", "ord_1")]


def test_the_same_overfill_told_again_does_not_halt_again() -> None:
    noting = Noting([{"detail": {}}, {"detail": {"execution_id": "exe_1", "overfill": True}}])
    _report_overfill(noting, order(), _to_fill(order(), execution("11")), CLOCK)  # type: ignore[arg-type]
    assert (noting.halted, noting.moves, noting.told) == ([], [], [])
    _report_overfill(noting, order(), _to_fill(order(), execution("11", number=2)), CLOCK)  # type: ignore[arg-type]
    assert len(noting.halted) == 1
