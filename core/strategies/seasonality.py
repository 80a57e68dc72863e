"""Hold assets at certain times of the year or month."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.domain.kernel import BoolArray
from core.domain.market_path import DayArray
from core.errors import InvalidInput
from core.ports.strategy import PriceHistory, Weights
from core.strategies.parameter import check_parameters, parameter
from core.strategies.signal import on_change


@dataclass(frozen=True, slots=True, kw_only=True)
class Seasonality:
    """Hold the assets in the months named, or around the turn of the month.

    `months` November to April is the Halloween effect (Bouman and Jacobsen, 2002); with `days_before` and
    `days_after` above 0 the position is held only from so many weekdays before the month ends to so many after it
    begins (turn of the month, Lakonishok and Smidt, 1988). Decided the session before, from the calendar alone.
    """

    name: ClassVar[str] = "seasonality"
    legs: ClassVar[int | None] = None
    trades_as_one: ClassVar[bool] = False

    months: tuple[float, ...] = parameter((11, 12, 1, 2, 3, 4), "months in which the assets are held, 1 to 12")
    days_before: int = parameter(0, "last weekdays of a month held; 0 with days_after 0: whole months", minimum=0)
    days_after: int = parameter(0, "first weekdays of a month held", minimum=0)

    def __post_init__(self) -> None:
        check_parameters(self)
        if not self.months or any(month != int(month) or not 1 <= month <= 12 for month in self.months):
            raise InvalidInput(f"Strategy {self.name}: months is {self.months}, expected months from 1 to 12.")

    @property
    def warmup_sessions(self) -> int:
        """Return 0: the calendar is known."""
        return 0

    def weights(self, prices: PriceHistory) -> Weights:
        """Hold equal shares on the next weekday if that lies in the season."""
        season = self._in_season(np.busday_offset(prices.times.astype("datetime64[D]"), 1, roll="backward"))
        target = np.where(np.isfinite(prices.close), season[:, None] / len(prices.assets), np.nan)
        return on_change(target)

    def _in_season(self, days: DayArray) -> BoolArray:
        months = days.astype("datetime64[M]")
        number = months.astype(np.int64) % 12 + 1
        season = np.isin(number, np.array(self.months, dtype=np.int64))
        if self.days_before or self.days_after:
            first = months.astype("datetime64[D]")
            after = np.busday_count(first, days) < self.days_after
            before = np.busday_count(days, (months + 1).astype("datetime64[D]")) <= self.days_before
            season &= after | before
        return np.asarray(season)
