"""The catalogue as tables: names, warm-up, flat and steadily rising prices, a shift of price, a scale of volume."""

from __future__ import annotations

import math

import numpy as np
import pytest
from talib import abstract

from core.errors import InvalidInput, UnknownName
from core.indicators.catalogue import INDICATORS, compute

COUNT = 120
RISE = np.arange(1.0, COUNT + 1.0)
# Steadily up by one a session, a range of two around the close.
RISING = {"close": RISE, "high": RISE + 1, "low": RISE - 1, "open": RISE - 0.5, "volume": np.full(COUNT, 10.0)}
FLAT = {name: np.full(COUNT, 50.0) for name in ("open", "high", "low", "close")} | {"volume": np.full(COUNT, 100.0)}
BANDS = ("upper", "middle", "lower")
POPULATION, SAMPLE = math.sqrt((20**2 - 1) / 12), math.sqrt(20 * 21 / 12)

# Name: parameters in order, outputs, sessions of warm-up with the defaults.
CATALOGUE = {
    "accumulation": ((), ("accumulation",), 0),
    "adx": (("period",), ("adx", "plus_di", "minus_di"), 27),
    "adxr": (("period",), ("adxr",), 40),
    "aroon": (("period",), ("aroon_up", "aroon_down"), 14),
    "aroon_oscillator": (("period",), ("aroon_oscillator",), 14),
    "atr": (("period",), ("atr",), 14),
    "balance_of_power": ((), ("balance_of_power",), 0),
    "bollinger": (("period", "deviations"), BANDS, 19),
    "cci": (("period",), ("cci",), 19),
    "chaikin_oscillator": (("fast", "slow"), ("chaikin_oscillator",), 9),
    "cmo": (("period",), ("cmo",), 14),
    "dema": (("period",), ("dema",), 38),
    "donchian": (("period",), BANDS, 19),
    "drawdown": ((), ("drawdown",), 0),
    "dx": (("period",), ("dx",), 14),
    "ema": (("period",), ("ema",), 19),
    "kama": (("period",), ("kama",), 10),
    "keltner": (("period", "atr_period", "ranges"), BANDS, 19),
    "linear_regression": (("period",), ("linear_regression",), 13),
    "linear_regression_slope": (("period",), ("linear_regression_slope",), 13),
    "macd": (("fast", "slow", "signal"), ("macd", "signal", "histogram"), 33),
    "mfi": (("period",), ("mfi",), 14),
    "midpoint": (("period",), ("midpoint",), 13),
    "momentum": (("period",), ("momentum",), 10),
    "natr": (("period",), ("natr",), 14),
    "obv": ((), ("obv",), 0),
    "parabolic_sar": (("acceleration", "maximum"), ("parabolic_sar",), 1),
    "ppo": (("fast", "slow"), ("ppo",), 25),
    "realized_volatility": (("window", "sessions_per_year"), ("realized_volatility",), 21),
    "roc": (("period",), ("roc",), 10),
    "rolling_max": (("period",), ("rolling_max",), 19),
    "rolling_min": (("period",), ("rolling_min",), 19),
    "rsi": (("period",), ("rsi",), 14),
    "sma": (("period",), ("sma",), 19),
    "standard_deviation": (("period",), ("standard_deviation",), 19),
    "stochastic": (("k_period", "k_slowing", "d_period"), ("slow_k", "slow_d"), 17),
    "stochastic_fast": (("k_period", "d_period"), ("fast_k", "fast_d"), 15),
    "stochastic_rsi": (("period", "k_period", "d_period"), ("fast_k", "fast_d"), 29),
    "t3": (("period", "volume_factor"), ("t3",), 24),
    "tema": (("period",), ("tema",), 57),
    "time_series_forecast": (("period",), ("time_series_forecast",), 13),
    "trima": (("period",), ("trima",), 19),
    "trix": (("period",), ("trix",), 43),
    "true_range": ((), ("true_range",), 1),
    "typical_price": ((), ("typical_price",), 0),
    "ultimate_oscillator": (("short", "middle", "long"), ("ultimate_oscillator",), 28),
    "williams_r": (("period",), ("williams_r",), 13),
    "wma": (("period",), ("wma",), 19),
    "zscore": (("period",), ("zscore",), 19),
}
# Those that move with the price: on flat prices they are the price, and a shift of price shifts them.
LEVELS = {
    "bollinger", "dema", "donchian", "ema", "kama", "keltner", "linear_regression", "midpoint", "parabolic_sar",
    "rolling_max", "rolling_min", "sma", "t3", "tema", "time_series_forecast", "trima", "typical_price", "wma",
}  # fmt: skip
# Ratios to the price change when a constant is added to it.
RATIOS = {"drawdown", "mfi", "natr", "ppo", "realized_volatility", "roc", "trix"}
VOLUME_SUMS = {"accumulation", "chaikin_oscillator", "obv"}
# Flat prices make both the highest and the lowest the newest (Aroon), count the first volume (OBV), and leave
# Williams %R undefined.
NOT_ZERO_WHEN_FLAT = {"aroon", "obv", "williams_r"}

