"""Value an account at the close of every session."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from core.data.calendar import sessions_between
from core.domain.as_of import AsOf
from core.domain.books import CashEntry, Fill
from core.execution.marks import Marks, closes_at
from core.execution.positions import CENT
from core.execution.stores import NavPoint


def daily_values(fills: Sequence[Fill], cash: Sequence[CashEntry], marks: Marks, as_of: AsOf) -> list[NavPoint]:
    """Return the value (cash plus positions at the close) of each session since the first movement of cash.

    Sessions are those of the exchange-traded instruments held, or of all when only round-the-clock ones are, or of
    the New York exchange when nothing was traded yet. An instrument without a bar in a session is valued at its last
    close. A fill or movement counts in the first session that closes at or after it.
    """
    if not cash:
        return []
    first = min(entry.booked_at for entry in cash).date()
    ids = sorted({fill.instrument_id for fill in fills})
    calendars = {key: marks.instrument(key).calendar for key in ids}
    closes = {
        key: {price.session: price.close for price in prices}
        for key, prices in marks.history(ids, as_of, start=first).items()
    }
    leading = [key for key in closes if calendars[key] == "XNYS"] or list(closes)
    calendar = calendars[leading[0]] if leading else "XNYS"
    sessions = sorted({day for key in leading for day in closes[key]}) if leading else _exchange_sessions(first, as_of)
    return _walk(sessions, calendar, fills, cash, closes)


def _exchange_sessions(first: date, as_of: AsOf) -> list[date]:
    days: list[date] = sessions_between("XNYS", first, as_of.known.date()).tolist()
    return [day for day in days if closes_at(day, "XNYS") <= as_of.known]


def _walk(
    sessions: Sequence[date],
    calendar: str,
    fills: Sequence[Fill],
    cash: Sequence[CashEntry],
    closes: dict[int, dict[date, Decimal]],
) -> list[NavPoint]:
    waiting_fills = sorted(fills, key=lambda fill: fill.filled_at)
    waiting_cash = sorted(cash, key=lambda entry: entry.booked_at)
    held: dict[int, Decimal] = {}
    last: dict[int, Decimal] = {}
    balance = Decimal(0)
    points: list[NavPoint] = []
    done_fills = done_cash = 0
    for session in sessions:
        close = closes_at(session, "XNYS" if calendar == "XNYS" else "24x7")
        while done_fills < len(waiting_fills) and waiting_fills[done_fills].filled_at <= close:
            fill = waiting_fills[done_fills]
            signed = fill.quantity if fill.side == "buy" else -fill.quantity
            held[fill.instrument_id] = held.get(fill.instrument_id, Decimal(0)) + signed
            last.setdefault(fill.instrument_id, fill.price)
            done_fills += 1
        while done_cash < len(waiting_cash) and waiting_cash[done_cash].booked_at <= close:
            balance += waiting_cash[done_cash].amount
            done_cash += 1
        last |= {key: prices[session] for key, prices in closes.items() if session in prices}
        if not done_cash:
            continue
        value = sum((quantity * last[key] for key, quantity in held.items() if quantity), Decimal(0))
        points.append(NavPoint(session=session, closed_at=close, nav=(balance + value).quantize(CENT), cash=balance))
    return points
