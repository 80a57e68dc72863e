"""Estimates of sizes: constants, intervals, series, functions; never smaller than what a real value would be."""

# ruff: noqa: E501, DTZ001

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from postgast import parse

from core.query import sizes
from core.query.relations import relations_from

RELATIONS = relations_from({"class": "public", "relations": {"shop.sales": {"day": "date"}}})


def expression(sql):
    return parse(f"SELECT {sql}").stmts[0].stmt.select_stmt.target_list[0].res_target.val


def call(sql):
    return expression(sql).func_call


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("1", 1.0), ("-1", -1.0), ("1.5", 1.5), ("1e3", 1000.0), ("99999999999", 99999999999.0), ("'a'", "a"),
        ("1 + 2", 3.0), ("1 - 2", -1.0), ("2 * 3", 6.0), ("2 ^ 10", 1024.0), ("'5'::int", 5.0), ("'5.5'::numeric", 5.5),
        ("'x'::int", None), ("date '2020-01-02'", datetime(2020, 1, 2)), ("'2020-01-02'::date", datetime(2020, 1, 2)),
        ("timestamp '2020-01-02 03:04'", datetime(2020, 1, 2, 3, 4)), ("interval '2 days'", timedelta(days=2)),
        ("date '2020-01-02' + 3", datetime(2020, 1, 5)), ("date '2020-01-02' - interval '1 week'", datetime(2019, 12, 26)),
        ("date '2020-01-31' + '1 day'", datetime(2020, 2, 1)), ("'nonsense'::date", None), ("a", None), ("f(1)", None),
        ("NULL", None), ("1 / 2", 0.5), ("1 / 0", None), ("(SELECT 1)", None), ("10 ^ 400", math.inf), ("date '9999-12-31' + 1", math.inf),
        ("1 + a", None), ("NULL::date", None), ("1 OPERATOR(x.+) 2", None),
    ],
)  # fmt: skip
def test_constants(sql, value):
    assert sizes.constant(expression(sql)) == value


@pytest.mark.parametrize("sql", ["now()", "current_date", "current_timestamp", "localtimestamp"])
def test_today_is_judged_late(sql):
    assert sizes.constant(expression(sql)) == datetime(2100, 1, 1)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("1 day", timedelta(days=1)), ("2 days", timedelta(days=2)), ("1 week", timedelta(weeks=1)),
        ("1 month", timedelta(days=30)), ("1 mon", timedelta(days=30)), ("1 year", timedelta(days=365)),
        ("1 year 2 months", timedelta(days=425)), ("90 minutes", timedelta(minutes=90)), ("01:30:00", timedelta(minutes=90)),
        ("01:30", timedelta(minutes=90)), ("1 hour 5 min 3 sec", timedelta(hours=1, minutes=5, seconds=3)),
        ("1 microsecond", timedelta(microseconds=1)), ("250 milliseconds", timedelta(milliseconds=250)),
        ("1.5 days", timedelta(hours=36)), ("-1 day", timedelta(days=-1)), ("1 decade", timedelta(days=3650)),
        ("1 quarter", timedelta(days=91)), (" 3 DAYS ", timedelta(days=3)),
    ],
)  # fmt: skip
def test_intervals(text, length):
    assert sizes.interval(text) == length


