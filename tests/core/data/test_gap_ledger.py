"""Which sessions a series should have and has not, and why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.bootstrap import Parts
from core.data.calendar import Days, sessions_between
from core.data.gap_ledger import SeriesDays, SeriesKey, expected_sessions, find_gaps
from core.data.samples import seed_universe
from core.domain.market_records import Calendar
from core.ports.vendor import BarColumns
from core.settings import Settings

KEY = SeriesKey(instrument_id=1, source="vendor", price_basis="raw")
START, END = date(2020, 1, 1), date(2020, 12, 31)
YEAR = sessions_between("XNYS", START, END)


def days(*texts: str) -> Days:
    return np.array(texts, dtype="datetime64[D]")


def series(sessions: Days, calendar: Calendar = "XNYS", **changes: Any) -> SeriesDays:
    made: dict[str, Any] = {
        "key": KEY,
        "calendar": calendar,
        "first": sessions[0].item(),
        "last": sessions[-1].item(),
        "sessions": sessions,
    }
    return SeriesDays(**{**made, **changes})


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.sets(st.integers(1, len(YEAR) - 2), max_size=30))
def test_exactly_the_removed_sessions_are_gaps(removed: set[int]) -> None:
    kept = np.delete(YEAR, sorted(removed))
    found = find_gaps(series(kept), START, END)
    assert [gap.session for gap in found] == [YEAR[place].item() for place in sorted(removed)]
    assert {gap.state for gap in found} <= {"open"}


def test_holidays_half_days_and_ad_hoc_closures_are_no_gaps() -> None:
    """2012: Hurricane Sandy closed 29 and 30 October; 2018-12-05 a day of mourning; 2001-09-11 to 14."""
    for year in (2001, 2012, 2018, 2024):
        whole = sessions_between("XNYS", date(year, 1, 1), date(year, 12, 31))
        assert find_gaps(series(whole), date(year, 1, 1), date(year, 12, 31)) == []
    closed = days("2012-10-29", "2012-10-30", "2018-12-05", "2001-09-11", "2001-09-12", "2001-09-13", "2001-09-14")
    every = np.concatenate(
        [sessions_between("XNYS", date(year, 1, 1), date(year, 12, 31)) for year in (2001, 2012, 2018)]
    )
    assert not np.isin(closed, every).any()
    half_day = days("2024-11-29")
    assert np.isin(half_day, sessions_between("XNYS", date(2024, 11, 1), date(2024, 11, 30))).all()


def test_crypto_has_no_weekend_and_currencies_no_saturday() -> None:
    week = np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-01-15"))
    assert find_gaps(series(week, "24x7"), START, date(2024, 12, 31)) == []
    weekdays = week[np.is_busday(week)]
    assert len(find_gaps(series(weekdays, "24x7"), START, date(2024, 12, 31))) == 2
    assert find_gaps(series(weekdays, "24x5"), START, date(2024, 12, 31)) == []


@pytest.mark.parametrize(
    ("changes", "reason", "state"),
    [
        ({}, "not_delivered", "open"),
        ({"asked": ((START, END),)}, "vendor_has_none", "explained"),
        ({"asked": ((START, END),), "held": days("2020-03-02")}, "held_back", "open"),
        ({"asked": ((START, END),), "elsewhere": days("2020-02-28", "2020-03-03")}, "halted", "explained"),
        ({"asked": ((START, END),), "elsewhere": days("2020-03-02")}, "vendor_has_none", "explained"),
        ({"asked": ((START, END),), "listed": date(2020, 3, 3)}, "not_listed", "explained"),
        ({"asked": ((START, END),), "delisted": date(2020, 2, 28)}, "delisted", "explained"),
        ({"asked": ((START, date(2020, 2, 1)),)}, "not_delivered", "open"),
    ],
)
def test_a_gap_says_why(changes: dict[str, Any], reason: str, state: str) -> None:
    kept = YEAR[np.datetime64("2020-03-02") != YEAR]
    (gap,) = find_gaps(series(kept, **changes), START, END)
    assert (gap.session, gap.reason, gap.state) == (date(2020, 3, 2), reason, state)


def test_of_a_source_that_was_asked_the_days_before_and_after_its_bars_are_expected_too() -> None:
    stored = YEAR[10:-10]
    asked = series(stored, asked=((START, END),))
    assert len(expected_sessions(asked, START, END)) == len(YEAR)
    found = find_gaps(asked, START, END)
    assert [gap.reason for gap in found] == ["not_listed"] * 10 + ["vendor_has_none"] * 10
    assert find_gaps(series(stored), START, END) == []


# The ledger on a real database -------------------------------------------------------------------------------------
@pytest.fixture
def parts(database_dsn: str, tmp_path: Path) -> Iterator[Parts]:
    made = Parts(Settings(home=tmp_path), database_dsn)
    yield made
    made.database.close()


def store(parts: Parts, sessions: Days, source: str) -> None:
    close = 100 + np.arange(len(sessions)) * 0.01
    columns = BarColumns(
        source=source, price_basis="raw", symbols=("AAPL",), symbol_code=np.zeros(len(close), dtype=np.int32),
        session=sessions, open=close, high=close, low=close, close=close, volume=np.arange(1.0, len(close) + 1),
        line=np.arange(len(close), dtype=np.int64),
    )  # fmt: skip
    pipeline = parts.open_ingest(mode="test", arguments={}, history_import=True)
    seed_universe(pipeline)
    pipeline.store_bars(columns)
    pipeline.finish()


def test_the_ledger_finds_explains_and_heals_and_a_second_look_changes_nothing(parts: Parts) -> None:
    missing = YEAR[[50, 60]]
    store(parts, YEAR[~np.isin(YEAR, missing)], "vendor")
    store(parts, YEAR[~np.isin(YEAR, YEAR[[60]])], "other")
    asked = {"vendor": ((START, END),)}
    (coverage,) = parts.gaps.look(asked, START, END)
    assert (coverage.expected, coverage.stored, coverage.explained, coverage.open) == (253, 251, 2, 0)
    assert coverage.share == 1.0
    states = {gap.session: (gap.state, gap.reason) for gap in parts.gaps.gaps()}
    # Another source has the first; nobody has the second.
    assert states == {
        YEAR[50].item(): ("explained", "vendor_has_none"),
        YEAR[60].item(): ("explained", "halted"),
    }
    query = "SELECT session, state, found_at, settled_at FROM ops.gaps ORDER BY 1"
    with parts.database.transaction() as connection:
        before = connection.execute(query).fetchall()
    parts.gaps.look(asked, START, END)
    with parts.database.transaction() as connection:
        assert connection.execute(query).fetchall() == before
    store(parts, YEAR[[50]], "vendor")
    (coverage,) = parts.gaps.look(asked, START, END)
    assert (coverage.stored, coverage.explained) == (252, 1)
    assert {gap.session: gap.state for gap in parts.gaps.gaps()}[YEAR[50].item()] == "healed"


def test_the_sessions_of_today_and_later_are_not_expected(parts: Parts) -> None:
    from core.adapters.store.gap_ledger import PostgresGaps

    class Noon:
        mode = "live"

        def now(self) -> datetime:
            return datetime(2020, 6, 10, 16, tzinfo=UTC)

        wall = now

    store(parts, YEAR[np.datetime64("2020-06-10") > YEAR], "vendor")
    ledger = PostgresGaps(parts.database, Noon())  # type: ignore[arg-type]
    (coverage,) = ledger.look({"vendor": ((START, END),)}, START, END)
    assert coverage.expected == coverage.stored == (np.datetime64("2020-06-10") > YEAR).sum()


def test_a_look_at_a_few_days_reads_their_partition_by_index_and_nothing_else(parts: Parts) -> None:
    from core.adapters.store.gap_ledger import SESSIONS

    store(parts, YEAR, "vendor")
    with parts.database.transaction() as connection:
        connection.execute("SET LOCAL enable_seqscan = off")
        plan = connection.execute(
            f"EXPLAIN {SESSIONS}".encode(),
            {"ids": [2001], "start": date(2020, 12, 29), "end": date(2020, 12, 31)},
        ).fetchall()
    text = "\n".join(str(row[0]) for row in plan)
    assert "bars_daily_2020" in text
    assert "Seq Scan" not in text
    assert "bars_daily_2019" not in text and "bars_daily_2021" not in text
