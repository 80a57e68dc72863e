"""Time the risk gate on an account with much behind it, by the wall clock and by the processor."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.order_desk import BrokerDesk, clear, make_market
from benchmarks.prove import table
from core.execution.gate import RiskGate
from core.execution.impact import assess, held_and_working, limits_of
from core.execution.market_risk import RiskMarket
from core.execution.requests import LegRequest, TradeRequest
from core.testing.fault_venue import FaultBroker, FaultVenue
from core.testing.small_market import ANNA, PETER, START

_DAY = date(2022, 11, 30)
_OPENED = datetime(2022, 11, 30, 14, 30, tzinfo=UTC)


def measure(dsn: str, home: Path, *, rounds: int, entries: int = 20_000) -> dict[str, Any]:
    """Time judgements of an account with much behind it: milliseconds of the wall clock and of the processor.

    `snapshot` is the one statement, `rules` every rule over it and over a covariance computed ahead, `judgement` all
    that the send transaction asks of the gate. Time of the processor is that of this thread and of the server's
    process for this connection; it is what an unloaded machine would take.
    """
    with _own_market(dsn) as market_dsn:
        return _time(_busy_desk(market_dsn, home, entries), rounds, entries)


def _time(desk: BrokerDesk, rounds: int, entries: int) -> dict[str, Any]:
    proposal = desk.desk.proposals.propose(
        TradeRequest(legs=(LegRequest(symbol=_name(0), side="buy", quantity=Decimal(3)),)), ANNA
    )
    market = RiskMarket(desk.marks, desk.clock)
    gate = RiskGate(desk.brokers, market, desk.kill_switch)
    times: dict[str, list[tuple[float, float]]] = {"snapshot": [], "rules": [], "judgement": []}
    with desk.trading.transaction() as transaction:
        account = transaction.accounts.get("main", lock=True)
        gate.prepare(transaction, proposal)
        snapshot = transaction.gate.snapshot("main", except_proposal=proposal.proposal_id)
        view = market.view(
            held_and_working(snapshot, proposal.legs), limits_of(account), replay_now=snapshot.replay_now
        )
        parts: dict[str, Callable[[], Any]] = {
            "snapshot": lambda: transaction.gate.snapshot("main", except_proposal=proposal.proposal_id),
            "rules": lambda: assess(snapshot, account, proposal.legs, view),
            "judgement": lambda: gate.objections(transaction, proposal, account, "send"),
        }
        processor = _Processor(transaction.connection.info.backend_pid)
        for _ in range(rounds):
            for name, run in parts.items():
                spent, began = processor.seconds(), time.perf_counter()
                run()
                ended = time.perf_counter()
                times[name].append((ended - began, processor.seconds() - spent))
        refused = gate.objections(transaction, proposal, account, "send")
    desk.close()
    if refused:
        raise AssertionError(f"The order that is judged should be allowed by every rule: {refused}")
    return {
        "load": os.getloadavg()[0],
        "held": len(snapshot.positions),
        "working": len(snapshot.working),
        "entries": entries,
        "times": {
            name: {
                how: {f"p{share}": round(float(np.percentile(column, share)) * 1e3, 3) for share in (50, 95, 99)}
                for how, column in zip(("wall", "processor"), zip(*values, strict=True), strict=True)
            }
            for name, values in times.items()
        },
    }


@contextlib.contextmanager
def _own_market(dsn: str) -> Iterator[str]:
    import psycopg

    drop = "DROP DATABASE IF EXISTS gate_latency WITH (FORCE)"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(drop)
        try:
            yield make_market(dsn, "gate_latency")
        finally:
            connection.execute(drop)


def section(found: dict[str, Any]) -> str:
    """Return the table of one measurement."""
    rows = [
        (name, how, *(f"{shares[share]} ms" for share in ("p50", "p95", "p99")))
        for name, kinds in found["times"].items()
        for how, shares in kinds.items()
    ]
    return (
        f"One judgement, every rule on, commit excluded: {found['held']} positions, {found['working']} orders at work,"
        f" {found['entries']:,} movements of cash. The load of the machine was {found['load']:.1f};"
        " *processor* is the time that gate and database were running, *wall* what passed."
        "\n\n" + table(("part", "time", "p50", "p95", "p99"), rows)
    )


class _Processor:
    """Read the processor's time of this thread and of one process of the server, in seconds."""

    def __init__(self, server_pid: int) -> None:
        self._server = Path(f"/proc/{server_pid}/schedstat")

    def seconds(self) -> float:
        """Return the time of both; where the system does not tell that of the server, of this thread alone."""
        try:
            server = int(self._server.read_bytes().split()[0])
        except OSError:
            server = 0
        return (time.thread_time_ns() + server) / 1e9


def _name(number: int) -> str:
    return f"W{number:03}"


