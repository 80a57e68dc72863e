"""Timing conditions: grammar, kinds, columns of errors, no look-ahead, the same bar by bar."""

import dataclasses
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.conditions.condition import read_condition
from core.conditions.functions import View, functions
from core.conditions.syntax import Binary, Number, parse
from core.domain.event_calendar import EventCalendar
from core.errors import InvalidInput
from core.testing.strategy_contract import random_history

HISTORY = random_history(5, 2, sessions=260)


def days(*texts):
    return np.array(texts, dtype="datetime64[D]")


EVENTS = EventCalendar(
    name=np.array(["FOMC", "CPI", "CPI", "EARNINGS", "EARNINGS"]),
    asset=np.array([-1, -1, -1, 0, 1]),
    day=days("2012-05-01", "2012-04-12", "2012-06-14", "2012-07-24", "2012-08-02"),
    scheduled=days("2012-01-01", "2012-01-01", "2012-06-13", "2012-07-20", "2012-07-20"),
    known=days("2012-05-01", "2012-04-12", "2012-06-14", "2012-07-25", "NaT"),
    surprise=np.array([np.nan, 0.2, -0.1, 0.05, np.nan]),
)


def view(sessions=None, history=HISTORY, events=EVENTS):
    part = history if sessions is None else history.until(sessions)
    fields = {name: np.array(getattr(part, name)[:, 0]) for name in ("close", "open", "high", "low", "volume")}
    fields["spread"] = np.log(part.close[:, 0] / part.close[:, 1])
    known = events if sessions is None else events.until(part.times[-1])
    return View(fields, part.times, known, 0)


def held(text, **given):
    return read_condition(text).evaluate(view(**given))


EXAMPLES = [
    'zscore(spread, 60) > 2 and adx(14) < 20 and not within(2d, "FOMC")',
    "close > sma(50)",
    "rsi(14) < 30 or rsi(14) > 70",
    "crosses_above(sma(5), sma(20))",
    "close / lag(close, 5) - 1 > 2%",
    "change(21) > 0 and month != 9",
    "highest(high, 20) == high",
    "atr(14) / close < 0.02",
    'after(5d, "CPI") and surprise("CPI") > 0',
    'before(3d, "CPI")',
    "rank(close, 60) > 0.9",
    "-change(5) > 1% and (weekday == 1 or day <= 5)",
    "true and not false",
    'surprise("EARNINGS") > 0',
    "bollinger_upper(20) < close",
    "macd(12, 26, 9) > 0",
]


def test_precedence_is_that_of_arithmetic_and_logic():
    tree = parse("1 + 2 * 3 > 4 and not 1 > 2 or true")
    assert isinstance(tree, Binary)
    assert tree.operator == "or"
    assert tree.left.operator == "and"
    assert tree.left.left.left.right.operator == "*"
    assert parse("-5%") == Number(-0.05, 1)


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_whole_at_once_equals_bar_by_bar(text):
    known = functions()
    if "bollinger_upper" in text and "bollinger_upper" not in known:
        pytest.skip("the indicator has other outputs here")
    condition = read_condition(text)
    whole = condition.evaluate(view())
    assert whole.dtype == bool
    for sessions in (*range(1, 30), *range(30, 260, 7), 260):
        np.testing.assert_array_equal(condition.evaluate(view(sessions)), whole[:sessions], err_msg=text)


@pytest.mark.parametrize("text", EXAMPLES[:-2])
def test_what_comes_later_changes_nothing(text):
    other = random_history(6, 2, sessions=260)
    parts = {
        name: np.concatenate((getattr(HISTORY, name)[:150], getattr(other, name)[150:]))
        for name in ("close", "open", "high", "low", "volume")
    }
    changed = dataclasses.replace(HISTORY, **parts)
    np.testing.assert_array_equal(held(text, history=changed)[:150], held(text)[:150])


def test_every_function_looks_back_only():
    # Every function of the language, indicators too, on a prefix and on the whole.
    filled = {"series": "close", "whole": "7", "truth": "true", "text": '"CPI"', "duration": "4d"}
    tried = 0
    for function in functions().values():
        least = len(function.kinds) - function.optional
        call = f"{function.name}({', '.join(filled[kind] for kind in function.kinds[:least])})"
        text = call if function.returns == "truth" else f"{call} > sma({call}, 3)"
        condition = read_condition(text)
        np.testing.assert_array_equal(condition.evaluate(view(180)), condition.evaluate(view())[:180], err_msg=text)
        tried += 1
    assert tried >= 50


