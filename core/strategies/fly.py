"""Trade a butterfly: a body against two wings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from core.errors import InvalidInput
from core.ports.strategy import PriceHistory, Weights
from core.strategies.parameter import check_parameters, parameter
from core.strategies.spread import spread_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Fly:
    """Trade the second asset (body) against the first and third (wings) when their spread leaves its mean."""

    name: ClassVar[str] = "fly"
    legs: ClassVar[int | None] = 3
    trades_as_one: ClassVar[bool] = True

    window: int = parameter(60, "sessions over which ratios, mean and deviation are estimated", minimum=5)
    entry_z: float = parameter(2.0, "enter at this distance from the mean, in standard deviations", minimum=0.0)
    exit_z: float = parameter(0.5, "leave when the distance is back to this, at most entry_z")
    ratios: str = parameter(
        "regression",
        "ratios of the wings: fitted, half each, equal risk, or free of the two first components",
        choices=("regression", "equal", "risk", "pca"),
    )

    def __post_init__(self) -> None:
        check_parameters(self)
        if self.exit_z > self.entry_z:
            raise InvalidInput(
                f"Strategy {self.name}: exit_z is {self.exit_z}, expected at most entry_z = {self.entry_z}."
            )

    @property
    def warmup_sessions(self) -> int:
        """Return the sessions before the ratios exist."""
        return self.window if self.ratios in ("risk", "pca") else self.window - 1

    def weights(self, prices: PriceHistory) -> Weights:
        """Hold one unit of gross exposure, long or short the spread, between entry and exit."""
        if len(prices.assets) != self.legs:
            raise InvalidInput(f"Strategy {self.name}: got {len(prices.assets)} assets, expected {self.legs}.")
        return spread_weights(
            prices,
            body=1,
            ratios="ols" if self.ratios == "regression" else self.ratios,
            window=self.window,
            entry_z=self.entry_z,
            exit_z=self.exit_z,
        )
