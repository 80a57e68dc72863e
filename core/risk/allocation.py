"""Construct portfolios: minimum variance, mean-variance, equal risk, minimum CVaR, hierarchical risk parity.

The kernels are our own and call no modelling layer: block principal pivoting, cyclical coordinate descent, and a linear
programme that is fed only the scenarios that matter.
"""

from __future__ import annotations

import numpy as np

from core.domain.kernel import Float64Array, IntArray, kernel
from core.errors import InvalidInput

_TOLERANCE = 1e-10
# -1 at the lower bound, 1 at the upper, 0 between.
_States = np.ndarray[tuple[int], np.dtype[np.int8]]


def minimum_variance(covariance: Float64Array, *, max_weight: float = 1.0, min_weight: float = 0.0) -> Float64Array:
    """Find the weights (assets,) that sum to 1 within the bounds and have the least variance (Markowitz, 1952)."""
    return mean_variance(covariance, None, max_weight=max_weight, min_weight=min_weight)


def mean_variance(
    covariance: Float64Array,
    expected_returns: Float64Array | None,
    *,
    risk_aversion: float = 2.5,
    max_weight: float = 1.0,
    min_weight: float = 0.0,
) -> Float64Array:
    """Maximise w'm - risk_aversion / 2 w'Sw over weights that sum to 1 within the bounds; without m, minimise w'Sw.

    Block principal pivoting on the bounds (Judice and Pires, 1994) with single pivots when it stalls; exact to
    rounding. Raises InvalidInput when the covariance is not positive definite or the bounds allow no portfolio.
    """
    matrix = _covariance(covariance)
    count = len(matrix)
    if not min_weight <= 1.0 / count <= max_weight:
        raise InvalidInput(
            f"Weights of {count} assets between {min_weight:g} and {max_weight:g} cannot sum to 1.",
            hint=f"Let the largest weight be at least {1.0 / count:.4f}.",
        )
    if expected_returns is None:
        pull = np.zeros(count)
    else:
        pull = np.asarray(expected_returns, dtype=np.float64) / risk_aversion
        if pull.shape != (count,) or not np.isfinite(pull).all():
            raise InvalidInput(f"expected_returns has shape {pull.shape}, expected ({count},) of numbers.")
    # A common scale keeps the tolerances meaningful for returns of any frequency.
    scale = float(np.trace(matrix)) / count
    return _pivot(matrix / scale, pull / scale, min_weight, max_weight)


def equal_risk_contribution(covariance: Float64Array, *, budgets: Float64Array | None = None) -> Float64Array:
    """Find the long weights (assets,) whose shares of the variance are equal, or in proportion to `budgets`.

    Cyclical coordinate descent (Griveau-Billion, Richard and Roncalli, 2013), to shares equal within 1e-12.
    """
    matrix = _covariance(covariance)
    count = len(matrix)
    shares = np.full(count, 1.0 / count) if budgets is None else np.asarray(budgets, dtype=np.float64)
    if shares.shape != (count,) or not (np.isfinite(shares).all() and (shares > 0.0).all()):
        raise InvalidInput(f"budgets has shape {shares.shape}, expected ({count},) of numbers above 0.")
    weights, left = _descend(matrix, shares / shares.sum(), 1e-13, 10_000)
    if left > 1e-9:
        raise InvalidInput("Equal risk contributions were not found: the covariance is too near to singular.")
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def risk_contributions(weights: Float64Array, covariance: Float64Array) -> Float64Array:
    """Return each asset's share of the variance (assets,); they sum to 1."""
    marginal = np.asarray(covariance, dtype=np.float64) @ weights
    return np.asarray(weights * marginal / (weights @ marginal), dtype=np.float64)


