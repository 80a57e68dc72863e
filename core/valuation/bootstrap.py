"""Give statistics confidence intervals by the stationary block bootstrap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.domain.kernel import Float64Array, IntArray
from core.errors import InvalidInput, NoData
from core.valuation.performance import performance_table
from core.valuation.relative import relative_table

_CHUNK = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Hold an estimate with the bounds that resampled histories keep within, and their standard deviation."""

    estimate: float
    low: float
    high: float
    standard_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """Hold an interval per statistic, and how they were drawn."""

    by_statistic: dict[str, Interval]
    confidence: float
    resamples: int
    block_sessions: float


def confidence_intervals(
    returns: Float64Array,
    *,
    seed: int,
    benchmark: Float64Array | None = None,
    confidence: float = 0.95,
    resamples: int = 1_000,
    block_sessions: float | None = None,
    sessions_per_year: int = 252,
    risk_free: float = 0.0,
) -> Intervals:
    """Bound every statistic of returns (time,), and of their comparison with a benchmark (time,) when given.

    Stationary bootstrap (Politis and Romano, 1994): blocks of geometric length with mean `block_sessions` (chosen by
    `optimal_block` when None), wrapped around the end; percentile intervals. What depends on the order of returns
    (drawdowns) is bounded over resampled histories, which are a little calmer than history itself. A benchmark is
    drawn on the same sessions. NaN sessions are left out. Raises NoData below 20 returns.
    """
    values, market = _complete(returns, benchmark)
    if not (0.0 < confidence < 1.0 and resamples >= 100):
        raise InvalidInput(
            f"confidence is {confidence} and resamples {resamples}, expected between 0 and 1, and at least 100."
        )
    block = optimal_block(values) if block_sessions is None else float(block_sessions)
    rates = {"sessions_per_year": sessions_per_year, "risk_free": risk_free}
    tables: list[dict[str, Float64Array]] = []
    whole = np.arange(len(values))[None, :]
    for places in (whole, *stationary_places(len(values), resamples, block, seed)):
        table = performance_table(values[places], **rates)  # type: ignore[arg-type]
        if market is not None:
            table |= relative_table(values[places], market[places], **rates)  # type: ignore[arg-type]
        tables.append(table)
    found = {}
    for name, estimate in tables[0].items():
        drawn = np.concatenate([table[name] for table in tables[1:]])
        found[name] = _interval(float(estimate[0]), drawn, confidence)
    return Intervals(by_statistic=found, confidence=confidence, resamples=resamples, block_sessions=block)


def stationary_places(sessions: int, resamples: int, block_sessions: float, seed: int) -> Iterator[IntArray]:
    """Yield chunks of resampled positions (chunk, sessions); chunk by chunk, so that memory stays bounded."""
    if not block_sessions >= 1.0:
        raise InvalidInput(f"block_sessions is {block_sessions}, expected at least 1.")
    generator = np.random.default_rng(seed)
    for start in range(0, resamples, _CHUNK):
        shape = (min(_CHUNK, resamples - start), sessions)
        fresh = generator.random(shape) < 1.0 / block_sessions
        fresh[:, 0] = True
        first = generator.integers(0, sessions, shape)
        step = np.arange(sessions)
        # The latest place at which a block began, for each place.
        began = np.maximum.accumulate(np.where(fresh, step, 0), axis=1)
        yield (np.take_along_axis(first, began, axis=1) + step - began) % sessions


def optimal_block(returns: Float64Array) -> float:
    """Choose the mean block length of the stationary bootstrap for the mean of returns (time,), in sessions.

    Politis and White (2004) as corrected by Patton, Politis and White (2009); at least 1.
    """
    values = np.asarray(returns, dtype=np.float64)
    count = len(values)
    if count < 20:
        raise NoData(f"A block length needs at least 20 returns, got {count}.")
    centred = values - values.mean()
    if not np.any(centred):
        return 1.0
    # The lag from which on autocorrelations stay small decides how wide the flat-top window is.
    quiet = max(5, int(np.log10(count)))
    longest = int(np.ceil(np.sqrt(count))) + quiet
    covariance = np.array([centred[lag:] @ centred[: count - lag] for lag in range(longest + 1)]) / count
    small = np.abs(covariance[1:] / covariance[0]) < 2.0 * np.sqrt(np.log10(count) / count)
    quiet_from = np.flatnonzero(np.convolve(small, np.ones(quiet), mode="valid") >= quiet)
    last = int(quiet_from[0]) + 1 if len(quiet_from) else longest
    window = min(2 * last, longest)
    lags = np.arange(1, window + 1)
    weight = np.where(lags / window <= 0.5, 1.0, 2.0 * (1.0 - lags / window))
    spectrum = covariance[0] + 2.0 * float(weight @ covariance[1 : window + 1])
    slope = 2.0 * float((weight * lags) @ covariance[1 : window + 1])
    if not spectrum > 0.0:
        return 1.0
    length = (slope**2 / spectrum**2) ** (1.0 / 3.0) * count ** (1.0 / 3.0)
    return float(np.clip(length, 1.0, np.ceil(min(3.0 * np.sqrt(count), count / 3.0))))


def _interval(estimate: float, drawn: Float64Array, confidence: float) -> Interval:
    kept = drawn[np.isfinite(drawn)]
    # A statistic that most resamples do not have (no loss, no drawdown) has no interval.
    if not np.isfinite(estimate) or 2 * len(kept) < len(drawn):
        return Interval(estimate=estimate, low=np.nan, high=np.nan, standard_error=np.nan)
    low, high = np.quantile(kept, [(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0])
    return Interval(estimate=estimate, low=float(low), high=float(high), standard_error=float(kept.std(ddof=1)))


def _complete(returns: Float64Array, benchmark: Float64Array | None) -> tuple[Float64Array, Float64Array | None]:
    values = np.asarray(returns, dtype=np.float64)
    market = None if benchmark is None else np.asarray(benchmark, dtype=np.float64)
    if values.ndim != 1 or (market is not None and market.shape != values.shape):
        raise InvalidInput(f"returns has shape {values.shape}, expected (time,), and a benchmark the same.")
    kept = np.isfinite(values) if market is None else np.isfinite(values) & np.isfinite(market)
    if kept.sum() < 20:
        raise NoData(f"{int(kept.sum())} returns are too few to resample, expected at least 20.")
    return values[kept], None if market is None else market[kept]
