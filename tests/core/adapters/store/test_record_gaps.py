"""The ledger of macro, news and events after whole ingest runs against loopback vendors: open, healed, explained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.bootstrap import Parts
from core.data.ingest_plan import IngestRequest
from core.data.record_gaps import RecordLook
from core.settings import Settings
from core.testing.clock import FixedClock
from core.testing.vendor_stand_ins import StandIns, serve, small_data

NOW = datetime(2024, 2, 14, 12, tzinfo=UTC)
WINDOW = (date(2024, 1, 2), date(2024, 2, 13))
BARS = ("market_data", "corporate_actions", "derived")
Query = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW, mode="live", step=timedelta(microseconds=1))


@pytest.fixture
def parts(database_dsn: str, tmp_path: Path, clock: FixedClock) -> Iterator[Parts]:
    made = Parts(Settings(home=tmp_path), database_dsn, wall=clock)
    yield made
    made.database.close()


@pytest.fixture
def query(parts: Parts) -> Query:
    def ask(statement: str, *values: object) -> list[tuple[Any, ...]]:
        with parts.database.transaction() as connection:
            return connection.execute(statement.encode(), values).fetchall()

    return ask


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIns]:
    with serve("polygon", "fred", data=small_data(), now=NOW) as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        yield made


def backfill(*vendors: str) -> IngestRequest:
    return IngestRequest(mode="backfill", start=WINDOW[0], end=WINDOW[1], vendors=vendors, skip_steps=BARS)


def every_day(first: date, last: date) -> list[date]:
    return [first + timedelta(days=step) for step in range((last - first).days + 1)]


COUNTS = "SELECT topic, source, state, count(*) FROM ops.record_gaps GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"


def test_news_that_failed_are_open_until_a_later_run_brings_them(
    parts: Parts, stand_ins: StandIns, query: Query, clock: FixedClock
) -> None:
    stand_ins["polygon"].fail("wrong_key", matching="news")
    parts.ingest.run(backfill("polygon"))
    days = query("SELECT day FROM ops.record_gaps WHERE state = 'open' AND reason = 'not_delivered' ORDER BY 1")
    assert [day for (day,) in days] == every_day(*WINDOW)
    assert [gap.topic for gap in parts.record_gaps.gaps(state="open", limit=2)] == ["news", "news"]
    # A week later, in a daily run: its own days do not reach back, the failed days are taken along.
    stand_ins["polygon"].heal()
    clock.moment = NOW + timedelta(days=7)
    stand_ins["polygon"].now = clock.moment
    daily = parts.ingest.run(IngestRequest(vendors=("polygon",), skip_steps=BARS))
    assert daily.report.state == "done"
    assert query("SELECT count(*) FROM news.articles WHERE source = 'polygon'")[0][0] > 0
    healed = query("SELECT day FROM ops.record_gaps WHERE state = 'healed' ORDER BY 1")
    # Every session had an article; the week after has none to give.
    assert {day for (day,) in healed} >= {day for day in every_day(*WINDOW) if day.weekday() < 5} - {date(2024, 1, 15)}
    assert parts.record_gaps.gaps(state="open") == []
    assert query("SELECT DISTINCT state FROM ops.record_gaps WHERE day > '2024-02-13'") == [("explained",)]


def test_a_complete_run_leaves_nothing_open_and_a_second_changes_nothing(
    parts: Parts, stand_ins: StandIns, query: Query
) -> None:
    request = backfill("polygon", "fred")
    assert parts.ingest.run(request).report.state == "done"
    assert query("SELECT count(*) FROM ops.record_gaps WHERE state = 'open'") == [(0,)]
    before = query("SELECT * FROM ops.record_gaps ORDER BY topic, source, item, day")
    assert parts.ingest.run(request).report.state == "done"
    assert query("SELECT * FROM ops.record_gaps ORDER BY topic, source, item, day") == before


def test_events_that_failed_are_open_and_healed_by_the_same_backfill(
    parts: Parts, stand_ins: StandIns, query: Query
) -> None:
    stand_ins["fred"].fail("server_error", matching="releases")
    assert parts.ingest.run(backfill("fred")).report.state == "partial"
    assert query(COUNTS) == [("events", "fred", "open", len(every_day(*WINDOW)))]
    stand_ins["fred"].heal()
    assert parts.ingest.run(backfill("fred")).report.state == "done"
    assert query(COUNTS) == [("events", "fred", "healed", len(every_day(*WINDOW)))]


def test_a_hole_in_a_macro_series_is_open_explained_or_healed(parts: Parts, query: Query) -> None:
    with parts.database.transaction() as connection:
        connection.execute(
            "INSERT INTO market_data.macro_series (series_id, name, unit, frequency, source, known_at)"
            " VALUES ('M', 'm', 'percent', 'monthly', 'universe', '1900-01-01'),"
            " ('Q', 'q', 'percent', 'quarterly', 'universe', '1900-01-01')"
        )
        for source, series, period in (
            ("fred", "M", "2023-08-01"), ("fred", "M", "2023-11-01"), ("file", "M", "2023-09-01"),
            ("fred", "Q", "2023-01-01"), ("fred", "Q", "2023-10-01"), ("fred", "Q", "2023-04-01"),
        ):  # fmt: skip
            connection.execute(
                "INSERT INTO market_data.macro_observations (series_id, period, source, vintage, value, known_at,"
                " known_at_method) VALUES (%s, %s, %s, 'v', 1, '2023-12-01', 'vintage')",
                (series, period, source),
            )
    look = RecordLook(asked={("macro", "fred"): [WINDOW]}, owed={}, until=WINDOW[1])
    parts.record_gaps.look(look)
    missing = "SELECT item, day, state, reason FROM ops.record_gaps ORDER BY 1, 2"
    assert query(missing) == [
        ("M", date(2023, 9, 1), "explained", "other_source"),
        ("M", date(2023, 10, 1), "open", "not_delivered"),
        ("Q", date(2023, 7, 1), "open", "not_delivered"),
    ]
    with parts.database.transaction() as connection:
        connection.execute(
            "INSERT INTO market_data.macro_observations (series_id, period, source, vintage, value, known_at,"
            " known_at_method) VALUES ('M', '2023-10-01', 'fred', 'v', 1, '2024-01-01', 'vintage')"
        )
    parts.record_gaps.look(look)
    assert query(missing)[1] == ("M", date(2023, 10, 1), "healed", "not_delivered")


def test_a_run_for_some_symbols_says_nothing_of_the_others(parts: Parts, stand_ins: StandIns, query: Query) -> None:
    stand_ins["polygon"].fail("wrong_key", matching="news")
    request = IngestRequest(
        mode="backfill", start=WINDOW[0], end=WINDOW[1], vendors=("polygon",), skip_steps=BARS, symbols=("AAPL",)
    )
    assert parts.ingest.run(request).report.state == "partial"
    assert query(COUNTS) == []


def test_the_coverage_counts_both_ledgers_by_topic(parts: Parts, stand_ins: StandIns) -> None:
    stand_ins["polygon"].fail("wrong_key", matching="news")
    parts.ingest.run(IngestRequest(mode="backfill", start=WINDOW[0], end=WINDOW[1], vendors=("polygon",),
                                   skip_steps=("corporate_actions", "derived")))  # fmt: skip
    counts = {(entry.topic, entry.state): entry.gaps for entry in parts.desk.coverage.gap_counts()}
    assert counts["news", "open"] == len(every_day(*WINDOW))
    assert all(topic in ("bars", "news") for topic, _ in counts)
