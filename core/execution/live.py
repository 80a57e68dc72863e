"""Decide what an enabled strategy's positions need now: entry, exit, rebalance, stop or profit target. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.domain.books import OrderType
from core.domain.kernel import Float64Array
from core.valuation.recommendation import Action, action_of, sessions_unchanged

REBALANCE_BAND = 0.20
"""A position is brought back to its target when it is off by more than this share of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """Hold at which loss and gain (ratios of the money committed, 0 for none) a position is given up."""

    stop_loss: float = 0.0
    take_profit: float = 0.0

    def reached(self, profit: float) -> Action | None:
        """Return the rule that a joint profit (ratio, negative for a loss) has reached."""
        if self.stop_loss and profit <= -self.stop_loss:
            return "stop"
        return "take_profit" if self.take_profit and profit >= self.take_profit else None

    def levels(self, side: int, reference: float) -> dict[OrderType, float]:
        """Return the prices at which a position of a side (1 long, -1 short) entered at `reference` is given up."""
        found: dict[OrderType, float] = {}
        if self.stop_loss:
            found["stop"] = reference * (1.0 - side * self.stop_loss)
        if self.take_profit and reference * (1.0 + side * self.take_profit) > 0.0:
            found["limit"] = reference * (1.0 + side * self.take_profit)
        return found

    def is_kept_by(self, resting: Mapping[OrderType, float], side: int, cost: float) -> bool:
        """Say whether orders at these prices protect a position of average `cost` (price of a unit) as is wanted.

        A level may be off by the share of its distance that a position may be off its target.
        """
        wanted = self.levels(side, cost)
        return wanted.keys() == resting.keys() and all(
            abs(resting[name] - level) <= REBALANCE_BAND * abs(level - cost) for name, level in wanted.items()
        )


def choose(
    targets: Float64Array,
    held: Float64Array,
    *,
    weight: float,
    profit: float,
    protection: Protection,
    sessions_since_stop: int | None,
) -> tuple[Action, Float64Array] | None:
    """Return what to do and the weights (assets,) to reach, or None when nothing is.

    `targets` are the strategy's standing weights (time, assets) as shares of its own money, `held` the weights it
    holds now and `profit` their joint profit, `weight` its share of the account. After a stop or a profit target,
    `sessions_since_stop` sessions ago, it stays out until the strategy decides flat or another side.
    """
    flat = np.zeros_like(held)
    open_now = bool(held.any())
    reached = protection.reached(profit) if open_now else None
    if reached is not None:
        return reached, flat
    wanted = targets[-1] * weight
    if sessions_since_stop is not None and sessions_unchanged(targets) > sessions_since_stop:
        wanted = flat
    action = action_of(held, wanted)
    if action == "rebalance" and np.abs(wanted - held).sum() <= REBALANCE_BAND * np.abs(wanted).sum():
        return None
    return None if action is None else (action, wanted)
