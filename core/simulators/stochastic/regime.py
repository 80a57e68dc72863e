"""Simulate returns that switch between two regimes by a Markov chain (Hamilton, 1989), and calibrate them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from core.domain.kernel import Float64Array, kernel
from core.domain.market_path import FloatArray
from core.errors import InvalidInput
from core.simulators.stochastic.engine import Block, begin, conclude, observe
from core.simulators.stochastic.engine import simulate as simulate
from core.simulators.stochastic.estimate import ParameterEstimate, covariance
from core.simulators.stochastic.future import Drift, annual_rate, joint_log_returns
from core.simulators.stochastic.product import ROW, add_product
from core.simulators.stochastic.stream import BLOCK_PATHS, SAMPLINGS, Sampling, State, draw_normals, fill_uniform

REGIMES = 2
NAMES = ("calm", "turbulent")
_MOST_ROUNDS = 500
_MOST_FOR_INFORMATION = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeParameters:
    """Hold two regimes of daily log returns, the calmer first.

    `mean` (regimes, assets) and `covariance` (regimes, assets, assets) are per session; `stay` (regimes,) is the
    probability to stay in a regime from one session to the next; `now` (regimes,) is that of the last session's
    regime given all returns.
    """

    stream: ClassVar[str] = "regime_switching"

    assets: tuple[str, ...]
    mean: Float64Array
    covariance: Float64Array
    stay: Float64Array
    now: Float64Array
    sessions_per_year: int = 252
    estimates: tuple[ParameterEstimate, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.assets)
        shapes = (self.mean.shape, self.covariance.shape, self.stay.shape, self.now.shape)
        if shapes != ((REGIMES, count), (REGIMES, count, count), (REGIMES,), (REGIMES,)):
            raise InvalidInput(
                f"The regimes have shapes {shapes}, expected those of {REGIMES} regimes, {count} assets."
            )
        if np.any(self.stay < 0.0) or np.any(self.stay > 1.0) or abs(self.now.sum() - 1.0) > 1e-9:
            raise InvalidInput("The probabilities of the regimes are not between 0 and 1, or do not sum to 1.")
        if min(np.linalg.eigvalsh(part).min() for part in self.covariance) < -1e-12:
            raise InvalidInput("A regime's covariance matrix is not positive semidefinite.")

    def block(self, start: FloatArray, drift: Drift, sampling: Sampling) -> Block:
        """Bind the parameters to a start: the next session's regime follows from the last one's.

        With a drift that is not historical the expected simple return of a session is that drift in either regime.
        """
        dtype = start.dtype
        if drift == "historical":
            mean = self.mean
        else:
            variance = np.diagonal(self.covariance, axis1=1, axis2=2)
            mean = annual_rate(drift) / self.sessions_per_year - 0.5 * variance
        shift = np.ascontiguousarray(mean, dtype=dtype)
        factor = np.ascontiguousarray([_root(part) for part in self.covariance], dtype=dtype)
        turbulent = float(self.now[0] * (1.0 - self.stay[0]) + self.now[1] * self.stay[1])
        leave = np.array([1.0 - self.stay[0], self.stay[1]])
        how = SAMPLINGS.index(sampling)

        def draw(
            state: State, sessions: int, worth: FloatArray, out: FloatArray, end: FloatArray, fall: FloatArray
        ) -> None:
            _regime_block(state, sessions, start, worth, shift, factor, turbulent, leave, how, out, end, fall)

        return draw


def calibrate(close: FloatArray, assets: tuple[str, ...], *, sessions_per_year: int = 252) -> RegimeParameters:
    """Estimate two regimes, common to all assets, from closes (time, assets) by expectation maximisation.

    Maximum likelihood (Hamilton, 1990) from three starts. Standard errors come from the observed information, or for
    more than three assets from the outer product of the scores. Raises NoData below 250 common returns.
    """
    returns = joint_log_returns(close, assets, at_least=250)
    if np.any(returns.std(axis=0) == 0.0):
        raise InvalidInput("A price never changes, so there is nothing to estimate.")
    unit = returns.std(axis=0)
    scaled = (returns - returns.mean(axis=0)) / unit
    stress = np.convolve((scaled**2).mean(axis=1), np.ones(21) / 21.0, mode="same")
    fits = [_maximise(scaled, stress > np.quantile(stress, level)) for level in (0.5, 0.75, 0.9)]
    mean, spread, stay, now, _ = max(fits, key=lambda fit: fit[4])
    order = np.argsort([np.trace(part) for part in spread])
    mean, spread, stay, now = mean[order], spread[order], stay[order], now[order]
    estimates = _estimates(assets, scaled, mean, spread, stay, unit, returns.mean(axis=0), sessions_per_year)
    return RegimeParameters(
        assets=assets,
        mean=mean * unit + returns.mean(axis=0),
        covariance=spread * np.outer(unit, unit),
        stay=stay,
        now=now,
        sessions_per_year=sessions_per_year,
        estimates=estimates,
    )


def log_likelihood(returns: Float64Array, parameters: RegimeParameters) -> float:
    """Return the log likelihood of log returns (time, assets); the chain starts from its stationary distribution."""
    return float(_filtered(returns, parameters.mean, parameters.covariance, parameters.stay)[0].sum())


def _root(matrix: Float64Array) -> Float64Array:
    values, vectors = np.linalg.eigh(matrix)
    _, upper = np.linalg.qr((vectors * np.sqrt(np.clip(values, 0.0, None))).T)
    return np.asarray(upper.T * np.where(np.diag(upper) < 0.0, -1.0, 1.0), dtype=np.float64)


def _log_densities(returns: Float64Array, mean: Float64Array, spread: Float64Array) -> Float64Array:
    out = np.empty((len(returns), REGIMES))
    for k in range(REGIMES):
        root = np.linalg.cholesky(spread[k])
        z = np.linalg.solve(root, (returns - mean[k]).T)
        out[:, k] = -0.5 * (z**2).sum(axis=0) - np.log(np.diag(root)).sum() - 0.9189385332046727 * returns.shape[1]
    return out


def _filtered(
    returns: Float64Array, mean: Float64Array, spread: Float64Array, stay: Float64Array
) -> tuple[Float64Array, Float64Array, Float64Array, Float64Array]:
    densities = _log_densities(returns, mean, spread)
    return _hamilton(densities, float(stay[0]), float(stay[1]))


def _maximise(
    returns: Float64Array, turbulent: Any
) -> tuple[Float64Array, Float64Array, Float64Array, Float64Array, float]:
    weight = np.stack([~turbulent, turbulent], axis=1).astype(np.float64)
    stay = np.array([0.98, 0.95])
    last = -np.inf
    assets = returns.shape[1]
    for _ in range(_MOST_ROUNDS):
        total = weight.sum(axis=0)
        mean = (weight.T @ returns) / total[:, None]
        spread = np.empty((REGIMES, assets, assets))
        for k in range(REGIMES):
            centred = returns - mean[k]
            spread[k] = (centred * weight[:, k, None]).T @ centred / total[k] + 1e-9 * np.eye(assets)
        contributions, weight, moves, now = _filtered(returns, mean, spread, stay)
        likelihood = float(contributions.sum())
        stay = np.clip(np.array([moves[k, k] / moves[k].sum() for k in range(REGIMES)]), 1e-4, 1.0 - 1e-6)
        if likelihood - last < 1e-8 * abs(likelihood):
            break
        last = likelihood
    return mean, spread, stay, now, likelihood


def _estimates(
    assets: tuple[str, ...],
    scaled: Float64Array,
    mean: Float64Array,
    spread: Float64Array,
    stay: Float64Array,
    unit: Float64Array,
    middle: Float64Array,
    sessions_per_year: int,
) -> tuple[ParameterEstimate, ...]:
    count = len(assets)
    deviation = np.sqrt(np.diagonal(spread, axis1=1, axis2=2))
    shape = spread / (deviation[:, :, None] * deviation[:, None, :])
    point = np.concatenate((mean.ravel(), np.log(deviation).ravel(), np.log(stay / (1.0 - stay))))
    size = REGIMES * count

    def densities(x: Float64Array) -> Float64Array:
        away = np.exp(x[size : 2 * size]).reshape(REGIMES, count)
        held = 1.0 / (1.0 + np.exp(-x[2 * size :]))
        moved = shape * away[:, :, None] * away[:, None, :]
        return _filtered(scaled, x[:size].reshape(REGIMES, count), moved, held)[0]

    bounds = [(-50.0, 50.0)] * len(point)
    exact = len(point) <= _MOST_FOR_INFORMATION
    found = covariance(densities, point, bounds, errors="information" if exact else "scores")
    error = np.sqrt(np.clip(np.diag(found), 0.0, None))
    yearly = math.sqrt(sessions_per_year)
    of = ParameterEstimate.of
    out: list[ParameterEstimate] = []
    for k, name in enumerate(NAMES):
        for a, asset in enumerate(assets):
            at = k * count + a
            out.append(
                of(
                    asset,
                    f"mean of a {name} session",
                    mean[k, a] * unit[a] + middle[a],
                    error[at] * unit[a],
                    unit="ratio",
                )
            )
            volatility = deviation[k, a] * unit[a] * yearly
            out.append(
                of(asset, f"{name} volatility", volatility, volatility * error[size + at], unit="ratio", positive=True)
            )
        spreads = float(stay[k] * (1.0 - stay[k]) * error[2 * size + k])
        out.append(of("", f"probability to stay {name}", float(stay[k]), spreads, unit="ratio", share=True))
    return tuple(out)


@kernel
def _hamilton(
    densities: Float64Array, stay_first: float, stay_second: float
) -> tuple[Float64Array, Float64Array, Float64Array, Float64Array]:
    """Filter and smooth (Hamilton, 1989; Kim, 1994).

    Returns the log density of each session given those before, smoothed probabilities (time, 2), expected moves
    (2, 2) and the filtered probabilities of the last session.
    """
    count = len(densities)
    contributions = np.empty(count)
    filtered = np.empty((count, 2))
    ahead = np.empty((count, 2))
    leave_first, leave_second = 1.0 - stay_first, 1.0 - stay_second
    away = leave_first + leave_second
    first = leave_second / away if away > 0.0 else 0.5
    second = 1.0 - first
    for t in range(count):
        ahead[t, 0], ahead[t, 1] = first, second
        top = max(densities[t, 0], densities[t, 1])
        a = first * math.exp(densities[t, 0] - top)
        b = second * math.exp(densities[t, 1] - top)
        total = max(a + b, 1e-300)
        contributions[t] = math.log(total) + top
        filtered[t, 0], filtered[t, 1] = a / total, b / total
        first = filtered[t, 0] * stay_first + filtered[t, 1] * leave_second
        second = 1.0 - first
    smooth = np.empty((count, 2))
    smooth[count - 1] = filtered[count - 1]
    moves = np.zeros((2, 2))
    for t in range(count - 2, -1, -1):
        up = smooth[t + 1, 0] / max(ahead[t + 1, 0], 1e-300)
        down = smooth[t + 1, 1] / max(ahead[t + 1, 1], 1e-300)
        stay_a = filtered[t, 0] * stay_first * up
        move_a = filtered[t, 0] * leave_first * down
        move_b = filtered[t, 1] * leave_second * up
        stay_b = filtered[t, 1] * stay_second * down
        moves[0, 0] += stay_a
        moves[0, 1] += move_a
        moves[1, 0] += move_b
        moves[1, 1] += stay_b
        smooth[t, 0] = stay_a + move_a
        smooth[t, 1] = move_b + stay_b
    return contributions, smooth, moves, filtered[count - 1].copy()


@kernel
def _regime_block(
    state: State,
    sessions: int,
    start: Any,
    worth: Any,
    shift: Any,
    factor: Any,
    turbulent: float,
    to_turbulent: Float64Array,
    sampling: int,
    out: Any,
    end: Any,
    fall: Any,
) -> None:
    assets = len(start)
    uniform = np.empty(BLOCK_PATHS)
    bad = np.zeros(BLOCK_PATHS, np.bool_)
    normal = np.empty((assets, ROW), start.dtype)
    level = np.empty((assets, ROW), start.dtype)
    value = np.empty(BLOCK_PATHS, start.dtype)
    top = np.empty(BLOCK_PATHS, start.dtype)
    low = np.empty(BLOCK_PATHS, start.dtype)
    calm = np.empty((assets, ROW), start.dtype)
    rough = np.empty((assets, ROW), start.dtype)
    zero = start.dtype.type(0)
    begin(level, start, worth, out, top, low)
    for t in range(1, sessions + 1):
        fill_uniform(state, uniform)
        for p in range(BLOCK_PATHS):
            chance = turbulent if t == 1 else (to_turbulent[1] if bad[p] else to_turbulent[0])
            bad[p] = uniform[p] < chance
        for a in range(assets):
            draw_normals(state, normal[a, :BLOCK_PATHS], sampling)
        calm[:, :] = zero
        rough[:, :] = zero
        add_product(shift[0], factor[0], normal, calm)
        add_product(shift[1], factor[1], normal, rough)
        for a in range(assets):
            row, quiet, wild = level[a], calm[a], rough[a]
            for p in range(BLOCK_PATHS):
                row[p] += wild[p] if bad[p] else quiet[p]
        observe(t, level, start, worth, out, value, top, low)
    conclude(level, worth, value, low, end, fall)
