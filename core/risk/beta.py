"""Estimate how assets move with factors, and with a benchmark over a rolling window."""

from __future__ import annotations

import numpy as np

from core.domain.kernel import Float64Array, kernel
from core.errors import InvalidInput, NoData


def estimate_betas(returns: Float64Array, factors: Float64Array) -> Float64Array:
    """Regress returns (time, assets) on factor returns (time, factors); return betas (assets, factors).

    Ordinary least squares with intercept over the sessions where the asset and all factors are finite.
    Raises NoData when an asset has fewer than factors + 20 of them, InvalidInput for factors that move as one.
    """
    y, x = np.asarray(returns, dtype=np.float64), np.asarray(factors, dtype=np.float64)
    if y.ndim != 2 or x.ndim != 2 or len(y) != len(x):
        raise InvalidInput(f"returns {y.shape} and factors {x.shape} must be (time, assets) and (time, factors).")
    betas = np.empty((y.shape[1], x.shape[1]))
    for asset in range(y.shape[1]):
        both = np.isfinite(y[:, asset]) & np.isfinite(x).all(axis=1)
        if both.sum() < x.shape[1] + 20:
            raise NoData(f"Asset {asset} shares {both.sum()} sessions with the factors, expected {x.shape[1] + 20}.")
        design = np.column_stack((np.ones(both.sum()), x[both]))
        solution, _, rank, _ = np.linalg.lstsq(design, y[both, asset], rcond=1e-10)
        if rank < design.shape[1]:
            raise InvalidInput("The factors move as one, so their effects cannot be told apart.")
        betas[asset] = solution[1:]
    return betas


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
