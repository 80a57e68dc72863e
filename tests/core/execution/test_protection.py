"""What protects a position and for how much, counted by hand and against a book that is kept beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.books import Leg, Order, Proposal
from core.execution.orders import OPEN
from core.execution.protection import (
    legs_at_release,
    linked_legs,
    protecting_legs,
    protection_due,
    resting_quantity,
)

D = Decimal
NOON = datetime(2022, 11, 30, 17, tzinfo=UTC)


def leg(side: str, quantity: int | str, order_type: str | None = None) -> Leg:
    return Leg.model_validate(
        {"instrument_id": 1, "symbol": "AAA", "side": side, "quantity": D(quantity), "order_type": order_type}
    )


def proposal(*legs: Leg, legging: str = "bracket") -> Proposal:
    return Proposal.model_validate(
        {
            "proposal_id": "prp_1",
            "account_id": "main",
            "legs": legs,
            "order_type": "market",
            "time_in_force": "day",
            "legging": legging,
            "notional": D(1),
            "author": "agent",
            "author_kind": "agent",
            "requested_by": "usr_1",
            "digest": "0" * 64,
            "desk_time": NOON,
            "created_at": NOON,
            "expires_at": NOON,
        }
    )


def order(number: int, of: Leg, **values: Any) -> Order:
    told = {
        "order_id": f"ord_{number}",
        "client_order_id": f"qd{number}",
        "proposal_id": "prp_1",
        "leg": number,
        "attempt": 1,
        "account_id": "main",
        "instrument_id": 1,
        "side": of.side,
        "quantity": of.quantity,
        "order_type": of.order_type or "market",
        "time_in_force": "day",
        "state": "accepted",
        "desk_time": NOON,
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Order.model_validate(told | values)


ENTRY, STOP, TARGET = leg("buy", 100), leg("sell", 100, "stop"), leg("sell", 100, "limit")


@pytest.mark.parametrize(
    ("made", "protecting", "linked", "released"),
    [
        (proposal(ENTRY, STOP, TARGET), [1, 2], [1, 2], [0]),
        (proposal(ENTRY, STOP), [1], [], [0]),
        # Without an entry what protects is for a position that is there: its orders are written at once.
        (proposal(STOP, TARGET), [0, 1], [0, 1], [0, 1]),
        (proposal(TARGET), [0], [], [0]),
        (proposal(STOP, TARGET, legging="one_cancels_other"), [], [0, 1], [0, 1]),
        (proposal(ENTRY, legging="together"), [], [], [0]),
        (proposal(ENTRY, leg("sell", 5), leg("buy", 7), legging="in_order"), [], [], [0, 1, 2]),
    ],
)
def test_which_legs_do_what(made: Proposal, protecting: list[int], linked: list[int], released: list[int]) -> None:
    assert protecting_legs(made) == protecting
    assert linked_legs(made) == linked
    assert legs_at_release(made) == released


@pytest.mark.parametrize("state", sorted(OPEN))
def test_nothing_is_due_while_the_entry_may_still_trade(state: str) -> None:
    assert protection_due(proposal(ENTRY, STOP), [order(0, ENTRY, state=state, filled_quantity=D(40))]) == {}


@pytest.mark.parametrize("state", ["filled", "cancelled", "expired", "rejected"])
@pytest.mark.parametrize("filled", [0, 1, 40, 100])
def test_an_ended_entry_is_protected_for_what_it_filled(state: str, filled: int) -> None:
    due = protection_due(proposal(ENTRY, STOP, TARGET), [order(0, ENTRY, state=state, filled_quantity=D(filled))])
    assert due == ({1: D(filled), 2: D(filled)} if filled else {})


def test_an_order_that_is_there_is_not_due_again() -> None:
    ended = order(0, ENTRY, state="filled", filled_quantity=D(100))
    assert protection_due(proposal(ENTRY, STOP, TARGET), [ended, order(1, STOP)]) == {2: D(100)}
    assert protection_due(proposal(ENTRY, STOP, TARGET), [ended, order(1, STOP), order(2, TARGET)]) == {}


def test_without_an_entry_nothing_becomes_due_later() -> None:
    assert protection_due(proposal(STOP, TARGET), []) == {}
    assert protection_due(proposal(STOP, TARGET), [order(0, STOP), order(1, TARGET)]) == {}


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 200), st.integers(1, 100), st.data())
def test_never_more_is_protected_than_is_held(before: int, asked: int, data: st.DataObject) -> None:
    # The position was `before` long; the entry buys `asked` more, of which some fills; all of it is to be protected.
    filled = data.draw(st.integers(0, asked))
    entry, stop = leg("buy", asked), leg("sell", before + asked, "stop")
    due = protection_due(proposal(entry, stop), [order(0, entry, state="expired", filled_quantity=D(filled))])
    assert due == ({1: D(before + filled)} if filled else {})


@settings(max_examples=80, deadline=None)
@given(st.integers(2, 200), st.data())
def test_an_entry_on_the_side_of_its_protection_leaves_the_whole_leg_due(held: int, data: st.DataObject) -> None:
    # A sale that reduces a long position, after which a stop sells what is left whatever part of the sale filled.
    sold = data.draw(st.integers(1, held - 1))
    filled = data.draw(st.integers(1, sold))
    entry, stop = leg("sell", sold), leg("sell", held - sold, "stop")
    due = protection_due(proposal(entry, stop), [order(0, entry, state="cancelled", filled_quantity=D(filled))])
    assert due == {1: D(held - sold)}


def test_orders_of_one_proposal_rest_for_the_same_shares() -> None:
    mine = [order(1, STOP, filled_quantity=D(30)), order(2, TARGET)]
    assert resting_quantity(mine) == 100
    assert resting_quantity([*mine, order(1, leg("sell", 50, "stop"), proposal_id="prp_2")]) == 150
    assert resting_quantity([]) == 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 50), st.integers(0, 50)).filter(
            lambda part: part[2] <= part[1]
        ),
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_what_rests_does_not_depend_on_the_order_and_lies_between_two_counts(
    parts: Sequence[tuple[str, int, int]], random: Any
) -> None:
    made = [
        order(number, leg("sell", quantity, "stop"), proposal_id=name, filled_quantity=D(filled))
        for number, (name, quantity, filled) in enumerate(parts)
    ]
    found = resting_quantity(made)
    assert max((quantity - filled for _, quantity, filled in parts), default=0) <= found
    assert found <= sum(quantity - filled for _, quantity, filled in parts)
    random.shuffle(made)
    assert resting_quantity(made) == found
