"""Know when markets trade: XNYS by the exchange's calendar, crypto every UTC day, currencies Monday to Friday."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.domain.market_records import Calendar
from core.errors import InvalidInput

Days = NDArray[np.datetime64]
Moments = NDArray[np.datetime64]

FIRST_DAY = date(1962, 1, 1)
_LAST_DAY = date(2040, 12, 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingSession:
    """Hold when a session begins and ends, UTC; early closes and late opens are in it."""

    day: date
    opens: datetime
    closes: datetime


@lru_cache(maxsize=4)
def _exchange(calendar: Calendar) -> tuple[Days, Moments, Moments]:
    if calendar == "XNYS":
        import exchange_calendars
        from pandas.errors import Pandas4Warning

        with warnings.catch_warnings():
            # The library (4.13.2) reads `Series.values` of times with a zone, which pandas 4 will answer differently.
            warnings.simplefilter("ignore", Pandas4Warning)
            exchange = exchange_calendars.get_calendar("XNYS", start=FIRST_DAY.isoformat(), end=_LAST_DAY.isoformat())
        closes = exchange.closes
        return (
            closes.index.to_numpy().astype("datetime64[D]"),
            exchange.opens.dt.tz_convert(None).to_numpy().astype("datetime64[us]"),
            closes.dt.tz_convert(None).to_numpy().astype("datetime64[us]"),
        )
    days = np.arange(np.datetime64(FIRST_DAY), np.datetime64(_LAST_DAY) + 1, dtype="datetime64[D]")
    if calendar == "24x5":
        days = days[np.is_busday(days)]
    return days, days.astype("datetime64[us]"), (days + 1).astype("datetime64[us]")


def sessions_between(calendar: Calendar, start: date, end: date) -> Days:
    """Return the sessions from start to end, both included, as datetime64[D]."""
    days, _, _ = _exchange(calendar)
    first = np.searchsorted(days, np.datetime64(start, "D"))
    last = np.searchsorted(days, np.datetime64(end, "D"), side="right")
    return days[first:last]


def are_sessions(calendar: Calendar, days: Days) -> NDArray[np.bool_]:
    """Say for each day (datetime64[D]) whether the market trades; NaT is no session."""
    sessions, _, _ = _exchange(calendar)
    position = np.minimum(np.searchsorted(sessions, days), len(sessions) - 1)
    found: NDArray[np.bool_] = sessions[position] == days
    return found


def closes_of(calendar: Calendar, days: Days) -> Moments:
    """Return the UTC closing time (datetime64[us]) of each session; a day without session closes at its midnight."""
    sessions, _, closes = _exchange(calendar)
    position = np.minimum(np.searchsorted(sessions, days), len(sessions) - 1)
    midnight = (days + 1).astype("datetime64[us]")
    result: Moments = np.where(sessions[position] == days, closes[position], midnight)
    return result


def close_of(session: date, calendar: Calendar) -> datetime:
    """Return the closing time of a session in UTC; raise InvalidInput when the market does not trade that day."""
    day = np.array([session], dtype="datetime64[D]")
    if not are_sessions(calendar, day)[0]:
        raise InvalidInput(f"{session} is not a session of {calendar}.", hint="Ask for a trading day.")
    moment: datetime = closes_of(calendar, day)[0].item()
    return moment.replace(tzinfo=UTC)


def last_closed_session(moment: datetime, calendar: Calendar) -> date:
    """Return the newest session that had closed at a moment (UTC aware)."""
    sessions, _, closes = _exchange(calendar)
    position = np.searchsorted(closes, _naive_utc(moment), side="right") - 1
    session: date = sessions[max(int(position), 0)].item()
    return session


def session_at(moment: datetime, calendar: Calendar) -> TradingSession:
    """Return the session that runs at a moment (UTC aware), or else the next one to open.

    It runs from its opening on and is over at its close. Raises InvalidInput outside the years of the calendars.
    """
    sessions, opens, closes = _exchange(calendar)
    position = int(np.searchsorted(closes, _naive_utc(moment), side="right"))
    if position >= len(sessions) or moment.date() < FIRST_DAY:
        raise InvalidInput(f"{moment:%Y-%m-%d} is outside {FIRST_DAY}..{_LAST_DAY}, so no session is known.")
    return TradingSession(
        day=sessions[position].item(),
        opens=opens[position].item().replace(tzinfo=UTC),
        closes=closes[position].item().replace(tzinfo=UTC),
    )


def shift_session(session: date, count: int, calendar: Calendar) -> date:
    """Return the session `count` sessions after (or, negative, before) the last session not after `session`."""
    sessions, _, _ = _exchange(calendar)
    position = np.searchsorted(sessions, np.datetime64(session, "D"), side="right") - 1 + count
    if not 0 <= position < len(sessions):
        raise InvalidInput(f"{count} sessions from {session} is outside {FIRST_DAY}..{_LAST_DAY}.")
    shifted: date = sessions[position].item()
    return shifted


def _naive_utc(moment: datetime) -> np.datetime64:
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")
