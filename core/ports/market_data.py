"""Define how the desk reads instruments, bars and macro series from its store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

from core.domain.as_of import AsOf
from core.domain.event_calendar import EventCalendar
from core.domain.market_records import CorporateAction, Instrument, MacroSeries
from core.domain.panel import Panel

Purpose = Literal["price", "return"]
# What prices are freed of: nothing, jumps at splits, also what dividends took.
Adjust = Literal["none", "splits", "total_return"]
# What of a bar a question needs.
Needs = Literal["close", "ohlc", "volume"]


class Instruments(Protocol):
    """Look up instruments."""

    def find(self, name: str) -> Instrument:
        """Return the instrument of a symbol, an old symbol or an alias (any case); raise UnknownName."""
        ...

    def get(self, instrument_id: int) -> Instrument:
        """Return the instrument of an id; raise UnknownName."""
        ...

    def list(
        self, *, group: str | None = None, asset_class: str | None = None, on: date | None = None
    ) -> Sequence[Instrument]:
        """Return the instruments of a group and asset class, ordered by symbol, with their groups on a day.

        `on` None means the desk's day.
        """
        ...


class CorporateActions(Protocol):
    """Read splits and dividends."""

    def of(self, instrument_ids: Sequence[int], as_of: AsOf) -> Sequence[CorporateAction]:
        """Return the splits and dividends known then, ascending by ex-date, one of each kind and day."""
        ...


class Bars(Protocol):
    """Read daily bars as of a time."""

    def panel(
        self,
        instrument_ids: Sequence[int],
        *,
        purpose: Purpose,
        as_of: AsOf,
        start: date | None = None,
        end: date | None = None,
        needs: Needs = "close",
    ) -> Panel:
        """Return the bars of the window (both ends included), columns in the order asked.

        `price` answers levels (raw or split adjusted), `return` prefers a total-return series. For each
        instrument the one source that covers most of the window is taken, ties broken by the source order. A
        question that `needs` open, high and low (`ohlc`) or `volume` is answered by a source that has them when any
        reaches into the window, though another may be fresher.
        Raises NoData naming the instruments without any bar in the window and what is stored of them.
        """
        ...

    def bars(
        self,
        instrument_ids: Sequence[int],
        *,
        as_of: AsOf,
        adjust: Adjust,
        start: date | None = None,
        end: date | None = None,
        needs: Needs = "close",
    ) -> Panel:
        """Return bars on one stated basis, made of the bars and actions known as of the time.

        Raises NoData as `panel` does, and where the basis cannot be made of what is stored.
        """
        ...

    def last_session(self, instrument_ids: Sequence[int], *, as_of: AsOf) -> date | None:
        """Return the newest session of any of the instruments that was known then."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Give one macro value as it was known."""

    period: date
    value: float | None
    vintage: str


class Events(Protocol):
    """Read dated events as of a time."""

    def calendar(self, names: Sequence[str], instrument_ids: Sequence[int], *, as_of: AsOf) -> EventCalendar:
        """Return the events of these names known then: EARNINGS of the instruments (asset = position), others for all.

        A schedule counts as known from when it was stored as known, but not earlier than is usual: 90 days before an
        economic release, 14 before earnings.
        """
        ...


class Macro(Protocol):
    """Read macro series as of a time."""

    def find(self, name: str) -> MacroSeries:
        """Return the series of an id or alias (any case); raise UnknownName with the closest."""
        ...

    def observations(
        self, series_id: str, *, as_of: AsOf, start: date | None = None, end: date | None = None
    ) -> Sequence[Observation]:
        """Return the newest vintage of each period known then, ascending; raise NoData."""
        ...
