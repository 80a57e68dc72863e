"""Several assets in one model: dependence is kept, order does not matter, one asset alone is what it was."""

from datetime import UTC, datetime

import numpy as np
import pytest

from core.simulators.stochastic import copula, garch, gbm, heston, merton, regime
from core.simulators.stochastic.catalogue import MODELS, calibrate
from core.simulators.stochastic.engine import outcomes, simulate
from core.simulators.stochastic.gbm import correlation_root

AS_OF = datetime(2021, 6, 30, 20, tzinfo=UTC)
ASSETS = ("A", "B", "C", "D", "E", "F")
START = np.array([100.0, 50.0, 20.0, 10.0, 5.0, 200.0])
RHO = 0.55
CORRELATION = RHO + (1.0 - RHO) * np.eye(6)


def full(value):
    return np.full(6, float(value))


GIVEN = {
    "gbm": gbm.GbmParameters.given(
        ASSETS,
        drift=full(0.05),
        volatility=np.linspace(0.1, 0.4, 6),
        correlation=CORRELATION,
    ),
    "merton": merton.MertonParameters(
        assets=ASSETS,
        drift=full(0.05),
        volatility=np.linspace(0.1, 0.4, 6),
        jumps_per_year=full(0.0),
        jump_mean=full(0.0),
        jump_deviation=full(0.0),
        correlation=CORRELATION,
    ),
    "heston": heston.HestonParameters(
        assets=ASSETS,
        drift=full(0.05),
        mean_reversion=full(4.0),
        long_run_variance=full(0.04),
        volatility_of_variance=full(0.2),
        leverage=full(-0.5),
        variance=full(0.04),
        correlation=CORRELATION,
    ),
    "gaussian copula": copula.CopulaParameters(
        assets=ASSETS,
        location=full(0.0),
        scale=full(0.01),
        freedom=full(60.0),
        bound=full(1.0),
        correlation=CORRELATION,
    ),
    "t copula": copula.CopulaParameters(
        assets=ASSETS,
        location=full(0.0),
        scale=full(0.01),
        freedom=full(60.0),
        bound=full(1.0),
        correlation=CORRELATION,
        copula_freedom=60.0,
    ),
}


def moves(name, sessions=4, paths=8192, seed=2):
    close = simulate(GIVEN[name], START, sessions=sessions, paths=paths, seed=seed, as_of=AS_OF, drift="zero").close
    return np.diff(np.log(close), axis=1).reshape(-1, 6)


@pytest.mark.parametrize("name", GIVEN)
def test_every_pair_has_the_correlation_of_the_model(name):
    found = np.corrcoef(moves(name), rowvar=False)
    off = ~np.eye(6, dtype=bool)
    assert np.abs(found[off] - RHO).max() < 0.03


@pytest.mark.parametrize("name", GIVEN)
def test_sessions_do_not_predict_each_other(name):
    close = simulate(GIVEN[name], START, sessions=2, paths=8192, seed=6, as_of=AS_OF, drift="zero").close
    first, second = np.diff(np.log(close), axis=1).transpose(1, 0, 2)
    between = np.corrcoef(first, second, rowvar=False)[:6, 6:]
    assert np.abs(between).max() < 5.0 / np.sqrt(8192)


def test_a_merton_model_without_jumps_is_brownian_motion():
    expected = np.linspace(0.1, 0.4, 6) / np.sqrt(252.0)
    np.testing.assert_allclose(moves("merton").std(axis=0), expected, rtol=0.03)


