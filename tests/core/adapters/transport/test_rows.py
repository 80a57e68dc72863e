"""Rows of a reply, compared with the calendar library, with pandas and with counting by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import exchange_calendars
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.adapters.transport.rows import (
    NEW_YORK,
    Row,
    columns_of,
    field,
    finished,
    milliseconds_of,
    names_in,
    number,
    session_of_milliseconds,
)
from core.domain.market_records import Instrument, SymbolHistory
from core.errors import VendorMalformed

KNOWN = datetime(2000, 1, 3, tzinfo=UTC)
DAYS = st.dates(date(1971, 1, 1), date(2090, 12, 31))
META = Instrument(
    instrument_id=7,
    symbol="META",
    name="Meta Platforms",
    asset_class="equity",
    calendar="XNYS",
    source="test",
    known_at=KNOWN,
)


def row(day: date, symbol: str = "AAA", close: float = 10.0) -> Row:
    return symbol, day, close - 1.0, close + 1.0, close - 2.0, close, 100.0


def carried(symbol: str, start: date, end: date | None, instrument_id: int = 7) -> SymbolHistory:
    return SymbolHistory(
        instrument_id=instrument_id, symbol=symbol, valid_from=start, valid_to=end, source="test", known_at=KNOWN
    )


@settings(max_examples=60, deadline=None)
@given(DAYS)
def test_a_day_in_milliseconds_is_what_pandas_says_and_comes_back(day: date) -> None:
    stamp = milliseconds_of(day)
    assert stamp == pd.Timestamp(day, tz="UTC").value // 1_000_000
    assert session_of_milliseconds(stamp) == session_of_milliseconds(str(stamp)) == day
    assert session_of_milliseconds(stamp + 86_399_999) == day


@pytest.mark.parametrize(
    ("stamp", "zone", "day"),
    [
        # Daily bars of New York begin at its midnight: 05:00 UTC in winter, 04:00 in summer.
        ("2024-01-16T05:00:00Z", NEW_YORK, date(2024, 1, 16)),
        ("2024-01-16T04:59:59Z", NEW_YORK, date(2024, 1, 15)),
        ("2024-07-16T04:00:00Z", NEW_YORK, date(2024, 7, 16)),
        ("2024-07-16T03:59:59Z", NEW_YORK, date(2024, 7, 15)),
        ("2024-07-16T15:00:00Z", ZoneInfo("Asia/Tokyo"), date(2024, 7, 17)),
        ("2024-07-16T23:59:59Z", None, date(2024, 7, 16)),
    ],
)
def test_a_stamp_falls_on_the_day_of_its_zone(stamp: str, zone: ZoneInfo | None, day: date) -> None:
    milliseconds = int(datetime.fromisoformat(stamp).timestamp() * 1000)
    assert session_of_milliseconds(milliseconds, zone) == day


@pytest.mark.parametrize("stamp", [None, "", "soon", [], {}, "1e999", float("inf"), float("nan"), 10**20])
def test_a_stamp_that_is_none_is_the_fault_of_the_vendor(stamp: Any) -> None:
    with pytest.raises(VendorMalformed, match="time stamp in milliseconds was expected"):
        session_of_milliseconds(stamp)


def test_a_bar_is_finished_when_the_exchange_has_closed() -> None:
    calendar = exchange_calendars.get_calendar("XNYS")
    # The day after Thanksgiving 2023 ended at 13:00 New York time.
    for session in ("2023-11-22", "2023-11-24", "2023-11-27", "2024-03-11", "2024-07-03"):
        day = date.fromisoformat(session)
        close = calendar.session_close(session).to_pydatetime()
        assert finished([row(day)], "XNYS", close) == [row(day)]
        assert finished([row(day)], "XNYS", close - timedelta(microseconds=1)) == []
        late = timedelta(minutes=15)
        assert finished([row(day)], "XNYS", close + late, delay=late) == [row(day)]
        assert finished([row(day)], "XNYS", close + late - timedelta(seconds=1), delay=late) == []


def test_a_day_round_the_clock_ends_at_midnight_utc() -> None:
    rows = [row(date(2024, 2, 28)), row(date(2024, 2, 29)), row(date(2024, 3, 1))]
    leap_night = datetime(2024, 3, 1, tzinfo=UTC)
    assert finished(rows, "24x7", leap_night) == rows[:2]
    assert finished(rows, "24x7", leap_night - timedelta(seconds=1)) == rows[:1]
    assert finished(rows, "24x7", leap_night.astimezone(ZoneInfo("America/New_York"))) == rows[:2]


def test_no_rows_are_finished_of_none() -> None:
    assert finished([], "XNYS", KNOWN) == []
    assert list(columns_of([], source="s", origin="o")) == []


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["AAA", "BBB", "CCC"]),
        st.dates(date(2020, 1, 1), date(2024, 12, 31)),
        *(st.floats(0.01, 1e6) for _ in range(5)),
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_columns_hold_the_rows_in_their_order(rows: list[Row]) -> None:
    (block,) = columns_of(rows, source="s", origin="o")
    names = [block.symbols[code] for code in block.symbol_code]
    fields = (block.open, block.high, block.low, block.close, block.volume)
    back = list(zip(names, block.session.tolist(), *(values.tolist() for values in fields), strict=True))
    assert back == rows
    assert len(set(block.symbols)) == len(block.symbols) == len({part[0] for part in rows})
    assert block.line.tolist() == list(range(len(rows)))


@settings(max_examples=20, deadline=None)
@given(ROWS, st.booleans(), st.booleans())
def test_what_a_source_does_not_have_is_missing_whatever_stands_there(
    rows: list[Row], ohlc: bool, volume: bool
) -> None:
    (block,) = columns_of(rows, source="s", origin="o", has_ohlc=ohlc, has_volume=volume)
    for values in (block.open, block.high, block.low):
        assert np.isfinite(values).all() == ohlc and np.isnan(values).all() != ohlc
    assert np.isfinite(block.volume).all() == volume and np.isnan(block.volume).all() != volume
    assert block.close.tolist() == [part[5] for part in rows]


@pytest.mark.parametrize(
    ("value", "expected"), [(1, 1.0), ("1.5", 1.5), (" 2 ", 2.0), ("1e3", 1000.0), (True, 1.0), ("-0.0", 0.0)]
)
def test_a_number_may_come_as_text(value: Any, expected: float) -> None:
    assert number(value, "close") == expected


def test_an_absent_number_is_missing() -> None:
    assert np.isnan(number(None, "close"))


@pytest.mark.parametrize("value", ["", "n/a", "1,5", [], {}, "0x10"])
def test_what_is_no_number_is_named(value: Any) -> None:
    with pytest.raises(VendorMalformed) as refused:
        number(value, "the close of AAA")
    assert "the close of AAA" in str(refused.value) and repr(value) in str(refused.value)


def test_a_field_is_there_or_its_absence_is_named() -> None:
    assert field({"c": None}, "c") is None
    for reply in ({}, {"C": 1}, None, [1, 2], "text"):
        with pytest.raises(VendorMalformed, match="'c' was expected"):
            field(reply, "c")  # type: ignore[arg-type]  # what a vendor may send
    with pytest.raises(VendorMalformed) as refused:
        field({"x": "y" * 500}, "c")
    assert len(str(refused.value)) < 200


RENAMED = [carried("FB", date(2012, 5, 18), date(2022, 6, 8)), carried("META", date(2022, 6, 9), None)]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2021-01-01", "2021-12-31", [("FB", "2021-01-01", "2021-12-31")]),
        ("2022-06-01", "2022-06-30", [("FB", "2022-06-01", "2022-06-08"), ("META", "2022-06-09", "2022-06-30")]),
        ("2022-06-08", "2022-06-09", [("FB", "2022-06-08", "2022-06-08"), ("META", "2022-06-09", "2022-06-09")]),
        ("2023-01-01", "2023-01-01", [("META", "2023-01-01", "2023-01-01")]),
        ("2010-01-01", "2012-05-18", [("FB", "2012-05-18", "2012-05-18")]),
        ("2010-01-01", "2012-05-17", []),
    ],
)
def test_facebook_was_asked_for_as_fb_until_june_2022(start: str, end: str, expected: list[tuple[str, ...]]) -> None:
    found = names_in(META, reversed(RENAMED), date.fromisoformat(start), date.fromisoformat(end))
    assert [(name, str(first), str(last)) for name, first, last in found] == expected


def test_the_history_of_others_does_not_count() -> None:
    other = [carried("FB", date(2000, 1, 1), None, instrument_id=8)]
    assert list(names_in(META, other, date(2024, 1, 1), date(2024, 1, 2))) == [
        ("META", date(2024, 1, 1), date(2024, 1, 2))
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.dates(date(2000, 1, 1), date(2029, 12, 31)), min_size=1, max_size=5, unique=True),
    st.dates(date(1999, 1, 1), date(2030, 12, 31)),
    st.integers(0, 4000),
)
def test_the_parts_of_a_period_are_apart_and_make_it_up(changes: list[date], start: date, length: int) -> None:
    starts = sorted(changes)
    ends = [*(day - timedelta(days=1) for day in starts[1:]), None]
    history = [carried(f"N{place}", *span) for place, span in enumerate(zip(starts, ends, strict=True))]
    end = start + timedelta(days=length)
    found = list(names_in(META, history, start, end))
    days = [first + timedelta(days=step) for _, first, last in found for step in range((last - first).days + 1)]
    assert days == sorted(set(days))
    # A name is known for every day of the period from the first change on.
    assert len(days) == max(0, (end - max(start, starts[0])).days + 1)
