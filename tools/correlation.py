"""Show how instruments move together, and whether that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from core.domain.facts import Chart, ChartSeries, Column, Table, ToolResult, to_cell
from core.errors import InvalidInput
from tools._prices import Window, common_returns, correlation_heatmap, correlation_table, line, read_prices
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from core.domain.kernel import Float64Array
    from core.domain.market_path import DayArray

LISTED_PAIRS = 10


class CorrelationArguments(Window):
    """Ask how symbols move together."""

    symbols: tuple[str, ...] = Field(min_length=2, max_length=60, description="Symbols or names.")
    method: Literal["sample", "shrunk", "ewma"] = Field(
        default="sample", description="sample, shrunk (Ledoit-Wolf) or ewma (recent sessions count more)."
    )
    window: int = Field(default=63, ge=10, le=504, description="Sessions of the rolling correlation.")
    halflife: float = Field(default=60, gt=0, description="ewma: sessions after which a session counts half.")
    cluster_above: float = Field(default=0.5, gt=0, lt=1, description="Least average correlation inside a cluster.")


@tool(effect="compute", data="public")
def correlation(context: ToolContext, arguments: CorrelationArguments) -> ToolResult:
    """Measure the correlation of daily returns: matrix, extreme pairs, clusters, rolling, and a test for a change.

    The change compares the first with the second half of the period (Jennrich's test). Shrunk is Ledoit and Wolf's.
    """
    import numpy as np

    from core.risk.correlation import clusters, correlation_change, shrunk_covariance
    from core.risk.correlation import correlation as correlate

    prices = read_prices(context, arguments.symbols, arguments, "return")
    symbols = prices.panel.symbols
    if len(symbols) < 2:
        raise InvalidInput("Correlation needs two different symbols.")
    days, returns = common_returns(prices.panel)
    matrix = correlate(returns, method=arguments.method, halflife=arguments.halflife)
    above = np.triu_indices(len(symbols), 1)
    pairs = sorted(((float(matrix[i, j]), symbols[i], symbols[j]) for i, j in zip(*above, strict=True)), reverse=True)
    tables = [correlation_table(symbols, matrix)]
    charts = [correlation_heatmap(symbols, matrix)] if len(symbols) > 2 else []
    notes = list(prices.remarks())
    context.fact("sessions", len(returns), "count")
    context.fact("first session", str(days[0]), "date")
    context.fact("last session", str(days[-1]), "date")
    if len(symbols) == 2:
        context.fact(f"{symbols[0]}/{symbols[1]} correlation", pairs[0][0], "number")
    else:
        context.fact("average correlation", float(matrix[above].mean()), "number")
        for name, (value, one, other) in (("highest", pairs[0]), ("lowest", pairs[-1])):
            context.fact(f"{name} correlation: {one}/{other}", value, "number")
        tables.append(_pairs_table(pairs))
        groups = clusters(matrix, above=arguments.cluster_above)
        rows = tuple((number, ", ".join(symbols[k] for k in group)) for number, group in enumerate(groups, 1))
        columns = (Column(name="cluster", unit="count"), Column(name="symbols", unit="text"))
        title = f"Clusters with an average correlation of at least {arguments.cluster_above:g}"
        tables.append(Table(name="clusters", title=title, columns=columns, rows=rows))
        context.fact("clusters", len(groups), "count")
    if arguments.method == "shrunk":
        context.fact("shrinkage intensity", shrunk_covariance(returns)[1], "ratio")
    half = len(returns) // 2
    if half > 2 * len(symbols):
        change = correlation_change(returns[:half], returns[half:])
        context.fact(f"average correlation up to {days[half - 1]}", change.before, "number")
        context.fact(f"average correlation from {days[half]}", change.after, "number")
        context.fact("p-value of no change", change.p_value, "number")
        notes.append(
            "The change is tested by Jennrich (1970) between the halves; fat tails make small p-values too common, so "
            "read those above 0.01 as no change."
        )
    if len(returns) > arguments.window:
        charts.append(_rolling_chart(symbols, days, returns, arguments))
    return context.result(tables=tables, charts=charts, sql=[prices.panel.sql], sources=prices.sources(), notes=notes)


def _pairs_table(pairs: list[tuple[float, str, str]]) -> Table:
    shown = pairs if len(pairs) <= 2 * LISTED_PAIRS else pairs[:LISTED_PAIRS] + pairs[-LISTED_PAIRS:]
    return Table(
        name="pairs",
        title="Pairs by correlation" if len(shown) == len(pairs) else "Pairs of the highest and lowest correlation",
        columns=(
            Column(name="symbol", unit="text"),
            Column(name="with", unit="text"),
            Column(name="correlation", unit="number"),
        ),
        rows=tuple((one, other, to_cell(value)) for value, one, other in shown),
    )


def _rolling_chart(
    symbols: tuple[str, ...], days: DayArray, returns: Float64Array, arguments: CorrelationArguments
) -> Chart:
    """Draw the pair's rolling and weighted correlation, or the average over all pairs."""
    import numpy as np

    from core.risk.rolling import ewma_correlation, rolling_correlation, rolling_covariance

    lines: tuple[ChartSeries, ...]
    if len(symbols) == 2:
        one, other = returns[:, 0], returns[:, 1]
        lines = (
            line(f"last {arguments.window} sessions", days, rolling_correlation(one, other, arguments.window)),
            line("exponentially weighted", days, ewma_correlation(one, other, halflife=arguments.halflife)),
        )
        title = f"Correlation of {symbols[0]} and {symbols[1]}"
    else:
        covariance = rolling_covariance(returns, arguments.window)
        deviation = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
        rolled = covariance / (deviation[:, :, None] * deviation[:, None, :])
        average = rolled[:, *np.triu_indices(len(symbols), 1)].mean(axis=1)
        lines = (line("average of all pairs", days[arguments.window - 1 :], average),)
        title = f"Average correlation over {arguments.window} sessions"
    return Chart(kind="line", title=title, series=lines, unit="number", y_title="correlation")
