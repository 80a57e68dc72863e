"""Adjusted prices: the definition by hand, the return identity, and a published adjusted close."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.adjustment import Actions, cash_factors, split_divisors
from core.errors import InvalidInput

DAYS = np.arange("2020-01-01", "2020-01-11", dtype="datetime64[D]")


def test_a_split_divides_what_was_before_its_ex_date() -> None:
    assert split_divisors(DAYS, [(date(2020, 1, 4), 4.0)]).tolist() == [4.0] * 3 + [1.0] * 7


def test_splits_multiply_and_a_reverse_split_raises() -> None:
    divisor = split_divisors(DAYS, [(date(2020, 1, 4), 4.0), (date(2020, 1, 6), 0.5)])
    assert divisor.tolist() == [2.0] * 3 + [0.5] * 2 + [1.0] * 5


def test_a_dividend_takes_its_share_of_the_close_before() -> None:
    close = np.full(10, 100.0)
    assert cash_factors(DAYS, close, [(date(2020, 1, 4), 2.0)]).tolist() == [0.98] * 3 + [1.0] * 7


def test_the_close_before_is_the_last_that_traded() -> None:
    close = np.array([100.0, 50.0, np.nan, 100.0, *[100.0] * 6])
    assert cash_factors(DAYS, close, [(date(2020, 1, 4), 5.0)])[0] == pytest.approx(0.9)


def test_an_ex_date_on_no_session_acts_on_the_next() -> None:
    days = DAYS[[0, 1, 5, 6]]
    assert cash_factors(days, np.full(4, 10.0), [(date(2020, 1, 4), 1.0)]).tolist() == [0.9, 0.9, 1.0, 1.0]


def test_cash_before_the_first_close_changes_nothing() -> None:
    assert (cash_factors(DAYS, np.full(10, 10.0), [(date(2019, 5, 1), 1.0), (date(2020, 1, 1), 1.0)]) == 1).all()


@pytest.mark.parametrize("amount", [10.0, 12.0, -1.0])
def test_an_amount_of_the_whole_price_is_refused(amount: float) -> None:
    with pytest.raises(InvalidInput, match="not below the close"):
        cash_factors(DAYS, np.full(10, 10.0), [(date(2020, 1, 4), amount)])


def test_apple_2020_as_published() -> None:
    """AAPL 2020-08-07 ex-dividend 0.82, split 4:1 on 2020-08-31; Yahoo's split-adjusted close of 08-06 is 113.90."""
    days = np.array(["2020-08-06", "2020-08-07", "2020-08-28", "2020-08-31"], dtype="datetime64[D]")
    close = np.array([455.61, 444.45, 499.23, 129.04])
    adjusted = close / split_divisors(days, [(date(2020, 8, 31), 4.0)])
    assert adjusted.round(2).tolist() == [113.90, 111.11, 124.81, 129.04]
    total = adjusted * cash_factors(days, close, [(date(2020, 8, 7), 0.82)])
    # The return of the ex-date with the dividend paid out: (444.45 + 0.82 * 444.45 / (455.61 - 0.82)) / 455.61 - 1.
    assert total[1] / total[0] - 1 == pytest.approx(444.45 / (455.61 - 0.82) - 1)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    prices=st.lists(st.floats(5.0, 500.0), min_size=10, max_size=10),
    ratio=st.sampled_from([0.1, 0.5, 2.0, 3.0, 7.0, 20.0]),
    split_day=st.integers(1, 9),
    amounts=st.dictionaries(st.integers(1, 9), st.floats(0.01, 4.0), max_size=4),
)
def test_total_returns_are_those_of_an_account_that_reinvests(
    prices: list[float], ratio: float, split_day: int, amounts: dict[int, float]
) -> None:
    """Identity: one share, split and dividends put back into shares at the ex-date's theoretical price."""
    close = np.array(prices)
    cash = [(DAYS[day].item(), amount) for day, amount in amounts.items()]
    divisor = split_divisors(DAYS, [(DAYS[split_day].item(), ratio)])
    total = close / divisor * cash_factors(DAYS, close, cash)
    shares, value = 1.0, [close[0]]
    for day in range(1, 10):
        if day in amounts:
            shares *= close[day - 1] / (close[day - 1] - amounts[day])
        if day == split_day:
            shares *= ratio
        value.append(shares * close[day])
    assert np.allclose(total / total[-1], np.array(value) / value[-1], rtol=1e-12)


def test_no_actions_are_false() -> None:
    assert not Actions()
    assert Actions(splits=[(date(2020, 1, 1), 2.0)]) and Actions(cash=[(date(2020, 1, 1), 2.0)])
