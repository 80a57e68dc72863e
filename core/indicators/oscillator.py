"""Compute oscillators: RSI, CMO, CCI, ultimate oscillator, rate of change, momentum, TRIX, balance of power."""

from __future__ import annotations

import numpy as np

from core.domain.kernel import Float64Array, fused_kernel, kernel
from core.indicators.declaration import indicator
from core.indicators.moving_average import repeated_ema_kernel
from core.indicators.rolling import mean_kernel, typical_kernel


@indicator(fields=("close",), outputs=("rsi",))
def rsi(close: Float64Array, period: int = 14) -> Float64Array:
    """Measure average gain against average loss on a scale of 0 to 100 (Wilder, 1978)."""
    return gain_share_kernel(close, period, 100.0, 0.0)


@indicator(fields=("close",), outputs=("cmo",))
def cmo(close: Float64Array, period: int = 14) -> Float64Array:
    """Average gain less average loss over their sum, from -100 to 100, with Wilder's smoothing (Chande, 1994)."""
    return gain_share_kernel(close, period, 200.0, -100.0)


@indicator(fields=("high", "low", "close"), outputs=("cci",))
def cci(high: Float64Array, low: Float64Array, close: Float64Array, period: int = 20) -> Float64Array:
    """Measure the typical price's distance from its mean in mean absolute deviations (Lambert, 1980)."""
    return _cci(typical_kernel(high, low, close), period)


@indicator(fields=("high", "low", "close"), outputs=("ultimate_oscillator",))
def ultimate_oscillator(
    high: Float64Array, low: Float64Array, close: Float64Array, short: int = 7, middle: int = 14, long: int = 28
) -> Float64Array:
    """Weigh buying pressure over three horizons 4 : 2 : 1, from 0 to 100 (Williams, 1985)."""
    shortest, longest = min(short, middle, long), max(short, middle, long)
    return _ultimate(high, low, close, shortest, short + middle + long - shortest - longest, longest)


@indicator(fields=("close",), outputs=("roc",))
def roc(close: Float64Array, period: int = 10) -> Float64Array:
    """Change of the close over `period` sessions, in percent."""
    return _rate_of_change(close, period)


@indicator(fields=("close",), outputs=("momentum",))
def momentum(close: Float64Array, period: int = 10) -> Float64Array:
    """Change of the close over `period` sessions, in price units."""
    out = np.empty(len(close))
    out[:period] = np.nan
    newest = close[period:]
    inside = out[period:]
    for t in range(len(inside)):
        inside[t] = newest[t] - close[t]
    return out


@indicator(fields=("close",), outputs=("trix",))
def trix(close: Float64Array, period: int = 15) -> Float64Array:
    """Change, in percent, of the close averaged exponentially three times (Hutson, 1983)."""
    return _rate_of_change(repeated_ema_kernel(close, period, 3, 0.0, 0.0, 1.0), 1)


@indicator(fields=("open", "high", "low", "close"), outputs=("balance_of_power",))
def balance_of_power(open: Float64Array, high: Float64Array, low: Float64Array, close: Float64Array) -> Float64Array:
    """Share of the session's range that the close gained on the open, from -1 to 1; 0 without a range (Livshin)."""
    out = np.empty(len(close))
    for t in range(len(close)):
        span = high[t] - low[t]
        out[t] = (close[t] - open[t]) / span if span > 0.0 else 0.0
    return out


@fused_kernel
def gain_share_kernel(close: Float64Array, period: int, scale: float, shift: float) -> Float64Array:
    """Smooth gains and all moves as Wilder does and return shift + scale times the share of gains; 0 without moves."""
    out = np.empty(len(close))
    out[:period] = np.nan
    if len(close) <= period:
        return out
    weight = 1.0 / period
    keep = 1.0 - weight
    gain = 0.0
    moved = 0.0
    for t in range(1, period + 1):
        change = close[t] - close[t - 1]
        gain += change if change > 0.0 else 0.0
        moved += abs(change)
    gain *= weight
    moved *= weight
    out[period] = shift + scale * (gain / moved) if moved > 0.0 else 0.0
    for t in range(period + 1, len(close)):
        change = close[t] - close[t - 1]
        gain = keep * gain + weight * (change if change > 0.0 else 0.0)
        moved = keep * moved + weight * abs(change)
        out[t] = shift + scale * (gain / moved) if moved > 0.0 else 0.0
    return out


@kernel
def _rate_of_change(values: Float64Array, period: int) -> Float64Array:
    out = np.empty(len(values))
    out[:period] = np.nan
    newest = values[period:]
    inside = out[period:]
    for t in range(len(inside)):
        inside[t] = (newest[t] / values[t] - 1.0) * 100.0
    return out


