"""Read prices by the time they were known, on the basis they have, with sessions of the real calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import exchange_calendars
import pytest

from core.domain.as_of import AsOf
from core.errors import UnknownName
from core.execution.marks import closes_at, opens_at, to_price
from core.testing.small_market import START, aaa_close


def close_of_start(**later):
    return AsOf(known=datetime(2022, 11, 29, 21, tzinfo=UTC) + timedelta(**later))


def test_a_close_is_known_at_its_close_and_not_before(desk):
    at, before = (desk.marks.last([1], close_of_start(seconds=seconds))[1] for seconds in (0, -1))
    assert (at.session, at.close) == (START, Decimal(150))
    assert (before.session, before.close) == (date(2022, 11, 28), Decimal(149))


def test_round_the_clock_prices_go_on_over_the_weekend(desk):
    sunday = AsOf(known=datetime(2022, 12, 4, 23, tzinfo=UTC))
    marks = desk.marks.last([1, 3], sunday)
    assert marks[1].session == date(2022, 12, 2)
    assert marks[3].session == date(2022, 12, 3)


def test_an_instrument_without_a_price_is_left_out_and_an_old_one_is_found(desk):
    marks = desk.marks.last([1, 5], close_of_start())
    assert set(marks) == {1, 5} and marks[5].session == date(2013, 3, 1)
    long_ago = AsOf(known=datetime(2012, 1, 3, 21, tzinfo=UTC))
    assert desk.marks.last([1, 5], long_ago) == {}
    assert desk.marks.last([], close_of_start()) == {}
    assert desk.marks.history([99_999], close_of_start()) == {}


def test_a_history_is_ascending_and_complete(desk):
    prices = desk.marks.history([1], close_of_start(), start=date(2022, 11, 1))[1]
    days = [price.session for price in prices]
    expected = exchange_calendars.get_calendar("XNYS").sessions_in_range("2022-11-01", "2022-11-29")
    assert days == [day.date() for day in expected]
    assert [price.close for price in prices] == [aaa_close(day) for day in days]
    assert {(price.high - price.close, price.close - price.low) for price in prices} == {
        (Decimal("1.25"), Decimal("0.75"))
    }


def test_adjusted_closes_say_so_and_have_no_open(desk):
    mark = desk.marks.last([2], close_of_start())[2]
    assert (mark.open, mark.high, mark.low, mark.close) == (None, None, None, 50)
    assert mark.price_basis == "total_return" and "no traded price levels" in mark.remark
    assert desk.marks.last([1], close_of_start())[1].remark == ""


def test_an_unknown_instrument_is_an_error(desk):
    assert desk.marks.instrument(1).symbol == "AAA"
    with pytest.raises(UnknownName):
        desk.marks.instrument(99_999)


def test_opens_and_closes_agree_with_the_library_s_calendar():
    schedule = exchange_calendars.get_calendar("XNYS").schedule.loc["2022-01-01":"2022-12-31"]
    assert len(schedule) == 251
    for day, row in schedule.iterrows():
        assert opens_at(day.date(), "XNYS") == row["open"].to_pydatetime()
        assert closes_at(day.date(), "XNYS") == row["close"].to_pydatetime()


def test_round_the_clock_sessions_are_days_in_utc():
    assert opens_at(date(2022, 11, 26), "24x7") == datetime(2022, 11, 26, tzinfo=UTC)
    assert closes_at(date(2022, 11, 26), "24x7") == datetime(2022, 11, 27, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stored", "price"),
    [
        (150.0, "150.0000"),
        (0.1 + 0.2, "0.30000000"),
        (1.00005, "1.0000"),
        (33.33335, "33.3334"),
        (0.000012345, "0.00001234"),
        (-37.63, "-37.6300"),
        (64999.99999, "65000.0000"),
    ],
)
def test_stored_prices_become_decimals_of_four_places_and_below_one_of_eight(stored, price):
    assert str(to_price(stored)) == str(Decimal(price))
