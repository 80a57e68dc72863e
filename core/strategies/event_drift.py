"""Trade the drift after events whose outcome surprised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.domain.event_calendar import EventCalendar
from core.domain.kernel import Float64Array, IntArray, kernel
from core.ports.strategy import PriceHistory, Weights
from core.strategies.parameter import check_parameters, parameter
from core.strategies.signal import on_change


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDrift:
    """Buy after a surprise above a threshold and hold for a while; sell short after one below, if allowed.

    Post-earnings drift (Bernard and Thomas, 1989) with `event` EARNINGS; CPI, or any release with a forecast, for
    all assets at once. `direction` -1 trades against the surprise (CPI above forecast hurts bonds). An outcome counts
    from the first close at which it was known.
    """

    name: ClassVar[str] = "event_drift"
    legs: ClassVar[int | None] = None
    trades_as_one: ClassVar[bool] = False

    event: str = parameter("EARNINGS", "name of the event, such as EARNINGS or CPI")
    threshold: float = parameter(0.05, "surprise beyond which it trades, relative to what was expected", minimum=0.0)
    hold_sessions: int = parameter(40, "sessions a position is held; a newer event replaces it", minimum=1)
    direction: int = parameter(1, "1 with the surprise, -1 against it", minimum=-1, maximum=1)
    allow_short: bool = parameter(False, "also sell short after a surprise of the other sign")

    def __post_init__(self) -> None:
        check_parameters(self)

    @property
    def warmup_sessions(self) -> int:
        """Return 0: the first event known is enough."""
        return 0

    def weights(self, prices: PriceHistory) -> Weights:
        """Give each asset an equal share for so many sessions after an event; without events, decide nothing."""
        calendar = prices.events or EventCalendar.none()
        out = np.full(prices.close.shape, np.nan)
        for asset in range(len(prices.assets)):
            events = calendar.of(self.event, asset)
            told = events.take(~np.isnat(events.known) & np.isfinite(events.surprise))
            told = told.take(np.argsort(told.known, kind="stable"))
            traded = np.flatnonzero(np.isfinite(prices.close[:, asset]))
            # The first session the asset trades at or after the outcome was known.
            at = np.searchsorted(prices.times[traded], told.known, side="left")
            inside = at < len(traded)
            side = _held(
                len(traded), at[inside].astype(np.int64), self._side(told.surprise[inside]), self.hold_sessions
            )
            out[traded, asset] = side / len(prices.assets)
        return on_change(out)

    def _side(self, surprise: Float64Array) -> Float64Array:
        signed = surprise * self.direction
        return (signed > self.threshold) * 1.0 - (signed < -self.threshold) * (1.0 if self.allow_short else 0.0)


@kernel
def _held(sessions: int, at: IntArray, side: Float64Array, length: int) -> Float64Array:
    out = np.zeros(sessions)
    for event in range(len(at)):
        for t in range(at[event], min(at[event] + length, sessions)):
            out[t] = side[event]
        # What the event before it still held ends with a newer outcome.
        if side[event] == 0.0:
            for t in range(at[event], sessions):
                out[t] = 0.0
    return out
