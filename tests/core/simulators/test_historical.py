from datetime import UTC, date, datetime

import numpy as np
import pytest

from core.domain.market_path import MarketPath
from core.errors import InvalidInput, NoData
from core.simulators.historical import replay_onto, rolling_windows, window

AS_OF = datetime(2022, 1, 3, 21, tzinfo=UTC)
START = np.array([200.0, 5.0])


def history(sessions=120):
    generator = np.random.default_rng(3)
    close = 100.0 * np.exp(np.cumsum(generator.normal(0, 0.02, (1, sessions, 2)), axis=1))
    times = np.busday_offset(np.datetime64("2008-08-01"), np.arange(sessions), roll="forward")
    return MarketPath(
        close=close, open=close * 1.01, high=close * 1.03, low=close * 0.98, volume=np.full(close.shape, 1e6),
        times=times, assets=("A", "B"), as_of=AS_OF, source="samples",
    )  # fmt: skip


def test_window_keeps_both_ends():
    cut = window(history(), date(2008, 9, 1), date(2008, 9, 30))
    assert (cut.times[0], cut.times[-1]) == (np.datetime64("2008-09-01"), np.datetime64("2008-09-30"))
    assert cut.high.shape == cut.close.shape
    with pytest.raises(NoData, match="runs from 2008-08-01"):
        window(history(), date(1999, 1, 1), date(1999, 2, 1))


def test_replay_gives_todays_prices_the_returns_of_then():
    past = history()
    path = replay_onto(past, date(2008, 9, 15), date(2008, 10, 15), START, as_of=AS_OF)
    base = int(np.searchsorted(past.times, np.datetime64("2008-09-15"))) - 1
    last = int(np.searchsorted(past.times, np.datetime64("2008-10-15")))
    np.testing.assert_array_equal(path.close[0, 0], START)
    np.testing.assert_allclose(path.close[0, -1] / START, past.close[0, last] / past.close[0, base], rtol=1e-12)
    np.testing.assert_allclose(
        np.diff(np.log(path.close[0]), axis=0), np.diff(np.log(past.close[0, base : last + 1]), axis=0), rtol=1e-9
    )
    np.testing.assert_allclose(path.high[0] / path.close[0], 1.03)
    assert path.times[0] == np.datetime64("2022-01-03")
    assert path.source == "replay 2008-09-15 to 2008-10-15"


def test_replay_starts_from_the_last_price_before_a_gap_and_keeps_later_gaps():
    past = history()
    base = int(np.searchsorted(past.times, np.datetime64("2008-09-15"))) - 1
    past.close[0, base, 0] = np.nan
    past.close[0, base + 3, 0] = np.nan
    path = replay_onto(past, date(2008, 9, 15), date(2008, 10, 15), START, as_of=AS_OF)
    expected = past.close[0, base + 1, 0] / past.close[0, base - 1, 0]
    assert path.close[0, 1, 0] / START[0] == pytest.approx(expected)
    assert np.isnan(path.close[0, 3, 0])


def test_replay_names_assets_that_did_not_trade_then():
    past = history()
    past.close[0, :60, 1] = np.nan
    with pytest.raises(NoData, match="No price of B"):
        replay_onto(past, date(2008, 9, 15), date(2008, 10, 15), START, as_of=AS_OF)


def test_every_window_becomes_a_path():
    past = history()
    found = rolling_windows(past, START, sessions=20, as_of=AS_OF, step=5)
    assert found.path.close.shape == (20, 21, 2)
    for row in (0, 7, 19):
        first = int(np.searchsorted(past.times, found.starts[row]))
        assert first == 5 * row
        np.testing.assert_allclose(
            found.path.close[row, -1] / START, past.close[0, first + 20] / past.close[0, first], rtol=1e-12
        )


def test_windows_that_do_not_fit():
    with pytest.raises(NoData, match="hold no window of 500"):
        rolling_windows(history(), START, sessions=500, as_of=AS_OF)
    with pytest.raises(InvalidInput, match="step is 0"):
        rolling_windows(history(), START, sessions=5, as_of=AS_OF, step=0)
