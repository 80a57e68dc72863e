"""The exchange's calendar against schedules that the New York Stock Exchange published."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from core.data.calendar import are_sessions, close_of, closes_of, last_closed_session, sessions_between, shift_session
from core.errors import InvalidInput

NEW_YORK = ZoneInfo("America/New_York")

# NYSE Group holiday calendars.
HOLIDAYS = {
    2019: "01-01 01-21 02-18 04-19 05-27 07-04 09-02 11-28 12-25",
    2020: "01-01 01-20 02-17 04-10 05-25 07-03 09-07 11-26 12-25",
    2021: "01-01 01-18 02-15 04-02 05-31 07-05 09-06 11-25 12-24",
    2022: "01-17 02-21 04-15 05-30 06-20 07-04 09-05 11-24 12-26",
    2023: "01-02 01-16 02-20 04-07 05-29 06-19 07-04 09-04 11-23 12-25",
    2024: "01-01 01-15 02-19 03-29 05-27 06-19 07-04 09-02 11-28 12-25",
    2026: "01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25",
}
EARLY_CLOSES = {
    2019: "07-03 11-29 12-24",
    2020: "11-27 12-24",
    2021: "11-26",
    2022: "11-25",
    2023: "07-03 11-24",
    2024: "07-03 11-29 12-24",
    2026: "11-27 12-24",
}
# Closed for reasons that no rule foresees.
SPECIAL_CLOSURES = [
    "1963-11-25",  # funeral of President Kennedy
    "1985-09-27",  # hurricane Gloria
    "1994-04-27",  # funeral of President Nixon
    "2001-09-11",
    "2001-09-12",
    "2001-09-13",
    "2001-09-14",
    "2004-06-11",  # funeral of President Reagan
    "2007-01-02",  # funeral of President Ford
    "2012-10-29",  # hurricane Sandy
    "2012-10-30",
    "2018-12-05",  # funeral of President Bush
    "2025-01-09",  # funeral of President Carter
]


def dates(year: int, days: str) -> list[date]:
    return [date.fromisoformat(f"{year}-{day}") for day in days.split()]


@pytest.mark.parametrize("year", sorted(HOLIDAYS))
def test_weekdays_without_session_are_the_published_holidays(year: int) -> None:
    weekdays = np.arange(f"{year}-01-01", f"{year + 1}-01-01", dtype="datetime64[D]")
    weekdays = weekdays[np.is_busday(weekdays)]
    closed = weekdays[~are_sessions("XNYS", weekdays)]
    assert closed.tolist() == dates(year, HOLIDAYS[year])


@pytest.mark.parametrize("year", sorted(EARLY_CLOSES))
def test_sessions_end_at_four_or_on_the_published_days_at_one(year: int) -> None:
    early = set(dates(year, EARLY_CLOSES[year]))
    for day in sessions_between("XNYS", date(year, 1, 1), date(year, 12, 31)).tolist():
        expected = datetime.combine(day, time(13 if day in early else 16), NEW_YORK)
        assert close_of(day, "XNYS") == expected, day


@pytest.mark.parametrize("day", SPECIAL_CLOSURES)
def test_days_on_which_the_exchange_stayed_closed(day: str) -> None:
    assert not are_sessions("XNYS", np.array([day], dtype="datetime64[D]"))[0]
    with pytest.raises(InvalidInput, match="not a session"):
        close_of(date.fromisoformat(day), "XNYS")


@pytest.mark.parametrize(
    ("day", "hour"),
    [
        ("2023-03-10", 21),  # the last Friday of winter time
        ("2023-03-13", 20),
        ("2023-11-03", 20),  # the last Friday of summer time
        ("2023-11-06", 21),
        ("2006-04-03", 20),  # until 2006 summer began in April
        ("2006-03-31", 21),
        ("2006-10-30", 21),
        ("2007-03-12", 20),  # from 2007 on in March
        ("2007-11-05", 21),
    ],
)
def test_the_close_in_utc_moves_with_summer_time(day: str, hour: int) -> None:
    assert close_of(date.fromisoformat(day), "XNYS") == datetime.combine(date.fromisoformat(day), time(hour), UTC)


@pytest.mark.parametrize(
    ("moment", "session"),
    [
        ("2022-11-25T17:59:59", "2022-11-23"),  # Thanksgiving in between; the day after closes at 18:00 UTC
        ("2022-11-25T18:00:00", "2022-11-25"),
        ("2022-11-26T12:00:00", "2022-11-25"),
        ("2022-11-28T20:59:59", "2022-11-25"),
        ("2022-11-28T21:00:00", "2022-11-28"),
        ("2001-09-14T23:00:00", "2001-09-10"),
        ("2024-01-01T12:00:00", "2023-12-29"),
    ],
)
def test_the_newest_session_at_a_moment(moment: str, session: str) -> None:
    assert last_closed_session(datetime.fromisoformat(moment).replace(tzinfo=UTC), "XNYS") == date.fromisoformat(
        session
    )


def test_a_moment_in_another_zone_is_the_same_moment() -> None:
    assert last_closed_session(datetime(2022, 11, 28, 16, tzinfo=NEW_YORK), "XNYS") == date(2022, 11, 28)
    assert last_closed_session(datetime(2022, 11, 28, 15, 59, tzinfo=NEW_YORK), "XNYS") == date(2022, 11, 25)


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        ("2022-11-23", 1, "2022-11-25"),
        ("2022-11-25", -1, "2022-11-23"),
        ("2022-11-26", 0, "2022-11-25"),
        ("2022-11-26", 1, "2022-11-28"),
        ("2001-09-10", 1, "2001-09-17"),
        ("2022-12-28", -20, "2022-11-29"),
        ("2023-12-29", 1, "2024-01-02"),
    ],
)
def test_sessions_are_counted_over_holidays(day: str, count: int, expected: str) -> None:
    assert shift_session(date.fromisoformat(day), count, "XNYS") == date.fromisoformat(expected)


@pytest.mark.parametrize("calendar", ["24x7", "24x5"])
def test_markets_without_an_exchange_end_their_day_at_midnight_utc(calendar: str) -> None:
    days = sessions_between(calendar, date(2024, 2, 26), date(2024, 3, 3))  # type: ignore[arg-type]
    assert (closes_of(calendar, days) == (days + 1).astype("datetime64[us]")).all()  # type: ignore[arg-type]
    assert len(days) == (7 if calendar == "24x7" else 5)


@pytest.mark.parametrize(
    ("moment", "session"), [("2024-03-01T00:00:00", "2024-02-29"), ("2024-02-29T23:59:59", "2024-02-28")]
)
def test_a_crypto_day_is_over_when_the_next_begins(moment: str, session: str) -> None:
    assert last_closed_session(datetime.fromisoformat(moment).replace(tzinfo=UTC), "24x7") == date.fromisoformat(
        session
    )


def test_windows_include_both_ends_and_may_be_empty() -> None:
    assert sessions_between("XNYS", date(2024, 1, 2), date(2024, 1, 2)).tolist() == [date(2024, 1, 2)]
    assert len(sessions_between("XNYS", date(2024, 1, 6), date(2024, 1, 7))) == 0
    assert len(sessions_between("XNYS", date(2024, 1, 7), date(2024, 1, 2))) == 0


@pytest.mark.parametrize(
    ("year", "count"), [(1970, 254), (1987, 253), (1996, 254), (2001, 248), (2016, 252), (2020, 253), (2025, 250)]
)
def test_years_have_their_known_number_of_sessions(year: int, count: int) -> None:
    assert len(sessions_between("XNYS", date(year, 1, 1), date(year, 12, 31))) == count
