"""Follow breakouts from the price channel of past sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.domain.kernel import Float64Array
from core.indicators.rolling import extreme_kernel
from core.ports.strategy import PriceHistory, Weights
from core.strategies.parameter import check_parameters, parameter
from core.strategies.signal import hold, on_change


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakout:
    """Buy a close above the highest high of past sessions, sell a close below the lowest low (Donchian, 1960).

    The channel ends on the session before the decision. Closes stand in where highs and lows are missing.
    """

    name: ClassVar[str] = "breakout"
    legs: ClassVar[int | None] = None
    trades_as_one: ClassVar[bool] = False

    entry_period: int = parameter(55, "past sessions whose extreme has to be broken to enter", minimum=1)
    exit_period: int = parameter(20, "past sessions whose opposite extreme has to be broken to leave", minimum=1)
    allow_short: bool = parameter(False, "also sell short on a break downwards")

    def __post_init__(self) -> None:
        check_parameters(self)

    @property
    def warmup_sessions(self) -> int:
        """Return the sessions before both channels exist."""
        return max(self.entry_period, self.exit_period)

    def weights(self, prices: PriceHistory) -> Weights:
        """Give each asset an equal share between entry and exit."""
        out = np.full(prices.close.shape, np.nan)
        assets = len(prices.assets)
        for asset in range(assets):
            close = np.asarray(prices.close[:, asset], dtype=np.float64)
            high = close if prices.high is None else np.asarray(prices.high[:, asset], dtype=np.float64)
            low = close if prices.low is None else np.asarray(prices.low[:, asset], dtype=np.float64)
            high = np.where(np.isfinite(high), high, close)
            low = np.where(np.isfinite(low), low, close)
            traded = np.isfinite(close)
            out[traded, asset] = self._decide(high[traded], low[traded], close[traded]) / assets
        return on_change(out)

    def _decide(self, high: Float64Array, low: Float64Array, close: Float64Array) -> Float64Array:
        up = close > _before(extreme_kernel(high, self.entry_period, 1.0))
        held = hold(up, close < _before(extreme_kernel(low, self.exit_period, -1.0)))
        if self.allow_short:
            down = close < _before(extreme_kernel(low, self.entry_period, -1.0))
            held = held - hold(down, close > _before(extreme_kernel(high, self.exit_period, 1.0)))
        held[: self.warmup_sessions] = np.nan
        return held


def _before(values: Float64Array) -> Float64Array:
    return np.concatenate((np.full(min(1, len(values)), np.nan), values[:-1]))
