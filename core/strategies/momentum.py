"""Follow each asset's own past return (time-series momentum)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.domain.kernel import Float64Array
from core.errors import InvalidInput
from core.ports.strategy import PriceHistory, Weights
from core.strategies.parameter import check_parameters, parameter
from core.strategies.signal import FREQUENCIES, Frequency, on_change, per_asset, period_starts


@dataclass(frozen=True, slots=True, kw_only=True)
class Momentum:
    """Hold an asset while its own past return is positive (Moskowitz, Ooi and Pedersen, 2012)."""

    name: ClassVar[str] = "momentum"
    legs: ClassVar[int | None] = None
    trades_as_one: ClassVar[bool] = False

    lookback: int = parameter(252, "sessions over which the return is measured", minimum=1)
    skip: int = parameter(21, "latest sessions left out, below lookback", minimum=0)
    review: str = parameter("monthly", "how often the decision is reviewed", choices=FREQUENCIES)
    allow_short: bool = parameter(False, "go short, instead of to cash, after a loss")

    def __post_init__(self) -> None:
        check_parameters(self)
        if self.skip >= self.lookback:
            raise InvalidInput(f"Strategy {self.name}: skip is {self.skip}, expected below lookback = {self.lookback}.")

    @property
    def warmup_sessions(self) -> int:
        """Return the sessions before the past return exists."""
        return self.lookback

    def weights(self, prices: PriceHistory) -> Weights:
        """Give each asset an equal share while its past return is positive, judged on review dates."""

        def decide(close: Float64Array) -> Float64Array:
            out = np.full(len(close), np.nan)
            if len(close) > self.lookback:
                past = close[: -self.lookback]
                gain = close[self.lookback - self.skip : len(close) - self.skip] / past - 1.0
                trend = np.where(gain > 0.0, 1.0, -1.0 if self.allow_short else 0.0)
                out[self.lookback :] = trend / len(prices.assets)
            return out

        frequency: Frequency = self.review  # type: ignore[assignment]
        reviewed = period_starts(prices.times, frequency)[:, None]
        return on_change(np.where(reviewed, per_asset(prices, decide), np.nan))
