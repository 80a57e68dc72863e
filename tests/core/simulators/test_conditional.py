"""Conditional scenarios and reverse stress against closed forms, regressions and brute force."""

from datetime import UTC, datetime

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import LedoitWolf

from core.errors import InvalidInput, NoData, UnknownName
from core.simulators.conditional import (
    compound,
    condition,
    covariance_of,
    reverse_stress,
    scenario_paths,
)

AS_OF = datetime(2021, 6, 30, 20, tzinfo=UTC)
ASSETS = ("A", "B", "C", "D")
VALUES = {"A": 40_000.0, "B": 30_000.0, "C": 20_000.0, "D": -10_000.0}


def sample(seed=1, sessions=600, assets=4):
    generator = np.random.default_rng(seed)
    common = generator.standard_normal((sessions, 1))
    return 0.01 * (common * generator.uniform(0.3, 1.2, assets) + generator.standard_normal((sessions, assets)))


COVARIANCE = np.cov(sample(), rowvar=False)


def test_the_conditional_mean_is_the_regression_on_the_shocks():
    returns = sample()
    found = condition({"A": -0.1, "C": 0.03}, ASSETS, covariance_of(returns, "sample"))
    slopes = np.linalg.lstsq(np.column_stack((np.ones(600), returns[:, [0, 2]])), returns, rcond=None)[0][1:]
    expected = np.array([-0.1, 0.03]) @ slopes
    np.testing.assert_allclose(found.mean, expected, rtol=1e-9)
    assert found.given == (True, False, True, False)


def test_the_conditional_covariance_is_that_of_the_residuals():
    returns = sample()
    found = condition({"A": -0.1}, ASSETS, covariance_of(returns, "sample"))
    centred = returns - returns.mean(axis=0)
    beta = centred[:, :1].T @ centred / (centred[:, 0] @ centred[:, 0])
    residual = centred - centred[:, :1] @ beta
    np.testing.assert_allclose(found.covariance, residual.T @ residual / (len(returns) - 1), atol=1e-18)
    assert not found.covariance[0].any()


def test_a_shock_of_one_asset_is_its_beta_and_its_distance_its_deviations():
    found = condition({"B": -0.05}, ASSETS, COVARIANCE)
    np.testing.assert_allclose(found.mean, -0.05 * COVARIANCE[1] / COVARIANCE[1, 1], rtol=1e-12)
    assert found.distance == pytest.approx(0.05 / np.sqrt(COVARIANCE[1, 1]))


def test_more_sessions_keep_the_mean_and_widen_the_rest():
    one, five = (condition({"A": -0.1}, ASSETS, COVARIANCE, sessions=n) for n in (1, 5))
    np.testing.assert_allclose(one.mean, five.mean, rtol=1e-12)
    np.testing.assert_allclose(five.covariance, 5.0 * one.covariance, rtol=1e-9, atol=1e-18)
    assert five.distance == pytest.approx(one.distance / np.sqrt(5.0))


def test_the_book_is_linear_to_the_last_digit():
    found = condition({"A": -0.1}, ASSETS, COVARIANCE)
    profit, deviation = found.book(VALUES)
    assert profit == pytest.approx(sum(VALUES[name] * found.mean[k] for k, name in enumerate(ASSETS)), rel=1e-12)
    worth = np.array(list(VALUES.values()))
    assert deviation == pytest.approx(np.sqrt(worth @ found.covariance @ worth), rel=1e-12)


def test_a_book_is_worth_what_its_parts_are():
    found = condition({"A": -0.1}, ASSETS, COVARIANCE)
    parts = [found.book({name: value})[0] for name, value in VALUES.items()]
    assert found.book(VALUES)[0] == pytest.approx(sum(parts), rel=1e-12)
    assert found.only(("C", "A")).book({"A": 10.0})[0] == pytest.approx(-1.0)


@pytest.mark.parametrize(
    ("shocks", "error", "message"),
    [
        ({}, InvalidInput, "at least one shock"),
        ({"E": -0.1}, UnknownName, "asset"),
    ],
)
def test_shocks_that_do_not_fit_are_refused(shocks, error, message):
    with pytest.raises(error, match=message):
        condition(shocks, ASSETS, COVARIANCE)


def test_shocked_assets_that_move_as_one_are_refused():
    twice = np.array([[1.0, 2.0, 0.5], [2.0, 4.0, 1.0], [0.5, 1.0, 1.0]])
    with pytest.raises(InvalidInput, match="move as one"):
        condition({"A": -0.1, "B": -0.1}, ("A", "B", "C"), twice)


def test_shrinkage_is_ledoit_and_wolfs_on_correlations():
    returns = sample(sessions=80)
    z = (returns - returns.mean(axis=0)) / returns.std(axis=0)
    theirs = LedoitWolf(assume_centered=True).fit(z).covariance_
    ours = covariance_of(returns, "shrunk")
    scale = np.sqrt(np.diag(ours))
    correlation = ours / np.outer(scale, scale)
    off = ~np.eye(4, dtype=bool)
    np.testing.assert_allclose(correlation[off], theirs[off], rtol=0.03)
    np.testing.assert_allclose(np.diag(ours), returns.var(axis=0, ddof=1), rtol=1e-12)


def test_the_weighted_covariance_is_pandas_without_a_mean():
    import pandas

    returns = sample(sessions=300)
    frame = pandas.DataFrame(returns**2)
    theirs = frame.ewm(alpha=0.06, adjust=True).mean().iloc[-1].to_numpy()
    np.testing.assert_allclose(np.diag(covariance_of(returns, "ewma")), theirs, rtol=1e-12)


def test_too_little_history_and_flat_prices_are_refused():
    with pytest.raises(NoData, match="at least 20"):
        covariance_of(np.zeros((5, 2)))
    with pytest.raises(InvalidInput, match="never changes"):
        covariance_of(np.column_stack((sample()[:, 0], np.zeros(600))))


