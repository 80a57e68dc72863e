"""Event calendars out of a real store: names, what was known when, surprises."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest

from core.adapters.store.database import Database
from core.adapters.store.event_calendar import PostgresEvents
from core.domain.as_of import AsOf

NOW = AsOf(known=datetime(2024, 6, 1, tzinfo=UTC))
_ECONOMIC = """
INSERT INTO events.economic (event_id, event_date, country, name, category, importance, actual, forecast, previous,
    details, source, known_at, actual_known_at)
VALUES (%s, %s, %s, %s, '', 'high', %s, %s, %s, '{}', 'test', %s, %s)
"""


_SECURITY = """
INSERT INTO events.security (event_id, instrument_id, event, event_date, eps_estimate, eps_actual, details, source,
    known_at, actual_known_at)
VALUES (%s, %s, %s, %s, %s, %s, '{}', 'test', %s, %s)
"""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


ROWS = [
    ("e1", date(2024, 3, 12), "US", "CPI m/m", 0.4, 0.3, 0.3, at("2024-01-02"), at("2024-03-12T12:30")),
    ("e2", date(2024, 3, 12), "US", "Core CPI m/m", 0.9, 0.3, 0.4, at("2024-01-02"), at("2024-03-12T12:30")),
    ("e3", date(2024, 4, 10), "US", "CPI m/m", 0.2, 0.4, 0.4, at("2023-01-02"), at("2024-04-10T21:00")),
    ("e4", date(2024, 5, 15), "US", "CPI m/m", 0.3, None, 0.3, at("2024-05-14"), at("2024-05-15T12:30")),
    ("e5", date(2024, 3, 12), "IT", "CPI m/m", 5.0, 0.3, 0.3, at("2024-01-02"), at("2024-03-12T12:30")),
    ("e6", date(2024, 3, 20), "US", "FOMC Statement", None, None, None, at("2024-01-02"), None),
    ("e7", date(2024, 3, 20), "US", "Federal Funds Rate", 5.5, 5.5, 5.5, at("2024-01-02"), at("2024-03-20T18:00")),
    ("e8", date(2024, 3, 22), "US", "FOMC Member Barr Speaks", None, None, None, at("2024-01-02"), None),
    ("e9", date(2024, 4, 5), "US", "Nonfarm Payrolls", 303.0, 212.0, 270.0, at("2024-01-02"), at("2024-04-05T12:30")),
    ("e10", date(2024, 7, 5), "US", "Nonfarm Payrolls", None, 190.0, 270.0, at("2024-01-02"), at("2024-07-05T12:30")),
    ("e11", date(2024, 8, 14), "US", "CPI m/m", None, 0.2, 0.1, at("2024-06-20"), None),
]


EARNINGS = [
    ("s1", 7, "earnings", date(2024, 2, 1), 2.0, 2.2, at("2023-01-01"), at("2024-02-01T21:30")),
    ("s2", 7, "earnings", date(2024, 5, 2), 1.5, 1.2, at("2024-04-28"), at("2024-05-02T12:00")),
    ("s3", 9, "earnings", date(2024, 4, 25), None, 0.7, at("2024-01-01"), at("2024-04-25T12:00")),
    ("s4", 9, "earnings", date(2024, 7, 25), -0.5, None, at("2024-01-01"), None),
    ("s5", 9, "dividend", date(2024, 3, 1), None, None, at("2024-01-01"), None),
    ("s6", 8, "earnings", date(2024, 3, 1), 1.0, 1.0, at("2024-01-01"), at("2024-03-01T12:00")),
]


@pytest.fixture
def events(database_dsn):
    database = Database(database_dsn)
    with database.transaction() as connection, connection.cursor() as cursor:
        cursor.executemany(_ECONOMIC.encode(), ROWS)
        cursor.executemany(_SECURITY.encode(), EARNINGS)
    yield PostgresEvents(database)
    database.close()


def test_one_release_a_day_of_the_country_the_plain_one(events):
    found = events.calendar(["cpi"], [], as_of=NOW)
    assert found.names == ("CPI",)
    assert [str(day) for day in found.day] == ["2024-03-12", "2024-04-10", "2024-05-15"]
    assert (found.asset == -1).all()


def test_surprises_are_relative_and_unknown_without_a_forecast(events):
    found = events.calendar(["CPI"], [], as_of=NOW)
    assert found.surprise[0] == pytest.approx((0.4 - 0.3) / 0.3)
    assert found.surprise[1] == pytest.approx((0.2 - 0.4) / 0.4)
    assert np.isnan(found.surprise[2])


def test_what_came_after_the_close_counts_from_the_next_day(events):
    found = events.calendar(["CPI"], [], as_of=NOW)
    assert [str(day) for day in found.known] == ["2024-03-12", "2024-04-11", "2024-05-15"]


def test_a_schedule_counts_from_when_it_was_known_and_not_earlier_than_usual(events):
    found = events.calendar(["CPI"], [], as_of=NOW)
    # Known on 2 January; stored since 2023, but announced at most 90 days ahead; known the day before.
    assert [str(day) for day in found.scheduled] == ["2024-01-02", "2024-01-11", "2024-05-14"]


def test_the_fomc_is_its_decisions_not_its_speeches(events):
    found = events.calendar(["FOMC"], [], as_of=NOW)
    assert [str(day) for day in found.day] == ["2024-03-20"]


def test_payrolls_have_a_short_name(events):
    found = events.calendar(["NFP"], [], as_of=NOW)
    assert [str(day) for day in found.day] == ["2024-04-05", "2024-07-05"]
    assert found.surprise[0] == pytest.approx((303 - 212) / 270)
    assert np.isnat(found.known[1])


def test_what_was_not_known_yet_is_not_there(events):
    early = events.calendar(["CPI"], [], as_of=AsOf(known=at("2024-03-12T10:00")))
    assert [str(day) for day in early.day] == ["2024-03-12", "2024-04-10"]
    assert np.isnat(early.known).all()
    assert np.isnan(early.surprise).all()


def test_several_names_come_together(events):
    found = events.calendar(["CPI", "FOMC", "NFP"], [], as_of=NOW)
    assert found.names == ("CPI", "FOMC", "NFP")
    assert len(found.day) == 6


@pytest.mark.parametrize("name", ["nothing", "CP", "PI", "100%", "a.b", "("])
def test_other_names_find_nothing_and_do_no_harm(events, name):
    assert events.calendar([name], [], as_of=NOW).names == ()


def test_earnings_belong_to_the_position_of_their_instrument(events):
    found = events.calendar(["EARNINGS"], [9, 7], as_of=NOW)
    assert found.names == ("EARNINGS",)
    assert [str(day) for day in found.of("EARNINGS", 1).day] == ["2024-02-01", "2024-05-02"]
    assert [str(day) for day in found.of("EARNINGS", 0).day] == ["2024-04-25", "2024-07-25"]


def test_earnings_surprise_by_their_estimate(events):
    found = events.calendar(["EARNINGS"], [7], as_of=NOW).of("EARNINGS", 0)
    assert found.surprise.tolist() == pytest.approx([0.1, -0.2])
    # After the close: acted on the next day. Announced two weeks ahead, or stored later.
    assert [str(day) for day in found.known] == ["2024-02-02", "2024-05-02"]
    assert [str(day) for day in found.scheduled] == ["2024-01-18", "2024-04-28"]


def test_earnings_without_an_estimate_have_no_surprise(events):
    found = events.calendar(["EARNINGS"], [9], as_of=NOW).of("EARNINGS", 0)
    assert np.isnan(found.surprise).all()
    assert np.isnat(found.known[1])


def test_earnings_without_instruments_are_nothing(events):
    assert events.calendar(["EARNINGS"], [], as_of=NOW).names == ()


def test_a_calendar_of_the_past_is_that_of_the_past(events):
    early = events.calendar(["EARNINGS"], [7], as_of=AsOf(known=at("2024-03-01")))
    assert [str(day) for day in early.day] == ["2024-02-01"]
