"""Sweeps of any strategy, in chunks, equal the backtests they stand for."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import numpy as np
import pytest

from core.domain.market_path import MarketPath
from core.errors import InvalidInput
from core.strategies.sma_crossover import SmaCrossover
from core.testing.strategy_contract import random_history
from core.valuation.backtest import run
from core.valuation.performance import performance
from core.valuation.sweep import grid, sweep
from core.valuation.terms import Costs


@pytest.fixture(scope="module")
def path():
    prices = random_history(2, 2)
    return MarketPath(
        close=prices.close[None], times=prices.times, assets=prices.assets, as_of=datetime(2015, 1, 1, tzinfo=UTC),
        source="drawn",
    )  # fmt: skip


def test_a_grid_is_every_combination():
    found = grid("sma_crossover", {"allow_short": True}, {"fast": [2, 3], "slow": [10, 20, 30]})
    assert len(found) == 6
    assert found[1] == {"allow_short": True, "fast": 2, "slow": 20}
    with pytest.raises(InvalidInput, match="needs values"):
        grid("sma_crossover", {}, {"fast": []})
    with pytest.raises(InvalidInput, match="2,500"):
        grid("sma_crossover", {}, {"fast": range(60), "slow": range(60)})


def test_each_variant_is_its_backtest_and_threads_change_nothing(path):
    sets = grid("sma_crossover", {}, {"fast": [3, 5], "slow": [12, 20]})
    variants = [lambda given=given: SmaCrossover(**given) for given in sets]
    found = sweep(variants, path, skip_sessions=50, costs=Costs(fee_bps=5))
    with ThreadPoolExecutor(3) as pool:
        other = sweep(variants, path, skip_sessions=50, costs=Costs(fee_bps=5), chunks=pool)
    np.testing.assert_array_equal(found.returns, other.returns)
    for index, given in enumerate(sets):
        returns = run(SmaCrossover(**given), path, costs=Costs(fee_bps=5)).returns[0, 50:]
        figures = performance(returns)
        np.testing.assert_array_equal(found.returns[:, index], returns)
        assert found.sharpe[index] == pytest.approx(figures.sharpe)
        assert found.cagr[index] == pytest.approx(figures.cagr)
        assert found.max_drawdown[index] == pytest.approx(figures.max_drawdown)


def test_a_variant_that_is_not_valid_fails_alone(path):
    found = sweep([lambda: SmaCrossover(fast=30, slow=20), lambda: SmaCrossover(fast=3, slow=20)], path)
    assert list(found.failed) == [0]
    assert "fast is 30" in found.failed[0]
    assert np.isnan(found.sharpe[0])
    assert np.isfinite(found.sharpe[1])
