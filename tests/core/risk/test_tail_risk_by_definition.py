"""Tail risk recomputed from its definitions, its confidence, horizon and gap rules, and its error sentences."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput, NoData
from core.risk.correlation import correlation, ewma_covariance, pairwise_correlation, shrunk_covariance
from core.risk.drawdown import drawdown_series, drawdowns
from core.risk.stops import atr_stop, fixed_stop, stopped_out, trailing_stop
from core.risk.var import tail_risk


def sample(seed=3, sessions=260, assets=3):
    generator = np.random.default_rng(seed)
    return generator.standard_t(5, (sessions, assets)) * 0.01 + generator.normal(0, 0.005, (sessions, 1))


HELD = np.array([5_000.0, -2_000.0, 9_000.0])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), sessions=st.integers(20, 120), confidence=st.floats(0.55, 0.995))
def test_historical_by_sorting(seed, sessions, confidence):
    returns = sample(seed, sessions)
    found = tail_risk(HELD, returns, confidence=confidence)
    profit = sorted(math.fsum(r * h for r, h in zip(row, HELD, strict=True)) for row in returns)
    k = int((sessions - 1) * (1.0 - confidence) + 1e-9) + 1
    assert found.expected_shortfall == pytest.approx(-sum(profit[:k]) / k, rel=1e-9, abs=1e-9)
    place = (sessions - 1) * (1.0 - confidence)
    low = int(place)
    value = profit[low] + (place - low) * (profit[min(low + 1, sessions - 1)] - profit[low])
    assert found.value_at_risk == pytest.approx(-value, rel=1e-7, abs=1e-6)
    assert found.sessions == sessions
    assert found.volatility == pytest.approx(np.std(profit, ddof=1), rel=1e-9)


def test_more_confidence_is_more_loss():
    for method in ("historical", "gaussian", "filtered"):
        values = [tail_risk(HELD, sample(), method=method, confidence=c) for c in (0.8, 0.9, 0.95, 0.99)]
        for name in ("value_at_risk", "expected_shortfall"):
            found = [getattr(value, name) for value in values]
            assert found == sorted(found), (method, name)


def test_a_mirrored_book_swaps_the_tails():
    returns = sample()
    long, short = tail_risk(HELD, returns), tail_risk(-HELD, -returns)
    assert short.value_at_risk == pytest.approx(long.value_at_risk)
    np.testing.assert_allclose(short.component_shortfall, long.component_shortfall)
    other = tail_risk(-HELD, returns)
    profit = returns @ HELD
    assert other.value_at_risk == pytest.approx(np.quantile(profit, 0.95))


def test_gaussian_horizon_scales_mean_and_deviation_apart():
    returns = sample() + 0.002
    profit = returns @ HELD
    found = tail_risk(HELD, returns, method="gaussian", horizon_sessions=16, confidence=0.975)
    z = scipy.stats.norm.ppf(0.975)
    assert found.value_at_risk == pytest.approx(z * profit.std(ddof=1) * 4.0 - 16 * profit.mean(), rel=1e-9)
    tail = scipy.stats.norm.pdf(z) / 0.025
    assert found.expected_shortfall == pytest.approx(tail * profit.std(ddof=1) * 4.0 - 16 * profit.mean(), rel=1e-9)
    assert found.volatility == pytest.approx(profit.std(ddof=1) * 4.0, rel=1e-9)


def test_filtered_by_walking():
    returns = sample(sessions=80, assets=1)
    held, decay = np.array([1_000.0]), 0.9
    profit = returns[:, 0] * 1_000.0
    variance = [np.mean(profit**2)]
    for value in profit:
        variance.append(decay * variance[-1] + (1 - decay) * value**2)
    scaled = profit / np.sqrt(variance[:-1]) * math.sqrt(variance[-1])
    found = tail_risk(held, returns, method="filtered", decay=decay)
    assert found.value_at_risk == pytest.approx(-np.quantile(scaled, 0.05), rel=1e-9)
    assert found.expected_shortfall == pytest.approx(-np.sort(scaled)[:4].mean(), rel=1e-9)
    assert np.isnan(found.value_at_risk_standard_error)
    assert np.isnan(found.expected_shortfall_standard_error)


def test_calm_assets_have_no_filtered_scale_to_divide_by():
    returns = np.zeros((40, 1))
    returns[30:] = 0.01
    found = tail_risk(np.array([100.0]), returns, method="filtered")
    assert math.isfinite(found.value_at_risk)


def test_gaps_of_held_assets_drop_the_session_and_others_do_not():
    returns = sample()
    gappy = returns.copy()
    gappy[5, 0] = np.nan
    gappy[9, 2] = np.nan
    both = np.delete(returns, [5, 9], axis=0)
    assert tail_risk(HELD, gappy).expected_shortfall == tail_risk(HELD, both).expected_shortfall
    without = tail_risk(np.array([5_000.0, -2_000.0, 0.0]), gappy)
    assert without.sessions == 259
    assert without.component_shortfall[2] == 0.0


def test_a_riskless_holding_has_no_gaussian_risk():
    found = tail_risk(np.array([1_000.0]), np.zeros((30, 1)), method="gaussian")
    assert (found.value_at_risk, found.expected_shortfall) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tail_risk(HELD, sample(), confidence=0.5), InvalidInput, "confidence is 0.5, expected between"),
        (lambda: tail_risk(HELD, sample(), confidence=1.0), InvalidInput, "confidence is 1.0"),
        (lambda: tail_risk(HELD, sample(), horizon_sessions=-1), InvalidInput, "horizon_sessions is -1"),
        (lambda: tail_risk(HELD, sample()[:, 0]), InvalidInput, r"must be \(assets,\) and \(time, assets\)"),
        (lambda: tail_risk(np.array([1.0, np.nan, 2.0]), sample()), InvalidInput, "must be"),
        (lambda: tail_risk(HELD, sample(), method="filtered", decay=1.0), InvalidInput, "decay is 1.0"),
        (lambda: tail_risk(HELD, sample(sessions=19)), NoData, "share 19 sessions with a return, expected at least 20"),
        (lambda: correlation(sample(), method="kendall"), InvalidInput, "method is 'kendall'"),
        (lambda: correlation(sample()[:2], method="shrunk"), NoData, "share 2 sessions, expected at least 3"),
        (lambda: ewma_covariance(sample(), halflife=-1.0), InvalidInput, "halflife is -1.0"),
        (lambda: drawdown_series(np.ones((2, 2))), InvalidInput, r"equity has shape \(2, 2\)"),
        (lambda: drawdowns(np.array([1.0, 0.0])), InvalidInput, "values above 0"),
        (lambda: fixed_stop(10.0, loss=0.0), InvalidInput, "loss is 0.0, expected a ratio between 0 and 1"),
        (lambda: fixed_stop(10.0, loss=0.1, side="flat"), InvalidInput, "side is 'flat', expected long or short"),
        (lambda: trailing_stop(np.ones(3), loss=1.0), InvalidInput, "loss is 1.0"),
        (lambda: atr_stop(*np.ones((3, 20)), side="flat"), InvalidInput, "side is 'flat'"),
        (lambda: atr_stop(*np.ones((3, 20)), period=0), InvalidInput, "period is 0 and ranges 3.0"),
        (lambda: stopped_out(np.ones(3), np.ones(3), np.ones(3), side="up"), InvalidInput, "side is 'up'"),
    ],
)
def test_what_does_not_fit_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), assets=st.integers(1, 6), method=st.sampled_from(["sample", "shrunk", "ewma"]))
def test_correlations_are_correlations(seed, assets, method):
    found = correlation(sample(seed, 60, assets), method=method)
    assert found.shape == (assets, assets)
    np.testing.assert_array_equal(np.diag(found), 1.0)
    np.testing.assert_allclose(found, found.T, atol=1e-15)
    assert np.abs(found).max() <= 1.0
    assert np.linalg.eigvalsh(found).min() > -1e-10


@settings(max_examples=30, deadline=None)
@given(scale=st.lists(st.floats(0.01, 100.0), min_size=3, max_size=3))
def test_correlation_does_not_know_units(scale):
    returns = sample(5)
    np.testing.assert_allclose(
        pairwise_correlation(returns * np.array(scale)), pairwise_correlation(returns), rtol=1e-9, atol=1e-12
    )


def test_shrinkage_moves_towards_equal_variances_without_covariance():
    returns = sample(6, 40, 10)
    centred = returns - returns.mean(axis=0)
    plain = centred.T @ centred / len(returns)
    shrunk, intensity = shrunk_covariance(returns)
    assert 0.0 < intensity < 1.0
    assert np.trace(shrunk) == pytest.approx(np.trace(plain))
    off = ~np.eye(10, dtype=bool)
    np.testing.assert_allclose(shrunk[off], (1.0 - intensity) * plain[off], rtol=1e-9)


def test_a_single_asset_needs_no_shrinkage():
    shrunk, _ = shrunk_covariance(sample(7, 50, 1))
    assert shrunk[0, 0] == pytest.approx(sample(7, 50, 1).var())


def test_old_sessions_fade_by_the_halflife():
    returns = np.zeros((21, 1))
    returns[0] = 1.0
    old = ewma_covariance(returns, halflife=10.0)[0, 0]
    returns[0], returns[10] = 0.0, 1.0
    assert ewma_covariance(returns, halflife=10.0)[0, 0] == pytest.approx(2.0 * old)


def test_gappy_pairs_need_three_common_sessions():
    returns = sample(8, 10, 2)
    returns[:7, 0] = np.nan
    assert np.isfinite(pairwise_correlation(returns)[0, 1])
    returns[7, 0] = np.nan
    assert np.isnan(pairwise_correlation(returns)[0, 1])
    assert pairwise_correlation(returns)[0, 0] == 1.0


def test_the_largest_drawdowns_come_first_and_no_more_than_asked():
    equity = np.cumprod(1.0 + np.random.default_rng(9).normal(0.001, 0.02, 600))
    found = drawdowns(equity, largest=3)
    assert len(found) == 3
    assert [part.depth for part in found] == sorted(part.depth for part in found)
    assert found[0].depth == pytest.approx(drawdown_series(equity).min())
    everything = drawdowns(equity, largest=10_000)
    assert everything[:3] == found


@pytest.mark.parametrize("equity", [[], [5.0], [1.0, 2.0, 3.0], [2.0, 2.0, 2.0]])
def test_a_curve_that_never_falls_has_no_drawdown(equity):
    assert drawdowns(np.array(equity)) == ()


def test_a_drawdown_that_lasts_counts_its_sessions_to_the_end():
    (part,) = drawdowns(np.array([10.0, 8.0, 9.0, 7.0, 9.5]))
    assert (part.peak, part.trough, part.recovery, part.sessions) == (0, 3, None, 4)
    assert part.depth == pytest.approx(-0.3)


def test_a_trailing_stop_ignores_gaps():
    close = np.array([10.0, np.nan, 12.0, 11.0])
    np.testing.assert_allclose(trailing_stop(close, loss=0.1), [9.0, 9.0, 10.8, 10.8])
    np.testing.assert_allclose(trailing_stop(close, loss=0.1, side="short"), [11.0, 11.0, 11.0, 11.0])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), loss=st.floats(0.01, 0.3), side=st.sampled_from(["long", "short"]))
def test_stopped_out_by_walking(seed, loss, side):
    generator = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(generator.normal(0, 0.02, 60)))
    low, high = close * 0.99, close * 1.01
    stop = trailing_stop(close, loss=loss, side=side)
    expected = None
    for t in range(1, 60):
        if (side == "long" and low[t] <= stop[t - 1]) or (side == "short" and high[t] >= stop[t - 1]):
            expected = t
            break
    assert stopped_out(low, high, stop, side=side) == expected


def test_chandelier_stops_lie_a_span_beyond_the_extreme_once_ranges_exist():
    generator = np.random.default_rng(10)
    close = 50.0 * np.exp(np.cumsum(generator.normal(0, 0.02, 80)))
    high, low = close * 1.01, close * 0.98
    near = atr_stop(high, low, close, period=10, ranges=1.0)
    far = atr_stop(high, low, close, period=10, ranges=2.0)
    assert np.isnan(near[:10]).all()
    assert np.isfinite(near[10:]).all()
    top = np.array([high[t - 9 : t + 1].max() for t in range(10, 80)])
    np.testing.assert_allclose(top - far[10:], 2.0 * (top - near[10:]), rtol=1e-9)