LAST = float(COUNT)
ON_A_RISE = {
    "accumulation": (0.0,),
    "adx": (100.0, 50.0, 0.0),
    "adxr": (100.0,),
    "aroon": (100.0, 0.0),
    "aroon_oscillator": (100.0,),
    "atr": (2.0,),
    "balance_of_power": (0.25,),
    "bollinger": (LAST - 9.5 + 2 * POPULATION, LAST - 9.5, LAST - 9.5 - 2 * POPULATION),
    "cci": (9.5 / (0.015 * 5.0),),
    "chaikin_oscillator": (0.0,),
    "cmo": (100.0,),
    "dema": (LAST,),
    "donchian": (LAST + 1, LAST - 9.5, LAST - 20),
    "drawdown": (0.0,),
    "dx": (100.0,),
    "ema": (LAST - 9.5,),
    # An efficiency of 1 gives the weight (2/3)^2 = 4/9, which lags 5/4 sessions.
    "kama": (LAST - 1.25,),
    "keltner": (LAST - 5.5, LAST - 9.5, LAST - 13.5),
    "linear_regression": (LAST,),
    "linear_regression_slope": (1.0,),
    "macd": (7.0, 7.0, 0.0),
    "mfi": (100.0,),
    "midpoint": (LAST - 6.5,),
    "momentum": (10.0,),
    "natr": (200.0 / LAST,),
    "obv": (10.0 * COUNT,),
    "ppo": (700.0 / (LAST - 12.5),),
    "roc": (1000.0 / (LAST - 10),),
    "rolling_max": (LAST,),
    "rolling_min": (LAST - 19,),
    "rsi": (100.0,),
    "sma": (LAST - 9.5,),
    "standard_deviation": (POPULATION,),
    "stochastic": (1400.0 / 15, 1400.0 / 15),
    "stochastic_fast": (1400.0 / 15, 1400.0 / 15),
    "stochastic_rsi": (0.0, 0.0),
    # Each of the three passes lags (1 + v) 2 - v 4 = 0.6 sessions.
    "t3": (LAST - 1.8,),
    "tema": (LAST,),
    "time_series_forecast": (LAST + 1,),
    "trima": (LAST - 9.5,),
    "trix": (100.0 / (LAST - 22),),
    "true_range": (2.0,),
    "typical_price": (LAST,),
    "ultimate_oscillator": (50.0,),
    "williams_r": (-100.0 / 15,),
    "wma": (LAST - 19 / 3,),
    "zscore": (9.5 / SAMPLE,),
}
TALIB = {
    "adx": "ADX", "adxr": "ADXR", "aroon": "AROON", "aroon_oscillator": "AROONOSC", "atr": "ATR", "cci": "CCI",
    "cmo": "CMO", "dema": "DEMA", "dx": "DX", "ema": "EMA", "kama": "KAMA", "linear_regression": "LINEARREG",
    "mfi": "MFI", "midpoint": "MIDPOINT", "momentum": "MOM", "natr": "NATR", "roc": "ROC", "rsi": "RSI", "sma": "SMA",
    "tema": "TEMA", "time_series_forecast": "TSF", "trima": "TRIMA", "trix": "TRIX", "williams_r": "WILLR",
    "wma": "WMA",
}  # fmt: skip


def walk(seed=1):
    generator = np.random.default_rng(seed)
    close = 80.0 + generator.normal(0, 1, COUNT).cumsum()
    return {
        "close": close,
        "high": close + generator.uniform(0.1, 1, COUNT),
        "low": close - generator.uniform(0.1, 1, COUNT),
        "open": close + generator.uniform(-0.1, 0.1, COUNT),
        "volume": generator.uniform(1, 9, COUNT),
    }


