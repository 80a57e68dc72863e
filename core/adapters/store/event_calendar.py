"""Read dated events as of a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from core.adapters.store.database import Database
from core.domain.as_of import AsOf
from core.domain.event_calendar import EventCalendar

# How long before an event its date is usually announced; a stored calendar rarely says when that was.
ECONOMIC_LEAD, EARNINGS_LEAD = timedelta(days=90), timedelta(days=14)
# What is known after this hour (UTC) counts from the next day: exchanges in New York close at 20 or 21.
_CLOSE_HOUR = 20
# Names that cover several releases; others match as whole words of the stored name, speeches aside.
_PATTERNS = {
    "FOMC": r"FOMC (Statement|Press Conference|Economic Projections)|Federal Funds Rate|Fed Interest Rate Decision",
    "NFP": r"Non-?farm (Payrolls|Employment Change)|Employment Situation",
    "CPI": r"\mCPI\M|Consumer Price Index",
    "PPI": r"\mPPI\M|Producer Price Index",
    "PCE": r"\mPCE\M|Personal Consumption Expenditures|Personal Income and Outlays",
    "GDP": r"\mGDP\M|Gross Domestic Product",
}
_ECONOMIC = """
SELECT DISTINCT ON (event_date) event_date, known_at, actual_known_at, actual, forecast, previous
FROM events.economic_known
WHERE country = 'US' AND name ~* %(pattern)s AND name !~* '(speaks|speech)'
ORDER BY event_date, (actual IS NULL OR forecast IS NULL), length(name), name, event_id
"""
_EARNINGS = """
SELECT DISTINCT ON (instrument_id, event_date)
       instrument_id, event_date, known_at, actual_known_at, eps_actual, eps_estimate
FROM events.security_known
WHERE instrument_id = ANY(%(ids)s) AND event = 'earnings'
ORDER BY instrument_id, event_date, (eps_actual IS NULL), event_id
"""

_Row = tuple[str, int, date, date, date | None, float]


class PostgresEvents:
    """Read events from the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def calendar(self, names: Sequence[str], instrument_ids: Sequence[int], *, as_of: AsOf) -> EventCalendar:
        """Return the events of these names known then."""
        rows: list[_Row] = []
        with self._database.transaction(as_of) as connection:
            for name in dict.fromkeys(part.upper() for part in names):
                if name == "EARNINGS":
                    found = connection.execute(_EARNINGS.encode(), {"ids": list(instrument_ids)}).fetchall()
                    rows += [_earnings(row, list(instrument_ids).index(row[0]), as_of) for row in found]
                else:
                    pattern = _PATTERNS.get(name, rf"\m{_quoted(name)}\M")
                    found = connection.execute(_ECONOMIC.encode(), {"pattern": pattern}).fetchall()
                    rows += [_economic(row, name, as_of) for row in found]
        if not rows:
            return EventCalendar.none()
        columns = list(zip(*rows, strict=True))
        return EventCalendar(
            name=np.array(columns[0], dtype=str),
            asset=np.array(columns[1], dtype=np.int64),
            day=np.array(columns[2], dtype="datetime64[D]"),
            scheduled=np.array(columns[3], dtype="datetime64[D]"),
            known=np.array(columns[4], dtype="datetime64[D]"),
            surprise=np.array(columns[5], dtype=np.float64),
        )


def _economic(row: tuple[Any, ...], name: str, as_of: AsOf) -> _Row:
    day, known_at, told_at, actual, forecast, previous = row
    surprise = float("nan")
    told = _told(told_at, as_of)
    if told is not None and actual is not None and forecast is not None:
        scale = max(abs(forecast), abs(previous or 0.0))
        surprise = (actual - forecast) / scale if scale else float("nan")
    return (name, -1, day, max(known_at.date(), day - ECONOMIC_LEAD), told, surprise)


def _earnings(row: tuple[Any, ...], asset: int, as_of: AsOf) -> _Row:
    _, day, known_at, told_at, actual, estimate = row
    surprise = float("nan")
    told = _told(told_at, as_of)
    if told is not None and actual is not None and estimate:
        surprise = (actual - estimate) / abs(estimate)
    return ("EARNINGS", asset, day, max(known_at.date(), day - EARNINGS_LEAD), told, surprise)


def _told(told_at: datetime | None, as_of: AsOf) -> date | None:
    if told_at is None or told_at > as_of.known:
        return None
    return told_at.date() + timedelta(days=1 if told_at.hour >= _CLOSE_HOUR else 0)


def _quoted(name: str) -> str:
    return "".join(part if part.isalnum() or part == " " else f"\\{part}" for part in name)
