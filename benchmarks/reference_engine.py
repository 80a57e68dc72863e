"""Hold the reference kernels that speeds are held against: special-purpose or generic, written by hand."""

# ruff: noqa: ANN001, ANN201, C901  # kernels: numba finds the types, and one loop is the point

from __future__ import annotations

import numpy as np
from numba import njit, prange

ABOVE = 1.0 + 1e-12


@njit(cache=True, error_model="numpy")
def average(close, window):
    out = np.full(len(close), np.nan)
    total = 0.0
    for t in range(len(close)):
        total += close[t]
        if t >= window:
            total -= close[t - window]
        if t >= window - 1:
            out[t] = total / window
    return out


@njit(cache=True, error_model="numpy")
def cross(t, state, fast, slow):
    """Be a user's compiled strategy for the generic engine: 1 buy, -1 sell, 0 nothing, at the close of t."""
    if np.isnan(slow[t]):
        return 0
    up = fast[t] > slow[t] * ABOVE
    order = 0
    if up and state[0] == 0.0:
        order = 1
    elif not up and state[0] == 1.0:
        order = -1
    state[0] = 1.0 if up else 0.0
    return order


@njit(cache=True, error_model="numpy")
def generic(open_, high, low, close, fast, slow, stop, fee, on_entry, orders, fills, equity):
    """Run an order book of market and stop orders with a compiled user strategy, one share; return the fills.

    `orders` (rows, 4): kind (1 market, 2 stop), side, price, active from session. `fills` (rows, 4): session, side,
    price, fee.
    """
    state = np.zeros(4)
    waiting = 0
    count = 0
    cash = 1e6
    shares = 0.0
    for t in range(len(close)):
        n = 0
        for i in range(waiting):
            price = 0.0
            side = orders[i, 1]
            if orders[i, 3] <= t:
                if orders[i, 0] == 1.0:
                    price = open_[t]
                    # A sale of what a stop has sold already is void.
                    if side < 0.0 and shares == 0.0:
                        continue
                elif shares == 0.0:
                    continue
                elif open_[t] <= orders[i, 2] and orders[i, 3] < t:
                    price = open_[t]
                elif low[t] <= orders[i, 2]:
                    price = orders[i, 2]
            if price > 0.0:
                cash -= side * price + price * fee
                shares += side
                fills[count, 0] = t
                fills[count, 1] = side
                fills[count, 2] = price
                fills[count, 3] = price * fee
                count += 1
                if side > 0.0:
                    level = price * (1.0 - stop)
                    if on_entry and low[t] <= level:
                        cash += level - level * fee
                        shares = 0.0
                        fills[count, 0] = t
                        fills[count, 1] = -1.0
                        fills[count, 2] = level
                        fills[count, 3] = level * fee
                        count += 1
                    else:
                        orders[8 + n, 0] = 2.0
                        orders[8 + n, 1] = -1.0
                        orders[8 + n, 2] = level
                        orders[8 + n, 3] = t + 1
                        n += 1
            else:
                for k in range(4):
                    orders[8 + n, k] = orders[i, k]
                n += 1
        for i in range(n):
            for k in range(4):
                orders[i, k] = orders[8 + i, k]
        waiting = n
        wanted = cross(t, state, fast, slow)
        if wanted == 1 or (wanted == -1 and shares > 0.0):
            orders[waiting, 0] = 1.0
            orders[waiting, 1] = wanted
            orders[waiting, 2] = 0.0
            orders[waiting, 3] = t + 1
            # Market orders come first in the next session.
            if waiting > 0:
                for k in range(4):
                    kept = orders[0, k]
                    orders[0, k] = orders[waiting, k]
                    orders[waiting, k] = kept
            waiting += 1
        equity[t] = cash + shares * close[t]
    return count


