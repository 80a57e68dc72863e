"""Extend shocks to a whole book by the conditional distribution, and find the likeliest shock behind a loss."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Self

import numpy as np

from core.domain.kernel import Float64Array
from core.domain.market_path import MarketPath
from core.errors import InvalidInput, NoData, UnknownName
from core.simulators.stochastic.future import empty_paths, future_times
from core.simulators.stochastic.stream import BLOCK_PATHS, State, fill_normal, over_blocks

Covariance = Literal["sample", "shrunk", "ewma"]
# Weight of yesterday in the exponentially weighted covariance: RiskMetrics (1996).
DECAY = 0.94
_FEWEST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditional:
    """Hold the distribution of returns (assets,) given shocks: mean, covariance of what stays uncertain, and sessions.

    `given` marks the shocked ones, whose variance is 0. `distance` is the Mahalanobis distance of the shocks: how
    many standard deviations away they are, correlations counted.
    """

    assets: tuple[str, ...]
    mean: Float64Array
    covariance: Float64Array
    given: tuple[bool, ...]
    sessions: int
    distance: float

    def book(self, values: Mapping[str, float]) -> tuple[float, float]:
        """Return the expected profit of positions' money values and its standard deviation; linear."""
        worth = _worth(values, self.assets)
        return float(worth @ np.maximum(self.mean, -1.0)), math.sqrt(max(float(worth @ self.covariance @ worth), 0.0))

    def only(self, assets: tuple[str, ...]) -> Self:
        """Keep some assets, in this order."""
        kept = [self.assets.index(name) for name in assets]
        return replace(
            self,
            assets=assets,
            mean=self.mean[kept],
            covariance=self.covariance[np.ix_(kept, kept)],
            given=tuple(self.given[k] for k in kept),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseStress:
    """Hold the likeliest returns (assets,) that lose `loss`: of all with that loss, the nearest to the mean.

    `distance` is the number of standard deviations of the book's profit; `probability` that of losing at least as
    much in the horizon under a normal distribution, `probability_fat` under Student's t with 4 degrees of freedom.
    """

    assets: tuple[str, ...]
    returns: Float64Array
    loss: float
    distance: float
    probability: float
    probability_fat: float


def covariance_of(returns: Float64Array, kind: Covariance = "shrunk") -> Float64Array:
    """Estimate the covariance (assets, assets) of returns (time, assets) without NaN.

    "shrunk" is Ledoit and Wolf's (2004) towards a multiple of the identity, on correlations; "ewma" weighs sessions by
    0.94. Raises NoData below 20 sessions.
    """
    x = np.asarray(returns, dtype=np.float64)
    if x.ndim != 2 or len(x) < _FEWEST:
        raise NoData(f"A covariance needs at least {_FEWEST} sessions, returns have shape {x.shape}.")
    if kind == "ewma":
        weight = DECAY ** np.arange(len(x) - 1, -1, -1)
        return np.asarray((x * weight[:, None]).T @ x / weight.sum(), dtype=np.float64)
    centred = x - x.mean(axis=0)
    sample = centred.T @ centred / (len(x) - 1)
    if kind == "sample":
        return np.asarray(sample, dtype=np.float64)
    deviation = np.sqrt(np.diag(sample))
    if np.any(deviation == 0.0):
        raise InvalidInput("A price never changes, so its covariance says nothing.")
    z = centred / deviation
    correlation = z.T @ z / (len(x) - 1)
    size = len(deviation)
    spread = float(((correlation - np.eye(size)) ** 2).sum())
    noise = float(((z**2).T @ (z**2) / len(x) - correlation**2).sum()) / len(x)
    share = min(1.0, max(0.0, noise / spread)) if spread > 0.0 else 0.0
    shrunk = (1.0 - share) * correlation + share * np.eye(size)
    return np.asarray(shrunk * np.outer(deviation, deviation), dtype=np.float64)


def condition(
    shocks: Mapping[str, float], assets: tuple[str, ...], covariance: Float64Array, *, sessions: int = 1
) -> Conditional:
    """Give the distribution of all returns over `sessions` given some of them, for normal returns with mean 0.

    `covariance` is that of one session. The mean is the regression on the shocked ones, and so that of any elliptical
    distribution. Raises UnknownName for a shock that is no asset and InvalidInput for shocks that move as one.
    """
    for name in shocks:
        if name not in assets:
            raise UnknownName("asset", name, difflib.get_close_matches(name, assets, n=3))
    if not shocks:
        raise InvalidInput("A scenario needs at least one shock, such as SPY -10%.")
    known = [assets.index(name) for name in shocks]
    move = np.array(list(shocks.values()), dtype=np.float64)
    horizon = np.asarray(covariance, dtype=np.float64) * sessions
    inside = horizon[np.ix_(known, known)]
    scale = np.sqrt(np.diag(inside))
    if np.any(scale == 0.0) or np.linalg.eigvalsh(inside / np.outer(scale, scale)).min() < 1e-8:
        raise InvalidInput("The shocked assets move as one, so their effects cannot be told apart.")
    beta = np.linalg.solve(inside, horizon[known]).T
    mean = beta @ move
    left = horizon - beta @ horizon[known]
    mean[known] = move
    left[known, :] = 0.0
    left[:, known] = 0.0
    given = tuple(i in known for i in range(len(assets)))
    return Conditional(
        assets=assets,
        mean=mean,
        covariance=0.5 * (left + left.T),
        given=given,
        sessions=sessions,
        distance=float(np.sqrt(move @ np.linalg.solve(inside, move))),
    )


def compound(first: Float64Array, then: Float64Array) -> Float64Array:
    """Join the returns (assets,) of two scenarios, one after the other."""
    return np.asarray((1.0 + first) * (1.0 + then) - 1.0, dtype=np.float64)


def reverse_stress(
    values: Mapping[str, float],
    loss: float,
    assets: tuple[str, ...],
    covariance: Float64Array,
    *,
    sessions: int = 1,
) -> ReverseStress:
    """Find the likeliest returns that make positions' money values lose `loss` (money, above 0) in `sessions`.

    Minimises the Mahalanobis distance subject to the loss: returns = -loss * C w / (w' C w) (Breuer et al., 2009),
    exact for a linear book. Raises InvalidInput for a loss that is not positive or that no return above -100 % gives.
    """
    worth = _worth(values, assets)
    if not loss > 0.0:
        raise InvalidInput(f"loss is {loss}, expected money above 0.")
    if loss > _largest_loss(worth):
        raise InvalidInput(
            f"The positions can lose at most {_largest_loss(worth):,.2f}, less than {loss:,.2f}.",
            hint="Ask for a smaller loss.",
        )
    horizon = np.asarray(covariance, dtype=np.float64) * sessions
    free = np.ones(len(worth), dtype=np.bool_)
    returns = np.zeros(len(worth))
    for _ in range(len(worth) + 1):
        returns = _nearest(horizon, worth, loss, free)
        below = free & (returns < -1.0)
        if not below.any():
            break
        # What would fall by more than everything falls by everything, and the rest carries what is left.
        free &= ~below
    inverse = np.linalg.pinv(horizon, hermitian=True)
    distance = float(np.sqrt(returns @ inverse @ returns))
    deviation = float(np.sqrt(worth @ horizon @ worth))
    normal = 0.5 * math.erfc(loss / deviation / math.sqrt(2.0)) if deviation > 0.0 else 0.0
    return ReverseStress(
        assets=assets,
        returns=returns,
        loss=float(-worth @ returns),
        distance=distance,
        probability=normal,
        probability_fat=_tail_of_t4(loss / deviation * math.sqrt(2.0)) if deviation > 0.0 else 0.0,
    )


def scenario_paths(
    conditional: Conditional,
    start_prices: Float64Array,
    *,
    paths: int,
    seed: int,
    as_of: datetime,
    sessions_per_year: int = 252,
    threads: int = 1,
) -> MarketPath:
    """Spread a scenario over its sessions: shocked prices move evenly in logarithms, the others around their mean.

    What is uncertain is a random walk whose end has the conditional covariance. Returns closes
    (paths, sessions + 1, assets). Raises InvalidInput for start prices or a fall of 100 %.
    """
    start = np.asarray(start_prices, dtype=np.float64)
    if start.shape != (len(conditional.assets),) or not (np.isfinite(start).all() and (start > 0).all()):
        raise InvalidInput(f"start_prices has shape {start.shape}, expected one positive price per asset.")
    if np.any(conditional.mean <= -1.0):
        raise InvalidInput("A price that falls by 100 % has no path.", hint="Ask for the effect without paths.")
    sessions = conditional.sessions
    close = empty_paths(paths, sessions, len(start), "float64")
    spread = np.diag(conditional.covariance) / sessions
    values, vectors = np.linalg.eigh(conditional.covariance / sessions)
    root = (vectors * np.sqrt(np.clip(values, 0.0, None))).T
    # Each session's expected simple growth is even, so that the expected price is that of the scenario.
    shift = np.log1p(conditional.mean) / sessions - 0.5 * spread
    log_start = np.log(start)

    def draw(state: State, part: slice) -> None:
        size = part.stop - part.start
        level = np.tile(log_start, (size, 1))
        close[part, 0] = start
        normal = np.empty((len(start), BLOCK_PATHS))
        for t in range(1, sessions + 1):
            for row in normal:
                fill_normal(state, row)
            level += shift + normal[:, :size].T @ root
            close[part, t] = np.exp(level)

    over_blocks(paths, seed, "scenario", threads, draw)
    return MarketPath(
        close=close,
        times=future_times(as_of, sessions, sessions_per_year),
        assets=conditional.assets,
        as_of=as_of,
        source="scenario",
        sessions_per_year=sessions_per_year,
        seed=seed,
    )


def _nearest(horizon: Float64Array, worth: Float64Array, loss: float, free: np.ndarray) -> Float64Array:
    """Return the likeliest returns with the loss, those that are not free at -1."""
    returns = np.where(free, 0.0, -1.0)
    left = loss - float(worth[~free].sum())
    inner = horizon[np.ix_(free, free)]
    centre = np.zeros(int(free.sum()))
    if not free.all():
        fixed = horizon[np.ix_(~free, ~free)]
        beta = horizon[np.ix_(free, ~free)] @ np.linalg.pinv(fixed, hermitian=True)
        centre = beta @ returns[~free]
        inner = inner - beta @ horizon[np.ix_(~free, free)]
    weight = worth[free]
    pull = inner @ weight
    variance = float(weight @ pull)
    if variance <= 0.0:
        raise InvalidInput("The positions have no risk in this history, so no shock of it loses anything.")
    returns[free] = centre - (left + float(weight @ centre)) * pull / variance
    return returns


def _largest_loss(worth: Float64Array) -> float:
    return float(worth.sum()) if (worth >= 0.0).all() else math.inf


def _worth(values: Mapping[str, float], assets: tuple[str, ...]) -> Float64Array:
    out = np.zeros(len(assets))
    for name, value in values.items():
        if name not in assets:
            raise UnknownName("asset", name, difflib.get_close_matches(name, assets, n=3))
        out[assets.index(name)] = value
    return out


def _tail_of_t4(t: float) -> float:
    """Return P(T > t) of Student's t with 4 degrees of freedom, which has a closed form."""
    x = t / math.sqrt(t * t + 4.0)
    return 0.5 - 0.25 * x * (3.0 - x * x)
