"""Hold a small market whose prices are known by heart, with persons and an account, for tests of the money path.

AAA rises by one dollar each session from 110.00 on FIRST and opens half a dollar under its close plus one (open =
close + 0.50, high = close + 1.25, low = close - 0.75). BBB stays at 50.00 and has total-return closes only. BTC
trades every day at 16,000. IDX is an index. OLD has one bar of 2013.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from core.data.calendar import closes_of, sessions_between
from core.domain.market_records import Calendar
from core.domain.principal import Principal, agent_for

FIRST = date(2022, 10, 3)
LAST = date(2022, 12, 28)
START = date(2022, 11, 29)
"""Session after whose close the tests begin: AAA closes at 150.00 and opens at 151.50 in the next one."""
ALL_SCOPES = frozenset({"read", "trade", "approve", "admin"})
PETER = Principal(id="usr_peter", name="peter", kind="person", scopes=ALL_SCOPES)
ANNA = Principal(id="usr_anna", name="anna", kind="person", scopes=ALL_SCOPES)
CLERK = Principal(id="usr_clerk", name="clerk", kind="person", scopes=frozenset({"read", "trade"}))
AGENT = agent_for(PETER)
_INSTRUMENTS: tuple[tuple[int, str, str, Calendar], ...] = (
    (1, "AAA", "equity", "XNYS"),
    (2, "BBB", "equity", "XNYS"),
    (3, "BTC", "crypto", "24x7"),
    (4, "IDX", "index", "XNYS"),
    (5, "OLD", "equity", "XNYS"),
)
_SERIES: tuple[tuple[int, Calendar, str, bool], ...] = (
    (1, "XNYS", "raw", True),
    (2, "XNYS", "total_return", False),
    (3, "24x7", "raw", True),
    (4, "XNYS", "raw", True),
)


def aaa_close(session: date) -> Decimal:
    """Return AAA's close: 110 on the first session, 1 more each session."""
    return Decimal(109 + len(sessions_between("XNYS", FIRST, session)))


def fill_market(connection: Any) -> None:
    """Store instruments, bars and the index of series through a psycopg connection."""
    for number, symbol, asset_class, calendar in _INSTRUMENTS:
        connection.execute(
            "INSERT INTO market_data.instruments (instrument_id, symbol, name, asset_class, calendar, currency,"
            " source, known_at) VALUES (%s, %s, %s, %s, %s, 'USD', 'test', '2000-01-01Z')",
            (number, symbol, f"{symbol} Incorporated", asset_class, calendar),
        )
    for number, calendar, basis, has_ohlc in _SERIES:
        days = sessions_between(calendar, FIRST, LAST)
        closes = closes_of(calendar, days)
        for day, known in zip(days.tolist(), closes.tolist(), strict=True):
            close = {2: 50.0, 3: 16_000.0}.get(number, float(aaa_close(day)))
            prices = (close + 0.5, close + 1.25, close - 0.75) if has_ohlc else (None, None, None)
            _add_bar(connection, number, basis, day, (*prices, close), known.replace(tzinfo=UTC))
    old = date(2013, 3, 1)
    _add_bar(connection, 5, "raw", old, (1.0, 1.0, 1.0, 1.0), datetime(2013, 3, 1, 21, tzinfo=UTC))
    connection.execute("SELECT market_data.index_series_years(NULL)")


def add_people(connection: Any) -> None:
    """Store the persons as users of the desk."""
    for person in (PETER, ANNA, CLERK):
        connection.execute(
            "INSERT INTO desk.users (user_id, name, password_hash, scopes) VALUES (%s, %s, 'x', %s)",
            (person.id, person.name, sorted(person.scopes)),
        )


def open_account(connection: Any, account_id: str = "main", *, four_eyes_above: int | None = 50_000) -> None:
    """Open a paper account with 100,000 dollars, at most 60,000 an order and 1.5 times its equity in exposure."""
    limits = '{"max_order_notional": 60000, "allow_short": true, "max_gross_exposure": "1.5"}'
    connection.execute(
        "INSERT INTO execution.accounts (account_id, name, broker, four_eyes_above, limits, opened_at)"
        " VALUES (%s, 'Main', 'paper', %s, %s::jsonb, '2022-10-01Z')",
        (account_id, four_eyes_above, limits),
    )
    connection.execute(
        "INSERT INTO execution.cash_ledger (account_id, movement, amount, booked_at)"
        " VALUES (%s, 'deposit', 100000.00, '2022-10-03 12:00Z')",
        (account_id,),
    )


def _add_bar(
    connection: Any, number: int, basis: str, day: date, prices: tuple[float | None, ...], known_at: datetime
) -> None:
    connection.execute(
        "INSERT INTO market_data.bars_daily (instrument_id, source, price_basis, session, open, high, low, close,"
        " volume, known_at) VALUES (%s, 'test', %s, %s, %s, %s, %s, %s, 1e6, %s)",
        (number, basis, day, *prices, known_at),
    )
