"""Invest a fixed amount on a schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.ports.strategy import PriceHistory, Weights
from core.strategies.parameter import check_parameters, parameter
from core.strategies.signal import Frequency, period_starts


@dataclass(frozen=True, slots=True, kw_only=True)
class DollarCostAveraging:
    """Pay in a fixed amount each period and invest everything, in equal shares.

    The decision falls on the first session of the period, money and fills on the session after it.
    """

    name: ClassVar[str] = "dollar_cost_averaging"
    legs: ClassVar[int | None] = None
    trades_as_one: ClassVar[bool] = False

    amount: float = parameter(1000.0, "money paid in per period, in the account's currency", minimum=0.01)
    frequency: str = parameter(
        "monthly", "how often it is paid in", choices=("weekly", "monthly", "quarterly", "yearly")
    )

    def __post_init__(self) -> None:
        check_parameters(self)

    @property
    def warmup_sessions(self) -> int:
        """Return 0: the first close is enough."""
        return 0

    def weights(self, prices: PriceHistory) -> Weights:
        """Ask for full investment on the first session of each period."""
        decide = self._starts(prices)[:, None] & np.isfinite(prices.close)
        return np.where(decide, 1.0 / len(prices.assets), np.nan)

    def contributions(self, prices: PriceHistory) -> Weights:
        """Pay in on the session after the decision, so that the money is invested as it arrives."""
        arrives = np.concatenate((np.zeros(1, dtype=bool), self._starts(prices)[:-1]))
        return np.where(arrives[: len(prices.times)], self.amount, 0.0)

    def _starts(self, prices: PriceHistory) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        frequency: Frequency = self.frequency  # type: ignore[assignment]
        return period_starts(prices.times, frequency)
