"""Kill the sender at a step, lose, delay or repeat the venue's reply, start it again, and count the orders."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import psycopg

from benchmarks.order_desk import BrokerDesk, clear
from core.errors import ApprovalRefused
from core.execution.crash_points import arm
from core.execution.requests import LegRequest, TradeRequest
from core.testing.small_market import AGENT, PETER
from core.testing.socket_venue import LATE_S, ReplyFault, SocketBroker, SocketVenue

REPLIES: tuple[ReplyFault, ...] = ("lost", "delayed", "duplicated")
SESSION = date(2022, 11, 30)
OPENED = datetime(2022, 11, 30, 14, 30, tzinfo=UTC)


def cell(
    dsn: str, home: Path, venue: SocketVenue, point: str, reply: ReplyFault, *, deduplicates: bool, repeats: int
) -> dict[str, int]:
    """Run one cell of the matrix and count how its trials ended."""
    counts = {"trials": 0, "killed": 0, "one": 0, "held": 0, "lost": 0, "doubled": 0, "wrong": 0}
    for _ in range(repeats):
        counts["trials"] += 1
        for name in trial(dsn, home, venue, point, reply, deduplicates=deduplicates):
            counts[name] += 1
    return counts


def trial(
    dsn: str, home: Path, venue: SocketVenue, point: str, reply: ReplyFault, *, deduplicates: bool
) -> tuple[str, ...]:
    """Walk the path in a process that is killed, then in new ones, and say what exists afterwards.

    `one`: one order at the venue, filled, booked, position and cash equal the venue's. `held`: the venue would take
    an id twice and has no order of it, so the desk waits as `unknown` and does not send. Anything else is lost,
    doubled or wrong.
    """
    clear(dsn)
    venue.reset(deduplicates=deduplicates, reply=reply, session=SESSION, opened_at=OPENED)

    def desk() -> BrokerDesk:
        return BrokerDesk(home, dsn, SocketBroker(venue.address, deduplicates=deduplicates))

    def first() -> None:
        parts = desk()
        leg = LegRequest(symbol="AAA", side="buy", quantity=Decimal(10))
        parts.desk.proposals.propose(TradeRequest(legs=(leg,)), AGENT)
        arm(point)
        walk(parts)

    killed = in_a_process(first) == -signal.SIGKILL
    again = in_a_process(lambda: walk(desk()))
    if reply == "delayed":
        # What was on its way when the sender died arrives while the next one runs, or after it.
        time.sleep(max(0.0, venue.counts()["last_submit"] + LATE_S + 0.05 - time.monotonic()))
    last = in_a_process(lambda: walk(desk()))
    there = venue.counts()
    with psycopg.connect(dsn) as connection:
        (state, filled, orders), (decisions, position, cash) = (
            connection.execute(statement.encode()).fetchone() or (None, None, None)
            for statement in (
                "SELECT max(state), sum(filled_quantity), count(*) FROM execution.orders",
                "SELECT (SELECT count(*) FROM execution.decisions WHERE used_at IS NOT NULL),"
                " (SELECT coalesce(sum(quantity), 0) FROM execution.positions),"
                " (SELECT sum(amount) FROM execution.cash_ledger)",
            )
        )
    found = ["killed"] if killed else []
    whole = again == last == 0 and (orders, decisions) == (1, 1) and position == Decimal(there["position"])
    if there["orders"] > 1:
        found.append("doubled")
    elif whole and (state, filled, there["orders"], position) == ("filled", 10, 1, 10) and cash == _CASH_AFTER:
        found.append("one")
    elif whole and not deduplicates and state == "unknown" and there["orders"] == 0:
        found.append("held")
    else:
        found.append("lost" if there["orders"] == 0 or not filled else "wrong")
    return tuple(found)


# 100,000 less 4 and 6 shares at 151.00 and two fees of 0.35.
_CASH_AFTER = Decimal("98489.30")


def walk(desk: BrokerDesk) -> None:
    """Approve unless decided, send, resolve and book, as a worker does when it starts."""
    (view,) = desk.desk.proposals.list()
    proposal = view.proposal
    if view.decision is None:
        try:
            desk.desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="cli")
        except ApprovalRefused as error:
            if error.rule != "decided":
                raise
    desk.gateway.release(proposal.proposal_id)
    desk.gateway.recover()
    desk.settlement.settle()


def in_a_process(work: Callable[[], None]) -> int:
    """Run the work in a fork and return its exit code, negative for the signal that killed it."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001  # whatever it is, the fork must not run on as its parent
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
