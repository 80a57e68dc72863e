"""Simulate stochastic volatility (Heston, 1993) by full truncation, and calibrate it to daily returns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from core.domain.kernel import Float64Array, IntArray, fused_kernel, kernel
from core.domain.market_path import FloatArray
from core.errors import InvalidInput
from core.simulators.stochastic.engine import Block, begin, conclude, observe
from core.simulators.stochastic.engine import simulate as simulate
from core.simulators.stochastic.estimate import ParameterEstimate, maximise
from core.simulators.stochastic.future import Drift, annual_rates, joint_log_returns
from core.simulators.stochastic.gbm import correlation_root
from core.simulators.stochastic.product import ROW, add_product
from core.simulators.stochastic.stream import BLOCK_PATHS, SAMPLINGS, Sampling, State, draw_normals, exponential

# Half-life of a variance shock of 0.139 years, 35 sessions.
MEAN_REVERSION = 5.0
_NOT_IDENTIFIED = "fixed: daily returns of a few years do not identify the speed of mean reversion"


@dataclass(frozen=True, slots=True, kw_only=True)
class HestonParameters:
    """Hold, by asset (assets,): drift, speed of mean reversion, long-run variance, volatility of variance, the
    correlation of variance with return, and the current variance (all annual); and the correlation (assets, assets)
    of the return shocks.

    `drift` is continuous: the expected price grows by exp(drift * years). `substeps` are the steps per session.
    """

    stream: ClassVar[str] = "heston"

    assets: tuple[str, ...]
    drift: Float64Array
    mean_reversion: Float64Array
    long_run_variance: Float64Array
    volatility_of_variance: Float64Array
    leverage: Float64Array
    variance: Float64Array
    correlation: Float64Array
    sessions_per_year: int = 252
    substeps: int = 1
    estimates: tuple[ParameterEstimate, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.assets)
        names = ("drift", "mean_reversion", "long_run_variance", "volatility_of_variance", "leverage", "variance")
        for name in names:
            values = getattr(self, name)
            if values.shape != (count,) or not np.isfinite(values).all():
                raise InvalidInput(f"{name} has shape {values.shape}, expected ({count},) of finite numbers.")
            if name not in {"drift", "leverage"} and np.any(values < 0.0):
                raise InvalidInput(f"{name} is below 0, expected at least 0.")
        if np.any(np.abs(self.leverage) > 1.0):
            raise InvalidInput("leverage is a correlation, expected between -1 and 1.")
        if self.substeps < 1:
            raise InvalidInput(f"substeps is {self.substeps}, expected at least 1.")
        fits = self.correlation.shape == (count, count) and np.allclose(np.diag(self.correlation), 1.0)
        if not fits or np.linalg.eigvalsh(self.correlation).min() < -1e-8:
            raise InvalidInput("The correlation matrix is not positive semidefinite with a unit diagonal.")

    def block(self, start: FloatArray, drift: Drift, sampling: Sampling) -> Block:
        """Bind the parameters to a start: full truncation (Lord, Koekkoek and van Dijk, 2010), a martingale exactly.

        Only the variance has a discretisation error, of the order of a step.
        """
        dtype = start.dtype
        step = 1.0 / self.sessions_per_year / self.substeps
        rate = annual_rates(drift, self.drift) * step
        factor = np.ascontiguousarray(correlation_root(self.correlation), dtype=dtype)
        table = np.stack(
            [
                rate,
                self.mean_reversion * step,
                self.long_run_variance * step,
                self.volatility_of_variance * self.leverage * step,
                self.volatility_of_variance * np.sqrt(1.0 - self.leverage**2) * step,
                # The variance of one step, so that its root is the deviation of the step.
                self.variance * step,
            ],
            axis=1,
        ).astype(dtype)
        how, substeps = SAMPLINGS.index(sampling), self.substeps

        def draw(
            state: State, sessions: int, worth: FloatArray, out: FloatArray, end: FloatArray, fall: FloatArray
        ) -> None:
            _heston_block(state, sessions, substeps, start, worth, table, factor, how, out, end, fall)

        return draw


def calibrate(
    close: FloatArray,
    assets: tuple[str, ...],
    *,
    sessions_per_year: int = 252,
    mean_reversion: float = MEAN_REVERSION,
) -> HestonParameters:
    """Estimate the parameters from closes (time, assets), each asset alone, and filter the current variance.

    Maximum likelihood by a grid filter of the hidden variance (Kitagawa, 1987) over long-run variance, volatility of
    variance and leverage. The speed of mean reversion is given, because daily returns do not identify it. Raises
    NoData below 500 common returns.
    """
    returns = joint_log_returns(close, assets, at_least=500)
    if np.any(returns.std(axis=0) == 0.0):
        raise InvalidInput("A price never changes, so there is nothing to estimate.")
    rows, estimates = [], []
    for asset, column in zip(assets, returns.T, strict=True):
        row, found = _fit_one(asset, np.ascontiguousarray(column), 1.0 / sessions_per_year, mean_reversion)
        rows.append(row)
        estimates += found
    drift, variance, volatility, leverage, now = np.array(rows).T.copy()
    return HestonParameters(
        assets=assets,
        drift=drift,
        mean_reversion=np.full(len(assets), mean_reversion),
        long_run_variance=variance,
        volatility_of_variance=volatility,
        leverage=leverage,
        variance=now,
        correlation=np.atleast_2d(np.corrcoef(returns, rowvar=False)),
        sessions_per_year=sessions_per_year,
        estimates=tuple(estimates),
    )


def _fit_one(
    asset: str, returns: Float64Array, step: float, mean_reversion: float
) -> tuple[list[float], list[ParameterEstimate]]:
    scale = float(returns.var()) / step
    drift = float(returns.mean()) / step + 0.5 * scale

    def densities(x: Float64Array) -> Float64Array:
        return filter_variance(
            returns, drift, mean_reversion, float(np.exp(x[0])) * scale, float(np.exp(x[1])), float(np.tanh(x[2])), step
        )[0]

    fit = maximise(
        densities,
        [[0.0, 0.5 * np.log(scale) + np.log(2.0), -0.5]],
        [(-2.0, 2.0), (-4.0, 1.5), (-2.5, 2.5)],
        errors="sandwich",
    )
    variance, volatility, leverage = (
        float(np.exp(fit.point[0]) * scale),
        float(np.exp(fit.point[1])),
        float(np.tanh(fit.point[2])),
    )
    error = fit.standard_errors
    # The likelihood knows the long-run variance by sessions of little variance, too few in a history for the error it
    # states; so at least how far the average of the variance strays from it (Cox, Ingersoll and Ross, 1985).
    strays = volatility / mean_reversion / math.sqrt(variance * len(returns) * step)
    spread = max(float(error[0]), strays) if np.isfinite(error[0]) else float(error[0])
    now = filter_variance(returns, drift, mean_reversion, variance, volatility, leverage, step)[1]
    low, high = np.tanh(fit.point[2] - 1.96 * error[2]), np.tanh(fit.point[2] + 1.96 * error[2])
    of = ParameterEstimate.of
    estimates = [
        of(asset, "drift", drift, float(np.sqrt(scale / (len(returns) * step))), unit="ratio"),
        ParameterEstimate.fixed(asset, "speed of mean reversion", mean_reversion, _NOT_IDENTIFIED),
        of(asset, "long-run variance", variance, variance * spread, positive=True),
        of(asset, "volatility of variance", volatility, volatility * error[1], positive=True),
        ParameterEstimate(
            asset=asset,
            name="leverage",
            unit="number",
            value=leverage,
            standard_error=float((1.0 - leverage**2) * error[2]),
            low=float(low),
            high=float(high),
        ),
    ]
    return [drift, variance, volatility, leverage, now], estimates


def filter_variance(
    returns: Float64Array,
    drift: float,
    mean_reversion: float,
    long_run_variance: float,
    volatility_of_variance: float,
    leverage: float,
    step: float,
) -> tuple[Float64Array, float]:
    """Return the log density of each log return (time,) given those before it, and the expected next variance.

    A grid over the root of the variance carries its distribution (Kitagawa, 1987); in the root the noise of the
    variance has one size everywhere. A return is judged by the variance before and after it: given both, its mean
    carries the leverage and its variance is their average (Broadie and Kaya, 2006; Andersen, 2008), because by the
    first alone a day's returns look less skewed and the variance less wild than they are. The first variance has the
    stationary gamma distribution.
    """
    width = 0.5 * volatility_of_variance * math.sqrt(step)
    middle = math.sqrt(long_run_variance)
    spread = volatility_of_variance / math.sqrt(2.0 * mean_reversion) / 2.0
    low, high = max(0.05 * middle, middle - 7.0 * spread), middle + 9.0 * spread
    count = int(np.clip(np.ceil((high - low) / (0.5 * width)), 40, 500))
    grid = np.linspace(low, high, count)
    shape = 2.0 * mean_reversion * long_run_variance / volatility_of_variance**2
    log_belief = (2.0 * shape - 1.0) * np.log(grid) - shape * grid**2 / long_run_variance
    belief = np.exp(log_belief - log_belief.max())
    belief /= belief.sum()
    cells = min(2 * int(4.5 * width / (grid[1] - grid[0])) + 3, count)
    first = np.empty(count, np.int64)
    chance, mean, precision = np.empty((3, count, cells))
    _steps(grid, drift, mean_reversion, long_run_variance, volatility_of_variance, leverage, width, step, first,
           chance, mean, precision)  # fmt: skip
    densities = np.empty(len(returns))
    _filter(returns, first, chance, mean, precision, belief, densities)
    return densities, float(belief @ grid**2)


@kernel
def _steps(
    grid: Float64Array,
    drift: float,
    mean_reversion: float,
    long_run: float,
    volatility: float,
    leverage: float,
    width: float,
    step: float,
    first: IntArray,
    chance: Float64Array,
    mean: Float64Array,
    precision: Float64Array,
) -> None:
    """Tabulate the moves of a session from each cell: to `first` and the cells after it, and the return's law then."""
    count, cells = chance.shape
    gap = grid[1] - grid[0]
    for i in range(count):
        v = grid[i] * grid[i]
        ahead = v + mean_reversion * (long_run - v) * step
        centre = math.sqrt(ahead) if ahead > 1e-12 else 1e-6
        centre -= width * width / (2.0 * centre) if centre > width else 0.0
        start = min(max(int((centre - grid[0]) / gap + 0.5) - cells // 2, 0), count - cells)
        first[i] = start
        mass = 0.0
        for k in range(cells):
            z = (grid[start + k] - centre) / width
            chance[i, k] = math.exp(-0.5 * z * z)
            mass += chance[i, k]
        if mass <= 1e-300:
            chance[i, 0 if centre < grid[start] else cells - 1] = 1.0
            mass = 1.0
        for k in range(cells):
            later = grid[start + k] * grid[start + k]
            between = 0.5 * (v + later)
            surprise = later - v - mean_reversion * (long_run - between) * step
            mean[i, k] = (drift - 0.5 * between) * step + leverage / volatility * surprise
            variance = (1.0 - leverage * leverage) * between * step
            precision[i, k] = 0.5 / variance
            chance[i, k] /= mass * math.sqrt(variance)


@kernel
def _filter(
    returns: Float64Array,
    first: IntArray,
    chance: Float64Array,
    mean: Float64Array,
    precision: Float64Array,
    belief: Float64Array,
    densities: Float64Array,
) -> None:
    count, cells = chance.shape
    ahead = np.empty(count)
    for t in range(len(returns)):
        ahead[:] = 0.0
        for i in range(count):
            if belief[i] >= 1e-12:
                start = first[i]
                _weigh(returns[t], belief[i], chance[i], mean[i], precision[i], ahead[start : start + cells])
        total = ahead.sum()
        densities[t] = math.log(max(total, 1e-300)) - 0.9189385332046727
        for i in range(count):
            belief[i] = ahead[i] / total if total > 0.0 else 1.0 / count


@fused_kernel
def _weigh(
    value: float, belief: float, chance: Float64Array, mean: Float64Array, precision: Float64Array, out: Float64Array
) -> None:
    for k in range(len(out)):
        distance = value - mean[k]
        power = distance * distance * precision[k]
        power = power if power < 600.0 else 600.0
        out[k] += belief * chance[k] * exponential(-power)


@fused_kernel
def _move(row: Any, variance: Any, shock: Any, own: Any, numbers: Any) -> None:
    # A function of its own: inside the block the compiler does not make vector code of this loop.
    rate, speed, long_run, pull, rest = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    zero = row.dtype.type(0)
    half = row.dtype.type(0.5)
    for p in range(BLOCK_PATHS):
        v = variance[p]
        w = v if v > zero else zero
        root = np.sqrt(w)
        z = shock[p]
        row[p] += (rate - half * w) + root * z
        variance[p] = v + (speed * (long_run - w) + root * (pull * z + rest * own[p]))


@kernel
def _heston_block(
    state: State,
    sessions: int,
    substeps: int,
    start: Any,
    worth: Any,
    table: Any,
    factor: Any,
    sampling: int,
    out: Any,
    end: Any,
    fall: Any,
) -> None:
    assets = len(start)
    normal = np.empty((assets, ROW), start.dtype)
    level = np.empty((assets, ROW), start.dtype)
    variance = np.empty((assets, BLOCK_PATHS), start.dtype)
    value = np.empty(BLOCK_PATHS, start.dtype)
    top = np.empty(BLOCK_PATHS, start.dtype)
    low = np.empty(BLOCK_PATHS, start.dtype)
    own = np.empty(BLOCK_PATHS, start.dtype)
    # One asset alone is shocked by the normals as they are.
    shock = normal if assets == 1 else np.empty((assets, ROW), start.dtype)
    none = np.zeros(assets, start.dtype)
    zero = start.dtype.type(0)
    begin(level, start, worth, out, top, low)
    for a in range(assets):
        variance[a, :] = table[a, 5]
    for t in range(1, sessions + 1):
        for _ in range(substeps):
            for a in range(assets):
                draw_normals(state, normal[a, :BLOCK_PATHS], sampling)
            if assets > 1:
                shock[:, :] = zero
                add_product(none, factor, normal, shock)
            for a in range(assets):
                draw_normals(state, own, sampling)
                _move(level[a], variance[a], shock[a], own, table[a])
        observe(t, level, start, worth, out, value, top, low)
    conclude(level, worth, value, low, end, fall)