@kernel
def _cci(typical: Float64Array, period: int) -> Float64Array:
    out = np.empty(len(typical))
    out[: period - 1] = np.nan
    if len(typical) < period:
        return out
    middle = mean_kernel(typical, period)[period - 1 :]
    deviation = np.zeros(len(middle))
    k = 0
    while k + 4 <= period:
        _add_four_distances(typical[k:], typical[k + 1 :], typical[k + 2 :], typical[k + 3 :], middle, deviation)
        k += 4
    while k < period:
        _add_distance(typical[k:], middle, deviation)
        k += 1
    _in_deviations(typical[period - 1 :], middle, deviation, period, out[period - 1 :])
    return out


@kernel
def _add_four_distances(
    a: Float64Array, b: Float64Array, c: Float64Array, d: Float64Array, middle: Float64Array, out: Float64Array
) -> None:
    for t in range(len(out)):
        m = middle[t]
        out[t] += (abs(a[t] - m) + abs(b[t] - m)) + (abs(c[t] - m) + abs(d[t] - m))


@kernel
def _add_distance(part: Float64Array, middle: Float64Array, out: Float64Array) -> None:
    for t in range(len(out)):
        out[t] += abs(part[t] - middle[t])


@kernel
def _in_deviations(
    newest: Float64Array, middle: Float64Array, deviation: Float64Array, period: int, out: Float64Array
) -> None:
    scale = period / 0.015
    least = 1e-13 * period
    for t in range(len(middle)):
        distance = newest[t] - middle[t]
        # Rounding of the mean of a constant window counts as no deviation.
        out[t] = 0.0 if deviation[t] <= least * abs(middle[t]) else scale * distance / deviation[t]


@kernel
def _ultimate(
    high: Float64Array, low: Float64Array, close: Float64Array, short: int, middle: int, long: int
) -> Float64Array:
    count = len(close)
    out = np.empty(count)
    out[:long] = np.nan
    if count <= long:
        return out
    out[long:] = 0.0
    pressure = np.zeros(count)
    span = np.zeros(count)
    _press(high[1:], low[1:], close[1:], close, pressure[1:], span[1:])
    sums = np.empty((6, count - long))
    _running_sums(pressure, span, short, middle, long, sums)
    for row, weight in ((0, 4.0), (2, 2.0), (4, 1.0)):
        _add_share(sums[row], sums[row + 1], close[long:], 100.0 / 7.0 * weight, out[long:])
    return out


@kernel
def _press(
    high: Float64Array,
    low: Float64Array,
    close: Float64Array,
    before: Float64Array,
    pressure: Float64Array,
    span: Float64Array,
) -> None:
    for t in range(len(close)):
        bottom = before[t] if before[t] < low[t] else low[t]
        top = before[t] if before[t] > high[t] else high[t]
        pressure[t] = close[t] - bottom
        span[t] = top - bottom


@kernel
def _running_sums(
    one: Float64Array, other: Float64Array, short: int, middle: int, long: int, sums: Float64Array
) -> None:
    # Rows are the sums of `one` and `other` over each window, from session `long` on. Side by side the six chains of
    # additions take the time of one.
    a = b = c = d = e = f = 0.0
    for t in range(1, long + 1):
        e += one[t]
        f += other[t]
        c += one[t] if t > long - middle else 0.0
        d += other[t] if t > long - middle else 0.0
        a += one[t] if t > long - short else 0.0
        b += other[t] if t > long - short else 0.0
    # Views that all begin at 0 need no check for an index below it.
    first, second, third = one[long - short :], one[long - middle :], one
    fourth, fifth, sixth = other[long - short :], other[long - middle :], other
    newest, newer = one[long:], other[long:]
    for t in range(len(newest)):
        if t:
            a += newest[t] - first[t]
            b += newer[t] - fourth[t]
            c += newest[t] - second[t]
            d += newer[t] - fifth[t]
            e += newest[t] - third[t]
            f += newer[t] - sixth[t]
        sums[0, t] = a
        sums[1, t] = b
        sums[2, t] = c
        sums[3, t] = d
        sums[4, t] = e
        sums[5, t] = f


@kernel
def _add_share(part: Float64Array, whole: Float64Array, close: Float64Array, weight: float, out: Float64Array) -> None:
    for t in range(len(out)):
        out[t] += weight * part[t] / whole[t] if whole[t] > 1e-12 * close[t] else 0.0
