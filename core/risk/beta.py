"""Estimate how an asset moves with a benchmark over a rolling window."""

from __future__ import annotations

import numpy as np

from core.domain.kernel import Float64Array, kernel


@kernel
def rolling_beta(returns: Float64Array, benchmark: Float64Array, window: int) -> tuple[Float64Array, Float64Array]:
    """Find slope and correlation of returns on those of a benchmark over the last `window` sessions.

    Both arrays are finite and of one length; each window is summed anew in two passes, so a value depends on its
    window alone. NaN before the first full window and where either never varies.
    """
    count = len(returns)
    beta = np.full(count, np.nan)
    correlation = np.full(count, np.nan)
    for t in range(window - 1, count):
        mean_x = 0.0
        mean_y = 0.0
        for k in range(t - window + 1, t + 1):
            mean_x += benchmark[k]
            mean_y += returns[k]
        mean_x /= window
        mean_y /= window
        xx = 0.0
        yy = 0.0
        xy = 0.0
        for k in range(t - window + 1, t + 1):
            x = benchmark[k] - mean_x
            y = returns[k] - mean_y
            xx += x * x
            yy += y * y
            xy += x * y
        if xx > 0.0 and yy > 0.0:
            beta[t] = xy / xx
            correlation[t] = min(1.0, max(-1.0, xy / np.sqrt(xx * yy)))
    return beta, correlation


@kernel
def pair_correlations(returns: Float64Array, least: int) -> tuple[Float64Array, Float64Array]:
    """Correlate each pair of columns of a matrix (sessions, assets) over the sessions both have.

    Returns two matrices (assets, assets), filled above the diagonal: the correlation (NaN below `least` common
    sessions or where a column never varies) and the number of common sessions.
    """
    sessions, assets = returns.shape
    out = np.full((assets, assets), np.nan)
    counts = np.zeros((assets, assets))
    columns = np.ascontiguousarray(returns.T)
    for i in range(assets):
        for j in range(i + 1, assets):
            one = columns[i]
            two = columns[j]
            count = 0
            mean_x = 0.0
            mean_y = 0.0
            for t in range(sessions):
                if np.isfinite(one[t]) and np.isfinite(two[t]):
                    count += 1
                    mean_x += one[t]
                    mean_y += two[t]
            counts[i, j] = count
            if count < least:
                continue
            mean_x /= count
            mean_y /= count
            xx = 0.0
            yy = 0.0
            xy = 0.0
            for t in range(sessions):
                if np.isfinite(one[t]) and np.isfinite(two[t]):
                    x = one[t] - mean_x
                    y = two[t] - mean_y
                    xx += x * x
                    yy += y * y
                    xy += x * y
            if xx > 0.0 and yy > 0.0:
                out[i, j] = min(1.0, max(-1.0, xy / np.sqrt(xx * yy)))
    return out, counts