def test_the_jumps_of_each_asset_are_its_own():
    model = merton.MertonParameters(
        assets=ASSETS,
        drift=full(0.0),
        volatility=full(1e-6),
        jumps_per_year=np.array([0.0, 5.0, 20.0, 60.0, 120.0, 250.0]),
        jump_mean=full(0.1),
        jump_deviation=full(0.0),
        correlation=CORRELATION,
    )
    close = simulate(model, START, sessions=252, paths=2048, seed=3, as_of=AS_OF, drift="zero").close
    steps = np.diff(np.log(close), axis=1)
    # Between jumps prices fall by what the jumps are expected to bring.
    per_year = np.rint((steps - steps.min(axis=(0, 1))) / 0.1).sum(axis=1)
    expected = np.array([0.0, 5.0, 20.0, 60.0, 120.0, 250.0])
    error = np.sqrt(expected / 2048)
    assert (np.abs(per_year.mean(axis=0) - expected) <= 4.5 * error + 1e-9).all()
    np.testing.assert_allclose(per_year.var(axis=0)[1:], expected[1:], rtol=0.15)
    together = np.corrcoef(per_year[:, 1:], rowvar=False)
    assert np.abs(together[~np.eye(5, dtype=bool)]).max() < 0.11


def test_several_jumps_in_one_session_happen_as_often_as_poisson_says():
    model = merton.MertonParameters(
        assets=("A",),
        drift=np.zeros(1),
        volatility=np.array([1e-9]),
        jumps_per_year=np.array([252.0]),
        jump_mean=np.array([0.01]),
        jump_deviation=np.zeros(1),
        correlation=np.eye(1),
    )
    import scipy.stats

    close = simulate(model, [100.0], sessions=40, paths=2048, seed=5, as_of=AS_OF, drift="zero").close[:, :, 0]
    steps = np.diff(np.log(close), axis=1).ravel()
    base = steps.min()
    counts = np.bincount(np.rint((steps - base) / 0.01).astype(int), minlength=8)[:8]
    expected = scipy.stats.poisson.pmf(np.arange(8), 1.0) * len(steps)
    assert np.abs(counts - expected).max() < 4.5 * np.sqrt(expected.max())
    assert np.abs(counts[:5] / expected[:5] - 1.0).max() < 0.06


def test_garch_draws_one_session_of_history_for_all_assets():
    generator = np.random.default_rng(4)
    z = generator.standard_normal((500, 1))
    residuals = np.concatenate((z, -z), axis=1)
    pair = garch.GarchParameters(
        assets=("A", "B"),
        mean=np.zeros(2),
        omega=np.full(2, 1e-4),
        alpha=np.zeros(2),
        gamma=np.zeros(2),
        beta=np.zeros(2),
        variance=np.full(2, 1e-4),
        residuals=residuals,
    )
    close = simulate(pair, [100.0, 100.0], sessions=12, paths=600, seed=1, as_of=AS_OF).close
    np.testing.assert_allclose(close[:, :, 0] * close[:, :, 1], 100.0**2, rtol=1e-10)


def test_regimes_are_shared_by_all_assets():
    model = regime.RegimeParameters(
        assets=("A", "B"),
        mean=np.array([[0.01, 0.02], [-0.03, -0.04]]),
        covariance=np.zeros((2, 2, 2)),
        stay=np.array([0.8, 0.7]),
        now=np.array([1.0, 0.0]),
    )
    close = simulate(model, [100.0, 100.0], sessions=30, paths=600, seed=1, as_of=AS_OF).close
    steps = np.rint(np.diff(np.log(close), axis=1) * 1e6) / 1e6
    calm = np.isclose(steps[..., 0], 0.01)
    assert np.isclose(steps[calm][:, 1], 0.02).all()
    assert np.isclose(steps[~calm], [-0.03, -0.04]).all()
    # Two states: the share of calm sessions tends to (1 - 0.7) / (0.2 + 0.3).
    assert calm[:, -1].mean() == pytest.approx(0.6, abs=0.08)
    assert calm[:, 0].mean() == pytest.approx(0.8, abs=0.07)


