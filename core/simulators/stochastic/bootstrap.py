"""Simulate by resampling history in blocks: the stationary bootstrap (Politis and Romano, 1994), joint over assets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from core.domain.kernel import Float64Array, kernel
from core.domain.market_path import FloatArray
from core.errors import InvalidInput
from core.simulators.stochastic.engine import Block, begin, conclude, observe
from core.simulators.stochastic.engine import simulate as simulate
from core.simulators.stochastic.estimate import ParameterEstimate
from core.simulators.stochastic.future import Drift, annual_rate, joint_log_returns
from core.simulators.stochastic.stream import BLOCK_PATHS, Sampling, State, fill_uniform


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapSource:
    """Hold the log returns (sessions, assets) to draw from and the mean block length in sessions.

    `capped_assets` names those whose optimal block length was cut to the longest one used: the spread of their
    simulated futures deserves caution. Empty where the block length was given.
    """

    stream: ClassVar[str] = "block_bootstrap"

    assets: tuple[str, ...]
    log_returns: Float64Array
    block_length: float
    sessions_per_year: int = 252
    capped_assets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.log_returns.ndim != 2 or self.log_returns.shape[1] != len(self.assets) or not len(self.log_returns):
            raise InvalidInput(f"log_returns has shape {self.log_returns.shape}, expected (sessions, assets).")
        if not np.isfinite(self.log_returns).all():
            raise InvalidInput("log_returns holds NaN or infinite values, expected numbers.")
        if not 1.0 <= self.block_length <= len(self.log_returns):
            raise InvalidInput(f"block_length is {self.block_length}, expected 1 to {len(self.log_returns)} sessions.")

    @property
    def estimates(self) -> tuple[ParameterEstimate, ...]:
        """Return the mean block length; it is chosen, not estimated."""
        note = "chosen by the rule of Politis and White, or given"
        return (ParameterEstimate.fixed("", "mean block length", self.block_length, note, unit="days"),)

    def block(self, start: FloatArray, drift: Drift, sampling: Sampling) -> Block:
        """Bind the returns to a start.

        Each session continues the block of the one before or, with probability 1 / block length, jumps to a random
        session of history; history wraps around. All assets take the same session, so their dependence is kept.
        """
        if sampling != "random":
            raise InvalidInput(f"sampling is {sampling!r}; resampling history has no normals to mirror: use 'random'.")
        returns = np.ascontiguousarray(_with_drift(self, drift), dtype=start.dtype)
        jump = 1.0 / self.block_length

        def draw(
            state: State, sessions: int, worth: FloatArray, out: FloatArray, end: FloatArray, fall: FloatArray
        ) -> None:
            _bootstrap_block(state, sessions, start, worth, returns, jump, out, end, fall)

        return draw


def calibrate(
    close: FloatArray, assets: tuple[str, ...], *, block_length: float | None = None, sessions_per_year: int = 252
) -> BootstrapSource:
    """Collect joint log returns from closes (time, assets) and choose the block length.

    Only sessions on which every asset has a return count. Without `block_length`, it is the mean over the
    assets of the larger of the optimal lengths for returns and for squared returns, so that clusters of
    volatility survive. Raises NoData below 50 common returns and InvalidInput for a block length that does
    not fit them.
    """
    returns = joint_log_returns(close, assets, at_least=50)
    capped: tuple[str, ...] = ()
    if block_length is None:
        lengths = [max(optimal_block_length(r), optimal_block_length(r * r)) for r in returns.T]
        block_length = float(np.mean(lengths))
        longest = longest_block_length(len(returns))
        capped = tuple(asset for asset, length in zip(assets, lengths, strict=True) if length >= longest)
    return BootstrapSource(
        assets=assets,
        log_returns=returns,
        block_length=block_length,
        sessions_per_year=sessions_per_year,
        capped_assets=capped,
    )


def optimal_block_length(values: Float64Array) -> float:
    """Choose the mean block length of a stationary bootstrap (Politis and White, 2004; Patton et al., 2009).

    `values` (time,) without NaN, at least 10 of them. 1.0 for a series that never varies.
    """
    x = np.asarray(values, dtype=np.float64)
    count = len(x)
    if x.ndim != 1 or count < 10 or not np.isfinite(x).all():
        raise InvalidInput(f"values has shape {x.shape}, expected at least 10 numbers without NaN.")
    x = x - x.mean()
    if not np.any(x):
        return 1.0
    run = max(5, int(np.log10(count)))
    reach = min(int(np.ceil(np.sqrt(count))) + run, count - 2)
    covariance = np.array([float(x[lag:] @ x[: count - lag]) / count for lag in range(reach + 1)])
    bandwidth = _bandwidth(x, covariance, run, reach)
    lags = np.arange(1, bandwidth + 1)
    window = np.minimum(1.0, 2.0 * (1.0 - lags / bandwidth))
    spread = 2.0 * float(np.sum(window * lags * covariance[1 : bandwidth + 1]))
    long_run = covariance[0] + 2.0 * float(np.sum(window * covariance[1 : bandwidth + 1]))
    if long_run == 0.0:
        return 1.0
    length = (count * (spread / long_run) ** 2) ** (1.0 / 3.0)
    return float(min(max(length, 1.0), longest_block_length(count)))


def longest_block_length(sessions: int) -> float:
    """Return the cap of the optimal block length for a history of `sessions` (Politis and White, 2004)."""
    return float(np.ceil(min(3.0 * np.sqrt(sessions), sessions / 3.0)))


def _bandwidth(x: Float64Array, covariance: Float64Array, run: int, reach: int) -> int:
    # Twice the first lag from which `run` autocorrelations in a row are insignificant.
    count = len(x)
    significant = 2.0 * np.sqrt(np.log10(count) / count)
    small = np.empty(reach + 1, dtype=np.bool_)
    for lag in range(reach + 1):
        ahead, behind = x[lag + 1 :], x[: count - lag - 1]
        scale = np.sqrt((ahead @ ahead) * (behind @ behind))
        small[lag] = abs(covariance[lag]) * count < significant * scale
    for lag in range(reach - run + 1):
        if small[lag : lag + run].all():
            return min(2 * max(lag, 1), reach)
    return reach


def _with_drift(source: BootstrapSource, drift: Drift) -> Float64Array:
    returns = source.log_returns
    if drift == "historical":
        return returns
    rate = annual_rate(drift)
    shifted: Float64Array = returns - np.log(np.exp(returns).mean(axis=0)) + rate / source.sessions_per_year
    return shifted


@kernel
def _bootstrap_block(
    state: State, sessions: int, start: Any, worth: Any, returns: Any, jump: float, out: Any, end: Any, fall: Any
) -> None:
    count, assets = returns.shape
    uniform = np.empty(BLOCK_PATHS)
    session = np.zeros(BLOCK_PATHS, dtype=np.int64)
    level = np.empty((assets, BLOCK_PATHS), start.dtype)
    value = np.empty(BLOCK_PATHS, start.dtype)
    top = np.empty(BLOCK_PATHS, start.dtype)
    low = np.empty(BLOCK_PATHS, start.dtype)
    begin(level, start, worth, out, top, low)
    for t in range(1, sessions + 1):
        fill_uniform(state, uniform)
        for p in range(BLOCK_PATHS):
            # Given a jump, uniform / jump is uniform again; the first session always jumps.
            threshold = 1.0 if t == 1 else jump
            if uniform[p] < threshold:
                session[p] = min(int(uniform[p] / threshold * count), count - 1)
            else:
                session[p] = session[p] + 1 if session[p] + 1 < count else 0
        for a in range(assets):
            row = level[a]
            for p in range(BLOCK_PATHS):
                row[p] += returns[session[p], a]
        observe(t, level, start, worth, out, value, top, low)
    conclude(level, worth, value, low, end, fall)
