"""Roll covariance and tail losses through time, one session at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from core.domain.kernel import BoolArray, Float64Array, kernel
from core.errors import InvalidInput

# Sums are built anew this often, so that rounding cannot pile up.
_REFRESH = 256
_KEPT = 64


def rolling_covariance(
    returns: Float64Array, window: int, *, threads: int = 1, out: Float64Array | None = None
) -> Float64Array:
    """Return the sample covariance (divisor window - 1) of each window of returns (time, assets).

    Shape (time - window + 1, assets, assets), the window that ends on session window - 1 first; a window with a NaN is
    NaN for that asset. Each session updates the last matrix by the return that enters and the one that leaves. `out` is
    a buffer to write into: a panel of 150 assets and ten years fills 400 MB.
    """
    values = _matrix(returns)
    sessions, count = values.shape
    if not 2 <= window <= sessions:
        raise InvalidInput(f"window is {window}, expected from 2 to the {sessions} sessions.")
    shape = (sessions - window + 1, count, count)
    if out is None:
        out = np.empty(shape)
    elif out.shape != shape or out.dtype != np.float64 or not out.flags.c_contiguous:
        raise InvalidInput(f"out has shape {out.shape}, expected a C-ordered float64 array of {shape}.")
    gaps = ~np.isfinite(values)
    centred = np.where(gaps, 0.0, values - np.nanmean(values, axis=0))
    # Rows of the matrix are independent of each other: each thread takes every n-th.
    parts = [(start, threads) for start in range(threads)]
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda part: _roll_covariance(centred, window, part[0], part[1], out), parts))
    else:
        _roll_covariance(centred, window, 0, 1, out)
    if gaps.any():
        missing = _windows_with(gaps, window)
        out[missing[:, :, None] | missing[:, None, :]] = np.nan
    return out


def rolling_tail(
    returns: Float64Array, window: int, *, confidence: tuple[float, ...] = (0.95, 0.99), threads: int = 1
) -> tuple[Float64Array, Float64Array]:
    """Return historical VaR and ES of each window of returns (time, assets): two arrays (levels, time, assets).

    In units of the returns and negative for a loss: VaR is the linear quantile at 1 - confidence, ES the mean of the
    int((1 - confidence) (window - 1)) + 1 smallest. NaN before the first whole window and where a window has a gap.
    """
    values = _matrix(returns)
    sessions, count = values.shape
    levels = np.array([1.0 - level for level in confidence])
    if not 2 <= window <= sessions or not ((levels > 0.0) & (levels < 0.5)).all():
        raise InvalidInput(f"window is {window} and confidence {confidence}: expected 2 to {sessions}, 0.5 to 1.")
    gaps = ~np.isfinite(values)
    columns = np.ascontiguousarray(np.where(gaps, 0.0, values).T)
    value, shortfall = np.empty((2, len(levels), count, sessions))

    def roll(start: int) -> None:
        for asset in range(start, count, threads):
            _roll_tail(columns[asset], window, levels, value[:, asset], shortfall[:, asset])

    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(roll, range(threads)))
    else:
        roll(0)
    if gaps.any():
        missing = np.zeros((count, sessions), dtype=bool)
        missing[:, window - 1 :] = _windows_with(gaps, window).T
        value[:, missing] = np.nan
        shortfall[:, missing] = np.nan
    return value.transpose(0, 2, 1), shortfall.transpose(0, 2, 1)


def rolling_correlation(first: Float64Array, second: Float64Array, window: int) -> Float64Array:
    """Return the correlation of two return series (time,) over each trailing window; NaN before the first."""
    pair = np.column_stack((first, second))
    matrix = rolling_covariance(pair, window)
    out = np.full(len(pair), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        out[window - 1 :] = matrix[:, 0, 1] / np.sqrt(matrix[:, 0, 0] * matrix[:, 1, 1])
    return np.asarray(np.clip(out, -1.0, 1.0), dtype=np.float64)


def ewma_correlation(first: Float64Array, second: Float64Array, *, halflife: float = 60.0) -> Float64Array:
    """Return the exponentially weighted correlation of two return series (time,) around zero means (RiskMetrics, 1996).

    NaN on the first 20 sessions, while the average still stands on too few.
    """
    if not halflife > 0.0:
        raise InvalidInput(f"halflife is {halflife}, expected sessions above 0.")
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    return _ewma_correlation(x, y, 0.5 ** (1.0 / halflife))


def _matrix(returns: Float64Array) -> Float64Array:
    values = np.ascontiguousarray(returns, dtype=np.float64)
    if values.ndim != 2 or not values.shape[1]:
        raise InvalidInput(f"returns has shape {values.shape}, expected (time, assets).")
    return values


def _windows_with(flags: BoolArray, window: int) -> BoolArray:
    count = np.concatenate((np.zeros((1, flags.shape[1]), dtype=np.int64), flags.cumsum(axis=0)))
    return np.asarray((count[window:] - count[:-window]) > 0)


@kernel
def _roll_covariance(x: Float64Array, window: int, start: int, step: int, out: Float64Array) -> None:
    sessions, count = x.shape
    total = np.empty(count)
    share = 1.0 / (window - 1.0)
    products = np.empty((count, count))
    for t in range(window - 1, sessions):
        place = t - window + 1
        if place % _REFRESH == 0:
            total[:] = 0.0
            for k in range(place, t + 1):
                for j in range(count):
                    total[j] += x[k, j]
            for i in range(start, count, step):
                products[i, :] = 0.0
                for k in range(place, t + 1):
                    for j in range(count):
                        products[i, j] += x[k, i] * x[k, j]
                for j in range(count):
                    out[place, i, j] = (products[i, j] - total[i] * total[j] / window) * share
        else:
            for j in range(count):
                total[j] += x[t, j] - x[place - 1, j]
            for i in range(start, count, step):
                enters = x[t, i]
                leaves = x[place - 1, i]
                mean = total[i] / window
                row = products[i]
                into = out[place, i]
                new = x[t]
                old = x[place - 1]
                for j in range(count):
                    value = row[j] + enters * new[j] - leaves * old[j]
                    row[j] = value
                    into[j] = (value - mean * total[j]) * share


@kernel
def _put_in(small: Float64Array, kept: int, value: float, most: int) -> int:
    place = kept
    while place > 0 and small[place - 1] > value:
        small[place] = small[place - 1]
        place -= 1
    small[place] = value
    return min(kept + 1, most)


@kernel
def _take_out(small: Float64Array, kept: int, value: float) -> int:
    if value > small[kept - 1]:
        return kept
    place = 0
    while small[place] != value:
        place += 1
    for k in range(place, kept - 1):
        small[k] = small[k + 1]
    return kept - 1


@kernel
def _roll_tail(
    x: Float64Array, window: int, levels: Float64Array, value: Float64Array, shortfall: Float64Array
) -> None:
    count = len(x)
    value[:, : window - 1] = np.nan
    shortfall[:, : window - 1] = np.nan
    need = 0
    for level in levels:
        need = max(need, min(int(level * (window - 1)) + 2, window))
    most = min(max(_KEPT, 4 * need), window)
    # The smallest values of the window, ascending; `kept` of them are known for certain.
    small = np.empty(most + 1)
    kept = 0
    for t in range(window - 1, count):
        first = t - window + 1
        if kept >= need:
            kept = _take_out(small, kept, x[first - 1])
            if kept > 0 and x[t] < small[kept - 1]:
                kept = _put_in(small, kept, x[t], most)
        if kept < need:
            kept = 0
            for k in range(first, t + 1):
                if kept < most or x[k] < small[kept - 1]:
                    kept = _put_in(small, kept, x[k], most)
        for n in range(len(levels)):
            at = levels[n] * (window - 1)
            k = int(at)
            after = min(k + 1, window - 1)
            value[n, t] = small[k] + (at - k) * (small[after] - small[k])
            total = 0.0
            for m in range(k + 1):
                total += small[m]
            shortfall[n, t] = total / (k + 1)


@kernel
def _ewma_correlation(x: Float64Array, y: Float64Array, keep: float) -> Float64Array:
    out = np.full(len(x), np.nan)
    xx = 0.0
    yy = 0.0
    xy = 0.0
    seen = 0
    for t in range(len(x)):
        if not (np.isfinite(x[t]) and np.isfinite(y[t])):
            continue
        xx = keep * xx + x[t] * x[t]
        yy = keep * yy + y[t] * y[t]
        xy = keep * xy + x[t] * y[t]
        seen += 1
        if seen > 20 and xx > 0.0 and yy > 0.0:
            out[t] = xy / np.sqrt(xx * yy)
    return out
