"""What a request for an ingest run comes to: days, units, order, healing, going on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.calendar import are_sessions, last_closed_session, sessions_between
from core.data.ingest_plan import STAGES, STEPS, TOPICS, IngestRequest, Unit, plan_units, window_of
from core.errors import InvalidInput
from core.ports.vendor import Topic, VendorTerms

WEDNESDAY = datetime(2024, 2, 14, 10, tzinfo=UTC)


def terms(name: str, *topics: Topic) -> VendorTerms:
    delivers: Mapping[Topic, str] = dict.fromkeys(topics, "something")
    return VendorTerms(
        name=name, title=name, delivers=delivers, base_url="https://x", requests_per_minute=5, limits="none"
    )


STOCKS = terms("stocks", "bars", "actions", "news")
COINS = terms("coins", "bars")
MACRO = terms("macro", "macro", "events")
ALL = (STOCKS, COINS, MACRO)


def units(request: IngestRequest, now: datetime = WEDNESDAY, **more: Any) -> list[Unit]:
    return plan_units(request, ALL, window_of(request, now), **more)


# Days ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("now", "first", "last"),
    [
        # In the morning of a session the newest closed one is that of the day before.
        (datetime(2024, 2, 14, 10, tzinfo=UTC), date(2024, 2, 9), date(2024, 2, 13)),
        # After the close in New York (21:00 UTC in winter) the session of the day counts.
        (datetime(2024, 2, 14, 20, 59, tzinfo=UTC), date(2024, 2, 9), date(2024, 2, 13)),
        (datetime(2024, 2, 14, 21, 0, tzinfo=UTC), date(2024, 2, 12), date(2024, 2, 14)),
        # In summer New York closes at 20:00 UTC.
        (datetime(2024, 7, 10, 20, 0, tzinfo=UTC), date(2024, 7, 8), date(2024, 7, 10)),
        # A half day closes at 18:00 UTC: the Friday after Thanksgiving, which was closed.
        (datetime(2024, 11, 29, 18, 0, tzinfo=UTC), date(2024, 11, 26), date(2024, 11, 29)),
        # On Sunday the crypto day of Saturday has ended too; the look-back counts sessions, not days.
        (datetime(2024, 2, 18, 12, tzinfo=UTC), date(2024, 2, 14), date(2024, 2, 17)),
        # Monday was a holiday (Presidents' Day).
        (datetime(2024, 2, 20, 9, tzinfo=UTC), date(2024, 2, 14), date(2024, 2, 19)),
    ],
)
def test_a_daily_run_covers_the_newest_day_and_two_sessions_before(now: datetime, first: date, last: date) -> None:
    assert window_of(IngestRequest(), now) == (first, last)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 16 * 365 * 24 * 60))
def test_a_daily_window_always_holds_three_closed_sessions_and_no_unfinished_day(minutes: int) -> None:
    now = datetime(2010, 1, 4, tzinfo=UTC) + timedelta(minutes=minutes)
    first, last = window_of(IngestRequest(), now)
    closed = last_closed_session(now, "XNYS")
    inside = [day.item() for day in sessions_between("XNYS", first, closed)]
    assert len(inside) == 3
    assert inside[-1] == closed
    assert closed <= last < now.date() + timedelta(days=1)
    assert last in (closed, now.date() - timedelta(days=1))


def test_a_backfill_of_days_ends_with_the_newest_and_counts_both_ends() -> None:
    assert window_of(IngestRequest(mode="backfill", days=30), WEDNESDAY) == (date(2024, 1, 15), date(2024, 2, 13))
    assert window_of(IngestRequest(mode="backfill", days=1), WEDNESDAY) == (date(2024, 2, 13), date(2024, 2, 13))
    start, end = date(2024, 1, 1), date(2024, 1, 31)
    assert window_of(IngestRequest(mode="backfill", start=start, end=end), WEDNESDAY) == (start, end)
    assert window_of(IngestRequest(mode="backfill", start=start), WEDNESDAY) == (start, date(2024, 2, 13))
    assert window_of(IngestRequest(mode="backfill", days=31, end=end), WEDNESDAY) == (start, end)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"days": 5}, "daily run has no days"),
        ({"start": date(2024, 1, 1)}, "daily run has no days"),
        ({"mode": "backfill"}, "either days or a start"),
        ({"mode": "backfill", "days": 5, "start": date(2024, 1, 1)}, "either days or a start"),
        ({"mode": "backfill", "days": 0}, "expected 1 to"),
        ({"mode": "backfill", "days": 10**6}, "expected 1 to"),
        ({"mode": "backfill", "start": date(2024, 2, 1), "end": date(2024, 1, 1)}, "after its end"),
        ({"mode": "backfill", "start": date(1900, 1, 1)}, "70 years"),
    ],
)
def test_a_request_that_cannot_be_is_refused_with_a_reason(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        window_of(IngestRequest(**changes), WEDNESDAY)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    st.builds(
        IngestRequest,
        mode=st.sampled_from(["daily", "backfill"]),
        days=st.none() | st.integers(1, 400),
        start=st.none() | st.dates(date(2000, 1, 1), date(2026, 1, 1)),
        end=st.none() | st.dates(date(2000, 1, 1), date(2026, 1, 1)),
        skip_steps=st.lists(st.sampled_from(STEPS), max_size=3).map(tuple),
        symbols=st.lists(st.text(min_size=1, max_size=5), max_size=3).map(tuple),
        vendors=st.lists(st.text(min_size=1, max_size=5), max_size=3).map(tuple),
    )
)
def test_a_recorded_request_is_the_request(request_made: IngestRequest) -> None:
    import json

    assert IngestRequest.from_arguments(json.loads(json.dumps(request_made.as_arguments()))) == request_made


def test_what_is_no_request_is_refused() -> None:
    for arguments in ({}, {"mode": "daily", "start": "soon"}, {"mode": "daily", "symbols": 5}):
        with pytest.raises(InvalidInput, match="no request"):
            IngestRequest.from_arguments(arguments)


# Units --------------------------------------------------------------------------------------------------------------
def test_every_step_is_in_one_stage_and_bars_come_after_actions() -> None:
    flat = [step for stage in STAGES for step in stage]
    assert sorted(flat) == sorted(STEPS)
    stage_of = {step: number for number, stage in enumerate(STAGES) for step in stage}
    assert stage_of["corporate_actions"] < stage_of["market_data"] < stage_of["derived"] < stage_of["quality"]
    assert set(TOPICS) == {step for step in STEPS if step not in ("derived", "quality")}


def test_a_vendor_is_asked_for_what_it_delivers_and_the_desk_for_the_rest() -> None:
    planned = units(IngestRequest())
    assert [(unit.step, unit.source) for unit in planned] == [
        ("corporate_actions", "stocks"),
        ("macro", "macro"),
        ("news", "stocks"),
        ("events", "macro"),
        ("market_data", "stocks"),
        ("market_data", "coins"),
        ("derived", "desk"),
        ("quality", "desk"),
    ]


def test_steps_can_be_left_out() -> None:
    planned = units(IngestRequest(skip_steps=("news", "events", "derived")))
    assert {unit.step for unit in planned} == {"corporate_actions", "macro", "market_data", "quality"}


def test_a_backfill_over_years_is_cut_by_year_without_gap_or_overlap() -> None:
    request = IngestRequest(mode="backfill", start=date(2021, 6, 15), end=date(2024, 2, 13))
    planned = [unit for unit in units(request) if (unit.step, unit.source) == ("market_data", "stocks")]
    assert [(unit.first_day, unit.last_day) for unit in planned] == [
        (date(2021, 6, 15), date(2021, 12, 31)),
        (date(2022, 1, 1), date(2022, 12, 31)),
        (date(2023, 1, 1), date(2023, 12, 31)),
        (date(2024, 1, 1), date(2024, 2, 13)),
    ]
    days = [
        day
        for unit in planned
        for day in (unit.first_day + timedelta(days=step) for step in range((unit.last_day - unit.first_day).days + 1))
    ]
    assert len(days) == len(set(days)) == (request.end - request.start).days + 1  # type: ignore[operator]


def owed(step: str, source: str, first: date, last: date) -> Unit:
    return Unit(step=step, source=source, first_day=first, last_day=last)  # type: ignore[arg-type]


def test_a_daily_run_takes_along_what_failed_before_once_and_only_of_vendors_it_asks() -> None:
    failed = owed("market_data", "stocks", date(2024, 1, 10), date(2024, 1, 12))
    planned = units(
        IngestRequest(),
        unfinished=[failed, failed, owed("market_data", "gone", date(2024, 1, 10), date(2024, 1, 12)),
                    owed("news", "stocks", date(2024, 2, 9), date(2024, 2, 13))],
    )  # fmt: skip
    assert planned.count(failed) == 1
    assert not [unit for unit in planned if unit.source == "gone"]
    # What the look-back covers anyway is asked for once.
    assert len([unit for unit in planned if unit.step == "news"]) == 1
    for request in (
        IngestRequest(mode="backfill", days=3),
        IngestRequest(symbols=("AAPL",)),
        IngestRequest(skip_steps=("market_data",)),
    ):
        assert failed not in units(request, unfinished=[failed])


def test_what_a_broken_off_run_has_done_is_not_done_again() -> None:
    request = IngestRequest(mode="backfill", start=date(2023, 12, 1), end=date(2024, 2, 13))
    every = units(request)
    rest = units(request, done=every[:3])
    assert rest == every[3:]
    assert units(request, done=[owed("market_data", "stocks", date(1999, 1, 1), date(1999, 12, 31))]) == every


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sampled_from(STEPS), st.text("abcdefgh_", min_size=1, max_size=12), st.dates(), st.dates())
def test_a_unit_is_told_by_its_id(step: str, source: str, first: date, last: date) -> None:
    unit = owed(step, source, first, last)
    assert Unit.parse(unit.unit_id) == unit
    assert unit.title.split(" ")[0] == step


@pytest.mark.parametrize(
    "text", ["", "bars", "nothing/x/2024-01-01/2024-01-02", "macro/x/2024-01-01", "macro/x/soon/later", "a/b/c/d/e"]
)
def test_what_is_no_unit_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="no unit"):
        Unit.parse(text)


def test_the_newest_day_of_a_window_is_a_session_or_yesterday() -> None:
    for hour in range(0, 24 * 14, 7):
        now = datetime(2024, 12, 20, tzinfo=UTC) + timedelta(hours=hour)
        _, last = window_of(IngestRequest(), now)
        import numpy as np

        session = are_sessions("XNYS", np.array([last], dtype="datetime64[D]"))[0]
        assert session or last == now.date() - timedelta(days=1)
