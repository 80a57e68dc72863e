"""Antithetic and matched normals: their moments in a block, and what they bring in each model."""

import numpy as np
import pytest

from core.simulators.stochastic import gbm, heston, merton, regime
from core.simulators.stochastic.engine import outcomes
from core.simulators.stochastic.stream import BLOCK_PATHS, SAMPLINGS, block_state, draw_normals


def v(value):
    return np.array([float(value)])


MODELS = {
    "gbm": gbm.GbmParameters.given(("A",), drift=v(0.0), volatility=v(0.2)),
    "merton": merton.MertonParameters(
        assets=("A",),
        drift=v(0.0),
        volatility=v(0.2),
        jumps_per_year=v(2.0),
        jump_mean=v(0.0),
        jump_deviation=v(0.01),
        correlation=np.eye(1),
    ),
    "heston": heston.HestonParameters(
        assets=("A",),
        drift=v(0.0),
        mean_reversion=v(4.0),
        long_run_variance=v(0.04),
        volatility_of_variance=v(0.3),
        leverage=v(-0.5),
        variance=v(0.04),
        correlation=np.eye(1),
    ),
    "regime": regime.RegimeParameters(
        assets=("A",),
        mean=np.zeros((2, 1)),
        covariance=np.array([[[1e-4]], [[2e-4]]]),
        stay=np.array([0.98, 0.95]),
        now=np.array([0.7, 0.3]),
    ),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_mirrored_block_has_no_odd_moments(dtype):
    out = np.empty(BLOCK_PATHS, dtype)
    draw_normals(block_state(3, "x", 0), out, SAMPLINGS.index("antithetic"))
    np.testing.assert_array_equal(out[:256], -out[256:])
    assert out.astype(float).sum() == 0.0
    assert (out.astype(float) ** 3).sum() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_matched_block_has_mean_zero_and_variance_one(dtype):
    out = np.empty(BLOCK_PATHS, dtype)
    draw_normals(block_state(3, "x", 0), out, SAMPLINGS.index("matched"))
    assert out.astype(float).mean() == pytest.approx(0.0, abs=1e-7)
    assert out.astype(float).var() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("sampling", ["antithetic", "matched"])
@pytest.mark.parametrize("name", MODELS)
def test_means_are_unbiased_and_their_spread_between_blocks_is_smaller(name, sampling):
    spread = {}
    for how in ("random", sampling):
        end = outcomes(
            MODELS[name],
            [100.0],
            {"A": 1.0},
            sessions=21,
            paths=64 * BLOCK_PATHS,
            seed=7,
            drift="zero",
            sampling=how,
        ).end
        blocks = end.reshape(64, BLOCK_PATHS).mean(axis=1)
        spread[how] = blocks.std(ddof=1)
        assert abs(blocks.mean() - 100.0) < 4.0 * spread[how] / 8.0
    assert spread[sampling] < 0.6 * spread["random"]
