"""Turn the rows of a reply into columns of bars, leaving out what is not finished."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from core.data.calendar import closes_of
from core.domain.market_path import PriceBasis
from core.domain.market_records import Calendar, Instrument, SymbolHistory
from core.errors import VendorMalformed
from core.ports.vendor import BarColumns, SymbolConvention

NEW_YORK = ZoneInfo("America/New_York")
# (symbol, session, open, high, low, close, volume)
Row = tuple[str, date, float, float, float, float, float]


def session_of_milliseconds(stamp: Any, zone: ZoneInfo | None = None) -> date:
    """Return the day that a time stamp in milliseconds falls on, in a zone (UTC where none is given).

    Raises VendorMalformed for anything else.
    """
    try:
        return datetime.fromtimestamp(int(stamp) / 1000.0, UTC).astimezone(zone or UTC).date()
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise VendorMalformed(f"A time stamp in milliseconds was expected and {stamp!r} came.") from error


def milliseconds_of(day: date) -> int:
    """Return the start of a day in UTC in milliseconds."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def finished(
    rows: Sequence[Row], calendar: Calendar, happened_by: datetime, *, delay: timedelta = timedelta(0)
) -> list[Row]:
    """Return the rows whose session had closed by a moment, `delay` before it at least; bars in progress go."""
    if not rows:
        return []
    closes = closes_of(calendar, np.array([row[1] for row in rows], dtype="datetime64[D]"))
    limit = np.datetime64((happened_by - delay).astimezone(UTC).replace(tzinfo=None), "us")
    return [row for row, close in zip(rows, closes, strict=True) if close <= limit]


def columns_of(
    rows: Sequence[Row],
    *,
    source: str,
    origin: str,
    basis: PriceBasis = "raw",
    convention: SymbolConvention = "current",
    has_ohlc: bool = True,
    has_volume: bool = True,
) -> Iterator[BarColumns]:
    """Yield the rows as one block of columns, or nothing for no rows."""
    if not rows:
        return
    symbols = tuple(dict.fromkeys(row[0] for row in rows))
    codes = {symbol: code for code, symbol in enumerate(symbols)}
    numbers = np.array([row[2:] for row in rows], dtype=np.float64)
    # A field that the source does not have is missing, whatever stands in its place.
    if not has_ohlc:
        numbers[:, :3] = np.nan
    if not has_volume:
        numbers[:, 4] = np.nan
    yield BarColumns(
        source=source,
        price_basis=basis,
        symbols=symbols,
        symbol_code=np.array([codes[row[0]] for row in rows], dtype=np.int32),
        session=np.array([row[1] for row in rows], dtype="datetime64[D]"),
        open=numbers[:, 0].copy(),
        high=numbers[:, 1].copy(),
        low=numbers[:, 2].copy(),
        close=numbers[:, 3].copy(),
        volume=numbers[:, 4].copy(),
        line=np.arange(len(rows), dtype=np.int64),
        has_ohlc=has_ohlc,
        has_volume=has_volume,
        convention=convention,
        origin=origin,
    )


def number(value: Any, what: str) -> float:
    """Return a number that may have come as text, NaN for an absent one; raises VendorMalformed for anything else."""
    if value is None:
        return float("nan")
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise VendorMalformed(f"A number was expected for {what} and {value!r} came.") from error


def field(row: Mapping[str, Any], name: str) -> Any:
    """Return a field that a reply must have; raises VendorMalformed when it is absent."""
    try:
        return row[name]
    except (KeyError, TypeError) as error:
        raise VendorMalformed(f"A field {name!r} was expected and a row has none: {str(row)[:80]}.") from error


def names_in(
    instrument: Instrument, history: Iterable[SymbolHistory], start: date, end: date
) -> Iterator[tuple[str, date, date]]:
    """Yield each symbol that an instrument carried between two days with the part of the period it carried it."""
    mine = sorted(
        (period for period in history if period.instrument_id == instrument.instrument_id),
        key=lambda period: period.valid_from,
    )
    if not mine:
        yield instrument.symbol, start, end
    for period in mine:
        first, last = max(start, period.valid_from), min(end, period.valid_to or end)
        if first <= last:
            yield period.symbol, first, last
