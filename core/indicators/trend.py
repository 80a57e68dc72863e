"""Compute trend strength and direction: directional movement (ADX, DX, ADXR), Aroon, parabolic SAR."""

from __future__ import annotations

import numpy as np

from core.domain.kernel import Float64Array, fused_kernel, kernel
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
    strength, earlier, _ = _directional(high, low, close, period)
    for t in range(len(close)):
        earlier[t] = (strength[t] + strength[t - period + 1]) / 2.0 if t >= period - 1 else np.nan
    return earlier


@indicator(fields=("high", "low"), outputs=("aroon_oscillator",))
def aroon_oscillator(high: Float64Array, low: Float64Array, period: int = 14) -> Float64Array:
    """Aroon up less Aroon down, from -100 to 100 (Chande, 1995)."""
    up = _recency(high, period, 1.0)
    down = _recency(low, period, -1.0)
    for t in range(len(up)):
        up[t] -= down[t]
    return up


@indicator(fields=("high", "low"), outputs=("parabolic_sar",), pane="price")
def parabolic_sar(
    high: Float64Array, low: Float64Array, acceleration: float = 0.02, maximum: float = 0.2
) -> Float64Array:
    """Trail a stop that accelerates with each new extreme and reverses when touched (Wilder, 1978)."""
    return _parabolic(high, low, min(acceleration, maximum), maximum)


@fused_kernel
def _directional(
    high: Float64Array, low: Float64Array, close: Float64Array, period: int
) -> tuple[Float64Array, Float64Array, Float64Array]:
    count = len(close)
    strength = np.full(count, np.nan)
    plus = np.full(count, np.nan)
    minus = np.full(count, np.nan)
    if count <= period:
        return strength, plus, minus
    moved = np.empty(count)
    _smooth_moves(high, low, close, period, plus, minus, moved)
    index = np.empty(count)
    _share_moves(plus[period:], minus[period:], moved[period:], index[period:])
    weight = 1.0 / period
    keep = 1.0 - weight
    level = 0.0
    last = 0.0
    # A session without any movement keeps the last index, as TA-Lib does.
    for t in range(period, min(2 * period, count)):
        last = last if index[t] < 0.0 else index[t]
        level += last * weight
    if count >= 2 * period:
        strength[2 * period - 1] = level
    for t in range(2 * period, count):
        last = last if index[t] < 0.0 else index[t]
        level = keep * level + weight * last
        strength[t] = level
    return strength, plus, minus


@fused_kernel
def _smooth_moves(
    high: Float64Array,
    low: Float64Array,
    close: Float64Array,
    period: int,
    plus: Float64Array,
    minus: Float64Array,
    moved: Float64Array,
) -> None:
    # Wilder's sums of rises, falls and ranges from session `period` on.
    keep = 1.0 - 1.0 / period
    up_sum = 0.0
    down_sum = 0.0
    range_sum = 0.0
    _moves(high, low, high[1:], low[1:], close, plus[1:], minus[1:], moved[1:])
    for t in range(1, period):
        up_sum += plus[t]
        down_sum += minus[t]
        range_sum += moved[t]
        plus[t] = np.nan
        minus[t] = np.nan
    for t in range(period, len(close)):
        up_sum = keep * up_sum + plus[t]
        down_sum = keep * down_sum + minus[t]
        range_sum = keep * range_sum + moved[t]
        plus[t] = up_sum
        minus[t] = down_sum
        moved[t] = range_sum


@kernel
def _moves(
    before_high: Float64Array,
    before_low: Float64Array,
    high: Float64Array,
    low: Float64Array,
    before: Float64Array,
    up: Float64Array,
    down: Float64Array,
    span: Float64Array,
) -> None:
    for t in range(len(span)):
        rise = high[t] - before_high[t]
        fall = before_low[t] - low[t]
        most = rise if rise > 0.0 else 0.0
        least = fall if fall > 0.0 else 0.0
        up[t] = most if rise > fall else 0.0
        down[t] = least if fall > rise else 0.0
        top = high[t] if high[t] > before[t] else before[t]
        bottom = low[t] if low[t] < before[t] else before[t]
        span[t] = top - bottom


@fused_kernel
def _share_moves(plus: Float64Array, minus: Float64Array, moved: Float64Array, index: Float64Array) -> None:
    # The sums become shares of the range, in percent; the index is -1 where nothing moved up or down.
    for t in range(len(plus)):
        total = plus[t] + minus[t]
        gap = abs(plus[t] - minus[t])
        index[t] = 100.0 * gap / total if total > 0.0 and moved[t] > 0.0 else -1.0
        share = 100.0 / moved[t] if moved[t] > 0.0 else 0.0
        plus[t] *= share
        minus[t] *= share


@kernel
def _recency(values: Float64Array, period: int, sign: float) -> Float64Array:
    count = len(values)
    out = np.full(count, np.nan)
    if count <= period:
        return out
    # Windows are doubled, as for extremes; `place` is where in its window the latest extreme stands.
    best = sign * values
    place = np.zeros(count)
    wider = np.empty(count)
    farther = np.empty(count)
    reach = 1
    while 2 * reach <= period + 1:
        last = count - 2 * reach + 1
        _later_extreme(best, best[reach:], place, place[reach:], reach, wider[:last], farther[:last])
        best, wider = wider, best
        place, farther = farther, place
        reach *= 2
    rest = period + 1 - reach
    _later_extreme(best, best[rest:], place, place[rest:], rest, wider[: count - period], out[period:])
    step = 100.0 / period
    for t in range(period, count):
        out[t] *= step
    return out


@kernel
def _later_extreme(
    one: Float64Array,
    other: Float64Array,
    place: Float64Array,
    later: Float64Array,
    shift: float,
    best: Float64Array,
    out: Float64Array,
) -> None:
    # Without a branch this compiles to vector code.
    for t in range(len(out)):
        moved = later[t] + shift
        out[t] = moved if other[t] >= one[t] else place[t]
        best[t] = other[t] if other[t] >= one[t] else one[t]


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
