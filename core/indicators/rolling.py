"""Compute rolling statistics: extremes, deviation, z-score, drawdown from the running maximum."""

from __future__ import annotations

import numpy as np

from core.domain.kernel import Float64Array, fused_kernel, kernel
from core.indicators.declaration import indicator


@indicator(fields=("close",), outputs=("rolling_max",), pane="price")
def rolling_max(close: Float64Array, period: int = 20) -> Float64Array:
    """Highest close of the last `period` sessions."""
    return extreme_kernel(close, period, 1.0)


@indicator(fields=("close",), outputs=("rolling_min",), pane="price")
def rolling_min(close: Float64Array, period: int = 20) -> Float64Array:
    """Lowest close of the last `period` sessions."""
    return extreme_kernel(close, period, -1.0)


@indicator(fields=("close",), outputs=("zscore",))
def zscore(close: Float64Array, period: int = 20) -> Float64Array:
    """Distance from the mean of the last `period` closes in sample standard deviations (ddof 1).

    0 where the window is constant.
    """
    return zscore_kernel(close, period)


@indicator(fields=("close",), outputs=("standard_deviation",))
def standard_deviation(close: Float64Array, period: int = 20) -> Float64Array:
    """Population standard deviation of the last `period` closes, in price units."""
    return deviation_kernel(close, period, 0)[1]


@indicator(fields=("close",), outputs=("midpoint",), pane="price")
def midpoint(close: Float64Array, period: int = 14) -> Float64Array:
    """Middle between the highest and lowest close of the last `period` sessions."""
    return (extreme_kernel(close, period, 1.0) + extreme_kernel(close, period, -1.0)) / 2.0


@indicator(fields=("close",), outputs=("drawdown",))
def drawdown(close: Float64Array) -> Float64Array:
    """Loss from the highest close so far, as a ratio (0 or negative)."""
    out = np.empty(len(close))
    highest = -np.inf
    for t in range(len(close)):
        highest = close[t] if close[t] > highest else highest
        out[t] = close[t] / highest - 1.0
    return out


@kernel
def typical_kernel(high: Float64Array, low: Float64Array, close: Float64Array) -> Float64Array:
    """Find the mean of high, low and close of each session."""
    out = np.empty(len(close))
    for t in range(len(close)):
        out[t] = (high[t] + low[t] + close[t]) / 3.0
    return out


@kernel
def extreme_kernel(values: Float64Array, period: int, sign: float) -> Float64Array:
    """Find the rolling maximum (sign 1) or minimum (sign -1) of finite values.

    Windows are doubled: the extreme of 2 n sessions is that of two neighbouring windows of n. Each pass has
    no branch, so it compiles to vector code.
    """
    count = len(values)
    out = np.empty(count)
    out[: period - 1] = np.nan
    if count < period:
        return out
    best = sign * values
    wider = np.empty(count)
    reach = 1
    while 2 * reach <= period:
        _larger(best, best[reach:], wider[: count - 2 * reach + 1])
        best, wider = wider, best
        reach *= 2
    last = out[period - 1 :]
    _larger(best, best[period - reach :], last)
    if sign < 0.0:
        for t in range(len(last)):
            last[t] = -last[t]
    return out


@kernel
def _larger(one: Float64Array, other: Float64Array, out: Float64Array) -> None:
    # Views that all begin at 0 compile to vector code, an index with an offset does not.
    for t in range(len(out)):
        out[t] = other[t] if other[t] > one[t] else one[t]


@kernel
def add_four_kernel(a: Float64Array, b: Float64Array, c: Float64Array, d: Float64Array, out: Float64Array) -> None:
    """Add four arrays, each at least as long as `out`, to it."""
    for t in range(len(out)):
        out[t] += (a[t] + b[t]) + (c[t] + d[t])


@fused_kernel
def _add_four_squares(
    a: Float64Array, b: Float64Array, c: Float64Array, d: Float64Array, middle: Float64Array, out: Float64Array
) -> None:
    for t in range(len(out)):
        m = middle[t]
        one = a[t] - m
        two = b[t] - m
        three = c[t] - m
        four = d[t] - m
        out[t] += (one * one + two * two) + (three * three + four * four)


@kernel
def mean_kernel(values: Float64Array, period: int) -> Float64Array:
    """Find the rolling mean by adding each window anew, so that no rounding is carried from window to window.

    The loop over the window is outside, which compiles to vector code.
    """
    count = len(values)
    out = np.empty(count)
    out[: period - 1] = np.nan
    if count >= period:
        total = out[period - 1 :]
        total[:] = 0.0
        k = 0
        while k + 4 <= period:
            add_four_kernel(values[k:], values[k + 1 :], values[k + 2 :], values[k + 3 :], total)
            k += 4
        while k < period:
            _add_one(values[k:], total)
            k += 1
        for t in range(len(total)):
            total[t] /= period
    return out


@kernel
def _add_one(part: Float64Array, out: Float64Array) -> None:
    for t in range(len(out)):
        out[t] += part[t]


@kernel
def deviation_kernel(values: Float64Array, period: int, ddof: int) -> tuple[Float64Array, Float64Array]:
    """Find the rolling mean and standard deviation in two passes per window, exact for any price level."""
    mean = mean_kernel(values, period)
    out = np.empty(len(values))
    out[: period - 1] = np.nan
    if len(values) >= period:
        middle = mean[period - 1 :]
        squares = out[period - 1 :]
        squares[:] = 0.0
        k = 0
        while k + 4 <= period:
            _add_four_squares(values[k:], values[k + 1 :], values[k + 2 :], values[k + 3 :], middle, squares)
            k += 4
        while k < period:
            part = values[k:]
            for t in range(len(middle)):
                one = part[t] - middle[t]
                squares[t] += one * one
            k += 1
        for t in range(len(middle)):
            squares[t] = np.sqrt(squares[t] / (period - ddof))
    return mean, out


@kernel
def zscore_kernel(values: Float64Array, period: int) -> Float64Array:
    """Standardise by the rolling mean and sample deviation; rounding noise of a constant window counts as 0."""
    mean, deviation = deviation_kernel(values, max(period, 2), 1)
    flat = deviation <= 1e-12 * np.abs(mean)
    return np.where(flat, 0.0, (values - mean) / deviation)
