"""Kill a sender of coins at every step, before Binance's interface and its faults, and count the orders there."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import psycopg

from benchmarks.order_crashes import in_a_process, walk
from benchmarks.order_desk import BrokerDesk, clear
from benchmarks.prove import table
from core.adapters.brokers.binance import Binance
from core.adapters.store.database import Database
from core.adapters.store.instruments import PostgresInstruments
from core.adapters.transport.binance_spot import BinanceSession
from core.execution.crash_points import CRASH_POINTS, arm
from core.execution.requests import LegRequest, TradeRequest
from core.testing.binance_venue import BinanceVenue, Fault
from core.testing.clock import FixedClock
from core.testing.small_market import AGENT

MOMENT = datetime(2022, 11, 30, 15, 30, tzinfo=UTC)
FAULTS: tuple[Fault | None, ...] = (None, "unavailable before", "unavailable after", "line cut after", "late order")
SIZE = Decimal("0.12345")
_ACCOUNT = "354937868"


def cell(dsn: str, home: Path, point: str, fault: Fault | None, *, repeats: int) -> dict[str, int]:
    """Run one cell of the matrix and count how its trials ended."""
    counts: Counter[str] = Counter(trials=repeats)
    for _ in range(repeats):
        counts.update(trial(dsn, home, point, fault))
    return dict(counts)


def trial(dsn: str, home: Path, point: str, fault: Fault | None) -> tuple[str, ...]:
    """Walk the path in a process that is killed, then in new ones without the fault, and say what exists afterwards.

    `one`: one order at the venue, booked to the eighth place as the venue has it. `held`: the venue has none, and the
    desk waits as `unknown` and does not send. Anything else is lost, doubled or wrong.
    """
    # The client library takes seconds to load: here, once, for all forks.
    import ccxt  # noqa: F401

    _open_account(dsn)
    venue = BinanceVenue(moment=MOMENT)
    venue.prices["BTCUSDT"] = Decimal(16_000)
    venue.fills_at_once = True

    def desk() -> BrokerDesk:
        session = BinanceSession(venue.address, venue.key, venue.secret)
        instruments = PostgresInstruments(Database(dsn))
        broker = Binance(session, instruments, FixedClock(MOMENT, "live"), is_paper=True)
        return BrokerDesk(home, dsn, broker)

    def first() -> None:
        parts = desk()
        leg = LegRequest(symbol="BTC", side="buy", quantity=SIZE)
        parts.desk.proposals.propose(TradeRequest(legs=(leg,), account_id=_ACCOUNT), AGENT)
        parts.reconciliation.run(_ACCOUNT)
        arm(point)
        walk(parts)

    try:
        if fault is not None:
            venue.faults.add(fault)
        killed = in_a_process(first) == -signal.SIGKILL
        venue.faults.clear()
        again = in_a_process(lambda: walk(desk()))
        venue.deliver_late()
        last = in_a_process(lambda: walk(desk()))
        ended = _judge(dsn, venue, is_whole=again == last == 0)
    finally:
        venue.close()
    return ("killed", ended) if killed else (ended,)


def section(cells: Mapping[str, Mapping[str, int]]) -> str:
    """Return the matrix as a table; `cells` are named `coins POINT|FAULT`."""
    total = sum((Counter(cell) for cell in cells.values()), Counter[str]())
    rows = [(f"`{point}`", *(_ended(cells[f"coins {point}|{fault}"]) for fault in FAULTS)) for point in CRASH_POINTS]
    return "\n".join(
        [
            "### Coins at Binance's interface, killed at every step",
            "",
            f"{SIZE} BTC are bought through ccxt at a stand-in that speaks Binance's protocol, takes an id again once"
            " its order has ended and keeps its commission of the coins. The first sender dies at the step, before a"
            " venue that answers as the column says; new processes go on."
            f" {total['trials']:,} trials, {total['killed']:,} killed at the step: **{total['lost']} lost,"
            f" {total['doubled']} doubled, {total['wrong']} otherwise wrong**.",
            "",
            table(("step", *(fault or "answers" for fault in FAULTS)), rows),
        ]
    )


def _ended(counts: Mapping[str, int]) -> str:
    return ", ".join(
        f"{counts[name]} {name}" for name in ("one", "held", "lost", "doubled", "wrong") if counts.get(name)
    )


def _open_account(dsn: str) -> None:
    """Put an account in USDT in the place of the one in dollars, after the market's BTC got its name at the venue."""
    clear(dsn)
    with psycopg.connect(dsn) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        for statement in (
            "DELETE FROM execution.cash_ledger",
            "DELETE FROM execution.accounts",
            "UPDATE market_data.instruments SET vendor_symbols = '{\"binance\": \"BTCUSDT\"}' WHERE symbol = 'BTC'",
            "INSERT INTO execution.accounts (account_id, name, broker, currency, opened_at)"
            f" VALUES ('{_ACCOUNT}', 'Coins', 'paper', 'USDT', '2022-10-01Z')",
            "INSERT INTO execution.cash_ledger (account_id, movement, amount, currency, booked_at)"
            f" VALUES ('{_ACCOUNT}', 'deposit', 100000, 'USDT', '2022-10-03 12:00Z')",
        ):
            connection.execute(statement.encode())


def _judge(dsn: str, venue: BinanceVenue, *, is_whole: bool) -> str:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "SELECT max(state), count(*), sum(filled_quantity),"
            " (SELECT count(*) FROM execution.decisions WHERE used_at IS NOT NULL),"
            " (SELECT coalesce(sum(quantity), 0) FROM execution.positions),"
            " (SELECT sum(amount) FROM execution.cash_ledger) FROM execution.orders"
        ).fetchone()
    assert row is not None
    state, orders, filled, used, position, cash = row
    there = len(venue.orders)
    if there > 1:
        return "doubled"
    whole = is_whole and (orders, used) == (1, 1)
    agrees = (position, cash) == (venue.balances.get("BTC", Decimal(0)), venue.balances["USDT"])
    if whole and agrees and (state, filled, there) == ("filled", SIZE, 1):
        return "one"
    if whole and agrees and (state, there) == ("unknown", 0):
        return "held"
    return "lost" if there == 0 or not filled else "wrong"
