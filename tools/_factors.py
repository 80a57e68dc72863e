"""Join the returns of a book with the moves of shocked factors: symbols and rate series."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import InvalidInput, NoData, UnknownName
from tools._prices import Window, common_returns, read_prices

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.domain.kernel import Float64Array
    from tools._book import Book
    from tools.context import ToolContext


def factor_history(
    context: ToolContext, shocks: Mapping[str, float], book: Book
) -> tuple[dict[str, float], tuple[str, ...], Float64Array]:
    """Return the shocks by canonical name, the column names, and returns (time, columns) on common sessions.

    Columns are the book's symbols and the shocked factors. A symbol's column holds simple returns, a rate
    series' (unit percent) the change of the rate as a ratio. Raises UnknownName for a factor that is neither.
    """
    import numpy as np

    named: dict[str, float] = {}
    rates: list[str] = []
    symbols = list(book.shares)
    for name, move in shocks.items():
        symbol, is_rate = _canonical(context, name)
        named[symbol] = move
        if is_rate:
            rates.append(symbol)
        elif symbol not in symbols:
            symbols.append(symbol)
    start = book.prices.panel.sessions[0].astype("datetime64[D]").item()
    days, returns = common_returns(read_prices(context, symbols, Window(start=start, end=None), "return").panel)
    if not rates:
        return named, tuple(symbols), returns
    columns = [returns]
    for rate in rates:
        found = context.desk.macro.observations(rate, as_of=context.as_of, start=start)
        known = [(part.period, part.value) for part in found if part.value is not None]
        if len(known) < 20:
            raise NoData(f"Series {rate} has {len(known)} values in the window, expected at least 20 daily ones.")
        periods = np.array([period for period, _ in known], dtype="datetime64[D]")
        values = np.array([value for _, value in known], dtype=np.float64) / 100.0
        # The level known on each session, so that a holiday of one market does not lose the other's move.
        position = np.searchsorted(periods, days, side="right") - 1
        level = np.where(position >= 0, values[np.maximum(position, 0)], np.nan)
        columns.append(np.diff(level, prepend=np.nan)[:, None])
    joined = np.concatenate(columns, axis=1)
    joined = joined[np.isfinite(joined).all(axis=1)]
    return named, (*symbols, *rates), joined


def _canonical(context: ToolContext, name: str) -> tuple[str, bool]:
    try:
        return context.desk.instruments.find(name).symbol, False
    except UnknownName as unknown:
        try:
            series = context.desk.macro.find(name)
        except UnknownName:
            raise unknown from None
        if "percent" not in series.unit.lower() or series.frequency != "daily":
            raise InvalidInput(
                f"{series.series_id} ({series.unit}, {series.frequency}) cannot be shocked.",
                hint="Give symbols or a daily rate in percent, such as DGS10.",
            ) from None
        return series.series_id, True
