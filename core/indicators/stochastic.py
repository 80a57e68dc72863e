"""Locate the close within a range: stochastic oscillators and Williams %R."""

from __future__ import annotations

import numpy as np

from core.domain.kernel import Float64Array, kernel
from core.indicators.declaration import indicator
from core.indicators.oscillator import gain_share_kernel
from core.indicators.rolling import extreme_kernel, mean_kernel


@indicator(fields=("high", "low", "close"), outputs=("slow_k", "slow_d"))
def stochastic(
    high: Float64Array,
    low: Float64Array,
    close: Float64Array,
    k_period: int = 14,
    k_slowing: int = 3,
    d_period: int = 3,
) -> tuple[Float64Array, ...]:
    """Locate the close within the range of the last `k_period` sessions, smoothed twice (Lane, 1984)."""
    raw = _place_in_range(high, low, close, k_period, 0.0)
    return _smoothed_twice(raw, k_period - 1, k_slowing, d_period)


@indicator(fields=("high", "low", "close"), outputs=("fast_k", "fast_d"))
def stochastic_fast(
    high: Float64Array, low: Float64Array, close: Float64Array, k_period: int = 14, d_period: int = 3
) -> tuple[Float64Array, ...]:
    """Locate the close within the range of the last `k_period` sessions, smoothed once (Lane, 1984)."""
    raw = _place_in_range(high, low, close, k_period, 0.0)
    return _smoothed_twice(raw, k_period - 1, 1, d_period)


@indicator(fields=("close",), outputs=("fast_k", "fast_d"))
def stochastic_rsi(
    close: Float64Array, period: int = 14, k_period: int = 14, d_period: int = 3
) -> tuple[Float64Array, ...]:
    """Locate the RSI within its own range of the last `k_period` sessions, 0 to 100 (Chande and Kroll, 1994)."""
    level = gain_share_kernel(close, period, 100.0, 0.0)
    out = np.full(len(close), np.nan)
    inside = level[period:]
    out[period:] = _place_in_range(inside, inside, inside, k_period, 0.0)
    return _smoothed_twice(out, period + k_period - 1, 1, d_period)


@indicator(fields=("high", "low", "close"), outputs=("williams_r",))
def williams_r(high: Float64Array, low: Float64Array, close: Float64Array, period: int = 14) -> Float64Array:
    """Locate the close below the highest high of the window, from -100 to 0 (Williams, 1973)."""
    return _place_in_range(high, low, close, period, 100.0)


@kernel
def _place_in_range(
    high: Float64Array, low: Float64Array, close: Float64Array, period: int, below: float
) -> Float64Array:
    highest = extreme_kernel(high, period, 1.0)
    lowest = extreme_kernel(low, period, -1.0)
    _locate(close, lowest, highest, below)
    return highest


@kernel
def _locate(close: Float64Array, lowest: Float64Array, highest: Float64Array, below: float) -> None:
    for t in range(len(close)):
        span = highest[t] - lowest[t]
        highest[t] = (0.0 if span == 0.0 else (close[t] - lowest[t]) / span * 100.0) - below


@kernel
def _smoothed_twice(raw: Float64Array, start: int, k_slowing: int, d_period: int) -> tuple[Float64Array, Float64Array]:
    # The warm-up of `raw` is NaN, and so the averages of every window that reaches into it.
    slow_k = mean_kernel(raw, k_slowing)
    slow_d = mean_kernel(slow_k, d_period)
    slow_k[: start + k_slowing + d_period - 2] = np.nan
    return slow_k, slow_d
