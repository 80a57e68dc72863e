"""Hold prices read from the store."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.as_of import AsOf
from core.domain.market_path import DayArray, FloatArray, MarketPath, PriceBasis


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesSource:
    """Name the one source and basis that a column of a panel came from."""

    instrument_id: int
    symbol: str
    source: str
    price_basis: PriceBasis


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Hold daily prices of several instruments: arrays of shape (time, assets), NaN where a session has no bar.

    `sessions` is the ascending union of the instruments' sessions; `open`, `high`, `low`, `volume` are None
    unless every column's source has them. One source and basis per column, never spliced.
    """

    sessions: DayArray
    symbols: tuple[str, ...]
    series: tuple[SeriesSource, ...]
    close: FloatArray
    open: FloatArray | None
    high: FloatArray | None
    low: FloatArray | None
    volume: FloatArray | None
    as_of: AsOf
    sql: str

    def to_market_path(self, *, sessions_per_year: int = 252) -> MarketPath:
        """Return the panel as one historical path."""

        def path(values: FloatArray | None) -> FloatArray | None:
            return None if values is None else values[None, :, :]

        bases = {part.price_basis for part in self.series}
        return MarketPath(
            close=self.close[None, :, :],
            open=path(self.open),
            high=path(self.high),
            low=path(self.low),
            volume=path(self.volume),
            times=self.sessions,
            assets=self.symbols,
            as_of=self.as_of.known,
            source="historical",
            price_basis=next(iter(bases)) if len(bases) == 1 else "total_return",
            sessions_per_year=sessions_per_year,
        )