def minimum_cvar(returns: Float64Array, *, confidence: float = 0.95, max_weight: float = 1.0) -> Float64Array:
    """Find the long weights (assets,) with the least expected shortfall of the sessions (time, assets).

    The linear programme of Rockafellar and Uryasev (2000), solved by HiGHS on the sessions that enter the tail: those
    left out have no loss beyond the VaR at the solution, which makes it that of the whole programme.
    """
    from scipy.optimize import linprog

    sample = np.asarray(returns, dtype=np.float64)
    if sample.ndim != 2 or not np.isfinite(sample).all() or len(sample) < 20:
        raise InvalidInput(f"returns has shape {sample.shape}, expected at least 20 complete sessions (time, assets).")
    sessions, count = sample.shape
    if not (0.5 < confidence < 1.0 and 1.0 / count <= max_weight <= 1.0):
        raise InvalidInput(f"confidence is {confidence} and max_weight {max_weight}: no portfolio fits.")
    tail = (1.0 - confidence) * sessions
    weights = np.full(count, 1.0 / count)
    chosen = np.zeros(sessions, dtype=bool)
    chosen[np.argsort(sample @ weights)[: int(2 * tail) + 1]] = True
    while True:
        part = sample[chosen]
        many = len(part)
        # Variables: weights, VaR, and the loss beyond it of each chosen session.
        cost = np.concatenate((np.zeros(count), [1.0], np.full(many, 1.0 / tail)))
        beyond = np.hstack((-part, np.full((many, 1), -1.0), -np.eye(many)))
        budget = np.concatenate((np.ones(count), np.zeros(1 + many)))[None, :]
        bounds = [(0.0, max_weight)] * count + [(None, None)] + [(0.0, None)] * many
        found = linprog(cost, A_ub=beyond, b_ub=np.zeros(many), A_eq=budget, b_eq=[1.0], bounds=bounds, method="highs")
        if found.status != 0:
            raise InvalidInput(f"The minimum CVaR programme has no solution: {found.message}")
        solution = np.asarray(found.x, dtype=np.float64)
        weights, value_at_risk = solution[:count], float(solution[count])
        missed = (-(sample @ weights) > value_at_risk + 1e-12) & ~chosen
        if not missed.any():
            clean = np.where(weights > 1e-12, weights, 0.0)
            return np.asarray(clean / clean.sum(), dtype=np.float64)
        chosen |= missed


