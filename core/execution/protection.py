"""Say what protects a position in a bracket: which legs, when they are due, for how much. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from core.domain.books import Order, Proposal
from core.execution.orders import OPEN

ZERO = Decimal(0)


def protecting_legs(proposal: Proposal) -> list[int]:
    """Return the numbers of the legs that protect a position."""
    return [number for number, leg in enumerate(proposal.legs) if proposal.protects(leg)]


def linked_legs(proposal: Proposal) -> list[int]:
    """Return the numbers of the two legs of which one cancels the other; none where there is no such pair."""
    linked = [0, 1] if proposal.legging == "one_cancels_other" else protecting_legs(proposal)
    return linked if len(linked) == 2 else []


def legs_at_release(proposal: Proposal) -> list[int]:
    """Return the numbers of the legs whose orders are written when a proposal is released: the entry of a bracket."""
    protecting = protecting_legs(proposal)
    return [number for number in range(len(proposal.legs)) if number not in protecting] or protecting


def protection_due(proposal: Proposal, orders: Sequence[Order]) -> dict[int, Decimal]:
    """Return the quantity by leg of the orders that protect what an ended entry filled and that do not exist yet.

    It is the leg's quantity less what an entry that adds to the position did not fill, as the database checks.
    """
    protecting = protecting_legs(proposal)
    entry = next((order for order in orders if order.leg not in protecting), None)
    if entry is None or entry.state in OPEN or not entry.filled_quantity:
        return {}
    there = {order.leg for order in orders}
    due = {}
    for number in protecting:
        leg = proposal.legs[number]
        missing = ZERO if entry.side == leg.side else entry.quantity - entry.filled_quantity
        if number not in there and leg.quantity > missing:
            due[number] = leg.quantity - missing
    return due


def resting_quantity(orders: Sequence[Order]) -> Decimal:
    """Return what may still be executed of orders that protect, those of one proposal counted once."""
    left: dict[str, Decimal] = {}
    for order in orders:
        left[order.proposal_id] = max(left.get(order.proposal_id, ZERO), order.quantity - order.filled_quantity)
    return sum(left.values(), ZERO)
