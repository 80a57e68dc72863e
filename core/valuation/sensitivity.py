"""Show how a backtest depends on delay and costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.domain.market_path import MarketPath
from core.ports.strategy import Strategy
from core.valuation.backtest import run
from core.valuation.performance import performance
from core.valuation.terms import Costs


@dataclass(frozen=True, slots=True, kw_only=True)
class SensitivityRow:
    """Hold the result of one variant: execution lag in sessions, costs, annual growth, Sharpe, worst loss."""

    execution_lag: int
    costs: Costs
    cagr: float
    sharpe: float
    max_drawdown: float


def delay_and_cost_sensitivity(
    strategy: Strategy,
    path: MarketPath,
    costs: Costs,
    *,
    lags: Sequence[int] = (1, 2, 3, 5),
    cost_multiples: Sequence[float] = (0.0, 1.0, 2.0, 4.0),
    skip_sessions: int = 0,
    **terms: Any,
) -> tuple[SensitivityRow, ...]:
    """Run the strategy on the first path with each lag at the given costs, then each cost multiple at the first.

    The first `skip_sessions` (warm-up) are traded but not measured. `terms` are the other terms of `run`.
    """
    variants = [(lag, costs) for lag in lags]
    for multiple in cost_multiples:
        scaled = costs.times(multiple)
        if (lags[0], scaled) not in variants:
            variants.append((lags[0], scaled))
    rows = []
    for lag, cost in variants:
        result = run(strategy, path, costs=cost, execution_lag=lag, record="equity", **terms)
        figures = performance(result.returns[0, skip_sessions:], sessions_per_year=path.sessions_per_year)
        rows.append(
            SensitivityRow(
                execution_lag=lag,
                costs=cost,
                cagr=figures.cagr,
                sharpe=figures.sharpe,
                max_drawdown=figures.max_drawdown,
            )
        )
    return tuple(rows)
