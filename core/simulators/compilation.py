"""Compile the numeric kernels ahead of their first use."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np

from core.domain.market_path import FloatArray, MarketPath
from core.indicators.catalogue import INDICATORS, compute
from core.ports.strategy import Strategy
from core.simulators.stochastic import gbm
from core.simulators.stochastic.catalogue import MODELS, calibrate
from core.simulators.stochastic.engine import simulate
from core.simulators.summary import book_values, summarise
from core.valuation.backtest import run
from core.valuation.performance import performance
from core.valuation.relative import relative_performance
from core.valuation.terms import Costs

_SESSIONS = 90


def compile_kernels(strategies: Iterable[Strategy] = ()) -> None:
    """Run every kernel once on tiny inputs, so that the first question does not wait for a compiler.

    Covers simulation, its summary, the backtest with its trades, performance, every indicator and the kernels
    of the given strategies. The results are thrown away. Takes seconds the first time on a
    machine and a fraction of one later, because kernels are cached on disk; it holds no lock, so a thread
    may run it.
    """
    path = _tiny_market(3)
    summarise(book_values(path, dict.fromkeys(path.assets, 1.0)), path.times)
    close = path.close[0]
    _simulate_every_model(close, path.assets, path.as_of)
    for strategy in strategies:
        legs = path.assets if strategy.legs is None else path.assets[: strategy.legs]
        _run(strategy, _columns(path, legs))
    price = close[:, 0]
    fields = {"open": price, "high": price * 1.01, "low": price * 0.99, "close": price, "volume": price * 1e3}
    for name in INDICATORS:
        compute(name, {field: np.ascontiguousarray(values) for field, values in fields.items()})


def _tiny_market(assets: int) -> MarketPath:
    names = tuple(f"ASSET{index}" for index in range(assets))
    model = gbm.GbmParameters.given(names, drift=np.zeros(assets), volatility=np.full(assets, 0.2))
    return gbm.simulate(
        model,
        np.full(assets, 100.0),
        sessions=_SESSIONS,
        paths=2,
        seed=1,
        as_of=datetime(2020, 1, 1, tzinfo=UTC),
    )


def _simulate_every_model(close: FloatArray, assets: tuple[str, ...], as_of: datetime) -> None:
    # One asset: kernels take any number of them, and estimates are what takes the time.
    longer = np.tile(close[:, :1], (6, 1))
    for model in MODELS:
        parameters = calibrate(model, longer, assets[:1])
        simulate(parameters, close[-1, :1], sessions=2, paths=2, seed=1, as_of=as_of)


def _columns(path: MarketPath, assets: tuple[str, ...]) -> MarketPath:
    close = np.ascontiguousarray(path.close[..., : len(assets)])
    return MarketPath(close=close, open=close, times=path.times, assets=assets, as_of=path.as_of, source=path.source)


def _run(strategy: Strategy, path: MarketPath) -> None:
    costs = Costs(fee_bps=1.0, slippage_bps=1.0)
    for record in ("all", "equity"):
        result = run(strategy, path, costs=costs, record=record)
        performance(result.returns[0])
        relative_performance(result.returns[0], result.returns[0])
