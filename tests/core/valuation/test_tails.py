"""The outermost values of series beside a full sort by numpy."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.valuation.tails import outermost

VALUES = st.one_of(
    st.floats(-1.0, 10.0, allow_subnormal=True),
    st.sampled_from([0.0, -0.0, -1.0, 0.01, np.inf, 1e300, 1.7e308, -1.7e308]),
)


def both(block, count):
    ordered = np.sort(block, axis=1)
    return ordered[:, :count], ordered[:, -count:]


@settings(max_examples=300, deadline=None)
@given(
    block=arrays.arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 60)), elements=VALUES),
    data=st.data(),
)
def test_they_are_the_ends_of_the_sorted_series(block, data):
    count = data.draw(st.integers(1, block.shape[1]))
    for found, expected in zip(outermost(block, count), both(block, count), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_long_series_with_one_wild_value_keep_their_ends():
    draw = np.random.default_rng(3)
    block = draw.standard_t(3, (70, 2_520)) * 0.01
    block[::2, 100] = 50.0
    for found, expected in zip(outermost(block, 127), both(block, 127), strict=True):
        np.testing.assert_array_equal(found, expected)
