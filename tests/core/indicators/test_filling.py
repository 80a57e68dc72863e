"""The loop over symbols that an indicator is compiled into: where it writes, what it is kept under."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.indicators import filling, rolling
from core.indicators.catalogue import INDICATORS
from core.indicators.rolling import sum_kernel


def test_outputs_go_where_the_places_say_and_nowhere_else():
    lengths, starts = [40, 3, 30], [10, 226, 132]
    closes = [50.0 + np.random.default_rng(seed).normal(0.0, 1.0, count) for seed, count in enumerate(lengths)]
    joined = np.concatenate(closes)
    out = np.full(240, -7.0)
    places = np.array([[0, 40, 10], [40, 3, 226], [43, 30, 132]])
    INDICATORS["bollinger"].fill(out, places, (joined,), (5, 2.0))
    written = np.zeros(len(out), dtype=bool)
    for close, start in zip(closes, starts, strict=True):
        count = len(close)
        upper, middle, lower = (out[start + row * count : start + (row + 1) * count] for row in range(3))
        written[start : start + 3 * count] = True
        for t in range(count):
            if t < 4:
                assert np.isnan([upper[t], middle[t], lower[t]]).all()
            else:
                window = close[t - 4 : t + 1]
                found = (upper[t], middle[t], lower[t])
                mean, wide = window.mean(), 2.0 * window.std()
                np.testing.assert_allclose(found, (mean + wide, mean, mean - wide), rtol=1e-12)
    assert (out[~written] == -7.0).all()


def test_no_symbols_are_filled_without_a_word():
    out = np.full(3, -7.0)
    INDICATORS["sma"].fill(out, np.empty((0, 3), dtype=np.int64), (np.empty(0),), (5,))
    assert (out == -7.0).all()


def test_each_loop_leaves_the_interpreter_and_is_kept_beside_its_indicator():
    for name, spec in INDICATORS.items():
        assert spec.fill.targetoptions["nogil"], name
        assert spec.fill.py_func.__name__.startswith(f"{name}_fill_")
        assert Path(spec.fill.py_func.__code__.co_filename) == Path(spec.function.__code__.co_filename).with_name(
            spec.function.__module__.rsplit(".", 1)[1] + ".py"
        )


def test_a_change_of_any_source_gives_kept_loops_another_name(tmp_path):
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_text("a = 1\n")
    other.write_text("b = 2\n")
    before = filling._digest(one, other)
    other.write_text("b = 3\n")
    assert filling._digest(one, other) != before
    files = [Path(filling.kernel.__code__.co_filename), *sorted(Path(rolling.__file__).parent.glob("*.py"))]
    expected = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    assert expected.startswith(INDICATORS["mfi"].fill.py_func.__name__.removeprefix("mfi_fill_"))


def test_the_loop_alone_computes_nothing():
    with pytest.raises(NotImplementedError, match="its indicator"):
        filling._fill(np.empty(1), np.array([[0, 1, 0]]), (np.ones(1),), ())


@settings(max_examples=100, deadline=None)
@given(values=st.lists(st.floats(0.0, 1e9), max_size=70), period=st.integers(1, 75))
def test_sums_are_those_of_every_window(values, period):
    found = sum_kernel(np.array(values, dtype=float), period)
    expected = [sum(values[t : t + period]) for t in range(len(values) - period + 1)]
    np.testing.assert_allclose(found, expected, rtol=1e-13)


@settings(max_examples=50, deadline=None)
@given(before=st.lists(st.floats(0.0, 1e9), min_size=1, max_size=40), period=st.integers(1, 30))
def test_a_sum_carries_nothing_from_earlier_values(before, period):
    window = np.random.default_rng(period).normal(1.0, 1e-3, period)
    alone = sum_kernel(window, period)[-1]
    assert sum_kernel(np.concatenate((before, window)), period)[-1] == alone
