"""Buy what fell unusually far below its own average."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.domain.kernel import Float64Array
from core.errors import InvalidInput
from core.indicators.rolling import zscore
from core.ports.strategy import PriceHistory, Weights
from core.strategies.parameter import check_parameters, parameter
from core.strategies.signal import hold, on_change, per_asset


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanReversion:
    """Buy when the z-score of the log price falls below -entry_z, sell when it is back above -exit_z."""

    name: ClassVar[str] = "mean_reversion"
    legs: ClassVar[int | None] = None
    trades_as_one: ClassVar[bool] = False

    period: int = parameter(20, "sessions of the mean and deviation", minimum=3)
    entry_z: float = parameter(2.0, "enter at this distance from the mean, in standard deviations", minimum=0.0)
    exit_z: float = parameter(0.5, "leave when the distance is back to this, at most entry_z")
    allow_short: bool = parameter(False, "also sell short what rose unusually far")

    def __post_init__(self) -> None:
        check_parameters(self)
        if self.exit_z > self.entry_z:
            raise InvalidInput(
                f"Strategy {self.name}: exit_z is {self.exit_z}, expected at most entry_z = {self.entry_z}."
            )

    @property
    def warmup_sessions(self) -> int:
        """Return the sessions before the z-score exists."""
        return self.period - 1

    def weights(self, prices: PriceHistory) -> Weights:
        """Give each asset an equal share between entry and exit."""

        def decide(close: Float64Array) -> Float64Array:
            score = zscore(np.log(close), self.period)
            held = hold(score < -self.entry_z, score > -self.exit_z)
            if self.allow_short:
                held = held - hold(score > self.entry_z, score < self.exit_z)
            return np.where(np.isnan(score), np.nan, held / len(prices.assets))

        return on_change(per_asset(prices, decide))
