"""Kill the sender at a step of a bracket's life, start it again, and look for what protects the position."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from benchmarks.order_crashes import OPENED, REPLIES, SESSION, in_a_process
from benchmarks.order_desk import BrokerDesk, clear
from benchmarks.prove import table
from core.domain.books import OrderType
from core.execution.crash_points import CANCEL_POINTS, CRASH_POINTS, SEND_POINTS, arm
from core.execution.requests import LegRequest, TradeRequest
from core.testing.small_market import AGENT, PETER
from core.testing.socket_venue import LATE_S, ReplyFault, SocketBroker, SocketVenue

Part = Literal["entry", "exits", "exit", "sale"]
ENDS = ("whole", "held", "lost", "doubled", "bare", "left", "wrong")
SHARES = Decimal(10)
_EVIDENCE = "The venue's desk looked its orders up by our reference and has none of it."
_PROTECTED = [("limit", "sell", SHARES), ("stop", "sell", SHARES)]


@dataclass(frozen=True, slots=True)
class Step:
    """Name where the process is killed: the part of a bracket's life, the point, at which pass of it there.

    `spared` requests to the venue are answered before the fault meets one: the one that the point belongs to.
    """

    part: Part
    point: str
    passes: int = 1
    spared: int = 0

    @property
    def name(self) -> str:
        """Return it in words, unique among the steps."""
        words = {
            ("exits", 1): "stop",
            ("exits", 2): "target",
            ("exit", 1): "other",
            ("sale", 1): "stop",
            ("sale", 2): "target",
        }
        is_of_one = self.point.startswith("cancel.") or (self.part == "exits" and self.point in SEND_POINTS)
        return f"{self.part}: {self.point}" + (f", {words[self.part, self.passes]}" if is_of_one else "")


STEPS = (
    *(Step("entry", point) for point in CRASH_POINTS),
    *(Step("exits", point) for point in ("send.loaded", "send.intent_written", "send.intent_stored")),
    *(Step("exits", point, passes, passes - 1) for passes in (1, 2) for point in SEND_POINTS),
    *(Step("exit", point) for point in CRASH_POINTS if point.startswith("fill.")),
    *(Step("exit", point) for point in CANCEL_POINTS),
    *(Step("sale", "cancel.sent", passes, passes - 1) for passes in (1, 2)),
    Step("sale", "cancel.stored", 2, 1),
    Step("sale", "send.before_send", 1, 2),
)


def cell(
    dsn: str, home: Path, venue: SocketVenue, step: Step, reply: ReplyFault, *, deduplicates: bool, repeats: int
) -> dict[str, int]:
    """Run one cell of the matrix and count how its trials ended; the stop and the target are reached in turns."""
    counts = {"trials": 0, "killed": 0, **dict.fromkeys(ENDS, 0)}
    for number in range(repeats):
        counts["trials"] += 1
        reached: OrderType = "limit" if number % 2 else "stop"
        for name in trial(dsn, home, venue, step, reply, deduplicates=deduplicates, reached=reached):
            counts[name] += 1
    return counts


def trial(
    dsn: str,
    home: Path,
    venue: SocketVenue,
    step: Step,
    reply: ReplyFault,
    *,
    deduplicates: bool,
    reached: OrderType = "stop",
) -> tuple[str, ...]:
    """Walk a bracket to its end, killed on the way and gone on with by new processes, and say what was found.

    `whole`: one entry; once all was recovered one stop and one target at the venue, each for what the entry filled;
    then one of them filled, or a sale in their place, the rest cancelled, and nothing at work; position, cash and
    executions equal the venue's. `held` comes beside it where an order never reached a venue that would take its id
    twice: it waits as `unknown`, an alarm was raised, and a person ended it and asked again. `bare`: a position without
    its stop; `left`: an order at work for a position that is closed. Anything else is lost, doubled or wrong.
    """
    clear(dsn)
    venue.reset(deduplicates=deduplicates, reply="arrives", session=SESSION, opened_at=OPENED)
    walk = _Walk(dsn, home, venue, step, reply, deduplicates, reached)
    killed = in_a_process(walk.until_killed) == -signal.SIGKILL
    found = home / "found.json"
    found.unlink(missing_ok=True)
    ended = in_a_process(lambda: _write(found, walk.go_on()))
    names = json.loads(found.read_text()) if ended == 0 else ["wrong"]
    return (*(["killed"] if killed else []), *names)


def _write(file: Path, names: list[str]) -> None:
    file.write_text(json.dumps(names))


@dataclass(slots=True)
class _Walk:
    dsn: str
    home: Path
    venue: SocketVenue
    step: Step
    reply: ReplyFault
    deduplicates: bool
    reached: OrderType
    desk: BrokerDesk | None = None

    def until_killed(self) -> None:
        """Walk to the part of the step without a fault, then on with one, armed."""
        desk = self._open()
        part = self.step.part
        self._propose(_bracket())
        if part != "entry":
            self._send()
            desk.settlement.settle()
        if part in ("exit", "sale"):
            self._send()
        if part == "exit":
            self.venue.reach(self.reached)
        elif part == "sale":
            self._propose(_sale())
        self.venue.meet(self.reply, spared=self.step.spared)
        arm(self.step.point, passes=self.step.passes)
        self._walk()

    def go_on(self) -> list[str]:
        """Recover as processes that start anew do, close the position, and name what was found."""
        self._open()
        self._walk()
        # What was on its way when the sender died arrives while the next one runs, or after it.
        self._let_arrive()
        self._open()
        self._walk()
        held = self._end_held()
        noted = ["held"] if held else []
        if held and not self.venue.counts()["orders"]:
            return [*noted, *self._judge(traded=False)]
        if self.step.part in ("entry", "exits"):
            if held != {"stop"} and _PROTECTED[1] not in self.venue.working():
                return [*noted, "bare"]
            if held:
                self._propose(_bracket(entry=False))
                self._walk()
            if sorted(self.venue.working()) != _PROTECTED:
                return [*noted, "bare"]
            self.venue.reach(self.reached)
        elif held:
            self._propose(_sale())
            self._walk()
            self._let_arrive()
        self._walk()
        return [*noted, *self._judge(traded=True)]

    def _let_arrive(self) -> None:
        if self.reply == "delayed":
            there = self.venue.counts()
            last = max(there["last_submit"], there["last_cancel"])
            time.sleep(max(0.0, last + LATE_S + 0.05 - time.monotonic()))

    def _end_held(self) -> set[OrderType]:
        """End what the venue has nothing of as a person does who was alarmed; return the types of those orders."""
        desk = self._parts
        with desk.trading.transaction() as transaction:
            unknown = transaction.orders.all(states=("unknown",))
        with desk.database.transaction() as connection:
            alarms = connection.execute("SELECT subject_id FROM desk.outbox WHERE topic = 'alert.raised'").fetchall()
        for order in unknown:
            assert not self.deduplicates, "a venue that takes an id once is sent it again"
            assert (order.order_id,) in alarms, "a person is told of an order that is held"
            desk.end_unknown(order.order_id, PETER, _EVIDENCE)
        if unknown:
            self._walk()
        return {order.order_type for order in unknown}

    def _judge(self, *, traded: bool) -> list[str]:
        """Compare the desk's books with the venue's once everything is closed."""
        there = self.venue.counts()
        with self._parts.database.transaction() as connection:
            row: Any = connection.execute(
                "SELECT (SELECT coalesce(sum(quantity), 0) FROM execution.positions),"
                " (SELECT sum(amount) FROM execution.cash_ledger), (SELECT count(*) FROM execution.fills),"
                " (SELECT count(*) FROM execution.orders WHERE state IN"
                " ('intended', 'submitting', 'unknown', 'accepted', 'partially_filled'))"
            ).fetchone()
        position, cash, fills, at_work = row
        if there["orders"] > there["ids"] or Decimal(there["position"]) < 0:
            return ["doubled"]
        if there["open"] or at_work:
            return ["left"]
        # Two executions of the entry, two of what closed the position.
        if there["executions"] != (4 if traded else 0) or Decimal(there["position"]) != 0:
            return ["lost"]
        same = (position, cash, fills) == (0, Decimal(there["cash"]), there["executions"])
        agrees = self._parts.reconciliation.run("main")[0].outcome == "agrees"
        return ["whole" if same and agrees else "wrong"]

    @property
    def _parts(self) -> BrokerDesk:
        assert self.desk is not None
        return self.desk

    def _open(self) -> BrokerDesk:
        """Open the desk as a process that starts does; only the connections are kept."""
        broker = SocketBroker(self.venue.address, deduplicates=self.deduplicates)
        self.desk = BrokerDesk(self.home, self.dsn, broker, connections=self.desk)
        return self.desk

    def _propose(self, request: TradeRequest) -> None:
        self._parts.desk.proposals.propose(request, AGENT)

    def _send(self) -> None:
        """Approve what nobody decided on, and release everything, oldest first."""
        desk = self._parts
        for view in reversed(desk.desk.proposals.list()):
            proposal = view.proposal
            if view.decision is None:
                desk.desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="cli")
            desk.gateway.release(proposal.proposal_id)

    def _walk(self) -> None:
        """Do what a worker does when it starts, and the workflows when something changed."""
        self._send()
        self._parts.gateway.recover()
        self._parts.settlement.settle()
        self._send()


def _bracket(*, entry: bool = True) -> TradeRequest:
    enters = LegRequest(symbol="AAA", side="buy", quantity=SHARES)
    rests = (
        LegRequest(symbol="AAA", side="sell", quantity=SHARES, order_type="stop", stop_price=Decimal(140)),
        LegRequest(symbol="AAA", side="sell", quantity=SHARES, order_type="limit", limit_price=Decimal(160)),
    )
    if entry:
        return TradeRequest(legs=(enters, *rests), legging="bracket")
    return TradeRequest(legs=rests, legging="bracket", order_type="stop", time_in_force="gtc")


def _sale() -> TradeRequest:
    return TradeRequest(legs=(LegRequest(symbol="AAA", side="sell", quantity=SHARES),))


def rehearse(dsn: str, home: Path, venue: SocketVenue) -> None:
    """Walk a bracket to its end in this process, killed nowhere, which loads all that a walk needs."""
    clear(dsn)
    venue.reset(deduplicates=True, reply="arrives", session=SESSION, opened_at=OPENED)
    walk = _Walk(dsn, home, venue, Step("exits", "send.loaded", passes=100), "duplicated", True, "stop")
    walk.until_killed()
    walk.go_on()


def name_of(step: Step, reply: ReplyFault, *, deduplicates: bool) -> str:
    """Return the name of a cell."""
    return f"bracket {step.name}|{reply}|{deduplicates}"


def section(cells: dict[str, dict[str, int]]) -> str:
    """Return the matrix as a table of both venues; `cells` by `name_of`."""
    total = sum((Counter(cell) for cell in cells.values()), Counter[str]())
    lines = [
        "### A bracket killed at every step",
        "",
        "An entry of 10 shares, approved with a stop and a target that rest at the venue once it has filled; then one"
        " of the two is reached (in turns), or a sale takes their place. The sender kills itself at one of"
        f" {len(STEPS)} steps: while the *entry* is decided, sent and booked; while the *exits* are placed; while one"
        " *exit* fills and the other is cancelled; while both are cancelled for the *sale*. The reply to the request"
        " of that step, an order or a cancel, is lost, delayed or said twice; the venue links nothing itself. New"
        f" processes go on. {total['trials']:,} trials, {total['killed']:,} killed at the step:"
        f" **{total['lost']} lost, {total['doubled']} doubled, {total['bare']} positions without their stop,"
        f" {total['left']} orders left at work for a closed position, {total['wrong']} otherwise wrong**.",
    ]
    for deduplicates, title in (
        (True, "A venue that takes an order id once"),
        (False, "A venue that would take the same id twice"),
    ):
        rows = [
            (step.name, *(_ended(cells[name_of(step, reply, deduplicates=deduplicates)]) for reply in REPLIES))
            for step in STEPS
        ]
        lines += ["", f"{title}:", "", table(("step", *(f"reply {reply}" for reply in REPLIES)), rows)]
    lines += [
        "",
        "*Whole*: one entry; once all was recovered exactly one stop and one target at the venue, each for what the"
        " entry filled; then one of them filled, or the sale, and nothing at work any more; position, cash and"
        " executions equal the venue's, to the cent. *Held*, always beside it: an order never reached a venue that"
        " would take its id twice, so the desk does not send it again. It waits as `unknown`, an alarm tells a person,"
        " and the trial is whole after that person has ended the order with evidence and approved a new one. While a"
        " stop is held, or a sale for which the stop was cancelled, the position is without its stop: until the"
        " person acts.",
    ]
    return "\n".join(lines)


def _ended(cell: dict[str, int]) -> str:
    return ", ".join(f"{name} {cell[name]}" for name in ENDS if cell[name])
