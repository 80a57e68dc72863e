"""Buy weakness and sell strength by the relative strength index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.domain.kernel import Float64Array
from core.errors import InvalidInput
from core.indicators.oscillator import rsi
from core.ports.strategy import PriceHistory, Weights
from core.strategies.parameter import check_parameters, parameter
from core.strategies.signal import hold, on_change, per_asset


@dataclass(frozen=True, slots=True, kw_only=True)
class RsiThreshold:
    """Buy an asset when its RSI falls below a level and sell it when the RSI rises above another."""

    name: ClassVar[str] = "rsi_threshold"
    legs: ClassVar[int | None] = None
    trades_as_one: ClassVar[bool] = False

    period: int = parameter(14, "sessions of the RSI", minimum=2)
    entry_below: float = parameter(30.0, "buy when the RSI is below this", minimum=0.0, maximum=100.0)
    exit_above: float = parameter(70.0, "sell when the RSI is above this", minimum=0.0, maximum=100.0)

    def __post_init__(self) -> None:
        check_parameters(self)
        if self.entry_below > self.exit_above:
            raise InvalidInput(
                f"Strategy {self.name}: entry_below is {self.entry_below}, "
                f"expected at most exit_above = {self.exit_above}."
            )

    @property
    def warmup_sessions(self) -> int:
        """Return the sessions before the RSI exists."""
        return self.period

    def weights(self, prices: PriceHistory) -> Weights:
        """Give each asset an equal share between entry and exit."""

        def decide(close: Float64Array) -> Float64Array:
            level = rsi(close, self.period)
            held = hold(level < self.entry_below, level > self.exit_above)
            return np.where(np.isnan(level), np.nan, held / len(prices.assets))

        return on_change(per_asset(prices, decide))
