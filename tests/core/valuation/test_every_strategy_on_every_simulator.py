"""One strategy file runs unchanged on each source of paths, and cannot win where nothing can be won."""

import dataclasses
from datetime import UTC, date, datetime
from functools import cache

import numpy as np
import pytest

from benchmarks.order_parity import SETTINGS
from core.domain.market_path import MarketPath
from core.simulators.historical import replay_onto, rolling_windows, window
from core.simulators.stochastic import bootstrap, gbm
from core.strategies.loader import available, load
from core.testing.strategy_contract import random_history
from core.valuation.backtest import run
from core.valuation.expected_value import expected_value
from core.valuation.performance import performance_table
from core.valuation.terms import Costs

AS_OF = datetime(2014, 7, 31, tzinfo=UTC)
SHORT = {
    **SETTINGS,
    # A prediction of three assets on every day of the sources.
    "model_prediction": {
        "days": [float(day) for day in range(14_000, 21_000)],
        "scores": np.random.default_rng(3).normal(0.0, 0.01, 21_000).tolist(),
    },
}  # fmt: skip
# Events are no part of these sources: without them there is nothing to trade.
NAMES = [name for name in available() if name != "event_drift"]


def strategy_of(name):
    return load(name, SHORT.get(name))


def legs_of(strategy):
    return strategy.legs or 3


def history_of(assets, with_ranges=True):
    prices = random_history(31, assets, with_ranges=with_ranges)
    parts = {
        field: None if getattr(prices, field) is None else getattr(prices, field)[None]
        for field in ("close", "open", "high", "low", "volume")
    }
    return MarketPath(times=prices.times, assets=prices.assets, as_of=AS_OF, source="test", **parts)


@cache
def martingale(assets, paths=800, sessions=120, seed=12):
    model = gbm.GbmParameters.given(
        tuple("ABC"[:assets]),
        drift=np.full(assets, 0.3),
        volatility=np.linspace(0.15, 0.35, assets),
        correlation=0.5 * np.eye(assets) + 0.5,
    )
    start = np.full(assets, 40.0)
    return gbm.simulate(model, start, sessions=sessions, paths=paths, seed=seed, as_of=AS_OF, drift="zero")


@cache
def sources(assets):
    past = history_of(assets)
    last = past.close[0, -1]
    close = past.close[0]
    return {
        "historical": past,
        "window": window(past, date(2013, 1, 2), date(2014, 3, 31)),
        "replay": replay_onto(past, date(2013, 1, 2), date(2014, 3, 31), last, as_of=AS_OF),
        "windows": rolling_windows(past, last, sessions=200, as_of=AS_OF, step=60).path,
        "gbm": gbm.simulate(
            gbm.calibrate(close, past.assets), last, sessions=200, paths=4, seed=1, as_of=AS_OF, precision="float32"
        ),
        "bootstrap": bootstrap.simulate(
            bootstrap.calibrate(close, past.assets), last, sessions=200, paths=4, seed=1, as_of=AS_OF
        ),
    }


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_on_every_source_and_the_books_add_up(name):
    strategy = strategy_of(name)
    traded = 0
    for source, path in sources(legs_of(strategy)).items():
        result = run(strategy, path, costs=Costs(fee_bps=2, slippage_bps=3))
        assert result.equity.shape == path.close.shape[:2], source
        marked = result.cash + (result.shares * path.close).sum(axis=2)
        np.testing.assert_allclose(result.equity, marked, rtol=1e-9, err_msg=source)
        gained = result.equity[:, -1] - result.capital - result.contributions.sum(axis=1)
        by_trade = np.bincount(result.trades.path, weights=result.trades.pnl, minlength=path.paths)
        np.testing.assert_allclose(by_trade, gained, rtol=1e-9, atol=1e-6, err_msg=source)
        traded += len(result.fills.session)
    assert traded > 0


@pytest.mark.parametrize("name", NAMES)
def test_nobody_beats_a_martingale(name):
    # Optional stopping: where every price is a martingale and trading is free, expected profit is zero.
    strategy = strategy_of(name)
    result = run(strategy, martingale(legs_of(strategy)), record="equity")
    profit = result.equity[:, -1] - result.capital - result.contributions.sum(axis=1)
    found = expected_value(profit)
    assert found.standard_error > 0.0
    assert abs(found.mean) < 3.5 * found.standard_error


@pytest.mark.parametrize("name", NAMES)
def test_costs_are_what_a_martingale_takes(name):
    strategy = strategy_of(name)
    path = martingale(legs_of(strategy))
    result = run(strategy, path, costs=Costs(fee_bps=20, slippage_bps=10), record="equity")
    profit = result.equity[:, -1] - result.capital - result.contributions.sum(axis=1)
    spent = result.fees + result.slippage
    assert (spent >= 0.0).all()
    assert spent.sum() > 0.0
    found = expected_value(profit + spent)
    assert abs(found.mean) < 3.5 * found.standard_error


@pytest.mark.parametrize("name", NAMES)
def test_what_comes_later_changes_neither_equity_nor_positions(name):
    strategy = strategy_of(name)
    path = history_of(legs_of(strategy))
    known = 400
    generator = np.random.default_rng(6)
    changed = {}
    for field in ("close", "open", "high", "low", "volume"):
        values = getattr(path, field).copy()
        values[:, known:] *= generator.uniform(0.5, 2.0, values[:, known:].shape)
        changed[field] = values
    ours, theirs = run(strategy, path), run(strategy, dataclasses.replace(path, **changed))
    np.testing.assert_array_equal(ours.equity[:, :known], theirs.equity[:, :known])
    np.testing.assert_array_equal(ours.shares[:, :known], theirs.shares[:, :known])


@pytest.mark.parametrize("name", NAMES)
def test_a_path_does_not_know_its_neighbours(name):
    strategy = strategy_of(name)
    path = martingale(legs_of(strategy), paths=6, sessions=150)
    whole = run(strategy, path)
    for index in (0, 3, 5):
        alone = run(strategy, dataclasses.replace(path, close=path.close[index : index + 1]))
        np.testing.assert_array_equal(alone.equity[0], whole.equity[index])
        assert alone.fees[0] == whole.fees[index]
        assert len(alone.trades) == (whole.trades.path == index).sum()


def test_statistics_of_many_paths_come_from_one_call():
    path = martingale(1, paths=200)
    result = run(strategy_of("sma_crossover"), path, record="equity")
    table = performance_table(result.returns)
    assert table["sharpe"].shape == (200,)
    errors = np.nanstd(table["sharpe"], ddof=1) / np.sqrt(np.isfinite(table["sharpe"]).sum())
    assert abs(np.nanmean(table["sharpe"])) < 4.0 * errors
