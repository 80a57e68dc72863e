"""Define how durable work is started and told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol


def task_queue_of(desk_id: str) -> str:
    """Return the queue of a desk's own work; desks that share a Temporal namespace must not take each other's."""
    return f"quantdesk-{desk_id}"


class Jobs(Protocol):
    """Start and tell workflows; ids only, private rows stay in the database."""

    async def start(self, workflow: str, workflow_id: str, argument: Any) -> None:
        """Start a workflow; starting one that exists is harmless. Raises Unavailable."""
        ...

    async def schedule(
        self, name: str, workflow: str, argument: Any, *, hour: int, minute: int, time_zone: str
    ) -> None:
        """Start a workflow from Monday to Friday at a time of a time zone, until unscheduled; raise Unavailable."""
        ...

    async def unschedule(self, name: str) -> None:
        """End a schedule; one that does not exist is as good. Raises Unavailable."""
        ...

    async def next_runs(self, name: str) -> Sequence[datetime]:
        """Return the next times of a schedule (UTC aware), none when it does not exist; raise Unavailable."""
        ...

    async def tell(self, workflow_id: str, update: str, argument: Any) -> None:
        """Send an idempotent update; raise Unavailable when the service cannot be reached."""
        ...
