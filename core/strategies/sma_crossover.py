"""Follow the trend with two simple moving averages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.domain.kernel import Float64Array, kernel
from core.errors import InvalidInput
from core.indicators.moving_average import ABOVE
from core.ports.strategy import PriceHistory, Weights
from core.strategies.parameter import check_parameters, parameter
from core.strategies.signal import per_asset


@dataclass(frozen=True, slots=True, kw_only=True)
class SmaCrossover:
    """Hold an asset while its fast simple moving average is above the slow one, else cash (or short)."""

    name: ClassVar[str] = "sma_crossover"
    legs: ClassVar[int | None] = None
    trades_as_one: ClassVar[bool] = False

    fast: int = parameter(50, "sessions of the fast average", minimum=1)
    slow: int = parameter(200, "sessions of the slow average, above fast", minimum=2)
    allow_short: bool = parameter(False, "go short, instead of to cash, while fast is below slow")

    def __post_init__(self) -> None:
        check_parameters(self)
        if self.fast >= self.slow:
            raise InvalidInput(f"Strategy {self.name}: fast is {self.fast}, expected less than slow = {self.slow}.")

    @property
    def warmup_sessions(self) -> int:
        """Return the sessions before the slow average exists."""
        return self.slow - 1

    def weights(self, prices: PriceHistory) -> Weights:
        """Give each asset an equal share while its trend is up."""

        def decide(close: Float64Array) -> Float64Array:
            share = 1.0 / len(prices.assets)
            return _crossing(close, self.fast, self.slow, share, -share if self.allow_short else 0.0)

        return per_asset(prices, decide)


@kernel
def _crossing(close: Float64Array, fast: int, slow: int, above: float, below: float) -> Float64Array:
    # Both averages as sma_kernel finds them, and the target where it changes, NaN elsewhere, in one pass.
    count = len(close)
    out = np.empty(count)
    out[: slow - 1] = np.nan
    quick = 0.0
    steady = 0.0
    for t in range(min(slow - 1, count)):
        quick += close[t] - close[t - fast] if t >= fast else close[t]
        steady += close[t]
    last = np.nan
    for t in range(slow - 1, count):
        quick += close[t] - close[t - fast] if t >= fast else close[t]
        steady += close[t] - close[t - slow] if t >= slow else close[t]
        target = above if quick / fast > steady / slow * ABOVE else below
        out[t] = target if target != last else np.nan
        last = target
    return out
