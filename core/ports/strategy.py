"""Define what a strategy is: frozen parameters and a function from prices to target weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from core.domain.event_calendar import EventCalendar
from core.domain.market_path import DayArray, FloatArray, MarketPath

Weights = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceHistory:
    """Hold one path of prices, arrays of shape (time, assets), as a strategy sees it.

    Fields the source does not have are None. NaN means "not traded in that session".
    """

    close: FloatArray
    times: DayArray
    assets: tuple[str, ...]
    sessions_per_year: int = 252
    open: FloatArray | None = None
    high: FloatArray | None = None
    low: FloatArray | None = None
    volume: FloatArray | None = None
    events: EventCalendar | None = None

    @classmethod
    def of(cls, path: MarketPath, index: int = 0) -> Self:
        """Take path number `index` of a MarketPath, without copying."""

        def pick(part: FloatArray | None) -> FloatArray | None:
            return None if part is None else part[index]

        return cls(
            close=path.close[index],
            times=path.times,
            assets=path.assets,
            sessions_per_year=path.sessions_per_year,
            open=pick(path.open),
            high=pick(path.high),
            low=pick(path.low),
            volume=pick(path.volume),
            events=path.events,
        )

    def until(self, sessions: int) -> Self:
        """Keep the first `sessions` sessions only."""

        def cut(part: FloatArray | None) -> FloatArray | None:
            return None if part is None else part[:sessions]

        return replace(
            self,
            close=self.close[:sessions],
            times=self.times[:sessions],
            open=cut(self.open),
            high=cut(self.high),
            low=cut(self.low),
            volume=cut(self.volume),
            events=None if self.events is None or not sessions else self.events.until(self.times[:sessions][-1]),
        )


class Strategy(Protocol):
    """Decide target weights from prices.

    `name` is that of its file; `legs` is the number of assets it needs (None: any number);
    `trades_as_one` says whether the legs form one trade (a spread) or one trade each.
    """

    name: ClassVar[str]
    legs: ClassVar[int | None]
    trades_as_one: ClassVar[bool]

    @property
    def warmup_sessions(self) -> int:
        """Return the number of first sessions on which nothing can be decided yet."""

    def weights(self, prices: PriceHistory) -> Weights:
        """Return target weights (time, assets), decided at the close of t from rows up to t only.

        A weight is the share of equity to hold in the asset after the next fill (negative: short). NaN
        means "no decision: leave the holding as it is", always so on warm-up and where the asset did not
        trade. The engine fills in the session after the decision, so that no decision can use its own fill.
        """


@runtime_checkable
class PaysIn(Protocol):
    """Belong to a strategy that is paid from outside while it runs."""

    def contributions(self, prices: PriceHistory) -> Weights:
        """Return the money (time,) that arrives before the fills of each session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Show a waking strategy the session it decides after: what is known, what it holds, whether something filled."""

    index: int
    history: PriceHistory
    shares: Weights
    equity: float
    filled: bool

    @property
    def prices(self) -> PriceHistory:
        """Return the prices up to and including this session."""
        return self.history.until(self.index + 1)


@runtime_checkable
class Waking(Protocol):
    """Decide in Python, and only where there is something to decide.

    The engine runs at full speed between the sessions of `wakes` and those with a fill; after each it calls `decide`.
    """

    name: ClassVar[str]
    legs: ClassVar[int | None]
    trades_as_one: ClassVar[bool]

    def wakes(self, prices: PriceHistory) -> NDArray[np.bool_]:
        """Mark the sessions (time,) after which to be asked, each from rows up to it only."""

    def decide(self, session: Session) -> Weights | None:
        """Return target weights (assets,) as Strategy.weights does, or None to leave things as they are."""
