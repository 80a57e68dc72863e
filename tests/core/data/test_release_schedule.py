"""The announced release days beside rules their publishers state, and as one event with what a calendar delivers."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.data.calendar import sessions_between
from core.data.derived_events import group_releases
from core.data.universe import release_schedule
from core.domain.event_records import EconomicEvent

NEW_YORK = ZoneInfo("America/New_York")


def days_of(name: str) -> list[date]:
    return [event.event_date for event in release_schedule() if event.name == name]


def test_every_release_is_known_before_its_day_and_on_a_working_day() -> None:
    for event in release_schedule():
        assert event.known_at.date() <= event.event_date
        assert event.event_date.weekday() < 5
        assert event.actual is None
    assert len({event.event_id for event in release_schedule()}) == len(release_schedule())


@pytest.mark.parametrize(("name", "hour"), [("FOMC Statement", time(14)), ("Consumer Price Index", time(8, 30))])
def test_the_hour_is_that_of_washington_in_summer_and_winter(name: str, hour: time) -> None:
    found = [event.event_at for event in release_schedule() if event.name == name]
    assert all(moment is not None and moment.tzinfo == UTC for moment in found)
    assert {moment.astimezone(NEW_YORK).time() for moment in found if moment} == {hour}
    assert len({moment.time() for moment in found if moment}) == 2


def test_the_committee_meets_eight_times_a_year_on_a_wednesday() -> None:
    # 12 CFR 281: eight regularly scheduled meetings a year; the statement follows on the second day, a Wednesday.
    by_year = defaultdict(list)
    for day in days_of("FOMC Statement"):
        by_year[day.year].append(day)
    assert {year: len(days) for year, days in by_year.items()} == {2026: 8, 2027: 8}
    assert {day.weekday() for days in by_year.values() for day in days} == {2}


def test_jobs_come_in_the_first_days_of_a_month_and_prices_near_its_middle() -> None:
    # The Employment Situation comes on the third Friday after the week of the 12th: from the 1st to the 9th, on a
    # Thursday where the Friday is a holiday. Consumer prices follow within the second or third week.
    assert all(day.day <= 9 and day.weekday() in (3, 4) for day in days_of("Employment Situation"))
    thursdays = [day for day in days_of("Employment Situation") if day.weekday() == 3]
    fridays = [day + timedelta(days=1) for day in thursdays]
    assert all(len(sessions_between("XNYS", friday, friday)) == 0 for friday in fridays)
    assert all(10 <= day.day <= 15 for day in days_of("Consumer Price Index"))


def test_a_delivered_calendar_row_of_the_day_is_the_same_event() -> None:
    [planned] = [event for event in release_schedule() if event.name == "Employment Situation"][:1]
    delivered = planned.model_copy(
        update={"event_id": "evt_other", "name": "Non-Farm Employment Change", "source": "file", "actual": 139.0}
    )
    rows = list(group_releases([planned, EconomicEvent.model_validate(delivered.model_dump())]))
    assert len({row[2] for row in rows}) == 1


def test_the_schedule_says_nothing_before_it_was_announced() -> None:
    moment = datetime(2024, 8, 9, 12, tzinfo=UTC)
    assert [event for event in release_schedule() if event.known_at <= moment] == []
