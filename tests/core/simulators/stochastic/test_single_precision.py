"""Single precision: the normals, the exponential, and that outcomes agree with double precision."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from core.simulators.stochastic import engine
from core.simulators.stochastic.gbm import GbmParameters
from core.simulators.stochastic.heston import HestonParameters
from core.simulators.stochastic.merton import MertonParameters
from core.simulators.stochastic.stream import (
    block_state,
    exponential_32,
    fill_normal,
    fill_normal_32,
    fill_words,
)


def test_normals_are_box_and_muller_of_the_words():
    count = 4096
    words = np.empty(count // 2, np.uint64)
    fill_words(block_state(1, "x", 0), words)
    bits = words.view(np.uint32)
    half = count // 2
    uniform = ((bits[:half] >> 9) + 0.5) / 2.0**23
    angle = bits[half:].astype(np.int32) / 2.0**31 * np.pi
    radius = np.sqrt(-2.0 * np.log(uniform))
    out = np.empty(count, np.float32)
    fill_normal_32(block_state(1, "x", 0), out)
    expected = np.concatenate((radius * np.cos(angle), radius * np.sin(angle)))
    np.testing.assert_allclose(out, expected, rtol=3e-6, atol=3e-7)


@pytest.mark.parametrize("seed", range(4))
def test_normals_pass_kolmogorov_smirnov_and_have_the_right_moments(seed):
    out = np.empty(200_000 // 64 * 64, np.float32)
    fill_normal_32(block_state(seed, "n", 0), out)
    x = out.astype(float)
    assert scipy.stats.kstest(x, "norm").pvalue > 1e-4
    assert abs(x.mean()) < 4.5 / np.sqrt(len(x))
    assert abs(x.var() - 1.0) < 4.5 * np.sqrt(2.0 / len(x))
    assert abs(scipy.stats.skew(x)) < 4.5 * np.sqrt(6.0 / len(x))
    assert abs(scipy.stats.kurtosis(x)) < 4.5 * np.sqrt(24.0 / len(x))


def test_the_tails_are_those_of_a_normal_up_to_their_end():
    out = np.empty(4_000_000 // 64 * 64, np.float32)
    fill_normal_32(block_state(9, "tail", 0), out)
    for level in (3.0, 4.0, 4.5):
        expected = 2.0 * scipy.stats.norm.sf(level) * len(out)
        assert abs((np.abs(out) > level).sum() - expected) < 4.5 * np.sqrt(expected)
    assert np.abs(out).max() <= 5.8


def test_neighbours_and_halves_are_not_related():
    out = np.empty(262_144, np.float32)
    fill_normal_32(block_state(4, "x", 0), out)
    x = out.astype(float)
    half = len(x) // 2
    bound = 4.5 / np.sqrt(half)
    for lag in (1, 2, 8, 16, 32):
        assert abs(np.corrcoef(x[lag:], x[:-lag])[0, 1]) < bound
    assert abs(np.corrcoef(x[:half], x[half:])[0, 1]) < bound
    assert abs(np.corrcoef(x[:half] ** 2, x[half:] ** 2)[0, 1]) < bound


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.floats(-80.0, 80.0, width=32))
def test_the_exponential_is_good_to_single_precision(x):
    assert exponential_32(np.float32(x)) == pytest.approx(np.exp(float(x)), rel=4e-7 * max(1.0, abs(x) / 8.0))


def test_the_double_normals_fill_goes_on_after_the_words():
    first, second = np.empty(512), np.empty(512)
    state = block_state(2, "x", 0)
    fill_normal(state, first)
    fill_normal(state, second)
    assert not np.array_equal(first, second)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.25


def one(**arrays):
    return {name: np.array([value]) for name, value in arrays.items()}


MODELS = {
    "gbm": GbmParameters.given(("A",), **one(drift=0.05, volatility=0.2)),
    "merton": MertonParameters(
        assets=("A",),
        correlation=np.eye(1),
        **one(drift=0.05, volatility=0.15, jumps_per_year=12.0, jump_mean=-0.02, jump_deviation=0.04),
    ),
    "heston": HestonParameters(
        assets=("A",),
        correlation=np.eye(1),
        **one(
            drift=0.05,
            mean_reversion=3.0,
            long_run_variance=0.04,
            volatility_of_variance=0.4,
            leverage=-0.6,
            variance=0.03,
        ),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_distribution_is_that_of_double_precision(name):
    found = {
        precision: engine.outcomes(
            MODELS[name],
            [100.0],
            {"A": 1.0},
            sessions=63,
            paths=20_480,
            seed=3,
            precision=precision,
        )
        for precision in ("float64", "float32")
    }
    assert found["float32"].end.dtype == np.float32
    for pick in ("end", "max_drawdown"):
        double, single = (getattr(found[p], pick).astype(float) for p in ("float64", "float32"))
        assert scipy.stats.ks_2samp(double, single).pvalue > 1e-3


@pytest.mark.parametrize("name", MODELS)
def test_the_mean_is_the_closed_form(name):
    scores = []
    for seed in range(30):
        end = engine.outcomes(
            MODELS[name],
            [100.0],
            {"A": 1.0},
            sessions=63,
            paths=4096,
            seed=seed,
            precision="float32",
        ).end.astype(float)
        scores.append((end.mean() - 100.0 * np.exp(0.05 * 0.25)) / (end.std() / 64.0))
    assert abs(np.mean(scores)) * np.sqrt(30) < 3.0
    assert 0.7 < np.std(scores) < 1.35


@pytest.mark.parametrize("name", MODELS)
def test_threads_do_not_change_a_bit(name):
    runs = [
        engine.outcomes(
            MODELS[name],
            [100.0],
            {"A": 1.0},
            sessions=9,
            paths=3000,
            seed=8,
            precision="float32",
            threads=threads,
        )
        for threads in (1, 2, 3)
    ]
    for other in runs[1:]:
        assert np.array_equal(runs[0].end, other.end)
        assert np.array_equal(runs[0].max_drawdown, other.max_drawdown)
