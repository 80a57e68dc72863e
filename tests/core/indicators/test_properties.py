"""What holds for every indicator: causal, blind to missing sessions, indifferent to the unit of price."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput, UnknownName
from core.indicators.catalogue import INDICATORS, compute
from core.indicators.moving_average import sma
from core.indicators.rolling import drawdown, zscore
from core.indicators.volatility import realized_volatility

NAMES = sorted(INDICATORS)
# In price units: they scale with the price. On-balance volume and its kin scale with volume only.
IN_PRICE_UNITS = {
    "sma", "ema", "wma", "dema", "tema", "macd", "momentum", "bollinger", "donchian", "keltner", "atr", "true_range",
    "rolling_max", "rolling_min", "trima", "kama", "t3", "parabolic_sar", "linear_regression",
    "linear_regression_slope", "time_series_forecast", "standard_deviation", "midpoint", "typical_price",
}  # fmt: skip


def bars(seed, count=160):
    generator = np.random.default_rng(seed)
    close = 30.0 * np.exp(np.cumsum(generator.normal(0.0, 0.02, count)))
    return {
        "open": close * np.exp(generator.normal(0.0, 0.005, count)),
        "close": close,
        "high": close * (1.0 + np.abs(generator.normal(0.0, 0.01, count))),
        "low": close * (1.0 - np.abs(generator.normal(0.0, 0.01, count))),
        "volume": generator.uniform(1e4, 1e6, count),
    }


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), cut=st.integers(0, 160))
def test_a_prefix_gives_the_prefix(name, seed, cut):
    fields = bars(seed)
    whole = compute(name, fields)
    part = compute(name, {field: values[:cut] for field, values in fields.items()})
    for output, values in part.items():
        np.testing.assert_array_equal(values, whole[output][:cut])


@pytest.mark.parametrize("name", NAMES)
def test_sessions_without_trade_are_left_out(name):
    fields = bars(3)
    gaps = np.random.default_rng(1).random(160) < 0.15
    with_gaps = {field: np.where(gaps, np.nan, values) for field, values in fields.items()}
    inside = compute(name, {field: values[~gaps] for field, values in fields.items()})
    for output, values in compute(name, with_gaps).items():
        assert np.isnan(values[gaps]).all()
        np.testing.assert_array_equal(values[~gaps], inside[output])


@pytest.mark.parametrize("name", NAMES)
def test_the_unit_of_price_does_not_matter(name):
    fields = bars(4)
    scaled = {field: values * (1.0 if field == "volume" else 128.0) for field, values in fields.items()}
    factor = 128.0 if name in IN_PRICE_UNITS else 1.0
    ours, theirs = compute(name, fields), compute(name, scaled)
    for output in ours:
        np.testing.assert_allclose(theirs[output], ours[output] * factor, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_short_histories_are_all_warm_up_or_nearly(name, count):
    found = compute(name, {field: values[:count] for field, values in bars(1).items()})
    assert all(values.shape == (count,) for values in found.values())
    assert set(found) == set(INDICATORS[name].outputs)


def test_at_least_twenty_with_a_description_each():
    assert len(INDICATORS) >= 20
    assert all(spec.description.endswith((".", ")")) for spec in INDICATORS.values())


def test_a_constant_price_has_no_spread():
    flat = np.full(50, 7.3)
    assert (zscore(flat, 10)[9:] == 0.0).all()
    assert (realized_volatility(flat, 10)[10:] == 0.0).all()


def test_zscore_and_volatility_equal_pandas():
    close = bars(2)["close"]
    series = pd.Series(close)
    expected = (series - series.rolling(20).mean()) / series.rolling(20).std()
    np.testing.assert_allclose(zscore(close, 20), expected, rtol=1e-9, atol=1e-9)
    expected = np.log(series).diff().rolling(21).std() * np.sqrt(252)
    np.testing.assert_allclose(realized_volatility(close), expected, rtol=1e-9)


def test_drawdown_by_hand():
    np.testing.assert_allclose(drawdown(np.array([10.0, 12.0, 9.0, 12.0])), [0.0, 0.0, -0.25, 0.0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: compute("smaa", bars(1)), UnknownName, "Did you mean sma"),
        (lambda: compute("sma", bars(1), perod=3), UnknownName, "Did you mean period"),
        (lambda: compute("atr", {"close": np.ones(5)}), InvalidInput, "missing: high, low"),
        (lambda: compute("sma", bars(1), period=0), InvalidInput, "period is 0, expected a whole number above 0"),
        (lambda: compute("sma", bars(1), period=2.5), InvalidInput, "period is 2.5, expected a whole number"),
        (lambda: compute("bollinger", bars(1), deviations=-1.0), InvalidInput, "deviations is -1.0"),
        (lambda: sma(np.ones((3, 3))), InvalidInput, "close has shape"),
        (lambda: sma(), InvalidInput, "missing a required argument"),
        (lambda: sma(np.ones(3), 2, 3), InvalidInput, "too many positional arguments"),
    ],
)
def test_mistakes_are_named(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert message in str(caught.value)
