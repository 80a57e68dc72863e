"""Performance statistics against empyrical, scipy and statsmodels."""

import empyrical
import numpy as np
import pandas as pd
import pytest
import scipy.stats
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput, NoData
from core.valuation.performance import (
    STATISTICS,
    UNITS,
    money_weighted_return,
    performance,
    performance_table,
)
from core.valuation.relative import relative_performance
from core.valuation.sharpe import probabilistic_sharpe_ratio


def series(seed, sessions=900):
    generator = np.random.default_rng(seed)
    return generator.standard_t(4, sessions) * 0.01 + 0.0004


REFERENCE = {
    "total_return": lambda r: empyrical.cum_returns_final(r),
    "cagr": lambda r: empyrical.cagr(r),
    "volatility": lambda r: empyrical.annual_volatility(r),
    "sharpe": lambda r: empyrical.sharpe_ratio(r),
    "sortino": lambda r: empyrical.sortino_ratio(r),
    "downside_risk": lambda r: empyrical.downside_risk(r),
    "max_drawdown": lambda r: empyrical.max_drawdown(r),
    "calmar": lambda r: empyrical.calmar_ratio(r),
    "omega": lambda r: empyrical.omega_ratio(r),
    "var_95": lambda r: empyrical.value_at_risk(r, 0.05),
    "es_95": lambda r: empyrical.conditional_value_at_risk(r, 0.05),
    "tail_ratio": lambda r: empyrical.tail_ratio(r),
    "stability": lambda r: empyrical.stability_of_timeseries(r),
    "skew": scipy.stats.skew,
    "kurtosis": scipy.stats.kurtosis,
    "best": np.max,
    "worst": np.min,
    "hit_rate": lambda r: np.mean(r > 0.0),
}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", REFERENCE)
def test_equals_the_reference(name, seed):
    returns = series(seed)
    assert getattr(performance(returns), name) == pytest.approx(REFERENCE[name](returns), rel=1e-9)


def test_its_sharpe_errors_are_those_of_lo_and_of_the_sharpe_module():
    # Weekly-like returns with a Sharpe ratio large enough for every term of the formulas to count.
    returns = np.random.default_rng(2).exponential(0.02, 300) - 0.012
    ours = performance(returns, sessions_per_year=52)
    sharpe = returns.mean() / returns.std(ddof=1)
    assert sharpe > 0.3
    assert ours.sharpe_standard_error == pytest.approx(
        np.sqrt((1 + sharpe**2 / 2) / 300) * np.sqrt(52), rel=1e-12
    )  # Lo (2002)
    z = scipy.stats.norm.ppf(
        probabilistic_sharpe_ratio(
            sharpe, 300, scipy.stats.skew(returns), scipy.stats.kurtosis(returns, fisher=False), against=0.0
        )
    )
    assert scipy.stats.norm.ppf(ours.probabilistic_sharpe) == pytest.approx(z, rel=1e-6)


def test_risk_free_and_crypto_calendar():
    returns = series(9)
    ours = performance(returns, sessions_per_year=365, risk_free=0.04)
    rate = 1.04 ** (1 / 365) - 1
    assert ours.sharpe == pytest.approx(empyrical.sharpe_ratio(returns, risk_free=rate, annualization=365), rel=1e-9)
    assert ours.sortino == pytest.approx(
        empyrical.sortino_ratio(returns, required_return=rate, annualization=365), rel=1e-9
    )


@pytest.mark.parametrize("seed", range(6))
def test_drawdown_dates_are_where_the_curve_has_them(seed):
    returns = series(seed, 400)
    ours = performance(returns)
    curve = np.concatenate(([1.0], np.cumprod(1.0 + returns)))
    fall = curve / np.maximum.accumulate(curve) - 1.0
    trough = int(np.argmin(fall))
    peak = int(np.argmax(curve[: trough + 1]))
    later = np.flatnonzero(curve[trough:] >= curve[peak])
    assert ours.drawdown_trough == trough - 1
    assert ours.drawdown_peak == peak - 1
    assert ours.drawdown_recovery == (trough + later[0] - 1 if len(later) else -1)
    run, longest = 0, 0
    for part in fall:
        run = run + 1 if part < 0.0 else 0
        longest = max(longest, run)
    assert ours.longest_drawdown_sessions == longest


def test_missing_sessions_are_left_out_and_keep_their_places():
    returns = series(3, 300)
    gaps = np.insert(returns, [0, 40, 100], np.nan)
    ours, whole = performance(gaps), performance(returns)
    assert ours.sharpe == whole.sharpe
    assert ours.sessions == 300
    shift = int(np.isnan(gaps[: ours.drawdown_trough]).sum())
    assert ours.drawdown_trough == whole.drawdown_trough + shift


