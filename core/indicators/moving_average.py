"""Compute moving averages: simple, exponential, weighted, triangular, adaptive, and those with less lag."""

from __future__ import annotations

import numpy as np

from core.domain.kernel import Float64Array, fused_kernel, kernel
from core.indicators.declaration import indicator

# Two averages of the same unchanged prices differ by rounding: one is above another only beyond this factor.
ABOVE = 1.0 + 1e-12


@indicator(fields=("close",), outputs=("sma",), pane="price")
def sma(close: Float64Array, period: int = 20) -> Float64Array:
    """Average the last `period` closes with equal weights."""
    return sma_kernel(close, period)


@indicator(fields=("close",), outputs=("ema",), pane="price")
def ema(close: Float64Array, period: int = 20) -> Float64Array:
    """Average exponentially with weight 2 / (period + 1), started from the simple average."""
    return ema_kernel(close, period, 0)


@indicator(fields=("close",), outputs=("wma",), pane="price")
def wma(close: Float64Array, period: int = 20) -> Float64Array:
    """Average the last `period` closes with weights 1 (oldest) to `period` (newest)."""
    return _wma(close, period)


@indicator(fields=("close",), outputs=("trima",), pane="price")
def trima(close: Float64Array, period: int = 20) -> Float64Array:
    """Average the last `period` closes with weights rising to the middle and falling again (triangular)."""
    first = (period + 1) // 2
    once = sma_kernel(close, first)
    twice = sma_kernel(once[first - 1 :], period + 1 - first)
    for t in range(len(twice)):
        once[first - 1 + t] = twice[t]
    return once


@indicator(fields=("close",), outputs=("kama",), pane="price")
def kama(close: Float64Array, period: int = 10) -> Float64Array:
    """Average faster in a trend and slower in noise, by the efficiency of the move (Kaufman, 1995)."""
    return _kama(close, period)


@indicator(fields=("close",), outputs=("dema",), pane="price")
def dema(close: Float64Array, period: int = 20) -> Float64Array:
    """Reduce the lag of the exponential average: 2 EMA - EMA(EMA) (Mulloy, 1994)."""
    return repeated_ema_kernel(close, period, 2, 2.0, -1.0, 0.0)


@indicator(fields=("close",), outputs=("tema",), pane="price")
def tema(close: Float64Array, period: int = 20) -> Float64Array:
    """Reduce the lag further: 3 EMA - 3 EMA(EMA) + EMA(EMA(EMA)) (Mulloy, 1994)."""
    return repeated_ema_kernel(close, period, 3, 3.0, -3.0, 1.0)


@indicator(fields=("close",), outputs=("t3",), pane="price")
def t3(close: Float64Array, period: int = 5, volume_factor: float = 0.7) -> Float64Array:
    """Smooth three times with a generalised double exponential average (Tillson, 1998)."""
    v = volume_factor
    third = repeated_ema_kernel(close, period, 3, 0.0, 0.0, 1.0)
    start = 3 * (period - 1)
    out = np.full(len(close), np.nan)
    fourth = ema_kernel(third[start:], period, 0)
    fifth = ema_kernel(fourth, period, period - 1)
    sixth = ema_kernel(fifth, period, 2 * (period - 1))
    one = (1.0 + v) ** 3
    two = 3.0 * v * (1.0 + v) ** 2
    three = 3.0 * v * v * (1.0 + v)
    for t in range(len(fourth)):
        out[start + t] = one * third[start + t] - two * fourth[t] + three * fifth[t] - v**3 * sixth[t]
    return out


@indicator(fields=("close",), outputs=("macd", "signal", "histogram"))
def macd(close: Float64Array, fast: int = 12, slow: int = 26, signal: int = 9) -> tuple[Float64Array, ...]:
    """Subtract the slow from the fast exponential average, with its own average as signal (Appel, 1979).

    Both averages start on the same session, so that they are comparable from the first value on.
    """
    return _macd(close, min(fast, slow), max(fast, slow), signal)


@indicator(fields=("close",), outputs=("ppo",))
def ppo(close: Float64Array, fast: int = 12, slow: int = 26) -> Float64Array:
    """Gap between the fast and the slow exponential average in percent of the slow one (Appel)."""
    fast, slow = min(fast, slow), max(fast, slow)
    base = ema_kernel(close, slow, 0)
    quick = ema_kernel(close, fast, 0)
    for t in range(len(close)):
        quick[t] = (quick[t] - base[t]) / base[t] * 100.0
    return quick


