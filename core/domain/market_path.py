"""Define the one contract that every simulator yields and every consumer takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidInput

if TYPE_CHECKING:
    from core.domain.event_calendar import EventCalendar

PriceBasis = Literal["raw", "split_adjusted", "total_return"]
FloatArray = NDArray[np.floating]
DayArray = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketPath:
    """Hold simulated or replayed prices of shape (paths, time, assets).

    `close` is float64 or float32; `open`, `high`, `low`, `volume` have its shape or are None where the
    source has closes only. `times` is datetime64[D] of length time: session dates, or business-day
    labels after `as_of` for simulated futures. NaN in `close` means "not traded then"; kernels must not
    read across it. `events` are dated, not sliced: each reader looks at what was known by its session.
    Raises InvalidInput when shapes disagree.
    """

    close: FloatArray
    times: DayArray
    assets: tuple[str, ...]
    as_of: datetime
    source: str
    price_basis: PriceBasis = "total_return"
    sessions_per_year: int = 252
    open: FloatArray | None = None
    high: FloatArray | None = None
    low: FloatArray | None = None
    volume: FloatArray | None = None
    seed: int | None = None
    events: EventCalendar | None = None

    def __post_init__(self) -> None:
        shape = self.close.shape
        if len(shape) != 3 or shape[1] != len(self.times) or shape[2] != len(self.assets):
            raise InvalidInput(
                f"close has shape {shape}, expected (paths, {len(self.times)} times, {len(self.assets)} assets)."
            )
        for name in ("open", "high", "low", "volume"):
            part = getattr(self, name)
            if part is not None and part.shape != shape:
                raise InvalidInput(f"{name} has shape {part.shape}, expected that of close: {shape}.")

    @property
    def paths(self) -> int:
        """Return the number of paths."""
        return int(self.close.shape[0])

    def cut(self, begin: int, end: int | None = None) -> Self:
        """Keep the sessions from position `begin` up to, not including, `end`; arrays are views."""

        def part(values: FloatArray | None) -> FloatArray | None:
            return None if values is None else values[:, begin:end]

        return replace(
            self,
            close=self.close[:, begin:end],
            times=self.times[begin:end],
            open=part(self.open),
            high=part(self.high),
            low=part(self.low),
            volume=part(self.volume),
        )
