"""Start the ingest workflow now; schedule it and the scan of strategies daily on exchange days."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from core.errors import Unavailable
from core.settings import Settings

if TYPE_CHECKING:
    from core.data.ingest_plan import IngestRequest
    from core.ports.jobs import Jobs

WORKFLOW = "IngestWorkflow"
SCHEDULE = "daily-ingest"
SCAN_SCHEDULE = "daily-scan"
SCAN_AFTER_MINUTES = 60
"""Minutes from the start of the daily ingest to the scan of its bars."""


async def start_ingest(settings: Settings, desk_id: str, request: IngestRequest) -> str:
    """Start the workflow of a request on the desk's Temporal server and return its id; raise Unavailable."""
    workflow_id = f"ingest-{request.mode}-{secrets.token_hex(6)}"
    await (await _jobs(settings, desk_id)).start(WORKFLOW, workflow_id, request.as_arguments())
    return workflow_id


async def change_schedule(
    settings: Settings, desk_id: str, action: Literal["on", "off", "show"], request: IngestRequest | None = None
) -> Sequence[datetime]:
    """Turn the daily schedule on or off, or leave it, and return its next times; raise Unavailable."""
    jobs = await _jobs(settings, desk_id)
    if action == "off":
        await jobs.unschedule(SCHEDULE)
    elif action == "on":
        from core.data.ingest_plan import IngestRequest

        hour, minute = map(int, settings.ingest_time.split(":"))
        asked = (request or IngestRequest()).as_arguments()
        await jobs.schedule(
            SCHEDULE,
            WORKFLOW,
            {**asked, "scheduled": True},
            hour=hour,
            minute=minute,
            time_zone=settings.ingest_time_zone,
        )
    return await jobs.next_runs(SCHEDULE)


async def change_scan_schedule(
    settings: Settings, desk_id: str, action: Literal["on", "off", "show"]
) -> Sequence[datetime]:
    """Turn the daily scan of strategies on or off, or leave it, and return its next times; raise Unavailable."""
    from workflows.scan_activities import SCAN

    jobs = await _jobs(settings, desk_id)
    if action == "off":
        await jobs.unschedule(SCAN_SCHEDULE)
    elif action == "on":
        hour, minute = map(int, settings.ingest_time.split(":"))
        due = (hour * 60 + minute + SCAN_AFTER_MINUTES) % (24 * 60)
        await jobs.schedule(
            SCAN_SCHEDULE,
            SCAN,
            {"scheduled": True},
            hour=due // 60,
            minute=due % 60,
            time_zone=settings.ingest_time_zone,
        )
    return await jobs.next_runs(SCAN_SCHEDULE)


async def _jobs(settings: Settings, desk_id: str) -> Jobs:
    from temporalio.client import Client

    from app.bootstrap import open_jobs
    from app.worker import find_temporal

    address = find_temporal(settings)
    try:
        return open_jobs(await Client.connect(address, namespace=settings.temporal_namespace), desk_id)
    except RuntimeError as error:
        raise Unavailable(
            f"Temporal does not answer at {address}.", hint="Start the desk with `quantdesk run`."
        ) from error
