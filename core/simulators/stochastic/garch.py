"""Simulate GARCH(1,1) and GJR by filtered historical simulation, and calibrate them to history.

Sources: Bollerslev (1986); Glosten, Jagannathan and Runkle (1993); Barone-Adesi, Giannopoulos and Vosper (1999).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from core.domain.kernel import Float64Array, fused_kernel, kernel
from core.domain.market_path import FloatArray
from core.errors import InvalidInput
from core.simulators.stochastic.engine import Block, begin, conclude, observe
from core.simulators.stochastic.engine import simulate as simulate
from core.simulators.stochastic.estimate import Fit, ParameterEstimate, maximise
from core.simulators.stochastic.future import Drift, annual_rate, joint_log_returns
from core.simulators.stochastic.stream import BLOCK_PATHS, Sampling, State, fill_words

_CUMULANTS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class GarchParameters:
    """Hold, by asset (assets,) and per session: mean log return, omega, alpha, gamma (0 without leverage), beta and
    the variance of the next session; and the standardised residuals (sessions, assets) to draw from.

    The next variance is omega + (alpha + gamma where the surprise was below 0) * surprise^2 + beta * variance.
    """

    stream: ClassVar[str] = "garch"

    assets: tuple[str, ...]
    mean: Float64Array
    omega: Float64Array
    alpha: Float64Array
    gamma: Float64Array
    beta: Float64Array
    variance: Float64Array
    residuals: Float64Array
    sessions_per_year: int = 252
    estimates: tuple[ParameterEstimate, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.assets)
        for name in ("mean", "omega", "alpha", "gamma", "beta", "variance"):
            values = getattr(self, name)
            if values.shape != (count,) or not np.isfinite(values).all():
                raise InvalidInput(f"{name} has shape {values.shape}, expected ({count},) of finite numbers.")
            if name not in {"mean", "gamma"} and np.any(values < 0.0):
                raise InvalidInput(f"{name} is below 0, expected at least 0.")
        if self.residuals.ndim != 2 or self.residuals.shape[1] != count or not len(self.residuals):
            raise InvalidInput(f"residuals has shape {self.residuals.shape}, expected (sessions, {count}).")
        if not np.isfinite(self.residuals).all():
            raise InvalidInput("residuals holds NaN or infinite values, expected numbers.")

    def block(self, start: FloatArray, drift: Drift, sampling: Sampling) -> Block:
        """Bind the parameters to a start.

        Each session draws one row of residuals for all assets, so their dependence is kept. With a drift that is not
        historical the expected simple return of a session is that drift whatever the variance: the cumulants of the
        residuals, up to the sixth, are taken out.
        """
        if sampling != "random":
            raise InvalidInput(f"sampling is {sampling!r}; residuals have no normals to mirror: use 'random'.")
        dtype = start.dtype
        count = len(self.assets)
        moments = np.zeros((count, _CUMULANTS))
        mean = self.mean
        if drift != "historical":
            moments = _cumulants(self.residuals) / np.cumprod(np.arange(1.0, _CUMULANTS + 1.0))
            mean = np.full(count, annual_rate(drift) / self.sessions_per_year)
        table = np.concatenate(
            (
                np.stack([mean, self.omega, self.alpha, self.gamma, self.beta, self.variance], axis=1),
                moments,
            ),
            axis=1,
        ).astype(dtype)
        residuals = np.ascontiguousarray(self.residuals.T, dtype=dtype)
        corrected = drift != "historical"

        def draw(
            state: State, sessions: int, worth: FloatArray, out: FloatArray, end: FloatArray, fall: FloatArray
        ) -> None:
            _garch_block(state, sessions, start, worth, table, residuals, corrected, out, end, fall)

        return draw


def calibrate(
    close: FloatArray, assets: tuple[str, ...], *, sessions_per_year: int = 252, leverage: bool = False
) -> GarchParameters:
    """Estimate the parameters from closes (time, assets), each asset alone, by Gaussian quasi maximum likelihood.

    `leverage` adds gamma (GJR). Standard errors are robust (Bollerslev and Wooldridge, 1992). Raises NoData below
    250 common returns.
    """
    returns = joint_log_returns(close, assets, at_least=250)
    if np.any(returns.std(axis=0) == 0.0):
        raise InvalidInput("A price never changes, so there is nothing to estimate.")
    rows, residuals, estimates = [], [], []
    for asset, column in zip(assets, returns.T, strict=True):
        row, found, standardised = _fit_one(asset, np.ascontiguousarray(column), leverage)
        rows.append(row)
        residuals.append(standardised)
        estimates += found
    mean, omega, alpha, gamma, beta, variance = np.array(rows).T.copy()
    return GarchParameters(
        assets=assets,
        mean=mean,
        omega=omega,
        alpha=alpha,
        gamma=gamma,
        beta=beta,
        variance=variance,
        residuals=np.ascontiguousarray(np.array(residuals).T),
        sessions_per_year=sessions_per_year,
        estimates=tuple(estimates),
    )


def log_likelihood(
    returns: Float64Array, mean: float, omega: float, alpha: float, gamma: float, beta: float, backcast: float
) -> float:
    """Return the Gaussian log likelihood of log returns (time,); `backcast` stands for the variance before them."""
    surprise = returns - mean
    variance = _variances(surprise, omega, alpha, gamma, beta, backcast)[:-1]
    return float(-0.5 * np.sum(np.log(2.0 * np.pi * variance) + surprise**2 / variance))


def backcast_variance(surprise: Float64Array) -> float:
    """Return the variance that stands before the sample: 75 sessions weighted by 0.94 (RiskMetrics, 1996)."""
    count = min(75, len(surprise))
    weight = 0.94 ** np.arange(count)
    return float((surprise[:count] ** 2) @ weight / weight.sum())


def _fit_one(
    asset: str, returns: Float64Array, leverage: bool
) -> tuple[list[float], list[ParameterEstimate], Float64Array]:
    unit, middle = float(returns.std()), float(returns.mean())
    scaled = (returns - middle) / unit
    before = backcast_variance(scaled)

    def densities(x: Float64Array) -> Float64Array:
        gamma = x[4] if leverage else 0.0
        if x[2] + 0.5 * gamma + x[3] >= 0.99999 or x[2] + gamma < 0.0:
            return np.full(len(scaled), -1e9)
        surprise = scaled - x[0]
        variance = _variances(surprise, float(np.exp(x[1])), float(x[2]), float(gamma), float(x[3]), before)[:-1]
        return np.asarray(-0.5 * (np.log(2.0 * np.pi * variance) + surprise**2 / variance))

    starts = [
        [0.0, np.log(1.0 - a - b), a, b, *([0.02] if leverage else [])]
        for a, b in ((0.05, 0.9), (0.1, 0.8), (0.03, 0.95))
    ]
    bounds = [(-1.0, 1.0), (-14.0, 1.0), (0.0, 1.0), (0.0, 1.0), *([(-0.5, 1.0)] if leverage else [])]
    fit = maximise(densities, starts, bounds, errors="sandwich")
    x = fit.point
    mean, omega, alpha, beta = float(x[0]), float(np.exp(x[1])), float(x[2]), float(x[3])
    gamma = float(x[4]) if leverage else 0.0
    surprise = scaled - mean
    variance = _variances(surprise, omega, alpha, gamma, beta, before)
    row = [mean * unit + middle, omega * unit**2, alpha, gamma, beta, float(variance[-1]) * unit**2]
    return row, _estimates(asset, fit, row, unit, leverage), surprise / np.sqrt(variance[:-1])


def _estimates(asset: str, fit: Fit, row: list[float], unit: float, leverage: bool) -> list[ParameterEstimate]:
    error = fit.standard_errors
    of = ParameterEstimate.of
    found = [
        of(asset, "mean of a session", row[0], error[0] * unit, unit="ratio"),
        of(asset, "omega", row[1], row[1] * error[1], positive=True),
        of(asset, "alpha", row[2], error[2]),
        of(asset, "beta", row[4], error[3], share=True),
    ]
    if leverage:
        found.insert(3, of(asset, "gamma", row[3], error[4]))
    return found


def _cumulants(residuals: Float64Array) -> Float64Array:
    """Return the first six cumulants of each column, (assets, 6), from its moments."""
    m = [(residuals**power).mean(axis=0) for power in range(1, _CUMULANTS + 1)]
    centred = residuals - m[0]
    c2, c3, c4, c5, c6 = ((centred**power).mean(axis=0) for power in range(2, _CUMULANTS + 1))
    return np.stack(
        [m[0], c2, c3, c4 - 3 * c2**2, c5 - 10 * c3 * c2, c6 - 15 * c4 * c2 - 10 * c3**2 + 30 * c2**3], axis=1
    )


@kernel
def _variances(
    surprise: Float64Array, omega: float, alpha: float, gamma: float, beta: float, backcast: float
) -> Float64Array:
    """Return the variance of each session and, last, of the next one; the sample starts from the backcast."""
    count = len(surprise)
    out = np.empty(count + 1)
    out[0] = omega + (alpha + 0.5 * gamma + beta) * backcast
    for t in range(count):
        square = surprise[t] * surprise[t]
        out[t + 1] = omega + (alpha + (gamma if surprise[t] < 0.0 else 0.0)) * square + beta * out[t]
    return out


@fused_kernel
def _move(row: Any, variance: Any, drawn: Any, numbers: Any) -> None:
    # A function of its own: inside the block the compiler does not make vector code of this loop.
    mean, omega, alpha, gamma, beta = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    zero = row.dtype.type(0)
    for p in range(BLOCK_PATHS):
        v = variance[p]
        surprise = np.sqrt(v) * drawn[p]
        weight = alpha + (gamma if surprise < zero else zero)
        row[p] += mean + surprise
        variance[p] = omega + weight * (surprise * surprise) + beta * v


@kernel
def _garch_block(
    state: State,
    sessions: int,
    start: Any,
    worth: Any,
    table: Any,
    residuals: Any,
    corrected: bool,
    out: Any,
    end: Any,
    fall: Any,
) -> None:
    assets = len(start)
    rows = np.uint64(residuals.shape[1])
    words = np.empty(BLOCK_PATHS // 2, np.uint64)
    bits = words.view(np.uint32)
    drawn = np.empty(BLOCK_PATHS, np.int32)
    level = np.empty((assets, BLOCK_PATHS), start.dtype)
    variance = np.empty((assets, BLOCK_PATHS), start.dtype)
    value = np.empty(BLOCK_PATHS, start.dtype)
    top = np.empty(BLOCK_PATHS, start.dtype)
    low = np.empty(BLOCK_PATHS, start.dtype)
    begin(level, start, worth, out, top, low)
    for a in range(assets):
        variance[a, :] = table[a, 5]
    for t in range(1, sessions + 1):
        fill_words(state, words)
        for p in range(BLOCK_PATHS):
            drawn[p] = np.int32((np.uint64(bits[p]) * rows) >> np.uint64(32))
        for a in range(assets):
            row, var, residual = level[a], variance[a], residuals[a]
            for p in range(BLOCK_PATHS):
                value[p] = residual[drawn[p]]
            if corrected:
                for p in range(BLOCK_PATHS):
                    deviation = np.sqrt(var[p])
                    power = table[a, 11]
                    for k in range(10, 5, -1):
                        power = power * deviation + table[a, k]
                    row[p] -= power * deviation
            _move(row, var, value, table[a])
        observe(t, level, start, worth, out, value, top, low)
    conclude(level, worth, value, low, end, fall)
