"""Calibrate a stochastic model to stored history and judge its fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from core.domain.facts import Chart, ChartSeries, Column, Frozen, Table, ToolResult
from tools._prices import Window, as_number, common_returns, read_prices
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.domain.market_path import FloatArray
    from core.simulators.stochastic.engine import Parameters
    from core.simulators.stochastic.estimate import ParameterEstimate
    from core.simulators.stochastic.goodness import Comparison

DOUBTFUL = 0.05


class CalibrateArguments(Frozen):
    """Ask for a calibration."""

    symbols: tuple[str, ...] = Field(min_length=1, max_length=10, description="Symbols or names.")
    model: Literal["gbm", "merton", "heston", "garch", "gjr", "bootstrap", "regime", "gaussian_copula", "t_copula"] = (
        Field(default="garch", description="The stochastic model.")
    )
    history_years: float = Field(default=10.0, ge=1, le=40, description="Years of history to calibrate on.")
    histories: int = Field(default=200, ge=50, le=2000, description="Simulated histories the fit is judged by.")
    seed: int | None = Field(default=None, ge=0, description="Seed of the random numbers; drawn and recorded if none.")


@tool(effect="compute", data="public", seeded=True)
def calibrate(context: ToolContext, arguments: CalibrateArguments) -> ToolResult:
    """Calibrate a stochastic model to history: parameters with standard errors and intervals, and a goodness of fit.

    The fit compares moments, autocorrelations of returns and their squares, tail indices and the whole distribution
    of history with histories of the same length simulated from the model. Parameters that daily returns cannot
    identify are named and fixed.
    """
    from datetime import timedelta

    from core.simulators.stochastic.catalogue import MODELS
    from core.simulators.stochastic.catalogue import calibrate as fit
    from core.simulators.stochastic.goodness import goodness_of_fit

    start = (context.as_of.known - timedelta(days=round(arguments.history_years * 365.25))).date()
    prices = read_prices(context, arguments.symbols, Window(start=start), "return")
    panel = prices.panel
    days, returns = common_returns(panel)
    parameters = fit(arguments.model, panel.close, panel.symbols, sessions_per_year=prices.sessions_per_year)
    seed = arguments.seed if arguments.seed is not None else context.seed
    compared = goodness_of_fit(parameters, panel.close, seed=seed, histories=arguments.histories, threads=2)
    context.fact("model", MODELS[arguments.model].title, "text")
    context.fact("sessions of history", len(returns), "count")
    for part in parameters.estimates:
        subject = f"{part.asset} " if part.asset else ""
        context.fact(f"{subject}{part.name}", part.value, part.unit)
        context.fact(f"{subject}{part.name} standard error", as_number(part.standard_error), part.unit)
    doubtful = [part for part in compared if part.p_value < DOUBTFUL]
    context.fact("statistics of history compared", len(compared), "count")
    context.fact("statistics of history the model does not explain", len(doubtful), "count")
    for strange in doubtful:
        context.fact(f"{strange.asset} {strange.statistic} p-value", strange.p_value, "ratio")
    return context.result(
        tables=[_parameters(parameters.estimates), _fit(compared)],
        charts=[_tails(context, returns[:, 0], parameters, seed)],
        sql=[panel.sql],
        sources=prices.sources(),
        notes=(
            *prices.remarks(),
            f"Fitted on {len(returns):,} common sessions from {days[0]} to {days[-1]}; judged by "
            f"{arguments.histories} simulated histories, seed {seed}, parameters taken as known. A p-value below "
            f"{DOUBTFUL} means that the model seldom produces what history shows.",
        ),
        details={"seed": seed, "model": arguments.model},
    )


def _parameters(estimates: Sequence[ParameterEstimate]) -> Table:
    columns = (
        Column(name="asset", unit="text"),
        Column(name="parameter", unit="text"),
        Column(name="value", unit="number"),
        Column(name="standard error", unit="number"),
        Column(name="lower 95 %", unit="number"),
        Column(name="upper 95 %", unit="number"),
        Column(name="remark", unit="text"),
    )
    rows = tuple(
        (part.asset or "all", part.name, part.value, as_number(part.standard_error), as_number(part.low),
         as_number(part.high), part.note)
        for part in estimates
    )  # fmt: skip
    return Table(name="parameters", title="Calibrated parameters", columns=columns, rows=rows)


def _fit(compared: Sequence[Comparison]) -> Table:
    columns = (
        Column(name="asset", unit="text"),
        Column(name="statistic", unit="text"),
        Column(name="history", unit="number"),
        Column(name="model median", unit="number"),
        Column(name="model 5 %", unit="number"),
        Column(name="model 95 %", unit="number"),
        Column(name="p-value", unit="number"),
    )
    rows = tuple(
        (part.asset, part.statistic, *(as_number(x) for x in (part.history, part.median, part.low, part.high,
         part.p_value)))
        for part in compared
    )  # fmt: skip
    return Table(name="goodness_of_fit", title="History beside simulated histories", columns=columns, rows=rows)


def _tails(context: ToolContext, returns: FloatArray, model: Parameters, seed: int) -> Chart:
    import numpy as np

    from core.simulators.stochastic.engine import simulate

    path = simulate(
        model, np.full(len(model.assets), 100.0), sessions=min(len(returns), 2520), paths=50, seed=seed,
        as_of=context.as_of.known,
    )  # fmt: skip
    drawn = np.diff(np.log(path.close[:, :, 0]), axis=1).ravel()
    levels = np.linspace(0.001, 0.999, 199)
    x, y = np.quantile(drawn, levels), np.quantile(np.log1p(returns), levels)
    return Chart(
        kind="line",
        title=f"Quantiles of daily log returns of {model.assets[0]}: history over model",
        series=(
            ChartSeries(name="quantiles", x=tuple(float(v) for v in x), y=tuple(float(v) for v in y)),
            ChartSeries(name="equal", x=tuple(float(v) for v in x), y=tuple(float(v) for v in x)),
        ),
        unit="ratio",
        x_title="model",
        y_title="history",
    )