@pytest.mark.parametrize("text", ["", "soon", "1", "1 fortnight", "1 day ago x", "P1D", "99999999999 years"])
def test_what_is_no_interval(text):
    assert sizes.interval(text) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2020-01-02", datetime(2020, 1, 2)), ("2020-01-02T03:04:05", datetime(2020, 1, 2, 3, 4, 5)),
        ("2020-01-02 03:04:05+02:00", datetime(2020, 1, 2, 3, 4, 5)), (" 2020-01-02 ", datetime(2020, 1, 2)),
        ("2020-13-01", None), ("yesterday", None), ("", None),
    ],
)  # fmt: skip
def test_moments(text, found):
    assert sizes.moment(text) == found


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("generate_series(1, 10)", 10), ("generate_series(10, 1, -1)", 10), ("generate_series(1, 10, 3)", 4),
        ("generate_series(-5, 5)", 11), ("generate_series(1, 2, 0)", math.inf), ("generate_series(1)", None),
        ("generate_series(date '2024-01-01', date '2024-01-31', interval '1 day')", 31),
        ("generate_series('2024-01-01', '2024-01-31', interval '1 day')", 31),
        ("generate_series(date '2024-01-01', date '2024-01-02', '1 hour')", 25),
        ("generate_series(date '2024-01-01', date '2024-01-02', interval '0 hours')", math.inf),
        ("generate_series(1, a)", None), ("generate_series(date '2024-01-01', 5)", None),
        ("generate_series(1, 10^7)", 10_000_000),
        # A start in the middle of a month may have been moved by up to a month.
        ("generate_series(date_trunc('month', date '2024-03-15'), date '2024-03-15', '1 day')", 31),
        ("generate_series(date_trunc('month', a), date '2024-03-15', '1 day')", None),
        ("generate_series(date_trunc('eon', now()), now(), '1 day')", math.inf),
        ("generate_series((SELECT min(day) FROM shop.sales), now(), '1 day')", 200 * 365 + 1),
        ("generate_series((SELECT min(other) FROM shop.sales), now(), '1 day')", None),
        ("generate_series((SELECT min(day) FROM sales), now(), '1 day')", None),
        ("generate_series((SELECT min(day) FROM shop.sales), a, '1 day')", None),
        ("generate_series((SELECT min(day) FROM shop.sales), 5)", None),
    ],
)  # fmt: skip
def test_rows_of_a_series(sql, rows):
    found = sizes.series_rows(list(call(sql).args), RELATIONS)
    assert found is rows is None or math.floor(found) == rows if found != math.inf else rows == math.inf


@given(st.integers(-5000, 5000), st.integers(-5000, 5000), st.integers(-50, 50).filter(bool))
def test_series_are_never_longer_than_estimated(start, end, step):
    real = len(range(start, end + (1 if step > 0 else -1), step))
    assert real <= sizes.series_rows(list(call(f"generate_series({start}, {end}, {step})").args), {}) + 1e-9


TEXT = st.text(st.sampled_from('ab"\\ ,'), min_size=1, max_size=30)


def estimate(sql, *lengths):
    inner = call(sql)
    return sizes.function_bytes(inner.funcname[-1].string.sval, list(inner.args), [float(n) for n in lengths])


@settings(max_examples=60)
@given(TEXT, st.integers(0, 40))
def test_repeat_is_never_longer_than_estimated(text, count):
    assert len(text * count) <= estimate(f"repeat(a, {count})", len(text))


@settings(max_examples=60)
@given(st.lists(TEXT, min_size=1, max_size=8), TEXT)
def test_joined_texts_are_never_longer_than_estimated(parts, separator):
    quoted = separator.replace("'", "''")
    stored = "{" + ",".join(parts) + "}"
    assert len(separator.join(parts)) <= estimate(f"array_to_string(a, '{quoted}')", len(stored), len(separator))
    names = ", ".join("b" for _ in parts)
    assert len(separator.join(parts)) <= estimate(f"concat_ws(a, {names})", len(separator), *map(len, parts))
    assert len("".join(parts)) <= estimate(f"concat({names})", *map(len, parts))


@settings(max_examples=60)
@given(TEXT, TEXT, TEXT)
def test_replacing_is_never_longer_than_estimated(text, pattern, replacement):
    quoted = [part.replace("'", "''") for part in (pattern, replacement)]
    bound = estimate(f"replace(a, '{quoted[0]}', '{quoted[1]}')", len(text), len(pattern), len(replacement))
    assert len(text.replace(pattern, replacement)) <= bound
    assert len(text) + len(replacement) <= estimate("overlay(a, b, 1)", len(text), len(replacement), 8)


@settings(max_examples=60)
@given(TEXT)
def test_json_is_never_longer_than_estimated(text):
    quotes = 2
    assert len(json.dumps(text)) <= estimate("to_json(a)", len(text)) + quotes


