"""Find which instrument a symbol named: today's tickers, or the tickers of the day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from core.domain.market_records import Instrument, SymbolHistory
from core.ports.vendor import BarColumns


class SymbolResolver:
    """Resolve symbols to instrument ids; built from the stored instruments and their dated symbols."""

    def __init__(self, instruments: Sequence[Instrument], history: Sequence[SymbolHistory]) -> None:
        self.instruments = {instrument.instrument_id: instrument for instrument in instruments}
        self._current = {instrument.symbol.upper(): instrument.instrument_id for instrument in instruments}
        for instrument in instruments:
            for alias in (*instrument.vendor_symbols.values(), *instrument.aliases):
                # An alias written like a ticker ("BTC", "BRK.B") also names rows; words do not.
                if alias == alias.upper() and " " not in alias:
                    self._current.setdefault(alias, instrument.instrument_id)
        self._periods: dict[str, list[SymbolHistory]] = {}
        for period in history:
            self._periods.setdefault(period.symbol.upper(), []).append(period)

    def current(self, symbol: str) -> int | None:
        """Return the instrument that carries the symbol today, or whose last symbol it was."""
        symbol = symbol.strip().upper()
        found = self._current.get(symbol)
        if found is None and symbol in self._periods:
            found = self._periods[symbol][-1].instrument_id
        return found

    def on(self, symbol: str, day: date) -> int | None:
        """Return the instrument that carried the symbol on a day."""
        for period in self._periods.get(symbol.strip().upper(), ()):
            if period.valid_from <= day and (period.valid_to is None or day <= period.valid_to):
                return period.instrument_id
        return None

    def resolve(self, columns: BarColumns) -> NDArray[np.int32]:
        """Return the instrument id of each row, -1 where nobody carried the symbol (on that day)."""
        if columns.convention == "current":
            found = [self.current(symbol) for symbol in columns.symbols]
            codes = np.array([-1 if entry is None else entry for entry in found], dtype=np.int32)
            ids: NDArray[np.int32] = codes[columns.symbol_code]
            return ids
        ids = np.full(len(columns), -1, dtype=np.int32)
        for code, symbol in enumerate(columns.symbols):
            mine = columns.symbol_code == code
            for period in self._periods.get(symbol.strip().upper(), ()):
                inside = columns.session >= np.datetime64(period.valid_from, "D")
                if period.valid_to is not None:
                    inside &= columns.session <= np.datetime64(period.valid_to, "D")
                ids[mine & inside] = period.instrument_id
        return ids

    def calendars(self, ids: NDArray[np.int32]) -> NDArray[np.str_]:
        """Return the calendar of each row's instrument."""
        return self._each(ids, {number: entry.calendar for number, entry in self.instruments.items()})

    def asset_classes(self, ids: NDArray[np.int32]) -> NDArray[np.str_]:
        """Return the asset class of each row's instrument."""
        return self._each(ids, {number: entry.asset_class for number, entry in self.instruments.items()})

    def listed(self, ids: NDArray[np.int32]) -> NDArray[np.datetime64]:
        """Return the first day of listing of each row's instrument, 0001-01-01 where it is not known."""
        unique, inverse = np.unique(ids, return_inverse=True)
        days = [self.instruments[int(number)].listed or date(1, 1, 1) for number in unique]
        return np.array(days, dtype="datetime64[D]")[inverse]

    def _each(self, ids: NDArray[np.int32], values: dict[int, str]) -> NDArray[np.str_]:
        unique, inverse = np.unique(ids, return_inverse=True)
        return np.array([values[int(number)] for number in unique])[inverse]
