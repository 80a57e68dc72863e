"""Start and tell workflows on a Temporal server."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from core.errors import Refused, Unavailable
from core.ports.jobs import task_queue_of

_CALL_TIMEOUT = timedelta(seconds=10)
# How long a workflow waits for the answer of a worker that was killed over it; the default of 10 s is felt.
_TASK_TIMEOUT = timedelta(seconds=5)


class TemporalJobs:
    """Implement the Jobs port; arguments are ids, private rows stay in the database.

    Work goes to the queue of the desk, and a schedule carries the desk's id in its name: several desks may share a
    namespace.
    """

    def __init__(self, client: Client, desk_id: str) -> None:
        self._client = client
        self._desk_id = desk_id
        self._task_queue = task_queue_of(desk_id)

    async def start(self, workflow: str, workflow_id: str, argument: Any) -> None:
        """Start a workflow; one that runs or has succeeded is left alone. Raises Unavailable."""
        try:
            await self._client.start_workflow(
                workflow,
                argument,
                id=workflow_id,
                task_queue=self._task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                task_timeout=_TASK_TIMEOUT,
                rpc_timeout=_CALL_TIMEOUT,
            )
        except WorkflowAlreadyStartedError:
            return
        except RPCError as error:
            raise Unavailable(f"Temporal did not start {workflow_id}: {error.message}.") from error

    async def schedule(
        self, name: str, workflow: str, argument: Any, *, hour: int, minute: int, time_zone: str
    ) -> None:
        """Start a workflow from Monday to Friday at a time of a time zone, until unscheduled; raise Unavailable.

        A schedule of that name is replaced. A start that falls into a running workflow is left out; one that was
        missed because Temporal was down is made up for within a day.
        """
        schedule_id = self._schedule_id(name)
        spec = ScheduleSpec(
            calendars=[
                ScheduleCalendarSpec(
                    hour=[ScheduleRange(hour)], minute=[ScheduleRange(minute)], day_of_week=[ScheduleRange(1, 5)]
                )
            ],
            time_zone_name=time_zone,
        )
        made = Schedule(
            action=ScheduleActionStartWorkflow(
                workflow, argument, id=schedule_id, task_queue=self._task_queue, task_timeout=_TASK_TIMEOUT
            ),
            spec=spec,
            policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(days=1)),
        )
        try:
            await self._client.create_schedule(schedule_id, made, rpc_timeout=_CALL_TIMEOUT)
        except ScheduleAlreadyRunningError:
            try:
                handle = self._client.get_schedule_handle(schedule_id)
                await handle.update(lambda _: ScheduleUpdate(schedule=made), rpc_timeout=_CALL_TIMEOUT)
            except RPCError as error:
                raise Unavailable(f"Temporal did not change the schedule {name}: {error.message}.") from error
        except RPCError as error:
            raise Unavailable(f"Temporal did not take the schedule {name}: {error.message}.") from error

    async def unschedule(self, name: str) -> None:
        """End a schedule; one that does not exist is as good. Raises Unavailable."""
        try:
            await self._client.get_schedule_handle(self._schedule_id(name)).delete(rpc_timeout=_CALL_TIMEOUT)
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise Unavailable(f"Temporal did not end the schedule {name}: {error.message}.") from error

    async def next_runs(self, name: str) -> Sequence[datetime]:
        """Return the next times of a schedule (UTC aware), none when it does not exist; raise Unavailable."""
        try:
            found = await self._client.get_schedule_handle(self._schedule_id(name)).describe(rpc_timeout=_CALL_TIMEOUT)
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return ()
            raise Unavailable(f"Temporal did not show the schedule {name}: {error.message}.") from error
        return tuple(found.info.next_action_times)

    def _schedule_id(self, name: str) -> str:
        return f"{name}-{self._desk_id}"

    async def tell(self, workflow_id: str, update: str, argument: Any) -> None:
        """Send an idempotent update; nothing happens when the workflow has ended or never was.

        Raises Refused when the workflow does not accept the argument, Unavailable when it cannot be reached.
        """
        try:
            await self._client.get_workflow_handle(workflow_id).execute_update(
                update, argument, rpc_timeout=_CALL_TIMEOUT
            )
        except WorkflowUpdateFailedError as error:
            raise Refused(f"{workflow_id} refused {update}: {error.cause}.", rule="workflow") from error
        except WorkflowUpdateRPCTimeoutOrCancelledError as error:
            raise Unavailable(f"{workflow_id} did not answer {update} in time.") from error
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return
            raise Unavailable(f"Temporal did not deliver {update} to {workflow_id}: {error.message}.") from error
