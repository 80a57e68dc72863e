"""Run any stochastic model: prices of paths, in one piece or in chunks, or the outcomes of a book without paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from core.domain.kernel import fused_kernel, kernel
from core.domain.market_path import FloatArray, MarketPath, PriceBasis
from core.errors import InvalidInput, UnknownName
from core.simulators.stochastic.estimate import ParameterEstimate
from core.simulators.stochastic.future import Drift, Precision, empty_paths, future_times, start_vector
from core.simulators.stochastic.stream import BLOCK_PATHS, SAMPLINGS, Sampling, State, exponential_of, over_blocks


class Block(Protocol):
    """Draw one block of paths: prices into `out` (paths, sessions + 1, assets), or, where that has no rows, outcomes.

    `worth` (assets + 1) is the start value of each holding and the cash; `end` and `fall` (paths,) get the final
    value and the largest fall from a maximum, as a ratio.
    """

    def __call__(
        self, state: State, sessions: int, worth: FloatArray, out: FloatArray, end: FloatArray, fall: FloatArray
    ) -> None:
        """Draw the block."""


class Parameters(Protocol):
    """Hold the parameters of a model and bind them to a start; `stream` names its random streams and its paths."""

    stream: ClassVar[str]

    @property
    def assets(self) -> tuple[str, ...]:
        """Return the names of the columns."""

    @property
    def sessions_per_year(self) -> int:
        """Return the sessions of a year."""

    @property
    def estimates(self) -> tuple[ParameterEstimate, ...]:
        """Return what was estimated, with standard errors; empty where the parameters were given."""

    def block(self, start: FloatArray, drift: Drift, sampling: Sampling) -> Block:
        """Return what draws a block of paths from start prices (assets,), in their precision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """Hold what became of a book on every path: final value (paths,) in money and maximum drawdown (paths,), a ratio.

    `group` is the number of neighbouring paths that depend on each other: 1, or a block for antithetic and matched
    draws; standard errors are those of the means of groups.
    """

    start: float
    end: FloatArray
    max_drawdown: FloatArray
    group: int


def simulate(
    parameters: Parameters,
    start_prices: NDArray[np.floating],
    *,
    sessions: int,
    paths: int,
    seed: int,
    as_of: datetime,
    drift: Drift = "historical",
    price_basis: PriceBasis = "total_return",
    precision: Precision = "float64",
    threads: int = 1,
    sampling: Sampling = "random",
    first_path: int = 0,
) -> MarketPath:
    """Simulate closes (paths, sessions + 1, assets); row 0 holds the start prices on the as-of date.

    `drift` is "historical" (that of the parameters), "zero" (prices are martingales) or an annual continuous rate
    (risk-neutral pricing). `precision` is that of storage only: the arithmetic is double. The same seed gives the
    same paths, bit for bit, on any number of threads; `first_path` continues them. Raises InvalidInput.
    """
    start = start_vector(start_prices, parameters.assets)
    close = empty_paths(paths, sessions, len(start), precision)
    block = parameters.block(start, drift, _checked(sampling))
    nothing = np.empty(0)

    def draw(state: State, part: slice) -> None:
        block(state, sessions, nothing, close[part], nothing, nothing)

    over_blocks(paths, seed, parameters.stream, threads, draw, first_path=first_path)
    return MarketPath(
        close=close,
        times=future_times(as_of, sessions, parameters.sessions_per_year),
        assets=parameters.assets,
        as_of=as_of,
        source=parameters.stream,
        price_basis=price_basis,
        sessions_per_year=parameters.sessions_per_year,
        seed=seed,
    )


def chunks(
    parameters: Parameters, start_prices: NDArray[np.floating], *, paths: int, chunk_paths: int, **how: Any
) -> Iterator[MarketPath]:
    """Yield the paths of `simulate` piece by piece, each of `chunk_paths` (a multiple of BLOCK_PATHS) but the last.

    `how` holds the other arguments of `simulate`. Memory stays that of one chunk. Raises InvalidInput.
    """
    if chunk_paths < 1 or chunk_paths % BLOCK_PATHS:
        raise InvalidInput(f"chunk_paths is {chunk_paths}, expected a multiple of {BLOCK_PATHS}.")
    for first in range(0, paths, chunk_paths):
        yield simulate(parameters, start_prices, paths=min(chunk_paths, paths - first), first_path=first, **how)


