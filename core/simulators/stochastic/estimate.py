"""Estimate parameters by maximum likelihood, with standard errors and intervals from numerical derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.domain.facts import Unit
from core.domain.kernel import Float64Array
from core.errors import NoData

Z95 = 1.959963984540054
# Log likelihood of each observation (time,) at a point (parameters,).
LogLikelihood = Callable[[Float64Array], Float64Array]
Errors = Literal["sandwich", "information", "scores"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterEstimate:
    """Hold one parameter of one asset (empty: of all): value, standard error and a 95 % interval.

    Where `note` says why it cannot be identified from daily returns it was fixed and has no standard error (NaN).
    """

    asset: str
    name: str
    unit: Unit
    value: float
    standard_error: float
    low: float
    high: float
    note: str = ""

    @classmethod
    def of(
        cls,
        asset: str,
        name: str,
        value: float,
        standard_error: float,
        *,
        unit: Unit = "number",
        positive: bool = False,
        share: bool = False,
    ) -> ParameterEstimate:
        """Give an estimate with its normal interval, in logarithms for a positive parameter, in log odds for a share.

        Near an end of its range an estimate is skewed and its standard error goes with it; on these scales both are
        steady, so that the interval covers what it claims and stays inside the range.
        """
        if share and 0.0 < value < 1.0:
            odds, reach = np.log(value / (1.0 - value)), min(Z95 * standard_error / (value * (1.0 - value)), 50.0)
            low, high = (float(1.0 / (1.0 + np.exp(-(odds + side * reach)))) for side in (-1.0, 1.0))
        elif positive and value > 0.0:
            reach = np.exp(min(Z95 * standard_error / value, 50.0))
            low, high = value / reach, value * reach
        else:
            low, high = value - Z95 * standard_error, value + Z95 * standard_error
        return cls(
            asset=asset,
            name=name,
            unit=unit,
            value=float(value),
            standard_error=float(standard_error),
            low=float(low),
            high=float(high),
        )

    @classmethod
    def fixed(cls, asset: str, name: str, value: float, note: str, *, unit: Unit = "number") -> ParameterEstimate:
        """Give a parameter that was not estimated, with the reason."""
        nan = float("nan")
        return cls(asset=asset, name=name, unit=unit, value=value, standard_error=nan, low=nan, high=nan, note=note)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Hold a maximum of a log likelihood: the point, its covariance (sandwich or inverse Hessian) and the maximum."""

    point: Float64Array
    covariance: Float64Array
    log_likelihood: float

    @property
    def standard_errors(self) -> Float64Array:
        """Return the square roots of the variances; NaN where a variance is not positive."""
        variance = np.diag(self.covariance)
        return np.where(variance > 0.0, np.sqrt(np.abs(variance)), np.nan)

    def error_of(self, function: Callable[[Float64Array], float]) -> float:
        """Return the standard error of a function of the parameters (delta method), those at a bound held there."""
        step = 1e-5 * np.maximum(np.abs(self.point), 0.1)
        gradient = np.zeros(len(self.point))
        for i in range(len(self.point)):
            ahead, behind = self.point.copy(), self.point.copy()
            ahead[i] += step[i]
            behind[i] -= step[i]
            gradient[i] = (function(ahead) - function(behind)) / (2.0 * step[i])
        moved = (gradient != 0.0) & np.isfinite(np.diag(self.covariance))
        part = gradient[moved]
        variance = float(part @ self.covariance[np.ix_(moved, moved)] @ part)
        return float(np.sqrt(variance)) if variance > 0.0 else float("nan")


def maximise(
    log_likelihood: LogLikelihood,
    starts: Sequence[Sequence[float]],
    bounds: Sequence[tuple[float, float]],
    *,
    errors: Errors = "sandwich",
) -> Fit:
    """Find the maximum of the summed log likelihood from several starts (L-BFGS-B), with its covariance.

    Parameters should be of size 1. Raises NoData when no start leads to a finite maximum.
    """
    from scipy.optimize import minimize

    size = float(len(log_likelihood(np.array(starts[0], dtype=np.float64))))

    def cost(x: Float64Array) -> float:
        total = float(log_likelihood(x).sum())
        return -total / size if np.isfinite(total) else 1e10

    fits = [minimize(cost, start, method="L-BFGS-B", bounds=bounds) for start in starts]
    best = min(fits, key=lambda fit: float(fit.fun))
    if not np.isfinite(best.fun) or best.fun >= 1e10:
        raise NoData("The likelihood has no finite maximum on this history.", hint="Choose a longer period.")
    point = np.asarray(best.x, dtype=np.float64)
    return Fit(
        point=point,
        covariance=covariance(log_likelihood, point, bounds, errors=errors),
        log_likelihood=float(log_likelihood(point).sum()),
    )


def covariance(
    log_likelihood: LogLikelihood, point: Float64Array, bounds: Sequence[tuple[float, float]], *, errors: Errors
) -> Float64Array:
    """Return the covariance (parameters, parameters) of a maximum by central differences.

    `errors`: "sandwich" of Huber (1967) and White (1982), valid when the likelihood is only a quasi-likelihood;
    "information", the inverse of the observed information; "scores", the inverse of the outer product of the scores
    (Berndt, Hall, Hall and Hausman, 1974), whose cost does not grow with the square of the parameters. A parameter
    at its bound is held there: its row and column are NaN.
    """
    count = len(point)
    step = 1e-4 * np.maximum(np.abs(point), 0.1)
    low, high = np.array(bounds, dtype=np.float64).T
    free = [int(i) for i in np.flatnonzero((point - step > low) & (point + step < high))]
    out = np.full((count, count), np.nan)
    if not free:
        return out

    def at(*moves: tuple[int, float]) -> Float64Array:
        x = point.copy()
        for index, sign in moves:
            x[index] += sign * step[index]
        return log_likelihood(x)

    ahead = {i: at((i, 1.0)) for i in free}
    behind = {i: at((i, -1.0)) for i in free}
    scores = np.stack([(ahead[i] - behind[i]) / (2.0 * step[i]) for i in free], axis=1)
    outer = scores.T @ scores
    if errors == "scores":
        out[np.ix_(free, free)] = np.linalg.pinv(outer, hermitian=True)
        return out
    middle = float(at().sum())
    hessian = np.empty((len(free), len(free)))
    for row, i in enumerate(free):
        hessian[row, row] = (ahead[i].sum() - 2.0 * middle + behind[i].sum()) / step[i] ** 2
        for column, j in enumerate(free[:row]):
            both = (
                at((i, 1.0), (j, 1.0)).sum()
                - at((i, 1.0), (j, -1.0)).sum()
                - at((i, -1.0), (j, 1.0)).sum()
                + at((i, -1.0), (j, -1.0)).sum()
            )
            hessian[row, column] = hessian[column, row] = both / (4.0 * step[i] * step[j])
    inverse = np.linalg.pinv(-hessian, hermitian=True)
    out[np.ix_(free, free)] = inverse @ outer @ inverse if errors == "sandwich" else inverse
    return out
