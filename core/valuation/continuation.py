"""Continue a strategy from its history into simulated futures."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.domain.kernel import Float64Array
from core.domain.market_path import FloatArray, MarketPath
from core.errors import InvalidInput
from core.ports.strategy import PriceHistory, Strategy, Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Continued:
    """Trade as a strategy does, but only from the last session of its history on.

    `past` sessions of each path are history: on the last of them the strategy's standing position is decided at once.
    """

    inner: Strategy
    past: int

    @property
    def name(self) -> str:
        """Return the strategy's name."""
        return self.inner.name

    @property
    def legs(self) -> int | None:
        """Return the strategy's legs."""
        return self.inner.legs

    @property
    def trades_as_one(self) -> bool:
        """Say whether the legs are one trade."""
        return self.inner.trades_as_one

    @property
    def warmup_sessions(self) -> int:
        """Return the sessions before the last one of history."""
        return self.past - 1

    def weights(self, prices: PriceHistory) -> Weights:
        """Return the strategy's weights, silent before the last session of history and standing on it."""
        out = self.inner.weights(prices)
        standing = _standing(out[: self.past])
        out = np.array(out)
        out[: self.past] = np.nan
        out[self.past - 1] = standing
        return out


def join(past: MarketPath, future: MarketPath, sessions: int) -> MarketPath:
    """Put the last `sessions` of a history before every simulated path, scaled to nothing: both are prices.

    Closes alone are kept, unless both have the other fields. Raises InvalidInput when the assets differ.
    """
    if past.assets != future.assets:
        raise InvalidInput(f"The history is of {past.assets}, the simulation of {future.assets}.")
    tail = past.cut(max(len(past.times) - sessions, 0))

    def part(name: str) -> FloatArray | None:
        before, after = getattr(tail, name), getattr(future, name)
        if before is None or after is None:
            return None
        first = np.broadcast_to(before[:1], (future.paths, *before.shape[1:]))
        return np.concatenate((first, np.asarray(after, dtype=np.float64)), axis=1)

    close = part("close")
    assert close is not None
    return replace(
        future,
        close=close,
        open=part("open"),
        high=part("high"),
        low=part("low"),
        volume=part("volume"),
        times=np.concatenate((tail.times, future.times)),
        sessions_per_year=past.sessions_per_year,
    )


def _standing(weights: Weights) -> Float64Array:
    out = np.zeros(weights.shape[1])
    for asset in range(weights.shape[1]):
        made = np.flatnonzero(np.isfinite(weights[:, asset]))
        out[asset] = weights[made[-1], asset] if len(made) else 0.0
    return out
