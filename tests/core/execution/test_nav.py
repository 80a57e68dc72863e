"""The daily value of an account, compared with pandas adding up the same fills, cash and closes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Literal, cast

import exchange_calendars
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.as_of import AsOf
from core.domain.books import Account, CashEntry, Fill
from core.domain.market_records import Instrument
from core.execution.books import Books
from core.execution.marks import Marks, SessionPrice
from core.execution.nav import daily_values
from core.execution.stores import TradingStore
from core.testing.clock import FixedClock

D = Decimal
EXCHANGE = exchange_calendars.get_calendar("XNYS")
START = date(2023, 11, 13)
SESSIONS = [day.date() for day in EXCHANGE.sessions_in_range("2023-11-13", "2023-12-01")]
"""Three weeks with Thanksgiving, which is no session, and the half day after it."""
EVER = AsOf(known=datetime(2024, 1, 1, tzinfo=UTC))
SHARE, COIN = 1, 2


class Closes:
    """Stand for stored prices: closes by instrument and session, of which those closed at a moment are known."""

    def __init__(self, closes: Mapping[int, Mapping[date, D]]) -> None:
        self._closes = closes

    def instrument(self, instrument_id: int) -> Instrument:
        return Instrument(
            instrument_id=instrument_id,
            symbol=f"I{instrument_id}",
            name="",
            asset_class="equity" if instrument_id == SHARE else "crypto",
            calendar="XNYS" if instrument_id == SHARE else "24x7",
            source="test",
            known_at=datetime(2000, 1, 1, tzinfo=UTC),
        )

    def last(self, instrument_ids: Iterable[int], as_of: AsOf) -> dict[int, SessionPrice]:
        return {key: prices[-1] for key, prices in self.history(instrument_ids, as_of).items()}

    def history(
        self, instrument_ids: Iterable[int], as_of: AsOf, *, start: date | None = None
    ) -> dict[int, list[SessionPrice]]:
        found = {}
        for key in instrument_ids:
            prices = [
                SessionPrice(session=day, open=None, high=None, low=None, close=close, price_basis="raw", source="test")
                for day, close in sorted(self._closes.get(key, {}).items())
                if (start is None or day >= start) and closed(key, day) <= as_of.known
            ]
            if prices:
                found[key] = prices
        return found


class Booked:
    """Stand for a store of one account: its fills and cash, known from the moment they were booked."""

    def __init__(self, fills: list[Fill], entries: list[CashEntry]) -> None:
        self.accounts = self.books = self
        self._fills, self._entries = fills, entries

    @contextmanager
    def transaction(self) -> Iterator[Booked]:
        yield self

    def all(self) -> list[Account]:
        return [Account(account_id="main", name="Main", broker="paper", opened_at=at(START, 0))]

    def fills(self, account_id: str, *, as_of: AsOf) -> list[Fill]:
        return [part for part in self._fills if part.filled_at <= as_of.known]

    def cash(self, account_id: str, *, as_of: AsOf) -> list[CashEntry]:
        return [part for part in self._entries if part.booked_at <= as_of.known]


def closed(instrument_id: int, day: date) -> datetime:
    if instrument_id == SHARE:
        return cast("datetime", EXCHANGE.session_close(pd.Timestamp(day)).to_pydatetime())
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)


def fill(number: int, side: Literal["buy", "sell"], quantity: int, price: str, at: datetime, key: int = SHARE) -> Fill:
    return Fill(
        fill_id=f"fil_{number}",
        execution_id=f"exe_{number}",
        order_id="ord_1",
        account_id="main",
        instrument_id=key,
        side=side,
        quantity=D(quantity),
        price=D(price),
        session=at.date(),
        filled_at=at,
    )


def cash(amount: str, at: datetime) -> CashEntry:
    return CashEntry(account_id="main", movement="deposit", amount=D(amount), booked_at=at)


def at(day: date, hour: int = 15) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def values(
    fills: list[Fill], entries: list[CashEntry], closes: Mapping[int, Mapping[date, D]], as_of: AsOf = EVER
) -> list[tuple[date, D, D]]:
    points = daily_values(fills, entries, cast("Marks", Closes(closes)), as_of)
    return [(point.session, point.nav, point.cash) for point in points]


def test_without_cash_there_is_no_account_to_value() -> None:
    assert values([], [], {}) == []


def test_an_account_that_never_traded_is_its_cash_on_every_session_of_the_exchange() -> None:
    as_of = AsOf(known=EXCHANGE.session_close("2023-12-01").to_pydatetime())
    found = values([], [cash("500", at(START))], {}, as_of)
    assert found == [(day, D(500), D(500)) for day in SESSIONS]
    assert date(2023, 11, 23) not in [day for day, _, _ in found]
    # A second before its close the last session has no value yet.
    before = AsOf(known=as_of.known - timedelta(seconds=1))
    assert values([], [cash("500", at(START))], {}, before) == found[:-1]


def test_a_share_is_worth_its_close_and_without_one_its_last() -> None:
    prices = {SHARE: {SESSIONS[0]: D(10), SESSIONS[1]: D(11), SESSIONS[3]: D(9)}, COIN: {}}
    bought = [fill(1, "buy", 5, "10", at(SESSIONS[0]))]
    money = [cash("100", at(SESSIONS[0], 14)), cash("-50", at(SESSIONS[0]))]
    assert values(bought, money, prices) == [
        (SESSIONS[0], D(100), D(50)),
        (SESSIONS[1], D(105), D(50)),
        (SESSIONS[3], D(95), D(50)),
    ]


def test_what_has_no_bar_yet_is_worth_what_was_paid_for_it() -> None:
    prices = {COIN: {SESSIONS[0]: D(1000), SESSIONS[1]: D(1100)}}
    bought = [fill(1, "buy", 5, "10", at(SESSIONS[0])), fill(2, "buy", 1, "1000", at(SESSIONS[0]), COIN)]
    found = values(bought, [cash("0", at(SESSIONS[0]))], prices)
    assert [nav for _, nav, _ in found] == [D(1050), D(1150)]


def test_a_fill_on_the_half_day_after_its_close_counts_in_the_next_session() -> None:
    half_day, monday = date(2023, 11, 24), date(2023, 11, 27)
    prices = {SHARE: {half_day: D(10), monday: D(20)}}
    close = EXCHANGE.session_close("2023-11-24").to_pydatetime()
    assert close.hour == 18
    for moment, first in ((close, D(1010)), (close + timedelta(seconds=1), D(1000))):
        bought = [fill(1, "buy", 1, "10", moment)]
        found = values(bought, [cash("1000", at(half_day, 10))], prices)
        assert [nav for _, nav, _ in found] == [first, D(1020)]


def test_money_paid_in_over_the_weekend_shows_on_monday() -> None:
    friday, monday = date(2023, 11, 17), date(2023, 11, 20)
    prices = {SHARE: {friday: D(10), monday: D(10)}}
    bought = [fill(1, "buy", 1, "10", at(friday))]
    money = [cash("100", at(friday)), cash("40", at(date(2023, 11, 18)))]
    assert values(bought, money, prices) == [(friday, D(110), D(100)), (monday, D(150), D(140))]


def test_a_book_of_coins_only_has_a_value_on_every_day() -> None:
    days = [START + timedelta(days=step) for step in range(10)]
    prices = {COIN: {day: D(100 + step) for step, day in enumerate(days)}}
    bought = [fill(1, "buy", 2, "100", at(days[0]), COIN)]
    found = values(bought, [cash("200", at(days[0], 1)), cash("-200", at(days[0]))], prices)
    assert found == [(day, D(2 * (100 + step)), D(0)) for step, day in enumerate(days)]


def test_beside_a_share_coins_are_valued_on_the_sessions_of_the_exchange() -> None:
    days = [START + timedelta(days=step) for step in range(8)]
    prices = {SHARE: dict.fromkeys(SESSIONS[:6], D(10)), COIN: {day: D(step) for step, day in enumerate(days)}}
    bought = [fill(1, "buy", 1, "10", at(START)), fill(2, "buy", 1, "1", at(START), COIN)]
    found = values(bought, [cash("0", at(START))], prices)
    assert [day for day, _, _ in found] == SESSIONS[:6]
    assert [nav for _, nav, _ in found] == [D(10 + (day - START).days) for day in SESSIONS[:6]]


TRADES = st.lists(
    st.tuples(
        st.sampled_from([SHARE, COIN]),
        st.sampled_from(["buy", "sell"]),
        st.integers(1, 50),
        st.integers(0, len(SESSIONS) - 1),
        st.integers(0, 23),
    ),
    max_size=8,
)
CLOSES = st.lists(st.decimals("0.01", "900", places=2), min_size=len(SESSIONS), max_size=len(SESSIONS))


@settings(max_examples=25, deadline=None)
@given(TRADES, CLOSES, CLOSES, st.lists(st.tuples(st.integers(0, 14), st.integers(-500, 500)), max_size=4))
def test_any_book_is_worth_what_pandas_adds_up(
    trades: list[tuple[int, Literal["buy", "sell"], int, int, int]],
    shares: list[D],
    coins: list[D],
    moved: list[tuple[int, int]],
) -> None:
    prices = {
        SHARE: dict(zip(SESSIONS, shares, strict=True)),
        COIN: dict(zip(SESSIONS, coins, strict=True)),
    }
    fills = [fill(0, "buy", 1, str(shares[0]), at(SESSIONS[0], 14))]
    fills += [
        fill(number, side, quantity, str(prices[key][SESSIONS[day]]), at(SESSIONS[day], hour), key)
        for number, (key, side, quantity, day, hour) in enumerate(trades, start=1)
    ]
    entries = [
        cash("1000", at(SESSIONS[0], 0)),
        *(cash(str(amount), at(SESSIONS[min(day, 13)])) for day, amount in moved),
    ]
    closes = pd.DatetimeIndex([EXCHANGE.session_close(pd.Timestamp(day)) for day in SESSIONS])
    money = pd.Series([int(entry.amount) for entry in entries], index=[entry.booked_at for entry in entries])
    balance = [int(money[money.index <= close].sum()) for close in closes]
    worth = []
    for close, day in zip(closes, SESSIONS, strict=True):
        held = {SHARE: 0, COIN: 0}
        for part in fills:
            if part.filled_at <= close:
                held[part.instrument_id] += int(part.quantity) * (1 if part.side == "buy" else -1)
        worth.append(sum(quantity * prices[key][day] for key, quantity in held.items()))
    found = values(fills, entries, prices)
    assert [day for day, _, _ in found] == SESSIONS
    assert [int(money) for _, _, money in found] == balance
    assert [nav for _, nav, _ in found] == [D(money) + value for money, value in zip(balance, worth, strict=True)]


@pytest.mark.parametrize("cut", [0, 3, 8])
def test_later_sessions_change_no_earlier_value(cut: int) -> None:
    prices = {SHARE: {day: D(10 + place) for place, day in enumerate(SESSIONS)}}
    bought = [fill(1, "buy", 3, "10", at(SESSIONS[0])), fill(2, "sell", 1, "15", at(SESSIONS[5]))]
    money = [cash("100", at(SESSIONS[0]))]
    whole = values(bought, money, prices)
    known = AsOf(known=EXCHANGE.session_close(pd.Timestamp(SESSIONS[cut])).to_pydatetime())
    assert values(bought, money, prices, known) == whole[: cut + 1]


@pytest.mark.parametrize("hour", [3, 20, 21, 22, 24])
@pytest.mark.parametrize("key", [SHARE, COIN])
def test_money_paid_in_is_no_profit_of_today_at_whatever_hour_it_came(key: int, hour: int) -> None:
    # Monday to Wednesday; the deposit comes on Tuesday, before or after the account's own close of that day.
    days = SESSIONS[:3]
    prices = {key: {day: D(10 + place) for place, day in enumerate(days)}}
    paid = datetime(days[1].year, days[1].month, days[1].day, tzinfo=UTC) + timedelta(hours=hour)
    entries = [cash("100", at(days[0], 1)), cash("-30", at(days[0])), cash("1000", paid)]
    store = Booked([fill(1, "buy", 3, "10", at(days[0]), key)], entries)
    now = closed(key, days[2])
    books = Books(cast("TradingStore", store), cast("Marks", Closes(prices)), FixedClock(now))
    held = books.holdings()
    assert held.pnl_today == 3
    assert held.nav == 100 - 30 + 1000 + 3 * 12
    assert held.nav_before is not None
    assert held.nav - held.nav_before == 3 + (1000 if paid > closed(key, days[1]) else 0)


def test_a_value_says_when_it_was_taken() -> None:
    prices = {COIN: {START: D(1)}, SHARE: {START: D(1)}}
    for key in (COIN, SHARE):
        points = daily_values(
            [fill(1, "buy", 1, "1", at(START), key)], [cash("1", at(START))], cast("Marks", Closes(prices)), EVER
        )
        assert [point.closed_at for point in points] == [closed(key, START)]
