"""Features look back only, labels look ahead as far as they say; both by hand."""

import numpy as np
import pytest
import talib

from core.errors import InvalidInput
from core.learning.features import FEATURES, features
from core.learning.labels import forward_return, triple_barrier
from core.ports.strategy import PriceHistory


def history(seed=1, sessions=400, assets=3):
    close = 50.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0.0003, 0.015, (sessions, assets)), axis=0))
    times = np.busday_offset(np.datetime64("2018-01-01"), np.arange(sessions), roll="forward")
    return PriceHistory(close=close, times=times, assets=tuple("ABCDEF"[:assets]))


def column(name):
    return FEATURES.index(name)


def test_features_equal_their_definitions():
    prices = history()
    found = features(prices)
    close = prices.close[:, 1]
    last = found[-1, 1]
    assert last[column("return_21")] == pytest.approx(close[-1] / close[-22] - 1)
    assert last[column("momentum_12_1")] == pytest.approx(close[-22] / close[-253] - 1)
    assert last[column("rsi_14")] == pytest.approx(talib.RSI(close, 14)[-1] / 50 - 1, rel=1e-9)
    assert last[column("gap_to_sma_200")] == pytest.approx(close[-1] / close[-200:].mean() - 1, rel=1e-9)
    month = prices.close[-1] / prices.close[-22] - 1
    assert last[column("market_return_21")] == pytest.approx(month.mean())
    assert last[column("relative_return_21")] == pytest.approx(month[1] - month.mean())
    assert np.isnan(found[:200, :, column("gap_to_sma_200")][:199]).all()
    assert np.isfinite(found[-1]).all()


def test_features_know_nothing_of_later_sessions():
    prices = history(2)
    whole = features(prices)
    for cut in (260, 333):
        np.testing.assert_array_equal(features(prices.until(cut)), whole[:cut])


def test_features_do_not_depend_on_the_level_of_prices():
    prices = history(3)
    scaled = PriceHistory(close=prices.close * np.array([8.0, 0.25, 64.0]), times=prices.times, assets=prices.assets)
    np.testing.assert_allclose(features(scaled), features(prices), rtol=1e-7, atol=1e-9)


def test_an_asset_without_prices_has_no_features_and_spoils_no_other():
    prices = history(4)
    prices.close[:, 2] = np.nan
    found = features(prices)
    assert np.isnan(found[:, 2]).all()
    assert found[-1, 0, column("market_return_21")] == pytest.approx(
        (prices.close[-1, :2] / prices.close[-22, :2] - 1).mean()
    )


def test_forward_return_is_known_after_the_horizon():
    close = np.array([[100.0], [110.0], [121.0], [np.nan]])
    found = forward_return(close, 1)
    np.testing.assert_allclose(found.values[:2, 0], np.log(1.1))
    assert np.isnan(found.values[2:, 0]).all()
    assert found.known_at[:, 0].tolist() == [1, 2, -1, -1]


def test_triple_barrier_by_hand():
    close = np.array([[100.0], [101.0], [103.0], [99.0], [96.0], [97.0], [97.0]])
    width = np.full((7, 1), 0.02)
    found = triple_barrier(close, width, horizon=2)
    # From 100: 103 is above 102 after two sessions; from 101: 103 is below 103.02, then 99 above 98.98: neither;
    # from 103: 99 is below 100.94; from 99: 96 is below 97.02; from 96: 97.92 and 94.08 stand.
    assert found.values[:5, 0].tolist() == [1.0, 0.0, -1.0, -1.0, 0.0]
    assert found.known_at[:5, 0].tolist() == [2, 3, 3, 4, 6]
    assert np.isnan(found.values[5:, 0]).all()
    tight = triple_barrier(close, width, horizon=2, up=0.25, down=0.25)
    assert tight.values[0, 0] == 1.0
    assert tight.known_at[0, 0] == 1


def test_what_does_not_fit_is_named():
    with pytest.raises(InvalidInput, match="horizon"):
        forward_return(np.ones((5, 1)), 5)
    with pytest.raises(InvalidInput, match="volatility"):
        triple_barrier(np.ones((5, 1)), np.ones((4, 1)), horizon=1)