def outcomes(
    parameters: Parameters,
    start_prices: NDArray[np.floating],
    shares: Mapping[str, float],
    *,
    cash: float = 0.0,
    sessions: int,
    paths: int,
    seed: int,
    drift: Drift = "historical",
    precision: Precision = "float64",
    threads: int = 1,
    sampling: Sampling = "random",
) -> Outcomes:
    """Simulate fixed positions to their end without storing a path.

    The paths are those of `simulate` with the same seed. `precision` float32 does the arithmetic in single precision:
    about twice as fast, other draws, and results good to about six digits. Raises InvalidInput, and UnknownName for a
    position the model does not hold.
    """
    if paths < 1 or sessions < 1 or isinstance(paths, bool):
        raise InvalidInput(f"paths is {paths} and sessions {sessions}, expected at least 1 of each.")
    if precision not in ("float64", "float32"):
        raise InvalidInput(f"precision is {precision!r}, expected float64 or float32.")
    dtype = np.dtype(precision)
    start = start_vector(start_prices, parameters.assets)
    worth = np.zeros(len(start) + 1)
    worth[-1] = cash
    for asset, count in shares.items():
        if asset not in parameters.assets:
            raise UnknownName("asset", asset, hint=f"The model holds {', '.join(parameters.assets)}.")
        position = parameters.assets.index(asset)
        worth[position] = count * start[position]
    value = float(worth.sum())
    held = worth.astype(dtype)
    end, fall = np.empty(paths, dtype), np.empty(paths, dtype)
    block = parameters.block(start.astype(dtype), drift, _checked(sampling))

    def draw(state: State, part: slice) -> None:
        size = part.stop - part.start
        block(state, sessions, held, np.empty((size, 0, len(start)), dtype), end[part], fall[part])

    over_blocks(paths, seed, parameters.stream, threads, draw)
    return Outcomes(start=value, end=end, max_drawdown=fall, group=1 if sampling == "random" else BLOCK_PATHS)


def _checked(sampling: Sampling) -> Sampling:
    if sampling not in SAMPLINGS:
        raise InvalidInput(f"sampling is {sampling!r}, expected one of {', '.join(SAMPLINGS)}.")
    return sampling


@kernel
def begin(level: Any, start: Any, worth: Any, out: Any, top: Any, low: Any) -> None:
    """Set log levels (assets, BLOCK_PATHS) to 0, write row 0 of the prices, and start to follow the book."""
    level[:, :] = 0
    for p in range(out.shape[0]):
        for a in range(out.shape[2]):
            if out.shape[1] > 0:
                out[p, 0, a] = start[a]
    if len(worth) > 0:
        low[:] = 0
        if len(worth) == 2 and worth[1] == 0:
            top[:] = 0
        else:
            total = worth[0]
            for a in range(1, len(worth)):
                total += worth[a]
            top[:] = total
            low[:] = 1


@fused_kernel
def observe(t: int, level: Any, start: Any, worth: Any, out: Any, value: Any, top: Any, low: Any) -> None:
    """Write the prices of session t, or follow the book's value: its maximum and its least share of it."""
    assets = level.shape[0]
    if out.shape[1] > 0:
        for a in range(assets):
            row = level[a]
            for p in range(BLOCK_PATHS):
                value[p] = start[a] * exponential_of(row[p])
            for p in range(out.shape[0]):
                out[p, t, a] = value[p]
        return
    if assets == 1 and worth[1] == 0:
        # One holding: a fall of the logarithm is a fall of the value, and needs no exponential.
        row = level[0]
        for p in range(BLOCK_PATHS):
            x = row[p]
            most = top[p]
            most = x if x > most else most
            down = x - most
            least = low[p]
            top[p] = most
            low[p] = down if down < least else least
        return
    zero = level.dtype.type(0)
    one = level.dtype.type(1)
    for p in range(BLOCK_PATHS):
        value[p] = worth[assets]
    for a in range(assets):
        row = level[a]
        scale = worth[a]
        for p in range(BLOCK_PATHS):
            value[p] += scale * exponential_of(row[p])
    for p in range(BLOCK_PATHS):
        x = value[p]
        most = top[p]
        most = x if x > most else most
        share = x / most if most > zero else one
        least = low[p]
        top[p] = most
        low[p] = share if share < least else least


@kernel
def is_alone(worth: Any, out: Any) -> bool:
    """Say whether one holding without cash is followed, which `follow` does in one pass."""
    return out.shape[1] == 0 and len(worth) == 2 and worth[1] == 0


@fused_kernel
def follow(row: Any, shift: Any, weight: Any, normal: Any, top: Any, low: Any) -> None:
    """Add shift + weight times the normals to the log levels of a lone holding, and follow its maximum and fall."""
    for p in range(BLOCK_PATHS):
        x = row[p] + (shift + weight * normal[p])
        most = top[p]
        most = x if x > most else most
        down = x - most
        least = low[p]
        row[p] = x
        top[p] = most
        low[p] = down if down < least else least


@fused_kernel
def conclude(level: Any, worth: Any, value: Any, low: Any, end: Any, fall: Any) -> None:
    """Write the final value of the book and its maximum drawdown, where outcomes are asked for."""
    if len(worth) == 0:
        return
    assets = level.shape[0]
    if assets == 1 and worth[1] == 0:
        for p in range(BLOCK_PATHS):
            value[p] = worth[0] * exponential_of(level[0, p])
            low[p] = exponential_of(low[p])
    for p in range(len(end)):
        end[p] = value[p]
        fall[p] = low[p] - 1
