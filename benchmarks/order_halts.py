"""Turn the kill switch with everything else dead, and kill the database while orders are sent."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.order_crashes import OPENED, SESSION, in_a_process
from benchmarks.order_desk import BrokerDesk, clear
from core.errors import QuantdeskError
from core.execution.audit import verify
from core.execution.kill_switch import HALT_FILE, write_halt_file
from core.execution.requests import LegRequest, TradeRequest
from core.testing.small_market import ANNA, CLERK, PETER
from core.testing.socket_venue import SocketBroker, SocketVenue

WORKING = 5
"""Orders at work when the switch is turned; each must be cancelled."""


def _desk(dsn: str, home: Path, venue: SocketVenue) -> BrokerDesk:
    return BrokerDesk(home, dsn, SocketBroker(venue.address, deduplicates=False))


def _approve(desk: BrokerDesk, count: int, **changes: Any) -> list[str]:
    ids = []
    for _ in range(count):
        leg = LegRequest(symbol="AAA", side="buy", quantity=Decimal(1), **changes)
        request = TradeRequest(
            legs=(leg,), order_type="limit" if changes else "market", time_in_force="gtc" if changes else "day"
        )
        proposal = desk.desk.proposals.propose(request, ANNA)
        desk.desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="proof")
        ids.append(proposal.proposal_id)
    return ids


def halt(dsn: str, home: Path, venue: SocketVenue, how: str) -> dict[str, float]:
    """Halt a sender in full swing by `file`, `row` or `command`; return milliseconds and counts.

    Nothing runs but the database, the venue and the sender: no Temporal, web, cache or agent. `stopped_ms` is how long
    after the switch was turned the venue still got a submit (0: none), `cancelled_ms` until all cancels were sent.
    """
    clear(dsn)
    (home / HALT_FILE).unlink(missing_ok=True)
    venue.reset(deduplicates=False, reply="arrives", session=SESSION, opened_at=OPENED)
    desk = _desk(dsn, home, venue)
    for proposal_id in _approve(desk, WORKING, limit_price=Decimal(100)):
        desk.gateway.release(proposal_id)
    ids = _approve(desk, 60)
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            sender = _desk(dsn, home, venue)
            for proposal_id in ids:
                sender.gateway.release(proposal_id)
        os._exit(0)
    while venue.counts()["orders"] < WORKING + 2:
        time.sleep(0.005)
    turned = time.monotonic()
    if how == "file":
        write_halt_file(home / HALT_FILE, "proof")
    elif how == "row":
        with psycopg.connect(dsn) as connection:
            connection.execute("UPDATE execution.trading_state SET halted = true, changed_by = 'proof'")
    else:
        desk.kill_switch.halt(CLERK, "proof")
    done = time.monotonic()
    cancelled, problems = desk.gateway.cancel_all(CLERK)
    ended = time.monotonic()
    os.waitpid(pid, 0)
    counts = venue.counts()
    desk.close()
    (home / HALT_FILE).unlink(missing_ok=True)
    return {
        "turned_ms": (done - turned) * 1e3,
        "stopped_ms": max(0.0, counts["last_submit"] - turned) * 1e3,
        "after_done": float(counts["last_submit"] > done),
        "cancelled_ms": (ended - turned) * 1e3,
        "cancelled": float(sum(order.state == "cancelled" for order in cancelled)),
        "problems": float(len(problems)),
        "sent": float(counts["orders"] - WORKING),
        "still_open": float(counts["open"]),
    }


def database_killed(
    dsn: str, home: Path, venue: SocketVenue, kill: Callable[[], int], *, kills: int, number: int
) -> dict[str, Any]:
    """Trade while the database server is killed with SIGKILL at random moments; say whether the invariants hold."""
    clear(dsn)
    venue.reset(deduplicates=False, reply="arrives", session=SESSION, opened_at=OPENED)
    draw = random.Random(number)
    approved = 0
    broken = 0
    for _ in range(kills):
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(BaseException):
                _trade(dsn, home, venue)
            os._exit(0)
        time.sleep(draw.uniform(0.2, 0.9))
        kill()
        broken += 1
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert in_a_process(lambda: _finish(dsn, home, venue)) == 0, "a restarted desk finishes"
    desk = _desk(dsn, home, venue)
    found = desk.reconciliation.run("main")[0]
    audit = verify(desk.audit)
    there = venue.counts()
    with psycopg.connect(dsn) as connection:
        (approved, orders, fills, states, unused) = connection.execute(
            "SELECT (SELECT count(*) FROM execution.decisions WHERE decision = 'approved'),"
            " (SELECT count(*) FROM execution.orders), (SELECT count(*) FROM execution.fills),"
            " (SELECT array_agg(DISTINCT state) FROM execution.orders),"
            " (SELECT count(*) FROM execution.decisions WHERE decision = 'approved' AND used_at IS NULL)"
        ).fetchone() or (0, 0, 0, [], 0)
    desk.close()
    return {
        "kills": broken,
        "approved": approved,
        "unused approvals": unused,
        "orders": orders,
        "orders at the venue": there["orders"],
        "doubled": there["orders"] - there["ids"],
        "fills": fills,
        "states": sorted(states or []),
        "reconciliation": found.outcome,
        "audit entries": audit.entries,
        "audit problems": len(audit.problems),
    }


def _trade(dsn: str, home: Path, venue: SocketVenue) -> None:
    desk = _desk(dsn, home, venue)
    desk.gateway.recover()
    while True:
        with contextlib.suppress(QuantdeskError):
            for proposal_id in _approve(desk, 1):
                desk.gateway.release(proposal_id)
            desk.settlement.settle("main")


def _finish(dsn: str, home: Path, venue: SocketVenue) -> None:
    desk = _desk(dsn, home, venue)
    for view in desk.desk.proposals.list(limit=10_000):
        if view.state == "approved":
            with contextlib.suppress(QuantdeskError):
                desk.gateway.release(view.proposal.proposal_id)
    desk.gateway.recover()
    desk.settlement.settle("main")
