"""Decide what a position needs now, against decisions written down by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.execution.live import REBALANCE_BAND, Protection, choose

LONG, FLAT = np.array([[0.0], [1.0], [1.0]]), np.array([[1.0], [1.0], [0.0]])


def ask(targets, held, **changes):
    """Return the action and the weight to reach, of one asset with a tenth of the account."""
    terms = {"weight": 0.1, "profit": 0.0, "protection": Protection(), "sessions_since_stop": None, **changes}
    chosen = choose(targets, np.array([held]), **terms)
    return None if chosen is None else (chosen[0], float(chosen[1][0]))


@pytest.mark.parametrize(
    ("targets", "held", "changes", "expected"),
    [
        (LONG, 0.0, {}, ("entry", 0.1)),
        (LONG, 0.1, {}, None),
        (LONG, -0.1, {}, ("entry", 0.1)),
        (FLAT, 0.1, {}, ("exit", 0.0)),
        (FLAT, 0.0, {}, None),
        (LONG, 0.0, {"weight": 0.3}, ("entry", 0.3)),
        (LONG, 0.0999 * (1 - REBALANCE_BAND), {}, ("rebalance", 0.1)),
        (LONG, 0.1 * (1 + 0.9 * REBALANCE_BAND), {}, None),
        (LONG, 0.1, {"profit": -0.05, "protection": Protection(stop_loss=0.05)}, ("stop", 0.0)),
        (LONG, 0.1, {"profit": -0.049, "protection": Protection(stop_loss=0.05)}, None),
        (LONG, 0.1, {"profit": 0.2, "protection": Protection(take_profit=0.2)}, ("take_profit", 0.0)),
        (LONG, 0.1, {"profit": 0.19, "protection": Protection(take_profit=0.2)}, None),
        # A stop wins over an exit: it is why the position leaves.
        (FLAT, 0.1, {"profit": -0.5, "protection": Protection(stop_loss=0.05)}, ("stop", 0.0)),
        # Nothing is held: there is nothing to stop.
        (LONG, 0.0, {"profit": -0.5, "protection": Protection(stop_loss=0.05)}, ("entry", 0.1)),
        # Long since two sessions, stopped out one session ago: it stays out.
        (LONG, 0.0, {"sessions_since_stop": 1}, None),
        # Stopped out before it went long: this is another decision.
        (LONG, 0.0, {"sessions_since_stop": 2}, ("entry", 0.1)),
        # What was left of it after a stop that filled in part leaves too.
        (LONG, 0.02, {"sessions_since_stop": 0}, ("exit", 0.0)),
    ],
)
def test_a_position_is_brought_to_what_its_strategy_and_its_stops_say(targets, held, changes, expected):
    found = ask(targets, held, **changes)
    assert found == (expected if expected is None else (expected[0], pytest.approx(expected[1])))


@given(
    targets=st.lists(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]), min_size=2, max_size=2), min_size=1),
    held=st.lists(st.floats(-1, 1), min_size=2, max_size=2),
    weight=st.floats(0.01, 1),
    profit=st.floats(-1, 1),
    since=st.none() | st.integers(0, 50),
)
def test_a_second_look_after_the_first_was_followed_asks_for_nothing_or_stays_flat(
    targets, held, weight, profit, since
):
    protection = Protection(stop_loss=0.1, take_profit=0.3)
    history = np.array(targets)
    terms = {"weight": weight, "protection": protection, "sessions_since_stop": since}
    first = choose(history, np.array(held), profit=profit, **terms)
    if first is None:
        return
    action, wanted = first
    terms["sessions_since_stop"] = 0 if action in ("stop", "take_profit") else since
    again = choose(history, wanted, profit=0.0, **terms)
    assert again is None


@pytest.mark.parametrize("profit", [-0.3, -0.1, 0.0, 0.1, 0.3])
def test_without_stops_no_profit_matters(profit):
    assert Protection().reached(profit) is None