def hierarchical_risk_parity(covariance: Float64Array) -> Float64Array:
    """Split the money down the tree of correlation clusters by inverse variance (Lopez de Prado, 2016).

    Single linkage on sqrt((1 - correlation) / 2), split in the middle of the order of its leaves.
    """
    matrix = _covariance(covariance)
    count = len(matrix)
    if count == 1:
        return np.ones(1)
    order = cluster_order(matrix)
    weights = np.ones(count)
    groups = [order]
    while groups:
        group = groups.pop()
        if len(group) < 2:
            continue
        left, right = group[: len(group) // 2], group[len(group) // 2 :]
        of_left, of_right = _inverse_variance(matrix, left), _inverse_variance(matrix, right)
        share = of_right / (of_left + of_right)
        weights[left] *= share
        weights[right] *= 1.0 - share
        groups += [left, right]
    return weights


def cluster_order(covariance: Float64Array) -> IntArray:
    """Return the assets in the order of the leaves of their correlation tree (single linkage)."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    deviation = np.sqrt(np.diag(covariance))
    correlation = np.clip(covariance / np.outer(deviation, deviation), -1.0, 1.0)
    distance = np.sqrt(0.5 * (1.0 - correlation))
    np.fill_diagonal(distance, 0.0)
    # Distance between rows of distances, as in the paper.
    apart = np.sqrt(np.maximum(((distance[:, None, :] - distance[None, :, :]) ** 2).sum(axis=2), 0.0))
    return np.asarray(leaves_list(linkage(squareform(apart, checks=False), method="single")), dtype=np.int64)


def _inverse_variance(matrix: Float64Array, group: IntArray) -> float:
    part = matrix[np.ix_(group, group)]
    weights = 1.0 / np.diag(part)
    weights /= weights.sum()
    return float(weights @ part @ weights)


def _covariance(covariance: Float64Array) -> Float64Array:
    matrix = np.array(covariance, dtype=np.float64, order="C")
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not len(matrix) or not np.isfinite(matrix).all():
        raise InvalidInput(f"covariance has shape {matrix.shape}, expected (assets, assets) of numbers.")
    if np.any(np.diag(matrix) <= 0.0):
        raise InvalidInput("An asset of the covariance never varies.", hint="Leave it out.")
    return matrix


def _pivot(matrix: Float64Array, pull: Float64Array, low: float, high: float) -> Float64Array:
    """Exchange free and bound assets until the conditions of Karush, Kuhn and Tucker hold."""
    count = len(matrix)
    state = np.zeros(count, dtype=np.int8)
    fewest, patience = count + 1, 10
    for _ in range(50 * count + 100):
        if not (state == 0).any():
            if _is_settled(matrix, pull, state, low, high):
                return np.where(state == 1, high, low)
            continue
        weights, level = _solve_free(matrix, pull, state, low, high)
        gradient = matrix @ weights - pull - level
        free = state == 0
        wrong_low = (free & (weights < low - _TOLERANCE)) | ((state == -1) & (gradient < -_TOLERANCE))
        wrong_high = (free & (weights > high + _TOLERANCE)) | ((state == 1) & (gradient > _TOLERANCE))
        wrong = np.flatnonzero(wrong_low | wrong_high)
        if not len(wrong):
            return np.asarray(np.clip(weights, low, high), dtype=np.float64)
        if len(wrong) < fewest:
            fewest, patience = len(wrong), 10
        elif patience:
            patience -= 1
        else:
            # One at a time, the last one first, cannot cycle (Murty, 1974).
            wrong = wrong[-1:]
        below = wrong_low[wrong]
        state[wrong] = np.where(state[wrong] != 0, 0, np.where(below, -1, 1))
    raise InvalidInput("The optimiser did not settle: the covariance is too near to singular.")


def _is_settled(matrix: Float64Array, pull: Float64Array, state: _States, low: float, high: float) -> bool:
    """Say whether a portfolio with every asset at a bound is the optimum; if not, free what should move."""
    weights = np.where(state == 1, high, low)
    gradient = matrix @ weights - pull
    missing = 1.0 - float(weights.sum())
    cheapest = int(np.argmin(np.where(state == -1, gradient, np.inf)))
    dearest = int(np.argmax(np.where(state == 1, gradient, -np.inf)))
    both = (state == -1).any() and (state == 1).any()
    if abs(missing) <= _TOLERANCE and not (both and gradient[dearest] > gradient[cheapest] + _TOLERANCE):
        return True
    if missing >= -_TOLERANCE and (state == -1).any():
        state[cheapest] = 0
    if missing <= _TOLERANCE and (state == 1).any():
        state[dearest] = 0
    return False


def _solve_free(
    matrix: Float64Array, pull: Float64Array, state: _States, low: float, high: float
) -> tuple[Float64Array, float]:
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    free = state == 0
    weights = np.where(state == -1, low, np.where(state == 1, high, 0.0))
    fixed = pull - matrix @ weights
    try:
        factor = cho_factor(matrix[np.ix_(free, free)], lower=True, check_finite=False)
    except LinAlgError as error:
        raise InvalidInput(
            "The covariance is not positive definite: there are fewer sessions than assets, or copies of one asset.",
            hint="Use the shrunk covariance or a longer history.",
        ) from error
    ones, own = cho_solve(factor, np.column_stack((np.ones(int(free.sum())), fixed[free])), check_finite=False).T
    level = (1.0 - weights.sum() - own.sum()) / ones.sum()
    weights[free] = own + level * ones
    return weights, float(level)


@kernel
def _descend(matrix: Float64Array, shares: Float64Array, tolerance: float, rounds: int) -> tuple[Float64Array, float]:
    count = len(shares)
    x = np.empty(count)
    for i in range(count):
        x[i] = np.sqrt(shares[i] / matrix[i, i])
    product = np.zeros(count)
    for i in range(count):
        for j in range(count):
            product[j] += matrix[i, j] * x[i]
    left = np.inf
    for _ in range(rounds):
        for i in range(count):
            other = product[i] - matrix[i, i] * x[i]
            new = (-other + np.sqrt(other * other + 4.0 * matrix[i, i] * shares[i])) / (2.0 * matrix[i, i])
            step = new - x[i]
            x[i] = new
            for j in range(count):
                product[j] += matrix[i, j] * step
        left = 0.0
        for i in range(count):
            # At the solution x_i (Sx)_i equals the share.
            left = max(left, abs(x[i] * product[i] / shares[i] - 1.0))
        if left < tolerance:
            break
    return x, left
