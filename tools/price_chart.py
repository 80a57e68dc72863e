"""Show prices over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from core.domain.facts import Chart, ChartSeries, Column, Table, ToolResult
from tools._prices import Window, as_number, column_closes, growth_chart, line, read_prices, rebased, thin
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from core.domain.market_path import FloatArray
    from core.domain.panel import Panel


class PriceChart(Window):
    """Ask for a chart of prices."""

    symbols: tuple[str, ...] = Field(
        min_length=1, max_length=12, description="Symbols or names, such as AAPL or bitcoin."
    )
    kind: Literal["line", "candlestick"] = Field(default="line", description="Candlesticks need one symbol with OHLC.")


@tool(effect="read", data="public")
def price_chart(context: ToolContext, arguments: PriceChart) -> ToolResult:
    """Draw the prices of one symbol, or of several rebased to 100, over a period."""
    prices = read_prices(context, arguments.symbols, arguments, "price")
    panel = prices.panel
    rows = []
    lines = []
    for index, instrument in enumerate(prices.instruments):
        days, close = column_closes(panel, index)
        symbol = instrument.symbol
        context.fact(f"{symbol} last close", float(close[-1]), "money", currency=instrument.currency)
        context.fact(f"{symbol} last session", str(days[-1]), "date")
        context.fact(f"{symbol} change over the period", float(close[-1] / close[0] - 1.0), "ratio")
        rows.append(
            (
                symbol,
                str(days[0]),
                float(close[0]),
                str(days[-1]),
                float(close[-1]),
                float(close[-1] / close[0] - 1.0),
                float(close.min()),
                float(close.max()),
            )
        )
        lines.append((symbol, days, close))
    # A column has one currency or, where symbols differ, none that would be wrong for some of its rows.
    currencies = {part.currency for part in prices.instruments}
    currency = prices.instruments[0].currency if len(currencies) == 1 else None
    table = Table(
        name="prices",
        title="Prices over the period",
        columns=(
            Column(name="symbol", unit="text"),
            Column(name="first session", unit="date"),
            Column(name="first close", unit="money", currency=currency),
            Column(name="last session", unit="date"),
            Column(name="last close", unit="money", currency=currency),
            Column(name="change", unit="ratio"),
            Column(name="lowest close", unit="money", currency=currency),
            Column(name="highest close", unit="money", currency=currency),
        ),
        rows=tuple(rows),
    )
    notes = list(prices.remarks())
    if len(lines) > 1:
        chart = growth_chart("Prices, start = 100", [rebased(*part) for part in lines])
    elif arguments.kind == "candlestick" and panel.open is not None:
        chart = _candles(prices.instruments[0].symbol, panel)
    else:
        if arguments.kind == "candlestick":
            notes.append("This source has closes only, so a line is drawn instead of candlesticks.")
        chart = Chart(kind="line", title=lines[0][0], series=(line(*lines[0]),), unit="money", y_title=currency or "")
    return context.result(tables=[table], charts=[chart], sql=[panel.sql], sources=prices.sources(), notes=notes)


def _candles(symbol: str, panel: Panel) -> Chart:
    first = max(0, len(panel.sessions) - 250)
    kept = [first + position for position in thin(len(panel.sessions) - first)]

    def values(part: FloatArray | None) -> tuple[float | None, ...]:
        return () if part is None else tuple(as_number(part[position, 0]) for position in kept)

    series = ChartSeries(
        name=symbol,
        x=tuple(str(panel.sessions[position]) for position in kept),
        y=values(panel.close),
        open=values(panel.open),
        high=values(panel.high),
        low=values(panel.low),
    )
    title = f"{symbol}, the last {len(kept)} sessions" if first else symbol
    return Chart(kind="candlestick", title=title, series=(series,), unit="money")
