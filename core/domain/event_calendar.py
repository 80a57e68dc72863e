"""Hold dated events with the moment each became known, for strategies that time around them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from core.domain.market_path import DayArray


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCalendar:
    """Hold events as equal-length arrays, dates as datetime64[D].

    `name` is in capitals ("FOMC", "CPI", "EARNINGS"), `asset` the index of the asset concerned or -1 for all.
    `day` is the date of the event; `scheduled` the date from which that date was known; `known` the first date at
    whose close the outcome can be acted on (NaT: never known). `surprise` is the outcome against what was expected,
    relative to it where that makes sense, NaN where unknown.
    """

    name: NDArray[np.str_]
    asset: NDArray[np.int64]
    day: DayArray
    scheduled: DayArray
    known: DayArray
    surprise: NDArray[np.float64]

    @classmethod
    def none(cls) -> Self:
        """Return an empty calendar."""
        days = np.empty(0, dtype="datetime64[D]")
        return cls(
            name=np.empty(0, dtype=str),
            asset=np.empty(0, dtype=np.int64),
            day=days,
            scheduled=days,
            known=days,
            surprise=np.empty(0),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Return the different names, sorted."""
        return tuple(str(name) for name in np.unique(self.name))

    def until(self, last: np.datetime64) -> Self:
        """Return what was known at the close of `last`: later outcomes and later schedules are gone."""
        seen = self.scheduled <= last
        out = self.take(seen)
        told = out.known <= last
        return replace(
            out,
            known=np.where(told, out.known, np.datetime64("NaT")),
            surprise=np.where(told, out.surprise, np.nan),
        )

    def of(self, name: str, asset: int) -> Self:
        """Return the events of a name that concern an asset, by date."""
        found = self.take((self.name == name.upper()) & ((self.asset == asset) | (self.asset == -1)))
        return found.take(np.argsort(found.day, kind="stable"))

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Self:
        """Return some rows."""
        return replace(
            self,
            name=self.name[rows],
            asset=self.asset[rows],
            day=self.day[rows],
            scheduled=self.scheduled[rows],
            known=self.known[rows],
            surprise=self.surprise[rows],
        )
