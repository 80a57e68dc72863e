"""Measure how instruments did over a period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from core.domain.facts import Chart, Column, Table, ToolResult, to_cell
from core.valuation.definitions import DEFINITIONS
from tools._prices import (
    Prices,
    Window,
    common_returns,
    correlation_heatmap,
    correlation_table,
    growth_chart,
    period_closes,
    read_performance_prices,
    rebased,
    simple_returns,
)
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from core.domain.kernel import Float64Array
    from core.domain.market_path import DayArray
    from core.domain.panel import Panel

_MAIN = (
    "total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown", "calmar", "var_95", "es_95", "best",
    "worst", "hit_rate",
)  # fmt: skip
# Statistic of core.valuation.performance, title, unit of the fact.
SHOWN = tuple((name, DEFINITIONS[name].title, DEFINITIONS[name].unit) for name in _MAIN)
# Positions in the series say nothing to a reader.
_POSITIONS = ("drawdown_peak", "drawdown_trough", "drawdown_recovery")


class PerformanceArguments(Window):
    """Ask how symbols did."""

    symbols: tuple[str, ...] = Field(min_length=1, max_length=30, description="Symbols or names.")
    benchmark: str | None = Field(default=None, description="Symbol to compare with (alpha, beta).")
    detail: Literal["main", "all"] = Field(
        default="main", description="all: every statistic, with confidence intervals by the stationary block bootstrap."
    )
    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="Confidence of the intervals.")
    resamples: int = Field(default=1000, ge=100, le=10_000, description="Histories drawn for the intervals.")


@tool(effect="compute", data="public", seeded=True)
def performance(context: ToolContext, arguments: PerformanceArguments) -> ToolResult:
    """Measure return, volatility, Sharpe ratio, drawdown and tail losses of symbols over a period, side by side.

    The return runs from the last close before the period to its last close. Annualised by 252 sessions (365 days
    for crypto); Sharpe ratio without a risk-free rate.
    """
    from core.valuation.performance import performance as measure

    asked = list(arguments.symbols) + ([arguments.benchmark] if arguments.benchmark else [])
    prices = read_performance_prices(context, asked, arguments)
    panel = prices.panel
    rows, lines = [], []
    for index, instrument in enumerate(prices.instruments):
        days, close = period_closes(panel, index, arguments.start)
        figures = measure(
            simple_returns(close), sessions_per_year=365 if instrument.calendar == "24x7" else 252
        ).as_dict()
        symbol = instrument.symbol
        context.fact(f"{symbol} measured from the close of", str(days[0]), "date")
        context.fact(f"{symbol} last session", str(days[-1]), "date")
        for name, title, unit in SHOWN:
            context.fact(f"{symbol} {title}", to_cell(figures[name]), unit)
        context.fact(f"{symbol} sessions", int(figures["sessions"]), "count")
        rows.append((symbol, str(days[0]), str(days[-1]), *(to_cell(figures[name]) for name, _, _ in SHOWN)))
        lines.append(rebased(symbol, days, close))
    tables = [
        Table(
            name="performance",
            title="Performance over the period",
            columns=(
                Column(name="symbol", unit="text"),
                Column(name="from the close of", unit="date"),
                Column(name="to the close of", unit="date"),
                *(Column(name=title, unit=unit) for _, title, unit in SHOWN),
            ),
            rows=tuple(rows),
        )
    ]
    charts = [growth_chart("Growth, start = 100", lines)]
    if len(prices.instruments) > 1:
        _add_comparison(context, arguments, prices.panel, prices.sessions_per_year, tables, charts)
    remarks = _add_intervals(context, arguments, prices, tables) if arguments.detail == "all" else ()
    crypto = {part.calendar == "24x7" for part in prices.instruments}
    yearly = [name for every_day, name in ((False, "252 sessions"), (True, "365 days")) if every_day in crypto]
    return context.result(
        tables=tables,
        charts=charts,
        sql=[panel.sql],
        sources=prices.sources(),
        notes=(
            *prices.remarks(),
            f"Annualised by {' and '.join(yearly)}; Sharpe ratio without a risk-free rate.",
            *remarks,
        ),
    )


def _add_intervals(
    context: ToolContext, arguments: PerformanceArguments, prices: Prices, tables: list[Table]
) -> tuple[str, ...]:
    """Add a table per symbol of every statistic with its interval, against the benchmark when one is named."""
    from core.valuation.bootstrap import confidence_intervals

    panel, against = prices.panel, None
    if arguments.benchmark:
        against = context.desk.instruments.find(arguments.benchmark).symbol
    percent = f"{arguments.confidence:.0%}"
    blocks = []
    for symbol in panel.symbols:
        if symbol == against:
            continue
        days, returns = _series(panel, [symbol, *([against] if against else [])], arguments)
        found = confidence_intervals(
            returns[:, 0],
            benchmark=returns[:, 1] if against else None,
            seed=context.seed,
            confidence=arguments.confidence,
            resamples=arguments.resamples,
            sessions_per_year=prices.sessions_per_year,
        )
        blocks.append(f"{symbol} {found.block_sessions:.1f}")
        rows = tuple(
            (
                DEFINITIONS[name].title,
                to_cell(part.estimate),
                to_cell(part.low),
                to_cell(part.high),
                DEFINITIONS[name].unit,
            )
            for name, part in found.by_statistic.items()
            if name not in _POSITIONS
        )
        sharpe = found.by_statistic["sharpe"]
        context.fact(f"{symbol} Sharpe ratio, low end at {percent}", to_cell(sharpe.low), "number")
        context.fact(f"{symbol} Sharpe ratio, high end at {percent}", to_cell(sharpe.high), "number")
        columns = (
            Column(name="statistic", unit="text"),
            Column(name="estimate", unit="number"),
            Column(name="low", unit="number", title=f"low end at {percent}"),
            Column(name="high", unit="number", title=f"high end at {percent}"),
            Column(name="unit", unit="text"),
        )
        title = f"Every statistic of {symbol}{f' against {against}' if against else ''}, {days[0]} to {days[-1]}"
        tables.append(Table(name=f"statistics_{symbol}", title=title, columns=columns, rows=rows))
    return (
        f"Intervals: stationary block bootstrap, {arguments.resamples:,} histories, seed {context.seed}, mean block in "
        f"sessions by Politis and White: {', '.join(blocks)}.",
    )


def _series(panel: Panel, symbols: list[str], arguments: PerformanceArguments) -> tuple[DayArray, Float64Array]:
    """Return the days and returns (time, symbols) of common sessions in the period."""
    import numpy as np

    columns = [panel.symbols.index(symbol) for symbol in symbols]
    close = np.asarray(panel.close[:, columns], dtype=np.float64)
    together = np.isfinite(close).all(axis=1)
    days, close = panel.sessions[together], close[together]
    returns = close[1:] / close[:-1] - 1.0
    inside = days[1:] >= np.datetime64(arguments.start) if arguments.start else np.ones(len(returns), dtype=bool)
    return days[1:][inside], returns[inside]


def _add_comparison(
    context: ToolContext,
    arguments: PerformanceArguments,
    panel: Panel,
    per_year: int,
    tables: list[Table],
    charts: list[Chart],
) -> None:
    import numpy as np

    from core.risk.correlation import correlation
    from core.valuation.relative import relative_performance

    days, returns = common_returns(panel)
    if arguments.start:
        returns = returns[days >= np.datetime64(arguments.start)]
    matrix = correlation(returns)
    tables.append(correlation_table(panel.symbols, matrix))
    if len(panel.symbols) > 2:
        charts.append(correlation_heatmap(panel.symbols, matrix))
    else:
        context.fact(f"{panel.symbols[0]}/{panel.symbols[1]} correlation", float(matrix[0, 1]), "number")
    if arguments.benchmark:
        against = context.desk.instruments.find(arguments.benchmark).symbol
        market = returns[:, panel.symbols.index(against)]
        for index, symbol in enumerate(panel.symbols):
            if symbol == against:
                continue
            relative = relative_performance(returns[:, index], market, sessions_per_year=per_year)
            context.fact(f"{symbol} beta to {against}", to_cell(relative.beta), "number")
            context.fact(f"{symbol} annual alpha to {against}", to_cell(relative.alpha), "ratio")
            context.fact(f"{symbol} excess return over {against}", to_cell(relative.excess_return), "ratio")
