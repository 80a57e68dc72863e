"""Turn the kill switch with everything else dead, and kill the database while orders are sent."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import statistics
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.order_crashes import OPENED, SESSION, in_a_process
from benchmarks.order_desk import BrokerDesk, clear
from benchmarks.prove import table
from core.errors import QuantdeskError
from core.execution.audit import verify
from core.execution.kill_switch import HALT_FILE, write_halt_file
from core.execution.orders import OPEN
from core.execution.requests import LegRequest, TradeRequest
from core.testing.small_market import ANNA, CLERK, PETER
from core.testing.socket_venue import SocketBroker, SocketVenue

ROADS = ("file", "row", "command")
WORKING = 5
"""Orders at work when the switch is turned; each must be cancelled."""
WAITING = 30
"""Approved orders that the sender would send if nobody stopped it."""
BUSY = 2
"""Processes that do nothing but compute, beside which half of the senders are halted."""


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


def halts(dsn: str, home: Path, venue: SocketVenue, how: str, *, runs: int, is_busy: bool) -> list[dict[str, float]]:
    """Halt so many senders one after the other, on a machine that is kept busy or is not."""
    loops = [_start_loop() for _ in range(BUSY if is_busy else 0)]
    try:
        return [halt(dsn, home, venue, how, number) for number in range(runs)]
    finally:
        for pid in loops:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _start_loop() -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        # It ends with its parent, however that ends.
        while os.getppid() == parent:
            sum(range(100_000))
        os._exit(0)
    return pid


def halt(dsn: str, home: Path, venue: SocketVenue, how: str, number: int = 0) -> dict[str, float]:
    """Halt a sender in full swing by one of ROADS; return milliseconds and counts.

    Nothing runs but the database, the venue and the sender: no Temporal, web, cache or agent. The switch is turned at
    a moment drawn by `number` within the sending of an order. `stopped_ms` is how long after it was turned the venue
    still got a submit (0: none), `cancelled_ms` until all cancels were sent, `problems` the orders that a cancel was
    not answered for, `still_open` those that are at work, at the venue or by the books, when all is over.
    """
    clear(dsn)
    (home / HALT_FILE).unlink(missing_ok=True)
    venue.reset(deduplicates=False, reply="arrives", session=SESSION, opened_at=OPENED)
    desk = _desk(dsn, home, venue)
    for proposal_id in _approve(desk, WORKING, limit_price=Decimal(100)):
        desk.gateway.release(proposal_id)
    ids = _approve(desk, WAITING)
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            sender = _desk(dsn, home, venue)
            for proposal_id in ids:
                sender.gateway.release(proposal_id)
        os._exit(0)
    first, third = (_until_sent(venue, WORKING + count) for count in (1, 3))
    time.sleep(random.Random(number).uniform(0, (third - first) / 2))
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
    desk.settlement.settle()
    with desk.trading.transaction() as transaction:
        at_work = transaction.orders.all(states=sorted(OPEN))
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
        "still_open": float(max(counts["open"], len(at_work))),
    }


def section(halts: dict[str, list[dict[str, float]]]) -> str:
    """Return how fast the kill switch works, by how it was turned."""
    rows = [
        (
            how,
            len(runs),
            f"{max(run['stopped_ms'] for run in runs):.0f} ms",
            int(sum(run["after_done"] for run in runs)),
            f"{statistics.median(run['cancelled_ms'] for run in runs):.0f} ms",
            f"{max(run['cancelled_ms'] for run in runs):.0f} ms",
            int(min(run["cancelled"] for run in runs)),
            int(sum(run["problems"] for run in runs)),
            int(sum(run["still_open"] for run in runs)),
        )
        for how, runs in halts.items()
    ]
    heads = ("turned by", "runs", "last send after it", "sends after it was on", "all cancels sent, median", "at most")
    return "\n".join(
        [
            "### The kill switch with everything else dead",
            "",
            "Only the database, the venue and a sender in full swing run; Temporal, web, cache and agents do not."
            f" {WORKING} limit orders are at work and {WAITING} approved orders are being sent when the switch is"
            " turned, at a moment drawn within the sending of one: by its file alone, by its row in the database alone"
            " (SQL, no code of the desk), or by the command, which does both. Then all orders are cancelled. *Busy*:"
            f" beside {BUSY} processes that do nothing but compute. Times are from the turning of the switch; *last"
            " send after it* is of an order that held the row when the switch was turned: the row is on when it has"
            " left. *Cancelled* is the least of a run, *not answered* orders that a cancel got no answer for, *left"
            " open* orders at work in the end, at the venue or by the books.",
            "",
            table((*heads, "cancelled", "not answered", "left open"), rows),
        ]
    )


def _until_sent(venue: SocketVenue, count: int) -> float:
    """Wait until the venue has so many orders; return when it had."""
    while venue.counts()["orders"] < count:
        time.sleep(0.002)
    return time.monotonic()


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
