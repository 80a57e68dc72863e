"""Indicators against their textbook definitions, walked session by session in plain Python."""

import itertools
import math

import numpy as np
import pytest

from core.indicators.catalogue import compute


def bars(seed=8, count=90):
    generator = np.random.default_rng(seed)
    close = 40.0 * np.exp(np.cumsum(generator.normal(0.0, 0.02, count)))
    open_ = close * np.exp(generator.normal(0.0, 0.005, count))
    return {
        "open": open_,
        "close": close,
        "high": np.maximum(open_, close) * (1.0 + np.abs(generator.normal(0.0, 0.01, count))),
        "low": np.minimum(open_, close) * (1.0 - np.abs(generator.normal(0.0, 0.01, count))),
        "volume": generator.uniform(1e4, 1e6, count),
    }


def windows(values, period):
    return [None if t < period - 1 else values[t - period + 1 : t + 1] for t in range(len(values))]


def over_windows(values, period, function):
    return [math.nan if part is None else function(part) for part in windows(values, period)]


def ema_of(values, period):
    out = [math.nan] * len(values)
    start = next((t for t, value in enumerate(values) if not math.isnan(value)), len(values))
    if len(values) < start + period:
        return out
    level = sum(values[start : start + period]) / period
    out[start + period - 1] = level
    for t in range(start + period, len(values)):
        level = level + 2.0 / (period + 1.0) * (values[t] - level)
        out[t] = level
    return out


def wilder_of(values, period):
    """Smooth values from index 1 on: the mean of the first `period`, then 1/period of each new one."""
    out = [math.nan] * len(values)
    level = sum(values[1 : period + 1]) / period
    out[period] = level
    for t in range(period + 1, len(values)):
        level = (level * (period - 1) + values[t]) / period
        out[t] = level
    return out


def true_ranges(b):
    out = [math.nan]
    for t in range(1, len(b["close"])):
        before = b["close"][t - 1]
        out.append(max(b["high"][t] - b["low"][t], abs(b["high"][t] - before), abs(b["low"][t] - before)))
    return out


def check(name, expected, output=None, fields=None, **parameters):
    found = compute(name, fields or bars(), **parameters)
    values = found[output or name]
    np.testing.assert_allclose(values, np.array(expected, dtype=float), rtol=1e-9, atol=1e-9, equal_nan=True)


@pytest.mark.parametrize("period", [1, 2, 7, 90, 91])
def test_simple_average(period):
    check("sma", over_windows(list(bars()["close"]), period, lambda w: sum(w) / period), period=period)


@pytest.mark.parametrize("period", [1, 2, 7, 90, 91])
def test_exponential_average(period):
    check("ema", ema_of(list(bars()["close"]), period), period=period)


@pytest.mark.parametrize("period", [1, 2, 7, 90])
def test_weighted_average(period):
    def weigh(window):
        return sum((k + 1) * value for k, value in enumerate(window)) / (period * (period + 1) / 2)

    check("wma", over_windows(list(bars()["close"]), period, weigh), period=period)


@pytest.mark.parametrize("period", [2, 3, 8, 9])
def test_triangular_average_rises_to_the_middle(period):
    half = (period + 1) // 2
    weights = np.convolve(np.ones(half), np.ones(period + 1 - half))

    def weigh(window):
        return float(np.dot(weights, window) / weights.sum())

    assert len(weights) == period
    check("trima", over_windows(list(bars()["close"]), period, weigh), period=period)


@pytest.mark.parametrize("period", [1, 2, 5, 12])
def test_double_and_triple_exponential_averages(period):
    close = list(bars()["close"])
    one = ema_of(close, period)
    two = ema_of(one, period)
    three = ema_of(two, period)
    check("dema", [2 * a - b for a, b in zip(one, two, strict=True)], period=period)
    check("tema", [3 * a - 3 * b + c for a, b, c in zip(one, two, three, strict=True)], period=period)
    changes = [math.nan] + [(b / a - 1.0) * 100.0 for a, b in itertools.pairwise(three)]
    check("trix", changes, period=period)