@njit(cache=True, parallel=True, error_model="numpy")
def sweep(prices, windows, pairs, sale, purchase, out):
    """Value crossovers on each row of prices: prefix sums, signals as words, tables of extremes, parallel over rows."""
    assets, sessions = prices.shape
    depth = 1
    while (1 << depth) < sessions:
        depth += 1
    buy_cost, sell_cost = np.log(purchase), np.log(sale)
    bought_return = 1.0 / purchase - 1.0
    for asset in prange(assets):
        close = prices[asset]
        prefix = np.zeros(sessions + 1)
        for t in range(sessions):
            prefix[t + 1] = prefix[t] + close[t]
        averages = np.full((len(windows), sessions), np.nan)
        for w in range(len(windows)):
            for t in range(windows[w] - 1, sessions):
                averages[w, t] = (prefix[t + 1] - prefix[t + 1 - windows[w]]) / windows[w]
        level = np.log(close)
        step = np.zeros(sessions)
        sums = np.zeros(sessions)
        squares = np.zeros(sessions)
        for t in range(1, sessions):
            step[t] = close[t] / close[t - 1] - 1.0
            sums[t] = sums[t - 1] + step[t]
            squares[t] = squares[t - 1] + step[t] * step[t]
        high = np.empty((depth, sessions))
        low = np.empty((depth, sessions))
        deep = np.zeros((depth, sessions))
        high[0] = level
        low[0] = level
        for k in range(1, depth):
            half = 1 << (k - 1)
            for t in range(sessions - 2 * half + 1):
                a, b = high[k - 1, t], high[k - 1, t + half]
                c, d = low[k - 1, t], low[k - 1, t + half]
                e, f = deep[k - 1, t], deep[k - 1, t + half]
                high[k, t] = a if a > b else b
                low[k, t] = c if c < d else d
                within = e if e > f else f
                deep[k, t] = a - d if a - d > within else within
        signal = np.zeros((sessions // 8 + 2) * 8, dtype=np.uint8)
        words = signal.view(np.uint64)
        for p in range(len(pairs)):
            fast, slow = averages[pairs[p, 0]], averages[pairs[p, 1]]
            for t in range(sessions - 1):
                signal[t + 1] = fast[t] > slow[t] * ABOVE
            grown, top, worst, total, square = 0.0, 0.0, 0.0, 0.0, 0.0
            entry = -1
            bought = 0
            carry = np.uint64(0)
            for word in range((sessions + 7) // 8):
                now = words[word]
                turns = now ^ ((now << np.uint64(8)) | carry)
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
                    base = grown - level[entry]
                    at, left, k = entry + 1, t - 1 - entry, depth - 1
                    while left > 0:
                        if (1 << k) <= left:
                            worst = max(worst, top - low[k, at] - base, deep[k, at])
                            top = max(top, high[k, at] + base)
                            at += 1 << k
                            left -= 1 << k
                        k -= 1
                    leave = (1.0 + step[t]) * sale - 1.0
                    total += sums[t - 1] - sums[entry] + leave
                    square += squares[t - 1] - squares[entry] + leave * leave
                    grown = base + level[t] + sell_cost
                    top = max(top, grown)
                    worst = max(worst, top - grown)
                    entry = -1
            if entry >= 0:
                base = grown - level[entry]
                at, left, k = entry + 1, sessions - 1 - entry, depth - 1
                while left > 0:
                    if (1 << k) <= left:
                        worst = max(worst, top - low[k, at] - base, deep[k, at])
                        top = max(top, high[k, at] + base)
                        at += 1 << k
                        left -= 1 << k
                    k -= 1
                total += sums[sessions - 1] - sums[entry]
                square += squares[sessions - 1] - squares[entry]
                grown = base + level[sessions - 1]
            mean = total / sessions
            variance = (square - sessions * mean * mean) / (sessions - 1)
            out[asset, p, 0] = np.exp(grown) - 1.0
            out[asset, p, 1] = mean / np.sqrt(variance) if bought > 0 and variance > 0.0 else np.nan
            out[asset, p, 2] = np.exp(-worst) - 1.0
