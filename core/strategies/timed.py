"""Trade each asset by conditions of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.ports.strategy import PriceHistory, Weights
from core.strategies.parameter import check_parameters, parameter
from core.strategies.signal import hold, on_change
from core.strategies.timing import asset_view, check_condition, holds, warmup


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedEntries:
    """Buy where one condition holds and sell where another does; sell short by a third and cover by a fourth."""

    name: ClassVar[str] = "timed"
    legs: ClassVar[int | None] = None
    trades_as_one: ClassVar[bool] = False

    buy: str = parameter("close > sma(200)", "condition to enter long")
    sell: str = parameter("close < sma(200)", "condition to leave a long position; an exit wins a tie")
    short: str = parameter("", "condition to enter short; empty: never")
    cover: str = parameter("", "condition to leave a short position; empty: the condition to buy")

    def __post_init__(self) -> None:
        check_parameters(self)
        for name in ("buy", "sell", "short", "cover"):
            check_condition(self.name, name, getattr(self, name))

    @property
    def warmup_sessions(self) -> int:
        """Return the longest warm-up of the conditions."""
        return warmup(self.buy, self.sell, self.short, self.cover)

    def weights(self, prices: PriceHistory) -> Weights:
        """Give each asset an equal share, long or short, between its conditions."""
        out = np.full(prices.close.shape, np.nan)
        for asset, symbol in enumerate(prices.assets):
            view = asset_view(prices, asset)
            side = hold(holds(self.buy, view, symbol), holds(self.sell, view, symbol))
            if self.short:
                side = side - hold(holds(self.short, view, symbol), holds(self.cover or self.buy, view, symbol))
            traded = np.isfinite(prices.close[:, asset])
            out[traded, asset] = np.clip(side, -1.0, 1.0)[traded] / len(prices.assets)
        out[: self.warmup_sessions] = np.nan
        return on_change(out)
