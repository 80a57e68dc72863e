"""Turn conditions into target weights: per asset, held between entry and exit, emitted when they change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from core.domain.kernel import BoolArray, Float64Array, kernel
from core.domain.market_path import DayArray
from core.ports.strategy import PriceHistory

Frequency = Literal["daily", "weekly", "monthly", "quarterly", "yearly"]
FREQUENCIES: tuple[str, ...] = ("daily", "weekly", "monthly", "quarterly", "yearly")


def per_asset(prices: PriceHistory, decide: Callable[[Float64Array], Float64Array]) -> Float64Array:
    """Apply a function of one asset's traded closes to every asset; NaN where it did not trade."""
    out = np.full(prices.close.shape, np.nan)
    for asset in range(prices.close.shape[1]):
        close = np.asarray(prices.close[:, asset], dtype=np.float64)
        traded = np.isfinite(close)
        if traded.all():
            # Read-only arrays would compile every kernel a second time.
            out[:, asset] = decide(np.require(close, np.float64, ["C", "W"]))
        else:
            out[traded, asset] = decide(np.ascontiguousarray(close[traded]))
    return out


def on_change(target: Float64Array) -> Float64Array:
    """Keep a target only where it differs from the last one of its asset; NaN elsewhere."""
    return _on_change(np.ascontiguousarray(target, dtype=np.float64))


def period_starts(times: DayArray, frequency: Frequency) -> BoolArray:
    """Mark the first session of each day, week (Monday), month, quarter or year in `times`."""
    days = times.astype("datetime64[D]").astype(np.int64)
    if frequency == "daily":
        label = days
    elif frequency == "weekly":
        label = (days + 3) // 7
    else:
        months = times.astype("datetime64[M]").astype(np.int64)
        label = months // {"monthly": 1, "quarterly": 3, "yearly": 12}[frequency]
    starts: BoolArray = np.diff(label, prepend=label[:1] - 1) != 0
    return starts


@kernel
def hold(enter: BoolArray, leave: BoolArray) -> Float64Array:
    """Hold 1.0 from a session where `enter` is true until one where `leave` is; an exit wins a tie."""
    out = np.zeros(len(enter))
    held = 0.0
    for t in range(len(enter)):
        if leave[t]:
            held = 0.0
        elif enter[t]:
            held = 1.0
        out[t] = held
    return out


@kernel
def _on_change(target: Float64Array) -> Float64Array:
    out = np.full(target.shape, np.nan)
    for asset in range(target.shape[1]):
        last = np.nan
        for t in range(target.shape[0]):
            value = target[t, asset]
            if not np.isnan(value) and value != last:
                out[t, asset] = value
                last = value
    return out