@pytest.mark.parametrize("name", ["gbm", "garch", "bootstrap", "gaussian_copula", "regime"])
def test_calibrated_correlation_comes_back_from_simulation(name):
    generator = np.random.default_rng(8)
    shocks = generator.multivariate_normal(np.zeros(3), 0.6 + 0.4 * np.eye(3), 1500) * 0.01
    close = 100.0 * np.exp(np.concatenate((np.zeros((1, 3)), np.cumsum(shocks, axis=0))))
    model = calibrate(name, close, ASSETS[:3])
    path = simulate(model, close[-1], sessions=20, paths=2048, seed=1, as_of=AS_OF).close
    steps = np.diff(np.log(path), axis=1).reshape(-1, 3)
    history = np.corrcoef(shocks, rowvar=False)
    np.testing.assert_allclose(np.corrcoef(steps, rowvar=False), history, atol=0.05)


@pytest.mark.parametrize("name", ["gbm", "garch", "gjr", "merton", "heston"])
def test_marginal_parameters_do_not_depend_on_the_company_an_asset_keeps(name):
    generator = np.random.default_rng(9)
    returns = 0.01 * generator.standard_t(6, (800, 2))
    close = 100.0 * np.exp(np.concatenate((np.zeros((1, 2)), np.cumsum(returns, axis=0))))
    alone = {(part.asset, part.name): part.value for part in calibrate(name, close[:, :1], ("A",)).estimates}
    both = {(part.asset, part.name): part.value for part in calibrate(name, close, ("A", "B")).estimates}
    for key, value in alone.items():
        assert both[key] == pytest.approx(value, rel=1e-6, abs=1e-9)


def test_thirty_assets_are_followed_as_one_book():
    count = 30
    names = tuple(f"A{k}" for k in range(count))
    model = gbm.GbmParameters.given(
        names,
        drift=np.zeros(count),
        volatility=np.full(count, 0.25),
        correlation=0.3 + 0.7 * np.eye(count),
    )
    shares = dict.fromkeys(names, 1.0)
    found = outcomes(model, np.full(count, 10.0), shares, sessions=21, paths=4096, seed=1, drift="zero")
    assert found.start == pytest.approx(300.0)
    assert found.end.mean() == pytest.approx(300.0, abs=4.0 * found.end.std() / 64.0)
    # The variance of an equal-weight book of small moves: sigma^2 t (rho + (1 - rho) / n).
    variance = 0.25**2 / 12.0 * (0.3 + 0.7 / count)
    assert np.log(found.end / 300.0).std() == pytest.approx(np.sqrt(variance), rel=0.04)


@pytest.mark.parametrize("name", MODELS)
def test_a_longer_year_scales_only_the_labels_of_calendar_time(name):
    generator = np.random.default_rng(10)
    returns = 0.01 * generator.standard_t(6, (800, 1))
    close = 100.0 * np.exp(np.concatenate((np.zeros((1, 1)), np.cumsum(returns, axis=0))))
    ends = []
    for per_year in (252, 365):
        model = calibrate(name, close, ("A",), sessions_per_year=per_year)
        assert model.sessions_per_year == per_year
        path = simulate(model, [100.0], sessions=5, paths=600, seed=1, as_of=AS_OF)
        assert path.sessions_per_year == per_year
        ends.append(path.close[:, -1, 0])
    if name != "heston":  # Its speed of mean reversion is given per year.
        np.testing.assert_allclose(ends[0], ends[1], rtol=1e-5)


def test_the_root_of_a_correlation_is_found_once_and_is_its_own():
    correlation = np.array([[1.0, 0.5, 0.2], [0.5, 1.0, 0.4], [0.2, 0.4, 1.0]])
    root = correlation_root(correlation)
    assert np.allclose(root @ root.T, correlation, atol=1e-14)
    assert np.allclose(root, np.linalg.cholesky(correlation), atol=1e-14)
    root[0, 0] = 7.0
    assert np.allclose(correlation_root(correlation[::1]), np.linalg.cholesky(correlation), atol=1e-14)
    assert correlation_root(-correlation + 2.0 * np.eye(3))[1, 0] == pytest.approx(-0.5)
