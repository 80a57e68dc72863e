"""Kill the sender at every named step, twice, then start it again: exactly one order, one fill, one decision."""

from __future__ import annotations

import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from core.errors import InvalidInput
from core.execution.crash_points import CRASH_POINTS, arm, crash_point
from core.execution.requests import LegRequest, TradeRequest
from core.testing.small_market import AGENT

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def sender(filled_market, tmp_path_factory):
    """Give a function that runs a sender process to its end and returns its exit code (negative: its signal)."""
    home = tmp_path_factory.mktemp("home")
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("sender_process.py")), filled_market, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )

    def run(point: str, proposal_id: str) -> int:
        process.stdin.write(f"{point} {proposal_id}\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    yield run
    process.stdin.close()
    process.wait(10)


# One step of each transaction here; every step in the tests marked slow.
FEW = ("decision.stored", "send.intent_stored", "send.sent", "fill.written")


def test_the_few_steps_are_steps():
    assert set(FEW) < set(CRASH_POINTS)


@pytest.mark.parametrize(
    "point", [point if point in FEW else pytest.param(point, marks=pytest.mark.slow) for point in CRASH_POINTS]
)
def test_a_sender_killed_twice_at_a_step_leaves_exactly_one_order(desk, ask, sender, point):
    proposal_id = desk.proposals.propose(ask(), AGENT).proposal_id
    if point.startswith("fill."):
        assert sender("-", proposal_id) == 0
        desk.clock.advance(1)
    assert sender(point, proposal_id) == -signal.SIGKILL
    again = sender(point, proposal_id)
    assert again in (0, -signal.SIGKILL)
    assert [sender("-", proposal_id), sender("-", proposal_id)] == [0, 0]
    if not point.startswith("fill."):
        desk.clock.advance(1)
        assert sender("-", proposal_id) == 0
    counts = desk.sql(
        "SELECT (SELECT count(*) FROM execution.decisions), (SELECT count(*) FROM execution.orders),"
        " (SELECT count(*) FROM execution.paper_orders), (SELECT count(*) FROM execution.paper_executions),"
        " (SELECT count(*) FROM execution.fills), (SELECT count(*) FROM execution.cash_ledger)"
    )
    # One deposit, one trade and one fee are in the cash ledger.
    assert counts == [(1, 1, 1, 1, 1, 3)]
    assert desk.sql("SELECT state, filled_quantity FROM execution.orders") == [("filled", 10)]
    assert desk.books.holdings().positions[0].quantity == 10


@pytest.fixture
def entered(desk, sender):
    """Give the id of a bracket that bought 10 AAA, filled and not heard of yet."""
    legs = (
        LegRequest(symbol="AAA", side="buy", quantity=Decimal(10)),
        LegRequest(symbol="AAA", side="sell", quantity=Decimal(10), order_type="stop", stop_price=Decimal(140)),
    )
    proposal_id = desk.proposals.propose(TradeRequest(legs=legs, legging="bracket"), AGENT).proposal_id
    assert sender("-", proposal_id) == 0
    desk.clock.advance(1)
    return proposal_id


@pytest.mark.parametrize(
    "point",
    [
        point if point in FEW else pytest.param(point, marks=pytest.mark.slow)
        for point in CRASH_POINTS
        if not point.startswith("decision.")
    ],
)
def test_a_sender_killed_twice_between_the_fill_of_an_entry_and_its_stop_leaves_one_stop(desk, entered, sender, point):
    if point.startswith("send."):
        desk.settlement.settle("main")
    assert sender(point, entered) == -signal.SIGKILL
    assert sender(point, entered) in (0, -signal.SIGKILL)
    assert [sender("-", entered) for _ in range(3)] == [0, 0, 0]
    rows = desk.sql("SELECT leg, state, quantity, filled_quantity FROM execution.orders ORDER BY leg")
    assert rows == [(0, "filled", 10, 10), (1, "accepted", 10, 0)]
    at_venue = desk.sql("SELECT order_type, state, quantity FROM execution.paper_orders ORDER BY accepted_at")
    assert at_venue == [("market", "filled", 10), ("stop", "accepted", 10)]
    assert desk.sql("SELECT count(*) FROM execution.fills") == [(1,)]


def test_a_step_kills_at_the_pass_it_is_armed_for(monkeypatch):
    kills = []
    monkeypatch.setattr("core.execution.crash_points.os.kill", lambda pid, signal: kills.append(signal))
    arm("cancel.sent", passes=2)
    for name in ("cancel.sent", "send.sent", "cancel.sent", "cancel.sent"):
        crash_point(name)
        if name == "send.sent":
            assert kills == []
    arm(None)
    crash_point("cancel.sent")
    assert kills == [signal.SIGKILL]


def test_an_unknown_step_is_refused():
    with pytest.raises(InvalidInput, match=r"send\.loaded"):
        arm("send.nowhere")
