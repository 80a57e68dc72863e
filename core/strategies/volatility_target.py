"""Hold more when markets are calm and less when they are not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.domain.kernel import Float64Array, kernel
from core.indicators.volatility import realized_volatility
from core.ports.strategy import PriceHistory, Weights
from core.strategies.parameter import check_parameters, parameter
from core.strategies.signal import per_asset


@dataclass(frozen=True, slots=True, kw_only=True)
class VolatilityTarget:
    """Scale each asset's equal share so that its realised volatility meets a target."""

    name: ClassVar[str] = "volatility_target"
    legs: ClassVar[int | None] = None
    trades_as_one: ClassVar[bool] = False

    target: float = parameter(0.10, "annualised volatility aimed at, as a ratio", minimum=0.001, maximum=2.0)
    window: int = parameter(21, "sessions of the realised volatility", minimum=2)
    max_leverage: float = parameter(1.0, "largest multiple of the equal share", minimum=0.01, maximum=10.0)
    tolerance: float = parameter(0.1, "relative change of the weight below which nothing is traded", minimum=0.0)

    def __post_init__(self) -> None:
        check_parameters(self)

    @property
    def warmup_sessions(self) -> int:
        """Return the sessions before the volatility exists."""
        return self.window

    def weights(self, prices: PriceHistory) -> Weights:
        """Divide the target by realised volatility, capped, moving only when the change is worth a trade."""

        def decide(close: Float64Array) -> Float64Array:
            volatility = realized_volatility(close, self.window, prices.sessions_per_year)
            with np.errstate(divide="ignore"):
                scale = np.minimum(self.target / volatility, self.max_leverage)
            return _beyond_tolerance(scale, self.tolerance) / len(prices.assets)

        return per_asset(prices, decide)


@kernel
def _beyond_tolerance(values: Float64Array, tolerance: float) -> Float64Array:
    out = np.full(len(values), np.nan)
    last = 0.0
    for t in range(len(values)):
        if abs(values[t] - last) > tolerance * last:
            out[t] = values[t]
            last = values[t]
    return out
