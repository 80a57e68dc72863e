"""Seasons by the calendar."""

import numpy as np
import pytest

from core.errors import InvalidInput
from core.strategies.seasonality import Seasonality
from core.testing.strategy_contract import StrategyContract, random_history


class TestSeasonality(StrategyContract):
    def strategy(self):
        return Seasonality()

    # A decision by the calendar needs no first price.
    def test_too_short_a_history_decides_nothing(self):
        assert self.strategy().weights(self._history().until(0)).shape == (0, 2)


def held(rule):
    prices = random_history(1, 1)
    weights = rule.weights(prices)[:, 0]
    last = np.maximum.accumulate(np.where(np.isnan(weights), 0, np.arange(len(weights))))
    return prices.times, weights[last]


def test_winter_is_held_from_the_last_session_of_october():
    times, share = held(Seasonality())
    month = times[1:].astype("datetime64[M]").astype(int) % 12 + 1
    np.testing.assert_array_equal(share[:-1] == 1.0, np.isin(month, [11, 12, 1, 2, 3, 4]))


def test_the_turn_of_the_month_is_the_last_and_first_weekdays():
    times, share = held(Seasonality(months=tuple(range(1, 13)), days_before=1, days_after=3))
    import pandas

    days = pandas.DatetimeIndex(times)
    order = pandas.Series(1, days).groupby([days.year, days.month]).cumsum().to_numpy()
    size = pandas.Series(1, days).groupby([days.year, days.month]).transform("size").to_numpy()
    inside = (order <= 3) | (order == size)
    # The first and last months of the draw are cut.
    whole = slice(30, -30)
    np.testing.assert_array_equal((share[:-1] == 1.0)[whole], inside[1:][whole])


@pytest.mark.parametrize("months", [(), (0,), (13,), (1.5,)])
def test_months_are_months(months):
    with pytest.raises(InvalidInput, match="months"):
        Seasonality(months=months)
