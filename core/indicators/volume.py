"""Compute volume indicators: on-balance volume, money flow index, accumulation/distribution and its oscillator."""

from __future__ import annotations

import numpy as np

from core.domain.kernel import Float64Array, fused_kernel, kernel
from core.indicators.declaration import indicator
from core.indicators.rolling import sum_kernel, typical_kernel


@indicator(fields=("close", "volume"), outputs=("obv",))
def obv(close: Float64Array, volume: Float64Array) -> Float64Array:
    """Running sum of volume signed by the direction of the close (Granville, 1963)."""
    return _on_balance(close, volume)


@indicator(fields=("high", "low", "close", "volume"), outputs=("accumulation",))
def accumulation(high: Float64Array, low: Float64Array, close: Float64Array, volume: Float64Array) -> Float64Array:
    """Running sum of volume weighted by where the close lies in the session's range (Chaikin)."""
    return _accumulation(high, low, close, volume)


@indicator(fields=("high", "low", "close", "volume"), outputs=("chaikin_oscillator",))
def chaikin_oscillator(
    high: Float64Array, low: Float64Array, close: Float64Array, volume: Float64Array, fast: int = 3, slow: int = 10
) -> Float64Array:
    """Fast less slow exponential average of accumulation/distribution, both started at its first value (Chaikin)."""
    return _average_gap(_accumulation(high, low, close, volume), fast, slow)


@indicator(fields=("high", "low", "close", "volume"), outputs=("mfi",))
def mfi(
    high: Float64Array, low: Float64Array, close: Float64Array, volume: Float64Array, period: int = 14
) -> Float64Array:
    """Share of the money flow that came on rising typical prices, 0 to 100 (Quong and Soudack, 1989)."""
    return _money_flow(typical_kernel(high, low, close), volume, period)


@kernel
def _on_balance(close: Float64Array, volume: Float64Array) -> Float64Array:
    out = np.empty(len(close))
    total = 0.0
    for t in range(len(close)):
        before = close[t - 1] if t else -np.inf
        # Chosen, not branched on: the direction of a close cannot be foreseen.
        signed = volume[t] if close[t] > before else -volume[t]
        total += signed if close[t] != before else 0.0
        out[t] = total
    return out


@kernel
def _accumulation(high: Float64Array, low: Float64Array, close: Float64Array, volume: Float64Array) -> Float64Array:
    out = np.empty(len(close))
    _flow(high, low, close, volume, out)
    total = 0.0
    for t in range(len(close)):
        total += out[t]
        out[t] = total
    return out


@kernel
def _flow(high: Float64Array, low: Float64Array, close: Float64Array, volume: Float64Array, out: Float64Array) -> None:
    for t in range(len(close)):
        span = high[t] - low[t]
        out[t] = ((close[t] - low[t]) - (high[t] - close[t])) / span * volume[t] if span > 0.0 else 0.0


@fused_kernel
def _average_gap(values: Float64Array, fast: int, slow: int) -> Float64Array:
    out = np.empty(len(values))
    first = max(fast, slow) - 1
    out[:first] = np.nan
    if len(values) <= first:
        return out
    quick = values[0]
    steady = values[0]
    quick_weight = 2.0 / (fast + 1.0)
    steady_weight = 2.0 / (slow + 1.0)
    for t in range(1, len(values)):
        quick = (1.0 - quick_weight) * quick + quick_weight * values[t]
        steady = (1.0 - steady_weight) * steady + steady_weight * values[t]
        if t >= first:
            out[t] = quick - steady
    if first == 0:
        out[0] = 0.0
    return out


@kernel
def _split_flow(
    before: Float64Array, typical: Float64Array, volume: Float64Array, gained: Float64Array, moved: Float64Array
) -> None:
    for t in range(len(moved)):
        flow = typical[t] * volume[t]
        gained[t] = flow if typical[t] > before[t] else 0.0
        moved[t] = flow if typical[t] != before[t] else 0.0


@kernel
def _money_flow(typical: Float64Array, volume: Float64Array, period: int) -> Float64Array:
    out = np.full(len(typical), np.nan)
    if len(typical) <= period:
        return out
    count = len(typical)
    gained = np.empty(count - 1)
    moved = np.empty(count - 1)
    _split_flow(typical, typical[1:], volume[1:], gained, moved)
    rising = sum_kernel(gained, period)
    total = sum_kernel(moved, period)
    inside = out[period:]
    for t in range(len(total)):
        inside[t] = 100.0 * rising[t] / total[t] if total[t] >= 1.0 else 0.0
    return out
