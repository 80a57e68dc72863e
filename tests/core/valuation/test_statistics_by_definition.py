"""Each performance statistic recomputed from its definition in a few plain lines, on any series."""

import math

import empyrical
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput, NoData
from core.valuation.performance import (
    STATISTICS,
    Performance,
    money_weighted_return,
    performance,
    performance_table,
)
from core.valuation.relative import relative_performance

series = st.lists(st.floats(-0.3, 0.4).filter(lambda r: r == 0.0 or abs(r) > 1e-6), min_size=3, max_size=60)


def spread(returns):
    mean = math.fsum(returns) / len(returns)
    return math.sqrt(math.fsum((r - mean) ** 2 for r in returns) / (len(returns) - 1))


def curve(returns):
    values = [1.0]
    for r in returns:
        values.append(values[-1] * (1.0 + r))
    return values


@settings(max_examples=120, deadline=None)
@given(returns=series, per_year=st.sampled_from([12, 52, 252, 365]), risk_free=st.sampled_from([0.0, 0.03]))
def test_growth_and_risk(returns, per_year, risk_free):
    found = performance(np.array(returns), sessions_per_year=per_year, risk_free=risk_free)
    count, rate = len(returns), (1.0 + risk_free) ** (1.0 / per_year) - 1.0
    end = curve(returns)[-1]
    assert found.sessions == count
    assert found.total_return == pytest.approx(end - 1.0, rel=1e-9, abs=1e-12)
    assert found.cagr == pytest.approx(end ** (per_year / count) - 1.0, rel=1e-8, abs=1e-12)
    mean = math.fsum(returns) / count
    assert found.mean_return == pytest.approx(mean * per_year, rel=1e-9, abs=1e-12)
    assert found.volatility == pytest.approx(spread(returns) * math.sqrt(per_year), rel=1e-7, abs=1e-9)
    below = math.sqrt(math.fsum(min(r - rate, 0.0) ** 2 for r in returns) / count * per_year)
    assert found.downside_risk == pytest.approx(below, rel=1e-9, abs=1e-12)
    if below > 1e-6:
        assert found.sortino == pytest.approx((mean - rate) * per_year / below, rel=1e-7, abs=1e-9)
    if spread(returns) > 1e-6:
        assert found.sharpe == pytest.approx((mean - rate) / spread(returns) * math.sqrt(per_year), rel=1e-6, abs=1e-9)


@settings(max_examples=120, deadline=None)
@given(returns=series)
def test_gains_and_losses(returns):
    found = performance(np.array(returns))
    gains, losses = [r for r in returns if r > 0.0], [r for r in returns if r < 0.0]
    assert (found.best, found.worst) == (max(returns), min(returns))
    if gains or losses:
        assert found.hit_rate == pytest.approx(len(gains) / (len(gains) + len(losses)))
    else:
        assert math.isnan(found.hit_rate)
    for name, part in (("average_gain", gains), ("average_loss", losses)):
        value = getattr(found, name)
        assert math.isnan(value) if not part else value == pytest.approx(sum(part) / len(part))
    if losses:
        assert found.omega == pytest.approx(sum(gains) / -sum(losses), rel=1e-9, abs=1e-12)
    else:
        assert math.isnan(found.omega)


@settings(max_examples=120, deadline=None)
@given(returns=series)
def test_drawdown(returns):
    found = performance(np.array(returns))
    values = curve(returns)
    falls = [value / max(values[: t + 1]) - 1.0 for t, value in enumerate(values)]
    assert found.max_drawdown == pytest.approx(min(falls), rel=1e-9, abs=1e-12)
    if min(falls) < -1e-9:
        assert falls[found.drawdown_trough + 1] == pytest.approx(min(falls), rel=1e-9)
        top = max(values[: found.drawdown_trough + 2])
        assert values[found.drawdown_peak + 1] == pytest.approx(top, rel=1e-12)
        assert found.calmar == pytest.approx(found.cagr / -found.max_drawdown, rel=1e-9)
        if found.drawdown_recovery >= 0:
            assert values[found.drawdown_recovery + 1] >= top * (1 - 1e-12)
            between = values[found.drawdown_trough + 1 : found.drawdown_recovery + 1]
            assert max(between) < top
        else:
            assert max(values[found.drawdown_trough + 1 :]) < top


