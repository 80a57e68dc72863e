"""GARCH against the arch package: likelihood, fit, standard errors; simulation against moments."""

from datetime import UTC, datetime

import arch
import numpy as np
import pytest

from core.errors import InvalidInput, NoData
from core.simulators.stochastic.engine import outcomes, simulate
from core.simulators.stochastic.garch import GarchParameters, backcast_variance, calibrate, log_likelihood

AS_OF = datetime(2021, 6, 30, 20, tzinfo=UTC)


def history(seed=3, sessions=2000, gamma=0.0, alpha=0.08):
    generator = np.random.default_rng(seed)
    variance, out = 1e-4, np.empty(sessions)
    for t in range(sessions):
        out[t] = 3e-4 + np.sqrt(variance) * generator.standard_normal()
        surprise = out[t] - 3e-4
        variance = 2e-6 + (alpha + gamma * (surprise < 0)) * surprise**2 + (0.9 - 0.5 * gamma) * variance
    return out


def closes(returns):
    return 100.0 * np.exp(np.concatenate(([0.0], np.cumsum(returns))))[:, None]


def peer(returns, leverage):
    return arch.arch_model(100.0 * returns, mean="Constant", vol="GARCH", p=1, o=int(leverage), q=1)


@pytest.mark.parametrize("leverage", [False, True])
def test_the_likelihood_is_that_of_arch(leverage):
    returns = history(gamma=0.06 if leverage else 0.0)
    model = peer(returns, leverage)
    point = [0.02, 0.03, 0.06, *([0.05] if leverage else []), 0.88]
    fixed = model.fix(point)
    # arch takes its backcast from the residuals at its own starting mean, that of the sample.
    surprise = returns - returns.mean()
    before = float(model.volatility.backcast(100.0 * surprise)) / 1e4
    ours = log_likelihood(returns, 0.02 / 100, 0.03 / 1e4, 0.06, 0.05 if leverage else 0.0, 0.88, before)
    assert before == pytest.approx(backcast_variance(surprise), rel=1e-12)
    theirs = fixed.loglikelihood + len(returns) * np.log(100.0)
    assert ours == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("leverage", [False, True])
def test_the_fit_and_its_robust_errors_are_those_of_arch(leverage):
    returns = history(gamma=0.06 if leverage else 0.0)
    theirs = peer(returns, leverage).fit(disp="off", cov_type="robust")
    found = calibrate(closes(returns), ("A",), leverage=leverage)
    ours = {part.name: part for part in found.estimates}
    names = {"alpha": "alpha[1]", "beta": "beta[1]", **({"gamma": "gamma[1]"} if leverage else {})}
    for name, their_name in names.items():
        assert ours[name].value == pytest.approx(theirs.params[their_name], abs=2e-3)
        assert ours[name].standard_error == pytest.approx(theirs.std_err[their_name], rel=0.08)
    assert ours["omega"].value * 1e4 == pytest.approx(theirs.params["omega"], rel=0.03)
    likelihood = log_likelihood(
        returns, *(float(x[0]) for x in (found.mean, found.omega, found.alpha, found.gamma, found.beta)),
        backcast_variance(returns - returns.mean()),
    )  # fmt: skip
    assert likelihood >= theirs.loglikelihood + len(returns) * np.log(100.0) - 0.05
    next_variance = theirs.forecast(horizon=1).variance.to_numpy()[-1, 0] / 1e4
    assert found.variance[0] == pytest.approx(next_variance, rel=0.01)


def given(**changes):
    generator = np.random.default_rng(2)
    z = generator.standard_normal(4000)
    values = {"mean": 0.0, "omega": 4e-6, "alpha": 0.1, "gamma": 0.0, "beta": 0.86, "variance": 3e-4, **changes}
    arrays = {name: np.array([value]) for name, value in values.items()}
    return GarchParameters(assets=("A",), residuals=((z - z.mean()) / z.std())[:, None], **arrays)


def test_variance_comes_back_to_its_long_run_mean_from_todays():
    model = given()
    close = simulate(model, [100.0], sessions=60, paths=20_000, seed=1, as_of=AS_OF).close[:, :, 0]
    square = np.diff(np.log(close), axis=1) ** 2
    expected = 1e-4 + (3e-4 - 1e-4) * 0.96 ** np.arange(60)
    assert np.abs((square.mean(axis=0) - expected) / (square.std(axis=0) / np.sqrt(20_000))).max() < 4.5


def test_only_residuals_of_history_are_drawn():
    model = given(alpha=0.0, beta=0.0, omega=1e-4, variance=1e-4)
    close = simulate(model, [100.0], sessions=30, paths=600, seed=1, as_of=AS_OF).close[:, :, 0]
    drawn = np.diff(np.log(close), axis=1).ravel() / 0.01
    nearest = np.sort(model.residuals[:, 0])
    at = np.clip(np.searchsorted(nearest, drawn), 1, len(nearest) - 1)
    assert np.minimum(np.abs(drawn - nearest[at]), np.abs(drawn - nearest[at - 1])).max() < 1e-11


def test_a_fall_raises_variance_more_than_a_rise_with_leverage():
    close = simulate(given(gamma=0.2, alpha=0.02), [100.0], sessions=2, paths=30_000, seed=2, as_of=AS_OF).close
    first, second = np.diff(np.log(close[:, :, 0]), axis=1).T
    assert second[first < -0.02].var() > 1.2 * second[first > 0.02].var()


def test_single_precision_has_the_same_distribution():
    model = given()
    ends = [
        outcomes(model, [100.0], {"A": 1.0}, sessions=40, paths=20_000, seed=4, precision=name).end.astype(float)
        for name in ("float64", "float32")
    ]
    import scipy.stats

    assert scipy.stats.ks_2samp(*ends).pvalue > 1e-3
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-4)


@pytest.mark.parametrize(("changes", "message"), [({"omega": -1e-6}, "below 0"), ({"beta": np.nan}, "finite numbers")])
def test_impossible_parameters_are_refused(changes, message):
    with pytest.raises(InvalidInput, match=message):
        given(**changes)


def test_a_short_or_flat_history_is_refused():
    with pytest.raises(NoData, match="at least 250"):
        calibrate(closes(history(sessions=100)), ("A",))
    with pytest.raises(InvalidInput, match="never changes"):
        calibrate(np.full((400, 1), 7.0), ("A",))
