import numpy as np
import pytest
import talib

from core.errors import InvalidInput
from core.risk.stops import (
    atr_stop,
    fixed_stop,
    spread_stop,
    stopped_out,
    time_stop,
    trailing_stop,
    volatility_stop,
)
from core.testing.strategy_contract import random_history


def test_fixed():
    assert fixed_stop(50.0, loss=0.1) == pytest.approx(45.0)
    assert fixed_stop(50.0, loss=0.1, side="short") == pytest.approx(55.0)


def test_trailing_never_moves_against_the_position():
    close = random_history(2, 1).close[:, 0]
    long, short = trailing_stop(close, loss=0.08), trailing_stop(close, loss=0.08, side="short")
    np.testing.assert_allclose(long, np.maximum.accumulate(close) * 0.92)
    np.testing.assert_allclose(short, np.minimum.accumulate(close) * 1.08)
    assert (np.diff(long) >= 0).all()
    assert (np.diff(short) <= 0).all()


def test_chandelier_equals_talib():
    history = random_history(2, 1)
    high, low, close = history.high[:, 0], history.low[:, 0], history.close[:, 0]
    expected = talib.MAX(high, 14) - 3.0 * talib.ATR(high, low, close, 14)
    np.testing.assert_allclose(atr_stop(high, low, close), expected, rtol=1e-9)
    expected = talib.MIN(low, 14) + 3.0 * talib.ATR(high, low, close, 14)
    np.testing.assert_allclose(atr_stop(high, low, close, side="short"), expected, rtol=1e-9)


def test_the_first_touch_after_the_stop_was_set():
    low, high = np.array([9.0, 10.0, 8.9, 7.0]), np.array([11.0, 11.0, 10.0, 9.0])
    stop = np.array([9.5, 9.5, 9.5, 9.5])
    assert stopped_out(low, high, stop) == 2
    assert stopped_out(low, high, np.full(4, 5.0)) is None
    assert stopped_out(low, high, np.full(4, 10.5), side="short") == 1
    assert stopped_out(low, high, np.full(4, np.nan)) is None


def test_bad_inputs():
    with pytest.raises(InvalidInput, match="loss is 8"):
        fixed_stop(50.0, loss=8)
    with pytest.raises(InvalidInput, match="side is 'up'"):
        trailing_stop(np.ones(3), loss=0.1, side="up")
    with pytest.raises(InvalidInput, match="ranges 0"):
        atr_stop(np.ones(30), np.ones(30), np.ones(30), ranges=0)


def test_volatility_stop_trails_the_best_close_by_its_deviation():
    close = 100.0 * np.cumprod(1.0 + np.random.default_rng(4).normal(0.001, 0.01, 120))
    found = volatility_stop(close, deviations=2.5, window=20)
    deviation = np.diff(np.log(close))[-20:].std(ddof=1)
    assert found[-1] == pytest.approx(close.max() * (1 - 2.5 * deviation), rel=1e-9)
    short = volatility_stop(close, deviations=2.5, window=20, side="short")
    assert short[-1] == pytest.approx(close.min() * (1 + 2.5 * deviation), rel=1e-9)
    assert np.isnan(found[:20]).all()


def test_time_stop_marks_from_the_longest_session_on():
    assert time_stop(5, longest=3).tolist() == [False, False, False, True, True]
    with pytest.raises(InvalidInput, match="longest"):
        time_stop(5, longest=0)


def test_spread_stop_is_farther_out_on_the_side_of_the_entry():
    scores = np.array([2.1, 2.8, np.nan, 3.6, 1.0])
    assert spread_stop(scores, entry_zscore=2.0, stop_zscore=3.5) == 3
    assert spread_stop(-scores, entry_zscore=-2.0, stop_zscore=-3.5) == 3
    assert spread_stop(scores, entry_zscore=2.0, stop_zscore=4.0) is None
    for stop in (1.5, -3.5):
        with pytest.raises(InvalidInput, match="farther out"):
            spread_stop(scores, entry_zscore=2.0, stop_zscore=stop)
