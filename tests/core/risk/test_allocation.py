"""Portfolio construction against scipy's general optimisers, closed forms and the example of He and Litterman."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from core.errors import InvalidInput
from core.risk.allocation import (
    cluster_order,
    equal_risk_contribution,
    hierarchical_risk_parity,
    mean_variance,
    minimum_cvar,
    minimum_variance,
    risk_contributions,
)
from core.risk.black_litterman import black_litterman, equilibrium_returns


def sample(seed=1, assets=8, sessions=400):
    generator = np.random.default_rng(seed)
    common = generator.standard_t(5, (sessions, 2)) * 0.008
    return common @ generator.normal(0.8, 0.5, (2, assets)) + generator.normal(
        0.0003, 1.0, (sessions, assets)
    ) * generator.uniform(0.004, 0.02, assets)


def covariance(seed=1, assets=8):
    return np.cov(sample(seed, assets).T)


def kkt_gap(weights, matrix, pull, low, high):
    """Return how far weights are from the conditions of an optimum, relative to the gradient."""
    gradient = matrix @ weights - pull
    free = (weights > low + 1e-9) & (weights < high - 1e-9)
    level = gradient[free].mean()
    gaps = [np.abs(gradient[free] - level).max(initial=0.0)]
    gaps.append(np.maximum(level - gradient[weights <= low + 1e-9], 0.0).max(initial=0.0))
    gaps.append(np.maximum(gradient[weights >= high - 1e-9] - level, 0.0).max(initial=0.0))
    return max(gaps) / np.abs(gradient).max()


def test_unbounded_minimum_variance_is_the_closed_form():
    matrix = covariance()
    ones = np.linalg.solve(matrix, np.ones(8))
    found = minimum_variance(matrix, min_weight=-10.0, max_weight=10.0)
    np.testing.assert_allclose(found, ones / ones.sum(), rtol=1e-9)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), assets=st.integers(2, 40), slack=st.floats(1.0, 6.0))
def test_bounded_portfolios_meet_the_conditions_of_an_optimum(seed, assets, slack):
    matrix = np.cov(sample(seed, assets, 200).T)
    high = min(1.0, slack / assets)
    pull = np.random.default_rng(seed).normal(0.0, 0.002, assets)
    for mean in (None, pull):
        found = mean_variance(matrix, mean, risk_aversion=4.0, max_weight=high)
        assert found.sum() == pytest.approx(1.0, abs=1e-9)
        assert found.min() >= 0.0
        assert found.max() <= high
        if ((found > 1e-9) & (found < high - 1e-9)).any():
            assert kkt_gap(found, matrix, 0.0 if mean is None else pull / 4.0, 0.0, high) < 1e-8


def test_minimum_variance_is_no_worse_than_a_general_optimiser():
    matrix = covariance(3) * 1e4
    constraint = {"type": "eq", "fun": lambda w: w.sum() - 1.0}
    general = minimize(
        lambda w: w @ matrix @ w, np.full(8, 1 / 8), jac=lambda w: 2 * matrix @ w, bounds=[(0, 0.3)] * 8,
        constraints=[constraint], method="SLSQP", options={"ftol": 1e-14, "maxiter": 500},
    )  # fmt: skip
    found = minimum_variance(matrix, max_weight=0.3)
    assert found @ matrix @ found <= general.fun * (1 + 1e-9)
    np.testing.assert_allclose(found, general.x, atol=1e-5)


def test_equal_risk_of_two_assets_is_inverse_volatility():
    matrix = np.array([[0.04, 0.03], [0.03, 0.25]])
    np.testing.assert_allclose(equal_risk_contribution(matrix), [0.5 / 0.7, 0.2 / 0.7], rtol=1e-12)


def test_equal_risk_of_the_published_example():
    # Roncalli, Introduction to Risk Parity and Budgeting (2013), example of volatilities 30, 20 and 15 %, correlations
    # 80, 50 and 30 %: risk budgets 50, 20 and 30 % give weights 31.15, 21.90 and 46.96 %.
    deviation = np.array([0.30, 0.20, 0.15])
    correlation = np.array([[1.0, 0.8, 0.5], [0.8, 1.0, 0.3], [0.5, 0.3, 1.0]])
    found = equal_risk_contribution(correlation * np.outer(deviation, deviation), budgets=np.array([0.5, 0.2, 0.3]))
    np.testing.assert_allclose(found, [0.3115, 0.2190, 0.4696], atol=6e-5)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), assets=st.integers(2, 40), scale=st.floats(1e-6, 1e4))
def test_risk_is_shared_as_asked_at_any_scale(seed, assets, scale):
    matrix = np.cov(sample(seed, assets, 200).T) * scale
    budgets = np.random.default_rng(seed).uniform(0.2, 1.0, assets)
    for asked in (None, budgets):
        weights = equal_risk_contribution(matrix, budgets=asked)
        expected = np.full(assets, 1 / assets) if asked is None else budgets / budgets.sum()
        np.testing.assert_allclose(risk_contributions(weights, matrix), expected, rtol=1e-9)
        assert weights.sum() == pytest.approx(1.0)


def shortfall(weights, returns, confidence):
    """Return the expected shortfall by its definition as an optimum over the threshold (Rockafellar and Uryasev)."""
    losses = -(returns @ weights)
    return min(t + np.maximum(losses - t, 0).mean() / (1 - confidence) for t in losses)


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_minimum_cvar_equals_the_whole_linear_programme(confidence):
    from scipy.optimize import linprog

    returns = sample(5, 6, 250)
    found = minimum_cvar(returns, confidence=confidence, max_weight=0.5)
    cost = np.concatenate((np.zeros(6), [1.0], np.full(250, 1 / (250 * (1 - confidence)))))
    whole = linprog(
        cost, A_ub=np.hstack((-returns, -np.ones((250, 1)), -np.eye(250))), b_ub=np.zeros(250),
        A_eq=np.concatenate((np.ones(6), np.zeros(251)))[None, :], b_eq=[1.0],
        bounds=[(0, 0.5)] * 6 + [(None, None)] + [(0, None)] * 250, method="highs",
    )  # fmt: skip
    assert shortfall(found, returns, confidence) == pytest.approx(whole.fun, rel=1e-9)
    assert found.max() <= 0.5 + 1e-9


def test_minimum_cvar_beats_every_nearby_portfolio():
    returns = sample(6, 5, 300)
    best = minimum_cvar(returns)
    least = shortfall(best, returns, 0.95)
    generator = np.random.default_rng(1)
    for _ in range(50):
        other = np.abs(best + generator.normal(0, 0.05, 5))
        assert shortfall(other / other.sum(), returns, 0.95) >= least * (1 - 1e-9)


def test_hierarchical_risk_parity_by_hand():
    # Two pairs: the tree splits them; inside a pair and between them money goes by inverse variance.
    matrix = np.array([[1.0, 0.9, 0, 0], [0.9, 1.0, 0, 0], [0, 0, 4.0, 3.6], [0, 0, 3.6, 4.0]])
    found = hierarchical_risk_parity(matrix)
    np.testing.assert_allclose(found, np.array([0.4, 0.4, 0.1, 0.1]), rtol=1e-12)
    assert {frozenset(cluster_order(matrix)[:2]), frozenset(cluster_order(matrix)[2:])} == {
        frozenset({0, 1}), frozenset({2, 3})
    }  # fmt: skip


def test_hierarchical_risk_parity_does_not_depend_on_the_order_of_assets():
    matrix = covariance(9, 7)
    order = np.random.default_rng(2).permutation(7)
    one, two = hierarchical_risk_parity(matrix), hierarchical_risk_parity(matrix[np.ix_(order, order)])
    assert one.sum() == pytest.approx(1.0)
    # The leaves may come in mirrored order, which keeps halves of an even split but not of seven: compare risk only.
    assert two[np.argsort(order)] @ matrix @ two[np.argsort(order)] == pytest.approx(one @ matrix @ one, rel=0.25)


COUNTRIES = ("AUS", "CAN", "FRA", "GER", "JAP", "UK", "USA")
DEVIATION = np.array([16.0, 20.3, 24.8, 27.1, 21.0, 20.0, 18.7]) / 100
WEIGHT = np.array([1.6, 2.2, 5.2, 5.5, 11.6, 12.4, 61.5]) / 100
CORRELATION = [
    0.488, 0.478, 0.515, 0.439, 0.512, 0.491, 0.664, 0.655, 0.310, 0.608, 0.779, 0.861, 0.355, 0.783, 0.668, 0.354,
    0.777, 0.653, 0.405, 0.306, 0.652,
]  # fmt: skip


def he_litterman():
    matrix = np.eye(7)
    matrix[np.triu_indices(7, 1)] = CORRELATION
    matrix = matrix + np.triu(matrix, 1).T
    return matrix * np.outer(DEVIATION, DEVIATION)


def test_black_litterman_equals_the_published_example():
    # He and Litterman, The Intuition Behind Black-Litterman Model Portfolios (1999), tables 2 and 4: Germany ahead of
    # the rest of Europe by 5 % a year; printed to 0.1 %.
    view = np.array([[0, 0, -5.2 / 17.6, 1, 0, -12.4 / 17.6, 0]])
    found = black_litterman(he_litterman(), WEIGHT, views=view, view_returns=np.array([0.05]))
    np.testing.assert_allclose(found.equilibrium, np.array([3.9, 6.9, 8.4, 9.0, 4.3, 6.8, 7.6]) / 100, atol=5.1e-4)
    published = np.array([4.3, 7.6, 9.3, 11.0, 4.5, 7.0, 8.1]) / 100
    np.testing.assert_allclose(found.expected_returns, published, atol=5.1e-4)


def test_the_view_moves_only_the_assets_it_names():
    # The property the paper is known for: unconstrained optimal weights change along the view's portfolio alone.
    matrix = he_litterman()
    view = np.array([[0, 0, -5.2 / 17.6, 1, 0, -12.4 / 17.6, 0]])
    found = black_litterman(matrix, WEIGHT, views=view, view_returns=np.array([0.05]))
    optimal = np.linalg.solve(2.5 * found.covariance, found.expected_returns)
    moved = optimal - WEIGHT / 1.05
    np.testing.assert_allclose(moved[[0, 1, 4, 6]], 0.0, atol=1e-12)
    np.testing.assert_allclose(moved[[2, 3, 5]] / moved[3], view[0, [2, 3, 5]], rtol=1e-9)


def test_a_certain_view_holds_and_no_surprise_changes_nothing():
    matrix = he_litterman()
    view = np.array([[1.0, 0, 0, 0, 0, 0, -1.0]])
    sure = black_litterman(matrix, WEIGHT, views=view, view_returns=[0.02], confidence=np.array([1.0]))
    assert view[0] @ sure.expected_returns == pytest.approx(0.02, rel=1e-9)
    implied = view @ equilibrium_returns(matrix, WEIGHT)
    same = black_litterman(matrix, WEIGHT, views=view, view_returns=implied, confidence=np.array([0.3]))
    np.testing.assert_allclose(same.expected_returns, same.equilibrium, rtol=1e-12)


def test_views_of_the_market_portfolio_keep_it_optimal():
    matrix = he_litterman()
    found = mean_variance(matrix, equilibrium_returns(matrix, WEIGHT, risk_aversion=3.0), risk_aversion=3.0)
    np.testing.assert_allclose(found, WEIGHT / WEIGHT.sum(), atol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: minimum_variance(np.ones((3, 3)) + np.zeros((3, 3))), "not positive definite"),
        (lambda: minimum_variance(np.eye(4), max_weight=0.2), "cannot sum to 1"),
        (lambda: minimum_variance(np.zeros((2, 3))), r"\(assets, assets\)"),
        (lambda: minimum_variance(np.diag([1.0, 0.0])), "never varies"),
        (lambda: mean_variance(np.eye(2), np.ones(3)), "expected_returns"),
        (lambda: equal_risk_contribution(np.eye(2), budgets=np.array([1.0, -1.0])), "budgets"),
        (lambda: minimum_cvar(np.zeros((5, 2))), "at least 20"),
        (lambda: minimum_cvar(np.zeros((50, 2)), max_weight=0.2), "no portfolio fits"),
        (lambda: black_litterman(np.eye(2), np.ones(2), views=np.ones((1, 3)), view_returns=[0.1]), "do not fit"),
        (lambda: black_litterman(np.eye(2), np.ones(2), views=np.eye(2), view_returns=[0, 0], tau=0), "tau"),
        (
            lambda: black_litterman(
                np.eye(2), np.ones(2), views=np.eye(2), view_returns=[0, 0], confidence=np.array([0.0, 0.5])
            ),
            "confidence",
        ),
    ],
)
def test_what_does_not_fit_is_named(call, message):
    with pytest.raises(InvalidInput, match=message):
        call()
