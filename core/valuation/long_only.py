"""Value long-or-cash signals on one asset by their trades instead of their sessions.

Between entry and exit a position moves as the price does, so that prefix sums of returns and tables of extremes over
stretches of 2^k sessions answer for all its sessions at once: the work grows with the number of trades.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.domain.kernel import Float64Array, IntArray, kernel
from core.indicators.moving_average import ABOVE, sma_kernel

ByteArray = NDArray[np.uint8]


@kernel
def sweep_kernel(
    prices: Float64Array,
    begin: int,
    end: int,
    windows: IntArray,
    pairs: IntArray,
    sale: float,
    purchase: float,
    out: Float64Array,
) -> None:
    """Value each pair (fast, slow) of `windows` positions on the rows from `begin` to before `end` of prices.

    Writes total return, mean over deviation of session returns (NaN without trades), deepest drawdown and purchases to
    `out` (assets, pairs, 4). `sale` and `purchase` are what is left of, and paid for, one unit of value.
    """
    sessions = prices.shape[1]
    # Whole words of 8 sessions; one word more, so that shifted words can be read.
    padded = (sessions // 8 + 2) * 8
    average = np.empty((len(windows), sessions))
    scaled = np.empty((len(windows), sessions))
    signal = np.zeros(padded, dtype=np.uint8)
    level = np.empty(sessions)
    steps = np.empty(sessions)
    sums = np.empty(sessions)
    squares = np.empty(sessions)
    depth = 1
    while (1 << depth) < sessions:
        depth += 1
    high = np.empty((depth, sessions))
    low = np.empty((depth, sessions))
    deep = np.empty((depth, sessions))
    for asset in range(begin, end):
        close = prices[asset]
        for w in range(len(windows)):
            average[w] = sma_kernel(close, windows[w])
            for t in range(sessions):
                scaled[w, t] = average[w, t] * ABOVE
        _extremes(close, level, steps, sums, squares, high, low, deep)
        for p in range(len(pairs)):
            first = windows[pairs[p, 1]] - 1
            fast = average[pairs[p, 0]]
            slow = scaled[pairs[p, 1]]
            # The signal of a session holds from the next one on; NaN compares false.
            for t in range(sessions - 1):
                signal[t + 1] = fast[t] > slow[t]
            for t in range(first + 1):
                signal[t] = 0
            value_signal(signal, sessions, level, steps, sums, squares, high, low, deep, sale, purchase, out[asset, p])


@kernel
def _extremes(
    close: Float64Array,
    level: Float64Array,
    steps: Float64Array,
    sums: Float64Array,
    squares: Float64Array,
    high: Float64Array,
    low: Float64Array,
    deep: Float64Array,
) -> None:
    # Log prices, returns, prefix sums of them and their squares; of each stretch of 2^k sessions its extremes and
    # its deepest fall.
    sessions = len(close)
    sums[0] = 0.0
    squares[0] = 0.0
    steps[0] = 0.0
    level[0] = np.log(close[0])
    for t in range(1, sessions):
        step = close[t] / close[t - 1] - 1.0
        steps[t] = step
        sums[t] = sums[t - 1] + step
        squares[t] = squares[t - 1] + step * step
        level[t] = np.log(close[t])
    high[0] = level
    low[0] = level
    deep[0] = 0.0
    for k in range(1, high.shape[0]):
        half = 1 << (k - 1)
        for t in range(sessions - 2 * half + 1):
            a, b = high[k - 1, t], high[k - 1, t + half]
            high[k, t] = a if a > b else b
            c, d = low[k - 1, t], low[k - 1, t + half]
            low[k, t] = c if c < d else d
            e, f = deep[k - 1, t], deep[k - 1, t + half]
            within = e if e > f else f
            deep[k, t] = a - d if a - d > within else within


@kernel
def value_signal(
    signal: ByteArray,
    sessions: int,
    level: Float64Array,
    steps: Float64Array,
    sums: Float64Array,
    squares: Float64Array,
    high: Float64Array,
    low: Float64Array,
    deep: Float64Array,
    sale: float,
    purchase: float,
    out: Float64Array,
) -> None:
    """Value one signal: 1 in sessions at whose close the asset is to be held, 0 elsewhere and beyond the end."""
    words = signal.view(np.uint64)
    buy_cost = np.log(purchase)
    sell_cost = np.log(sale)
    bought_return = 1.0 / purchase - 1.0
    grown = 0.0
    top = 0.0
    worst = 0.0
    total = 0.0
    square = 0.0
    bought = 0
    entry = -1
    carry = np.uint64(0)
    eight = np.uint64(8)
    for word in range((sessions + 7) // 8):
        now = words[word]
        turns = now ^ ((now << eight) | carry)
        carry = now >> np.uint64(56)
        if turns == 0:
            continue
        for t in range(word * 8, min(word * 8 + 8, sessions)):
            held = signal[t]
            if held == (entry >= 0):
                continue
            if held:
                entry = t
                bought += 1
                total += bought_return
                square += bought_return * bought_return
                grown -= buy_cost
                worst = max(worst, top - grown)
                continue
            stay = sums[t - 1] - sums[entry]
            total += stay
            square += squares[t - 1] - squares[entry]
            grown, top, worst = _ride(entry, t - 1, grown, top, worst, level, high, low, deep)
            leave = (1.0 + steps[t]) * sale - 1.0
            total += leave
            square += leave * leave
            grown += level[t] - level[t - 1] + sell_cost
            top = max(top, grown)
            worst = max(worst, top - grown)
            entry = -1
    if entry >= 0:
        total += sums[sessions - 1] - sums[entry]
        square += squares[sessions - 1] - squares[entry]
        grown, top, worst = _ride(entry, sessions - 1, grown, top, worst, level, high, low, deep)
    mean = total / sessions
    variance = (square - sessions * mean * mean) / (sessions - 1)
    out[0] = np.exp(grown) - 1.0
    out[1] = mean / np.sqrt(variance) if bought > 0 and variance > 0.0 else np.nan
    out[2] = np.exp(-worst) - 1.0
    out[3] = bought


@kernel
def _ride(
    entry: int,
    last: int,
    grown: float,
    top: float,
    worst: float,
    level: Float64Array,
    high: Float64Array,
    low: Float64Array,
    deep: Float64Array,
) -> tuple[float, float, float]:
    # Hold from the close of `entry` to that of `last`: log growth, its top and its deepest fall afterwards.
    base = grown - level[entry]
    at = entry + 1
    left = last - entry
    k = 0
    while (2 << k) <= left:
        k += 1
    while left > 0:
        if (1 << k) <= left:
            fall = top - (low[k, at] + base)
            inside = deep[k, at]
            if fall > worst:
                worst = fall
            if inside > worst:
                worst = inside
            if high[k, at] + base > top:
                top = high[k, at] + base
            at += 1 << k
            left -= 1 << k
        k -= 1
    return base + level[last], top, worst
