"""Every function of the condition language against pandas, case by case."""

import numpy as np
import pandas as pd
import pytest

from core.conditions.condition import read_condition
from core.conditions.functions import View
from core.domain.event_calendar import EventCalendar
from core.testing.strategy_contract import random_history

HISTORY = random_history(21, 2, sessions=320)
FRAME = pd.DataFrame(
    {name: getattr(HISTORY, name)[:, 0] for name in ("close", "open", "high", "low", "volume")},
    index=pd.DatetimeIndex(HISTORY.times),
)
FRAME["spread"] = np.log(HISTORY.close[:, 0] / HISTORY.close[:, 1])
C, O, H, L, V, S = (FRAME[name] for name in ("close", "open", "high", "low", "volume", "spread"))  # noqa: E741
DAYS = FRAME.index


def held(text, frame=FRAME):
    fields = {name: frame[name].to_numpy(dtype=float) for name in frame}
    view = View(fields, frame.index.to_numpy().astype("datetime64[D]"), EventCalendar.none())
    return read_condition(text).evaluate(view)


def z(series, window):
    return (series - series.rolling(window).mean()) / series.rolling(window).std(ddof=1)


CASES = {
    "close > 50": C > 50,
    "close >= open": C >= O,
    "close < open": C < O,
    "close <= low + 0.5": C <= L + 0.5,
    "close == close": C == C,
    "close != open": C != O,
    "high - low > 1%": H - L > 0.01,
    "(high - low) / close > 1.5%": (H - L) / C > 0.015,
    "close * 2 > open + close": C * 2 > O + C,
    "close / open - 1 > 0.2%": C / O - 1 > 0.002,
    "-close < -50": -C < -50,
    "- close + open > 0": -C + O > 0,
    "close - (open - low) > low": C - (O - L) > L,
    "close - open - low < 0": C - O - L < 0,
    "close / 2 / 2 > 12.5": C / 2 / 2 > 12.5,
    "close / (2 / 2) > 50": C / (2 / 2) > 50,
    "close > sma(10)": C.rolling(10).mean() < C,
    "close > sma(close, 10)": C.rolling(10).mean() < C,
    "sma(volume, 20) < volume": V.rolling(20).mean() < V,
    "sma(sma(close, 5), 5) > close": C.rolling(5).mean().rolling(5).mean() > C,
    "highest(20) == close": C.rolling(20).max() == C,
    "highest(high, 20) == high": H.rolling(20).max() == H,
    "lowest(low, 20) == low": L.rolling(20).min() == L,
    "close > lag(highest(high, 20), 1)": H.rolling(20).max().shift(1) < C,
    "close < lag(lowest(low, 10), 1)": L.rolling(10).min().shift(1) > C,
    "lag(close, 1) < close": C.shift(1) < C,
    "lag(close, 250) < close": C.shift(250) < C,
    "change(1) > 0": C.pct_change(1) > 0,
    "change(close, 21) > 2%": C.pct_change(21) > 0.02,
    "change(volume, 5) < 0": V.pct_change(5) < 0,
    "zscore(20) > 1.5": z(C, 20) > 1.5,
    "zscore(spread, 60) < -1": z(S, 60) < -1,
    "abs(zscore(spread, 30)) > 2": z(S, 30).abs() > 2,
    "log(close) > log(open)": np.log(C) > np.log(O),
    "abs(close - open) > 0.3": (C - O).abs() > 0.3,
    "spread > sma(spread, 40)": S.rolling(40).mean() < S,
    "crosses_above(close, sma(20))": (C.rolling(20).mean() < C) & (C.shift() <= C.rolling(20).mean().shift()),
    "crosses_below(close, sma(20))": (C.rolling(20).mean() > C) & (C.shift() >= C.rolling(20).mean().shift()),
    "crosses_above(close, 50)": (C > 50) & (C.shift() <= 50),
    "crosses_below(close, 50)": (C < 50) & (C.shift() >= 50),
    "month == 12": pd.Series(DAYS.month == 12, DAYS),
    "month >= 11 or month <= 4": pd.Series((DAYS.month >= 11) | (DAYS.month <= 4), DAYS),
    "day <= 3": pd.Series(DAYS.day <= 3, DAYS),
    "weekday == 5": pd.Series(DAYS.day_of_week == 4, DAYS),
    "weekday != 1": pd.Series(DAYS.day_of_week != 0, DAYS),
    "true": pd.Series(True, DAYS),
    "false or close > 50": C > 50,
    "true and close > 50": C > 50,
    "not close > 50": ~(C > 50),
    "not not close > 50": C > 50,
    "not (close > 50 and open > 50)": ~((C > 50) & (O > 50)),
    "not close > 50 and open > 50": ~(C > 50) & (O > 50),
    "close > 50 or open > 50 and low > 50": (C > 50) | ((O > 50) & (L > 50)),
    "(close > 50 or open > 50) and low > 50": ((C > 50) | (O > 50)) & (L > 50),
    "close > 50 and open > 50 or low > 50": ((C > 50) & (O > 50)) | (L > 50),
    "CLOSE > SMA(10)": C.rolling(10).mean() < C,
    "close>sma( 10 )and open<close": (C.rolling(10).mean() < C) & (O < C),
    "close > 5e1": C > 50,
    "close > .5 * 100": C > 50,
}


