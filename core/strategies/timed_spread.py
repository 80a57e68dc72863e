"""Trade a spread with ratios and conditions of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.errors import InvalidInput
from core.ports.strategy import PriceHistory, Weights
from core.strategies.hedge import METHODS
from core.strategies.parameter import check_parameters, parameter
from core.strategies.signal import hold
from core.strategies.spread import positions
from core.strategies.timing import check_condition, holds, spread_legs, spread_view, warmup


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedSpread:
    """Hold the first asset against the others, long or short the spread, between conditions on it."""

    name: ClassVar[str] = "timed_spread"
    legs: ClassVar[int | None] = None
    trades_as_one: ClassVar[bool] = True

    buy: str = parameter("zscore(spread, 60) < -2", "condition to buy the spread; empty: never")
    sell: str = parameter("zscore(spread, 60) > -0.5", "condition to leave a long spread")
    short: str = parameter("zscore(spread, 60) > 2", "condition to sell the spread; empty: never")
    cover: str = parameter("zscore(spread, 60) < 0.5", "condition to leave a short spread")
    weights_of_legs: tuple[float, ...] = parameter(
        (), "fixed signed weight per asset, in order; empty: `ratios` decides"
    )
    ratios: str = parameter("ols", "how the hedge ratios are found", choices=METHODS)
    window: int = parameter(60, "sessions over which the ratios are estimated", minimum=5)

    def __post_init__(self) -> None:
        check_parameters(self)
        for name in ("buy", "sell", "short", "cover"):
            check_condition(self.name, name, getattr(self, name))
        if self.weights_of_legs and not any(self.weights_of_legs):
            raise InvalidInput(f"Strategy {self.name}: weights_of_legs are all 0, expected one per asset.")

    @property
    def warmup_sessions(self) -> int:
        """Return the sessions before ratios and conditions exist."""
        return self.window + warmup(self.buy, self.sell, self.short, self.cover)

    def weights(self, prices: PriceHistory) -> Weights:
        """Hold one unit of gross exposure, long or short the spread, between the conditions."""
        assets = len(prices.assets)
        if assets < 2 or (self.weights_of_legs and len(self.weights_of_legs) != assets):
            wanted = len(self.weights_of_legs) or "at least 2"
            raise InvalidInput(f"Strategy {self.name}: got {assets} assets, expected {wanted}.")
        if assets > 3 and not self.weights_of_legs and self.ratios == "ols":
            raise InvalidInput(f"Strategy {self.name}: ratios ols takes up to 3 assets, got {assets}; use tls or pca.")
        if self.weights_of_legs:
            legs = np.broadcast_to(np.array(self.weights_of_legs, dtype=np.float64), prices.close.shape)
        else:
            legs = spread_legs(prices, self.ratios, self.window, 0)
        view = spread_view(prices, legs, 0 if self.weights_of_legs else self.window)
        long = hold(holds(self.buy, view, self.name), holds(self.sell, view, self.name))
        short = hold(holds(self.short, view, self.name), holds(self.cover, view, self.name))
        known = np.isfinite(view.fields["spread"])
        known[: self.warmup_sessions] = False
        out = np.full(prices.close.shape, np.nan)
        traded = np.isfinite(prices.close).all(axis=1)
        out[traded] = positions((long - short)[traded], np.array(legs)[traded], known[traded])
        return out
