"""Report the risk of a book."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from core.domain.facts import Chart, ChartSeries, Column, Table, ToolResult
from tools._book import Book, Target, read_book
from tools._exposure import state_backtest, state_exposure
from tools._prices import as_number, common_returns, correlation_heatmap, correlation_table, line
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from core.domain.kernel import Float64Array

METHODS = ("historical", "gaussian", "filtered", "monte_carlo")


class RiskReportArguments(Target):
    """Ask for the risk of a book."""

    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="Confidence of VaR and ES.")
    horizon_sessions: int = Field(default=1, ge=1, le=63, description="Sessions the loss is measured over.")
    history_years: float = Field(default=3.0, ge=0.5, le=40, description="Years of history.")


@tool(effect="compute", data="public", seeded=True)
def risk_report(context: ToolContext, arguments: RiskReportArguments) -> ToolResult:
    """Measure VaR and ES by four methods, check them on the past, and show who contributes and how it hangs together.

    Component and marginal risk, correlation, drawdown, concentration, exposure by group and currency, and how long it
    takes to sell. VaR forecasts are backtested (Kupiec, Christoffersen, Basel lights). Private for the portfolio,
    public for named symbols.
    """
    book = read_book(context, arguments, years=arguments.history_years)
    days, returns = common_returns(book.prices.panel)
    context.fact("value", book.total, "money", currency=book.currency)
    context.fact("cash", book.cash, "money", currency=book.currency)
    tables: list[Table] = []
    charts: list[Chart] = []
    notes = list(book.prices.remarks())
    _tail(context, arguments, book, returns, tables, charts)
    _shape(context, book, days, returns, tables, charts)
    notes += state_backtest(context, book, days, returns, arguments.confidence, tables, charts)
    notes += state_exposure(context, book, tables)
    notes.append(
        f"Losses over {arguments.horizon_sessions} session(s) at {arguments.confidence:.0%} confidence, from "
        f"{len(returns):,} common sessions since {days[0]}; positions held fixed."
    )
    return context.result(
        tables=tables, charts=charts, sql=[book.prices.panel.sql], sources=book.prices.sources(), notes=notes
    )


def _tail(
    context: ToolContext,
    arguments: RiskReportArguments,
    book: Book,
    returns: Float64Array,
    tables: list[Table],
    charts: list[Chart],
) -> None:
    from core.risk.var import tail_risk

    values = book.value_vector()
    rows = []
    components: Float64Array | None = None
    marginals: Float64Array | None = None
    for method in METHODS:
        risk = tail_risk(
            values,
            returns,
            method=method,  # type: ignore[arg-type]
            confidence=arguments.confidence,
            horizon_sessions=arguments.horizon_sessions,
            seed=context.seed,
        )
        title = "" if method == "historical" else f" ({method.replace('_', ' ')})"
        context.fact(f"value at risk{title}", risk.value_at_risk, "money", currency=book.currency)
        context.fact(f"expected shortfall{title}", risk.expected_shortfall, "money", currency=book.currency)
        if method == "historical":
            components = risk.component_shortfall
            marginals = risk.marginal_shortfall
            context.fact("value at risk, share of value", risk.value_at_risk / book.total, "ratio")
            context.fact("expected shortfall, share of value", risk.expected_shortfall / book.total, "ratio")
            yearly = (book.prices.sessions_per_year / arguments.horizon_sessions) ** 0.5
            context.fact("annualised volatility of the book", risk.volatility / book.total * yearly, "ratio")
            context.fact("sessions of history", risk.sessions, "count")
        rows.append(
            (
                method,
                as_number(risk.value_at_risk),
                as_number(risk.value_at_risk_standard_error),
                as_number(risk.expected_shortfall),
                as_number(risk.expected_shortfall_standard_error),
            )
        )
    columns = (
        Column(name="method", unit="text"),
        Column(name="value at risk", unit="money", currency=book.currency),
        Column(name="VaR standard error", unit="money", currency=book.currency),
        Column(name="expected shortfall", unit="money", currency=book.currency),
        Column(name="ES standard error", unit="money", currency=book.currency),
    )
    tables.append(Table(name="tail_risk", title="Tail risk by method", columns=columns, rows=tuple(rows)))
    assert components is not None and marginals is not None
    shares = components / components.sum() if components.sum() else components
    parts = tuple(
        (
            symbol,
            float(values[index]),
            float(values[index] / book.total),
            float(components[index]),
            float(shares[index]),
            float(marginals[index]),
        )
        for index, symbol in enumerate(book.prices.panel.symbols)
    )
    parts_columns = (
        Column(name="symbol", unit="text"),
        Column(name="value", unit="money", currency=book.currency),
        Column(name="weight", unit="ratio"),
        Column(name="contribution to ES", unit="money", currency=book.currency),
        Column(name="share of ES", unit="ratio"),
        Column(name="marginal ES", unit="ratio", title="ES added by one more unit of money"),
    )
    ordered = tuple(sorted(parts, key=lambda row: -row[3]))
    tables.append(Table(name="contributions", title="Who carries the tail risk", columns=parts_columns, rows=ordered))
    if len(ordered) > 1:
        names = tuple(row[0] for row in ordered)
        bars = ChartSeries(name="share of ES", x=names, y=tuple(row[4] for row in ordered))
        weights = ChartSeries(name="weight", x=names, y=tuple(row[2] for row in ordered))
        charts.append(Chart(kind="bar", title="Weight and share of tail risk", series=(weights, bars), unit="ratio"))


def _shape(
    context: ToolContext, book: Book, days: Any, returns: Float64Array, tables: list[Table], charts: list[Chart]
) -> None:
    import numpy as np

    from core.risk.correlation import correlation
    from core.risk.drawdown import drawdown_series

    weights = book.value_vector() / book.total
    invested = np.abs(weights).sum()
    concentration = float(((weights / invested) ** 2).sum()) if invested else 0.0
    context.fact("largest weight", float(np.abs(weights).max()), "ratio")
    context.fact("effective number of positions", 1.0 / concentration if concentration else None, "number")
    symbols = book.prices.panel.symbols
    if len(symbols) > 1:
        matrix = correlation(returns)
        tables.append(correlation_table(symbols, matrix))
        charts.append(correlation_heatmap(symbols, matrix))
        above = matrix[np.triu_indices(len(symbols), 1)]
        context.fact("average correlation", float(above.mean()), "number")
    equity = np.concatenate((np.ones(1), np.cumprod(1.0 + returns @ weights)))
    falls = drawdown_series(equity)
    context.fact("maximum drawdown of today's book in history", float(falls.min()), "ratio")
    charts.append(
        Chart(
            kind="line",
            title="Drawdown of today's book, had it been held",
            series=(line("drawdown", days, falls[1:]),),
            unit="ratio",
        )
    )
