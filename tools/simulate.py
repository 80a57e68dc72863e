"""Simulate the future of a book."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from core.domain.facts import Chart, ChartSeries, Column, Table, ToolResult
from tools._book import Book, Target, read_book
from tools._prices import thin
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from core.domain.market_path import MarketPath
    from core.simulators.summary import SimulationSummary

HISTORY_YEARS = 5.0
# Of the calibration, what a short answer says; the tool `calibrate` tells all.
_TOLD = (
    "volatility", "calm volatility", "turbulent volatility", "jumps per year", "mean block length", "beta",
    "long-run variance", "degrees of freedom",
)  # fmt: skip


class SimulateArguments(Target):
    """Ask for simulated futures."""

    model: Literal["gbm", "merton", "heston", "garch", "gjr", "bootstrap", "regime", "gaussian_copula", "t_copula"] = (
        Field(
            default="bootstrap",
            description="gbm: correlated geometric Brownian motion; merton: with jumps; heston: stochastic volatility; "
            "garch, gjr: filtered historical simulation; bootstrap: blocks of real history; regime: two-state Markov "
            "switching; gaussian_copula, t_copula: Student-t margins.",
        )
    )
    sessions: int = Field(default=63, ge=1, le=2520, description="Sessions ahead; 63 are about three months.")
    paths: int = Field(default=10_000, ge=100, le=200_000, description="Number of simulated paths.")
    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="Confidence of VaR, ES and the range.")
    drift: Literal["historical", "zero"] = Field(default="historical", description="Keep the past's drift or none.")
    history_years: float = Field(default=HISTORY_YEARS, ge=0.5, le=40, description="Years of history to calibrate on.")
    seed: int | None = Field(default=None, ge=0, description="Seed of the random numbers; drawn and recorded if none.")


@tool(effect="compute", data="public", seeded=True)
def simulate(context: ToolContext, arguments: SimulateArguments) -> ToolResult:
    """Simulate a portfolio or symbols forward: range of outcomes, probability of loss, VaR, ES, drawdown, fan chart.

    Positions are held fixed. Every estimate has a Monte Carlo standard error; the same seed gives the same paths.
    """
    from core.simulators.stochastic.catalogue import MODELS
    from core.simulators.summary import book_values, summarise

    book = read_book(context, arguments, years=arguments.history_years)
    path = _paths(context, arguments, book)
    # Rounded, so that 90 % confidence asks for 0.05 and not for 0.04999999999999999 beside it.
    tail, top = (round((1.0 + side * arguments.confidence) / 2.0, 12) for side in (-1, 1))
    levels = tuple(sorted({0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, tail, top}))
    summary = summarise(
        book_values(path, book.shares, cash=book.cash), path.times, confidence=arguments.confidence, levels=levels
    )
    _state(context, arguments, book, summary, (tail, top))
    rows = tuple(
        (level, estimate.value, estimate.standard_error, estimate.value / summary.start - 1.0)
        for level, estimate in sorted(summary.quantiles.items())
    )
    table = Table(
        name="quantiles",
        title=f"Value of {book.name} after {arguments.sessions} sessions",
        columns=(
            Column(name="probability of less", unit="ratio"),
            Column(name="value", unit="money", currency=book.currency),
            Column(name="standard error", unit="money", currency=book.currency),
            Column(name="change", unit="ratio"),
        ),
        rows=rows,
    )
    seed = arguments.seed if arguments.seed is not None else context.seed
    return context.result(
        tables=[table],
        charts=[_fan(book, summary)],
        sql=[book.prices.panel.sql],
        sources=book.prices.sources(),
        notes=(
            *book.prices.remarks(),
            f"{arguments.paths:,} paths of {MODELS[arguments.model].title}, seed {seed}, calibrated on "
            f"{arguments.history_years:g} years; {arguments.drift} drift; positions held fixed, no costs.",
        ),
        details={"seed": seed, "model": path.source},
    )


def _paths(context: ToolContext, arguments: SimulateArguments, book: Book) -> MarketPath:
    import numpy as np

    from core.simulators.stochastic.catalogue import calibrate
    from core.simulators.stochastic.engine import simulate as draw

    panel = book.prices.panel
    parameters = calibrate(arguments.model, panel.close, panel.symbols, sessions_per_year=book.prices.sessions_per_year)
    for part in parameters.estimates:
        if part.name in _TOLD:
            subject = f"{part.asset} calibrated " if part.asset else ""
            context.fact(f"{subject}{part.name}", part.value, part.unit)
    return draw(
        parameters,
        np.array([book.last[symbol] for symbol in panel.symbols]),
        sessions=arguments.sessions,
        paths=arguments.paths,
        seed=arguments.seed if arguments.seed is not None else context.seed,
        as_of=context.as_of.known,
        drift=arguments.drift,
        threads=2,
    )


def _state(
    context: ToolContext,
    arguments: SimulateArguments,
    book: Book,
    summary: SimulationSummary,
    ends: tuple[float, float],
) -> None:
    money = book.currency
    low, high = (summary.quantiles[level].value for level in ends)
    context.fact("start value", summary.start, "money", currency=money)
    context.fact("sessions ahead", arguments.sessions, "count")
    context.fact("paths", summary.paths, "count")
    context.fact("mean value", summary.mean.value, "money", currency=money)
    context.fact("mean value standard error", summary.mean.standard_error, "money", currency=money)
    context.fact("median value", summary.quantiles[0.5].value, "money", currency=money)
    context.fact("median change", summary.quantiles[0.5].value / summary.start - 1.0, "ratio")
    context.fact("confidence", arguments.confidence, "ratio")
    context.fact("lower end of the range", low, "money", currency=money)
    context.fact("upper end of the range", high, "money", currency=money)
    context.fact("probability of loss", summary.probability_of_loss.value, "ratio")
    context.fact("probability of loss standard error", summary.probability_of_loss.standard_error, "ratio")
    context.fact("value at risk", summary.value_at_risk.value, "money", currency=money)
    context.fact("value at risk standard error", summary.value_at_risk.standard_error, "money", currency=money)
    context.fact("expected shortfall", summary.expected_shortfall.value, "money", currency=money)
    context.fact("mean maximum drawdown", summary.mean_max_drawdown.value, "ratio")


def _fan(book: Book, summary: SimulationSummary) -> Chart:
    kept = thin(len(summary.times))
    days = tuple(str(summary.times[position]) for position in kept)
    levels = summary.fan_levels
    middle = levels.index(0.5)

    def row(index: int) -> tuple[float | None, ...]:
        return tuple(float(summary.fan[index, position]) for position in kept)

    bands = [
        ChartSeries(
            name=f"{levels[-1 - index] - levels[index]:.0%} of paths",
            x=days,
            y=row(middle),
            low=row(index),
            high=row(len(levels) - 1 - index),
        )
        for index in range(middle)
    ]
    return Chart(kind="fan", title=f"Simulated value of {book.name}", series=tuple(bands), unit="money")
