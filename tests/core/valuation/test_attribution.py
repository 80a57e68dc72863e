"""Profit by leg, factor and year adds up to the profit."""

from datetime import UTC, datetime

import numpy as np
import pytest

from core.domain.market_path import MarketPath
from core.errors import InvalidInput
from core.strategies.buy_and_hold import BuyAndHold
from core.strategies.pair import Pair
from core.strategies.sma_crossover import SmaCrossover
from core.testing.strategy_contract import random_history
from core.valuation.attribution import by_factor, by_leg, by_year
from core.valuation.backtest import run
from core.valuation.terms import Costs, Stops


def drawn(assets, seed=1):
    prices = random_history(seed, assets)
    parts = {name: getattr(prices, name)[None] for name in ("close", "open", "high", "low")}
    return MarketPath(
        times=prices.times, assets=prices.assets, as_of=datetime(2015, 1, 1, tzinfo=UTC), source="drawn", **parts
    )


@pytest.mark.parametrize("rule", [SmaCrossover(fast=5, slow=20, allow_short=True), Pair(window=30, entry_z=1.0)])
@pytest.mark.parametrize("skip", [0, 100])
def test_legs_years_and_factor_add_up(rule, skip):
    path = drawn(2)
    costs = Costs(fee_bps=10, slippage_bps=5, borrow_bps=100)
    result = run(rule, path, costs=costs, stops=Stops(loss=0.03))
    before = result.equity[0, skip - 1] if skip else result.capital
    gained = result.equity[0, -1] - before
    legs = by_leg(result, path, skip_sessions=skip)
    if skip == 0:
        assert legs.gross.sum() - legs.costs.sum() - result.borrow[0] == pytest.approx(gained, abs=1e-6)
        assert legs.costs.sum() == pytest.approx(result.fees[0] + result.slippage[0], rel=1e-9)
    assert sum(profit for _, profit, _ in by_year(result, skip_sessions=skip)) == pytest.approx(gained, abs=1e-6)
    factor = by_factor(result, path, skip_sessions=skip)
    assert factor.market + factor.rest == pytest.approx(gained, abs=1e-6)


def test_holding_the_average_is_the_average():
    path = drawn(1)
    result = run(BuyAndHold(), path)
    factor = by_factor(result, path, skip_sessions=2)
    assert factor.beta == pytest.approx(1.0)
    assert factor.rest == pytest.approx(0.0, abs=1e-6)


def test_years_compound_to_the_whole():
    path = drawn(2)
    result = run(BuyAndHold(), path)
    growth = np.prod([1.0 + ratio for _, _, ratio in by_year(result)])
    assert growth == pytest.approx(result.equity[0, -1] / result.capital)
    assert [year for year, _, _ in by_year(result)] == [2012, 2013, 2014]


def test_without_fills_there_are_no_legs():
    path = drawn(1)
    with pytest.raises(InvalidInput, match="fills"):
        by_leg(run(BuyAndHold(), path, record="equity"), path)
