"""Trade a spread between log prices as one position."""

from __future__ import annotations

import numpy as np

from core.domain.kernel import Float64Array
from core.ports.strategy import PriceHistory, Weights
from core.strategies.hedge import hedge
from core.strategies.signal import hold, on_change


def spread_weights(
    prices: PriceHistory, *, body: int, ratios: str, window: int, entry_z: float, exit_z: float
) -> Weights:
    """Trade the body against its wings when their spread leaves its mean: one unit of gross exposure.

    Ratios are those of core.strategies.hedge, frozen at entry. Sessions in which a leg did not trade are
    left out. Returns weights (time, assets), NaN where nothing changes.
    """
    traded = np.isfinite(prices.close).all(axis=1)
    logs = np.log(np.asarray(prices.close, dtype=np.float64)[traded])
    legs, score = hedge(logs, ratios, window, body=body)
    side = hold(score < -entry_z, score > -exit_z) - hold(score > entry_z, score < exit_z)
    out = np.full(prices.close.shape, np.nan)
    out[traded] = positions(side, legs, ~np.isnan(score))
    return out


def positions(side: Float64Array, legs: Float64Array, known: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Weights:
    """Return weights (time, assets) of one unit of gross exposure while `side` is 1 or -1, with the ratios at entry.

    Emitted on changes only; nothing where not `known`.
    """
    gross = np.abs(legs).sum(axis=1, keepdims=True)
    unit = legs / np.where(gross > 0.0, gross, 1.0)
    started = np.concatenate((np.ones(min(1, len(side)), dtype=bool), side[1:] != side[:-1]))
    entry = np.maximum.accumulate(np.where(started, np.arange(len(side)), 0))
    target = np.where(side[:, None] == 0.0, 0.0, side[:, None] * unit[entry])
    target[~known] = np.nan
    return on_change(target)
