"""The verdicts on bars: every reason leads to one, the worst stands, and a key sorts as its series and day do."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.quality_terms import (
    CODE,
    FIRST_FLAG,
    FIRST_QUARANTINE,
    FLAG_REASONS,
    OK,
    REASONS,
    bar_key,
    mark,
    verdict_of,
)

SEVERITY = {"reject": 0, "quarantine": 1, "accept_with_flag": 2, "accept": 3}


@pytest.mark.parametrize(
    ("reason", "verdict"),
    [
        # A price that cannot be, or of another day, currency or company, is never true.
        ("nonpositive_price", "reject"),
        ("high_lt_low", "reject"),
        ("future_date", "reject"),
        ("not_a_session", "reject"),
        ("wrong_currency", "reject"),
        ("duplicate_conflict", "reject"),
        # What may be true, a person decides on.
        ("spike_unexplained", "quarantine"),
        ("split_not_applied", "quarantine"),
        ("correction_large", "quarantine"),
        # What is explained or harmless is stored with a remark.
        ("explained_move", "accept_with_flag"),
        ("missing_volume", "accept_with_flag"),
        ("rounding", "accept_with_flag"),
        ("ok", "accept"),
    ],
)
def test_a_reason_leads_to_its_verdict(reason: str, verdict: str) -> None:
    assert verdict_of(reason) == verdict


def test_an_unknown_reason_has_no_verdict() -> None:
    with pytest.raises(KeyError):
        verdict_of("looks_odd")


def test_reasons_stand_from_the_worst_to_none() -> None:
    severities = [SEVERITY[verdict_of(reason)] for reason in REASONS]
    assert severities == sorted(severities)
    assert len(set(REASONS)) == len(REASONS) == OK + 1 and REASONS[OK] == "ok"
    assert [verdict_of(reason) for reason in REASONS].count("accept") == 1
    assert {reason for reason in REASONS if verdict_of(reason) == "accept_with_flag"} == set(FLAG_REASONS)
    assert verdict_of(REASONS[FIRST_QUARANTINE - 1]) == "reject"
    assert verdict_of(REASONS[FIRST_QUARANTINE]) == verdict_of(REASONS[FIRST_FLAG - 1]) == "quarantine"
    assert verdict_of(REASONS[FIRST_FLAG]) == "accept_with_flag"


def test_a_code_is_the_place_of_its_reason() -> None:
    assert [REASONS[CODE[reason]] for reason in REASONS] == list(REASONS)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(REASONS), st.sets(st.integers(0, 4))), max_size=8),
    st.randoms(use_true_random=False),
)
def test_of_several_reasons_the_worst_stands_in_whatever_order_they_are_found(
    found: list[tuple[str, set[int]]], random: object
) -> None:
    def judged(order: list[tuple[str, set[int]]]) -> list[int]:
        reasons = np.full(5, OK, dtype=np.int16)
        for reason, rows in order:
            mark(reasons, np.isin(np.arange(5), list(rows)), reason)
        return reasons.tolist()

    expected = [min((CODE[reason] for reason, rows in found if row in rows), default=OK) for row in range(5)]
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' own random
    assert judged(found) == judged(shuffled) == expected


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 2_000_000), st.dates(date(1900, 1, 1), date(2100, 12, 31))), min_size=2, max_size=20
    )
)
def test_keys_sort_as_series_and_day_do_and_are_equal_only_where_both_are(bars: list[tuple[int, date]]) -> None:
    keys = bar_key(
        np.array([series for series, _ in bars], dtype=np.int64),
        np.array([day for _, day in bars], dtype="datetime64[D]"),
    )
    assert [bars[place] for place in np.argsort(keys, kind="stable")] == sorted(bars)
    assert len(set(keys.tolist())) == len(set(bars))


def test_neighbouring_days_have_neighbouring_keys_and_a_day_that_is_none_lies_before_all() -> None:
    days = [date(2024, 2, 28) + timedelta(days=step) for step in range(4)]
    keys = bar_key(np.full(4, 7, dtype=np.int64), np.array(days, dtype="datetime64[D]"))
    assert np.diff(keys).tolist() == [1, 1, 1]
    unread, first = bar_key(np.array([7, 7]), np.array(["NaT", "1900-01-01"], dtype="datetime64[D]"))
    assert unread < first
    (last_of_the_series_before,) = bar_key(np.array([6]), np.array(["2100-12-31"], dtype="datetime64[D]"))
    assert last_of_the_series_before < unread
