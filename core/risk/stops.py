"""Place protective stops: fixed, trailing, by average true range, volatility, time, and the level of a spread."""

from __future__ import annotations

from typing import Literal

import numpy as np

from core.domain.kernel import BoolArray, Float64Array
from core.errors import InvalidInput
from core.indicators.rolling import rolling_max, rolling_min
from core.indicators.volatility import atr, realized_volatility

Side = Literal["long", "short"]


def fixed_stop(entry_price: float, *, loss: float, side: Side = "long") -> float:
    """Return the price at which a position has lost `loss` (ratio) from its entry."""
    _check(loss, side)
    return entry_price * (1.0 - loss if side == "long" else 1.0 + loss)


def trailing_stop(close: Float64Array, *, loss: float, side: Side = "long") -> Float64Array:
    """Return the stop after each session of a position opened on the first: `loss` from the best close so far.

    `close` is (time,); the stop of session t protects from session t + 1 on and never moves against the position.
    """
    _check(loss, side)
    best = np.fmax.accumulate(close) if side == "long" else np.fmin.accumulate(close)
    return np.asarray(best * (1.0 - loss if side == "long" else 1.0 + loss), dtype=np.float64)


def atr_stop(
    high: Float64Array,
    low: Float64Array,
    close: Float64Array,
    *,
    period: int = 14,
    ranges: float = 3.0,
    side: Side = "long",
) -> Float64Array:
    """Return the chandelier stop after each session: `ranges` average true ranges from the best extreme of `period`.

    Arrays (time,); NaN until the average true range exists (Le Beau, 1990s).
    """
    if period < 1 or not ranges > 0.0:
        raise InvalidInput(f"period is {period} and ranges {ranges}, expected both above 0.")
    span = ranges * atr(high, low, close, period)
    if side == "long":
        return rolling_max(high, period) - span
    if side == "short":
        return rolling_min(low, period) + span
    raise InvalidInput(f"side is {side!r}, expected long or short.")


def volatility_stop(
    close: Float64Array, *, deviations: float = 3.0, window: int = 21, side: Side = "long"
) -> Float64Array:
    """Return the trailing stop after each session, `deviations` daily standard deviations from the best close so far.

    `close` is (time,); the deviation is that of the last `window` log returns: the stop widens when the market does.
    NaN until it exists.
    """
    _check(0.5, side)
    if not (deviations > 0.0 and window >= 2):
        raise InvalidInput(f"deviations is {deviations} and window {window}, expected above 0 and at least 2.")
    distance = deviations * realized_volatility(close, window, 1)
    best = np.fmax.accumulate(close) if side == "long" else np.fmin.accumulate(close)
    return np.asarray(best * (1.0 - distance if side == "long" else 1.0 + distance), dtype=np.float64)


def time_stop(sessions: int, *, longest: int) -> BoolArray:
    """Mark the sessions (time,) of a position, the first being 0, at whose close it was held `longest` sessions."""
    if longest < 1:
        raise InvalidInput(f"longest is {longest}, expected at least 1 session.")
    return np.asarray(np.arange(sessions) >= longest)


def spread_stop(spread: Float64Array, *, entry_zscore: float, stop_zscore: float) -> int | None:
    """Return the first session (index) on which a spread's z-score (time,) has gone from its entry to the stop.

    A spread sold at +2 is stopped at, say, +3.5, one bought at -2 at -3.5: `stop_zscore` has the sign of the entry and
    is farther out. NaN sessions are passed over; None when the level is never reached.
    """
    if not abs(stop_zscore) > abs(entry_zscore) or stop_zscore * entry_zscore <= 0.0:
        raise InvalidInput(
            f"A spread entered at {entry_zscore:g} needs a stop farther out on the same side, got {stop_zscore:g}."
        )
    beyond = spread >= stop_zscore if stop_zscore > 0.0 else spread <= stop_zscore
    hits = np.flatnonzero(beyond)
    return int(hits[0]) if len(hits) else None


def stopped_out(low: Float64Array, high: Float64Array, stop: Float64Array, *, side: Side = "long") -> int | None:
    """Return the first session (index) whose range touches the stop set on the session before; None if none does."""
    if side not in ("long", "short"):
        raise InvalidInput(f"side is {side!r}, expected long or short.")
    touched = low[1:] <= stop[:-1] if side == "long" else high[1:] >= stop[:-1]
    hits = np.flatnonzero(touched)
    return int(hits[0]) + 1 if len(hits) else None


def _check(loss: float, side: Side) -> None:
    if not 0.0 < loss < 1.0:
        raise InvalidInput(f"loss is {loss!r}, expected a ratio between 0 and 1, such as 0.08.")
    if side not in ("long", "short"):
        raise InvalidInput(f"side is {side!r}, expected long or short.")
