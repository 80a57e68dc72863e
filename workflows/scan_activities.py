"""Do the work of the scan workflow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from temporalio import activity

from core.data.calendar import are_sessions
from core.domain.principal import Principal
from tools.context import Desk
from tools.runner import run_tool
from workflows.activities import attempt

SCAN = "ScanWorkflow"


def scanner_for(owner: str) -> Principal:
    """Return the service that scans for a person: it may read and propose, never approve."""
    return Principal(
        id=f"scan:{owner}",
        name="strategy scan",
        kind="service",
        scopes=frozenset({"read", "trade"}),
        requested_by=owner,
    )


class ScanActivities:
    """Hold the activities of the scan workflow; `time_zone` is that of the schedule."""

    def __init__(self, desk: Desk, wall: Callable[[], datetime], time_zone: str) -> None:
        self._desk = desk
        self._wall = wall
        self._zone = ZoneInfo(time_zone)

    def all(self) -> Sequence[Callable[..., Any]]:
        """Return the activities for a worker."""
        return [self.strategy_owners, self.scan_owner]

    @activity.defn(name="strategy_owners")
    def strategy_owners(self, order: dict[str, Any]) -> list[str]:
        """Return who has enabled strategies or open verdicts; nobody when the schedule falls on a day off."""
        with attempt():
            if order.get("scheduled"):
                today = self._wall().astimezone(self._zone).date()
                if not are_sessions("XNYS", np.array([today], dtype="datetime64[D]"))[0]:
                    return []
            return sorted({*self._desk.strategies.owners(), *self._desk.verdicts.owners()})

    @activity.defn(name="scan_owner")
    def scan_owner(self, owner: str) -> int:
        """Scan a person's strategies and return the number of proposals; a repeat finds those that wait."""
        with attempt():
            result = run_tool(self._desk, "scan_strategies", {}, principal=scanner_for(owner), face="workflow")
        return len(result.proposal_ids)
