"""Rotation through a basket."""

import dataclasses

import numpy as np
import pytest

from core.errors import InvalidInput
from core.ports.strategy import PriceHistory
from core.strategies.rotation import Rotation
from core.testing.strategy_contract import StrategyContract, random_history


class TestRotation(StrategyContract):
    assets = 6

    def strategy(self):
        return Rotation(lookback=63, top=2)


class TestByInverseVolatility(StrategyContract):
    assets = 5

    def strategy(self):
        return Rotation(lookback=40, top=2, rank_by="return_per_risk", weighting="inverse_volatility", need_gain=True)


def test_the_best_are_held_on_each_review_by_pandas():
    import pandas

    prices = random_history(3, 6)
    weights = Rotation(lookback=63, top=2, buffer=0).weights(prices)
    gain = pandas.DataFrame(prices.close).pct_change(63).to_numpy()
    decided = np.flatnonzero(np.isfinite(weights).any(axis=1))
    assert len(decided) >= 20
    for t in decided:
        best = np.argsort(-gain[t])[:2]
        assert weights[t, best].tolist() == [0.5, 0.5]
        assert weights[t].sum() == pytest.approx(1.0)
    months = prices.times[decided].astype("datetime64[M]")
    assert len(np.unique(months)) == len(decided)


def test_a_buffer_trades_less():
    prices = random_history(3, 8)
    plain, buffered = (Rotation(lookback=63, top=3, buffer=n).weights(prices) for n in (0, 3))

    def turnover(weights):
        rows = weights[np.isfinite(weights).any(axis=1)]
        return np.abs(np.diff(rows, axis=0)).sum()

    assert turnover(buffered) < 0.8 * turnover(plain)


def test_calm_members_weigh_more():
    prices = random_history(1, 3)
    loud = dataclasses.replace(prices, close=prices.close ** np.array([1.0, 2.0, 3.0]))
    row = Rotation(lookback=100, top=2, rank_by="low_volatility", weighting="inverse_volatility").weights(loud)
    last = row[np.isfinite(row).any(axis=1)][-1]
    assert last[0] > last[1] > 0.0 == last[2]
    assert last.sum() == pytest.approx(1.0)
    assert last[0] == pytest.approx(2.0 / 3.0, abs=0.03)


def test_cash_replaces_losers():
    times = np.busday_offset(np.datetime64("2020-01-01"), np.arange(200), roll="forward")
    close = np.stack((np.linspace(100, 50, 200), np.linspace(100, 150, 200), np.linspace(100, 60, 200)), axis=1)
    prices = PriceHistory(close=close, times=times, assets=("A", "B", "C"))
    row = Rotation(lookback=20, top=2, need_gain=True).weights(prices)
    assert row[np.isfinite(row).any(axis=1)][-1].tolist() == [0.0, 0.5, 0.0]


def test_too_small_a_basket_is_held_whole():
    weights = Rotation(top=3, lookback=20).weights(random_history(1, 2))
    assert (weights[np.isfinite(weights)] == 0.5).all()


def test_a_skip_leaves_something_to_measure():
    with pytest.raises(InvalidInput, match="skip is 20"):
        Rotation(lookback=20, skip=20)
