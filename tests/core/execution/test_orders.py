"""Every state meets every event."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest

from core.domain.books import OrderState
from core.execution.orders import AT_VENUE, OPEN, TRANSITIONS, OrderEvent, move

STATES = get_args(OrderState)
EVENTS = get_args(OrderEvent)
# The whole table, written out apart from the code: rows are states, columns events; "." changes nothing, "!" neither
# and calls a person. i intended, d denied, s submitting, u unknown, a accepted, p partially filled, f filled,
# c cancelled, r rejected, e expired.
TABLE = """
                  deny submit lose accept reject fill_part fill_all cancel expire
intended          d    s      !    !      !      p!        f!       !      !
denied            !    !      !    !      !      p!        f!       !      !
submitting        d    .      u    a      r      p         f        c      e
unknown           .    s      .    a      r      p         f        c      e
accepted          !    !      .    .      r      p         f        c      e
partially_filled  !    !      .    .      c      .         f        c      e
filled            !    !      .    .      .      .         .        .      .
cancelled         !    !      .    .      .      .         f        .      .
rejected          !    !      .    .      .      .         f        .      .
expired           !    !      .    .      .      .         f        .      .
"""


def table():
    header, *rows = [line.split() for line in TABLE.strip().splitlines()]
    return {(row[0], event): cell for row in rows for event, cell in zip(header, row[1:], strict=True)}


def test_the_table_names_every_pair():
    assert set(table()) == set(product(STATES, EVENTS))


@pytest.mark.parametrize(("state", "event"), list(product(STATES, EVENTS)))
def test_every_pair_does_what_the_table_says(state, event):
    cell = table()[state, event]
    outcome = move(state, event)
    letter = cell.rstrip("!").rstrip(".")
    expected = next((name for name in STATES if letter and name.startswith(letter)), state)
    assert outcome.after == expected
    assert outcome.ignored == (not letter)
    if "!" in cell:
        assert outcome.alarming


def test_nothing_but_venue_evidence_resolves_unknown():
    assert {event for event in EVENTS if move("unknown", event).after not in ("unknown", "submitting")} == {
        "accept",
        "reject",
        "fill_part",
        "fill_all",
        "cancel",
        "expire",
    }


def test_an_ended_order_never_opens_again():
    ended = set(STATES) - OPEN
    for state, event in product(ended - {"denied"}, EVENTS):
        assert move(state, event).after in ended


def test_orders_at_the_venue_are_open():
    assert OPEN > AT_VENUE


def test_the_database_knows_the_same_table(desk):
    stored = set(desk.sql("SELECT state_before, state_after FROM execution.order_transitions"))
    assert stored == {(state, after) for (state, _), after in TRANSITIONS.items()}
