"""Combine market equilibrium with views into expected returns (Black and Litterman, 1992)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.domain.kernel import Float64Array
from core.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """Hold expected returns and their covariance after the views; `equilibrium` is what the market weights imply."""

    equilibrium: Float64Array
    expected_returns: Float64Array
    covariance: Float64Array


def equilibrium_returns(
    covariance: Float64Array, market_weights: Float64Array, *, risk_aversion: float = 2.5
) -> Float64Array:
    """Return the excess returns (assets,) for which the market weights are optimal: risk_aversion S w."""
    return np.asarray(risk_aversion * (covariance @ market_weights), dtype=np.float64)


def black_litterman(
    covariance: Float64Array,
    market_weights: Float64Array,
    *,
    views: Float64Array,
    view_returns: Float64Array,
    confidence: Float64Array | None = None,
    risk_aversion: float = 2.5,
    tau: float = 0.05,
) -> Posterior:
    """Blend the equilibrium with views: `views` (views, assets) @ returns is believed to be `view_returns` (views,).

    Without `confidence`, the variance of each view's error is that of the equilibrium in its direction, P tau S P'
    (He and Litterman, 1999); a `confidence` in (0, 1] per view scales it by (1 - c) / c (Idzorek, 2005; 0.5 leaves it
    as it is, 1 makes the view certain). The returned covariance is S plus the posterior's own uncertainty. Returns and
    covariance are of one horizon. Raises InvalidInput for shapes that do not fit.
    """
    matrix = np.asarray(covariance, dtype=np.float64)
    picks, believed = np.atleast_2d(np.asarray(views, dtype=np.float64)), np.atleast_1d(np.asarray(view_returns, float))
    weights = np.asarray(market_weights, dtype=np.float64)
    count = len(matrix)
    if matrix.shape != (count, count) or weights.shape != (count,) or picks.shape != (len(believed), count):
        raise InvalidInput(
            f"covariance {matrix.shape}, market_weights {weights.shape}, views {picks.shape} and view_returns "
            f"{believed.shape} do not fit: expected (assets, assets), (assets,), (views, assets), (views,)."
        )
    if not (tau > 0.0 and risk_aversion > 0.0):
        raise InvalidInput(f"tau is {tau} and risk_aversion {risk_aversion}, expected both above 0.")
    equilibrium = equilibrium_returns(matrix, weights, risk_aversion=risk_aversion)
    prior = tau * matrix
    spread = np.diag(picks @ prior @ picks.T).copy()
    if confidence is not None:
        sure = np.asarray(confidence, dtype=np.float64)
        if sure.shape != believed.shape or not ((sure > 0.0) & (sure <= 1.0)).all():
            raise InvalidInput("confidence must hold one number above 0, at most 1, per view.")
        spread *= (1.0 - sure) / sure
    gain = np.linalg.solve(picks @ prior @ picks.T + np.diag(spread), picks @ prior).T
    return Posterior(
        equilibrium=equilibrium,
        expected_returns=np.asarray(equilibrium + gain @ (believed - picks @ equilibrium), dtype=np.float64),
        covariance=np.asarray(matrix + prior - gain @ picks @ prior, dtype=np.float64),
    )