def test_a_table_equals_its_rows_for_any_number_of_threads():
    returns = np.stack([series(seed, 300) for seed in range(150)])
    one, two = performance_table(returns), performance_table(returns, threads=2)
    for name in STATISTICS:
        np.testing.assert_array_equal(one[name], two[name])
        assert one[name][77] == getattr(performance(returns[77]), name)


def test_constant_returns_have_no_sharpe_ratio():
    ours = performance(np.full(50, 0.001))
    assert np.isnan(ours.sharpe)
    assert np.isnan(ours.sortino)
    assert ours.max_drawdown == 0.0
    assert np.isnan(ours.calmar)


def test_a_total_loss_is_a_growth_of_minus_one():
    ours = performance(np.array([0.1, -1.0, 0.2]))
    assert (ours.total_return, ours.cagr, ours.max_drawdown) == (-1.0, -1.0, -1.0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=80))
def test_bounds_that_always_hold(values):
    ours = performance(np.array(values))
    assert -1.0 <= ours.max_drawdown <= 0.0
    assert ours.worst <= ours.es_95 + 1e-15
    assert ours.es_95 <= ours.var_95 + 1e-12
    assert ours.var_95 <= ours.best + 1e-15
    assert ours.total_return >= ours.max_drawdown - 1e-12
    assert ours.longest_drawdown_sessions <= len(values)


def test_every_statistic_has_a_unit():
    assert set(UNITS) == set(STATISTICS)
    assert set(UNITS.values()) == {"ratio", "count"}


def test_bad_returns_are_refused():
    with pytest.raises(NoData, match="at least 2 returns"):
        performance(np.array([0.01]))
    with pytest.raises(InvalidInput, match="below -1"):
        performance(np.array([0.01, -1.5]))
    with pytest.raises(InvalidInput, match="one dimension"):
        performance(np.zeros((2, 2)))


def test_relative_performance_equals_least_squares_and_empyrical():
    generator = np.random.default_rng(4)
    market = generator.normal(0.0004, 0.01, 700)
    ours = 0.0002 + 1.3 * market + generator.normal(0.0, 0.006, 700)
    found = relative_performance(ours, market, risk_free=0.02)
    rate = 1.02 ** (1 / 252) - 1
    fit = sm.OLS(ours - rate, sm.add_constant(market - rate)).fit()
    assert found.beta == pytest.approx(fit.params[1], rel=1e-9)
    assert found.alpha == pytest.approx((1.0 + fit.params[0]) ** 252 - 1.0, rel=1e-9)
    index = pd.RangeIndex(700)
    alpha, beta = empyrical.alpha_beta(pd.Series(ours, index), pd.Series(market, index), risk_free=rate)
    assert found.beta == pytest.approx(beta, rel=1e-9)
    assert found.alpha == pytest.approx(alpha, rel=1e-6)
    active = ours - market
    assert found.tracking_error == pytest.approx(active.std(ddof=1) * np.sqrt(252), rel=1e-9)
    assert found.information_ratio == pytest.approx(active.mean() / active.std(ddof=1) * np.sqrt(252), rel=1e-9)


def test_a_series_is_its_own_benchmark():
    returns = series(2)
    same = relative_performance(returns, returns)
    assert same.beta == pytest.approx(1.0)
    assert same.alpha == pytest.approx(0.0, abs=1e-12)
    assert same.tracking_error == 0.0


def test_money_weighted_return_equals_the_published_xirr_example():
    # The example in the documentation of Excel's XIRR: 37.34 %.
    times = np.array(["2008-01-01", "2008-03-01", "2008-10-30", "2009-02-15", "2009-04-01"], dtype="datetime64[D]")
    flows = np.array([10_000.0, -2_750.0, -4_250.0, -3_250.0, 0.0])
    assert money_weighted_return(times, flows, 2_750.0) == pytest.approx(0.373362535, abs=1e-8)


def test_money_weighted_return_of_one_payment_is_its_growth():
    times = np.array(["2019-01-01", "2021-01-01"], dtype="datetime64[D]")
    rate = money_weighted_return(times, [100.0, 0.0], 121.0)
    assert rate == pytest.approx(1.21 ** (365 / 731) - 1.0, rel=1e-9)
    with pytest.raises(NoData):
        money_weighted_return(times, [0.0, 0.0], 5.0)
