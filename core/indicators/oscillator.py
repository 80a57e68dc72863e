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
    for t in range(period, len(close)):
        out[t] = close[t] - close[t - period]
    return out


@indicator(fields=("close",), outputs=("trix",))
def trix(close: Float64Array, period: int = 15) -> Float64Array:
    """Change, in percent, of the close averaged exponentially three times (Hutson, 1983)."""
    return _rate_of_change(repeated_ema_kernel(close, period, 3, 0.0, 0.0, 1.0), 1)


@indicator(fields=("open", "high", "low", "close"), outputs=("balance_of_power",))
def balance_of_power(open: Float64Array, high: Float64Array, low: Float64Array, close: Float64Array) -> Float64Array:
    """Share of the session's range that the close gained on the open, from -1 to 1; 0 without a range (Livshin)."""
    span = high - low
    return np.where(span > 0.0, (close - open) / span, 0.0)


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
    for t in range(period, len(values)):
        out[t] = (values[t] / values[t - period] - 1.0) * 100.0
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
    for t in range(len(middle)):
        distance = newest[t] - middle[t]
        # Rounding of the mean of a constant window counts as no deviation.
        flat = deviation[t] <= 1e-13 * period * abs(middle[t])
        out[t] = 0.0 if flat else distance / (0.015 * deviation[t] / period)


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
    bought = np.empty(count)
    moved = np.empty(count)
    for period, weight in ((short, 4.0), (middle, 2.0), (long, 1.0)):
        _running_sums(pressure, span, period, bought, moved)
        _add_share(bought[long:], moved[long:], close[long:], 100.0 / 7.0 * weight, out[long:])
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
    one: Float64Array, other: Float64Array, period: int, first: Float64Array, second: Float64Array
) -> None:
    # The sums of a window of `period` sessions, from the session after the first one on.
    a = 0.0
    b = 0.0
    for t in range(min(period + 1, len(one))):
        a += one[t]
        b += other[t]
        first[t] = a
        second[t] = b
    for t in range(period + 1, len(one)):
        a += one[t] - one[t - period]
        b += other[t] - other[t - period]
        first[t] = a
        second[t] = b


@kernel
def _add_share(part: Float64Array, whole: Float64Array, close: Float64Array, weight: float, out: Float64Array) -> None:
    for t in range(len(out)):
        out[t] += weight * part[t] / whole[t] if whole[t] > 1e-12 * close[t] else 0.0
