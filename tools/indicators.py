"""Compute technical indicators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from core.domain.facts import Cell, Chart, ChartSeries, Column, Table, ToolResult, to_cell
from core.errors import NoData
from tools._prices import Window, check_window, column_closes, line, read_prices
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from core.domain.market_path import DayArray

SHOWN_SESSIONS = 252


class IndicatorsArguments(Window):
    """Ask for indicators of one symbol."""

    symbol: str = Field(description="Symbol or name.")
    names: tuple[str, ...] = Field(
        default=("sma", "rsi"), min_length=1, max_length=8, description="Indicators, such as sma, ema, rsi, macd, atr."
    )
    parameters: dict[str, dict[str, float]] = Field(
        default_factory=dict, description='Parameters by indicator, such as {"sma": {"period": 100}}.'
    )


@tool(effect="compute", data="public")
def indicators(context: ToolContext, arguments: IndicatorsArguments) -> ToolResult:
    """Compute technical indicators (moving averages, RSI, MACD, bands, ATR ...) and their latest values.

    Definitions and warm-up are those of TA-Lib. Indicators that need high and low say so on close-only data.
    """
    import numpy as np

    from core.indicators.catalogue import INDICATORS, compute_all

    check_window(arguments)
    window = Window(start=None, end=arguments.end)
    prices = read_prices(context, [arguments.symbol], window, "price")
    panel, instrument = prices.panel, prices.instruments[0]
    fields = {
        name: np.asarray(part[:, 0], dtype=np.float64)
        for name in ("open", "high", "low", "close", "volume")
        if (part := getattr(panel, name)) is not None
    }
    first = _first_shown(panel.sessions, arguments)
    days = panel.sessions[first:]
    if not len(days):
        raise NoData(
            f"{instrument.symbol} has no session from {arguments.start} on in this period.",
            hint=f"Its newest known session is {panel.sessions[-1]}.",
        )
    closes = line("close", *column_closes(panel, 0))
    over = [line("close", days, fields["close"][first:])]
    rows: list[tuple[str, Cell]] = []
    own: list[ChartSeries] = []
    wanted = [(name, _whole_where_it_is(arguments.parameters.get(name, {}))) for name in arguments.names]
    for (name, parameters), outputs in zip(wanted, compute_all(wanted, [fields])[0], strict=True):
        settings = {**INDICATORS[name].parameters, **parameters}
        shown = f"{name}({', '.join(f'{value:g}' for value in settings.values())})"
        for output, values in outputs.items():
            title = shown if len(outputs) == 1 else f"{shown} {output}"
            latest = to_cell(values[-1])
            context.fact(f"{instrument.symbol} {title}", latest, "number")
            rows.append((title, latest))
            (over if INDICATORS[name].pane == "price" else own).append(line(title, days, values[first:]))
    context.fact(f"{instrument.symbol} last close", closes.y[-1], "money", currency=instrument.currency)
    context.fact(f"{instrument.symbol} last session", str(panel.sessions[-1]), "date")
    charts = [Chart(kind="line", title=f"{instrument.symbol}", series=tuple(over), unit="money")]
    charts += [Chart(kind="line", title=part.name, series=(part,)) for part in own]
    table = Table(
        name="indicators",
        title=f"Indicators of {instrument.symbol} at the last session",
        columns=(Column(name="indicator", unit="text"), Column(name="value", unit="number")),
        rows=tuple(rows),
    )
    return context.result(
        tables=[table], charts=charts, sql=[panel.sql], sources=prices.sources(), notes=prices.remarks()
    )


def _whole_where_it_is(parameters: dict[str, float]) -> dict[str, int | float]:
    return {key: int(value) if float(value).is_integer() else value for key, value in parameters.items()}


def _first_shown(sessions: DayArray, arguments: IndicatorsArguments) -> int:
    import numpy as np

    if arguments.start is None:
        return max(0, len(sessions) - SHOWN_SESSIONS)
    return int(np.searchsorted(sessions, np.datetime64(arguments.start)))
