"""Copulas: margins against scipy, dependence against closed forms, calibration against what was planted."""

from datetime import UTC, datetime

import numpy as np
import pytest
import scipy.stats

from core.errors import InvalidInput, NoData
from core.simulators.stochastic.copula import CopulaParameters, calibrate
from core.simulators.stochastic.engine import simulate

AS_OF = datetime(2021, 6, 30, 20, tzinfo=UTC)


def given(**changes):
    values = {
        "location": np.array([1e-3, -5e-4]),
        "scale": np.array([0.01, 0.02]),
        "freedom": np.array([4.0, 8.0]),
        "bound": np.array([1.0, 1.0]),
        "correlation": np.array([[1.0, 0.6], [0.6, 1.0]]),
        **changes,
    }
    return CopulaParameters(assets=("A", "B"), **values)


def drawn(model, paths=20_000, seed=3):
    close = simulate(model, [100.0, 10.0], sessions=1, paths=paths, seed=seed, as_of=AS_OF).close
    return np.log(close[:, 1] / close[:, 0])


@pytest.mark.parametrize("freedom", [float("inf"), 3.0, 12.0])
def test_margins_are_student_t_whatever_the_copula(freedom):
    moves = drawn(given(copula_freedom=freedom))
    for a, (location, scale, nu) in enumerate(((1e-3, 0.01, 4.0), (-5e-4, 0.02, 8.0))):
        assert scipy.stats.kstest((moves[:, a] - location) / scale, "t", args=(nu,)).pvalue > 1e-3


@pytest.mark.parametrize("freedom", [float("inf"), 3.0])
def test_kendalls_tau_is_that_of_an_elliptical_copula(freedom):
    tau = scipy.stats.kendalltau(*drawn(given(copula_freedom=freedom)).T).statistic
    assert tau == pytest.approx(2.0 / np.pi * np.arcsin(0.6), abs=0.02)


def test_only_the_t_copula_has_tail_dependence():
    # Demarta and McNeil (2005): 2 t_{nu+1}(-sqrt((nu+1)(1-rho)/(1+rho))) in the limit, 0 for the Gaussian copula.
    limit = 2.0 * scipy.stats.t.cdf(-np.sqrt(4.0 * 0.4 / 1.6), 4.0)
    shares = {}
    for freedom in (float("inf"), 3.0):
        rank = scipy.stats.rankdata(drawn(given(copula_freedom=freedom), paths=100_000), axis=0) / 100_001
        low = rank < 0.005
        shares[freedom] = (low[:, 0] & low[:, 1]).sum() / low[:, 0].sum()
    assert shares[3.0] == pytest.approx(limit, abs=0.1)
    assert shares[float("inf")] < shares[3.0] - 0.08


def planted(seed, freedom, count=2500):
    generator = np.random.default_rng(seed)
    z = generator.multivariate_normal(np.zeros(2), [[1.0, 0.5], [0.5, 1.0]], count)
    z /= np.sqrt(generator.chisquare(freedom, (count, 1)) / freedom)
    u = scipy.stats.t.cdf(z, freedom)
    returns = 3e-4 + np.array([0.01, 0.015]) * scipy.stats.t.ppf(u, np.array([5.0, 9.0]))
    return 100.0 * np.exp(np.concatenate((np.zeros((1, 2)), np.cumsum(returns, axis=0)))), returns


def test_calibration_finds_what_was_planted():
    close, _ = planted(6, 6.0)
    found = {(part.asset, part.name): part for part in calibrate(close, ("A", "B")).estimates}
    for key, truth in (
        (("A", "scale of a session"), 0.01),
        (("B", "scale of a session"), 0.015),
        (("A", "degrees of freedom"), 5.0),
        (("B", "degrees of freedom"), 9.0),
        (("A / B", "copula correlation"), 0.5),
        (("", "degrees of freedom of the copula"), 6.0),
    ):
        assert abs(found[key].value - truth) < 3.5 * found[key].standard_error, key


def test_the_margins_are_those_of_scipy():
    close, returns = planted(2, 8.0)
    found = calibrate(close, ("A", "B"), gaussian=True)
    assert np.isinf(found.copula_freedom)
    for a in range(2):
        nu, location, scale = scipy.stats.t.fit(returns[:, a])
        ours = scipy.stats.t.logpdf(returns[:, a], found.freedom[a], found.location[a], found.scale[a]).sum()
        theirs = scipy.stats.t.logpdf(returns[:, a], nu, location, scale).sum()
        assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-4)


def test_moves_stay_inside_the_bound():
    moves = drawn(given(freedom=np.array([2.2, 2.2]), bound=np.array([0.05, 0.06])), paths=50_000)
    assert np.abs(moves).max(axis=0) == pytest.approx([0.05, 0.06], rel=1e-9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale": np.array([0.01, 0.0])}, "scale is not above 0"),
        ({"copula_freedom": -1.0}, "copula_freedom is -1"),
        ({"correlation": np.array([[1.0, 1.2], [1.2, 1.0]])}, "positive semidefinite"),
    ],
)
def test_impossible_parameters_are_refused(changes, message):
    with pytest.raises(InvalidInput, match=message):
        given(**changes)


def test_a_short_history_is_refused():
    with pytest.raises(NoData, match="at least 250"):
        calibrate(planted(1, 5.0, count=100)[0], ("A", "B"))
