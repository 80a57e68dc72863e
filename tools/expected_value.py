"""Say what a strategy is worth under a simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from core.domain.facts import Chart, ChartSeries, Column, Table, ToolResult
from tools._prices import as_number
from tools._strategy import Prepared, StrategyArguments, prepare
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from core.domain.market_path import MarketPath
    from core.valuation.expected_value import SimulatedValue

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


class ExpectedValueArguments(StrategyArguments):
    """Ask what a strategy is expected to bring from today on."""

    model: Literal["bootstrap", "gbm"] = Field(
        default="bootstrap", description="bootstrap: blocks of real history; gbm: correlated geometric Brownian motion."
    )
    drift: Literal["historical", "zero"] = Field(default="historical", description="Keep the past's drift or none.")
    sessions: int = Field(default=126, ge=2, le=1260, description="Sessions ahead; 126 are about half a year.")
    paths: int = Field(default=1000, ge=100, le=20_000, description="Number of simulated paths.")
    seed: int | None = Field(default=None, ge=0, description="Seed of the random numbers; drawn and recorded if none.")


@tool(effect="compute", data="public", seeded=True)
def expected_value(context: ToolContext, arguments: ExpectedValueArguments) -> ToolResult:
    """Run a strategy over many simulated futures, from its position today, net of costs.

    Reports the expected value with its standard error, the probability of profit, expected value per unit of risk,
    trades and how long they are held. The simulator is calibrated on the period's history.
    """
    import numpy as np

    from core.valuation.backtest import run
    from core.valuation.continuation import Continued, join
    from core.valuation.expected_value import simulated_value

    prepared = prepare(context, arguments)
    seed = arguments.seed if arguments.seed is not None else context.seed
    past = max(prepared.strategy.warmup_sessions + 1, 2)
    if len(prepared.path.times) <= past:
        from core.errors import NoData

        raise NoData(f"The strategy warms up over {past} sessions, and the period has {len(prepared.path.times)}.")
    # Three times the warm-up lets smoothed indicators and open positions settle.
    past = min(3 * past + 60, len(prepared.path.times))
    future = _future(prepared, arguments, seed, context)
    joined = join(prepared.path, future, past)
    past = len(joined.times) - len(future.times)
    follow: Any = Continued(inner=prepared.strategy, past=past)
    result = run(follow, joined, capital=100_000.0, **prepared.terms)
    trades = result.trades
    assert trades is not None
    closed = ~trades.open
    found = simulated_value(
        result.equity[:, -1] / result.capital - 1.0,
        trades.path[closed],
        trades.return_ratio[closed],
        (trades.exit - trades.entry)[closed].astype(np.float64),
    )
    _state(context, arguments, found, seed)
    rows = tuple((level, as_number(np.quantile(found.outcomes, level))) for level in QUANTILES)
    columns = (Column(name="probability of less", unit="ratio"), Column(name="return", unit="ratio"))
    holding = Table(
        name="holding",
        title="Sessions that closed trades were held",
        columns=(Column(name="share of trades", unit="ratio"), Column(name="sessions or fewer", unit="number")),
        rows=tuple(
            (level, as_number(value)) for level, value in zip((0.05, 0.25, 0.5, 0.75, 0.95), found.holding, strict=True)
        ),
    )
    picture = Chart(
        kind="histogram",
        title=f"Return after {arguments.sessions} sessions",
        series=(ChartSeries(name="paths", x=(), y=tuple(float(value) for value in found.outcomes)),),
        unit="ratio",
    )
    return context.result(
        tables=[Table(name="outcomes", title="Distribution of the return", columns=columns, rows=rows), holding],
        charts=[picture],
        sql=[prepared.prices.panel.sql],
        sources=prepared.prices.sources(),
        notes=(
            *prepared.prices.remarks(),
            prepared.fill_note(),
            *prepared.stop_note(),
            f"{arguments.paths:,} paths of {future.source.replace('_', ' ')} with {arguments.drift} drift, seed "
            f"{seed}, calibrated on {len(prepared.path.times):,} sessions; the strategy starts flat and takes up its "
            "position of today. What the model does not know (regimes, gaps, events) is not in these figures.",
        ),
        details={"seed": seed, "model": arguments.model, "strategy": arguments.strategy},
    )


def _future(prepared: Prepared, arguments: ExpectedValueArguments, seed: int, context: ToolContext) -> MarketPath:
    from importlib import import_module

    import numpy as np

    path = prepared.path
    close = np.asarray(path.close[0], dtype=np.float64)
    close = close[np.isfinite(close).all(axis=1)]
    model: Any = import_module(f"core.simulators.stochastic.{arguments.model}")
    parameters = model.calibrate(close, path.assets, sessions_per_year=path.sessions_per_year)
    future: MarketPath = model.simulate(
        parameters,
        close[-1],
        sessions=arguments.sessions,
        paths=arguments.paths,
        seed=seed,
        as_of=context.as_of.known,
        drift=arguments.drift,
        threads=2,
    )
    return future


def _state(context: ToolContext, arguments: ExpectedValueArguments, found: SimulatedValue, seed: int) -> None:
    context.fact("sessions ahead", arguments.sessions, "count")
    context.fact("paths", found.paths, "count")
    context.fact("expected return", found.mean.value, "ratio")
    context.fact("expected return standard error", found.mean.standard_error, "ratio")
    context.fact("standard deviation of the return", found.deviation, "ratio")
    context.fact("probability of profit", found.probability_of_profit.value, "ratio")
    context.fact("probability of profit standard error", found.probability_of_profit.standard_error, "ratio")
    context.fact("expected shortfall 95 %", found.expected_shortfall.value, "ratio")
    context.fact("expected shortfall standard error", found.expected_shortfall.standard_error, "ratio")
    context.fact("expected value per unit of risk", as_number(found.per_risk), "number")
    context.fact("trades per path", found.trades_per_path.value, "number")
    context.fact("expected value per trade", as_number(found.trade_mean.value), "ratio")
    context.fact("expected value per trade standard error", as_number(found.trade_mean.standard_error), "ratio")
    context.fact("median holding period", as_number(found.holding[2]), "days")
    context.fact("seed", seed, "count")
