"""Figures worked out by other means: likelihoods by scipy, portfolios by hand, sizes by arithmetic."""

from decimal import Decimal

import numpy as np
import pytest
import scipy.stats

from core.risk.allocation import (
    equal_risk_contribution,
    hierarchical_risk_parity,
    mean_variance,
    minimum_cvar,
    minimum_variance,
    risk_contributions,
)
from core.risk.black_litterman import black_litterman
from core.risk.correlation import clusters, correlation_change
from core.risk.drawdown import Ladder, ladder_exposure
from core.risk.exposure import concentration, exposures, liquidity
from core.risk.sizing import SizingAccount, atr_risk, cvar_budget, estimated_kelly
from core.risk.var import tail_risk
from core.risk.var_backtest import basel_light, christoffersen, kupiec


@pytest.mark.parametrize("chance", [0.005, 0.01, 0.05, 0.1])
@pytest.mark.parametrize("sessions", [100, 250, 500, 2000])
@pytest.mark.parametrize("multiple", [0.0, 0.5, 1.0, 1.7, 4.0])
def test_kupiec_at_every_scale(chance, sessions, multiple):
    breaches = round(multiple * chance * sessions)
    ratio, p_value = kupiec(breaches, sessions, chance)
    share = breaches / sessions
    free = scipy.stats.binom.logpmf(breaches, sessions, share)
    expected = 2 * (free - scipy.stats.binom.logpmf(breaches, sessions, chance))
    assert ratio == pytest.approx(max(expected, 0.0), rel=1e-8, abs=1e-9)
    assert p_value == pytest.approx(scipy.stats.chi2.sf(ratio, 1), rel=1e-12)


@pytest.mark.parametrize(
    ("pattern", "repeats", "clustered"),
    [
        ("0000000001", 60, False),
        ("0000000011", 40, True),
        ("0001001000", 50, False),
        ("0111000000", 50, True),
        ("01", 100, True),
        ("0", 300, False),
        ("1", 300, False),
    ],
)
def test_christoffersen_on_patterns(pattern, repeats, clustered):
    hits = np.array([letter == "1" for letter in pattern * repeats])
    ratio, p_value = christoffersen(hits)
    assert ratio >= 0.0
    if pattern in ("0", "1"):
        assert (ratio, p_value) == (0.0, 1.0)
    elif clustered:
        assert p_value < 1e-4
    assert p_value == pytest.approx(scipy.stats.chi2.sf(ratio, 1), rel=1e-12)


@pytest.mark.parametrize(
    ("sessions", "chance", "last_green", "last_yellow"),
    [
        (250, 0.01, 4, 9),
        (500, 0.01, 8, 14),
        (1000, 0.01, 14, 23),
        (250, 0.05, 17, 26),
    ],
)
def test_basel_lights_change_where_the_binomial_law_says(sessions, chance, last_green, last_yellow):
    law = scipy.stats.binom(sessions, chance)
    lights = [basel_light(count, sessions, chance) for count in range(60)]
    assert lights.count("green") == int(np.searchsorted(law.cdf(np.arange(60)), 0.95))
    assert lights.count("green") == last_green + 1
    assert lights[last_yellow] == "yellow"
    assert lights[last_yellow + 1] == "red"


TWO = [
    (0.10, 0.20, 0.0),
    (0.10, 0.20, 0.5),
    (0.10, 0.20, -0.5),
    (0.15, 0.15, 0.3),
    (0.30, 0.05, 0.1),
    (0.25, 0.20, 0.9),
    (0.02, 0.60, -0.9),
]


@pytest.mark.parametrize(("one", "two", "rho"), TWO)
def test_two_assets_by_hand(one, two, rho):
    matrix = np.array([[one**2, rho * one * two], [rho * one * two, two**2]])
    share = (two**2 - rho * one * two) / (one**2 + two**2 - 2 * rho * one * two)
    found = minimum_variance(matrix)
    assert found[0] == pytest.approx(np.clip(share, 0.0, 1.0), abs=1e-12)
    even = equal_risk_contribution(matrix)
    assert even[0] == pytest.approx(two / (one + two), rel=1e-12)
    assert risk_contributions(even, matrix) == pytest.approx([0.5, 0.5], rel=1e-12)
    tree = hierarchical_risk_parity(matrix)
    assert tree[0] == pytest.approx(two**2 / (one**2 + two**2), rel=1e-12)


