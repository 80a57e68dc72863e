"""When the ingest and the scan after it run: times asked of a made-up scheduler."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from app import scheduling
from core.data.ingest_plan import IngestRequest
from core.settings import Settings

NEXT = [datetime(2024, 1, 2, 10, tzinfo=UTC)]


class Scheduler:
    """Note what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    async def start(self, workflow: str, workflow_id: str, arguments: Any) -> None:
        self.asked.append(("start", workflow, workflow_id, arguments))

    async def schedule(
        self, name: str, workflow: str, arguments: Any, *, hour: int, minute: int, time_zone: str
    ) -> None:
        self.asked.append(("schedule", name, arguments, hour, minute, time_zone))

    async def unschedule(self, name: str) -> None:
        self.asked.append(("unschedule", name))

    async def next_runs(self, name: str) -> Sequence[datetime]:
        self.asked.append(("next", name))
        return NEXT


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> Scheduler:
    made = Scheduler()

    async def jobs(settings: Settings, desk_id: str) -> Scheduler:
        return made

    monkeypatch.setattr(scheduling, "_jobs", jobs)
    return made


def settings(time: str, zone: str = "America/New_York") -> Settings:
    return Settings.model_validate({"ingest_time": time, "ingest_time_zone": zone})


@pytest.mark.parametrize(
    ("time", "ingest", "scan"),
    [
        ("05:00", (5, 0), (6, 0)),
        ("00:00", (0, 0), (1, 0)),
        ("17:45", (17, 45), (18, 45)),
        # An hour after a late ingest is early in the next day.
        ("23:30", (23, 30), (0, 30)),
        ("22:59", (22, 59), (23, 59)),
    ],
)
async def test_the_scan_runs_an_hour_after_the_ingest_in_its_zone(
    scheduler: Scheduler, time: str, ingest: tuple[int, int], scan: tuple[int, int]
) -> None:
    told = settings(time, "Europe/Berlin")
    assert await scheduling.change_schedule(told, "dsk_1", "on") == NEXT
    assert await scheduling.change_scan_schedule(told, "dsk_1", "on") == NEXT
    made = [entry for entry in scheduler.asked if entry[0] == "schedule"]
    assert [(name, hour, minute, zone) for _, name, _, hour, minute, zone in made] == [
        ("daily-ingest", *ingest, "Europe/Berlin"),
        ("daily-scan", *scan, "Europe/Berlin"),
    ]
    # Both know that nobody started them by hand.
    assert all(arguments["scheduled"] is True for _, _, arguments, *_ in made)


@pytest.mark.parametrize("change", [scheduling.change_schedule, scheduling.change_scan_schedule])
async def test_showing_changes_nothing_and_off_takes_it_away(scheduler: Scheduler, change: Any) -> None:
    assert await change(settings("05:00"), "dsk_1", "show") == NEXT
    assert [entry[0] for entry in scheduler.asked] == ["next"]
    await change(settings("05:00"), "dsk_1", "off")
    assert [entry[0] for entry in scheduler.asked] == ["next", "unschedule", "next"]
    assert scheduler.asked[0][1] == scheduler.asked[1][1] == scheduler.asked[2][1]


async def test_a_schedule_keeps_what_is_to_be_ingested(scheduler: Scheduler) -> None:
    request = IngestRequest(vendors=("fred",))
    await scheduling.change_schedule(settings("05:00"), "dsk_1", "on", request)
    arguments = scheduler.asked[0][2]
    assert arguments == {**request.as_arguments(), "scheduled": True}


async def test_each_ingest_that_is_started_has_an_id_of_its_own(scheduler: Scheduler) -> None:
    request = IngestRequest()
    made = {await scheduling.start_ingest(settings("05:00"), "dsk_1", request) for _ in range(20)}
    assert len(made) == 20 and all(name.startswith(f"ingest-{request.mode}-") for name in made)
    assert {entry[1] for entry in scheduler.asked} == {"IngestWorkflow"}
    assert all(entry[3] == request.as_arguments() for entry in scheduler.asked)
