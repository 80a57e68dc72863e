from datetime import UTC, datetime

import numpy as np

from core.domain.market_path import MarketPath
from core.ports.strategy import PaysIn, PriceHistory
from core.strategies.buy_and_hold import BuyAndHold
from core.strategies.dollar_cost_averaging import DollarCostAveraging


def test_one_path_is_a_view_with_the_fields_there_are():
    close = np.arange(1.0, 25.0).reshape(2, 4, 3)
    path = MarketPath(
        close=close, high=close + 1.0, times=np.arange(4).astype("datetime64[D]"), assets=("A", "B", "C"),
        as_of=datetime(2020, 1, 1, tzinfo=UTC), source="test", sessions_per_year=365,
    )  # fmt: skip
    history = PriceHistory.of(path, 1)
    assert np.shares_memory(history.close, close)
    np.testing.assert_array_equal(history.high, close[1] + 1.0)
    assert history.open is None
    assert history.sessions_per_year == 365
    early = history.until(2)
    assert early.close.shape == early.high.shape == (2, 3)
    assert len(early.times) == 2


def test_who_is_paid_in():
    assert isinstance(DollarCostAveraging(), PaysIn)
    assert not isinstance(BuyAndHold(), PaysIn)
