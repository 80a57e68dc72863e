"""The shared rolling kernels against brute force, and what degenerate prices give."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.indicators.catalogue import INDICATORS, compute
from core.indicators.moving_average import ABOVE, ema_kernel, repeated_ema_kernel, sma
from core.indicators.rolling import deviation_kernel, drawdown, extreme_kernel, mean_kernel, zscore_kernel
from core.indicators.volatility import realized_volatility

numbers = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=0, max_size=60)


@settings(max_examples=150, deadline=None)
@given(values=numbers, period=st.integers(1, 70))
def test_extremes_are_those_of_every_window(values, period):
    series = np.array(values, dtype=float)
    for sign, pick in ((1.0, max), (-1.0, min)):
        found = extreme_kernel(series, period, sign)
        assert len(found) == len(series)
        for t, value in enumerate(found):
            if t < period - 1:
                assert np.isnan(value)
            else:
                assert value == pick(values[t - period + 1 : t + 1])


@settings(max_examples=60, deadline=None)
@given(values=numbers, period=st.integers(1, 30))
def test_mean_is_that_of_every_window(values, period):
    series = np.array(values, dtype=float)
    expected = pd.Series(series, dtype=float).rolling(period).apply(np.mean, raw=True).to_numpy()
    np.testing.assert_allclose(mean_kernel(series, period), expected, rtol=1e-9, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(values=numbers, period=st.integers(2, 30), ddof=st.integers(0, 1))
def test_deviation_is_that_of_every_window(values, period, ddof):
    series = np.array(values, dtype=float)
    mean, found = deviation_kernel(series, period, ddof)
    expected = pd.Series(series, dtype=float).rolling(period).apply(lambda w: np.std(w, ddof=ddof), raw=True).to_numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-5)
    np.testing.assert_array_equal(mean, mean_kernel(series, period))


@pytest.mark.parametrize("level", [1e-6, 1.0, 1e9])
def test_deviation_survives_a_high_price_level(level):
    # A running sum of squares would lose all digits here.
    wiggle = np.tile([0.0, 1.0], 30) * level * 1e-6
    _, found = deviation_kernel(level + wiggle, 10, 0)
    np.testing.assert_allclose(found[9:], 0.5e-6 * level, rtol=1e-6)


@pytest.mark.parametrize("price", [7.3, 0.1, 1e-4, 33_333.33])
def test_constant_prices_give_no_signal(price):
    flat = {field: np.full(120, price) for field in ("open", "high", "low", "close")} | {"volume": np.full(120, 1e5)}
    none = {
        "cci", "roc", "momentum", "trix", "zscore", "drawdown", "true_range", "atr", "natr", "cmo", "balance_of_power",
        "accumulation", "chaikin_oscillator", "realized_volatility", "standard_deviation", "linear_regression_slope",
        "ultimate_oscillator", "rsi", "dx", "mfi",
    }  # fmt: skip
    for name in none:
        values = compute(name, flat)[name]
        shown = values[np.isfinite(values)]
        assert len(shown) > 20, name
        np.testing.assert_allclose(shown, 0.0, atol=1e-9 * max(price, 1.0), err_msg=name)
    at_price = {
        "sma", "ema", "wma", "dema", "tema", "trima", "kama", "t3", "rolling_max", "rolling_min", "midpoint",
        "typical_price", "linear_regression", "time_series_forecast", "parabolic_sar",
    }  # fmt: skip
    for name in at_price:
        values = compute(name, flat)[name]
        np.testing.assert_allclose(values[np.isfinite(values)], price, rtol=1e-9, err_msg=name)


def test_averages_of_constant_prices_are_not_above_each_other():
    flat = np.full(300, 7.3)
    for fast, slow in ((3, 10), (20, 50), (50, 200)):
        a, b = sma(flat, fast), sma(flat, slow)
        assert not (a > b * ABOVE).any()
        assert not (b > a * ABOVE).any()


def test_repeated_average_of_depth_one_is_the_average():
    close = np.random.default_rng(1).normal(50, 1, 100)
    np.testing.assert_allclose(
        repeated_ema_kernel(close, 7, 1, 1.0, 0.0, 0.0), ema_kernel(close, 7, 0), rtol=1e-12, equal_nan=True
    )


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 5, 6, 7, 12, 13, 16, 17, 19, 25])
def test_repeated_average_starts_exactly_when_it_can(depth, count):
    found = repeated_ema_kernel(np.linspace(1.0, 2.0, count), 7, depth, 1.0, 1.0, 1.0)
    assert np.isnan(found).sum() == min(depth * 6, count)


WARMUP = {
    "sma": 19, "ema": 19, "wma": 19, "trima": 19, "kama": 10, "dema": 38, "tema": 57, "t3": 24, "macd": 33, "ppo": 25,
    "bollinger": 19, "donchian": 19, "keltner": 19, "typical_price": 0, "rsi": 14, "cmo": 14, "cci": 19,
    "ultimate_oscillator": 28, "roc": 10, "momentum": 10, "trix": 43, "balance_of_power": 0, "stochastic": 17,
    "stochastic_fast": 15, "stochastic_rsi": 29, "williams_r": 13, "linear_regression": 13,
    "linear_regression_slope": 13, "time_series_forecast": 13, "rolling_max": 19, "rolling_min": 19, "zscore": 19,
    "standard_deviation": 19, "midpoint": 13, "drawdown": 0, "adx": 27, "aroon": 14, "dx": 14, "adxr": 40,
    "aroon_oscillator": 14, "parabolic_sar": 1, "true_range": 1, "atr": 14, "natr": 14, "realized_volatility": 21,
    "obv": 0, "accumulation": 0, "chaikin_oscillator": 9, "mfi": 14,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(INDICATORS))
def test_warm_up_is_as_long_as_the_definition_says(name):
    generator = np.random.default_rng(2)
    close = 50.0 * np.exp(np.cumsum(generator.normal(0, 0.02, 120)))
    fields = {
        "open": close, "close": close, "high": close * 1.01, "low": close * 0.99,
        "volume": generator.uniform(1e4, 1e5, 120),
    }  # fmt: skip
    found = compute(name, fields)
    last = {output: int(np.isnan(values).sum()) for output, values in found.items()}
    assert max(last.values()) == WARMUP[name]
    for values in found.values():
        assert np.isfinite(values[np.isnan(values).sum() :]).all()


@pytest.mark.parametrize("name", sorted(INDICATORS))
def test_every_length_up_to_the_warm_up_is_answered(name):
    close = 50.0 + np.random.default_rng(4).normal(0, 1, WARMUP[name] + 2)
    fields = {"open": close, "close": close, "high": close + 1.0, "low": close - 1.0, "volume": close * 1e3}
    for count in range(len(close)):
        for values in compute(name, {field: part[:count] for field, part in fields.items()}).values():
            assert values.shape == (count,)


@pytest.mark.parametrize("name", sorted(INDICATORS))
@pytest.mark.parametrize("extra", [0, 1])
def test_the_first_value_appears_on_the_first_session_it_can(name, extra):
    count = WARMUP[name] + extra
    generator = np.random.default_rng(3)
    close = 50.0 + generator.normal(0, 1, count)
    fields = {
        "open": close, "close": close, "high": close + 1.0, "low": close - 1.0, "volume": np.full(count, 1e5),
    }  # fmt: skip
    found = compute(name, fields)
    complete = [bool(np.isfinite(values[-1])) for values in found.values()] if count else [False]
    assert all(complete) == bool(extra)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("rsi", 0, 100), ("cmo", -100, 100), ("stochastic", 0, 100), ("stochastic_fast", 0, 100),
        ("stochastic_rsi", 0, 100), ("williams_r", -100, 0), ("ultimate_oscillator", 0, 100), ("mfi", 0, 100),
        ("adx", 0, 100), ("dx", 0, 100), ("adxr", 0, 100), ("aroon", 0, 100), ("aroon_oscillator", -100, 100),
        ("balance_of_power", -1, 1), ("drawdown", -1, 0),
    ],
)  # fmt: skip
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), spread=st.floats(0.0, 0.2))
def test_bounded_indicators_keep_their_bounds(name, low, high, seed, spread):
    generator = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(generator.normal(0, 0.03, 80)))
    open_ = close * np.exp(generator.normal(0, 0.01, 80))
    fields = {
        "open": open_, "close": close, "high": np.maximum(open_, close) * (1 + spread),
        "low": np.minimum(open_, close) * (1 - spread), "volume": generator.integers(0, 1000, 80).astype(float),
    }  # fmt: skip
    for output, values in compute(name, fields).items():
        shown = values[np.isfinite(values)]
        assert (shown >= low - 1e-9).all(), output
        assert (shown <= high + 1e-9).all(), output


def test_a_steady_rise_is_seen_as_such():
    close = 50.0 * 1.01 ** np.arange(120)
    fields = {"open": close * 0.999, "close": close, "high": close, "low": close * 0.995, "volume": np.full(120, 1e4)}

    def last(name, output=None):
        return compute(name, fields)[output or name][-1]

    assert last("rsi") == 100.0
    assert last("cmo") == 100.0
    assert last("williams_r") == pytest.approx(0.0)
    assert last("aroon", "aroon_up") == 100.0
    assert last("mfi") == 100.0
    assert last("adx", "minus_di") == 0.0
    assert last("dx") == pytest.approx(100.0)
    assert last("roc") == pytest.approx((1.01**10 - 1.0) * 100.0)
    assert last("trix") == pytest.approx(1.0, rel=1e-4)
    assert last("drawdown") == 0.0
    assert last("realized_volatility") == pytest.approx(0.0, abs=1e-9)
    assert last("kama") > last("sma")


def test_realised_volatility_is_annualised_by_the_sessions_of_the_market():
    close = 50.0 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.02, 200)))
    ratio = realized_volatility(close, 21, 365)[21:] / realized_volatility(close, 21, 252)[21:]
    np.testing.assert_allclose(ratio, np.sqrt(365 / 252))
    assert np.isnan(realized_volatility(close, 1)).all()


def test_zscore_of_a_constant_stretch_is_zero_and_comes_back():
    values = np.concatenate((np.full(30, 3.3), [3.4], np.full(5, 3.3)))
    score = zscore_kernel(values, 10)
    assert (score[9:30] == 0.0).all()
    # One of ten differs: its distance is 0.9 of the step over the step's deviation of 0.1 ** 0.5.
    assert score[30] == pytest.approx(0.9 / np.sqrt(0.1))


def test_drawdown_knows_no_prices():
    assert len(drawdown(np.array([]))) == 0
    assert drawdown(np.array([5.0])).tolist() == [0.0]
