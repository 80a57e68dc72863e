from datetime import UTC, datetime

import pytest

from core.domain.market_path import MarketPath
from core.strategies.sma_crossover import SmaCrossover
from core.testing.strategy_contract import random_history
from core.valuation.backtest import run
from core.valuation.performance import performance
from core.valuation.sensitivity import delay_and_cost_sensitivity
from core.valuation.terms import Costs


def test_rows_are_the_backtests_they_name():
    history = random_history(3, 1)
    path = MarketPath(
        close=history.close[None],
        times=history.times,
        assets=("A",),
        as_of=datetime(2020, 1, 1, tzinfo=UTC),
        source="t",
    )
    strategy, costs = SmaCrossover(fast=5, slow=20), Costs(fee_bps=5, slippage_bps=3)
    rows = delay_and_cost_sensitivity(strategy, path, costs, lags=(1, 2), cost_multiples=(0.0, 1.0, 4.0))
    assert [(row.execution_lag, row.costs.fee_bps) for row in rows] == [(1, 5), (2, 5), (1, 0), (1, 20)]
    for row in rows:
        result = run(strategy, path, costs=row.costs, execution_lag=row.execution_lag)
        assert row.sharpe == pytest.approx(performance(result.returns[0]).sharpe)
    at_lag_one = sorted((row.costs.fee_bps, row.cagr) for row in rows if row.execution_lag == 1)
    assert [cagr for _, cagr in at_lag_one] == sorted((cagr for _, cagr in at_lag_one), reverse=True)
