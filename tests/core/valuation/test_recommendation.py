"""Read targets, name steps and score decisions against figures worked out by hand and identities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.errors import InvalidInput
from core.valuation.recommendation import (
    action_of,
    brier_score,
    carried,
    past_returns,
    sessions_unchanged,
    standing_targets,
    trade_return,
)

NAN = float("nan")


def column(*values: float) -> np.ndarray:
    """Return one asset's values as (time, 1)."""
    return np.array(values, dtype=np.float64)[:, None]


def test_a_decision_stands_until_the_next_and_nothing_stands_before_the_first():
    assert standing_targets(column(NAN, 0.5, NAN, NAN, 0.0, NAN)).ravel().tolist() == [0, 0.5, 0.5, 0.5, 0, 0]


@given(arrays(np.float64, (12, 3), elements=st.one_of(st.just(NAN), st.floats(-1, 1))), st.integers(1, 11))
def test_later_decisions_change_no_earlier_target(weights, cut):
    whole = standing_targets(weights)
    assert np.array_equal(whole[:cut], standing_targets(weights[:cut]))
    decided = np.isfinite(weights)
    assert np.array_equal(whole[decided], weights[decided])


@pytest.mark.parametrize(
    ("before", "after", "action"),
    [
        ([0.0, 0.0], [0.0, 0.0], None),
        ([0.0, 0.0], [0.5, -0.5], "entry"),
        ([0.5, -0.5], [0.0, 0.0], "exit"),
        ([0.5, -0.5], [-0.5, 0.5], "entry"),
        ([0.5, -0.5], [0.4, -0.6], "rebalance"),
        ([0.5, 0.0], [0.5, 0.5], "entry"),
        ([0.5, 0.5], [0.5, 0.0], "rebalance"),
    ],
)
def test_a_step_is_named_by_the_sides_it_opens_and_leaves(before, after, action):
    assert action_of(np.array(before), np.array(after)) == action


def test_a_trade_returns_what_its_legs_made_per_unit_traded():
    # Half a unit long from 100 to 110 and half short from 50 to 45: both legs made ten percent.
    change, first, last = np.array([0.5, -0.5]), np.array([100.0, 50.0]), np.array([110.0, 45.0])
    assert trade_return(change, first, last) == pytest.approx(0.10)
    assert trade_return(change, first, last, cost=0.001) == pytest.approx(0.098)
    assert trade_return(-change, first, last) == pytest.approx(-0.10)
    assert np.isnan(trade_return(np.zeros(2), first, last))


@given(
    arrays(np.float64, 3, elements=st.floats(-1, 1)),
    arrays(np.float64, 3, elements=st.floats(1, 100)),
    arrays(np.float64, 3, elements=st.floats(1, 100)),
    st.floats(0.1, 10),
)
def test_its_size_changes_no_return_and_its_direction_turns_it(change, first, last, scale):
    change = np.where(np.abs(change) < 1e-6, 0.5, change)
    made = trade_return(change, first, last)
    assert trade_return(change * scale, first, last) == pytest.approx(made, abs=1e-9)
    assert trade_return(-change, first, last) == pytest.approx(-made, abs=1e-9)


def test_past_entries_and_exits_are_measured_over_the_horizon_and_only_when_it_has_passed():
    targets = column(0, 1, 1, 0, 0, 1, 1, 0)
    close = column(10, 20, 22, 33, 30, 40, 50, 60)
    # Entries after sessions 1 and 5: 20 to 33 and 40 to 60 in two sessions.
    entries = past_returns(targets, close, "entry", horizon=2)
    assert entries.tolist() == pytest.approx([33 / 20 - 1, 60 / 40 - 1])
    # The exit after session 3 gave 33 to 40 away; that of session 7 has no horizon behind it.
    exits = past_returns(targets, close, "exit", horizon=2)
    assert exits.tolist() == pytest.approx([-(40 / 33 - 1)])
    assert past_returns(targets, close, "stop", horizon=2).tolist() == exits.tolist()
    assert past_returns(targets, close, "rebalance", horizon=2).tolist() == []
    assert past_returns(targets, close, "entry", horizon=3).tolist() == pytest.approx([30 / 20 - 1])
    with pytest.raises(InvalidInput):
        past_returns(targets, close, "entry", horizon=0)


def test_what_is_not_known_yet_changes_no_figure_of_the_past():
    random = np.random.default_rng(7)
    targets = random.integers(-1, 2, (60, 2)).astype(np.float64)
    close = np.exp(random.normal(size=(60, 2)).cumsum(axis=0) / 50)
    known = past_returns(targets[:40], close[:40], "entry", horizon=5)
    assert past_returns(targets, close, "entry", horizon=5)[: len(known)].tolist() == known.tolist()


def test_a_session_without_trading_keeps_the_last_close():
    assert carried(column(NAN, 2, NAN, 3)).ravel()[1:].tolist() == [2, 2, 3]
    assert np.isnan(carried(column(NAN, 2))[0, 0])


@pytest.mark.parametrize(("values", "sessions"), [((0, 1, 0.5, 2), 3), ((1, 1, -1), 1), ((1, 1, 1), 3), ((0, 1, 0), 1)])
def test_sides_stand_since_they_last_changed(values, sessions):
    assert sessions_unchanged(column(*values)) == sessions


def test_the_brier_score_is_zero_for_certainty_that_was_right_and_a_quarter_for_a_coin():
    outcomes = np.array([0.1, -0.2, 0.3, -0.4])
    assert brier_score(np.array([1.0, 0.0, 1.0, 0.0]), outcomes) == 0.0
    assert brier_score(np.full(4, 0.5), outcomes) == 0.25
    assert np.isnan(brier_score(np.array([]), np.array([])))
