"""The map of sessions: what is expected by the exchange's calendar against what is stored, from any source."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.web.pages.calendar_map import DayCoverage, calendar_html, days_of, ended_before, year_before
from core.data.coverage import SeriesCoverage

NOW = datetime(2022, 11, 29, 21, 0, tzinfo=UTC)
START = date(2021, 11, 29)
# The exchange's full-day holidays in these twelve months, as published by the NYSE.
HOLIDAYS = {"2021-12-24", "2022-01-17", "2022-02-21", "2022-04-15", "2022-05-30", "2022-06-20", "2022-07-04"}
HOLIDAYS |= {"2022-09-05", "2022-11-24"}


def series(symbol: str, **changes: Any) -> SeriesCoverage:
    values: dict[str, Any] = {
        "instrument_id": sum(symbol.encode()),
        "symbol": symbol,
        "asset_class": "equity",
        "calendar": "XNYS",
        "source": "samples",
        "price_basis": "raw",
        "stored": 1,
        "expected": 1,
        "first": date(2015, 1, 2),
        "last": date(2022, 11, 29),
        "behind": 0,
    }
    return SeriesCoverage(**{**values, **changes})


def by_day(days: list[DayCoverage]) -> dict[str, tuple[int, int]]:
    return {entry.day.isoformat(): (entry.stored, entry.expected) for entry in days}


def test_the_sessions_are_those_of_the_exchange():
    days = by_day(days_of([series("AAPL")], {}, START, NOW))
    workdays = {START + timedelta(days=number) for number in range((NOW.date() - START).days + 1)}
    expected = {day.isoformat() for day in workdays if day.weekday() < 5} - HOLIDAYS
    assert set(days) == expected
    assert set(days.values()) == {(1, 1)}


def test_a_session_that_has_not_closed_is_not_expected_yet():
    days = by_day(days_of([series("AAPL")], {}, START, datetime(2022, 11, 29, 20, 59, tzinfo=UTC)))
    assert "2022-11-28" in days and "2022-11-29" not in days


def test_a_gap_counts_on_its_day_only():
    short = series("GE")
    days = by_day(days_of([series("AAPL"), short], {short: [date(2022, 6, 1)]}, START, NOW))
    assert days["2022-06-01"] == (1, 2)
    assert days["2022-05-31"] == days["2022-06-02"] == (2, 2)


def test_another_source_fills_a_gap():
    short, whole = series("GE"), series("GE", source="other")
    days = by_day(days_of([short, whole], {short: [date(2022, 6, 1)]}, START, NOW))
    assert days["2022-06-01"] == (1, 1)


def test_a_name_is_expected_after_its_last_bar_and_not_before_its_first():
    late = series("AAPL", last=date(2022, 11, 23))
    young = series("NEW", first=date(2022, 11, 28))
    days = by_day(days_of([late, young], {}, START, NOW))
    assert days["2022-11-23"] == (1, 1)
    assert days["2022-11-25"] == (0, 1)
    assert days["2022-11-28"] == days["2022-11-29"] == (1, 2)


def test_a_name_that_ended_before_is_left_out_and_named():
    gone = series("META", last=date(2013, 3, 1))
    kept = [series("AAPL", last=date(2013, 3, 1)), series("AAPL", source="other")]
    assert ended_before([gone, *kept], START) == ["META"]
    assert set(by_day(days_of([gone, *kept], {}, START, NOW)).values()) == {(1, 1)}


def test_crypto_trades_on_weekends():
    coin = series("BTC", calendar="24x7", asset_class="crypto")
    days = days_of([coin], {}, START, datetime(2022, 11, 29, 0, 0, tzinfo=UTC))
    assert len(days) == 365
    assert {entry.day.weekday() for entry in days} == set(range(7))


def test_nothing_stored_gives_no_days():
    assert days_of([], {}, START, NOW) == []


@pytest.mark.parametrize(
    ("moment", "start"),
    [
        (datetime(2022, 11, 29, 21, tzinfo=UTC), date(2021, 11, 29)),
        (datetime(2022, 11, 28, 0, tzinfo=UTC), date(2021, 11, 29)),
        (datetime(2024, 2, 29, 12, tzinfo=UTC), date(2023, 2, 27)),
        (datetime(2023, 1, 1, 12, tzinfo=UTC), date(2021, 12, 27)),
    ],
)
def test_the_map_begins_on_a_monday_a_year_before(moment, start):
    assert year_before(moment) == start
    assert start.weekday() == 0


def cells(page: str) -> list[str]:
    return re.findall(r"<span[^>]*></span>", page.partition('class="cells"')[2])


def test_each_day_has_its_cell_in_its_week_and_row():
    page = calendar_html([DayCoverage(day=date(2021, 12, 8), expected=4, stored=3)], START)
    found = cells(page)
    assert len(found) == 10  # two weeks of workdays
    assert [number for number, cell in enumerate(found) if "title" in cell] == [7]  # second week, Wednesday
    assert 'title="2021-12-08: 3 of 4"' in found[7] and "--share: 0.75" in found[7]
    assert "--weeks: 2; --rows: 5" in page


@pytest.mark.parametrize(("stored", "level"), [(4, "full"), (3, "part"), (1, "part"), (0, "none")])
def test_the_colour_says_how_complete_a_day_is(stored, level):
    page = calendar_html([DayCoverage(day=START, expected=4, stored=stored)], START)
    assert f'<span class="{level}"' in page


def test_weekends_get_rows_only_when_something_trades_on_them():
    assert "--rows: 7" in calendar_html([DayCoverage(day=date(2021, 12, 4), expected=1, stored=1)], START)


def test_the_map_is_said_in_words_too():
    days = days_of([series("AAPL"), series("GE")], {}, START, NOW)
    page = calendar_html(days, START)
    assert "506 of 506 expected bars are stored" in page
    assert "No day is incomplete." in page
    assert 'role="img"' in page and "from 2021-11-29 to 2022-11-29" in page


def test_incomplete_days_are_listed_newest_last_and_at_most_six():
    days = [DayCoverage(day=date(2022, 3, day), expected=2, stored=1) for day in (1, 2, 3, 4, 7, 8, 9)]
    page = calendar_html(days, START)
    assert "newest last, of 7: 2022-03-02: 1 of 2;" in page
    assert "2022-03-09: 1 of 2." in page
    assert "2022-03-01: 1 of 2" not in page.partition("Incomplete")[2]


def test_months_stand_above_the_week_they_begin_in():
    page = calendar_html(days_of([series("AAPL")], {}, START, NOW), START)
    placed = re.findall(r'grid-column: (\d+)">(\w{3})', page)
    assert [name for _, name in placed] == [
        "Dec", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
    ]  # fmt: skip
    for column, name in placed:
        monday = START + timedelta(weeks=int(column) - 1)
        assert f"{monday:%b}" == name and monday.day <= 7


def test_an_empty_map_is_drawn():
    assert "0 of 0 expected bars are stored" in calendar_html([], START)
