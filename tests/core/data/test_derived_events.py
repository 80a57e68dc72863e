"""Rows of several calendars are grouped, and surprises are measured by what was known before."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from statistics import stdev
from typing import Any

import pytest

from core.data.derived_events import (
    group_happenings,
    group_releases,
    group_reports,
    release_surprises,
    report_surprises,
)
from core.data.derived_news import sum_by_day
from core.domain.event_records import EconomicEvent, GeopoliticalEvent, SecurityEvent


def release(number: int, name: str, day: date, *, source: str = "a", hour: int = 13, **more: Any) -> EconomicEvent:
    at = datetime(day.year, day.month, day.day, hour, 30, tzinfo=UTC)
    known = None if more.get("actual") is None else at
    return EconomicEvent(
        event_id=f"e{number}",
        event_at=at,
        event_date=day,
        country=more.pop("country", "US"),
        name=name,
        source=source,
        known_at=at - timedelta(days=7),
        actual_known_at=known,
        **more,
    )


def report(number: int, day: date, *, source: str = "a", who: int = 1, **more: Any) -> SecurityEvent:
    at = datetime(day.year, day.month, day.day, 21, tzinfo=UTC)
    known = None if more.get("eps_actual") is None else at
    return SecurityEvent(
        event_id=f"s{number}", instrument_id=who, event="earnings", event_date=day, source=source,
        known_at=at - timedelta(days=14), actual_known_at=known, **more,
    )  # fmt: skip


def happening(number: int, name: str, day: date, source: str = "a") -> GeopoliticalEvent:
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return GeopoliticalEvent(
        event_id=f"g{number}", event_date=day, name=name, severity="high", source=source, known_at=at
    )


def keys_of(groups: Any) -> dict[str, str]:
    return {group[0]: group[2] for group in groups}


DAY = date(2022, 6, 10)


def test_two_calendars_with_two_names_are_one_release() -> None:
    rows = [release(1, "Nonfarm Payrolls", DAY), release(2, "Non-Farm Employment Change", DAY, source="b")]
    keys = keys_of(group_releases(rows))
    assert keys["e1"] == keys["e2"]


@pytest.mark.parametrize(
    "other",
    [
        release(2, "Nonfarm Payrolls", date(2022, 6, 11), source="b"),
        release(2, "Nonfarm Payrolls", DAY, source="b", country="CA"),
        release(2, "Private Nonfarm Payrolls", DAY, source="b"),
        release(2, "Nonfarm Payrolls", DAY, hour=15),
    ],
)
def test_another_day_country_or_name_or_a_second_row_is_another_release(other: EconomicEvent) -> None:
    keys = keys_of(group_releases([release(1, "Nonfarm Payrolls", DAY), other]))
    assert keys["e1"] != keys["e2"]


def test_month_and_year_under_one_name_meet_their_rows_in_another_calendar() -> None:
    # CPI of May 2022: 1.0 % on the month after 0.3 %, 8.6 % on the year after 8.3 % (BLS, 2022-06-10 12:30 UTC).
    rows = [
        release(1, "CPI", DAY, previous=0.3, actual=1.0),
        release(2, "CPI", DAY, previous=8.3, actual=8.6),
        release(3, "CPI m/m", DAY, source="b"),
        release(4, "Consumer Price Index (YoY)", DAY, source="b"),
    ]
    keys = keys_of(group_releases(rows))
    assert keys["e1"] == keys["e3"] != keys["e2"] == keys["e4"]
    assert {group[3] for group in group_releases(rows)} == {"CPI m/m", "CPI y/y"}


def test_what_came_out_does_not_change_who_is_grouped_with_whom() -> None:
    before = [release(1, "CPI", DAY, previous=0.3), release(2, "CPI", DAY, previous=8.3)]
    after = [release(1, "CPI", DAY, previous=0.3, actual=9.9), release(2, "CPI", DAY, previous=8.3, actual=0.1)]
    assert keys_of(group_releases(before)) == keys_of(group_releases(after))


def test_reports_of_one_company_within_three_days_are_one() -> None:
    rows = [
        report(1, date(2022, 1, 25)),
        report(2, date(2022, 1, 27), source="b"),
        report(3, date(2022, 4, 26)),
        report(4, date(2022, 1, 26), who=2),
    ]
    keys = keys_of(group_reports(rows))
    assert keys["s1"] == keys["s2"]
    assert len(set(keys.values())) == 3


def test_happenings_of_one_place_and_days_are_one() -> None:
    rows = [
        happening(1, "November 2015 Paris attacks", date(2015, 11, 16)),
        happening(2, "Paris Terrorist Attacks", date(2015, 11, 17), "b"),
        happening(3, "War in Donbass", date(2015, 11, 17), "b"),
    ]
    keys = keys_of(group_happenings(rows))
    assert keys["g1"] == keys["g2"] != keys["g3"]


def test_a_surprise_is_in_deviations_of_the_earlier_ones_alone() -> None:
    actuals = [0.5, 0.1, 0.4, 0.3, 0.6, 0.0]
    rows = [
        release(n, "CPI m/m", DAY + timedelta(days=30 * n), actual=actual, forecast=0.2)
        for n, actual in enumerate(actuals)
    ]
    keys = {group[0]: (group[2], group[3]) for group in group_releases(rows)}
    made = list(release_surprises(rows, keys))
    surprises = [actual - 0.2 for actual in actuals]
    assert [row[7] for row in made] == pytest.approx(surprises)
    assert [row[8] for row in made[:4]] == [None] * 4
    for place in (4, 5):
        assert made[place][8] == pytest.approx(surprises[place] / stdev(surprises[:place]))
    assert [row[9] for row in made] == list(range(6))


def test_one_release_in_two_calendars_is_one_surprise_and_one_without_forecast_none() -> None:
    rows = [
        release(1, "Nonfarm Payrolls", DAY, actual=390e3, forecast=325e3),
        release(2, "Non-Farm Employment Change", DAY, source="b", actual=390e3, forecast=320e3),
        release(3, "Unemployment Rate", DAY, actual=3.6),
    ]
    keys = {group[0]: (group[2], group[3]) for group in group_releases(rows)}
    assert [row[7] for row in release_surprises(rows, keys)] == [65e3]


def test_earnings_are_standardised_by_company() -> None:
    rows = [report(n, DAY + timedelta(days=91 * n), eps_estimate=1.0, eps_actual=1.0 + 0.1 * n) for n in range(6)]
    rows += [report(20, DAY, who=2, eps_estimate=5.0, eps_actual=9.0)]
    keys = {group[0]: (group[2], group[3]) for group in group_reports(rows)}
    made = {(row[3], row[4]): row for row in report_surprises(rows, keys)}
    last = made[1, rows[5].event_date]
    assert last[8] == pytest.approx(0.5 / stdev([0.0, 0.1, 0.2, 0.3, 0.4]))
    assert made[2, DAY][8] is None


def test_a_day_of_news_is_summed_by_instrument_and_method() -> None:
    day = date(2025, 1, 3)
    at = datetime(2025, 1, 3, 12, tzinfo=UTC)
    late = datetime(2025, 1, 9, tzinfo=UTC)
    rows = [
        (1, day, "lexicon", 0.5, "positive", "x", at),
        (1, day, "lexicon", -0.1, "neutral", "x", at),
        (1, day, "vendor", -1.0, "negative", "y", late),
        (2, day, "lexicon", 0.0, "neutral", "z", at),
    ]
    assert list(sum_by_day(rows)) == [
        (1, day, "lexicon", 2, 1, 0.2, 1, 0, datetime(2025, 1, 4, tzinfo=UTC)),
        (1, day, "vendor", 1, 1, -1.0, 0, 1, late),
        (2, day, "lexicon", 1, 1, 0.0, 0, 0, datetime(2025, 1, 4, tzinfo=UTC)),
    ]
