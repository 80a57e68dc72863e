"""Simulate jump diffusion (Merton, 1976), each asset jumping alone, and calibrate it to history."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from core.domain.kernel import Float64Array, kernel
from core.domain.market_path import FloatArray
from core.errors import InvalidInput
from core.simulators.stochastic.engine import Block, begin, conclude, follow, is_alone, observe
from core.simulators.stochastic.engine import simulate as simulate
from core.simulators.stochastic.estimate import ParameterEstimate, maximise
from core.simulators.stochastic.future import Drift, annual_rates, joint_log_returns
from core.simulators.stochastic.gbm import correlation_root
from core.simulators.stochastic.product import ROW, add_product
from core.simulators.stochastic.stream import (
    BLOCK_PATHS,
    SAMPLINGS,
    Sampling,
    State,
    draw_normals,
    fill_normal,
    fill_uniform,
)

_MOST_JUMPS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class MertonParameters:
    """Hold, per asset (assets,): drift and diffusion volatility (annual ratios), jumps per year, and the mean and
    standard deviation of a jump's log size; and the correlation (assets, assets) of the diffusion.

    `drift` is continuous and includes the jumps: the expected price grows by exp(drift * years).
    """

    stream: ClassVar[str] = "merton"

    assets: tuple[str, ...]
    drift: Float64Array
    volatility: Float64Array
    jumps_per_year: Float64Array
    jump_mean: Float64Array
    jump_deviation: Float64Array
    correlation: Float64Array
    sessions_per_year: int = 252
    estimates: tuple[ParameterEstimate, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.assets)
        for name in ("drift", "volatility", "jumps_per_year", "jump_mean", "jump_deviation"):
            values = getattr(self, name)
            if values.shape != (count,) or not np.isfinite(values).all():
                raise InvalidInput(f"{name} has shape {values.shape}, expected ({count},) of finite numbers.")
            if name in {"volatility", "jumps_per_year", "jump_deviation"} and np.any(values < 0.0):
                raise InvalidInput(f"{name} is below 0, expected at least 0.")
        if np.any(self.jumps_per_year > self.sessions_per_year):
            raise InvalidInput(f"jumps_per_year is above {self.sessions_per_year}, expected at most one a session.")
        root_fits = self.correlation.shape == (count, count) and np.allclose(np.diag(self.correlation), 1.0)
        if not root_fits or np.linalg.eigvalsh(self.correlation).min() < -1e-8:
            raise InvalidInput("The correlation matrix is not positive semidefinite with a unit diagonal.")

    def block(self, start: FloatArray, drift: Drift, sampling: Sampling) -> Block:
        """Bind the parameters to a start; at most 12 jumps a session, exact otherwise. Antithetic jumps are not."""
        dtype = start.dtype
        step = 1.0 / self.sessions_per_year
        rate = annual_rates(drift, self.drift)
        growth = np.exp(self.jump_mean + 0.5 * self.jump_deviation**2) - 1.0
        shift = ((rate - 0.5 * self.volatility**2 - self.jumps_per_year * growth) * step).astype(dtype)
        volatility = self.volatility * np.sqrt(step)
        factor = np.ascontiguousarray(volatility[:, None] * correlation_root(self.correlation), dtype=dtype)
        none = -self.jumps_per_year * step
        counts = _cumulative_counts(self.jumps_per_year * step)
        mean, deviation = self.jump_mean.copy(), self.jump_deviation.copy()
        how = SAMPLINGS.index(sampling)

        def draw(
            state: State, sessions: int, worth: FloatArray, out: FloatArray, end: FloatArray, fall: FloatArray
        ) -> None:
            _merton_block(
                state, sessions, start, worth, shift, factor, none, counts, mean, deviation, how, out, end, fall
            )

        return draw


def calibrate(close: FloatArray, assets: tuple[str, ...], *, sessions_per_year: int = 252) -> MertonParameters:
    """Estimate the parameters from closes (time, assets) by maximum likelihood, each asset alone.

    A session's log return is a Poisson mixture of normals. The correlation is that of all returns, jumps
    included. Raises NoData below 250 common returns.
    """
    returns = joint_log_returns(close, assets, at_least=250)
    if np.any(returns.std(axis=0) == 0.0):
        raise InvalidInput("A price never changes, so there is nothing to estimate.")
    estimates: list[ParameterEstimate] = []
    for asset, column in zip(assets, returns.T, strict=True):
        estimates += _estimates(asset, column, 1.0 / sessions_per_year)
    values = np.array([part.value for part in estimates]).reshape(len(assets), 5)
    drift, volatility, intensity, mean, deviation = np.ascontiguousarray(values.T)
    return MertonParameters(
        assets=assets,
        drift=drift,
        volatility=volatility,
        jumps_per_year=intensity,
        jump_mean=mean,
        jump_deviation=deviation,
        correlation=np.atleast_2d(np.corrcoef(returns, rowvar=False)),
        sessions_per_year=sessions_per_year,
        estimates=tuple(estimates),
    )


def log_likelihood(
    returns: Float64Array,
    location: float,
    volatility: float,
    intensity: float,
    mean: float,
    deviation: float,
    step: float,
) -> float:
    """Return the log likelihood of log returns (time,) over sessions of `step` years; `location` is per session."""
    return float(_log_densities(returns, location, volatility, intensity, mean, deviation, step).sum())


@kernel
def _log_densities(
    returns: Float64Array,
    location: float,
    volatility: float,
    intensity: float,
    mean: float,
    deviation: float,
    step: float,
) -> Float64Array:
    rate = max(intensity * step, 1e-300)
    weight = np.empty(_MOST_JUMPS)
    precision = np.empty(_MOST_JUMPS)
    for jumps in range(_MOST_JUMPS):
        variance = volatility * volatility * step + jumps * deviation * deviation
        poisson = jumps * math.log(rate) - rate - math.lgamma(jumps + 1.0)
        weight[jumps] = poisson - 0.5 * math.log(2.0 * math.pi * variance)
        precision[jumps] = 0.5 / variance
    terms = np.empty(_MOST_JUMPS)
    out = np.empty(len(returns))
    for t in range(len(returns)):
        largest = -np.inf
        for jumps in range(_MOST_JUMPS):
            distance = returns[t] - location - jumps * mean
            terms[jumps] = weight[jumps] - distance * distance * precision[jumps]
            largest = max(largest, terms[jumps])
        total = 0.0
        for jumps in range(_MOST_JUMPS):
            total += math.exp(terms[jumps] - largest)
        out[t] = largest + math.log(total)
    return out


def _estimates(asset: str, returns: Float64Array, step: float) -> list[ParameterEstimate]:
    # Numbers near 1: returns in units of their own deviation, positive parameters as logarithms.
    unit, middle = float(returns.std()), float(returns.mean())
    scaled = (returns - middle) / unit

    def densities(x: Float64Array) -> Float64Array:
        location, mean = float(x[0]), float(x[3])
        volatility, intensity, deviation = (float(np.exp(x[i])) for i in (1, 2, 4))
        return _log_densities(scaled, location, volatility, intensity, mean, deviation, 1.0)

    fit = maximise(
        densities,
        [[0.0, -0.2, np.log(rate), mean, np.log(size)]
         for rate, mean, size in ((0.02, 0.0, 3.0), (0.2, 0.0, 1.5), (0.02, -3.0, 1.0), (0.02, 3.0, 1.0))],
        [(-1.0, 1.0), (-4.0, 1.0), (-9.0, 0.0), (-10.0, 10.0), (-3.0, 3.0)],
        errors="information",
    )  # fmt: skip

    def volatility(x: Float64Array) -> float:
        return float(np.exp(x[1]) * unit / np.sqrt(step))

    def intensity(x: Float64Array) -> float:
        return float(np.exp(x[2]) / step)

    def drift(x: Float64Array) -> float:
        growth = np.exp(x[3] * unit + 0.5 * (np.exp(x[4]) * unit) ** 2) - 1.0
        return float((x[0] * unit + middle) / step + 0.5 * volatility(x) ** 2 + intensity(x) * growth)

    x = fit.point
    of = ParameterEstimate.of
    return [
        of(asset, "drift", drift(x), fit.error_of(drift), unit="ratio"),
        of(asset, "volatility", volatility(x), fit.error_of(volatility), unit="ratio", positive=True),
        of(asset, "jumps per year", intensity(x), fit.error_of(intensity), positive=True),
        of(asset, "mean jump", float(x[3] * unit), fit.error_of(lambda x: float(x[3] * unit)), unit="ratio"),
        of(asset, "deviation of a jump", float(np.exp(x[4]) * unit), fit.error_of(lambda x: float(np.exp(x[4]) * unit)),
           unit="ratio", positive=True),
    ]  # fmt: skip


def _cumulative_counts(rate: Float64Array) -> Float64Array:
    """Tabulate the distribution function of the jumps of a session that has any, (assets, most jumps - 1)."""
    from scipy.special import pdtr

    none = np.exp(-rate)[:, None]
    count = np.arange(1, _MOST_JUMPS)[None, :]
    with np.errstate(invalid="ignore"):
        given = (pdtr(count, rate[:, None]) - none) / -np.expm1(-rate)[:, None]
    return np.ascontiguousarray(np.where(rate[:, None] > 0.0, given, 1.0))


@kernel
def _merton_block(
    state: State,
    sessions: int,
    start: Any,
    worth: Any,
    shift: Any,
    factor: Any,
    none: Float64Array,
    counts: Float64Array,
    mean: Float64Array,
    deviation: Float64Array,
    sampling: int,
    out: Any,
    end: Any,
    fall: Any,
) -> None:
    assets = len(start)
    normal = np.empty((assets, ROW), start.dtype)
    level = np.empty((assets, ROW), start.dtype)
    value = np.empty(BLOCK_PATHS, start.dtype)
    top = np.empty(BLOCK_PATHS, start.dtype)
    low = np.empty(BLOCK_PATHS, start.dtype)
    chance = np.empty(BLOCK_PATHS)
    size = np.empty(BLOCK_PATHS)
    used = BLOCK_PATHS
    # Cells of (session, path) without a jump are skipped: the gap to the next one is geometric.
    after = np.zeros(assets, np.int64)
    begin(level, start, worth, out, top, low)
    alone = is_alone(worth, out)
    most = counts.shape[1]
    for a in range(assets):
        if used + 1 >= BLOCK_PATHS:
            fill_uniform(state, chance)
            fill_normal(state, size)
            used = 0
        after[a] = _gap(chance[used], none[a])
        used += 1
    for t in range(1, sessions + 1):
        for a in range(assets):
            draw_normals(state, normal[a, :BLOCK_PATHS], sampling)
        for a in range(assets):
            row = level[a]
            while after[a] < BLOCK_PATHS:
                if used + 1 >= BLOCK_PATHS:
                    fill_uniform(state, chance)
                    fill_normal(state, size)
                    used = 0
                jumps = 0
                while jumps < most and chance[used] > counts[a, jumps]:
                    jumps += 1
                jumps += 1
                row[after[a]] += jumps * mean[a] + math.sqrt(jumps) * deviation[a] * size[used]
                after[a] += 1 + _gap(chance[used + 1], none[a])
                used += 2
            after[a] -= BLOCK_PATHS
            if alone:
                follow(row, shift[a], factor[a, a], normal[a], top, low)
        if alone:
            continue
        add_product(shift, factor, normal, level)
        observe(t, level, start, worth, out, value, top, low)
    conclude(level, worth, value, low, end, fall)


@kernel
def _gap(chance: float, log_none: float) -> int:
    """Return the cells without a jump before the next one; `log_none` is the log probability of no jump in a cell."""
    if log_none == 0.0:
        return 1 << 60
    gap = math.log(chance) / log_none
    return int(gap) if gap < 1e15 else 1 << 60
