"""Compute price bands: Bollinger, Donchian, Keltner, and the typical price."""

from __future__ import annotations

import numpy as np

from core.domain.kernel import Float64Array, kernel
from core.indicators.declaration import indicator
from core.indicators.moving_average import ema_kernel
from core.indicators.rolling import deviation_kernel, extreme_kernel, middle_kernel, typical_kernel
from core.indicators.volatility import wilder_range_kernel


@indicator(fields=("close",), outputs=("upper", "middle", "lower"), pane="price")
def bollinger(close: Float64Array, period: int = 20, deviations: float = 2.0) -> tuple[Float64Array, ...]:
    """Simple average plus and minus `deviations` population standard deviations (Bollinger, 1983)."""
    middle, width = deviation_kernel(close, period, 0)
    lower = _around(middle, width, deviations)
    return width, middle, lower


@indicator(fields=("high", "low"), outputs=("upper", "middle", "lower"), pane="price")
def donchian(high: Float64Array, low: Float64Array, period: int = 20) -> tuple[Float64Array, ...]:
    """Highest high, lowest low and their middle over `period` sessions, today included (Donchian, 1960)."""
    upper = extreme_kernel(high, period, 1.0)
    lower = extreme_kernel(low, period, -1.0)
    middle = np.empty(len(high))
    middle_kernel(upper, lower, middle)
    return upper, middle, lower


@indicator(fields=("high", "low", "close"), outputs=("typical_price",), pane="price")
def typical_price(high: Float64Array, low: Float64Array, close: Float64Array) -> Float64Array:
    """Mean of high, low and close."""
    return typical_kernel(high, low, close)


@indicator(fields=("high", "low", "close"), outputs=("upper", "middle", "lower"), pane="price")
def keltner(
    high: Float64Array,
    low: Float64Array,
    close: Float64Array,
    period: int = 20,
    atr_period: int = 10,
    ranges: float = 2.0,
) -> tuple[Float64Array, ...]:
    """Exponential average plus and minus `ranges` average true ranges (Raschke's form, 1990s)."""
    middle = ema_kernel(close, period, 0)
    width = wilder_range_kernel(high, low, close, atr_period)
    lower = _around(middle, width, ranges)
    return width, middle, lower


@kernel
def _around(middle: Float64Array, width: Float64Array, times: float) -> Float64Array:
    # The width becomes the upper band, the lower one is returned.
    lower = np.empty(len(middle))
    for t in range(len(middle)):
        reach = times * width[t]
        width[t] = middle[t] + reach
        lower[t] = middle[t] - reach
    return lower
