"""A source is late when it is silent for longer than it usually is: weekends are usual, a single outage is not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.calendar import sessions_between
from core.data.coverage import SeriesCoverage
from core.data.freshness import PAUSES, cadence_of, in_order, is_late, of_bars, of_records
from core.domain.as_of import AsOf

FRIDAY = date(2024, 3, 8)
EXCHANGE_DAYS = [day.item() for day in sessions_between("XNYS", date(2023, 12, 1), FRIDAY)]


def test_a_source_of_exchange_days_is_not_late_over_a_weekend_and_is_after_it() -> None:
    assert cadence_of(EXCHANGE_DAYS) == 1.0
    # Friday's news is the newest: through Tuesday a long weekend explains it, from Wednesday on nothing does.
    late = [is_late(EXCHANGE_DAYS, FRIDAY + timedelta(days=days)) for days in range(8)]
    assert late == [False] * 5 + [True] * 3


def test_one_outage_does_not_teach_a_source_to_be_late() -> None:
    days = [day for day in EXCHANGE_DAYS if not date(2024, 2, 1) <= day <= date(2024, 2, 20)]
    assert is_late(days, FRIDAY + timedelta(days=5)) is True


def test_a_monthly_source_has_two_months() -> None:
    days = [date(2023, month, 10) for month in range(1, 13)]
    assert cadence_of(days) == 31.0
    assert is_late(days, date(2024, 2, 10)) is False
    assert is_late(days, date(2024, 2, 12)) is True


@pytest.mark.parametrize("days", [[], [FRIDAY], EXCHANGE_DAYS[:4], [FRIDAY] * 20])
def test_of_too_few_days_nothing_is_said(days: list[date]) -> None:
    assert cadence_of(days) is None
    assert is_late(days, date(2030, 1, 1)) is None


@given(
    pauses=st.lists(st.integers(1, 40), min_size=4, max_size=60),
    silent=st.integers(0, 200),
)
def test_who_is_late_stays_late_until_it_speaks_and_its_usual_pause_is_not(pauses: list[int], silent: int) -> None:
    days = [date(2000, 1, 1)]
    for pause in pauses:
        days.append(days[-1] + timedelta(days=pause))
    today = days[-1] + timedelta(days=silent)
    cadence = cadence_of(days)
    assert cadence is not None and min(pauses) <= cadence <= max(pauses)
    if is_late(days, today):
        assert is_late(days, today + timedelta(days=1))
        assert silent > cadence
    if silent <= cadence:
        assert is_late(days, today) is False
    # Nothing before the newest pauses counts.
    assert is_late(days[-PAUSES - 1 :], today) == is_late(days, today)


def series(**changes: Any) -> SeriesCoverage:
    told: dict[str, Any] = {
        "instrument_id": 1, "symbol": "SPY", "asset_class": "etf", "calendar": "XNYS", "source": "polygon",
        "price_basis": "raw", "stored": 10, "expected": 10, "first": date(2024, 1, 2), "last": FRIDAY, "behind": 0,
    }  # fmt: skip
    return SeriesCoverage(**{**told, **changes})


def test_bars_are_late_when_more_than_a_session_is_missing_at_the_end_of_the_freshest_series() -> None:
    as_of = AsOf(known=datetime(2024, 3, 12, 12, tzinfo=UTC))
    stopped = series(symbol="OLD", last=date(2020, 1, 2), behind=1000)
    (funds,) = of_bars([stopped, series(behind=1)], as_of)
    assert (funds.topic, funds.source, funds.late, funds.silent_days) == ("bars of funds", "polygon", False, 3)
    # The close of the Friday before the clocks changed: 16:00 in New York.
    assert funds.last_known_at == datetime(2024, 3, 8, 21, 0, tzinfo=UTC)
    (late,) = of_bars([series(behind=2)], as_of)
    assert late.late is True


def test_late_sources_come_first_and_say_so_in_a_sentence() -> None:
    as_of = AsOf(known=datetime(2024, 3, 20, 12, tzinfo=UTC))
    known = datetime(2024, 3, 8, 15, tzinfo=UTC)
    late = of_records("news", "wire", known, EXCHANGE_DAYS, as_of)
    unknown = of_records("macro series", "file", known, [FRIDAY], as_of)
    assert in_order([unknown, late]) == [late, unknown]
    assert late.sentence == "news of wire are late: nothing new since 2024-03-08 (12 days, usually every 1 days)."
    assert (unknown.late, unknown.cadence_days) == (None, None)