def close_to(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-7)


def test_the_table_is_the_catalogue():
    assert list(INDICATORS) == list(CATALOGUE)
    assert set(ON_A_RISE) == set(CATALOGUE) - {"parabolic_sar", "realized_volatility"}


@pytest.mark.parametrize("name", CATALOGUE)
def test_parameters_and_outputs_are_named_in_order(name):
    parameters, outputs, _ = CATALOGUE[name]
    spec = INDICATORS[name]
    assert (tuple(spec.parameters), spec.outputs, tuple(compute(name, FLAT))) == (parameters, outputs, outputs)


@pytest.mark.parametrize("name", CATALOGUE)
def test_nothing_is_given_before_the_warm_up_ends_and_all_after(name):
    for output, values in compute(name, walk()).items():
        # The directional lines of the ADX are there before their index is smoothed.
        warmup = 14 if output in ("plus_di", "minus_di") else CATALOGUE[name][2]
        assert np.isnan(values[:warmup]).all() and np.isfinite(values[warmup:]).all()


@pytest.mark.parametrize(("name", "function"), TALIB.items())
@pytest.mark.parametrize("period", [5, 9])
def test_the_warm_up_of_a_period_is_that_of_talib(name, function, period):
    there = abstract.Function(function)
    there.set_parameters({"timeperiod": period})
    values = compute(name, walk(), period=period)[INDICATORS[name].outputs[0]]
    assert int(np.isnan(values).sum()) == there.lookback


@pytest.mark.parametrize("name", [name for name in CATALOGUE if name not in NOT_ZERO_WHEN_FLAT])
def test_flat_prices_are_the_price_or_nothing(name):
    for values in compute(name, FLAT).values():
        close_to(values[CATALOGUE[name][2] :], 50.0 if name in LEVELS else 0.0)


@pytest.mark.parametrize("name", ON_A_RISE)
def test_a_steady_rise_by_hand(name):
    found = [values[-1] for values in compute(name, RISING).values()]
    close_to(found, ON_A_RISE[name])


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_shift_of_price(name):
    fields = walk(2)
    shifted = {field: values + (0.0 if field == "volume" else 64.0) for field, values in fields.items()}
    ours, theirs = compute(name, fields), compute(name, shifted)
    for output, values in ours.items():
        inside = values[CATALOGUE[name][2] :]
        other = theirs[output][CATALOGUE[name][2] :]
        if name in RATIOS:
            assert not np.allclose(inside, other)
        else:
            close_to(other, inside + (64.0 if name in LEVELS else 0.0))


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_scale_of_volume(name):
    fields = walk(3)
    ours, theirs = compute(name, fields), compute(name, fields | {"volume": fields["volume"] * 8.0})
    for output, values in ours.items():
        close_to(theirs[output], values * (8.0 if name in VOLUME_SUMS else 1.0))


@pytest.mark.parametrize("name", CATALOGUE)
def test_each_names_the_fields_it_misses(name):
    fields = INDICATORS[name].fields
    for absent in fields:
        with pytest.raises(InvalidInput, match=f"Indicator {name} needs .*; missing: {absent}"):
            compute(name, {field: FLAT[field] for field in fields if field != absent})


@pytest.mark.parametrize(("name", "parameter"), [(n, p) for n, (ps, _, _) in CATALOGUE.items() for p in ps])
@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, "3", None, True])
def test_each_refuses_a_parameter_that_is_no_number_above_zero(name, parameter, value):
    with pytest.raises(InvalidInput, match=f"Indicator {name}: {parameter} is "):
        compute(name, FLAT, **{parameter: value})


@pytest.mark.parametrize("name", CATALOGUE)
def test_each_refuses_a_parameter_it_does_not_know(name):
    with pytest.raises(UnknownName, match=f"parameter of {name}"):
        compute(name, FLAT, nonsense=3)


@pytest.mark.parametrize("name", [name for name, (parameters, _, _) in CATALOGUE.items() if "period" in parameters])
def test_a_period_longer_than_the_history_gives_nothing(name):
    assert all(np.isnan(values).all() for values in compute(name, walk(), period=COUNT + 1).values())