@pytest.mark.parametrize(("one", "two", "rho"), TWO)
@pytest.mark.parametrize("aversion", [1.0, 4.0, 20.0])
def test_two_assets_with_expected_returns_by_hand(one, two, rho, aversion):
    matrix = np.array([[one**2, rho * one * two], [rho * one * two, two**2]])
    mean = np.array([0.03, 0.08])
    spread = one**2 + two**2 - 2 * rho * one * two
    share = (two**2 - rho * one * two + (mean[0] - mean[1]) / aversion) / spread
    found = mean_variance(matrix, mean, risk_aversion=aversion)
    assert found[0] == pytest.approx(np.clip(share, 0.0, 1.0), abs=1e-12)


@pytest.mark.parametrize("assets", [2, 3, 10, 50])
def test_independent_assets_get_inverse_variance_or_inverse_volatility(assets):
    deviation = np.linspace(0.1, 0.5, assets)
    matrix = np.diag(deviation**2)
    np.testing.assert_allclose(minimum_variance(matrix), deviation**-2 / (deviation**-2).sum(), rtol=1e-12)
    np.testing.assert_allclose(equal_risk_contribution(matrix), 1 / deviation / (1 / deviation).sum(), rtol=1e-12)


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.8])
@pytest.mark.parametrize("assets", [3, 8])
def test_equal_correlation_gives_inverse_volatility(assets, rho):
    # Maillard, Roncalli and Teiletche (2010): with one correlation, equal risk weights are inverse volatilities.
    deviation = np.linspace(0.05, 0.4, assets)
    matrix = (np.full((assets, assets), rho) + (1 - rho) * np.eye(assets)) * np.outer(deviation, deviation)
    np.testing.assert_allclose(equal_risk_contribution(matrix), 1 / deviation / (1 / deviation).sum(), rtol=1e-10)


def test_minimum_cvar_avoids_the_asset_that_crashes():
    generator = np.random.default_rng(4)
    calm = generator.normal(0.0, 0.01, (500, 2))
    calm[::50, 1] = -0.2
    found = minimum_cvar(calm)
    assert found[0] > 0.95


@pytest.mark.parametrize("confidence", [0.1, 0.25, 0.5, 0.75, 0.9, 1.0])
@pytest.mark.parametrize("tau", [0.01, 0.05, 1.0])
def test_one_view_of_one_asset_by_the_formula_of_a_weighted_mean(confidence, tau):
    # A single view on a single asset in a market of one: the posterior is the mean weighted by precisions.
    variance = 0.04
    found = black_litterman(
        np.array([[variance]]),
        np.ones(1),
        views=np.ones((1, 1)),
        view_returns=np.array([0.02]),
        confidence=np.array([confidence]),
        tau=tau,
    )
    assert found.equilibrium[0] == pytest.approx(2.5 * variance)
    assert found.expected_returns[0] == pytest.approx(confidence * 0.02 + (1 - confidence) * 2.5 * variance)
    assert found.covariance[0, 0] == pytest.approx(variance + tau * variance * (1 - confidence))


@pytest.mark.parametrize("above", [0.2, 0.4, 0.6, 0.8])
def test_clusters_partition_the_assets(above):
    generator = np.random.default_rng(2)
    common = generator.normal(0, 1, (300, 3))
    sample = np.repeat(common, 3, axis=1) + generator.normal(0, 0.6, (300, 9))
    matrix = np.corrcoef(sample.T)
    groups = clusters(matrix, above=above)
    assert sorted(asset for group in groups for asset in group) == list(range(9))
    for group in groups:
        if len(group) == 2:
            assert matrix[group[0], group[1]] >= above - 1e-9
    if above == 0.4:
        assert set(groups) == {(0, 1, 2), (3, 4, 5), (6, 7, 8)}


@pytest.mark.parametrize("sizes", [(100, 100), (50, 200), (1000, 300)])
def test_the_same_sample_twice_has_not_changed(sizes):
    generator = np.random.default_rng(1)
    whole = generator.multivariate_normal(np.zeros(3), np.eye(3) + 0.4, max(sizes))
    found = correlation_change(whole, whole)
    assert found.statistic == pytest.approx(0.0, abs=1e-12)
    assert found.p_value == pytest.approx(1.0)
    assert found.freedom == 3
    part = correlation_change(whole[: sizes[0]], whole[: sizes[1]])
    back = correlation_change(whole[: sizes[1]], whole[: sizes[0]])
    assert part.statistic == pytest.approx(back.statistic, rel=1e-9)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ([100, 100], 1.0),
        ([100, 91], 1.0),
        ([100, 90], 0.5),
        ([100, 86], 0.5),
        ([100, 85], 0.25),
        ([100, 81], 0.25),
        ([100, 80], 0.0),
        ([100, 50], 0.0),
        ([100, 80, 85], 0.0),
        ([100, 80, 90], 0.5),
        ([100, 80, 91], 1.0),
        ([100, 80, 95, 80], 0.0),
        ([100, 120, 108], 0.5),
        ([100, 85, 100, 95], 1.0),
    ],
)
def test_each_step_of_the_ladder(path, allowed):
    assert ladder_exposure(np.array(path, dtype=float), Ladder())[-1] == allowed


