"""Do the work of the ingest workflow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from temporalio import activity

from core.data.calendar import are_sessions
from core.data.ingest_plan import IngestRequest
from core.data.ingest_service import IngestService
from workflows.activities import attempt

SCHEDULED = "scheduled"
"""Marks the request of the schedule: it is answered on days only on which the exchange trades."""


class IngestActivities:
    """Hold the activities of the ingest workflow; `time_zone` is that of the schedule."""

    def __init__(self, service: IngestService, now: Callable[[], datetime], time_zone: str) -> None:
        self._service = service
        self._now = now
        self._zone = ZoneInfo(time_zone)

    def all(self) -> Sequence[Callable[..., Any]]:
        """Return the activities for a worker."""
        return [self.begin_ingest, self.ingest_unit, self.finish_ingest]

    @activity.defn(name="begin_ingest")
    def begin_ingest(self, order: dict[str, Any]) -> dict[str, Any]:
        """Plan a request; return the run and its units by stage, an empty run on a day without trading."""
        with attempt():
            if order.get(SCHEDULED):
                today = self._now().astimezone(self._zone).date()
                if not are_sessions("XNYS", np.array([today], dtype="datetime64[D]"))[0]:
                    return {"run": "", "stages": []}
            information = activity.info()
            run_id, stages = self._service.begin(
                IngestRequest.from_arguments(order), f"{information.workflow_id}/{information.workflow_run_id}"
            )
        return {"run": run_id, "stages": stages}

    @activity.defn(name="ingest_unit")
    def ingest_unit(self, run_id: str, unit: str) -> str:
        """Run one unit; return `done` or `failed`."""
        with attempt():
            return self._service.run_unit(run_id, unit)

    @activity.defn(name="finish_ingest")
    def finish_ingest(self, run_id: str) -> str:
        """End the run and return its state."""
        with attempt():
            return self._service.finish(run_id)