def _busy_desk(dsn: str, home: Path, entries: int, *, held: int = 30, working: int = 10) -> BrokerDesk:
    """Open a desk whose account holds much, has orders at work, a long ledger, and every limit set."""
    import psycopg

    clear(dsn)
    known = max(400, entries)
    with psycopg.connect(dsn) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        _add_instruments(connection, held + working)
        connection.execute(
            "INSERT INTO execution.positions SELECT 'main', 1000 + n, 100, 99, 0, now() FROM generate_series(0, %s) n",
            (held - 1,),
        )
        connection.execute(
            "INSERT INTO execution.cash_ledger (account_id, movement, amount, fill_id, booked_at)"
            " SELECT 'main', 'trade', CASE n %% 2 WHEN 0 THEN 900 ELSE -900 END, 'fil_' || n,"
            " '2022-01-03Z'::timestamptz + n * interval '1 minute' FROM generate_series(1, %s) n",
            (entries,),
        )
        connection.execute(
            "INSERT INTO execution.orders (order_id, client_order_id, proposal_id, leg, attempt, account_id,"
            " instrument_id, side, quantity, order_type, time_in_force, state, filled_quantity, desk_time, created_at)"
            " SELECT 'ord_' || n, 'qd' || n, 'prp_' || n, 0, 1, 'main', 1000 + n %% %s, 'buy', 10, 'market', 'day',"
            " CASE WHEN n <= %s THEN 'accepted' ELSE 'filled' END, CASE WHEN n <= %s THEN 0 ELSE 10 END,"
            " '2022-11-29Z', now() - interval '1 day' FROM generate_series(1, %s) n",
            (held + working, working, working, known // 4),
        )
        connection.execute(
            "INSERT INTO execution.nav_daily SELECT 'main', '2020-01-02'::date + n, 380000, 100000"
            " FROM generate_series(0, 749) n"
        )
        connection.execute(
            "INSERT INTO execution.reject_rules (rule_id, name, condition, declared_by, declared_at)"
            " SELECT 'rul_' || n, 'rule ' || n, '{\"symbols\": [\"OLD\"]}', %s, now() FROM generate_series(1, 5) n",
            (PETER.id,),
        )
        limits = json.dumps(_EVERY_LIMIT | {"groups": {"all": [_name(number) for number in range(held)]}})
        connection.execute("UPDATE execution.accounts SET limits = %s::jsonb, four_eyes_above = NULL", (limits,))
        connection.execute("ANALYZE execution.cash_ledger, execution.orders, execution.positions, execution.nav_daily")
    venue = FaultVenue(deduplicates=True, session=_DAY, opened_at=_OPENED)
    return BrokerDesk(home, dsn, FaultBroker(venue))


def _add_instruments(connection: Any, count: int) -> None:
    """Store instruments with 400 sessions of two-factor returns before the market's START."""
    from core.data.calendar import closes_of, sessions_between

    days = sessions_between("XNYS", date(2021, 4, 28), START)
    known = closes_of("XNYS", days).tolist()
    generator = np.random.default_rng(1)
    loadings = generator.normal(0.0, 0.008, (2, count))
    returns = generator.normal(size=(len(days), 2)) @ loadings + generator.normal(0.0, 0.01, (len(days), count))
    closes = 100.0 * np.exp(np.cumsum(returns - returns.mean(axis=0), axis=0))
    for number in range(count):
        connection.execute(
            "INSERT INTO market_data.instruments (instrument_id, symbol, name, asset_class, calendar, currency, source,"
            " known_at) VALUES (%s, %s, %s, 'equity', 'XNYS', 'USD', 'test', '2000-01-01Z')",
            (1000 + number, _name(number), _name(number)),
        )
        with connection.cursor().copy(
            "COPY market_data.bars_daily (instrument_id, source, price_basis, session, open, high, low, close, volume,"
            " known_at) FROM STDIN"
        ) as copy:
            for day, moment, close in zip(days.tolist(), known, closes[:, number].tolist(), strict=True):
                row = (1000 + number, "test", "raw", day, close, close, close, close, 1e6, moment.replace(tzinfo=UTC))
                copy.write_row(row)
    connection.execute("SELECT market_data.index_series_years(NULL)")


_EVERY_LIMIT: dict[str, Any] = {
    "max_order_notional": 60_000,
    "max_order_quantity": 1_000,
    "max_position_notional": 90_000,
    "max_position_weight": 2,
    "max_gross_exposure": 9,
    "max_net_exposure": 9,
    "max_concentration": 9,
    "max_group_weight": 9,
    "max_cluster_weight": 9,
    "max_expected_shortfall": 9,
    "max_shortfall_contribution": 9,
    "reduce_only_drawdown": "0.9",
    "halt_drawdown": "0.95",
    "max_daily_loss": "0.9",
    "max_orders_per_minute": 1_000,
    "restricted": ["OLD"],
    "max_adv_share": 1,
    "initial_margin": "0.01",
    "min_cash": -1_000_000,
    "short_available": {},
    "price_band_bps": 1_000,
    "allow_short": False,
}
