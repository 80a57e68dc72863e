"""Regime switching against statsmodels, and its simulation against moments of the chain."""

from datetime import UTC, datetime

import numpy as np
import pytest
import statsmodels.api as sm

from core.errors import InvalidInput, NoData
from core.simulators.stochastic.engine import simulate
from core.simulators.stochastic.regime import RegimeParameters, calibrate, log_likelihood

AS_OF = datetime(2021, 6, 30, 20, tzinfo=UTC)


def planted(seed=8, sessions=1500, assets=1):
    generator = np.random.default_rng(seed)
    bad, out = False, np.empty((sessions, assets))
    for t in range(sessions):
        bad = generator.random() < (0.95 if bad else 0.02)
        common = generator.standard_normal()
        for a in range(assets):
            z = 0.8 * common + 0.6 * generator.standard_normal() if assets > 1 else common
            out[t, a] = (-8e-4 if bad else 6e-4) + (0.022 if bad else 0.008) * z
    return out


def closes(returns):
    return 100.0 * np.exp(np.concatenate((np.zeros((1, returns.shape[1])), np.cumsum(returns, axis=0))))


@pytest.fixture(scope="module")
def both():
    returns = planted()
    theirs = sm.tsa.MarkovRegression(100.0 * returns[:, 0], k_regimes=2, switching_variance=True)
    return returns, theirs


def test_the_likelihood_is_that_of_statsmodels(both):
    returns, theirs = both
    mean, deviation, stay = np.array([[4e-4], [-1e-3]]), np.array([0.009, 0.02]), np.array([0.97, 0.9])
    model = RegimeParameters(
        assets=("A",), mean=mean, covariance=(deviation**2)[:, None, None], stay=stay, now=np.array([0.5, 0.5])
    )
    point = [stay[0], 1.0 - stay[1], *(100.0 * mean[:, 0]), *((100.0 * deviation) ** 2)]
    expected = theirs.loglike(point) + len(returns) * np.log(100.0)
    assert log_likelihood(returns, model) == pytest.approx(expected, rel=1e-9)


def test_the_fit_is_that_of_statsmodels(both):
    returns, theirs = both
    fit = theirs.fit(search_reps=5)
    ours = calibrate(closes(returns), ("A",))
    names = dict(zip(fit.model.param_names, fit.params, strict=True))
    errors = dict(zip(fit.model.param_names, fit.bse, strict=True))
    calm = 0 if names["sigma2[0]"] < names["sigma2[1]"] else 1
    assert log_likelihood(returns, ours) == pytest.approx(fit.llf + len(returns) * np.log(100.0), abs=0.02)
    assert np.sqrt(ours.covariance[0, 0, 0]) * 100 == pytest.approx(np.sqrt(names[f"sigma2[{calm}]"]), rel=0.01)
    assert np.sqrt(ours.covariance[1, 0, 0]) * 100 == pytest.approx(np.sqrt(names[f"sigma2[{1 - calm}]"]), rel=0.01)
    values = {part.name: part for part in ours.estimates}
    mean = values["mean of a calm session"]
    assert mean.standard_error * 100 == pytest.approx(errors[f"const[{calm}]"], rel=0.1)
    probabilities = fit.filtered_marginal_probabilities[-1]
    assert ours.now[0] == pytest.approx(probabilities[calm], abs=0.02)


def test_two_assets_share_the_regimes():
    returns = planted(assets=2)
    found = calibrate(closes(returns), ("A", "B"))
    deviation = np.sqrt(np.diagonal(found.covariance, axis1=1, axis2=2))
    np.testing.assert_allclose(deviation[0], 0.008, rtol=0.08)
    np.testing.assert_allclose(deviation[1], 0.022, rtol=0.15)
    for k in range(2):
        assert found.covariance[k, 0, 1] / deviation[k].prod() == pytest.approx(0.64, abs=0.1)
    assert found.stay[0] == pytest.approx(0.98, abs=0.015)


def chain(now=(1.0, 0.0)):
    return RegimeParameters(
        assets=("A",),
        mean=np.array([[1e-3], [-2e-3]]),
        covariance=np.array([[[1e-4]], [[9e-4]]]),
        stay=np.array([0.9, 0.8]),
        now=np.array(now),
    )


def test_the_variance_of_each_session_is_that_of_the_chain():
    close = simulate(chain(), [100.0], sessions=25, paths=20_000, seed=6, as_of=AS_OF).close[:, :, 0]
    steps = np.diff(np.log(close), axis=1)
    calm = 2.0 / 3.0 + (1.0 - 2.0 / 3.0) * 0.7 ** np.arange(1, 26)
    mean = 1e-3 * calm - 2e-3 * (1.0 - calm)
    square = (1e-4 + 1e-6) * calm + (9e-4 + 4e-6) * (1.0 - calm)
    assert np.abs((steps.mean(axis=0) - mean) / (steps.std(axis=0) / np.sqrt(20_000))).max() < 4.5
    both = steps**2
    assert np.abs((both.mean(axis=0) - square) / (both.std(axis=0) / np.sqrt(20_000))).max() < 4.5


def test_today_in_a_turbulent_regime_means_a_turbulent_tomorrow():
    ends = [
        simulate(chain(now), [100.0], sessions=1, paths=8192, seed=6, as_of=AS_OF).close[:, 1, 0]
        for now in ((1.0, 0.0), (0.0, 1.0))
    ]
    assert ends[1].std() > 1.8 * ends[0].std()


def test_impossible_regimes_and_short_histories_are_refused():
    with pytest.raises(InvalidInput, match="probabilities"):
        chain(now=(0.7, 0.7))
    with pytest.raises(InvalidInput, match="shapes"):
        RegimeParameters(
            assets=("A", "B"), mean=np.zeros((2, 1)), covariance=np.ones((2, 1, 1)), stay=np.full(2, 0.9),
            now=np.array([1.0, 0.0]),
        )  # fmt: skip
    with pytest.raises(NoData, match="at least 250"):
        calibrate(closes(planted(sessions=100)), ("A",))
