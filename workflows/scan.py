"""Look at the enabled strategies of every person on new bars; the proposals they ask for wait for a decision."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

STEP_TIMEOUT = timedelta(minutes=10)
HEARTBEAT_TIMEOUT = timedelta(seconds=15)
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1), maximum_attempts=5)


@workflow.defn(name="ScanWorkflow")
class ScanWorkflow:
    """Scan person by person, so that one whose strategies fail costs the others nothing."""

    @workflow.run
    async def run(self, order: dict[str, Any]) -> dict[str, int]:
        """Return how many persons were scanned, how many failed and how many proposals were written."""
        done = {"scanned": 0, "failed": 0, "proposals": 0}
        for owner in await self._do("strategy_owners", order):
            try:
                done["proposals"] += await self._do("scan_owner", owner)
                done["scanned"] += 1
            except ActivityError:
                done["failed"] += 1
        return done

    async def _do(self, activity: str, argument: Any) -> Any:
        return await workflow.execute_activity(
            activity,
            argument,
            start_to_close_timeout=STEP_TIMEOUT,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=_RETRY,
        )
