"""Compute oscillators: RSI, CMO, CCI, ultimate oscillator, rate of change, momentum, TRIX, balance of power."""

from __future__ import annotations

import numpy as np

from core.domain.kernel import Float64Array, kernel
from core.indicators.declaration import indicator
from core.indicators.moving_average import repeated_ema_kernel
from core.indicators.rolling import mean_kernel


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
    return _cci((high + low + close) / 3.0, period)


@indicator(fields=("high", "low", "close"), outputs=("ultimate_oscillator",))
def ultimate_oscillator(
    high: Float64Array, low: Float64Array, close: Float64Array, short: int = 7, middle: int = 14, long: int = 28
) -> Float64Array:
    """Weigh buying pressure over three horizons 4 : 2 : 1, from 0 to 100 (Williams, 1985)."""
    short, middle, long = sorted((short, middle, long))
    return _ultimate(high, low, close, short, middle, long)


@indicator(fields=("close",), outputs=("roc",))
def roc(close: Float64Array, period: int = 10) -> Float64Array:
    """Change of the close over `period` sessions, in percent."""
    return _rate_of_change(close, period)


@indicator(fields=("close",), outputs=("momentum",))
def momentum(close: Float64Array, period: int = 10) -> Float64Array:
    """Change of the close over `period` sessions, in price units."""
    out = np.empty(len(close))
    out[:period] = np.nan
    np.subtract(close[period:], close[:-period], out=out[period:])
    return out


@indicator(fields=("close",), outputs=("trix",))
def trix(close: Float64Array, period: int = 15) -> Float64Array:
    """Change, in percent, of the close averaged exponentially three times (Hutson, 1983)."""
    return _rate_of_change(repeated_ema_kernel(close, period, 3, 0.0, 0.0, 1.0), 1)


@indicator(fields=("open", "high", "low", "close"), outputs=("balance_of_power",))
def balance_of_power(open: Float64Array, high: Float64Array, low: Float64Array, close: Float64Array) -> Float64Array:
    """Share of the session's range that the close gained on the open, from -1 to 1; 0 without a range (Livshin)."""
    span = high - low
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(span > 0.0, (close - open) / span, 0.0)


@kernel
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
    while k + 2 <= period:
        one = typical[k:]
        two = typical[k + 1 :]
        for t in range(len(middle)):
            deviation[t] += abs(one[t] - middle[t]) + abs(two[t] - middle[t])
        k += 2
    if k < period:
        one = typical[k:]
        for t in range(len(middle)):
            deviation[t] += abs(one[t] - middle[t])
    newest = typical[period - 1 :]
    for t in range(len(middle)):
        distance = newest[t] - middle[t]
        # Rounding of the mean of a constant window counts as no deviation.
        flat = deviation[t] <= 1e-13 * period * abs(middle[t])
        out[period - 1 + t] = 0.0 if flat else distance / (0.015 * deviation[t] / period)
    return out


@kernel
def _ultimate(
    high: Float64Array, low: Float64Array, close: Float64Array, short: int, middle: int, long: int
) -> Float64Array:
    count = len(close)
    out = np.empty(count)
    out[:long] = np.nan
    pressure = np.zeros(count)
    span = np.zeros(count)
    for t in range(1, count):
        bottom = min(low[t], close[t - 1])
        pressure[t] = close[t] - bottom
        span[t] = max(high[t], close[t - 1]) - bottom
    periods = (short, middle, long)
    weights = (4.0, 2.0, 1.0)
    for i in range(3):
        period = periods[i]
        bought = 0.0
        moved = 0.0
        for t in range(1, count):
            bought += pressure[t]
            moved += span[t]
            if t > period:
                bought -= pressure[t - period]
                moved -= span[t - period]
            if t >= long:
                if i == 0:
                    out[t] = 0.0
                if moved > 1e-12 * close[t]:
                    out[t] += 100.0 / 7.0 * weights[i] * bought / moved
    return out
