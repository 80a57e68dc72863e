"""Estimate how assets move together: sample, shrunk and weighted correlation, clusters, and whether it changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.domain.kernel import Float64Array
from core.errors import InvalidInput, NoData

Method = Literal["sample", "shrunk", "ewma"]


def correlation(returns: Float64Array, *, method: Method = "sample", halflife: float = 60.0) -> Float64Array:
    """Estimate the correlation matrix (assets, assets) of returns (time, assets) by the named method.

    "sample" uses, for each pair, the sessions both have (at least 3, else NaN); "shrunk" and "ewma" use the
    sessions all have. The diagonal is 1; pairs with an asset that never varies are NaN.
    """
    if method == "sample":
        return pairwise_correlation(returns)
    if method == "shrunk":
        return _to_correlation(shrunk_covariance(returns)[0])
    if method == "ewma":
        return _to_correlation(ewma_covariance(returns, halflife=halflife))
    raise InvalidInput(f"method is {method!r}, expected sample, shrunk or ewma.")


def pairwise_correlation(returns: Float64Array) -> Float64Array:
    """Correlate each pair of columns over the sessions both have; NaN below 3 of them."""
    values = _matrix(returns)
    if np.isfinite(values).all():
        return _whole_correlation(values)
    count = values.shape[1]
    out = np.eye(count)
    for i in range(count):
        for j in range(i):
            both = np.isfinite(values[:, i]) & np.isfinite(values[:, j])
            part = values[both][:, [i, j]]
            out[i, j] = out[j, i] = _whole_correlation(part)[0, 1] if len(part) >= 3 else np.nan
    return out


def shrunk_covariance(returns: Float64Array) -> tuple[Float64Array, float]:
    """Shrink the covariance towards a multiple of the identity (Ledoit and Wolf, 2004); return it and the intensity.

    Per-session covariance, divisor n, over sessions all assets have.
    """
    values = _complete(returns)
    x = values - values.mean(axis=0)
    count, assets = x.shape
    sample = x.T @ x / count
    mean_variance = np.trace(sample) / assets
    target = mean_variance * np.eye(assets)
    distance = float(np.sum((sample - target) ** 2))
    squares = x**2
    noise = float(np.sum(squares.T @ squares) / count**2 - np.sum(sample**2) / count)
    intensity = min(max(noise / distance, 0.0), 1.0) if distance > 0.0 else 1.0
    return intensity * target + (1.0 - intensity) * sample, intensity


def ewma_covariance(returns: Float64Array, *, halflife: float = 60.0) -> Float64Array:
    """Weight sessions by 0.5 ** (age / halflife) around a zero mean (RiskMetrics, 1996); per-session covariance."""
    if not halflife > 0.0:
        raise InvalidInput(f"halflife is {halflife}, expected sessions above 0.")
    values = _complete(returns)
    weight = 0.5 ** (np.arange(len(values))[::-1] / halflife)
    weight /= weight.sum()
    return np.asarray((values * weight[:, None]).T @ values, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeChange:
    """Hold a test of equal correlation in two periods: chi-square statistic, degrees of freedom, p-value.

    `before` and `after` are the average correlations of all pairs.
    """

    statistic: float
    freedom: int
    p_value: float
    before: float
    after: float


def correlation_change(before: Float64Array, after: Float64Array) -> RegimeChange:
    """Test whether two samples of returns (time, assets) have the same correlation matrix (Jennrich, 1970).

    The test is exact for many normal returns; fat tails make it reject too often, so that a p-value well below 1 % is
    asked for. Raises NoData when a sample has not more sessions than assets.
    """
    from scipy.special import chdtrc

    one, two = _complete(before), _complete(after)
    count = one.shape[1]
    if two.shape[1] != count or count < 2:
        raise InvalidInput(f"The samples have {count} and {two.shape[1]} assets, expected the same 2 or more.")
    if min(len(one), len(two)) <= count:
        raise NoData(f"{min(len(one), len(two))} sessions are too few for {count} assets.")
    first, second = _whole_correlation(one), _whole_correlation(two)
    pooled = (len(one) * first + len(two) * second) / (len(one) + len(two))
    inverse = np.linalg.inv(pooled)
    share = len(one) * len(two) / (len(one) + len(two))
    moved = np.sqrt(share) * inverse @ (first - second)
    spread = np.eye(count) + pooled * inverse
    own = np.diag(moved)
    statistic = float(0.5 * np.trace(moved @ moved) - own @ np.linalg.solve(spread, own))
    above = np.triu_indices(count, 1)
    freedom = count * (count - 1) // 2
    return RegimeChange(
        statistic=statistic,
        freedom=freedom,
        p_value=float(chdtrc(freedom, max(statistic, 0.0))),
        before=float(first[above].mean()),
        after=float(second[above].mean()),
    )


def clusters(correlations: Float64Array, *, above: float = 0.5) -> tuple[tuple[int, ...], ...]:
    """Group assets (positions) whose average correlation is at least `above`, largest group first.

    Average linkage on 1 - correlation; assets whose correlation is not known stand alone.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    matrix = np.asarray(correlations, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InvalidInput(f"correlations has shape {matrix.shape}, expected (assets, assets).")
    if len(matrix) < 2:
        return ((0,),) if len(matrix) else ()
    distance = np.where(np.isfinite(matrix), 1.0 - matrix, 2.0)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(np.maximum((distance + distance.T) / 2.0, 0.0), checks=False), method="average")
    labels = fcluster(tree, 1.0 - above + 1e-12, criterion="distance")
    found = [tuple(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)]
    return tuple(sorted(found, key=lambda group: (-len(group), group)))


def _to_correlation(covariance: Float64Array) -> Float64Array:
    deviation = np.sqrt(np.diag(covariance))
    with np.errstate(divide="ignore", invalid="ignore"):
        out = covariance / np.outer(deviation, deviation)
    np.fill_diagonal(out, 1.0)
    return np.asarray(np.clip(out, -1.0, 1.0), dtype=np.float64)


def _whole_correlation(values: Float64Array) -> Float64Array:
    x = values - values.mean(axis=0)
    return _to_correlation(x.T @ x)


def _matrix(returns: Float64Array) -> Float64Array:
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] < 1:
        raise InvalidInput(f"returns has shape {values.shape}, expected (time, assets).")
    return values


def _complete(returns: Float64Array) -> Float64Array:
    values = _matrix(returns)
    values = values[np.isfinite(values).all(axis=1)]
    if len(values) < 3:
        raise NoData(f"The assets share {len(values)} sessions, expected at least 3.")
    return values
