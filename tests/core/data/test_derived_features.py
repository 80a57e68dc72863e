"""Features are what another library computes, free of the price level, and never look ahead."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.derived_features import FEATURES, compute_features
from core.ports.derived_store import BarSeries, FeatureRows, PriceHistory

DAYS = np.arange(np.datetime64("2015-01-01"), np.datetime64("2017-06-30"))


def bars(count: int, *, seed: int = 1, start: int = 0) -> BarSeries:
    close = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.02, count)))
    session = DAYS[start : start + count]
    return BarSeries(
        session=session,
        high=close * 1.01,
        low=close * 0.98,
        close=close,
        known_at=(session + np.timedelta64(1, "D")).astype("datetime64[us]"),
    )


def features(series: BarSeries, benchmark: BarSeries | None = None, **more: object) -> FeatureRows:
    history = PriceHistory(instrument_id=1, sessions_per_year=252, prices=series, returns=series, **more)  # type: ignore[arg-type]
    return compute_features(history, benchmark)


def test_every_feature_of_the_list_is_made() -> None:
    assert tuple(features(bars(300), bars(300, seed=2)).values) == FEATURES


def test_returns_volatilities_and_drawdown_agree_with_pandas() -> None:
    series = bars(400)
    made = features(series).values
    close = pd.Series(series.close)
    change = close.pct_change()
    expected = {
        "return_1d": change,
        "return_21d": close.pct_change(21),
        "volatility_20d": change.rolling(20).std() * np.sqrt(252),
        "volatility_60d": change.rolling(60).std() * np.sqrt(252),
        "price_vs_sma_50": close / close.rolling(50).mean() - 1,
        "price_vs_sma_200": close / close.rolling(200).mean() - 1,
        "drawdown_252d": close / close.rolling(252).max() - 1,
    }
    for name, values in expected.items():
        np.testing.assert_allclose(made[name], values.to_numpy(), rtol=1e-9, atol=1e-12, err_msg=name)


def test_beta_and_correlation_agree_with_pandas_on_common_sessions() -> None:
    mine, market = bars(380), bars(380, seed=5)
    kept = np.ones(380, dtype=bool)
    kept[[40, 41, 200]] = False
    market = market.take(kept)
    made = features(mine, market).values
    own = pd.Series(mine.close[kept]).pct_change()
    theirs = pd.Series(market.close).pct_change()
    beta = own.rolling(252).cov(theirs) / theirs.rolling(252).var()
    np.testing.assert_allclose(made["beta_252d"][kept], beta.to_numpy(), rtol=1e-8)
    np.testing.assert_allclose(made["correlation_252d"][kept], own.rolling(252).corr(theirs).to_numpy(), rtol=1e-8)
    assert np.isnan(made["beta_252d"][[40, 41, 200]]).all()


@settings(deadline=None, max_examples=15, derandomize=True)
@given(count=st.integers(3, 300), later=st.integers(1, 80), seed=st.integers(0, 50))
def test_what_comes_later_changes_no_bit_of_what_stands(count: int, later: int, seed: int) -> None:
    whole, market = bars(count + later, seed=seed), bars(count + later, seed=99)
    first = np.arange(count + later) < count
    before, after = features(whole.take(first), market.take(first)), features(whole, market)
    assert (before.known_at == after.known_at[:count]).all()
    for name in FEATURES:
        np.testing.assert_array_equal(before.values[name], after.values[name][:count], err_msg=name)


def test_a_split_is_no_move_and_leaves_the_past_bit_for_bit() -> None:
    smooth = bars(120)
    ratio, ex_date = 4.0, DAYS[60].item()
    factor = np.where(np.arange(120) >= 60, 1 / ratio, 1.0)
    raw = BarSeries(
        session=smooth.session,
        high=smooth.high * factor,
        low=smooth.low * factor,
        close=smooth.close * factor,
        known_at=smooth.known_at,
    )
    known = datetime.combine(ex_date, datetime.min.time(), tzinfo=UTC)
    made = features(raw.over_splits([(ex_date, ratio, known)]), splits=[(ex_date, ratio, known)]).values
    expected = features(smooth).values
    for name in FEATURES:
        np.testing.assert_allclose(made[name], expected[name], rtol=1e-9, atol=1e-12, err_msg=name)
        np.testing.assert_array_equal(made[name][:60], expected[name][:60], err_msg=name)


def test_a_row_is_known_when_the_last_of_its_inputs_was() -> None:
    series = bars(30)
    series.known_at[10] = np.datetime64("2019-05-05T12:00", "us")
    late = datetime(2020, 1, 1, tzinfo=UTC)
    made = features(series, splits=[(DAYS[20].item(), 1.0, late)])
    assert (made.known_at[:10] == series.known_at[:10]).all()
    assert (made.known_at[10:20] == np.datetime64("2019-05-05T12:00", "us")).all()
    assert (made.known_at[20:] == np.datetime64("2020-01-01", "us")).all()


def test_a_close_that_is_not_positive_has_no_features() -> None:
    series = bars(40)
    series.close[7] = -36.98
    made = features(series)
    assert DAYS[7] not in made.session and len(made.session) == 39


@pytest.mark.parametrize("count", [0, 1, 2])
def test_short_series_have_rows_without_values(count: int) -> None:
    made = features(bars(count))
    assert len(made.session) == count == len(made.values["rsi_14"])
    assert np.isnan(made.values["return_21d"]).all()
