"""Run an ingest request durably: plan, then the units stage by stage, some side by side, over all workers.

The units of one step and source run in the order of the plan: how a bar is flagged depends on the bars before it.
The history holds ids and states only. A worker that dies costs the unit it worked on, which another repeats.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

AT_ONCE = 4
"""Units of one run that are worked on at the same time."""
UNITS_A_HISTORY = 200
"""After so many units the workflow goes on with a new history, unless its argument says otherwise."""
UNIT_TIMEOUT = timedelta(hours=12)
STEP_TIMEOUT = timedelta(minutes=10)
HEARTBEAT_TIMEOUT = timedelta(seconds=15)
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5), maximum_attempts=5)


@workflow.defn(name="IngestWorkflow")
class IngestWorkflow:
    """Plan and run one ingest request; its argument is the request, or what is left of one."""

    def __init__(self) -> None:
        self._state = {"run": "", "done": 0, "failed": 0, "left": 0}

    @workflow.run
    async def run(self, order: dict[str, Any]) -> str:
        """Return the state of the run at its end: done, partial or failed; `no session` on a day without trading."""
        most: int = order.get("units_a_history", UNITS_A_HISTORY)
        if "stages" not in order:
            order = await self._do("begin_ingest", order)
            if not order["run"]:
                return "no session"
        run_id: str = order["run"]
        stages: list[list[str]] = order["stages"]
        self._state |= {"run": run_id, "left": sum(map(len, stages))}
        room = most
        while stages:
            part, rest = stages[0][:room], stages[0][room:]
            await self._run_units(run_id, part)
            room -= len(part)
            stages = [rest, *stages[1:]] if rest else stages[1:]
            if stages and (room <= 0 or workflow.info().is_continue_as_new_suggested()):
                workflow.continue_as_new({"run": run_id, "stages": stages, "units_a_history": most})
        state: str = await self._do("finish_ingest", run_id)
        return state

    @workflow.query
    def state(self) -> dict[str, Any]:
        """Return the id of the run and how many units are done, failed and left in this history."""
        return self._state

    async def _run_units(self, run_id: str, units: list[str]) -> None:
        gate = asyncio.Semaphore(AT_ONCE)
        # A run that was under way when this order came in goes on in the order it began with.
        ordered = workflow.patched("units-of-a-source-in-order")
        queues: dict[str, list[str]] = {}
        for unit in units:
            queues.setdefault(unit.rsplit("/", 2)[0] if ordered else unit, []).append(unit)

        async def one_by_one(queue: list[str]) -> None:
            async with gate:
                for unit in queue:
                    await self._run_unit(run_id, unit)

        await asyncio.gather(*(one_by_one(queue) for queue in queues.values()))

    async def _run_unit(self, run_id: str, unit: str) -> None:
        try:
            outcome = await workflow.execute_activity(
                "ingest_unit",
                args=[run_id, unit],
                start_to_close_timeout=UNIT_TIMEOUT,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                retry_policy=_RETRY,
            )
        except ActivityError:
            # The record of the run says that the unit is owed; the next run makes up for it.
            outcome = "failed"
        self._state[str(outcome)] += 1  # type: ignore[operator]
        self._state["left"] -= 1  # type: ignore[operator]

    async def _do(self, activity: str, argument: Any) -> Any:
        return await workflow.execute_activity(
            activity,
            argument,
            start_to_close_timeout=STEP_TIMEOUT,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=_RETRY,
        )
