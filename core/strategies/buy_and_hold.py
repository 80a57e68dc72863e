"""Buy once and hold, or hold fixed weights and rebalance on a schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.errors import InvalidInput
from core.ports.strategy import PriceHistory, Weights
from core.strategies.parameter import check_parameters, parameter
from core.strategies.signal import FREQUENCIES, Frequency, period_starts


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyAndHold:
    """Buy the assets in the first session and hold them; optionally restore the weights on a schedule."""

    name: ClassVar[str] = "buy_and_hold"
    legs: ClassVar[int | None] = None
    trades_as_one: ClassVar[bool] = False

    allocation: tuple[float, ...] = parameter((), "share of equity per asset, in their order; empty: equal shares")
    rebalance: str = parameter("never", "how often the weights are restored", choices=("never", *FREQUENCIES))

    def __post_init__(self) -> None:
        check_parameters(self)

    @property
    def warmup_sessions(self) -> int:
        """Return 0: the first close is enough."""
        return 0

    def weights(self, prices: PriceHistory) -> Weights:
        """Set the allocation on each asset's first traded session and on rebalancing dates."""
        traded = np.isfinite(prices.close)
        allocation = self._allocation(len(prices.assets))
        decide = traded & (np.cumsum(traded, axis=0) == 1)
        if self.rebalance != "never":
            frequency: Frequency = self.rebalance  # type: ignore[assignment]
            decide |= traded & period_starts(prices.times, frequency)[:, None]
        return np.where(decide, allocation, np.nan)

    def _allocation(self, assets: int) -> Weights:
        if not self.allocation:
            return np.full(assets, 1.0 / assets)
        if len(self.allocation) != assets:
            raise InvalidInput(
                f"Strategy {self.name}: allocation has {len(self.allocation)} shares, expected {assets}: one per asset."
            )
        return np.array(self.allocation, dtype=np.float64)
