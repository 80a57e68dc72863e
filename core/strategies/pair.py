"""Trade two assets against each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from core.errors import InvalidInput
from core.ports.strategy import PriceHistory, Weights
from core.strategies.parameter import check_parameters, parameter
from core.strategies.spread import spread_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Trade the first asset against the second when their spread leaves its mean.

    The hedge ratio of log prices is ordinary least squares (Engle and Granger, 1987, first step), total least squares,
    or a Kalman filter, as core.strategies.hedge says.
    """

    name: ClassVar[str] = "pair"
    legs: ClassVar[int | None] = 2
    trades_as_one: ClassVar[bool] = True

    window: int = parameter(60, "sessions over which ratios, mean and deviation are estimated", minimum=5)
    entry_z: float = parameter(2.0, "enter at this distance from the mean, in standard deviations", minimum=0.0)
    exit_z: float = parameter(0.5, "leave when the distance is back to this, at most entry_z")
    ratios: str = parameter("ols", "how the hedge ratio is found", choices=("ols", "tls", "kalman", "risk", "equal"))

    def __post_init__(self) -> None:
        check_parameters(self)
        if self.exit_z > self.entry_z:
            raise InvalidInput(
                f"Strategy {self.name}: exit_z is {self.exit_z}, expected at most entry_z = {self.entry_z}."
            )

    @property
    def warmup_sessions(self) -> int:
        """Return the sessions before the ratios exist."""
        return self.window if self.ratios in ("kalman", "risk") else self.window - 1

    def weights(self, prices: PriceHistory) -> Weights:
        """Hold one unit of gross exposure, long or short the spread, between entry and exit."""
        if len(prices.assets) != self.legs:
            raise InvalidInput(f"Strategy {self.name}: got {len(prices.assets)} assets, expected {self.legs}.")
        return spread_weights(
            prices, body=0, ratios=self.ratios, window=self.window, entry_z=self.entry_z, exit_z=self.exit_z
        )
