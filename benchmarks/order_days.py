"""Trade scripted days at the stand-in of Interactive Brokers, on a real database, and time each recovery."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.order_desk import BrokerDesk, clear, make_market
from benchmarks.prove import table
from core.adapters.brokers.interactive_brokers import InteractiveBrokers
from core.adapters.store.instruments import PostgresInstruments
from core.adapters.transport.tws import TwsSession
from core.testing.clock import FixedClock
from core.testing.small_market import open_account
from core.testing.trading_day import ACCOUNT, TradingDay, add_third_stock
from core.testing.tws_gateway import TwsGateway

DAYS, ROUNDS = 10, 36
OPENS = datetime(2022, 11, 30, 15, 0, tzinfo=UTC)


class _Desk:
    """Join what a trading day works on."""

    def __init__(self, parts: BrokerDesk) -> None:
        self.proposals = parts.desk.proposals
        self.gateway = parts.gateway
        self.settlement = parts.settlement
        self.reconciliation = parts.reconciliation
        self.store = parts.trading


def trade(dsn: str, home: Path, *, days: int = DAYS, rounds: int = ROUNDS) -> dict[str, Any]:
    """Trade so many days in a database of their own; return counts, recovery times in milliseconds, what was wrong."""
    market = make_market(dsn, "days")
    with psycopg.connect(market) as connection:
        add_third_stock(connection)
    counts: dict[str, int] = {}
    times: list[float] = []
    wrong: list[str] = []
    for day in range(days):
        clear(market)
        with psycopg.connect(market) as connection:
            open_account(connection, ACCOUNT, four_eyes_above=None)
        gateway, clock = TwsGateway(moment=OPENS), FixedClock(OPENS, "live")
        session = TwsSession("127.0.0.1", gateway.port, 71)
        parts = BrokerDesk(home, market, session)  # type: ignore[arg-type]
        parts._broker = InteractiveBrokers(session, PostgresInstruments(parts.database), clock)
        parts.clock.set_replay(OPENS)
        try:
            report = TradingDay(_Desk(parts), gateway, clock, seed=day).run(rounds)
        finally:
            session.close()
            gateway.close()
            parts.close()
        for name, number in report.counts.items():
            counts[name] = counts.get(name, 0) + number
        times += [1000 * seconds for seconds in report.recovery_s]
        wrong += report.wrong
    return {"counts": counts, "recovery_ms": sorted(times), "wrong": wrong}


def section(found: dict[str, Any]) -> str:
    """Return the days as a table."""
    counts, times = found["counts"], found["recovery_ms"]
    middle, most = times[len(times) // 2], times[-1]
    rows = [(name, f"{counts.get(name, 0):,}") for name in sorted(counts)]
    return "\n".join(
        [
            "### Days at Interactive Brokers",
            "",
            f"{DAYS} scripted days against a stand-in that speaks the vendor's protocol: market orders, limit orders"
            " and flies of three legs, while the gateway resets, loses its line (1100, 1102), cuts connections in the"
            " middle of messages, repeats, withholds and falsifies what it says."
            f" **{counts.get('missed fills', 0)} fills missed, {counts.get('doubled fills', 0)} fills and"
            f" {counts.get('doubled orders', 0)} orders doubled, {counts.get('lost orders', 0)} orders lost,"
            f" {len(found['wrong'])} otherwise wrong.** From the venue's return until books, positions and cash agree"
            f" with it: median {middle:.0f} ms, at most {most:.0f} ms ({len(times)} recoveries).",
            "",
            table(("", ""), rows),
        ]
    )
