"""Read what a strategy wants now, and what its past decisions of the same kind were worth over a horizon."""

from __future__ import annotations

from typing import Literal

import numpy as np

from core.domain.kernel import Float64Array
from core.errors import InvalidInput

Action = Literal["entry", "exit", "rebalance", "stop", "take_profit"]


def standing_targets(weights: Float64Array) -> Float64Array:
    """Return the weights that stand after each session (time, assets): the last decision, 0 before the first."""
    last = np.maximum.accumulate(np.where(np.isfinite(weights), np.arange(len(weights))[:, None], -1), axis=0)
    kept = np.take_along_axis(weights, np.maximum(last, 0), axis=0)
    return np.where(last >= 0, kept, 0.0)


def action_of(before: Float64Array, after: Float64Array) -> Action | None:
    """Name the step from one set of weights (assets,) to another: a side that opens or turns is an entry."""
    if np.array_equal(before, after):
        return None
    if not after.any():
        return "exit"
    if ((np.sign(after) != np.sign(before)) & (after != 0.0)).any():
        return "entry"
    return "rebalance"


def trade_return(change: Float64Array, first: Float64Array, last: Float64Array, *, cost: float = 0.0) -> float:
    """Return what a change of weights (assets,) made from one close to another, per unit traded, less `cost` twice.

    The return of an exit is what the position would have lost. NaN where a traded asset has no price.
    """
    traded = change != 0.0
    moved = change[traded] * (last[traded] / first[traded] - 1.0)
    return float(moved.sum() / np.abs(change[traded]).sum() - 2.0 * cost) if traded.any() else float("nan")


def past_returns(
    targets: Float64Array, close: Float64Array, action: Action, *, horizon: int, cost: float = 0.0
) -> Float64Array:
    """Return what each earlier decision of this kind made over `horizon` sessions (decisions,), as trade_return.

    `targets` and `close` are (time, assets). Only decisions whose horizon has passed count; a stop or a profit target
    is measured as an exit. Raises InvalidInput below a horizon of 1 session.
    """
    if horizon < 1:
        raise InvalidInput(f"horizon is {horizon}, expected at least 1 session.")
    kind = "exit" if action in ("stop", "take_profit") else action
    prices = carried(close)
    moved = np.flatnonzero((targets[1:] != targets[:-1]).any(axis=1)) + 1
    found = [
        trade_return(targets[t] - targets[t - 1], prices[t], prices[t + horizon], cost=cost)
        for t in moved
        if t + horizon < len(prices) and action_of(targets[t - 1], targets[t]) == kind
    ]
    values = np.array(found, dtype=np.float64)
    return np.asarray(values[np.isfinite(values)])


def sessions_unchanged(targets: Float64Array) -> int:
    """Return for how many sessions the sides of the last targets have stood, that of the last one included."""
    sides = np.sign(targets)
    differs = np.flatnonzero((sides != sides[-1]).any(axis=1))
    return len(targets) - (int(differs[-1]) + 1 if len(differs) else 0)


def brier_score(probabilities: Float64Array, outcomes: Float64Array) -> float:
    """Return the mean squared error of probabilities of a gain (Brier, 1950); NaN without outcomes."""
    if not len(outcomes):
        return float("nan")
    return float(np.mean((probabilities - (outcomes > 0.0)) ** 2))


def carried(close: Float64Array) -> Float64Array:
    """Return closes (time, assets) with the last one standing where an asset did not trade; NaN before its first."""
    last = np.maximum.accumulate(np.where(np.isfinite(close), np.arange(len(close))[:, None], 0), axis=0)
    return np.asarray(np.take_along_axis(close, last, axis=0), dtype=np.float64)