@settings(max_examples=100, deadline=None)
@given(returns=series)
def test_tails_and_shape(returns):
    found = performance(np.array(returns))
    ordered = sorted(returns)
    k = int((len(returns) - 1) * 0.05) + 1
    assert found.es_95 == pytest.approx(sum(ordered[:k]) / k, rel=1e-9, abs=1e-12)
    assert found.var_95 == pytest.approx(np.percentile(returns, 5), rel=1e-9, abs=1e-12)
    if abs(found.var_95) > 1e-9:
        ratio = abs(np.percentile(returns, 95)) / abs(np.percentile(returns, 5))
        assert found.tail_ratio == pytest.approx(ratio, rel=1e-6, abs=1e-9)
    if spread(returns) > 1e-3:
        assert found.skew == pytest.approx(scipy.stats.skew(returns), rel=1e-6, abs=1e-6)
        assert found.kurtosis == pytest.approx(scipy.stats.kurtosis(returns), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("count", [2, 3, 19, 20, 21, 22, 41, 100, 101])
def test_tails_at_every_length_around_a_step_of_the_count(count):
    returns = np.random.default_rng(count).normal(0.0, 0.01, count)
    found = performance(returns)
    assert found.var_95 == pytest.approx(np.percentile(returns, 5), rel=1e-12)
    assert found.es_95 == pytest.approx(empyrical.conditional_value_at_risk(returns, 0.05), rel=1e-12)
    assert found.tail_ratio == pytest.approx(abs(np.percentile(returns, 95)) / abs(np.percentile(returns, 5)), rel=1e-9)


def test_order_matters_only_where_time_does():
    returns = np.random.default_rng(4).normal(0.001, 0.02, 300)
    one, other = performance(returns), performance(np.sort(returns))
    timed = {
        "max_drawdown", "drawdown_peak", "drawdown_trough", "drawdown_recovery", "longest_drawdown_sessions", "calmar",
        "stability", "ulcer_index", "pain_index", "time_under_water", "drawdown_count", "average_drawdown",
        "average_drawdown_sessions", "longest_gain_sessions", "longest_loss_sessions", "autocorrelation",
        "martin_ratio", "recovery_factor",
    }  # fmt: skip
    for name in STATISTICS:
        same = getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-7)
        assert same == (name not in timed), name


def test_a_steady_rise_is_stable_and_has_no_drawdown():
    found = performance(np.tile([0.01, 0.02], 50))
    assert found.max_drawdown == 0.0
    assert math.isnan(found.calmar)
    assert (found.drawdown_peak, found.drawdown_trough, found.drawdown_recovery) == (-1, -1, -1)
    assert found.longest_drawdown_sessions == 0
    assert found.stability > 0.999
    assert found.hit_rate == 1.0
    assert math.isnan(found.sortino)


def test_zero_returns_are_neither_hits_nor_misses():
    found = performance(np.array([0.0, 0.01, 0.0, -0.02, 0.0]))
    assert found.hit_rate == 0.5
    assert found.average_gain == 0.01
    assert found.average_loss == -0.02


@pytest.mark.parametrize("gap", [np.nan])
def test_gaps_change_nothing_but_positions(gap):
    returns = np.random.default_rng(6).normal(0.0, 0.02, 120)
    holes = np.insert(returns, [0, 10, 11, 60, 120], gap)
    ours, whole = performance(holes), performance(returns)
    for name in STATISTICS:
        if name in {"drawdown_peak", "drawdown_trough", "drawdown_recovery"}:
            place = getattr(whole, name)
            if place >= 0:
                assert holes[getattr(ours, name)] == returns[place]
        else:
            assert getattr(ours, name) == pytest.approx(getattr(whole, name), rel=1e-12), name


def test_a_table_with_one_gappy_row_measures_all_rows_alike():
    rows = np.random.default_rng(7).normal(0.0, 0.01, (4, 200))
    rows[2, 50:60] = np.nan
    rows[3, 1:] = np.nan
    table = performance_table(rows)
    for name in STATISTICS:
        assert np.isnan(table[name][3]), name
        for row in range(3):
            assert table[name][row] == pytest.approx(getattr(performance(rows[row]), name), rel=1e-12, nan_ok=True)


def test_a_table_may_be_empty():
    assert all(values.shape == (0,) for values in performance_table(np.empty((0, 5))).values())


def test_as_dict_holds_every_statistic_and_positions_are_whole():
    found = performance(np.array([0.1, -0.2, 0.05]))
    assert tuple(found.as_dict()) == STATISTICS
    assert isinstance(found, Performance)
    assert all(isinstance(getattr(found, name), int) for name in ("sessions", "drawdown_peak", "drawdown_trough"))
    assert (found.drawdown_peak, found.drawdown_trough, found.drawdown_recovery) == (0, 1, -1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: performance(np.array([0.1])), NoData, "at least 2 returns"),
        (lambda: performance(np.array([0.1, np.nan])), NoData, "at least 2 returns"),
        (lambda: performance(np.zeros((2, 2))), InvalidInput, r"returns has shape \(2, 2\), expected one dimension"),
        (lambda: performance(np.array([0.1, -5.0])), InvalidInput, "below -1"),
        (lambda: performance_table(np.zeros(5)), InvalidInput, r"expected \(series, time\)"),
        (lambda: relative_performance(np.zeros(5), np.zeros(4)), InvalidInput, "differ in shape"),
        (lambda: relative_performance(np.full(5, np.nan), np.zeros(5)), NoData, "share fewer than 2 sessions"),
    ],
)
def test_what_does_not_fit_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_relative_figures_leave_out_sessions_either_lacks():
    generator = np.random.default_rng(8)
    market = generator.normal(0.0004, 0.01, 400)
    ours = 0.7 * market + generator.normal(0.0001, 0.004, 400)
    holes, gaps = ours.copy(), market.copy()
    holes[10:20] = np.nan
    gaps[300:310] = np.nan
    both = np.isfinite(holes) & np.isfinite(gaps)
    assert relative_performance(holes, gaps) == relative_performance(ours[both], market[both])


