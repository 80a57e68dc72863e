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
    highest = extreme_kernel(close, period, 1.0)
    lowest = extreme_kernel(close, period, -1.0)
    middle_kernel(highest, lowest, lowest)
    return lowest


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
def middle_kernel(one: Float64Array, other: Float64Array, out: Float64Array) -> None:
    """Put the middle between two arrays into `out`, which may be one of them."""
    for t in range(len(out)):
        out[t] = (one[t] + other[t]) / 2.0


@kernel
def _larger(one: Float64Array, other: Float64Array, out: Float64Array) -> None:
    # Views that all begin at 0 compile to vector code, an index with an offset does not.
    for t in range(len(out)):
        out[t] = other[t] if other[t] > one[t] else one[t]


@kernel
def sum_kernel(values: Float64Array, period: int) -> Float64Array:
    """Sum every window of `period` values from its own values alone; one result per window, from the first on.

    Windows are doubled, as for extremes, and joined to the period wanted: 20 = 4 + 16. No rounding is carried from
    window to window, and each pass compiles to vector code.
    """
    count = max(len(values) - period + 1, 0)
    total = np.zeros(count)
    if count:
        power = values.copy()
        wider = np.empty(len(values))
        width = 0
        reach = 1
        while width < period:
            if period & reach:
                _add(power[width:], total)
                width += reach
            if width < period:
                _sum(power, power[reach:], wider[: len(values) - 2 * reach + 1])
                power, wider = wider, power
                reach *= 2
    return total


@kernel
def _add(part: Float64Array, out: Float64Array) -> None:
    for t in range(len(out)):
        out[t] += part[t]


@kernel
def _sum(one: Float64Array, other: Float64Array, out: Float64Array) -> None:
    for t in range(len(out)):
        out[t] = one[t] + other[t]


@kernel
def mean_kernel(values: Float64Array, period: int) -> Float64Array:
    """Find the rolling mean, each window from its own values alone."""
    out = np.empty(len(values))
    out[: period - 1] = np.nan
    total = sum_kernel(values, period)
    inside = out[period - 1 :]
    share = 1.0 / period
    for t in range(len(total)):
        inside[t] = total[t] * share
    return out


@kernel
def deviation_kernel(values: Float64Array, period: int, ddof: int) -> tuple[Float64Array, Float64Array]:
    """Find the rolling mean and standard deviation, exact for any price level.

    Sums and squared distances from the mean of two neighbouring windows are joined (Chan, Golub and LeVeque, 1983):
    nothing large is subtracted from anything large.
    """
    mean = np.empty(len(values))
    out = np.empty(len(values))
    mean[: period - 1] = np.nan
    out[: period - 1] = np.nan
    if len(values) < period:
        return mean, out
    count = len(values) - period + 1
    total = np.zeros(count)
    squares = np.zeros(count)
    power = values.copy()
    spread = np.zeros(len(values))
    wider = np.empty(len(values))
    further = np.empty(len(values))
    width = 0
    reach = 1
    while width < period:
        if period & reach and width == 0:
            total[:] = power[:count]
            squares[:] = spread[:count]
        elif period & reach:
            _join(total, squares, width, power[width:], spread[width:], reach)
        width += period & reach
        if width < period:
            last = len(values) - 2 * reach + 1
            _double(power, power[reach:], spread, spread[reach:], reach, wider[:last], further[:last])
            power, wider = wider, power
            spread, further = further, spread
            reach *= 2
    inside = mean[period - 1 :]
    deviation = out[period - 1 :]
    share = 1.0 / period
    freedom = 1.0 / (period - ddof)
    for t in range(count):
        inside[t] = total[t] * share
        deviation[t] = np.sqrt(squares[t] * freedom)
    return mean, out


@fused_kernel
def _double(
    one: Float64Array,
    other: Float64Array,
    spread: Float64Array,
    beside: Float64Array,
    reach: int,
    total: Float64Array,
    squares: Float64Array,
) -> None:
    weight = 0.5 / reach
    for t in range(len(total)):
        gap = other[t] - one[t]
        total[t] = one[t] + other[t]
        squares[t] = (spread[t] + beside[t]) + weight * gap * gap


@fused_kernel
def _join(
    total: Float64Array, squares: Float64Array, width: int, other: Float64Array, beside: Float64Array, reach: int
) -> None:
    weight = 1.0 * width * reach / (width + reach)
    share = 1.0 / width
    part = 1.0 / reach
    for t in range(len(total)):
        gap = other[t] * part - total[t] * share
        total[t] += other[t]
        squares[t] = (squares[t] + beside[t]) + weight * gap * gap


@kernel
def zscore_kernel(values: Float64Array, period: int) -> Float64Array:
    """Standardise by the rolling mean and sample deviation; rounding noise of a constant window counts as 0."""
    mean, deviation = deviation_kernel(values, max(period, 2), 1)
    for t in range(len(values)):
        flat = deviation[t] <= 1e-12 * abs(mean[t])
        mean[t] = 0.0 if flat else (values[t] - mean[t]) / deviation[t]
    return mean
