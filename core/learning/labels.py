"""Label each session by what came after it, and say how far ahead each label looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.domain.kernel import Float64Array, IntArray, kernel
from core.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Hold labels (time, assets) and the session (time, assets) at which each is known; NaN and -1 where none is."""

    values: Float64Array
    known_at: IntArray


def forward_return(close: Float64Array, horizon: int) -> Labels:
    """Label session t with the log return from its close to that `horizon` sessions later, closes (time, assets)."""
    values = _closes(close, horizon)
    out = np.full(values.shape, np.nan)
    known = np.full(values.shape, -1, dtype=np.int64)
    with np.errstate(divide="ignore", invalid="ignore"):
        out[:-horizon] = np.log(values[horizon:] / values[:-horizon])
    known[:-horizon] = np.arange(horizon, len(values))[:, None]
    known[~np.isfinite(out)] = -1
    return Labels(values=out, known_at=known)


def triple_barrier(
    close: Float64Array, volatility: Float64Array, *, horizon: int, up: float = 1.0, down: float = 1.0
) -> Labels:
    """Label session t with 1, -1 or 0 as the close first reaches a barrier above, one below, or neither in `horizon`.

    The barriers stand `up` and `down` times `volatility` (time, assets: a ratio over the horizon, as known at t) from
    the close of t (Lopez de Prado, 2018, chapter 3). A label is known when its barrier is touched.
    """
    values = _closes(close, horizon)
    width = np.ascontiguousarray(volatility, dtype=np.float64)
    if width.shape != values.shape or not (up > 0.0 and down > 0.0):
        raise InvalidInput(f"volatility has shape {width.shape}, expected {values.shape}; up and down above 0.")
    out, known = _touch(values, width, horizon, up, down)
    return Labels(values=out, known_at=known)


def _closes(close: Float64Array, horizon: int) -> Float64Array:
    values = np.ascontiguousarray(close, dtype=np.float64)
    if values.ndim != 2 or not 1 <= horizon < len(values):
        raise InvalidInput(
            f"close has shape {values.shape} and horizon is {horizon}: expected (time, assets), 1 to time."
        )
    return values


@kernel
def _touch(
    close: Float64Array, width: Float64Array, horizon: int, up: float, down: float
) -> tuple[Float64Array, IntArray]:
    count, assets = close.shape
    out = np.full((count, assets), np.nan)
    known = np.full((count, assets), -1)
    for asset in range(assets):
        for t in range(count - horizon):
            start = close[t, asset]
            if np.isnan(start) or np.isnan(width[t, asset]):
                continue
            high = start * (1.0 + up * width[t, asset])
            low = start * (1.0 - down * width[t, asset])
            out[t, asset] = 0.0
            known[t, asset] = t + horizon
            for k in range(t + 1, t + horizon + 1):
                if close[k, asset] >= high or close[k, asset] <= low:
                    out[t, asset] = 1.0 if close[k, asset] >= high else -1.0
                    known[t, asset] = k
                    break
    return out, known
