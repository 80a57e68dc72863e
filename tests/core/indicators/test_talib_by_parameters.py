"""Indicators equal TA-Lib for any period, on smooth prices and on coarse ones full of ties."""

import numpy as np
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from core.indicators.catalogue import compute


def bars(seed, tick, count=260):
    """Make bars on a grid of `tick` (0: none); a coarse grid makes equal highs, closes and ranges."""
    draw = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(draw.normal(0.0, 0.015, count)))
    high = close * (1.0 + np.abs(draw.normal(0.0, 0.008, count)))
    low = close * (1.0 - np.abs(draw.normal(0.0, 0.008, count)))
    if tick:
        close, high, low = (np.round(part / tick) * tick for part in (close, high, low))
        # A range of nothing is where conventions differ; that is tested by definition.
        high, low = np.maximum(high, close + tick), np.minimum(low, close - tick)
    return {"close": close, "high": high, "low": low, "volume": draw.integers(1_000, 99_000, count).astype(float)}


CASES = {
    "sma": lambda b, n: ({"period": n}, (talib.SMA(b["close"], n),)),
    "ema": lambda b, n: ({"period": n}, (talib.EMA(b["close"], n),)),
    "wma": lambda b, n: ({"period": n}, (talib.WMA(b["close"], n),)),
    "dema": lambda b, n: ({"period": n}, (talib.DEMA(b["close"], n),)),
    "tema": lambda b, n: ({"period": n}, (talib.TEMA(b["close"], n),)),
    "trix": lambda b, n: ({"period": n}, (talib.TRIX(b["close"], n),)),
    "macd": lambda b, n: (
        {"fast": n, "slow": 2 * n, "signal": n},
        talib.MACD(b["close"], n, 2 * n, n),
    ),
    "rsi": lambda b, n: ({"period": n}, (talib.RSI(b["close"], n),)),
    "cmo": lambda b, n: ({"period": n}, (talib.CMO(b["close"], n),)),
    "roc": lambda b, n: ({"period": n}, (talib.ROC(b["close"], n),)),
    "stochastic": lambda b, n: (
        {"k_period": n, "k_slowing": 3, "d_period": 4},
        talib.STOCH(b["high"], b["low"], b["close"], n, 3, 0, 4, 0),
    ),
    "williams_r": lambda b, n: ({"period": n}, (talib.WILLR(b["high"], b["low"], b["close"], n),)),
    "cci": lambda b, n: ({"period": n}, (talib.CCI(b["high"], b["low"], b["close"], n),)),
    "ultimate_oscillator": lambda b, n: (
        {"short": n, "middle": n + 3, "long": 2 * n + 1},
        (talib.ULTOSC(b["high"], b["low"], b["close"], n, n + 3, 2 * n + 1),),
    ),
    "bollinger": lambda b, n: ({"period": n, "deviations": 1.7}, talib.BBANDS(b["close"], n, 1.7, 1.7, 0)),
    "atr": lambda b, n: ({"period": n}, (talib.ATR(b["high"], b["low"], b["close"], n),)),
    "natr": lambda b, n: ({"period": n}, (talib.NATR(b["high"], b["low"], b["close"], n),)),
    "adx": lambda b, n: (
        {"period": n},
        tuple(one(b["high"], b["low"], b["close"], n) for one in (talib.ADX, talib.PLUS_DI, talib.MINUS_DI)),
    ),
    "aroon": lambda b, n: ({"period": n}, talib.AROON(b["high"], b["low"], n)[::-1]),
    "linear_regression": lambda b, n: ({"period": n}, (talib.LINEARREG(b["close"], n),)),
    "rolling_max": lambda b, n: ({"period": n}, (talib.MAX(b["close"], n),)),
    "rolling_min": lambda b, n: ({"period": n}, (talib.MIN(b["close"], n),)),
    "chaikin_oscillator": lambda b, n: (
        {"fast": n, "slow": n + 5},
        (talib.ADOSC(b["high"], b["low"], b["close"], b["volume"], n, n + 5),),
    ),
    "obv": lambda b, n: ({}, (talib.OBV(b["close"], b["volume"]),)),
    "accumulation": lambda b, n: ({}, (talib.AD(b["high"], b["low"], b["close"], b["volume"]),)),
    "true_range": lambda b, n: ({}, (talib.TRANGE(b["high"], b["low"], b["close"]),)),
}


@pytest.mark.parametrize("name", CASES)
@given(seed=st.integers(0, 9_999), tick=st.sampled_from([0.0, 0.05, 1.0]), period=st.integers(2, 40))
@settings(max_examples=25, deadline=None)
def test_any_period_is_that_of_talib(name, seed, tick, period):
    b = bars(seed, tick)
    parameters, expected = CASES[name](b, period)
    for ours, theirs in zip(compute(name, b, **parameters).values(), expected, strict=True):
        scale = max(1.0, float(np.nanmax(np.abs(theirs), initial=0.0)))
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * scale)


@given(seed=st.integers(0, 9_999), period=st.integers(1, 30))
@settings(max_examples=40, deadline=None)
def test_of_equal_extremes_the_latest_counts(seed, period):
    high = np.random.default_rng(seed).integers(1, 4, 80).astype(float)
    found = compute("aroon", {"high": high, "low": -high}, period=period)
    for t in range(period, 80):
        window = high[t - period : t + 1]
        place = period - int(np.argmax(window[::-1] == window.max()))
        assert found["aroon_up"][t] == pytest.approx(100.0 * place / period)
        assert found["aroon_down"][t] == pytest.approx(100.0 * place / period)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("count", [0, 1, 2, 5, 20])
def test_a_history_that_is_too_short_is_all_warm_up_where_talib_says_so(name, count):
    whole = bars(3, 0.0)
    b = {field: part[:count].copy() for field, part in whole.items()}
    parameters, expected = CASES[name](whole, 30)
    for ours, theirs in zip(compute(name, b, **parameters).values(), expected, strict=True):
        assert len(ours) == count
        assert np.isnan(ours[: min(count, int(np.isnan(theirs).argmin()))]).all()