@pytest.mark.parametrize("text", CASES)
def test_a_condition_is_what_pandas_says(text):
    np.testing.assert_array_equal(held(text), CASES[text].to_numpy(dtype=bool))


def test_the_cases_are_not_all_one_way():
    mixed = [text for text in CASES if 0 < CASES[text].sum() < len(FRAME)]
    assert len(mixed) >= 45


@pytest.mark.parametrize("window", [2, 5, 21, 60])
def test_a_rank_is_the_share_of_the_window_below(window):
    share = C.rolling(window).apply(lambda part: (part[:-1] < part[-1]).sum() / (window - 1), raw=True)
    for level in (0.0, 0.3, 0.5, 0.9):
        np.testing.assert_array_equal(held(f"rank(close, {window}) > {level}"), (share > level).to_numpy())


@pytest.mark.parametrize("window", [3, 10, 30])
def test_a_deviation_is_the_one_of_the_indicator(window):
    from core.indicators.rolling import standard_deviation

    found = standard_deviation(C.to_numpy(), window)
    np.testing.assert_array_equal(held(f"stdev({window}) > 0.5"), found > 0.5)
    for ddof in (0, 1):
        if np.allclose(found[window:], C.rolling(window).std(ddof=ddof).to_numpy()[window:]):
            return
    raise AssertionError("neither definition agrees")


@pytest.mark.parametrize(
    ("text", "indicator", "parameters", "output"),
    [
        ("rsi(14) < 40", "rsi", {"period": 14}, 0),
        ("rsi(7) < 40", "rsi", {"period": 7}, 0),
        ("adx(14) < 40", "adx", {"period": 14}, 0),
        ("atr(14) < 40", "atr", {"period": 14}, 0),
        ("rsi < 40", "rsi", {}, 0),
    ],
)
def test_indicators_are_those_of_the_catalogue(text, indicator, parameters, output):
    from core.indicators.catalogue import compute

    fields = {name: FRAME[name].to_numpy() for name in FRAME}
    values = list(compute(indicator, fields, **parameters).values())[output]
    np.testing.assert_array_equal(held(text), np.nan_to_num(values, nan=np.inf) < 40)


def test_gaps_are_stepped_over():
    gaps = FRAME.copy()
    missing = np.random.default_rng(1).random(len(gaps)) < 0.1
    gaps.loc[missing, :] = np.nan
    traded = FRAME[~missing]
    inside = held("close > sma(10)", traded)
    found = held("close > sma(10)", gaps)
    np.testing.assert_array_equal(found[~missing], inside)
    assert not found[missing].any()


def test_a_division_by_nothing_is_unknown():
    flat = FRAME.copy()
    flat["volume"] = 0.0
    assert not held("close / volume > 0", flat).any()
    assert not held("not close / volume > 0", flat).any()


def test_an_empty_history_holds_nothing():
    assert held("close > sma(10)", FRAME.iloc[:0]).shape == (0,)
    assert held("rank(close, 10) > 0.5", FRAME.iloc[:3]).tolist() == [False] * 3
