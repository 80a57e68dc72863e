"""Prove the money path: crashes, faults, attacks, limits, the kill switch and a dying database; count the orders."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks import (
    order_attacks,
    order_bracket_crashes,
    order_brackets,
    order_coins,
    order_crashes,
    order_days,
    order_gate,
    order_halts,
    order_latency,
    order_parity,
    order_schedules,
    order_stack,
)
from benchmarks.order_desk import make_market, market_server
from benchmarks.prove import Steps, table
from core.execution.crash_points import CRASH_POINTS
from core.testing.socket_venue import SocketVenue

REPEATS = 50
BRACKET_REPEATS = 5
COIN_REPEATS = 3
SCHEDULES, SCHEDULES_EACH = 10_000, 250
GATE_ORDERS, GATE_ORDERS_EACH = 100_000, 5_000
HALTS = 20
DATABASE_KILLS = 20
LANES = 3
"""More than the processor has: a trial waits a good part of its time for replies that do not come."""
_lane: dict[str, Any] = {}


def measure(steps: Steps) -> str:
    """Run everything on a server of its own, on two lanes where the parts are independent."""
    with market_server() as (dsn, home):
        cells, bracket_cells, coins, chunks, gates = _in_lanes(steps, dsn, home)
        venue = SocketVenue()
        try:
            with order_attacks.killable(home) as kill:
                race = steps.do("limit race", lambda: order_gate.race(dsn, home, workers=4, approvals=50, fit=10))
                latency = steps.do("gate latency", lambda: order_latency.measure(dsn, home, rounds=2_000))
                attacks = steps.do("attacks", lambda: order_attacks.Attacks(dsn, home).all(server=kill))
                halts = _halts(steps, dsn, home, venue)
                days = steps.do("days at Interactive Brokers", lambda: order_days.trade(dsn, home))
                parity = steps.do("simulator and paper", lambda: order_parity.measure(make_market(dsn, "parity")))
                brackets = steps.do("stops at rest", lambda: order_brackets.measure(make_market(dsn, "brackets"), home))
                stack = steps.do("every step with Temporal", lambda: order_stack.every_point(dsn, home))
                database = steps.do(
                    "database killed",
                    lambda: order_halts.database_killed(dsn, home, venue, kill, kills=DATABASE_KILLS, number=1),
                )
        finally:
            venue.close()
    return "\n\n".join(
        [
            "## Orders: nothing lost, nothing doubled, nothing unapproved",
            crash_section(cells),
            stack_section(stack),
            order_bracket_crashes.section(bracket_cells),
            order_coins.section(coins),
            schedule_section(chunks),
            attack_section(attacks),
            gate_section(gates, race, latency),
            order_halts.section(halts),
            order_days.section(days),
            order_parity.section(parity),
            order_brackets.section(brackets),
            database_section(database),
            "The whole process tree with Temporal, worker, web and PostgreSQL is killed by `tests/e2e/test_kill.py`,"
            " worker and Temporal by `tests/workflows/test_worker_killed.py`; recorded histories are replayed by"
            " `tests/workflows/test_histories.py`.",
        ]
    )


def _halts(steps: Steps, dsn: str, home: Path, venue: SocketVenue) -> dict[str, Any]:
    """Halt senders by every road, on a machine as it is and on one that is kept busy."""
    found = {}
    for is_busy in (False, True):
        for how in order_halts.ROADS:
            name = f"{how}, busy" if is_busy else how
            found[name] = steps.do(
                f"halt by {name}",
                lambda how=how, is_busy=is_busy: order_halts.halts(dsn, home, venue, how, runs=HALTS, is_busy=is_busy),
            )
    return found


def _in_lanes(steps: Steps, dsn: str, home: Path) -> tuple[Any, Any, Any, list[Any], list[Any]]:
    """Run the cells of the crash matrices, the schedules and the gate's orders side by side."""
    work: dict[str, tuple[Any, ...]] = {}
    for deduplicates in (True, False):
        for point in CRASH_POINTS:
            for reply in order_crashes.REPLIES:
                name = f"crash {point}|{reply}|{deduplicates}"
                work[name] = (_crash, point, reply, deduplicates)
        for step in order_bracket_crashes.STEPS:
            for reply in order_crashes.REPLIES:
                name = order_bracket_crashes.name_of(step, reply, deduplicates=deduplicates)
                work[name] = (_bracket_crash, step, reply, deduplicates)
    for point in CRASH_POINTS:
        for fault in order_coins.FAULTS:
            work[f"coins {point}|{fault}"] = (_coins, point, fault)
    for number in range(SCHEDULES // SCHEDULES_EACH):
        work[f"schedules {number}"] = (_schedules, number)
    for number in range(GATE_ORDERS // GATE_ORDERS_EACH):
        work[f"gate {number}"] = (_gate, number)
    waiting = {name: call for name, call in work.items() if not steps.has(name)}
    with _lanes(dsn, home) as lanes:
        running = {lanes.submit(*call): name for name, call in waiting.items()}
        for future in as_completed(running):
            steps.do(running[future], future.result)

    def kept(start: str) -> dict[str, Any]:
        return {name: steps.do(name, lambda: None) for name in work if name.startswith(start)}

    return (
        kept("crash "),
        kept("bracket "),
        kept("coins "),
        list(kept("schedules ").values()),
        list(kept("gate ").values()),
    )


@contextlib.contextmanager
def _lanes(dsn: str, home: Path) -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(
        LANES, mp_context=get_context("fork"), initializer=_start_lane, initargs=(dsn, home)
    ) as pool:
        yield pool


def _start_lane(dsn: str, home: Path) -> None:
    """Give this process a database and a venue of its own, and load what a walk imports late."""
    _lane["dsn"] = make_market(dsn, f"lane_{os.getpid()}")
    _lane["home"] = home / f"lane{os.getpid()}"
    _lane["home"].mkdir()
    _lane["venue"] = SocketVenue()
    listing = _lane["home"] / "modules"

    def walk() -> None:
        order_bracket_crashes.rehearse(_lane["dsn"], _lane["home"], _lane["venue"])
        listing.write_text("\n".join(sys.modules))

    # In a fork, as this process must have no connection that its forks would share.
    order_crashes.in_a_process(walk)
    for name in listing.read_text().split():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _crash(point: str, reply: Any, deduplicates: bool) -> dict[str, int]:
    return order_crashes.cell(
        _lane["dsn"], _lane["home"], _lane["venue"], point, reply, deduplicates=deduplicates, repeats=REPEATS
    )


def _bracket_crash(step: order_bracket_crashes.Step, reply: Any, deduplicates: bool) -> dict[str, int]:
    return order_bracket_crashes.cell(
        _lane["dsn"], _lane["home"], _lane["venue"], step, reply, deduplicates=deduplicates, repeats=BRACKET_REPEATS
    )


def _coins(point: str, fault: Any) -> dict[str, int]:
    return order_coins.cell(_lane["dsn"], _lane["home"], point, fault, repeats=COIN_REPEATS)


def _schedules(number: int) -> dict[str, int]:
    return order_schedules.run(_lane["dsn"], _lane["home"], examples=SCHEDULES_EACH, number=number)


def _gate(number: int) -> dict[str, Any]:
    return order_gate.compare(number, GATE_ORDERS_EACH)


def crash_section(cells: dict[str, Any]) -> str:
    """Return the crash matrix as a table of both venues."""
    total = sum((Counter(cell) for cell in cells.values()), Counter[str]())
    lines = [
        "### Killed at every step",
        "",
        "A trade of 10 shares is approved, sent, filled and booked by a process that kills itself with SIGKILL at one"
        f" of {len(CRASH_POINTS)} steps; the venue, reached through a socket, loses its reply, takes the order only"
        f" after the sender has given up, or says everything twice; new processes go on. {total['trials']:,} trials,"
        f" {total['killed']:,} killed at the step (the rest passed it otherwise): **{total['lost']} lost,"
        f" {total['doubled']} doubled, {total['wrong']} otherwise wrong**.",
    ]
    for deduplicates, title in (
        (True, "A venue that takes an order id once"),
        (False, "A venue that would take the same id twice"),
    ):
        rows = [
            (f"`{point}`", *(_ended(cells[f"crash {point}|{reply}|{deduplicates}"]) for reply in order_crashes.REPLIES))
            for point in CRASH_POINTS
        ]
        heads = ("step", *(f"reply {reply}" for reply in order_crashes.REPLIES))
        lines += ["", f"{title}:", "", table(heads, rows)]
    lines += [
        "",
        "*One*: one order at the venue, filled, position and cash equal the venue's to the cent. *Held*: the order"
        " never reached a venue that would take its id twice, so the desk does not send again: it waits as `unknown`"
        " for evidence.",
    ]
    return "\n".join(lines)


def _ended(cell: dict[str, int]) -> str:
    return ", ".join(f"{name} {cell[name]}" for name in ("one", "held", "lost", "doubled", "wrong") if cell[name])


def stack_section(stack: dict[str, dict[str, Any]]) -> str:
    """Return what killing the real worker left."""
    killed = sum(found["killed"] for found in stack.values())
    whole = sum(found["whole"] for found in stack.values())
    wrong = ", ".join(point for point, found in stack.items() if not found["whole"])
    return (
        f"With Temporal, the outbox and the real worker in between, once at each of the {len(stack)} steps: {killed}"
        f" killed, **{whole} whole** (one decision, order, order at the venue, execution and fill, a position of 10)"
        + (f"; wrong: {wrong}." if wrong else ".")
    )


def schedule_section(chunks: list[dict[str, int]]) -> str:
    """Return what the random schedules found."""
    total = sum((Counter(chunk) for chunk in chunks), Counter[str]())
    rest = ", ".join(
        f"{count:,} x {name}" for name, count in sorted(total.items()) if name not in ("schedules", "orders")
    )
    return "\n".join(
        [
            "### A faulty line",
            "",
            f"{total['schedules']:,} random schedules (hypothesis, stateful: replies lost, orders late, reports twice,"
            " reversed or held back, fills before replies and after cancels, restarts), then the line is healed:"
            f" **books equal the venue's in all**, {total['orders']:,} orders. On the way: {rest}.",
        ]
    )


def attack_section(attacks: list[Any]) -> str:
    """Return the table of attacks."""
    rows = [(name, said, decisions, orders) for name, said, decisions, orders in attacks]
    return "\n".join(
        [
            "### Attacks on the approval",
            "",
            table(("attack", "what came of it", "decisions stored", "orders at the venue"), rows),
        ]
    )


def gate_section(gates: list[dict[str, Any]], race: dict[str, Any], latency: dict[str, Any]) -> str:
    """Return the gate against brute force, the race and the latency table."""
    wrong = [text for chunk in gates for text in chunk["wrong"]]
    refused = sum((Counter(chunk["refused"]) for chunk in gates), Counter[str]())
    count, allowed = (sum(chunk[name] for chunk in gates) for name in ("orders", "allowed"))
    rows = [(f"`{rule}`", number) for rule, number in refused.most_common()]
    return "\n".join(
        [
            "### The risk gate",
            "",
            f"{count:,} random orders on random books, limits and markets, judged again by brute force in rationals:"
            f" {allowed:,} allowed, **{len(wrong)} judged differently**."
            + "".join(f"\n- {text}" for text in wrong[:5]),
            "",
            table(("rule", "refusals"), rows),
            "",
            f"Race: 4 senders release approvals for {race['approvals']} orders of which {race['limit']} fit the limit:"
            f" **{race['sent']} sent** ({', '.join(f'{n} {state}' for state, n in sorted(race['states'].items()))}).",
            "",
            order_latency.section(latency),
        ]
    )


def database_section(found: dict[str, Any]) -> str:
    """Return what killing the database left."""
    rows = [(name, ", ".join(value) if isinstance(value, list) else value) for name, value in found.items()]
    return "\n".join(
        [
            "### The database killed while trading",
            "",
            "PostgreSQL is killed with SIGKILL at random moments of trading, the sender with it, and both start again.",
            "",
            table(("", ""), rows),
        ]
    )
