"""What the declaration makes of a function: checks, conversion, gaps, description."""

import numpy as np
import pytest

from core.errors import InvalidInput, UnknownName
from core.indicators.catalogue import INDICATORS, compute
from core.indicators.declaration import indicator


@indicator(fields=("high", "low"), outputs=("span", "middle"), pane="price")
def tunnel(high, low, period: int = 3, ratio: float = 0.5):
    """Measure a tunnel.

    More about it.
    """
    # How many sessions arrive shows in every value; a third of a whole period is whole.
    return high - low + len(high), (high + low) * ratio + period // 3


HIGH, LOW = np.array([3.0, 4.0, 5.0]), np.array([1.0, 1.0, 1.0])


def test_the_description_comes_from_the_function():
    spec = tunnel.spec
    assert (spec.name, spec.description, spec.fields) == ("tunnel", "Measure a tunnel.", ("high", "low"))
    assert dict(spec.parameters) == {"period": 3, "ratio": 0.5}
    assert (spec.outputs, spec.pane) == (("span", "middle"), "price")
    assert spec.function is tunnel


def test_settings_are_checked_and_in_order():
    assert tunnel.spec.settings({"ratio": 2}) == (3, 2.0)
    assert [type(value) for value in tunnel.spec.settings({"ratio": 2, "period": np.int32(5)})] == [int, float]
    with pytest.raises(InvalidInput, match="ratio is -1"):
        tunnel.spec.settings({"ratio": -1})


@pytest.mark.parametrize(
    "call",
    [
        lambda: tunnel(HIGH, LOW, 4, 0.25),
        lambda: tunnel(HIGH, LOW, ratio=0.25, period=4),
        lambda: tunnel(low=LOW, high=HIGH, period=4, ratio=0.25),
        lambda: tunnel(HIGH, low=LOW, period=np.int64(4), ratio=np.float32(0.25)),
    ],
)
def test_arguments_reach_the_function_however_they_are_given(call):
    span, middle = call()
    np.testing.assert_array_equal(span, [5.0, 6.0, 7.0])
    np.testing.assert_array_equal(middle, [2.0, 2.25, 2.5])


@pytest.mark.parametrize(
    "values", [[3, 4, 5], (3.0, 4.0, 5.0), np.array([3, 4, 5]), np.array([3, 4, 5], dtype=np.float32)]
)
def test_anything_numeric_becomes_float64(values):
    span, _ = tunnel(values, LOW)
    assert span.dtype == np.float64
    np.testing.assert_array_equal(span, [5.0, 6.0, 7.0])


def test_columns_of_a_table_and_read_only_arrays_are_taken():
    table = np.array([[3.0, 1.0], [4.0, 1.0], [5.0, 1.0]])
    table.setflags(write=False)
    span, _ = tunnel(table[:, 0], table[:, 1])
    np.testing.assert_array_equal(span, [5.0, 6.0, 7.0])


def test_one_version_is_compiled_whatever_is_given():
    tunnel(HIGH, LOW, 4, 2)
    tunnel(HIGH.astype(np.float32)[::-1], [1, 1, 1], ratio=np.float32(0.25), period=np.int64(4))
    assert len(tunnel.spec.fill.signatures) == 1


def test_the_callers_arrays_stay_as_they_were():
    for name, spec in INDICATORS.items():
        fields = {field: 50.0 + np.random.default_rng(1).normal(0, 1, 80) for field in spec.fields}
        before = {field: values.copy() for field, values in fields.items()}
        outputs = compute(name, fields)
        for field, values in fields.items():
            np.testing.assert_array_equal(values, before[field], err_msg=name)
            assert not any(np.shares_memory(values, output) for output in outputs.values()), name


def test_a_session_counts_only_where_every_field_is_finite():
    high = np.array([3.0, np.nan, 5.0, 6.0, np.inf])
    low = np.array([1.0, 1.0, np.nan, 2.0, 2.0])
    span, middle = tunnel(high, low)
    np.testing.assert_array_equal(span, [4.0, np.nan, np.nan, 6.0, np.nan])
    np.testing.assert_array_equal(middle, [3.0, np.nan, np.nan, 5.0, np.nan])


def test_huge_but_finite_values_are_traded_sessions():
    # Their squares overflow, which must not count as a gap.
    with np.errstate(over="ignore"):
        span, _ = tunnel(np.array([1e300, 2e300]), np.array([1e200, 1e200]))
    assert np.isfinite(span).all()


def test_nothing_traded_is_all_gap():
    span, middle = tunnel(np.full(3, np.nan), LOW)
    assert np.isnan(span).all()
    assert np.isnan(middle).all()


def test_no_sessions_at_all():
    span, _ = tunnel(np.array([]), np.array([]))
    assert span.shape == (0,)


@pytest.mark.parametrize("period", [0, -3, 2.0, 2.5, True, "5", None, float("nan")])
def test_a_period_is_a_whole_number_above_zero(period):
    with pytest.raises(InvalidInput, match=r"Indicator tunnel: period is .*, expected a whole number above 0"):
        tunnel(HIGH, LOW, period)


@pytest.mark.parametrize("ratio", [0, -0.5, float("nan"), float("inf"), "1", None, True])
def test_a_ratio_is_a_finite_number_above_zero(ratio):
    with pytest.raises(InvalidInput, match=r"Indicator tunnel: ratio is .*, expected a number above 0"):
        tunnel(HIGH, LOW, ratio=ratio)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tunnel(HIGH), "missing a required argument: 'low'"),
        (lambda: tunnel(HIGH, LOW, 1, 0.5, 9), "too many positional arguments"),
        (lambda: tunnel(HIGH, LOW, depth=1), "got an unexpected keyword argument 'depth'"),
        (lambda: tunnel(HIGH, LOW, high=HIGH), "multiple values for argument 'high'"),
        (lambda: tunnel(HIGH, LOW[:2]), r"low has shape \(2,\), expected \(3,\)"),
        (lambda: tunnel(HIGH[None], LOW), r"high has shape \(1, 3\)"),
        (lambda: tunnel(["a", "b"], LOW), "high, low must be arrays of numbers"),
        (lambda: tunnel(HIGH, [{}, {}, {}]), "high, low must be arrays of numbers"),
    ],
)
def test_calls_that_do_not_fit_are_explained(call, message):
    with pytest.raises(InvalidInput, match=message):
        call()


def test_the_catalogue_names_what_is_missing_or_unknown():
    with pytest.raises(InvalidInput, match=r"Indicator mfi needs high, low, close, volume; missing: low, volume"):
        compute("mfi", {"high": HIGH, "close": HIGH})
    with pytest.raises(UnknownName, match=r"Unknown indicator 'bolinger'\. Did you mean bollinger"):
        compute("bolinger", {"close": HIGH})
    with pytest.raises(UnknownName, match=r"Unknown parameter of atr 'window'\. Did you mean period"):
        compute("atr", {"high": HIGH, "low": LOW, "close": HIGH}, window=5)
    with pytest.raises(UnknownName, match="Unknown indicator 'qwxz'"):
        compute("qwxz", {})


def test_the_catalogue_is_in_order_and_documents_every_indicator():
    assert list(INDICATORS) == sorted(INDICATORS)
    assert len(INDICATORS) >= 48
    for name, spec in INDICATORS.items():
        assert spec.name == name
        assert set(spec.fields) <= {"open", "high", "low", "close", "volume"}
        assert len(set(spec.outputs)) == len(spec.outputs)
        assert all(default > 0 for default in spec.parameters.values())
        assert len(spec.description) > 20
