"""Who was in a group on a day: the Dow Jones Industrial Average as its provider changed it, in file, store, views."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.planner.universe import build_universe
from core.adapters.store.database import Database
from core.adapters.store.instruments import PostgresInstruments
from core.data.universe import FIRST_DAY, memberships, universe
from core.domain.as_of import AsOf
from core.testing.dated_universe import instruments_on

DOW = "dow_30"
# (first day of the new members, those who came, those who went), of instruments that the desk knows.
# Source: announcements of S&P Dow Jones Indices.
CHANGES = (
    (date(2013, 9, 23), {"GS", "NKE", "V"}, {"AA", "BAC"}),
    (date(2015, 3, 19), {"AAPL"}, {"T"}),
    (date(2018, 6, 26), set(), {"GE"}),
    (date(2020, 8, 31), {"AMGN", "CRM", "HON"}, {"PFE", "RTX", "XOM"}),
    (date(2024, 2, 26), {"AMZN"}, set()),
    (date(2024, 11, 8), {"NVDA", "SHW"}, {"INTC"}),
)
SINCE_NOVEMBER_2024 = (
    "AAPL AMGN AMZN AXP BA CAT CRM CSCO CVX DIS GS HD HON IBM JNJ JPM KO MCD MMM MRK MSFT NKE NVDA PG SHW TRV UNH V VZ"
    " WMT"
)
DAYS = st.dates(min_value=date(2000, 1, 1), max_value=date(2026, 12, 31))
SYMBOLS = {entry.instrument_id: entry.symbol for entry in universe()}


def listed(day: date) -> set[str]:
    """Return the members that the file names for a day."""
    return {
        SYMBOLS[entry.instrument_id]
        for entry in memberships()
        if entry.group_name == DOW and entry.valid_from <= day and (entry.valid_to is None or day <= entry.valid_to)
    }


@pytest.fixture(scope="module")
def store(sample_dsn: str) -> Iterator[Database]:
    database = Database(sample_dsn)
    yield database
    database.close()


def view_on(store: Database, day: date) -> dict[str, list[str]]:
    """Return what the as-of view says at noon of a day, by symbol."""
    with store.transaction(as_of=AsOf(known=datetime(day.year, day.month, day.day, 12, tzinfo=UTC))) as connection:
        return dict(connection.execute("SELECT symbol, groups FROM market_data.v_instruments").fetchall())


def test_the_list_of_today_is_the_thirty_since_november_2024() -> None:
    assert listed(date(2024, 11, 8)) == set(SINCE_NOVEMBER_2024.split())
    assert len(listed(date(2025, 6, 2))) == 30


@pytest.mark.parametrize(("day", "came", "went"), CHANGES)
def test_each_change_took_place_on_its_day(day: date, came: set[str], went: set[str]) -> None:
    before, after = listed(day - timedelta(days=1)), listed(day)
    assert (after - before, before - after) == (came, went)


def test_between_the_changes_nothing_changes() -> None:
    for (start, *_), (end, *_) in pairwise(CHANGES):
        assert listed(start) == listed(start + (end - start) / 2) == listed(end - timedelta(days=1))


def test_periods_of_one_member_do_not_overlap_and_are_known_when_they_begin() -> None:
    seen: dict[tuple[str, int], date] = {}
    for entry in sorted(memberships(), key=lambda entry: (entry.group_name, entry.instrument_id, entry.valid_from)):
        key = (entry.group_name, entry.instrument_id)
        assert key not in seen or seen[key] < entry.valid_from
        seen[key] = entry.valid_to or date.max
        assert entry.valid_from == FIRST_DAY or entry.known_at.date() == entry.valid_from
        assert entry.instrument_id in SYMBOLS


def test_a_group_is_dated_or_not_never_both() -> None:
    undated = {group for entry in universe() for group in entry.groups}
    assert not undated & {entry.group_name for entry in memberships()}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(day=DAYS)
def test_the_store_and_the_view_say_what_the_file_says_for_any_day(store: Database, day: date) -> None:
    expected = listed(day)
    instruments = PostgresInstruments(store)
    assert {entry.symbol for entry in instruments.list(group=DOW, on=day)} == expected
    assert {symbol for symbol, groups in view_on(store, day).items() if DOW in groups} == expected


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(day=DAYS)
def test_groups_without_dates_are_the_same_on_every_day(store: Database, day: date) -> None:
    undated = {entry.symbol: set(entry.groups) for entry in universe()}
    found = {entry.symbol: set(entry.groups) - {DOW} for entry in PostgresInstruments(store).list(on=day)}
    shown = {symbol: set(groups) - {DOW} for symbol, groups in view_on(store, day).items()}
    for symbol, groups in undated.items():
        assert found[symbol] == shown[symbol] == groups


def test_without_a_day_the_desks_day_decides(store: Database) -> None:
    with store.transaction() as connection:
        row = connection.execute("SELECT (market_data.as_of() AT TIME ZONE 'UTC')::date").fetchone()
    assert row is not None
    assert {entry.symbol for entry in PostgresInstruments(store).list(group=DOW)} == listed(row[0])


def test_a_membership_and_a_class_are_asked_for_together(store: Database) -> None:
    found = PostgresInstruments(store).list(group=DOW, asset_class="etf", on=date(2024, 1, 2))
    assert found == ()
    stocks = PostgresInstruments(store).list(group=DOW, asset_class="equity", on=date(2024, 1, 2))
    assert {entry.symbol for entry in stocks} == listed(date(2024, 1, 2))
    assert [entry.symbol for entry in stocks] == sorted(entry.symbol for entry in stocks)


def test_the_planners_groups_follow_the_day(store: Database) -> None:
    instruments = PostgresInstruments(store)
    for day in (date(2013, 9, 20), date(2014, 1, 2), date(2024, 11, 8)):
        names = build_universe(instruments.list(on=day))
        assert names.groups["dow 30"] == DOW
        assert set(names.members[DOW]) == listed(day)
        # Without a store the same instruments are in the same groups.
        stored = {one.symbol: set(one.groups) for one in instruments.list(on=day)}
        assert {one.symbol: set(one.groups) for one in instruments_on(day)} == stored


def test_a_membership_that_is_recorded_later_is_not_in_a_replay(store: Database) -> None:
    when = AsOf(known=datetime(2024, 11, 9, tzinfo=UTC), recorded=datetime(2001, 1, 1, tzinfo=UTC))
    with store.transaction(as_of=when) as connection:
        found = connection.execute("SELECT symbol FROM market_data.v_instruments WHERE 'dow_30' = ANY (groups)")
        assert found.fetchall() == []


def test_a_period_that_ends_before_it_begins_is_refused(database_dsn: str) -> None:
    with psycopg.connect(database_dsn) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(
            "INSERT INTO market_data.group_memberships (instrument_id, group_name, valid_from, valid_to, source,"
            " known_at) VALUES (1, 'x', '2024-01-02', '2024-01-01', 'test', '2024-01-02')"
        )