def test_t3_is_the_generalised_average_three_times():
    levels = [list(bars()["close"])]
    for _ in range(6):
        levels.append(ema_of(levels[-1], 4))
    v = 0.6
    # Expanding GD(GD(GD(x))) with GD(x) = (1 + v) EMA(x) - v EMA(EMA(x)).
    weights = np.array([(1 + v) ** 3, -3 * v * (1 + v) ** 2, 3 * v * v * (1 + v), -(v**3)])
    expected = weights @ np.array(levels[3:])
    check("t3", expected, period=4, volume_factor=0.6)


def test_adaptive_average():
    close, period = list(bars()["close"]), 6
    expected, level = [math.nan] * len(close), close[period - 1]
    for t in range(period, len(close)):
        path = sum(abs(close[k] - close[k - 1]) for k in range(t - period + 1, t + 1))
        efficiency = abs(close[t] - close[t - period]) / path
        level += (efficiency * (2 / 3 - 2 / 31) + 2 / 31) ** 2 * (close[t] - level)
        expected[t] = level
    check("kama", expected, period=period)


def test_macd_has_both_averages_start_together():
    close = list(bars()["close"])
    fast, slow, signal = 5, 9, 4
    quick = ema_of([math.nan] * (slow - fast) + close[slow - fast :], fast)
    line = [a - b for a, b in zip(quick, ema_of(close, slow), strict=True)]
    average = ema_of(line, signal)
    shown = [a if not math.isnan(b) else math.nan for a, b in zip(line, average, strict=True)]
    check("macd", shown, "macd", fast=fast, slow=slow, signal=signal)
    check("macd", average, "signal", fast=fast, slow=slow, signal=signal)
    check(
        "macd", [a - b for a, b in zip(shown, average, strict=True)], "histogram", fast=fast, slow=slow, signal=signal
    )


@pytest.mark.parametrize("name", ["macd", "ppo"])
def test_fast_and_slow_may_be_given_in_either_order(name):
    one, other = compute(name, bars(), fast=5, slow=9), compute(name, bars(), fast=9, slow=5)
    for output in one:
        np.testing.assert_array_equal(one[output], other[output])


def test_rsi_and_cmo_share_their_averages():
    close, period = bars()["close"], 6
    change = np.concatenate(([math.nan], np.diff(close)))
    gain = np.array(wilder_of(np.maximum(change, 0.0), period))
    loss = np.array(wilder_of(np.maximum(-change, 0.0), period))
    check("rsi", 100.0 - 100.0 / (1.0 + gain / loss), period=period)
    check("cmo", 100.0 * (gain - loss) / (gain + loss), period=period)


def test_ranges():
    b = bars()
    check("true_range", true_ranges(b))
    expected = np.array(wilder_of(true_ranges(b), 5))
    check("atr", expected, period=5)
    check("natr", expected / b["close"] * 100.0, period=5)


def test_bands_around_averages():
    b = bars()
    close = list(b["close"])
    middle = np.array(over_windows(close, 7, np.mean))
    deviation = np.array(over_windows(close, 7, np.std))
    for output, shift in (("upper", 1.5), ("middle", 0.0), ("lower", -1.5)):
        check("bollinger", middle + shift * deviation, output, period=7, deviations=1.5)
    check("standard_deviation", deviation, period=7)
    width = 3.0 * np.array(wilder_of(true_ranges(b), 4))
    for output, sign in (("upper", 1.0), ("lower", -1.0)):
        check("keltner", np.array(ema_of(close, 7)) + sign * width, output, period=7, atr_period=4, ranges=3.0)


def test_channels():
    b = bars()
    top, bottom = over_windows(list(b["high"]), 9, max), over_windows(list(b["low"]), 9, min)
    check("donchian", top, "upper", period=9)
    check("donchian", bottom, "lower", period=9)
    check("donchian", (np.array(top) + np.array(bottom)) / 2.0, "middle", period=9)
    close = list(b["close"])
    highest, lowest = over_windows(close, 9, max), over_windows(close, 9, min)
    check("rolling_max", highest, period=9)
    check("rolling_min", lowest, period=9)
    check("midpoint", (np.array(highest) + np.array(lowest)) / 2.0, period=9)


