"""Every statistic is defined once; those without a library are computed here by their words."""

import dataclasses

import empyrical
import numpy as np
import pytest
import scipy.stats

from core.errors import InvalidInput, NoData
from core.valuation.activity import Activity, activity
from core.valuation.definitions import DEFINITIONS
from core.valuation.performance import STATISTICS, performance
from core.valuation.relative import RELATIVE_STATISTICS, relative_performance, relative_table


def series(seed, sessions=800):
    return np.random.default_rng(seed).standard_t(4, sessions) * 0.01 + 0.0004


def spells(returns):
    """List the depth and sessions of each spell below the highest wealth so far, one session after another."""
    wealth, top, found, below = 1.0, 1.0, [], False
    for r in returns:
        wealth *= 1.0 + r
        if wealth >= top:
            top, below = wealth, False
            continue
        if not below:
            found.append([0.0, 0])
            below = True
        found[-1][0] = min(found[-1][0], wealth / top - 1.0)
        found[-1][1] += 1
    return found


def falls(returns):
    wealth = np.concatenate(([1.0], np.cumprod(1.0 + returns)))
    return (wealth / np.maximum.accumulate(wealth) - 1.0)[1:]


def longest(flags):
    best = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        best = max(best, run)
    return best


def cornish_fisher(r):
    z, s, k = scipy.stats.norm.ppf(0.05), scipy.stats.skew(r), scipy.stats.kurtosis(r)
    w = z + (z**2 - 1) * s / 6 + (z**3 - 3 * z) * k / 24 - (2 * z**3 - 5 * z) * s**2 / 36
    return r.mean() + w * r.std(ddof=1)


def adjusted(r):
    sharpe = r.mean() / r.std(ddof=1)
    return sharpe * (1 + scipy.stats.skew(r) / 6 * sharpe - scipy.stats.kurtosis(r) / 24 * sharpe**2) * np.sqrt(252)


BY_DEFINITION = {
    "profit_factor": lambda r: r[r > 0].sum() / -r[r < 0].sum(),
    "upside_potential": lambda r: np.maximum(r, 0).mean() / np.sqrt((np.minimum(r, 0) ** 2).mean()),
    "ulcer_index": lambda r: np.sqrt((falls(r) ** 2).mean()),
    "pain_index": lambda r: -falls(r).mean(),
    "time_under_water": lambda r: (falls(r) < 0).mean(),
    "drawdown_count": lambda r: len(spells(r)),
    "average_drawdown": lambda r: np.mean([depth for depth, _ in spells(r)]),
    "average_drawdown_sessions": lambda r: np.mean([length for _, length in spells(r)]),
    "longest_gain_sessions": lambda r: longest(r > 0),
    "longest_loss_sessions": lambda r: longest(r < 0),
    "autocorrelation": lambda r: ((r - r.mean())[1:] * (r - r.mean())[:-1]).sum() / ((r - r.mean()) ** 2).sum(),
    "var_99": lambda r: empyrical.value_at_risk(r, 0.01),
    "es_99": lambda r: empyrical.conditional_value_at_risk(r, 0.01),
    "payoff_ratio": lambda r: r[r > 0].mean() / -r[r < 0].mean(),
    "martin_ratio": lambda r: empyrical.cagr(r) / np.sqrt((falls(r) ** 2).mean()),
    "recovery_factor": lambda r: empyrical.cum_returns_final(r) / -empyrical.max_drawdown(r),
    "adjusted_sharpe": adjusted,
    "kelly_weight": lambda r: r.mean() / r.var(ddof=1),
    "mean_to_es": lambda r: r.mean() / -empyrical.conditional_value_at_risk(r, 0.05),
    "modified_var_95": cornish_fisher,
    "common_sense_ratio": lambda r: r[r > 0].sum() / -r[r < 0].sum() * empyrical.tail_ratio(r),
}


def test_at_least_forty_statistics_and_each_is_defined():
    of = {
        group: {n for n, part in DEFINITIONS.items() if part.group == group}
        for group in ("series", "benchmark", "activity")
    }
    assert of["series"] == set(STATISTICS)
    assert of["benchmark"] == set(RELATIVE_STATISTICS)
    assert of["activity"] == {field.name for field in dataclasses.fields(Activity)}
    assert len(DEFINITIONS) >= 40
    assert all(part.formula and part.title for part in DEFINITIONS.values())
    assert len({part.title for part in DEFINITIONS.values()}) == len(DEFINITIONS)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", BY_DEFINITION)
def test_equals_its_definition(name, seed):
    returns = series(seed)
    assert getattr(performance(returns), name) == pytest.approx(BY_DEFINITION[name](returns), rel=1e-9)


