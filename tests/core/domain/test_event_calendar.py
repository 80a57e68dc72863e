"""What an event calendar knows at each date."""

import numpy as np
import pytest

from core.domain.event_calendar import EventCalendar


def days(*texts):
    return np.array(texts, dtype="datetime64[D]")


@pytest.fixture
def calendar():
    return EventCalendar(
        name=np.array(["CPI", "FOMC", "CPI", "EARNINGS", "EARNINGS"]),
        asset=np.array([-1, -1, -1, 0, 1]),
        day=days("2024-03-12", "2024-03-20", "2024-02-13", "2024-04-25", "2024-04-26"),
        scheduled=days("2023-12-13", "2023-12-21", "2023-11-15", "2024-04-11", "2024-04-12"),
        known=days("2024-03-12", "2024-03-20", "2024-02-13", "2024-04-26", "NaT"),
        surprise=np.array([0.25, np.nan, 0.5, -0.1, np.nan]),
    )


def test_an_empty_calendar_has_no_names_and_no_events():
    empty = EventCalendar.none()
    assert empty.names == ()
    assert len(empty.of("CPI", 0).day) == 0
    assert len(empty.until(np.datetime64("2024-01-01")).day) == 0


def test_names_are_listed_once(calendar):
    assert calendar.names == ("CPI", "EARNINGS", "FOMC")


def test_events_of_a_name_come_by_date(calendar):
    found = calendar.of("cpi", 0)
    assert found.day.tolist() == days("2024-02-13", "2024-03-12").tolist()
    assert found.surprise.tolist() == [0.5, 0.25]


@pytest.mark.parametrize(
    ("asset", "expected"),
    [
        (0, ["2024-04-25"]),
        (1, ["2024-04-26"]),
        (2, []),
    ],
)
def test_earnings_belong_to_their_asset(calendar, asset, expected):
    assert calendar.of("EARNINGS", asset).day.tolist() == days(*expected).tolist()


@pytest.mark.parametrize("asset", [0, 1, 7])
def test_releases_concern_every_asset(calendar, asset):
    assert len(calendar.of("FOMC", asset).day) == 1


@pytest.mark.parametrize(
    ("last", "dates", "told"),
    [
        ("2023-11-14", 0, 0),
        ("2023-11-15", 1, 0),
        ("2023-12-20", 2, 0),
        ("2023-12-21", 3, 0),
        ("2024-02-12", 3, 0),
        ("2024-02-13", 3, 1),
        ("2024-03-12", 3, 2),
        ("2024-04-11", 4, 3),
        ("2024-04-25", 5, 3),
        ("2024-04-26", 5, 4),
        ("2030-01-01", 5, 4),
    ],
)
def test_dates_and_outcomes_appear_when_they_become_known(calendar, last, dates, told):
    found = calendar.until(np.datetime64(last))
    assert len(found.day) == dates
    assert (~np.isnat(found.known)).sum() == told


def test_an_outcome_that_is_not_known_yet_is_hidden(calendar):
    before = calendar.until(np.datetime64("2024-03-11")).of("CPI", 0)
    assert before.day.tolist() == days("2024-02-13", "2024-03-12").tolist()
    assert before.surprise[0] == 0.5
    assert np.isnan(before.surprise[1])
    assert np.isnat(before.known[1])


def test_cutting_twice_is_cutting_at_the_earlier_date(calendar):
    early, late = np.datetime64("2024-03-01"), np.datetime64("2024-04-20")
    one = calendar.until(late).until(early)
    other = calendar.until(early)
    np.testing.assert_array_equal(one.day, other.day)
    np.testing.assert_array_equal(one.surprise, other.surprise)
    np.testing.assert_array_equal(np.isnat(one.known), np.isnat(other.known))


def test_rows_are_taken_by_mask_or_by_position(calendar):
    assert calendar.take(np.array([1])).names == ("FOMC",)
    assert calendar.take(calendar.asset == 1).day.tolist() == days("2024-04-26").tolist()
