import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ports.strategy import PriceHistory
from core.strategies.signal import FREQUENCIES, hold, on_change, per_asset, period_starts

DAYS = np.busday_offset(np.datetime64("2019-11-27"), np.arange(600), roll="forward")


@pytest.mark.parametrize(
    ("frequency", "code"), [("weekly", "W"), ("monthly", "M"), ("quarterly", "Q"), ("yearly", "Y")]
)
def test_period_starts_are_those_of_pandas(frequency, code):
    periods = pd.Series(pd.DatetimeIndex(DAYS)).dt.to_period(code)
    expected = (periods != periods.shift()).to_numpy()
    np.testing.assert_array_equal(period_starts(DAYS, frequency), expected)


def test_every_day_starts_a_day_and_the_first_session_starts_everything():
    assert period_starts(DAYS, "daily").all()
    assert all(period_starts(DAYS[:1], frequency)[0] for frequency in FREQUENCIES)
    assert len(period_starts(DAYS[:0], "weekly")) == 0


def test_hold_by_hand():
    enter = np.array([0, 1, 0, 1, 0, 0, 1], dtype=bool)
    leave = np.array([0, 0, 0, 1, 0, 0, 0], dtype=bool)
    assert hold(enter, leave).tolist() == [0, 1, 1, 0, 0, 0, 1]


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=50))
def test_hold_equals_a_walk(pairs):
    expected, held = [], 0.0
    for enter, leave in pairs:
        held = 0.0 if leave else 1.0 if enter else held
        expected.append(held)
    enter = np.array([pair[0] for pair in pairs], dtype=bool)
    leave = np.array([pair[1] for pair in pairs], dtype=bool)
    assert hold(enter, leave).tolist() == expected


@given(st.lists(st.sampled_from([0.0, 0.5, -1.0, float("nan")]), max_size=40))
def test_changes_rebuild_the_target(values):
    target = np.array(values)[:, None]
    changes = on_change(target)
    rebuilt = pd.Series(changes[:, 0]).ffill().to_numpy()
    expected = pd.Series(target[:, 0]).ffill().to_numpy()
    np.testing.assert_array_equal(rebuilt, expected)
    moves = changes[np.isfinite(changes)]
    assert (moves[1:] != moves[:-1]).all()


def test_per_asset_sees_traded_sessions_only():
    close = np.array([[1.0, 5.0], [np.nan, 6.0], [3.0, np.nan]])
    history = PriceHistory(close=close, times=DAYS[:3], assets=("A", "B"))
    seen = []

    def decide(part):
        seen.append(part.tolist())
        return part * 10.0

    out = per_asset(history, decide)
    assert seen == [[1.0, 3.0], [5.0, 6.0]]
    np.testing.assert_array_equal(out, close * 10.0)
