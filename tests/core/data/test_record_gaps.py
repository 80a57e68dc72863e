"""Macro periods and days of news and events: what failed is open, what was answered with nothing explained."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from core.data.record_gaps import RecordLook, day_gaps, days_of, macro_gap

# 2024-01-15 was Martin Luther King's day; the 13th and 14th a weekend.
WINDOW = (date(2024, 1, 10), date(2024, 1, 17))
UNTIL = date(2024, 1, 31)
DAYS = st.dates(min_value=date(2024, 1, 1), max_value=date(2024, 1, 31))
WINDOWS = st.lists(st.tuples(DAYS, st.integers(0, 9)).map(lambda pair: (pair[0], pair[0] + timedelta(days=pair[1]))))


def look(asked=(), owed=(), topic="news", until=UNTIL) -> RecordLook:  # type: ignore[no-untyped-def]
    return RecordLook(asked={(topic, "wire"): asked}, owed={(topic, "wire"): owed}, until=until)


def test_an_answered_session_without_an_article_is_explained_a_holiday_and_a_weekend_are_nothing() -> None:
    stored = {date(2024, 1, 10), date(2024, 1, 12), date(2024, 1, 17)}
    found = list(day_gaps("news", "wire", look(asked=[WINDOW]), stored))
    assert [(gap.day, gap.state, gap.reason) for gap in found] == [
        (date(2024, 1, 11), "explained", "vendor_has_none"),
        (date(2024, 1, 16), "explained", "vendor_has_none"),
    ]


def test_every_day_of_a_failed_request_is_open_whatever_is_stored_of_it() -> None:
    found = list(day_gaps("news", "wire", look(owed=[WINDOW]), {date(2024, 1, 11)}))
    assert [gap.day for gap in found] == [date(2024, 1, 10) + timedelta(days=step) for step in range(8)]
    assert {(gap.state, gap.reason) for gap in found} == {("open", "not_delivered")}


def test_a_day_without_an_event_is_no_gap_but_a_failed_one_is() -> None:
    assert list(day_gaps("events", "wire", look(asked=[WINDOW], topic="events"), set())) == []
    found = list(day_gaps("events", "wire", look(owed=[WINDOW], topic="events"), set()))
    assert len(found) == 8 and {gap.state for gap in found} == {"open"}


def test_days_that_have_not_ended_are_not_missing() -> None:
    found = list(day_gaps("events", "wire", look(owed=[WINDOW], topic="events", until=date(2024, 1, 11)), set()))
    assert [gap.day for gap in found] == [date(2024, 1, 10), date(2024, 1, 11)]
    assert days_of([(date(2024, 2, 1), date(2024, 2, 5))], date(2024, 1, 11)) == set()


@given(asked=WINDOWS, owed=WINDOWS, stored=st.sets(DAYS))
def test_what_was_answered_is_never_open_and_no_day_is_missing_twice(asked, owed, stored) -> None:  # type: ignore[no-untyped-def]
    found = list(day_gaps("news", "wire", look(asked=asked, owed=owed), stored))
    answered = days_of(asked, UNTIL)
    assert len({gap.day for gap in found}) == len(found)
    for gap in found:
        assert (gap.state == "open") == (gap.day not in answered)
        assert gap.day not in stored or gap.state == "open"
    assert {gap.day for gap in found if gap.state == "open"} == days_of(owed, UNTIL) - answered


def test_a_macro_period_is_open_unless_it_was_never_published_or_another_source_has_it() -> None:
    period = date(2025, 10, 1)
    said = {
        (elsewhere, never): macro_gap("fred", "UNRATE", period, elsewhere=elsewhere, never=(period,) if never else ())
        for elsewhere in (True, False)
        for never in (True, False)
    }
    assert (said[False, False].state, said[False, False].reason) == ("open", "not_delivered")
    assert (said[True, False].state, said[True, False].reason) == ("explained", "other_source")
    # The household survey of October 2025 was never taken: no source can have it.
    assert {(said[other, True].state, said[other, True].reason) for other in (True, False)} == {
        ("explained", "never_published")
    }