def test_indented_json_is_never_longer_than_estimated():
    for depth in (30, 100, 300):
        text = "[" * depth + "]" * depth
        assert len(json.dumps(json.loads(text), indent=4)) <= estimate("jsonb_pretty(a)", len(text)) * 8
    assert estimate("jsonb_pretty(a)", 9_000) > sizes.MAX_VALUE_BYTES


@pytest.mark.parametrize(
    ("sql", "lengths", "words"),
    [
        ("repeat('x', 1001)", (1, 8), "constant count"), ("repeat('x', n)", (1, 8), "constant count"),
        ("lpad('x', n)", (1, 8), "constant count"), ("rpad('x', 5000, 'y')", (1, 8, 1), "constant count"),
        ("format(a, 1)", (5, 8), "constant pattern"), ("format('%*s', 9, 'x')", (3, 8, 1), "widths"),
        ("format('%-2000s', 'x')", (6, 1), "widths"), ("repeat(a, 30)", (500, 8), "at most 10,000 bytes"),
    ],
)  # fmt: skip
def test_widths_must_be_small_constants(sql, lengths, words):
    with pytest.raises(ValueError, match=words):
        estimate(sql, *lengths)


@pytest.mark.parametrize(
    ("sql", "lengths", "bytes_"),
    [
        ("lower(a)", (500,), 500), ("lower(a)", (3,), sizes.NARROW_BYTES), ("count(a)", (3,), sizes.NARROW_BYTES),
        ("array_agg(a)", (32,), sizes.COLLECTED_BYTES), ("array_agg(a)", (5_000,), 5 * sizes.COLLECTED_BYTES),
        ("string_agg(a, b)", (1_000, 1_000), 2 * sizes.COLLECTED_BYTES), ("format('%10s', a)", (4, 7), 28),
        ("format('%1$s%1$s', a)", (8, 100), 410), ("regexp_match(a, '((b))')", (100, 5), 400), ("regexp_match(a, b)", (100, 6), 600),
        ("quote_literal(a)", (500,), 1_000), ("encode(a, 'hex')", (500, 3), 1_006), ("normalize(a)", (10,), 180),
        ("array_append(a, b)", (400, 100), 500), ("array_replace(a, b, c)", (10, 1, 50), 500), ("power(a, 252)", (8, 8), 32),
        ("lpad(a, 100)", (5, 8), 400), ("row_to_json(a)", (70,), 140), ("jsonb_build_object('k', a)", (1, 70), 142),
    ],
)  # fmt: skip
def test_estimates(sql, lengths, bytes_):
    assert estimate(sql, *lengths) == bytes_


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("power(a, 1001)", "exponents"), ("pow(a, -1001)", "exponents"), ("exp(5000)", "exponents"),
        ("round(a, 2000)", "digits"), ("trunc(a, 100 * 100)", "digits"), ("jsonb_path_query(a, b)", "constant"),
        ("jsonb_path_exists(a, '$.**')", "jsonpath"), ("jsonb_path_match(a, '$[0,0]')", "jsonpath"),
    ],
)  # fmt: skip
def test_numbers_of_digits_and_paths_must_be_plain(sql, words):
    inner = call(sql)
    with pytest.raises(ValueError, match=words):
        sizes.check_arguments(inner.funcname[-1].string.sval, list(inner.args))


@pytest.mark.parametrize(
    "sql", ["power(a, 252)", "power(a, b)", "exp(a)", "round(a, 2)", "jsonb_path_query(a, '$.a[*]')"]
)
def test_plain_numbers_of_digits_and_paths_are_allowed(sql):
    inner = call(sql)
    sizes.check_arguments(inner.funcname[-1].string.sval, list(inner.args))


@pytest.mark.parametrize(
    ("text", "is_huge"),
    [
        ("1e1000", True), ("-1.5E+9999", True), (" 1e-16000 ", True), ("1e1_000", True), ("1e999", False), ("1e", False),
        ("12345678901234567890", False), ("x1e1000", False), ("", False),
    ],
)  # fmt: skip
def test_numbers_with_four_digits_of_exponent(text, is_huge):
    assert sizes.is_huge_number(text) is is_huge
