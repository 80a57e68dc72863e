"""Kill the real worker at every step of the path, with Temporal and the outbox in between; once for each step."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from app.bootstrap import Parts
from benchmarks.order_crashes import in_a_process
from benchmarks.order_desk import clear
from core.errors import ApprovalRefused, QuantdeskError
from core.execution.crash_points import CRASH_POINTS, arm
from core.execution.requests import LegRequest, TradeRequest
from core.settings import Settings
from core.testing.small_market import AGENT, PETER

ROOT = Path(__file__).resolve().parents[1]
WAIT_S = 120.0
POLL_S = 0.05


def every_point(dsn: str, home: Path) -> dict[str, dict[str, Any]]:
    """Return what each step left: whether the process was killed there, and the rows counted at the end."""
    from app.runtime.temporal import ensure_temporal

    with ensure_temporal(home) as server:
        return {point: _trial(dsn, home, server.address, point) for point in CRASH_POINTS}


def _trial(dsn: str, home: Path, address: str, point: str) -> dict[str, Any]:
    clear(dsn)
    parts = Parts(Settings(home=home), dsn)
    leg = LegRequest(symbol="AAA", side="buy", quantity=Decimal(10))
    proposal = parts.desk.proposals.propose(TradeRequest(legs=(leg,)), AGENT)

    def decide() -> None:
        own = Parts(Settings(home=home), dsn)
        arm(point if point.startswith("decision.") else None)
        own.desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="proof")

    killed = in_a_process(decide) == -signal.SIGKILL
    if killed:
        try:
            parts.desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="proof")
        except ApprovalRefused as error:
            if error.rule != "decided":
                raise
    if point.startswith("send."):
        with _worker(home, dsn, address, point) as process:
            killed = process.wait(WAIT_S) == -signal.SIGKILL
    elif point.startswith("fill."):
        with _worker(home, dsn, address, None):
            _until(lambda: _states(parts, proposal.proposal_id) == ["accepted"])
        parts.clock.advance(1)
        with _worker(home, dsn, address, point) as process:
            killed = process.wait(WAIT_S) == -signal.SIGKILL
    with _worker(home, dsn, address, None):
        _until(lambda: _states(parts, proposal.proposal_id) in (["accepted"], ["filled"]))
        if _states(parts, proposal.proposal_id) == ["accepted"]:
            parts.clock.advance(1)
        _until(lambda: _states(parts, proposal.proposal_id) == ["filled"])
    with psycopg.connect(dsn) as connection:
        tables = ("decisions", "orders", "paper_orders", "paper_executions", "fills")
        counts = [
            (connection.execute(f"SELECT count(*) FROM execution.{table}".encode()).fetchone() or (0,))[0]
            for table in tables
        ]
        (position,) = connection.execute("SELECT sum(quantity) FROM execution.positions").fetchone() or (None,)
    parts.trading.database.close()
    parts.database.close()
    return {"killed": killed, "whole": counts == [1] * len(tables) and position == 10}


def _states(parts: Parts, proposal_id: str) -> list[str]:
    try:
        return [order.state for order in parts.desk.proposals.get(proposal_id).orders]
    except QuantdeskError:
        return []


def _until(question: Any) -> None:
    deadline = time.monotonic() + WAIT_S
    while not question():
        if time.monotonic() > deadline:
            raise TimeoutError(f"It did not happen within {WAIT_S:g} s.")
        time.sleep(POLL_S)


class _worker:  # noqa: N801  # a context manager, read like a function
    """Run `python -m app.worker`; kill it at the end if it still runs."""

    def __init__(self, home: Path, dsn: str, address: str, crash_at: str | None) -> None:
        self._env = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "QUANTDESK_HOME": str(home),
            "DATABASE_URL": dsn,
            "TEMPORAL_ADDRESS": address,
            **({"QUANTDESK_CRASH_AT": crash_at} if crash_at else {}),
        }

    def __enter__(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "app.worker"], cwd=ROOT, env=self._env, stderr=subprocess.DEVNULL
        )
        return self._process

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)
