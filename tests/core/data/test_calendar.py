"""Sessions and closing times follow published exchange calendars."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.calendar import (
    are_sessions,
    close_of,
    closes_of,
    last_closed_session,
    sessions_between,
    shift_session,
)
from core.errors import InvalidInput


@pytest.mark.parametrize(
    ("session", "close"),
    [
        (date(2022, 11, 23), datetime(2022, 11, 23, 21, tzinfo=UTC)),  # winter: 16:00 is UTC-5
        (date(2022, 7, 5), datetime(2022, 7, 5, 20, tzinfo=UTC)),  # summer: UTC-4
        (date(2022, 11, 25), datetime(2022, 11, 25, 18, tzinfo=UTC)),  # day after Thanksgiving closes at 13:00
        (date(2001, 9, 17), datetime(2001, 9, 17, 20, tzinfo=UTC)),  # reopening after the attacks
    ],
)
def test_new_york_closes_as_published(session: date, close: datetime) -> None:
    assert close_of(session, "XNYS") == close


@pytest.mark.parametrize("day", [date(2023, 11, 23), date(2001, 9, 11), date(2012, 10, 29), date(2023, 10, 21)])
def test_no_session_on_thanksgiving_closures_and_weekends(day: date) -> None:
    assert not are_sessions("XNYS", np.array([day], dtype="datetime64[D]"))[0]
    with pytest.raises(InvalidInput, match="not a session"):
        close_of(day, "XNYS")


def test_years_have_their_published_number_of_sessions() -> None:
    # NYSE trading days: 2001 had four days of closure, 2012 two for the hurricane.
    expected = {2001: 248, 2008: 253, 2012: 250, 2020: 253, 2022: 251, 2023: 250}
    found = {year: len(sessions_between("XNYS", date(year, 1, 1), date(year, 12, 31))) for year in expected}
    assert found == expected


def test_crypto_trades_every_day_and_ends_at_midnight() -> None:
    assert len(sessions_between("24x7", date(2024, 1, 1), date(2024, 12, 31))) == 366
    assert close_of(date(2024, 2, 29), "24x7") == datetime(2024, 3, 1, tzinfo=UTC)


def test_currencies_trade_monday_to_friday() -> None:
    week = np.arange("2024-03-04", "2024-03-11", dtype="datetime64[D]")
    assert are_sessions("24x5", week).tolist() == [True] * 5 + [False] * 2


def test_the_last_closed_session_changes_at_the_close() -> None:
    assert last_closed_session(datetime(2023, 10, 18, 19, 59, tzinfo=UTC), "XNYS") == date(2023, 10, 17)
    assert last_closed_session(datetime(2023, 10, 18, 20, 0, tzinfo=UTC), "XNYS") == date(2023, 10, 18)
    assert last_closed_session(datetime(2023, 10, 22, 12, 0, tzinfo=UTC), "XNYS") == date(2023, 10, 20)


def test_an_unreadable_day_is_no_session() -> None:
    assert not are_sessions("XNYS", np.array(["NaT"], dtype="datetime64[D]"))[0]


@given(st.dates(date(1980, 1, 1), date(2035, 1, 1)), st.integers(-300, 300))
def test_shifting_there_and_back_returns(day: date, count: int) -> None:
    start = shift_session(day, 0, "XNYS")
    assert shift_session(shift_session(start, count, "XNYS"), -count, "XNYS") == start


def test_shifting_out_of_the_calendar_says_so() -> None:
    with pytest.raises(InvalidInput, match="outside"):
        shift_session(date(2040, 12, 1), 500, "XNYS")


def test_the_vector_and_the_single_form_agree() -> None:
    days = sessions_between("XNYS", date(2020, 1, 1), date(2020, 12, 31))
    closes = closes_of("XNYS", days)
    assert [moment.item().replace(tzinfo=UTC) for moment in closes] == [close_of(day.item(), "XNYS") for day in days]