def test_compounding_is_one_after_the_other():
    np.testing.assert_allclose(compound(np.array([-0.5, 0.1]), np.array([0.5, 0.1])), [-0.25, 0.21])


@pytest.mark.parametrize("loss", [500.0, 5_000.0, 20_000.0])
def test_reverse_stress_loses_what_was_asked_for(loss):
    found = reverse_stress(VALUES, loss, ASSETS, COVARIANCE, sessions=21)
    profit = sum(VALUES[name] * found.returns[k] for k, name in enumerate(ASSETS))
    assert profit == pytest.approx(-loss, rel=1e-9)
    assert found.loss == pytest.approx(loss, rel=1e-9)


def test_reverse_stress_is_the_nearest_of_all_shocks_with_that_loss():
    found = reverse_stress(VALUES, 5_000.0, ASSETS, COVARIANCE)
    inverse = np.linalg.inv(COVARIANCE)
    worth = np.array(list(VALUES.values()))
    best = scipy.optimize.minimize(
        lambda r: r @ inverse @ r * 1e-3,
        np.full(4, -0.02),
        constraints=[{"type": "eq", "fun": lambda r: (worth @ r + 5_000.0) / 1e3}],
        method="SLSQP",
        options={"ftol": 1e-14},
    ).x
    np.testing.assert_allclose(found.returns, best, rtol=1e-3, atol=1e-6)
    deviation = np.sqrt(worth @ COVARIANCE @ worth)
    assert found.distance == pytest.approx(5_000.0 / deviation)
    assert found.probability == pytest.approx(scipy.stats.norm.sf(5_000.0 / deviation), rel=1e-9)
    assert found.probability_fat == pytest.approx(scipy.stats.t.sf(5_000.0 / deviation * np.sqrt(2.0), 4), rel=1e-9)


@settings(derandomize=True, deadline=None, max_examples=50)
@given(seed=st.integers(0, 1000), share=st.floats(0.01, 0.5))
def test_no_random_shock_with_that_loss_is_nearer(seed, share):
    covariance = np.cov(sample(seed), rowvar=False)
    inverse = np.linalg.inv(covariance)
    found = reverse_stress(VALUES, share * 80_000.0, ASSETS, covariance, sessions=252)
    worth = np.array(list(VALUES.values()))
    other = np.random.default_rng(seed).standard_normal(4) * 0.1
    other *= -found.loss / (worth @ other)
    if (found.returns > -1.0).all():
        assert other @ inverse @ other >= found.returns @ inverse @ found.returns * (1.0 - 1e-9)


def test_no_asset_falls_by_more_than_everything():
    wild = np.diag([1.0, 1e-4])
    found = reverse_stress({"A": 50.0, "B": 50.0}, 60.0, ("A", "B"), wild)
    np.testing.assert_allclose(found.returns, [-1.0, -0.2], rtol=1e-9)
    assert found.loss == pytest.approx(60.0)


def test_assets_outside_the_book_move_by_what_they_share_with_it():
    found = reverse_stress({"A": 100.0}, 10.0, ASSETS, COVARIANCE)
    np.testing.assert_allclose(found.returns, -0.1 * COVARIANCE[0] / COVARIANCE[0, 0], rtol=1e-12)


@pytest.mark.parametrize(
    ("values", "loss", "message"),
    [
        ({"A": 100.0}, 0.0, "above 0"),
        ({"A": 100.0}, -5.0, "above 0"),
        ({"A": 100.0}, 101.0, "at most 100.00"),
        ({"A": 0.0}, 1.0, "at most 0.00"),
    ],
)
def test_losses_that_cannot_be_are_refused(values, loss, message):
    with pytest.raises(InvalidInput, match=message):
        reverse_stress(values, loss, ASSETS, COVARIANCE)


def test_a_scenario_ends_at_its_shocks_and_around_the_rest():
    found = condition({"A": -0.2}, ASSETS, COVARIANCE, sessions=10)
    path = scenario_paths(found, np.array([100.0, 50.0, 20.0, 10.0]), paths=20_000, seed=3, as_of=AS_OF)
    np.testing.assert_allclose(path.close[:, -1, 0], 80.0, rtol=1e-12)
    np.testing.assert_allclose(path.close[:, 5, 0], 100.0 * np.sqrt(0.8), rtol=1e-12)
    growth = path.close[:, -1] / path.close[:, 0] - 1.0
    error = growth.std(axis=0) / np.sqrt(20_000)
    assert np.abs(growth.mean(axis=0) - found.mean)[1:].max() < 4.0 * error[1:].max()
    logs = np.cov(np.log1p(growth)[:, 1:], rowvar=False)
    np.testing.assert_allclose(logs, found.covariance[1:, 1:], rtol=0.06, atol=2e-5)
    assert path.source == "scenario"


def test_scenario_paths_do_not_depend_on_threads():
    found = condition({"A": -0.2}, ASSETS, COVARIANCE, sessions=3)
    runs = [scenario_paths(found, np.full(4, 10.0), paths=1300, seed=3, as_of=AS_OF, threads=n).close for n in (1, 3)]
    assert np.array_equal(*runs)


def test_a_total_loss_has_no_path():
    found = condition({"A": -1.0}, ASSETS, COVARIANCE)
    with pytest.raises(InvalidInput, match="no path"):
        scenario_paths(found, np.full(4, 10.0), paths=10, seed=3, as_of=AS_OF)
    with pytest.raises(InvalidInput, match="one positive price"):
        scenario_paths(condition({"A": -0.1}, ASSETS, COVARIANCE), np.zeros(4), paths=10, seed=3, as_of=AS_OF)
