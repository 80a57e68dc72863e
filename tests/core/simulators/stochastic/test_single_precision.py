"""Single precision: the normals, the exponential, and that outcomes agree with double precision."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core.errors import TypingError

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
    radial, turn = bits[:half], bits[half:]
    uniform = ((radial & 0x7FFFFFFF) + 0.5) / 2.0**31
    # The angle within the first quadrant; the signs choose the quadrant.
    angle = np.pi / 4.0 * (1.0 + turn.astype(np.int32) / 2.0**31)
    radius = np.sqrt(-2.0 * np.log(uniform))
    signs = np.where(np.stack((radial >> 31, turn & 1)) == 1, -1.0, 1.0)
    out = np.empty(count, np.float32)
    fill_normal_32(block_state(1, "x", 0), out)
    expected = np.concatenate((signs[0] * radius * np.cos(angle), signs[1] * radius * np.sin(angle)))
    np.testing.assert_allclose(out, expected, rtol=4e-6, atol=6e-7)


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
    assert np.abs(out).max() <= 6.67


def test_a_million_normals_stay_below_the_published_critical_values():
    out = np.empty(1_048_576, np.float32)
    fill_normal_32(block_state(12, "critical", 0), out)
    x = out.astype(float)
    count = len(x)
    # Kolmogorov's distance times the root of n: 1.628 at 1 % (Smirnov, 1948).
    assert scipy.stats.kstest(x, "norm").statistic * np.sqrt(count) < 1.628
    # Anderson and Darling (1954), all parameters known: 3.857 at 1 %; it weighs the tails.
    ordered = scipy.stats.norm.logcdf(np.sort(x))
    upper = scipy.stats.norm.logsf(np.sort(x))
    rank = 2.0 * np.arange(1, count + 1) - 1.0
    assert -count - (rank * (ordered + upper[::-1])).sum() / count < 3.857
    # Two signs and sixteen angles of each pair, all alike: chi squared with 63 degrees of freedom, 92.01 at 1 %.
    angle = np.arctan2(x[count // 2 :], x[: count // 2])
    seen = np.bincount(((angle + np.pi) * (64 / (2.0 * np.pi))).astype(int).clip(0, 63), minlength=64)
    expected = count / 2 / 64
    assert ((seen - expected) ** 2 / expected).sum() < 92.01


@pytest.mark.parametrize("count", [64, 512, 4096])
def test_the_words_go_on_where_they_stopped_and_touch_nothing_else(count):
    whole, pieces = np.empty(2 * count, np.uint64), np.zeros(2 * count + 16, np.uint64)
    fill_words(block_state(3, "w", 1), whole)
    state = block_state(3, "w", 1)
    fill_words(state, pieces[:count])
    fill_words(state, pieces[count : 2 * count])
    np.testing.assert_array_equal(pieces[: 2 * count], whole)
    assert not pieces[2 * count :].any()


def test_words_need_one_piece_of_memory():
    with pytest.raises(TypingError, match="contiguous"):
        fill_words(block_state(1, "x", 0), np.empty(64, np.uint64)[::2])


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


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_lone_holding_followed_in_one_pass_is_the_book_followed_in_general(name, precision):
    asked = {"sessions": 40, "paths": 1500, "seed": 5, "precision": precision}
    alone = engine.outcomes(MODELS[name], [100.0], {"A": 2.0}, **asked)
    book = engine.outcomes(MODELS[name], [100.0], {"A": 2.0}, cash=1e-9, **asked)
    tolerance = 2e-5 if precision == "float32" else 1e-9
    np.testing.assert_allclose(alone.end, book.end, rtol=tolerance)
    np.testing.assert_allclose(alone.max_drawdown, book.max_drawdown, rtol=tolerance * 100, atol=tolerance)
