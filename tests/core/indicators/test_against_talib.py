"""Every indicator that TA-Lib has equals it to 1e-9, warm-up included."""

import numpy as np
import pytest
import talib

from core.indicators.catalogue import INDICATORS, compute


def bars(seed, count=800):
    generator = np.random.default_rng(seed)
    close = 80.0 * np.exp(np.cumsum(generator.normal(0.0002, 0.02, count)))
    open_ = close * np.exp(generator.normal(0.0, 0.004, count))
    high = np.maximum(open_, close) * np.exp(np.abs(generator.normal(0.0, 0.005, count)))
    low = np.minimum(open_, close) * np.exp(-np.abs(generator.normal(0.0, 0.005, count)))
    volume = generator.integers(1_000, 5_000_000, count).astype(float)
    return {"open": open_, "high": high, "low": low, "close": close, "volume": volume}


CASES = {
    "sma": ({"period": 20}, lambda b: (talib.SMA(b["close"], 20),)),
    "ema": ({"period": 20}, lambda b: (talib.EMA(b["close"], 20),)),
    "wma": ({"period": 20}, lambda b: (talib.WMA(b["close"], 20),)),
    "dema": ({"period": 12}, lambda b: (talib.DEMA(b["close"], 12),)),
    "tema": ({"period": 12}, lambda b: (talib.TEMA(b["close"], 12),)),
    "macd": ({"fast": 12, "slow": 26, "signal": 9}, lambda b: talib.MACD(b["close"], 12, 26, 9)),
    "rsi": ({"period": 14}, lambda b: (talib.RSI(b["close"], 14),)),
    "stochastic": (
        {"k_period": 14, "k_slowing": 3, "d_period": 3},
        lambda b: talib.STOCH(b["high"], b["low"], b["close"], 14, 3, 0, 3, 0),
    ),
    "williams_r": ({"period": 14}, lambda b: (talib.WILLR(b["high"], b["low"], b["close"], 14),)),
    "cci": ({"period": 20}, lambda b: (talib.CCI(b["high"], b["low"], b["close"], 20),)),
    "roc": ({"period": 10}, lambda b: (talib.ROC(b["close"], 10),)),
    "momentum": ({"period": 10}, lambda b: (talib.MOM(b["close"], 10),)),
    "trix": ({"period": 15}, lambda b: (talib.TRIX(b["close"], 15),)),
    "bollinger": ({"period": 20, "deviations": 2.0}, lambda b: talib.BBANDS(b["close"], 20, 2.0, 2.0, 0)),
    "atr": ({"period": 14}, lambda b: (talib.ATR(b["high"], b["low"], b["close"], 14),)),
    "natr": ({"period": 14}, lambda b: (talib.NATR(b["high"], b["low"], b["close"], 14),)),
    "true_range": ({}, lambda b: (talib.TRANGE(b["high"], b["low"], b["close"]),)),
    "adx": (
        {"period": 14},
        lambda b: (
            talib.ADX(b["high"], b["low"], b["close"], 14),
            talib.PLUS_DI(b["high"], b["low"], b["close"], 14),
            talib.MINUS_DI(b["high"], b["low"], b["close"], 14),
        ),
    ),
    "aroon": ({"period": 14}, lambda b: talib.AROON(b["high"], b["low"], 14)[::-1]),
    "obv": ({}, lambda b: (talib.OBV(b["close"], b["volume"]),)),
    "accumulation": ({}, lambda b: (talib.AD(b["high"], b["low"], b["close"], b["volume"]),)),
    "mfi": ({"period": 14}, lambda b: (talib.MFI(b["high"], b["low"], b["close"], b["volume"], 14),)),
    "trima": ({"period": 15}, lambda b: (talib.TRIMA(b["close"], 15),)),
    "kama": ({"period": 10}, lambda b: (talib.KAMA(b["close"], 10),)),
    "t3": ({"period": 5, "volume_factor": 0.7}, lambda b: (talib.T3(b["close"], 5, 0.7),)),
    "ppo": ({"fast": 12, "slow": 26}, lambda b: (talib.PPO(b["close"], 12, 26, 1),)),
    "cmo": ({"period": 14}, lambda b: (talib.CMO(b["close"], 14),)),
    "ultimate_oscillator": (
        {"short": 7, "middle": 14, "long": 28},
        lambda b: (talib.ULTOSC(b["high"], b["low"], b["close"], 7, 14, 28),),
    ),
    "stochastic_fast": (
        {"k_period": 5, "d_period": 3},
        lambda b: talib.STOCHF(b["high"], b["low"], b["close"], 5, 3, 0),
    ),
    "stochastic_rsi": (
        {"period": 14, "k_period": 5, "d_period": 3},
        lambda b: talib.STOCHRSI(b["close"], 14, 5, 3, 0),
    ),
    "balance_of_power": ({}, lambda b: (talib.BOP(b["open"], b["high"], b["low"], b["close"]),)),
    "chaikin_oscillator": (
        {"fast": 3, "slow": 10},
        lambda b: (talib.ADOSC(b["high"], b["low"], b["close"], b["volume"], 3, 10),),
    ),
    "aroon_oscillator": ({"period": 14}, lambda b: (talib.AROONOSC(b["high"], b["low"], 14),)),
    "dx": ({"period": 14}, lambda b: (talib.DX(b["high"], b["low"], b["close"], 14),)),
    "adxr": ({"period": 14}, lambda b: (talib.ADXR(b["high"], b["low"], b["close"], 14),)),
    "parabolic_sar": (
        {"acceleration": 0.02, "maximum": 0.2},
        lambda b: (talib.SAR(b["high"], b["low"], 0.02, 0.2),),
    ),
    "linear_regression": ({"period": 14}, lambda b: (talib.LINEARREG(b["close"], 14),)),
    "linear_regression_slope": ({"period": 14}, lambda b: (talib.LINEARREG_SLOPE(b["close"], 14),)),
    "time_series_forecast": ({"period": 14}, lambda b: (talib.TSF(b["close"], 14),)),
    "standard_deviation": ({"period": 20}, lambda b: (talib.STDDEV(b["close"], 20, 1.0),)),
    "midpoint": ({"period": 14}, lambda b: (talib.MIDPOINT(b["close"], 14),)),
    "typical_price": ({}, lambda b: (talib.TYPPRICE(b["high"], b["low"], b["close"]),)),
    "rolling_max": ({"period": 20}, lambda b: (talib.MAX(b["close"], 20),)),
    "rolling_min": ({"period": 20}, lambda b: (talib.MIN(b["close"], 20),)),
    "donchian": (
        {"period": 20},
        lambda b: (
            talib.MAX(b["high"], 20),
            (talib.MAX(b["high"], 20) + talib.MIN(b["low"], 20)) / 2.0,
            talib.MIN(b["low"], 20),
        ),
    ),
}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", CASES)
def test_equals_talib(name, seed):
    fields = bars(seed)
    parameters, reference = CASES[name]
    ours = compute(name, fields, **parameters)
    for (output, values), expected in zip(ours.items(), reference(fields), strict=True):
        np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-9, equal_nan=True, err_msg=output)


@pytest.mark.parametrize("name", CASES)
def test_equals_talib_after_a_leading_gap(name):
    fields = {field: np.concatenate([np.full(7, np.nan), values]) for field, values in bars(5).items()}
    parameters, _ = CASES[name]
    whole = compute(name, fields, **parameters)
    inside = compute(name, {field: values[7:] for field, values in fields.items()}, **parameters)
    for output, values in whole.items():
        assert np.isnan(values[:7]).all()
        np.testing.assert_array_equal(values[7:], inside[output])


def test_everything_else_is_named_as_having_no_counterpart():
    assert set(INDICATORS) - set(CASES) == {"zscore", "realized_volatility", "drawdown", "keltner"}
