"""Compute volatility: true range, average true range, realised volatility."""

from __future__ import annotations

import numpy as np

from core.domain.kernel import Float64Array, fused_kernel, kernel
from core.indicators.declaration import indicator
from core.indicators.rolling import deviation_kernel


@indicator(fields=("high", "low", "close"), outputs=("true_range",))
def true_range(high: Float64Array, low: Float64Array, close: Float64Array) -> Float64Array:
    """Range of the session including the gap from the previous close (Wilder, 1978)."""
    return true_range_kernel(high, low, close)


@indicator(fields=("high", "low", "close"), outputs=("atr",))
def atr(high: Float64Array, low: Float64Array, close: Float64Array, period: int = 14) -> Float64Array:
    """Average true range with Wilder's smoothing, in price units (Wilder, 1978)."""
    return wilder_range_kernel(high, low, close, period)


@indicator(fields=("high", "low", "close"), outputs=("natr",))
def natr(high: Float64Array, low: Float64Array, close: Float64Array, period: int = 14) -> Float64Array:
    """Average true range in percent of the close."""
    out = wilder_range_kernel(high, low, close, period)
    _in_percent(out, close)
    return out


@indicator(fields=("close",), outputs=("realized_volatility",))
def realized_volatility(close: Float64Array, window: int = 21, sessions_per_year: int = 252) -> Float64Array:
    """Standard deviation (ddof 1) of the last `window` log returns, annualised, as a ratio."""
    out = np.full(len(close), np.nan)
    if len(close) > window >= 2:
        returns = np.empty(len(close) - 1)
        for t in range(len(returns)):
            returns[t] = np.log(close[t + 1]) - np.log(close[t])
        _, deviation = deviation_kernel(returns, window, 1)
        scale = np.sqrt(sessions_per_year)
        for t in range(len(returns)):
            out[t + 1] = deviation[t] * scale
    return out


@kernel
def true_range_kernel(high: Float64Array, low: Float64Array, close: Float64Array) -> Float64Array:
    """Find the range of each session that includes the previous close; NaN in the first."""
    out = np.empty(len(close))
    out[:1] = np.nan
    for t in range(1, len(close)):
        previous = close[t - 1]
        top = high[t] if high[t] > previous else previous
        bottom = low[t] if low[t] < previous else previous
        out[t] = top - bottom
    return out


@kernel
def _in_percent(values: Float64Array, of: Float64Array) -> None:
    for t in range(len(values)):
        values[t] = values[t] / of[t] * 100.0


@fused_kernel
def wilder_range_kernel(high: Float64Array, low: Float64Array, close: Float64Array, period: int) -> Float64Array:
    """Smooth the true range: mean of the first `period` ranges, then 1/period of each new one."""
    out = true_range_kernel(high, low, close)
    weight = 1.0 / period
    keep = 1.0 - weight
    level = 0.0
    for t in range(1, min(period + 1, len(close))):
        level += out[t] * weight
        out[t] = np.nan
    if len(close) > period:
        out[period] = level
    for t in range(period + 1, len(close)):
        level = keep * level + weight * out[t]
        out[t] = level
    return out