def test_relative_figures_of_a_leveraged_copy():
    market = np.random.default_rng(9).normal(0.0004, 0.01, 500)
    found = relative_performance(2.0 * market, market)
    assert found.beta == pytest.approx(2.0)
    assert found.correlation == pytest.approx(1.0)
    assert found.alpha == pytest.approx(0.0, abs=1e-12)
    assert found.tracking_error == pytest.approx(market.std(ddof=1) * np.sqrt(252))
    growth = [empyrical.cagr(part) for part in (2.0 * market, market)]
    assert found.excess_return == pytest.approx(growth[0] - growth[1], rel=1e-9)


def test_relative_figures_with_interest():
    generator = np.random.default_rng(10)
    market, ours = generator.normal(0.0004, 0.01, 500), generator.normal(0.0006, 0.01, 500)
    found = relative_performance(ours, market, risk_free=0.05, sessions_per_year=365)
    rate = 1.05 ** (1 / 365) - 1.0
    fit = scipy.stats.linregress(market - rate, ours - rate)
    assert found.beta == pytest.approx(fit.slope, rel=1e-9)
    assert found.alpha == pytest.approx((1.0 + fit.intercept) ** 365 - 1.0, rel=1e-9)
    assert found.correlation == pytest.approx(fit.rvalue, rel=1e-9)


def test_a_flat_benchmark_has_no_beta():
    found = relative_performance(np.array([0.1, -0.1, 0.05]), np.full(3, 0.01))
    assert np.isnan(found.beta)
    assert np.isnan(found.correlation)


@settings(max_examples=60, deadline=None)
@given(
    rate=st.floats(-0.6, 2.0),
    flows=st.lists(st.floats(10.0, 1000.0), min_size=1, max_size=8),
    years=st.integers(1, 6),
)
def test_money_weighted_return_recovers_the_rate_money_grew_at(rate, flows, years):
    times = np.datetime64("2015-01-01") + np.linspace(0, 365 * years, len(flows) + 1).astype(int)
    held = sum(
        flow * (1.0 + rate) ** ((times[-1] - t).astype(int) / 365) for flow, t in zip(flows, times, strict=False)
    )
    found = money_weighted_return(times, [*flows, 0.0], held)
    assert found == pytest.approx(rate, rel=1e-7, abs=1e-8)


def test_money_weighted_return_that_cannot_be():
    times = np.array(["2020-01-01", "2021-01-01"], dtype="datetime64[D]")
    with pytest.raises(InvalidInput, match="No money-weighted return fits"):
        money_weighted_return(times, [100.0, 0.0], -5.0)
    with pytest.raises(InvalidInput, match=r"flows has shape \(3,\), expected \(2,\)"):
        money_weighted_return(times, [100.0, 0.0, 1.0], 5.0)
    with pytest.raises(NoData, match="at least one payment"):
        money_weighted_return(times, [-100.0, 0.0], 5.0)


def test_sharpe_error_covers_repeated_samples():
    generator = np.random.default_rng(11)
    table = performance_table(generator.normal(0.001, 0.01, (3000, 252)))
    assert np.mean(table["sharpe_standard_error"]) == pytest.approx(np.std(table["sharpe"], ddof=1), rel=0.05)
    inside = np.abs(table["sharpe"] - 0.1 * np.sqrt(252)) < 1.96 * table["sharpe_standard_error"]
    assert inside.mean() == pytest.approx(0.95, abs=0.015)


def test_probabilistic_sharpe_of_worthless_series_is_uniform():
    table = performance_table(np.random.default_rng(12).normal(0.0, 0.01, (2000, 400)))
    assert scipy.stats.kstest(table["probabilistic_sharpe"], "uniform").pvalue > 1e-3


def test_stability_equals_the_squared_correlation_with_time():
    returns = np.random.default_rng(13).normal(0.001, 0.01, 250)
    level = pd.Series(np.log1p(returns).cumsum())
    expected = np.corrcoef(level, np.arange(250))[0, 1] ** 2
    assert performance(returns).stability == pytest.approx(expected, rel=1e-9)