def places(b, period):
    top, bottom = over_windows(list(b["high"]), period, max), over_windows(list(b["low"]), period, min)
    return [100.0 * (c - low) / (high - low) for c, high, low in zip(b["close"], top, bottom, strict=True)]


def mean_of(values, period):
    return over_windows(list(values), period, lambda w: sum(w) / period)


def test_stochastics():
    b = bars()
    raw = places(b, 8)
    slow = mean_of(raw, 4)
    smooth = mean_of(slow, 3)
    shown = [a if not math.isnan(c) else math.nan for a, c in zip(slow, smooth, strict=True)]
    check("stochastic", shown, "slow_k", k_period=8, k_slowing=4, d_period=3)
    check("stochastic", smooth, "slow_d", k_period=8, k_slowing=4, d_period=3)
    once = mean_of(raw, 3)
    shown = [a if not math.isnan(c) else math.nan for a, c in zip(raw, once, strict=True)]
    check("stochastic_fast", shown, "fast_k", k_period=8, d_period=3)
    check("stochastic_fast", once, "fast_d", k_period=8, d_period=3)
    check("williams_r", np.array(raw) - 100.0, period=8)


def test_stochastic_rsi_is_the_stochastic_of_the_rsi():
    b = bars()
    level = compute("rsi", b, period=5)["rsi"]
    raw = [math.nan] * 5 + places({"high": level[5:], "low": level[5:], "close": level[5:]}, 6)
    smooth = mean_of(raw, 3)
    check("stochastic_rsi", smooth, "fast_d", period=5, k_period=6, d_period=3)


def test_cci():
    b = bars()
    typical = (b["high"] + b["low"] + b["close"]) / 3.0
    check("typical_price", typical)

    def distance(window):
        return (window[-1] - np.mean(window)) / (0.015 * np.mean(np.abs(window - np.mean(window))))

    check("cci", over_windows(typical, 6, distance), period=6)


def test_ultimate_oscillator_in_any_order_of_its_periods():
    b = bars()
    count = len(b["close"])
    floor = [min(b["low"][t], b["close"][t - 1]) for t in range(1, count)]
    bought = [b["close"][t] - floor[t - 1] for t in range(1, count)]
    moved = [max(b["high"][t], b["close"][t - 1]) - floor[t - 1] for t in range(1, count)]
    expected = [math.nan] * 12
    for t in range(12, count):
        shares = [sum(bought[t - p : t]) / sum(moved[t - p : t]) for p in (3, 6, 12)]
        expected.append(100.0 * (4 * shares[0] + 2 * shares[1] + shares[2]) / 7.0)
    check("ultimate_oscillator", expected, short=3, middle=6, long=12)
    check("ultimate_oscillator", expected, short=12, middle=3, long=6)


@pytest.mark.parametrize("period", [1, 4, 89, 90])
def test_changes(period):
    close = bars()["close"]
    before = np.concatenate((np.full(min(period, 90), np.nan), close[:-period]))
    check("momentum", close - before, period=period)
    check("roc", (close / before - 1.0) * 100.0, period=period)


def test_percentage_price_oscillator():
    close = list(bars()["close"])
    fast, slow = np.array(ema_of(close, 4)), np.array(ema_of(close, 11))
    check("ppo", (fast / slow - 1.0) * 100.0, fast=4, slow=11)


def test_lines_through_the_last_closes_equal_polyfit():
    close = list(bars()["close"])
    fits = [None if part is None else np.polyfit(np.arange(10), part, 1) for part in windows(close, 10)]
    slope = np.array([math.nan if fit is None else fit[0] for fit in fits])
    level = np.array([math.nan if fit is None else fit[1] for fit in fits])
    check("linear_regression_slope", slope, period=10)
    check("linear_regression", level + 9 * slope, period=10)
    check("time_series_forecast", level + 10 * slope, period=10)