def test_what_has_no_losses_has_no_loss_ratios():
    found = performance(np.array([0.01, 0.02, 0.0, 0.03]))
    for name in (
        "profit_factor",
        "payoff_ratio",
        "martin_ratio",
        "recovery_factor",
        "average_drawdown",
        "upside_potential",
    ):
        assert np.isnan(getattr(found, name)), name
    assert (found.drawdown_count, found.time_under_water, found.ulcer_index) == (0, 0.0, 0.0)
    assert (found.longest_gain_sessions, found.longest_loss_sessions) == (2, 0)


@pytest.mark.parametrize("seed", [3, 4])
def test_comparison_equals_empyrical(seed):
    market = series(seed)
    # Sessions without a move of the benchmark belong to neither side.
    market[::50] = 0.0
    ours = 0.6 * market + series(seed + 10) * 0.5
    found = relative_performance(ours, market)
    alpha, beta = empyrical.alpha_beta(ours, market)
    expected = {
        "alpha": alpha,
        "beta": beta,
        "information_ratio": empyrical.excess_sharpe(ours, market) * np.sqrt(252),
        "up_capture": empyrical.up_capture(ours, market),
        "down_capture": empyrical.down_capture(ours, market),
        "capture_ratio": empyrical.up_down_capture(ours, market),
        "up_beta": empyrical.up_alpha_beta(ours, market)[1],
        "down_beta": empyrical.down_alpha_beta(ours, market)[1],
        "batting_average": np.mean(ours > market),
        "treynor": ours.mean() * 252 / beta,
        "modigliani": empyrical.sharpe_ratio(ours) * empyrical.annual_volatility(market),
        "correlation": scipy.stats.pearsonr(ours, market)[0],
        "excess_return": empyrical.cagr(ours) - empyrical.cagr(market),
        "tracking_error": (ours - market).std(ddof=1) * np.sqrt(252),
    }
    assert set(expected) == set(RELATIVE_STATISTICS)
    for name, value in expected.items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-9), name


def test_a_benchmark_per_series_equals_one_at_a_time():
    ours, theirs = np.stack([series(s) for s in (5, 6, 7)]), np.stack([series(s) for s in (8, 9, 10)])
    table = relative_table(ours, theirs, risk_free=0.02)
    for row in range(3):
        one = relative_performance(ours[row], theirs[row], risk_free=0.02).as_dict()
        for name in RELATIVE_STATISTICS:
            assert table[name][row] == pytest.approx(one[name], rel=1e-10), name


def test_shapes_of_a_table_must_fit():
    with pytest.raises(InvalidInput, match=r"\(series, time\)"):
        relative_table(np.zeros((2, 5)), np.zeros(4))


def test_activity_of_a_book_by_hand():
    weights = np.array([[np.nan, np.nan], [0.5, 0.0], [0.5, -0.5], [0.0, 0.0]])
    found = activity(weights, sessions_per_year=4)
    # Changes: 0.5, then 0.5, then 1.0; half of them is traded one way.
    assert found.turnover == pytest.approx(1.0)
    assert found.exposure == 0.5
    assert found.gross_exposure == pytest.approx((0.5 + 1.0) / 4)
    assert found.net_exposure == pytest.approx(0.5 / 4)
    assert found.largest_weight == 0.5
    assert found.effective_positions == pytest.approx((1.0 + 2.0) / 2)
    # Half a unit held for two sessions and half for one: one and a half unit sessions over one unit traded.
    assert found.holding_sessions == pytest.approx(1.5)
    assert np.isnan(found.capacity)


def test_capacity_is_the_equity_at_which_trades_reach_the_share_of_volume():
    weights = np.array([[0.5], [0.0], [1.0]])
    money = np.array([[1_000_000.0], [2_000_000.0], [500_000.0]])
    found = activity(weights, traded_money=money, participation=0.05, within=1.0)
    largest = found.capacity
    changes = np.array([0.5, 0.5, 1.0])
    shares = changes * largest / money[:, 0]
    assert shares.max() == pytest.approx(0.05)
    assert largest == pytest.approx(0.05 * 500_000)


def test_activity_refuses_what_does_not_fit():
    with pytest.raises(InvalidInput, match=r"expected \(time, assets\)"):
        activity(np.zeros(3))
    with pytest.raises(NoData, match="no sessions"):
        activity(np.zeros((0, 2)))
    with pytest.raises(InvalidInput, match="participation"):
        activity(np.ones((2, 1)), traded_money=np.ones((2, 1)), participation=0.0)
