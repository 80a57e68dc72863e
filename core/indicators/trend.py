"""Compute trend strength and direction: directional movement (ADX, DX, ADXR), Aroon, parabolic SAR."""

from __future__ import annotations

import numpy as np

from core.domain.kernel import Float64Array, kernel
from core.indicators.declaration import indicator


@indicator(fields=("high", "low", "close"), outputs=("adx", "plus_di", "minus_di"))
def adx(high: Float64Array, low: Float64Array, close: Float64Array, period: int = 14) -> tuple[Float64Array, ...]:
    """Strength of a trend from 0 to 100, with the two directional indicators (Wilder, 1978)."""
    return _directional(high, low, close, period)


@indicator(fields=("high", "low"), outputs=("aroon_up", "aroon_down"))
def aroon(high: Float64Array, low: Float64Array, period: int = 14) -> tuple[Float64Array, ...]:
    """Recency of the highest high and lowest low of `period` sessions, 100 meaning today (Chande, 1995)."""
    return _recency(high, period, 1.0), _recency(low, period, -1.0)


@indicator(fields=("high", "low", "close"), outputs=("dx",))
def dx(high: Float64Array, low: Float64Array, close: Float64Array, period: int = 14) -> Float64Array:
    """Gap between the two directional indicators over their sum, 0 to 100: ADX before its average (Wilder, 1978)."""
    _, plus, minus = _directional(high, low, close, period)
    return _index(plus, minus)


@indicator(fields=("high", "low", "close"), outputs=("adxr",))
def adxr(high: Float64Array, low: Float64Array, close: Float64Array, period: int = 14) -> Float64Array:
    """Mean of the ADX now and `period` - 1 sessions ago (Wilder, 1978)."""
    strength, _, _ = _directional(high, low, close, period)
    out = np.full(len(close), np.nan)
    lag = period - 1
    out[lag:] = (strength[lag:] + strength[: max(len(strength) - lag, 0)]) / 2.0
    return out


@indicator(fields=("high", "low"), outputs=("aroon_oscillator",))
def aroon_oscillator(high: Float64Array, low: Float64Array, period: int = 14) -> Float64Array:
    """Aroon up less Aroon down, from -100 to 100 (Chande, 1995)."""
    return _recency(high, period, 1.0) - _recency(low, period, -1.0)


@indicator(fields=("high", "low"), outputs=("parabolic_sar",), pane="price")
def parabolic_sar(
    high: Float64Array, low: Float64Array, acceleration: float = 0.02, maximum: float = 0.2
) -> Float64Array:
    """Trail a stop that accelerates with each new extreme and reverses when touched (Wilder, 1978)."""
    return _parabolic(high, low, min(acceleration, maximum), maximum)


@kernel
def _directional(
    high: Float64Array, low: Float64Array, close: Float64Array, period: int
) -> tuple[Float64Array, Float64Array, Float64Array]:
    count = len(close)
    strength = np.full(count, np.nan)
    plus = np.full(count, np.nan)
    minus = np.full(count, np.nan)
    up_sum = 0.0
    down_sum = 0.0
    range_sum = 0.0
    level = 0.0
    index = 0.0
    for t in range(1, count):
        rise = high[t] - high[t - 1]
        fall = low[t - 1] - low[t]
        up = rise if rise > fall and rise > 0.0 else 0.0
        down = fall if fall > rise and fall > 0.0 else 0.0
        span = max(high[t], close[t - 1]) - min(low[t], close[t - 1])
        if t >= period:
            up_sum -= up_sum / period
            down_sum -= down_sum / period
            range_sum -= range_sum / period
        up_sum += up
        down_sum += down
        range_sum += span
        if t < period:
            continue
        # A session without any movement keeps the last index, as TA-Lib does.
        if range_sum > 0.0:
            plus[t] = 100.0 * up_sum / range_sum
            minus[t] = 100.0 * down_sum / range_sum
            if plus[t] + minus[t] > 0.0:
                index = 100.0 * abs(plus[t] - minus[t]) / (plus[t] + minus[t])
        else:
            plus[t] = 0.0
            minus[t] = 0.0
        if t < 2 * period:
            level += index / period
        else:
            level = (level * (period - 1) + index) / period
        if t >= 2 * period - 1:
            strength[t] = level
    return strength, plus, minus


@kernel
def _recency(values: Float64Array, period: int, sign: float) -> Float64Array:
    out = np.full(len(values), np.nan)
    best = -1
    for t in range(len(values)):
        start = max(t - period, 0)
        if best < start:
            best = start
            for k in range(start + 1, t + 1):
                if sign * values[k] >= sign * values[best]:
                    best = k
        elif sign * values[t] >= sign * values[best]:
            best = t
        if t >= period:
            out[t] = 100.0 * (period - (t - best)) / period
    return out


@kernel
def _index(plus: Float64Array, minus: Float64Array) -> Float64Array:
    out = np.empty(len(plus))
    last = 0.0
    for t in range(len(plus)):
        total = plus[t] + minus[t]
        # Without any movement the last index is kept, as TA-Lib does.
        if total > 0.0:
            last = 100.0 * abs(plus[t] - minus[t]) / total
        out[t] = np.nan if np.isnan(total) else last
    return out


@kernel
def _parabolic(high: Float64Array, low: Float64Array, acceleration: float, maximum: float) -> Float64Array:
    count = len(high)
    out = np.empty(count)
    out[:1] = np.nan
    if count < 2:
        return out
    fall = low[0] - low[1]
    rising = not (fall > 0.0 and fall > high[1] - high[0])
    extreme = high[1] if rising else low[1]
    stop = low[0] if rising else high[0]
    factor = acceleration
    for t in range(1, count):
        # Within the range of the last two sessions the stop must not stand; the first step has one session only.
        before = t - 1 if t > 1 else t
        touched = low[t] <= stop if rising else high[t] >= stop
        if touched:
            rising = not rising
            if rising:
                stop = min(extreme, low[before], low[t])
                extreme = high[t]
            else:
                stop = max(extreme, high[before], high[t])
                extreme = low[t]
            out[t] = stop
            factor = acceleration
        else:
            out[t] = stop
            reaches = high[t] > extreme if rising else low[t] < extreme
            if reaches:
                extreme = high[t] if rising else low[t]
                factor = min(factor + acceleration, maximum)
        stop += factor * (extreme - stop)
        stop = min(stop, low[before], low[t]) if rising else max(stop, high[before], high[t])
    return out
