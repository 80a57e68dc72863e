"""Be the process that crash tests kill: fork a sender for every line on standard input, print how it ended.

A line is `POINT PROPOSAL_ID`; the sender arms the crash point (`-` for none), then approves, sends and settles.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from app.bootstrap import Parts
from core.adapters.store.instruments import PostgresInstruments
from core.data.calendar import session_at
from core.errors import ApprovalRefused
from core.execution.crash_points import arm
from core.execution.proposals import ProposalDesk
from core.settings import Settings
from core.testing.small_market import PETER


def send(dsn: str, home: str, point: str, proposal_id: str) -> None:
    """Do all that is left to do for a proposal."""
    parts = Parts(Settings(home=Path(home)), dsn)
    instruments = PostgresInstruments(parts.database)
    desk = ProposalDesk(parts.trading, parts.marks, instruments, parts.kill_switch, parts.clock, parts.ids)
    arm(None if point == "-" else point)
    try:
        digest = desk.get(proposal_id).proposal.digest
        desk.decide(proposal_id, "approved", digest, PETER, face="cli")
    except ApprovalRefused:
        pass  # an earlier sender decided
    parts.gateway.recover()
    parts.gateway.release(proposal_id)
    parts.settlement.settle()


def main() -> None:
    """Fork and wait for each line."""
    dsn, home = sys.argv[1:]
    # Loaded once, not by each child: the exchange's calendar and what the parts load when they are first used.
    session_at(datetime(2022, 11, 30, tzinfo=UTC), "XNYS")
    for name in ("adapters.store.trading", "adapters.store.bars", "adapters.brokers.paper", "execution.settlement"):
        import_module(f"core.{name}")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                send(dsn, home, *line.split())
                code = 0
            finally:
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
