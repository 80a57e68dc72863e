"""Estimate the probability of backtest overfitting by combinatorial, purged cross-validation."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from core.domain.kernel import Float64Array
from core.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Overfitting:
    """Hold the result of combinatorially symmetric cross-validation.

    `probability` is the share of splits whose in-sample best is below the out-of-sample median, `logits`
    (splits,) the log odds of its out-of-sample rank, `loss_probability` the share of splits where it loses.
    """

    probability: float
    splits: int
    logits: Float64Array
    loss_probability: float


def probability_of_overfitting(returns: Float64Array, *, blocks: int = 10, purge_sessions: int = 0) -> Overfitting:
    """Estimate how likely the best variant in sample disappoints out of sample (Bailey et al., 2015, CSCV).

    `returns` (time, variants) holds each variant's session returns without NaN; `blocks` (even) equal parts
    of time are split in halves in every way, the Sharpe ratio chooses and judges. `purge_sessions` are dropped from a
    training block on each side that touches a test block, so that positions held over the border do not leak (Lopez
    de Prado, 2018, chapter 7). Raises InvalidInput below 2 variants or 2 sessions per block.
    """
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] < 2 or not np.isfinite(values).all():
        raise InvalidInput(f"returns has shape {values.shape}, expected (time, at least 2 variants) without NaN.")
    if blocks < 2 or blocks % 2 or values.shape[0] < 2 * blocks:
        raise InvalidInput(f"blocks is {blocks} for {values.shape[0]} sessions, expected even, 2 sessions per block.")
    if not 0 <= purge_sessions <= (values.shape[0] // blocks - 2) // 2:
        raise InvalidInput(
            f"purge_sessions is {purge_sessions}, expected from 0 to less than half of {values.shape[0] // blocks}."
        )
    train = np.zeros((_splits(blocks), blocks))
    for row, chosen in enumerate(combinations(range(blocks), blocks // 2)):
        train[row, list(chosen)] = 1.0
    inside = _sharpe_of(values, blocks, purge_sessions, train)
    outside = _sharpe_of(values, blocks, 0, 1.0 - train)
    best = np.argmax(inside, axis=1)
    held_out = np.take_along_axis(outside, best[:, None], axis=1)
    below = (outside < held_out).sum(axis=1) + ((outside == held_out).sum(axis=1) + 1.0) / 2.0
    rank = below / (values.shape[1] + 1.0)
    odds = np.log(rank / (1.0 - rank))
    return Overfitting(
        probability=float(np.mean(odds <= 0.0)),
        splits=len(odds),
        logits=odds,
        loss_probability=float(np.mean(held_out[:, 0] < 0.0)),
    )


def _splits(blocks: int) -> int:
    from math import comb

    return comb(blocks, blocks // 2)


def _sharpe_of(values: Float64Array, blocks: int, purge: int, chosen: Float64Array) -> Float64Array:
    """Return the Sharpe ratio (splits, variants) over the chosen blocks, from sums per block; 0 where none varies."""
    # Sums of centred returns: the mean is put back at the end, so that squares do not cancel.
    center = values.mean(axis=0)
    parts = np.array_split(values - center, blocks)
    left = chosen * np.concatenate((np.ones((len(chosen), 1)), chosen[:, :-1]), axis=1)
    right = chosen * np.concatenate((chosen[:, 1:], np.ones((len(chosen), 1))), axis=1)

    def total(power: int) -> Float64Array:
        whole = np.stack([(part[purge : len(part) - purge] ** power).sum(axis=0) for part in parts])
        heads = np.stack([(part[:purge] ** power).sum(axis=0) for part in parts])
        tails = np.stack([(part[len(part) - purge :] ** power).sum(axis=0) for part in parts])
        return np.asarray(chosen @ whole + left @ heads + right @ tails)

    sizes = np.array([len(part) - 2.0 * purge for part in parts])
    count = (chosen @ sizes + purge * (left + right).sum(axis=1))[:, None]
    sums = total(1)
    variance = (total(2) - sums**2 / count) / (count - 1.0)
    varies = variance > 1e-18
    mean = sums / count + center
    return np.where(varies, mean / np.sqrt(np.where(varies, variance, 1.0)), 0.0)
