"""The random streams: distribution, independence, and independence of threads and path counts."""

import numpy as np
import pytest
import scipy.stats

from core.errors import InvalidInput
from core.simulators.stochastic.stream import (
    BLOCK_PATHS,
    LANES,
    block_state,
    exponential,
    fill_normal,
    fill_uniform,
    over_blocks,
)


def xoshiro(state, count):
    """The public-domain reference algorithm of Blackman and Vigna, in plain Python integers."""
    mask = (1 << 64) - 1
    s = [int(part) for part in state]
    out = []
    for _ in range(count):
        total = (s[0] + s[3]) & mask
        out.append((((total << 23) | (total >> 41)) + s[0]) & mask)
        t = (s[1] << 17) & mask
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = ((s[3] << 45) | (s[3] >> 19)) & mask
    return out


def test_uniforms_are_those_of_the_reference_generator():
    state = block_state(7, "test", 3)
    words = np.array([xoshiro(state[:, lane], 50) for lane in range(LANES)], dtype=np.uint64).T.ravel()
    out = np.empty(50 * LANES)
    fill_uniform(state, out)
    expected = ((words >> np.uint64(12)).astype(float) + 0.5) / 2.0**52
    np.testing.assert_allclose(out, expected, rtol=0, atol=2.0**-53)
    assert out.min() > 0.0
    assert out.max() < 1.0


@pytest.mark.parametrize("seed", range(4))
def test_uniforms_and_normals_pass_kolmogorov_smirnov(seed):
    out = np.empty(200_000)
    fill_uniform(block_state(seed, "u", 0), out)
    assert scipy.stats.kstest(out, "uniform").pvalue > 1e-4
    fill_normal(block_state(seed, "n", 0), out)
    assert scipy.stats.kstest(out, "norm").pvalue > 1e-4
    assert abs(scipy.stats.kurtosis(out)) < 4.5 * np.sqrt(24 / len(out))


def test_normals_are_box_and_muller_of_the_uniforms():
    uniform, normal = np.empty(4096), np.empty(4096)
    fill_uniform(block_state(1, "x", 0), uniform)
    fill_normal(block_state(1, "x", 0), normal)
    radius, angle = np.sqrt(-2.0 * np.log(uniform[:2048])), 2.0 * np.pi * uniform[2048:]
    expected = np.concatenate((radius * np.cos(angle), radius * np.sin(angle)))
    np.testing.assert_allclose(normal, expected, rtol=1e-9, atol=1e-14)


def test_blocks_seeds_and_names_give_unrelated_streams():
    columns = []
    for seed in range(3):
        for name in ("gbm", "bootstrap"):
            for block in range(4):
                out = np.empty(4096)
                fill_normal(block_state(seed, name, block), out)
                columns.append(out)
    correlation = np.corrcoef(columns)
    off = correlation[~np.eye(len(columns), dtype=bool)]
    assert np.abs(off).max() < 5.0 / np.sqrt(4096)


def test_the_exponential_is_exact_to_a_few_units_in_the_last_place():
    points = np.concatenate((np.linspace(-30.0, 30.0, 4001), np.linspace(-1e-3, 1e-3, 101)))
    ours = np.array([exponential(float(x)) for x in points])
    np.testing.assert_allclose(ours, np.exp(points), rtol=1e-15)


def test_every_path_is_drawn_once():
    seen = np.zeros(3 * BLOCK_PATHS + 5)

    def draw(state, part):
        seen[part] += 1

    over_blocks(len(seen), 1, "x", 2, draw)
    assert (seen == 1).all()


@pytest.mark.parametrize("seed", [-1, 1.5, True, None])
def test_bad_seeds_are_refused(seed):
    with pytest.raises(InvalidInput, match="seed is"):
        over_blocks(10, seed, "x", 1, lambda state, part: None)
