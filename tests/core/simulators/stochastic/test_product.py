"""The product inside the kernels beside that of numpy, for every remainder of the groups of rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.kernel import kernel
from core.simulators.stochastic.product import ROW, add_product
from core.simulators.stochastic.stream import BLOCK_PATHS


@kernel
def run(shift, factor, normal, out):
    add_product(shift, factor, normal, out)


def inputs(assets, dtype, seed):
    draw = np.random.default_rng(seed)
    shift = draw.normal(size=assets).astype(dtype)
    factor = np.tril(draw.normal(size=(assets, assets))).astype(dtype)
    normal, out = draw.normal(size=(2, assets, ROW)).astype(dtype)
    return shift, factor, normal, out


@settings(max_examples=60, deadline=None)
@given(
    assets=st.integers(1, 40),
    dtype=st.sampled_from(["float32", "float64"]),
    seed=st.integers(0, 2**32),
)
def test_it_adds_what_numpy_adds(assets, dtype, seed):
    shift, factor, normal, out = inputs(assets, dtype, seed)
    expected = out + shift[:, None] + factor @ normal
    found = out.copy()
    run(shift, factor, normal, found)
    # An order of additions of its own: the error of a sum grows with its absolute terms (Higham, 2002, 4.2).
    size = np.abs(out) + np.abs(shift)[:, None] + np.abs(factor) @ np.abs(normal)
    bound = (assets + 2) * np.finfo(dtype).eps * size
    block = slice(0, BLOCK_PATHS)
    assert (np.abs(found - expected)[:, block] <= bound[:, block]).all()


@pytest.mark.parametrize("assets", [1, 2, 3, 4, 5, 30])
def test_it_leaves_the_rest_of_a_row_alone(assets):
    shift, factor, normal, out = inputs(assets, "float32", 1)
    found = out.copy()
    run(shift, factor, normal, found)
    np.testing.assert_array_equal(found[:, BLOCK_PATHS:], out[:, BLOCK_PATHS:])


def test_mixed_precisions_are_refused():
    shift, factor, normal, out = inputs(2, "float64", 1)
    with pytest.raises(Exception, match="of one precision"):
        run(shift, factor, normal.astype("float32"), out)
