"""Show the health of each part of the desk."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.cli_commands.connection import database, read_settings
from app.cli_commands.output import Output

if TYPE_CHECKING:
    from app.runtime.health import PartHealth
    from core.settings import Settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the common options are enough."""


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Ask every part, without starting anything; exit code 1 when a server named in the settings does not answer."""
    from app.runtime.health import status

    settings = read_settings(arguments)
    parts = status(
        settings.home,
        database_url=settings.database_url.get_secret_value() if settings.database_url else None,
        temporal_address=settings.temporal_address,
        redis_url=settings.redis_url.get_secret_value() if settings.redis_url else None,
    )
    parts += _schedule(settings, parts)
    if output.as_json:
        output.document({"home": str(settings.home), "parts": parts})
        return _tell_unreachable(settings, parts, output)
    output.table(
        ("part", "state", "pid", "address", "detail"),
        [(part.name, part.state, part.pid, part.address, part.detail) for part in parts],
    )
    if not any(part.state == "up" for part in parts if part.name == "web"):
        output.remark("The desk is not running; start it with `quantdesk run`.")
    return _tell_unreachable(settings, parts, output)


def _schedule(settings: Settings, parts: Sequence[PartHealth]) -> list[PartHealth]:
    """Return when the scheduled ingest runs next, nothing where Temporal does not answer."""
    import asyncio

    from app.bootstrap import open_parts
    from app.runtime.health import PartHealth
    from app.scheduling import change_schedule
    from core.errors import QuantdeskError

    if not {"temporal", "postgres"} <= {part.name for part in parts if part.state == "up"}:
        return []
    try:
        with database(settings) as dsn:
            desk = open_parts(settings, dsn)
            desk_id = desk.clock.desk_id()
            desk.database.close()
        times = asyncio.run(change_schedule(settings, desk_id, "show"))
    except QuantdeskError as error:
        return [PartHealth(name="ingest", state="down", detail=str(error))]
    if not times:
        return [PartHealth(name="ingest", state="down", detail="not scheduled")]
    return [PartHealth(name="ingest", state="up", detail=f"scheduled, next {times[0]:%Y-%m-%d %H:%M} UTC")]


def _tell_unreachable(settings: Settings, parts: Sequence[PartHealth], output: Output) -> int:
    """Name each server of the settings that does not answer; one that we start ourselves may well be stopped."""
    outside = {
        "postgres": ("DATABASE_URL", settings.database_url),
        "temporal": ("TEMPORAL_ADDRESS", settings.temporal_address),
        "redis": ("REDIS_URL", settings.redis_url),
    }
    failed = 0
    for part in parts:
        variable, given = outside.get(part.name, ("", None))
        if given is not None and part.state == "down":
            failed = 1
            output.remark(f"{part.name} cannot be reached at {part.address}: check {variable} and that it runs.")
    return failed
