"""Move an order through its states: one explicit table, in which only venue evidence resolves UNKNOWN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from core.domain.books import OrderState

OrderEvent = Literal["deny", "submit", "lose", "accept", "reject", "fill_part", "fill_all", "cancel", "expire"]
"""What can happen to an order.

deny: refused by the desk before sending; submit: about to be sent; lose: the outcome of a send is not known;
accept, reject, cancel, expire: said by the venue; fill_part, fill_all: executions reached a part or the whole.
"""

OPEN: frozenset[OrderState] = frozenset({"intended", "submitting", "unknown", "accepted", "partially_filled"})
AT_VENUE: frozenset[OrderState] = frozenset({"submitting", "unknown", "accepted", "partially_filled"})
"""States in which the venue works the order, or may."""

# Pairs that are not here change nothing: the event is recorded as ignored (a venue's late or repeated word).
# Fills always count, because they happened; after an end of the order they no longer reopen it.
TRANSITIONS: Mapping[tuple[OrderState, OrderEvent], OrderState] = {
    ("intended", "submit"): "submitting",
    ("intended", "deny"): "denied",
    ("intended", "fill_part"): "partially_filled",
    ("intended", "fill_all"): "filled",
    ("denied", "fill_part"): "partially_filled",
    ("denied", "fill_all"): "filled",
    ("submitting", "deny"): "denied",
    ("submitting", "lose"): "unknown",
    ("submitting", "accept"): "accepted",
    ("submitting", "reject"): "rejected",
    ("submitting", "fill_part"): "partially_filled",
    ("submitting", "fill_all"): "filled",
    ("submitting", "cancel"): "cancelled",
    ("submitting", "expire"): "expired",
    ("unknown", "submit"): "submitting",
    ("unknown", "accept"): "accepted",
    ("unknown", "reject"): "rejected",
    ("unknown", "fill_part"): "partially_filled",
    ("unknown", "fill_all"): "filled",
    ("unknown", "cancel"): "cancelled",
    ("unknown", "expire"): "expired",
    ("accepted", "reject"): "rejected",
    ("accepted", "fill_part"): "partially_filled",
    ("accepted", "fill_all"): "filled",
    ("accepted", "cancel"): "cancelled",
    ("accepted", "expire"): "expired",
    ("partially_filled", "fill_all"): "filled",
    ("partially_filled", "reject"): "cancelled",
    ("partially_filled", "cancel"): "cancelled",
    ("partially_filled", "expire"): "expired",
    ("cancelled", "fill_all"): "filled",
    ("rejected", "fill_all"): "filled",
    ("expired", "fill_all"): "filled",
}
# A venue's word on an order never sent, or a second send, is a defect somewhere: it must not pass quietly.
_NEVER_SENT: tuple[OrderState, ...] = ("intended", "denied")
_VENUE_EVENTS: tuple[OrderEvent, ...] = ("lose", "accept", "reject", "fill_part", "fill_all", "cancel", "expire")
_DESK_EVENTS: tuple[OrderEvent, ...] = ("submit", "deny")
_PAST_SENDING: tuple[OrderState, ...] = (
    "denied",
    "accepted",
    "partially_filled",
    "filled",
    "cancelled",
    "rejected",
    "expired",
)
ALARMING: frozenset[tuple[OrderState, OrderEvent]] = frozenset(
    [(state, event) for state in _NEVER_SENT for event in _VENUE_EVENTS]
) | frozenset([(state, event) for state in _PAST_SENDING for event in _DESK_EVENTS])


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Say what an event does to an order in a state; `ignored` leaves it, `alarming` needs a person's eye."""

    before: OrderState
    event: OrderEvent
    after: OrderState
    ignored: bool
    alarming: bool


def move(state: OrderState, event: OrderEvent) -> Move:
    """Return what the event does; defined for every state and event."""
    after = TRANSITIONS.get((state, event))
    return Move(
        before=state,
        event=event,
        after=state if after is None else after,
        ignored=after is None,
        alarming=(state, event) in ALARMING,
    )