def test_figures_by_pandas():
    import pandas

    close = pandas.Series(view().fields["close"])
    score = (close - close.rolling(20).mean()) / close.rolling(20).std()
    found = held("zscore(20) > 1")
    for ddof in (0, 1):
        score = (close - close.rolling(20).mean()) / close.rolling(20).std(ddof=ddof)
        if np.array_equal(found, (score > 1).to_numpy()):
            break
    else:
        raise AssertionError("neither deviation agrees")
    np.testing.assert_array_equal(held("change(5) > 1%"), (close.pct_change(5) > 0.01).to_numpy())
    fast, slow = close.rolling(5).mean(), close.rolling(20).mean()
    crossed = (fast > slow) & (fast.shift() <= slow.shift())
    np.testing.assert_array_equal(held("crosses_above(sma(5), sma(20))"), crossed.to_numpy())
    np.testing.assert_array_equal(held("month == 5"), pandas.DatetimeIndex(view().times).month == 5)
    np.testing.assert_array_equal(held("weekday == 1"), pandas.DatetimeIndex(view().times).weekday == 0)


def test_what_is_unknown_triggers_nothing_either_way():
    assert not held("sma(300) > 0").any()
    assert not held("not sma(300) > 0").any()
    assert not held("sma(300) > 0 and close > 0").any()
    assert held("sma(300) > 0 or close > 0").all()
    assert not held("not (sma(300) > 0 and close > 0)").any()
    assert held("not (sma(300) > 0 and close < 0)").all()


def test_events_count_from_the_moment_they_were_known():
    times = view().times
    np.testing.assert_array_equal(
        held('within(2d, "FOMC")'), np.abs((times - np.datetime64("2012-05-01")).astype(int)) <= 2
    )
    # The second CPI date was announced the day before: three days ahead nobody knew.
    ahead = times[held('before(3d, "CPI")')]
    assert np.datetime64("2012-06-13") in ahead
    assert np.datetime64("2012-06-12") not in ahead
    assert np.datetime64("2012-04-10") in ahead
    # Outcomes count from the close they were known at; those of other assets do not.
    told = times[held('surprise("EARNINGS") > 0')]
    assert told[0] == np.datetime64("2012-07-25")
    assert not held('surprise("CPI") > 0')[times >= np.datetime64("2012-06-14")].any()


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("close >", 8, "value is missing"),
        ("close > sma(50", 15, "closing bracket"),
        ("clsoe > 1", 1, "close"),
        ("close > smaa(50)", 9, "sma"),
        ("close", 1, "expected a condition"),
        ("close > 1 and 5", 15, "true or false"),
        ("rsi(14) < 30 < 40", 14, "chain"),
        ("lag(close, -1) > 0", 12, "above 0"),
        ("lag(close, 0) > 0", 12, "above 0"),
        ("sma(close, close) > 0", 12, "fixed number"),
        ("sma(close, 2.5) > 0", 12, "whole number"),
        ("sma() > 0", 1, "takes"),
        ("within(2d, FOMC)", 12, "FOMC"),
        ('within("FOMC", 2d)', 8, "span"),
        ("close > 1 close", 11, "not expected"),
        ("close ! 1", 7, "does not belong"),
        ("__import__('os')", 1, "no"),
        ("close.real > 1", 6, "does not belong"),
        ("", 1, "empty"),
        ("sma(9000) > 1", 5, "5,000"),
        ("(" * 60 + "close > 1" + ")" * 60, 41, "levels"),
        ("not close", 5, "true or false"),
        ("true + 1 > 2", 1, "a number"),
    ],
)
def test_errors_point_at_the_column(text, column, words):
    with pytest.raises(InvalidInput) as caught:
        read_condition(text)
    message = f"{caught.value} {caught.value.hint}"
    assert f"column {column}:" in message, message
    assert words in message
    assert str(caught.value).splitlines()[-1].index("^") == column + 1


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet='closemarit()<>=!+-*/., "0159%dw', max_size=60))
def test_any_text_is_a_condition_or_an_error_with_a_column(text):
    message = ""
    try:
        condition = read_condition(text)
    except InvalidInput as error:
        message = str(error)
    if message:
        assert re.search(r"column \d+:", message)
    else:
        assert condition.evaluate(view()).shape == view().times.shape


def test_what_it_needs_is_known_beforehand():
    condition = read_condition(EXAMPLES[0])
    assert {"spread", "high", "low", "close"} <= condition.needs
    assert condition.events == {"FOMC"}
    assert condition.warmup_sessions >= 60
