"""Properties every model must keep, on random parameters (hypothesis, the same examples each time)."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.simulators.stochastic import bootstrap, copula, garch, gbm, heston, merton, regime
from core.simulators.stochastic.engine import outcomes, simulate
from core.simulators.summary import max_drawdowns

AS_OF = datetime(2021, 6, 30, 20, tzinfo=UTC)
FEW = settings(derandomize=True, deadline=None, max_examples=12)
RATES = st.floats(-0.3, 0.5)
SIGMAS = st.floats(0.05, 0.6)
SEEDS = st.integers(0, 2**31)


def v(value):
    return np.array([float(value)])


def gbm_of(sigma, rate):
    return gbm.GbmParameters.given(("A",), drift=v(rate), volatility=v(sigma))


def merton_of(sigma, rate):
    return merton.MertonParameters(
        assets=("A",),
        drift=v(rate),
        volatility=v(sigma),
        jumps_per_year=v(10.0),
        jump_mean=v(-0.02),
        jump_deviation=v(0.03),
        correlation=np.eye(1),
    )


def heston_of(sigma, rate):
    return heston.HestonParameters(
        assets=("A",),
        drift=v(rate),
        mean_reversion=v(3.0),
        long_run_variance=v(sigma**2),
        volatility_of_variance=v(0.4),
        leverage=v(-0.5),
        variance=v(sigma**2),
        correlation=np.eye(1),
    )


def garch_of(sigma, rate):
    z = np.random.default_rng(3).standard_normal((400, 1))
    daily = sigma**2 / 252
    return garch.GarchParameters(
        assets=("A",),
        mean=v(rate / 252),
        omega=v(0.05 * daily),
        alpha=v(0.05),
        gamma=v(0.04),
        beta=v(0.88),
        variance=v(daily),
        residuals=(z - z.mean()) / z.std(),
    )


def bootstrap_of(sigma, rate):
    z = np.random.default_rng(4).standard_normal((300, 1))
    return bootstrap.BootstrapSource(
        assets=("A",),
        log_returns=rate / 252 + sigma / np.sqrt(252) * z,
        block_length=8.0,
    )


def regime_of(sigma, rate):
    daily = sigma**2 / 252
    return regime.RegimeParameters(
        assets=("A",),
        mean=np.full((2, 1), rate / 252),
        covariance=np.array([[[daily]], [[4.0 * daily]]]),
        stay=np.array([0.97, 0.9]),
        now=np.array([0.6, 0.4]),
    )


def copula_of(sigma, rate):
    return copula.CopulaParameters(
        assets=("A",),
        location=v(rate / 252),
        scale=v(sigma / np.sqrt(252)),
        freedom=v(5.0),
        bound=v(0.5),
        correlation=np.eye(1),
        copula_freedom=5.0,
    )


BUILD = {
    "gbm": gbm_of,
    "merton": merton_of,
    "heston": heston_of,
    "garch": garch_of,
    "bootstrap": bootstrap_of,
    "regime": regime_of,
    "copula": copula_of,
}


def closes(model, seed, start=100.0, sessions=15, paths=520, **how):
    return simulate(model, [start], sessions=sessions, paths=paths, seed=seed, as_of=AS_OF, **how).close[:, :, 0]


@pytest.mark.parametrize("name", BUILD)
@FEW
@given(sigma=SIGMAS, rate=RATES, seed=SEEDS, scale=st.floats(0.01, 1e4))
def test_prices_scale_with_the_start(name, sigma, rate, seed, scale):
    model = BUILD[name](sigma, rate)
    np.testing.assert_allclose(closes(model, seed, 100.0 * scale), scale * closes(model, seed), rtol=1e-12)


@pytest.mark.parametrize("name", BUILD)
@FEW
@given(sigma=SIGMAS, rate=RATES, seed=SEEDS)
def test_prices_are_positive_and_start_where_they_should(name, sigma, rate, seed):
    found = closes(BUILD[name](sigma, rate), seed)
    assert np.isfinite(found).all()
    assert (found > 0.0).all()
    assert (found[:, 0] == 100.0).all()


@pytest.mark.parametrize("name", BUILD)
@FEW
@given(sigma=SIGMAS, rate=RATES, seed=SEEDS, cut=st.integers(1, 14))
def test_a_shorter_run_is_the_beginning_of_a_longer_one(name, sigma, rate, seed, cut):
    if name == "merton":  # Its jumps take draws from a buffer that later sessions share.
        return
    model = BUILD[name](sigma, rate)
    assert np.array_equal(closes(model, seed)[:, : cut + 1], closes(model, seed, sessions=cut))


@pytest.mark.parametrize("name", BUILD)
@FEW
@given(sigma=SIGMAS, rate=RATES, seed=SEEDS, more=st.floats(-0.4, 0.4))
def test_a_rate_shifts_every_session_by_the_same_factor(name, sigma, rate, seed, more):
    model = BUILD[name](sigma, rate)
    ratio = closes(model, seed, drift=more) / closes(model, seed, drift="zero")
    expected = np.exp(more / 252 * np.arange(16))
    np.testing.assert_allclose(ratio, np.tile(expected, (520, 1)), rtol=1e-9)


@pytest.mark.parametrize("name", BUILD)
@FEW
@given(
    sigma=SIGMAS,
    rate=RATES,
    seed=SEEDS,
    shares=st.floats(0.1, 1e4),
    cash=st.floats(0.0, 1e6),
)
def test_the_outcome_of_a_book_is_cash_and_shares_at_the_end(name, sigma, rate, seed, shares, cash):
    model = BUILD[name](sigma, rate)
    path = closes(model, seed)
    found = outcomes(model, [100.0], {"A": shares}, cash=cash, sessions=15, paths=520, seed=seed)
    values = shares * path + cash
    np.testing.assert_allclose(found.end, values[:, -1], rtol=1e-11)
    np.testing.assert_allclose(found.max_drawdown, max_drawdowns(values), rtol=1e-8, atol=1e-13)
    assert (found.max_drawdown <= 0.0).all()
    assert (found.max_drawdown > -1.0).all()


@pytest.mark.parametrize("name", BUILD)
@FEW
@given(sigma=SIGMAS, seed=SEEDS)
def test_other_seeds_give_other_paths(name, sigma, seed):
    model = BUILD[name](sigma, 0.0)
    assert not np.array_equal(closes(model, seed, sessions=3), closes(model, seed + 1, sessions=3))


@FEW
@given(sigma=SIGMAS, rate=RATES, seed=SEEDS)
def test_calls_less_puts_are_the_forward(sigma, rate, seed):
    # Put-call parity holds path by path, and so for any simulated prices.
    end = closes(gbm_of(sigma, 0.0), seed, drift=rate)[:, -1]
    call, put = np.maximum(end - 105.0, 0.0).mean(), np.maximum(105.0 - end, 0.0).mean()
    assert call - put == pytest.approx(end.mean() - 105.0, abs=1e-9)