def test_aroon_counts_sessions_since_the_extreme():
    b = bars()
    up, down = [math.nan] * 6, [math.nan] * 6
    for t in range(6, 90):
        high, low = b["high"][t - 6 : t + 1][::-1], b["low"][t - 6 : t + 1][::-1]
        up.append(100.0 * (6 - int(np.argmax(high))) / 6)
        down.append(100.0 * (6 - int(np.argmin(low))) / 6)
    check("aroon", up, "aroon_up", period=6)
    check("aroon", down, "aroon_down", period=6)
    check("aroon_oscillator", np.array(up) - np.array(down), period=6)


def test_volume_sums():
    b = bars()
    total, expected = b["volume"][0], [b["volume"][0]]
    for t in range(1, 90):
        total += math.copysign(b["volume"][t], b["close"][t] - b["close"][t - 1])
        expected.append(total)
    check("obv", expected)
    place = ((b["close"] - b["low"]) - (b["high"] - b["close"])) / (b["high"] - b["low"])
    flow = np.cumsum(place * b["volume"])
    check("accumulation", flow)
    quick = steady = flow[0]
    gaps = [math.nan] * 8
    for t in range(1, 90):
        quick += 2 / 4 * (flow[t] - quick)
        steady += 2 / 10 * (flow[t] - steady)
        if t >= 8:
            gaps.append(quick - steady)
    check("chaikin_oscillator", gaps, fast=3, slow=9)


def test_money_flow():
    b = bars()
    typical = (b["high"] + b["low"] + b["close"]) / 3.0
    expected = [math.nan] * 5
    for t in range(5, 90):
        rising = sum(typical[k] * b["volume"][k] for k in range(t - 4, t + 1) if typical[k] > typical[k - 1])
        falling = sum(typical[k] * b["volume"][k] for k in range(t - 4, t + 1) if typical[k] < typical[k - 1])
        expected.append(100.0 * rising / (rising + falling))
    check("mfi", expected, period=5)


def test_balance_of_power_is_zero_without_a_range():
    b = bars()
    check("balance_of_power", (b["close"] - b["open"]) / (b["high"] - b["low"]))
    flat = {field: np.full(4, 5.0) for field in ("open", "high", "low", "close")}
    assert compute("balance_of_power", flat)["balance_of_power"].tolist() == [0.0] * 4


def test_adx_family_hangs_together():
    b = bars(count=200)
    found = compute("adx", b, period=6)
    index = compute("dx", b, period=6)["dx"]
    plus, minus = found["plus_di"], found["minus_di"]
    np.testing.assert_allclose(index[6:], 100.0 * np.abs(plus - minus)[6:] / (plus + minus)[6:], rtol=1e-12)
    level = index[6:12].mean()
    assert found["adx"][11] == pytest.approx(level, rel=1e-12)
    for t in range(12, 200):
        level = (level * 5 + index[t]) / 6
        assert found["adx"][t] == pytest.approx(level, rel=1e-10)
    rating = compute("adxr", b, period=6)["adxr"]
    np.testing.assert_allclose(rating[16:], (found["adx"][16:] + found["adx"][11:-5]) / 2.0, rtol=1e-12)
    assert np.isnan(rating[:16]).all()


def test_parabolic_stop_of_a_straight_rise_by_hand():
    high, low = np.arange(10.0, 16.0), np.arange(9.0, 15.0)
    stop = compute("parabolic_sar", {"high": high, "low": low}, acceleration=0.1, maximum=0.2)["parabolic_sar"]
    # Starts at the first low; then 0.1 of the way to the high of 11, 0.2 of the way to 12, and 0.2 at most.
    assert np.isnan(stop[0])
    assert stop[1:].tolist() == pytest.approx([9.0, 9.2, 9.76, 10.408, 11.1264])


def test_parabolic_stop_stays_on_its_side_and_reverses_when_touched():
    b = bars(count=400)
    stop = compute("parabolic_sar", b)["parabolic_sar"]
    below = stop[1:] <= b["low"][1:]
    above = stop[1:] >= b["high"][1:]
    assert (below | above).all()
    assert 5 < np.sum(below[1:] != below[:-1]) < 150
