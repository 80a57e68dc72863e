from datetime import UTC, datetime

import numpy as np
import pytest

from core.domain.market_path import MarketPath
from core.errors import InvalidInput
from core.strategies.sma_crossover import SmaCrossover
from core.testing.strategy_contract import random_history
from core.valuation.backtest import run
from core.valuation.performance import performance
from core.valuation.sweep import sweep_crossovers
from core.valuation.terms import Costs

COSTS = Costs(fee_bps=10, slippage_bps=5)
PAIRS = [(5, 20), (10, 50), (20, 100), (50, 600)]


def test_every_cell_is_the_backtest_it_stands_for():
    history = random_history(4, 3)
    found = sweep_crossovers(history.close, PAIRS, costs=COSTS)
    for row, (fast, slow) in enumerate(PAIRS):
        for asset in range(3):
            path = MarketPath(
                close=history.close[None, :, asset : asset + 1], times=history.times, assets=("A",),
                as_of=datetime(2020, 1, 1, tzinfo=UTC), source="test",
            )  # fmt: skip
            result = run(SmaCrossover(fast=fast, slow=slow), path, costs=COSTS)
            figures = performance(result.returns[0])
            assert found.total_return[row, asset] == pytest.approx(figures.total_return, rel=1e-10, abs=1e-12)
            assert found.sharpe[row, asset] == pytest.approx(figures.sharpe, rel=1e-8, nan_ok=True)
            assert found.max_drawdown[row, asset] == pytest.approx(figures.max_drawdown, rel=1e-10, abs=1e-14)
            assert found.purchases[row, asset] == len(result.trades)


def test_threads_do_not_change_a_bit():
    close = random_history(4, 5).close
    one, two = sweep_crossovers(close, PAIRS, costs=COSTS), sweep_crossovers(close, PAIRS, costs=COSTS, threads=2)
    np.testing.assert_array_equal(one.sharpe, two.sharpe)
    np.testing.assert_array_equal(one.total_return, two.total_return)


def test_flat_prices_never_trade():
    found = sweep_crossovers(np.full((100, 1), 7.3), [(3, 10)], costs=COSTS)
    assert found.purchases[0, 0] == 0
    assert found.total_return[0, 0] == 0.0
    assert np.isnan(found.sharpe[0, 0])


def test_bad_inputs():
    close = random_history(4, 1).close
    with pytest.raises(InvalidInput, match=r"pair \(20, 5\) does not fit"):
        sweep_crossovers(close, [(20, 5)])
    with pytest.raises(InvalidInput, match="at least one pair"):
        sweep_crossovers(close, [])
    close[5] = np.nan
    with pytest.raises(InvalidInput, match="without gaps"):
        sweep_crossovers(close, [(5, 20)])
