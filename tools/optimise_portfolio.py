"""Construct a portfolio."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from core.domain.facts import Cell, Chart, ChartSeries, Column, Frozen, Table, ToolResult, to_cell
from core.errors import InvalidInput
from tools._prices import Window, common_returns, growth_chart, read_prices, rebased
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from core.domain.kernel import Float64Array

Method = Literal[
    "minimum_variance", "equal_risk", "minimum_cvar", "hierarchical_risk_parity", "black_litterman", "equal_weight"
]
TITLES: dict[Method, str] = {
    "minimum_variance": "minimum variance",
    "equal_risk": "equal risk contribution",
    "minimum_cvar": "minimum CVaR",
    "hierarchical_risk_parity": "hierarchical risk parity",
    "black_litterman": "Black-Litterman",
    "equal_weight": "equal weight",
}


class OptimisePortfolioArguments(Frozen):
    """Ask for weights."""

    symbols: tuple[str, ...] = Field(min_length=2, max_length=60, description="Symbols or names.")
    method: Method = Field(default="minimum_variance", description="How the weights are found.")
    history_years: float = Field(default=3.0, ge=0.25, le=40, description="Years of history the risk is estimated on.")
    max_weight: float = Field(default=1.0, gt=0, le=1, description="Largest weight of one symbol.")
    covariance: Literal["shrunk", "sample", "ewma"] = Field(
        default="shrunk", description="How the covariance is estimated; shrunk is Ledoit and Wolf's."
    )
    views: dict[str, float] = Field(
        default_factory=dict,
        description="black_litterman: expected annual return of symbols (ratios), or of one over another as 'A-B'.",
    )
    view_confidence: float = Field(default=0.5, gt=0, le=1, description="black_litterman: 1 is certain.")
    risk_aversion: float = Field(default=2.5, gt=0, le=50, description="black_litterman: price of variance.")
    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="minimum_cvar: confidence of the CVaR.")
    value: float | None = Field(default=None, gt=0, description="Money to invest; split by weight when stated.")


@tool(effect="compute", data="public")
def optimise_portfolio(context: ToolContext, arguments: OptimisePortfolioArguments) -> ToolResult:
    """Find long-only weights: minimum variance, equal risk, minimum CVaR, hierarchical risk parity, Black-Litterman.

    Estimated on the history known as of the call; shows each symbol's share of the risk and the figures of equal
    weights beside. The figures are in-sample: how the weights would have done had they been known.
    """
    import numpy as np

    from core.risk.allocation import risk_contributions
    from core.valuation.performance import performance

    start = (context.as_of.known - timedelta(days=round(arguments.history_years * 365.25))).date()
    prices = read_prices(context, arguments.symbols, Window(start=start, end=None), "return")
    symbols = prices.panel.symbols
    days, returns = common_returns(prices.panel)
    per_year = prices.sessions_per_year
    matrix = _covariance(returns, arguments) * per_year
    notes = list(prices.remarks())
    weights = _weights(returns, matrix, symbols, arguments, notes, context)
    shares = risk_contributions(weights, matrix)
    equal = np.full(len(symbols), 1.0 / len(symbols))
    rows = sorted(
        (
            (symbol, float(weights[k]), float(shares[k]), float(np.sqrt(matrix[k, k])))
            for k, symbol in enumerate(symbols)
        ),
        key=lambda row: -row[1],
    )
    columns = [
        Column(name="symbol", unit="text"),
        Column(name="weight", unit="ratio"),
        Column(name="share of risk", unit="ratio"),
        Column(name="annualised volatility", unit="ratio"),
    ]
    table_rows: list[tuple[Cell, ...]] = [tuple(row) for row in rows]
    if arguments.value:
        columns.append(Column(name="money", unit="money", currency=prices.instruments[0].currency))
        table_rows = [(*row, arguments.value * row[1]) for row in rows]
    title = TITLES[arguments.method]
    context.fact("method", title, "text")
    context.fact("expected volatility", float(np.sqrt(weights @ matrix @ weights)), "ratio")
    context.fact("expected volatility of equal weights", float(np.sqrt(equal @ matrix @ equal)), "ratio")
    context.fact("positions", int((weights > 1e-6).sum()), "count")
    context.fact("effective number of positions", float(1.0 / (weights**2).sum()), "number")
    context.fact("largest weight", float(weights.max()), "ratio")
    context.fact("largest share of risk", float(shares.max()), "ratio")
    shown = ("cagr", "volatility", "sharpe", "max_drawdown", "es_95")
    compared: list[tuple[Cell, ...]] = []
    for name, held in ((title, weights), ("equal weight", equal)):
        figures = performance(returns @ held, sessions_per_year=per_year).as_dict()
        compared.append((name, *(to_cell(figures[key]) for key in shown)))
    tables = [
        Table(name="weights", title=f"Weights by {title}", columns=tuple(columns), rows=tuple(table_rows)),
        Table(
            name="in_sample",
            title="How these weights would have done on the same history (in-sample, rebalanced daily, no costs)",
            columns=(
                Column(name="portfolio", unit="text"),
                Column(name="annual growth (CAGR)", unit="ratio"),
                Column(name="annualised volatility", unit="ratio"),
                Column(name="Sharpe ratio", unit="number"),
                Column(name="maximum drawdown", unit="ratio"),
                Column(name="daily ES 95 %", unit="ratio"),
            ),
            rows=tuple(compared),
        ),
    ]
    names = tuple(row[0] for row in rows)
    bars = (
        ChartSeries(name="weight", x=names, y=tuple(row[1] for row in rows)),
        ChartSeries(name="share of risk", x=names, y=tuple(row[2] for row in rows)),
    )
    wealth = [
        rebased(name, days, np.cumprod(1.0 + returns @ held, dtype=np.float64))
        for name, held in ((title, weights), ("equal weight", equal))
    ]
    charts = [
        Chart(kind="bar", title=f"Weights by {title}", series=bars, unit="ratio"),
        growth_chart("Growth on the same history, in-sample", wealth),
    ]
    notes.append(
        f"Estimated on {len(returns):,} common sessions from {days[0]} to {days[-1]} ({arguments.covariance} "
        "covariance). Weights that look best on the history they were chosen from do worse later: judge a rule by a "
        "backtest."
    )
    return context.result(tables=tables, charts=charts, sql=[prices.panel.sql], sources=prices.sources(), notes=notes)


def _covariance(returns: Float64Array, arguments: OptimisePortfolioArguments) -> Float64Array:
    import numpy as np

    from core.risk.correlation import ewma_covariance, shrunk_covariance

    if arguments.covariance == "shrunk":
        return shrunk_covariance(returns)[0]
    if arguments.covariance == "ewma":
        return ewma_covariance(returns)
    return np.asarray(np.cov(returns, rowvar=False), dtype=np.float64)


def _weights(
    returns: Float64Array,
    matrix: Float64Array,
    symbols: tuple[str, ...],
    arguments: OptimisePortfolioArguments,
    notes: list[str],
    context: ToolContext,
) -> Float64Array:
    import numpy as np

    from core.risk import allocation

    if arguments.method == "minimum_variance":
        return allocation.minimum_variance(matrix, max_weight=arguments.max_weight)
    if arguments.method == "minimum_cvar":
        return allocation.minimum_cvar(returns, confidence=arguments.confidence, max_weight=arguments.max_weight)
    if arguments.method == "black_litterman":
        return _black_litterman(matrix, symbols, arguments, notes, context)
    if arguments.max_weight < 1.0:
        raise InvalidInput(f"{TITLES[arguments.method]} takes no largest weight.", hint="Leave out max_weight.")
    if arguments.method == "equal_risk":
        return allocation.equal_risk_contribution(matrix)
    if arguments.method == "hierarchical_risk_parity":
        return allocation.hierarchical_risk_parity(matrix)
    return np.full(len(symbols), 1.0 / len(symbols))


def _black_litterman(
    matrix: Float64Array,
    symbols: tuple[str, ...],
    arguments: OptimisePortfolioArguments,
    notes: list[str],
    context: ToolContext,
) -> Float64Array:
    import numpy as np

    from core.risk.allocation import mean_variance
    from core.risk.black_litterman import black_litterman

    if not arguments.views:
        raise InvalidInput("black_litterman needs views, such as {'AAPL': 0.12} or {'AAPL-MSFT': 0.03}.")
    picks = np.zeros((len(arguments.views), len(symbols)))
    for row, name in enumerate(arguments.views):
        parts = name.split("-") if name.upper() not in symbols else [name]
        for sign, part in zip((1.0, -1.0), parts, strict=False):
            symbol = context.desk.instruments.find(part.strip()).symbol
            if symbol not in symbols or len(parts) > 2:
                raise InvalidInput(f"The view {name!r} names {symbol}, which is not among the symbols.")
            picks[row, symbols.index(symbol)] = sign
    # No market values are stored: the neutral portfolio is equal weights, and says so.
    found = black_litterman(
        matrix,
        np.full(len(symbols), 1.0 / len(symbols)),
        views=picks,
        view_returns=np.array(list(arguments.views.values())),
        confidence=np.full(len(picks), arguments.view_confidence),
        risk_aversion=arguments.risk_aversion,
    )
    for symbol, before, after in zip(symbols, found.equilibrium, found.expected_returns, strict=True):
        context.fact(f"{symbol} expected return without views", float(before), "ratio")
        context.fact(f"{symbol} expected return with views", float(after), "ratio")
    notes.append("Black-Litterman starts from equal weights, because the desk stores no market values.")
    return mean_variance(
        found.covariance, found.expected_returns, risk_aversion=arguments.risk_aversion, max_weight=arguments.max_weight
    )
