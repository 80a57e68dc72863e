"""Read prices for the quant tools: symbols to panels, windows, thinned chart series, remarks on the basis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from pydantic import Field

from core.domain.facts import Chart, ChartSeries, Column, Frozen, Table, to_cell
from core.domain.market_records import Instrument
from core.errors import InvalidInput, NoData
from core.ports.market_data import Purpose

if TYPE_CHECKING:
    from core.domain.kernel import Float64Array
    from core.domain.market_path import DayArray, FloatArray
    from core.domain.panel import Panel
    from tools.context import ToolContext

MOST_POINTS = 800
BEFORE = timedelta(days=10)
BASIS_REMARKS = {
    "total_return": "total-return-adjusted prices (dividends and splits inside)",
    "split_adjusted": "split-adjusted prices (dividends not inside)",
    "raw": "raw traded prices",
}


class Window(Frozen):
    """Choose sessions by date, both ends included; left out means as far as the data goes."""

    start: date | None = Field(default=None, description="First date, YYYY-MM-DD; none means the first stored session.")
    end: date | None = Field(default=None, description="Last date, YYYY-MM-DD; none means the newest known session.")


@dataclass(frozen=True, slots=True)
class Prices:
    """Join a panel with its instruments."""

    panel: Panel
    instruments: tuple[Instrument, ...]

    @property
    def sessions_per_year(self) -> int:
        """Return 365 where every instrument trades every day, else 252."""
        return 365 if all(part.calendar == "24x7" for part in self.instruments) else 252

    def sources(self) -> tuple[str, ...]:
        """Name the source and basis of each column."""
        return tuple(f"{part.symbol}: {part.source} ({part.price_basis})" for part in self.panel.series)

    def remarks(self) -> tuple[str, ...]:
        """Say on which basis the figures stand."""
        bases = dict.fromkeys(part.price_basis for part in self.panel.series)
        return (f"Computed on {' and '.join(BASIS_REMARKS[basis] for basis in bases)}.",)


def find_instruments(context: ToolContext, symbols: Sequence[str]) -> tuple[Instrument, ...]:
    """Return the instruments of symbols or aliases, each once; raise UnknownName with the closest."""
    found = {part.instrument_id: part for part in (context.desk.instruments.find(symbol) for symbol in symbols)}
    return tuple(found.values())


def check_window(window: Window) -> None:
    """Raise InvalidInput when a window ends before it starts."""
    if window.start and window.end and window.start > window.end:
        raise InvalidInput(f"The period {window.start} to {window.end} is empty.", hint="Give start before end.")


def read_prices(context: ToolContext, symbols: Sequence[str], window: Window, purpose: Purpose) -> Prices:
    """Read the panel of symbols in a window as of the call; raise NoData or InvalidInput."""
    check_window(window)
    instruments = find_instruments(context, symbols)
    panel = context.desk.bars.panel(
        [part.instrument_id for part in instruments],
        purpose=purpose,
        as_of=context.as_of,
        start=window.start,
        end=window.end,
    )
    return Prices(panel, instruments)


def read_performance_prices(context: ToolContext, symbols: Sequence[str], window: Window) -> Prices:
    """Read return prices of a window with the last close before it, so that the first session's return counts."""
    if window.start is None:
        return read_prices(context, symbols, window, "return")
    check_window(window)
    return read_prices(context, symbols, Window(start=window.start - BEFORE, end=window.end), "return")


def period_closes(panel: Panel, index: int, start: date | None) -> tuple[DayArray, Float64Array]:
    """Return one column from the last close before `start` on; raise NoData when nothing lies in the period."""
    import numpy as np

    days, close = column_closes(panel, index)
    first = 0 if start is None else int(np.searchsorted(days, np.datetime64(start)))
    if len(days) - first < 1 or len(days) < 2:
        raise NoData(
            f"{panel.symbols[index]} has no session from {start} on in this period.",
            hint=f"Its newest known session is {days[-1]}." if len(days) else "",
        )
    base = max(first - 1, 0)
    return days[base:], close[base:]


def column_closes(panel: Panel, index: int) -> tuple[DayArray, Float64Array]:
    """Return the sessions and closes of one column without its gaps."""
    import numpy as np

    close = panel.close[:, index]
    there = np.isfinite(close)
    return panel.sessions[there], np.asarray(close[there], dtype=np.float64)


def simple_returns(close: Float64Array) -> Float64Array:
    """Return close over previous close minus one, one shorter than the closes."""
    return close[1:] / close[:-1] - 1.0


def common_returns(panel: Panel) -> tuple[DayArray, Float64Array]:
    """Return the sessions that every column traded on, and the simple returns between them."""
    import numpy as np

    together = np.isfinite(panel.close).all(axis=1)
    if together.sum() < 3:
        raise NoData(f"{', '.join(panel.symbols)} share fewer than 3 sessions.", hint="Choose a longer period.")
    close = np.asarray(panel.close[together], dtype=np.float64)
    return panel.sessions[together][1:], close[1:] / close[:-1] - 1.0


def thin(count: int) -> list[int]:
    """Return at most MOST_POINTS evenly spaced positions that include the first and the last."""
    if count <= MOST_POINTS:
        return list(range(count))
    return sorted({round(step * (count - 1) / (MOST_POINTS - 1)) for step in range(MOST_POINTS)})


def line(name: str, days: DayArray, values: FloatArray) -> ChartSeries:
    """Return a thinned line series over dates."""
    kept = thin(len(days))
    return ChartSeries(
        name=name,
        x=tuple(str(days[position]) for position in kept),
        y=tuple(as_number(values[position]) for position in kept),
    )


def growth_chart(title: str, lines: Sequence[ChartSeries]) -> Chart:
    """Return a chart of values that start at 100, logarithmic when the largest is above ten times the smallest."""
    values = [value for part in lines for value in part.y if value is not None]
    spread = bool(values) and min(values) > 0 and max(values) > 10 * min(values)
    return Chart(
        kind="line",
        title=title,
        series=tuple(lines),
        unit="number",
        scale="log" if spread else "linear",
        y_title="start = 100",
    )


def rebased(name: str, days: DayArray, close: Float64Array) -> ChartSeries:
    """Return a line that starts at 100."""
    return line(name, days, close / close[0] * 100.0)


def correlation_heatmap(symbols: Sequence[str], matrix: FloatArray) -> Chart:
    """Return the heat map of a correlation matrix."""
    rows = tuple(
        ChartSeries(name=symbol, x=tuple(symbols), y=tuple(as_number(value) for value in matrix[index]))
        for index, symbol in enumerate(symbols)
    )
    return Chart(kind="heatmap", title="Correlation of daily returns", series=rows)


def correlation_table(symbols: Sequence[str], matrix: FloatArray) -> Table:
    """Return the table of a correlation matrix."""
    columns = (Column(name="symbol", unit="text"), *(Column(name=symbol, unit="number") for symbol in symbols))
    rows = tuple((symbol, *(to_cell(value) for value in matrix[index])) for index, symbol in enumerate(symbols))
    return Table(name="correlation", title="Correlation of daily returns", columns=columns, rows=rows)


def as_number(value: object) -> float | None:
    """Return a float, or None for NaN and infinities."""
    number = float(value)  # type: ignore[arg-type]  # numpy scalars have __float__
    return number if number == number and abs(number) != float("inf") else None
