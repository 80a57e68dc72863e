"""Locate the close within a range: stochastic oscillators and Williams %R."""

from __future__ import annotations

import numpy as np

from core.domain.kernel import Float64Array, kernel
from core.indicators.declaration import indicator
from core.indicators.moving_average import sma_kernel
from core.indicators.oscillator import gain_share_kernel
from core.indicators.rolling import extreme_kernel


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
    raw = _place_in_range(high, low, close, k_period)
    return _smoothed_twice(raw, k_period - 1, k_slowing, d_period)


@indicator(fields=("high", "low", "close"), outputs=("fast_k", "fast_d"))
def stochastic_fast(
    high: Float64Array, low: Float64Array, close: Float64Array, k_period: int = 14, d_period: int = 3
) -> tuple[Float64Array, ...]:
    """Locate the close within the range of the last `k_period` sessions, smoothed once (Lane, 1984)."""
    raw = _place_in_range(high, low, close, k_period)
    return _smoothed_twice(raw, k_period - 1, 1, d_period)


@indicator(fields=("close",), outputs=("fast_k", "fast_d"))
def stochastic_rsi(
    close: Float64Array, period: int = 14, k_period: int = 14, d_period: int = 3
) -> tuple[Float64Array, ...]:
    """Locate the RSI within its own range of the last `k_period` sessions, 0 to 100 (Chande and Kroll, 1994)."""
    level = gain_share_kernel(close, period, 100.0, 0.0)
    out = np.full(len(close), np.nan)
    inside = level[period:]
    out[period:] = _place_in_range(inside, inside, inside, k_period)
    return _smoothed_twice(out, period + k_period - 1, 1, d_period)


@indicator(fields=("high", "low", "close"), outputs=("williams_r",))
def williams_r(high: Float64Array, low: Float64Array, close: Float64Array, period: int = 14) -> Float64Array:
    """Locate the close below the highest high of the window, from -100 to 0 (Williams, 1973)."""
    return _place_in_range(high, low, close, period) - 100.0


@kernel
def _place_in_range(high: Float64Array, low: Float64Array, close: Float64Array, period: int) -> Float64Array:
    highest = extreme_kernel(high, period, 1.0)
    lowest = extreme_kernel(low, period, -1.0)
    for t in range(len(close)):
        span = highest[t] - lowest[t]
        highest[t] = 0.0 if span == 0.0 else (close[t] - lowest[t]) / span * 100.0
    return highest


@kernel
def _smoothed_twice(raw: Float64Array, start: int, k_slowing: int, d_period: int) -> tuple[Float64Array, Float64Array]:
    slow_k = np.full(len(raw), np.nan)
    slow_d = np.full(len(raw), np.nan)
    first = start + k_slowing + d_period - 2
    if len(raw) <= first:
        return slow_k, slow_d
    once = sma_kernel(raw[start:], k_slowing)[k_slowing - 1 :]
    twice = sma_kernel(once, d_period)
    for t in range(first, len(raw)):
        slow_k[t] = once[t - start - k_slowing + 1]
        slow_d[t] = twice[t - start - k_slowing + 1]
    return slow_k, slow_d
