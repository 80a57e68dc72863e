"""The block length: chosen, given, capped and said so."""

from datetime import UTC, datetime

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.simulators.stochastic.bootstrap import (
    BootstrapSource,
    calibrate,
    longest_block_length,
    optimal_block_length,
    simulate,
)

AS_OF = datetime(2021, 6, 30, tzinfo=UTC)


def prices(returns):
    returns = np.asarray(returns, dtype=float)
    returns = returns[:, None] if returns.ndim == 1 else returns
    return 50.0 * np.exp(np.cumsum(np.concatenate((np.zeros((1, returns.shape[1])), returns)), axis=0))


def noise(seed, count=500):
    return np.random.default_rng(seed).normal(0.0, 0.01, count)


def bouncing(seed, count=500):
    """Changes of noise: what one session gives the next takes back, so that nothing is left in the long run."""
    return np.diff(noise(seed, count + 1))


def test_the_assets_whose_length_is_capped_are_named():
    source = calibrate(prices(np.column_stack((noise(1), bouncing(2)))), ("CALM", "BOUNCE"))
    assert source.capped_assets == ("BOUNCE",)
    longest = longest_block_length(500)
    assert optimal_block_length(source.log_returns[:, 1]) == longest
    assert optimal_block_length(source.log_returns[:, 0]) < longest


def test_ordinary_returns_are_not_capped():
    source = calibrate(prices(noise(3)), ("A",))
    assert source.capped_assets == ()
    assert 1.0 <= source.block_length < 15.0


def test_a_given_length_is_not_called_capped():
    source = calibrate(prices(bouncing(2)), ("A",), block_length=7.5)
    assert source.block_length == 7.5
    assert source.capped_assets == ()


@pytest.mark.parametrize(("sessions", "longest"), [(9, 3.0), (50, 17.0), (81, 27.0), (100, 30.0), (2520, 151.0)])
def test_the_cap_grows_with_the_root_of_the_history(sessions, longest):
    # Politis and White (2004): min(3 sqrt(n), n / 3), rounded up.
    assert longest_block_length(sessions) == longest


@pytest.mark.parametrize("length", [0.0, 0.99, -3.0, 501.0, float("nan"), float("inf")])
def test_a_given_length_that_does_not_fit_is_refused_and_not_bent(length):
    with pytest.raises(InvalidInput, match=r"block_length is .*, expected 1 to 500 sessions"):
        calibrate(prices(noise(4)), ("A",), block_length=length)


@pytest.mark.parametrize("length", [1.0, 500.0])
def test_the_ends_of_the_range_fit(length):
    assert calibrate(prices(noise(4)), ("A",), block_length=length).block_length == length


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(10, 300), scale=st.floats(1e-6, 1e3), shift=st.floats(-10, 10))
def test_the_length_knows_neither_unit_nor_level(seed, count, scale, shift):
    values = np.random.default_rng(seed).normal(0, 1, count)
    length = optimal_block_length(values)
    assert 1.0 <= length <= longest_block_length(count)
    assert optimal_block_length(values * scale + shift * scale) == pytest.approx(length, rel=1e-5)


def test_more_persistence_asks_for_longer_blocks():
    lengths = []
    for phi in (0.0, 0.5, 0.9):
        found = []
        for seed in range(6):
            shocks, values = np.random.default_rng(seed).normal(0, 1, 1500), np.zeros(1500)
            for t in range(1, 1500):
                values[t] = phi * values[t - 1] + shocks[t]
            found.append(optimal_block_length(values))
        lengths.append(np.mean(found))
    assert lengths[0] < lengths[1] < lengths[2]


def test_the_standard_error_of_a_mean_is_that_of_archs_stationary_bootstrap():
    shocks, values = noise(5, 600), np.zeros(600)
    for t in range(1, 600):
        values[t] = 0.4 * values[t - 1] + shocks[t]
    source = BootstrapSource(assets=("A",), log_returns=values[:, None], block_length=12.0)
    ends = simulate(source, [1.0], sessions=600, paths=3000, seed=3, as_of=AS_OF).close[:, -1, 0]
    theirs = StationaryBootstrap(12, values, seed=7).apply(np.mean, 3000)[:, 0]
    assert np.log(ends).std() / 600 == pytest.approx(theirs.std(), rel=0.06)
    assert np.log(ends).mean() / 600 == pytest.approx(values.mean(), abs=4 * theirs.std() / np.sqrt(3000))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"log_returns": np.zeros(60)}, r"log_returns has shape \(60,\)"),
        ({"log_returns": np.zeros((60, 2))}, r"log_returns has shape \(60, 2\)"),
        ({"log_returns": np.zeros((0, 1))}, r"log_returns has shape \(0, 1\)"),
        ({"log_returns": np.full((60, 1), np.nan)}, "NaN or infinite"),
        ({"log_returns": np.zeros((60, 1)), "block_length": 61.0}, "expected 1 to 60 sessions"),
    ],
)
def test_sources_that_do_not_fit(fields, message):
    with pytest.raises(InvalidInput, match=message):
        BootstrapSource(**{"assets": ("A",), "block_length": 5.0, **fields})


@pytest.mark.parametrize("values", [np.zeros(9), np.full(20, np.nan), np.zeros((20, 2))])
def test_series_too_short_or_with_gaps(values):
    with pytest.raises(InvalidInput, match="at least 10 numbers without NaN"):
        optimal_block_length(values)


def test_a_block_as_long_as_history_replays_it_in_order():
    returns = noise(6, 60)
    source = BootstrapSource(assets=("A",), log_returns=returns[:, None], block_length=60.0)
    close = simulate(source, [1.0], sessions=40, paths=400, seed=1, as_of=AS_OF).close[:, :, 0]
    steps = np.diff(np.log(close), axis=1)
    twice = np.concatenate((returns, returns))
    whole = sum(any(np.allclose(row, twice[s : s + 40], atol=1e-12) for s in range(60)) for row in steps)
    # Without a jump in 39 draws of 1 in 60: 0.519.
    assert whole / 400 == pytest.approx((1 - 1 / 60) ** 39, abs=4 * 0.5 / 20)


def test_one_session_of_history_is_repeated_for_ever():
    source = BootstrapSource(assets=("A",), log_returns=np.array([[0.01]]), block_length=1.0)
    close = simulate(source, [2.0], sessions=5, paths=3, seed=1, as_of=AS_OF).close
    np.testing.assert_allclose(close[:, :, 0], np.tile(2.0 * np.exp(0.01 * np.arange(6)), (3, 1)), rtol=1e-12)