def test_a_ladder_of_one_rung():
    ladder = Ladder(steps=(), halt_at=0.1, resume_at=0.0)
    found = ladder_exposure(np.array([1.0, 0.95, 0.9, 0.95, 1.0]), ladder)
    assert found.tolist() == [1.0, 1.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("held", "effective"),
    [
        ([1, 1, 1, 1], 4.0),
        ([1, 0, 0, 0], 1.0),
        ([2, 1], 1.8),
        ([3, -3, 3], 3.0),
        ([5, 3, 1, 1], 100 / 36),
    ],
)
def test_the_effective_number_of_positions(held, effective):
    values = {f"S{number}": float(size) for number, size in enumerate(held)}
    assert concentration(values).effective_positions == pytest.approx(effective)


@pytest.mark.parametrize("participation", [0.01, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("shares", [0.0, 100.0, -25_000.0, 4_000_000.0])
def test_selling_takes_shares_over_what_may_be_sold(shares, participation):
    found = liquidity(
        "AAA", shares=shares, average_daily_volume=1e6, daily_volatility=0.02, participation=participation
    )
    assert found.sessions * participation == pytest.approx(found.share_of_adv)
    assert found.share_of_adv == pytest.approx(abs(shares) / 1e6)
    assert found.cost <= 0.02 * participation**0.5 + 1e-15


def test_exposures_of_a_hedged_book_cancel_in_net_and_not_in_gross():
    row = exposures({"AAA": 100.0, "BBB": -100.0}, {"AAA": "x", "BBB": "x"}, equity=50.0)[0]
    assert (row.net, row.weight, row.gross) == (0.0, 0.0, 200.0)


@pytest.mark.parametrize("years", [1.0, 5.0, 30.0, 1000.0])
@pytest.mark.parametrize(("mean", "volatility"), [(0.08, 0.16), (0.15, 0.30), (0.02, 0.40)])
def test_more_years_come_nearer_to_full_kelly(years, mean, volatility):
    account = SizingAccount(equity=Decimal(10_000_000), price=Decimal("0.01"), max_weight=Decimal(1000))
    size = estimated_kelly(account, expected_return=mean, volatility=volatility, years=years)
    sharpe = mean / volatility
    expected = mean / volatility**2 * sharpe**2 / (sharpe**2 + 1 / years)
    assert float(size.weight) == pytest.approx(expected, rel=1e-5)
    assert size.method == "estimated_kelly"


@pytest.mark.parametrize("fraction", ["0.002", "0.01", "0.05"])
@pytest.mark.parametrize("ranges", [1.0, 2.0, 3.5])
def test_range_risk_is_the_fraction_over_the_distance(fraction, ranges):
    account = SizingAccount(equity=Decimal(200_000), price=Decimal(80), max_weight=Decimal(100))
    size = atr_risk(account, risk_fraction=Decimal(fraction), atr=1.6, ranges=ranges)
    lost = float(size.shares) * 1.6 * ranges
    assert lost <= 200_000 * float(fraction) + 1e-9
    assert lost > 200_000 * float(fraction) - 1.6 * ranges


@pytest.mark.parametrize("shortfall", [0.01, 0.03, 0.10])
def test_the_shortfall_of_the_position_is_the_budget(shortfall):
    account = SizingAccount(equity=Decimal(500_000), price=Decimal(1), max_weight=Decimal(10))
    size = cvar_budget(account, budget=Decimal("0.01"), expected_shortfall=shortfall)
    assert float(size.weight) * shortfall == pytest.approx(0.01, rel=1e-5)


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.975, 0.99])
@pytest.mark.parametrize("horizon", [1, 5, 21])
def test_monte_carlo_keeps_the_rules_of_every_method(confidence, horizon):
    generator = np.random.default_rng(6)
    sample = generator.standard_t(5, (600, 3)) * 0.01
    held = np.array([100.0, 50.0, -30.0])
    found = tail_risk(held, sample, method="monte_carlo", confidence=confidence, horizon_sessions=horizon, seed=9)
    assert found.expected_shortfall > found.value_at_risk > 0.0
    assert found.component_shortfall.sum() == pytest.approx(found.expected_shortfall, rel=1e-9)
    one = tail_risk(held, sample, method="monte_carlo", confidence=confidence, seed=9)
    assert found.value_at_risk == pytest.approx(one.value_at_risk * np.sqrt(horizon), rel=1e-9)