@kernel
def sma_kernel(values: Float64Array, period: int) -> Float64Array:
    """Average over a trailing window by a running sum."""
    out = np.empty(len(values))
    out[: period - 1] = np.nan
    if len(values) < period:
        return out
    total = 0.0
    for t in range(period):
        total += values[t]
    out[period - 1] = total / period
    for t in range(period, len(values)):
        total += values[t] - values[t - period]
        out[t] = total / period
    return out


@fused_kernel
def ema_kernel(values: Float64Array, period: int, start: int) -> Float64Array:
    """Average exponentially from index `start`, seeded with the mean of the first `period` values."""
    out = np.empty(len(values))
    out[: start + period - 1] = np.nan
    if len(values) < start + period:
        return out
    level = 0.0
    for t in range(start, start + period):
        level += values[t]
    level /= period
    out[start + period - 1] = level
    weight = 2.0 / (period + 1.0)
    keep = 1.0 - weight
    for t in range(start + period, len(values)):
        level = keep * level + weight * values[t]
        out[t] = level
    return out


@fused_kernel
def repeated_ema_kernel(
    values: Float64Array, period: int, depth: int, one: float, two: float, three: float
) -> Float64Array:
    """Weigh the exponential average, its own average and that one's average, in one pass.

    NaN until the average of order `depth` (1 to 3) exists; each is seeded with the mean of its first values.
    """
    count = len(values)
    out = np.empty(count)
    first = depth * (period - 1)
    out[:first] = np.nan
    weight = 2.0 / (period + 1.0)
    keep = 1.0 - weight
    a = 0.0
    b = 0.0
    c = 0.0
    settled = min(3 * (period - 1) + 1, count)
    for t in range(settled):
        k = t - (period - 1)
        a = a + values[t] / period if k <= 0 else keep * a + weight * values[t]
        if k >= 0:
            b = b + a / period if k <= period - 1 else keep * b + weight * a
        if k >= period - 1:
            c += b / period
        if t >= first:
            out[t] = one * a + two * b + three * c
    for t in range(settled, count):
        a = keep * a + weight * values[t]
        b = keep * b + weight * a
        c = keep * c + weight * b
        out[t] = one * a + two * b + three * c
    return out


@fused_kernel
def _macd(close: Float64Array, fast: int, slow: int, signal: int) -> tuple[Float64Array, Float64Array, Float64Array]:
    count = len(close)
    line = np.empty(count)
    average = np.empty(count)
    gap = np.empty(count)
    first = min(slow + signal - 2, count)
    line[:first] = np.nan
    average[:first] = np.nan
    gap[:first] = np.nan
    if count < slow + signal - 1:
        return line, average, gap
    quick = 0.0
    steady = 0.0
    level = 0.0
    for t in range(slow):
        steady += close[t] / slow
        if t >= slow - fast:
            quick += close[t] / fast
    quick_weight = 2.0 / (fast + 1.0)
    steady_weight = 2.0 / (slow + 1.0)
    weight = 2.0 / (signal + 1.0)
    for t in range(slow - 1, count):
        if t >= slow:
            quick = (1.0 - quick_weight) * quick + quick_weight * close[t]
            steady = (1.0 - steady_weight) * steady + steady_weight * close[t]
        if t <= first:
            level += (quick - steady) / signal
        else:
            level = (1.0 - weight) * level + weight * (quick - steady)
        if t >= first:
            line[t] = quick - steady
            average[t] = level
            gap[t] = quick - steady - level
    return line, average, gap


@kernel
def _wma(values: Float64Array, period: int) -> Float64Array:
    out = np.empty(len(values))
    out[: period - 1] = np.nan
    if len(values) < period:
        return out
    divisor = period * (period + 1) / 2.0
    weighted = 0.0
    total = 0.0
    for t in range(period):
        weighted += values[t] * (t + 1)
        total += values[t]
    out[period - 1] = weighted / divisor
    for t in range(period, len(values)):
        weighted += values[t] * period - total
        total += values[t] - values[t - period]
        out[t] = weighted / divisor
    return out


@fused_kernel
def _kama(close: Float64Array, period: int) -> Float64Array:
    count = len(close)
    out = np.empty(count)
    out[:period] = np.nan
    if count <= period:
        return out
    quick = 2.0 / 3.0
    slow = 2.0 / 31.0
    path = 0.0
    for t in range(1, period):
        path += abs(close[t] - close[t - 1])
    level = close[period - 1]
    for t in range(period, count):
        path += abs(close[t] - close[t - 1])
        if t > period:
            path -= abs(close[t - period] - close[t - period - 1])
        move = abs(close[t] - close[t - period])
        efficiency = 1.0 if path <= move or path <= 1e-12 * close[t] else move / path
        weight = (efficiency * (quick - slow) + slow) ** 2
        level += weight * (close[t] - level)
        out[t] = level
    return out
