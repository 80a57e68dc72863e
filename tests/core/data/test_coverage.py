"""Counting sessions that should be there."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest

from core.data.coverage import SeriesCoverage, count_sessions, missing_sessions, sessions_behind
from core.domain.as_of import AsOf


@pytest.mark.parametrize(
    ("calendar", "first", "last", "count"),
    [
        ("XNYS", date(2024, 1, 1), date(2024, 1, 31), 21),
        ("24x7", date(2024, 1, 1), date(2024, 1, 31), 31),
        ("24x5", date(2024, 1, 1), date(2024, 1, 31), 23),
        ("XNYS", date(2024, 1, 6), date(2024, 1, 7), 0),
        ("XNYS", date(2024, 1, 2), date(2024, 1, 2), 1),
        ("24x7", date(2024, 1, 2), date(2024, 1, 1), 0),
    ],
)
def test_sessions_of_a_month(calendar: str, first: date, last: date, count: int) -> None:
    assert count_sessions(calendar, first, last) == count  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("calendar", "last", "known", "behind"),
    [
        ("XNYS", date(2024, 1, 5), datetime(2024, 1, 5, 21, tzinfo=UTC), 0),
        ("XNYS", date(2024, 1, 5), datetime(2024, 1, 8, 20, 59, tzinfo=UTC), 0),
        ("XNYS", date(2024, 1, 5), datetime(2024, 1, 8, 21, tzinfo=UTC), 1),
        ("XNYS", date(2023, 12, 29), datetime(2024, 1, 3, 12, tzinfo=UTC), 1),
        ("XNYS", date(2024, 1, 5), datetime(2023, 6, 1, tzinfo=UTC), 0),  # what is not known yet is not late
        ("24x7", date(2024, 1, 5), datetime(2024, 1, 8, tzinfo=UTC), 2),
        ("24x5", date(2024, 1, 5), datetime(2024, 1, 9, tzinfo=UTC), 1),
    ],
)
def test_a_series_falls_behind_at_each_close(calendar: str, last: date, known: datetime, behind: int) -> None:
    assert sessions_behind(calendar, last, AsOf(known=known)) == behind  # type: ignore[arg-type]


def test_missing_sessions_are_those_not_stored() -> None:
    stored = np.array(["2024-01-09", "2024-01-02", "2024-01-04"], dtype="datetime64[D]")
    assert missing_sessions("XNYS", date(2024, 1, 2), date(2024, 1, 9), stored) == [
        date(2024, 1, 3),
        date(2024, 1, 5),
        date(2024, 1, 8),
    ]
    assert missing_sessions("24x7", date(2024, 1, 8), date(2024, 1, 9), stored) == [date(2024, 1, 8)]
    assert missing_sessions("XNYS", date(2024, 1, 2), date(2024, 1, 2), stored) == []
    # A Saturday alone expects nothing; of nothing stored everything is missing.
    assert missing_sessions("XNYS", date(2024, 1, 6), date(2024, 1, 6), stored) == []
    nothing = np.empty(0, dtype="datetime64[D]")
    assert missing_sessions("XNYS", date(2024, 1, 2), date(2024, 1, 3), nothing) == [date(2024, 1, 2), date(2024, 1, 3)]


@pytest.mark.parametrize(("stored", "expected", "missing"), [(10, 12, 2), (12, 12, 0), (13, 12, 0)])
def test_more_bars_than_sessions_are_none_missing(stored: int, expected: int, missing: int) -> None:
    made = SeriesCoverage(
        instrument_id=1,
        symbol="X",
        asset_class="equity",
        calendar="XNYS",
        source="s",
        price_basis="raw",
        stored=stored,
        expected=expected,
        first=date(2024, 1, 2),
        last=date(2024, 1, 18),
        behind=0,
    )
    assert made.missing == missing
