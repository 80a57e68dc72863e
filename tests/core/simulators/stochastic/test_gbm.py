"""Geometric Brownian motion against closed forms, and its calibration against planted parameters."""

from datetime import UTC, datetime

import numpy as np
import pytest
import scipy.stats

from core.errors import InvalidInput, NoData
from core.simulators.stochastic.gbm import GbmParameters, calibrate, simulate

AS_OF = datetime(2021, 6, 30, 20, tzinfo=UTC)
ASSETS = ("A", "B", "C")
DRIFT = np.array([0.08, -0.02, 0.15])
VOLATILITY = np.array([0.2, 0.35, 0.1])
CORRELATION = np.array([[1.0, 0.6, -0.3], [0.6, 1.0, 0.1], [-0.3, 0.1, 1.0]])
START = np.array([100.0, 20.0, 55.0])


def parameters():
    return GbmParameters.given(ASSETS, drift=DRIFT, volatility=VOLATILITY, correlation=CORRELATION)


def one(drift=0.05, volatility=0.2):
    return GbmParameters.given(("A",), drift=np.array([drift]), volatility=np.array([volatility]))


def test_mean_variance_and_correlation_over_many_seeds_are_the_closed_forms():
    scores = []
    for seed in range(30):
        close = simulate(parameters(), START, sessions=126, paths=4000, seed=seed, as_of=AS_OF).close
        end = close[:, -1] / START
        years = 0.5
        mean = np.exp(DRIFT * years)
        variance = mean**2 * (np.exp(VOLATILITY**2 * years) - 1.0)
        scores.extend((end.mean(axis=0) - mean) / np.sqrt(variance / len(end)))
        logs = np.log(end)
        log_deviation = VOLATILITY * np.sqrt(years)
        scores.extend((logs.std(axis=0, ddof=1) / log_deviation - 1.0) * np.sqrt(2 * len(end)))
        rho = np.corrcoef(logs, rowvar=False)[np.triu_indices(3, 1)]
        true = CORRELATION[np.triu_indices(3, 1)]
        scores.extend((np.arctanh(rho) - np.arctanh(true)) * np.sqrt(len(end) - 3))
    scores = np.array(scores)
    assert np.abs(scores).max() < 4.5
    assert abs(scores.mean()) * np.sqrt(len(scores)) < 4.0
    assert scores.std() == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("session", [1, 20, 252])
def test_prices_are_lognormal_at_every_horizon(session):
    close = simulate(one(), [100.0], sessions=252, paths=20_000, seed=5, as_of=AS_OF).close
    t = session / 252
    logs = np.log(close[:, session, 0] / 100.0)
    assert scipy.stats.kstest(logs, "norm", args=((0.05 - 0.02) * t, 0.2 * np.sqrt(t))).pvalue > 1e-3


def test_steps_are_independent():
    close = simulate(one(), [100.0], sessions=250, paths=2000, seed=2, as_of=AS_OF).close[:, :, 0]
    steps = np.diff(np.log(close), axis=1)
    for lag in (1, 2, 8):
        found = np.corrcoef(steps[:, lag:].ravel(), steps[:, :-lag].ravel())[0, 1]
        assert abs(found) < 4.0 / np.sqrt(steps[:, lag:].size)
    neighbours = np.corrcoef(steps[:-1].ravel(), steps[1:].ravel())[0, 1]
    assert abs(neighbours) < 4.0 / np.sqrt(steps[1:].size)


def black_scholes_call(spot, strike, rate, volatility, years):
    d1 = (np.log(spot / strike) + (rate + volatility**2 / 2.0) * years) / (volatility * np.sqrt(years))
    d2 = d1 - volatility * np.sqrt(years)
    return spot * scipy.stats.norm.cdf(d1) - strike * np.exp(-rate * years) * scipy.stats.norm.cdf(d2)


@pytest.mark.parametrize("strike", [80.0, 100.0, 125.0])
def test_option_prices_are_those_of_black_and_scholes_and_obey_put_call_parity(strike):
    calls, gaps = [], []
    for seed in range(10):
        path = simulate(one(), [100.0], sessions=252, paths=20_000, seed=seed, as_of=AS_OF, drift=0.03)
        end = path.close[:, -1, 0]
        call = np.exp(-0.03) * np.maximum(end - strike, 0.0)
        put = np.exp(-0.03) * np.maximum(strike - end, 0.0)
        expected = black_scholes_call(100.0, strike, 0.03, 0.2, 1.0)
        calls.append((call.mean() - expected) / (call.std() / np.sqrt(len(call))))
        gap = call - put - (100.0 - strike * np.exp(-0.03))
        gaps.append(gap.mean() / (gap.std() / np.sqrt(len(gap))))
    assert abs(np.mean(calls)) * np.sqrt(10) < 3.5
    assert abs(np.mean(gaps)) * np.sqrt(10) < 3.5


def test_zero_drift_is_a_martingale():
    close = simulate(parameters(), START, sessions=63, paths=50_000, seed=3, as_of=AS_OF, drift="zero").close
    end = close[:, -1] / START
    assert (np.abs(end.mean(axis=0) - 1.0) < 3.5 * end.std(axis=0) / np.sqrt(len(end))).all()


def test_the_same_seed_gives_the_same_bits_on_any_number_of_threads():
    first = simulate(parameters(), START, sessions=30, paths=2100, seed=9, as_of=AS_OF)
    again = simulate(parameters(), START, sessions=30, paths=2100, seed=9, as_of=AS_OF, threads=4)
    assert first.close.tobytes() == again.close.tobytes()
    other = simulate(parameters(), START, sessions=30, paths=2100, seed=10, as_of=AS_OF)
    assert not np.any(first.close[:, 1:] == other.close[:, 1:])


def test_more_paths_or_sessions_leave_earlier_ones_as_they_were():
    short = simulate(one(), [100.0], sessions=10, paths=700, seed=1, as_of=AS_OF).close
    long = simulate(one(), [100.0], sessions=25, paths=1900, seed=1, as_of=AS_OF).close
    np.testing.assert_array_equal(long[:700, :11], short)


def test_single_precision_is_the_rounded_double():
    double = simulate(one(), [100.0], sessions=20, paths=600, seed=1, as_of=AS_OF).close
    single = simulate(one(), [100.0], sessions=20, paths=600, seed=1, as_of=AS_OF, precision="float32").close
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single, double.astype(np.float32))


def test_a_singular_correlation_moves_assets_as_one():
    same = GbmParameters.given(
        ("A", "B"), drift=np.zeros(2), volatility=np.array([0.2, 0.2]), correlation=np.ones((2, 2))
    )
    close = simulate(same, [10.0, 20.0], sessions=20, paths=600, seed=1, as_of=AS_OF).close
    np.testing.assert_allclose(close[..., 1], 2.0 * close[..., 0], rtol=1e-7)


def test_the_path_says_where_it_comes_from():
    path = simulate(one(), [100.0], sessions=5, paths=3, seed=11, as_of=AS_OF)
    assert path.seed == 11
    assert path.source == "gbm"
    assert path.times[0] == np.datetime64("2021-06-30")
    assert path.times.astype(str).tolist()[1:] == ["2021-07-01", "2021-07-02", "2021-07-05", "2021-07-06", "2021-07-07"]
    assert (path.close[:, 0, 0] == 100.0).all()


def test_calibration_recovers_planted_parameters_as_often_as_its_errors_say():
    hits = {"drift": 0, "volatility": 0, "correlation": 0}
    path = simulate(parameters(), START, sessions=756, paths=100, seed=4, as_of=AS_OF)
    for close in path.close:
        found = calibrate(close, ASSETS)
        hits["drift"] += np.sum(np.abs(found.drift - DRIFT) < 1.96 * found.drift_standard_error)
        hits["volatility"] += np.sum(np.abs(found.volatility - VOLATILITY) < 1.96 * found.volatility_standard_error)
        off = np.triu_indices(3, 1)
        gap = np.abs(found.correlation - CORRELATION)[off]
        hits["correlation"] += np.sum(gap < 1.96 * found.correlation_standard_error[off])
    for name, count in hits.items():
        assert count / 300 >= 0.90, name


def test_calibration_uses_common_sessions_only():
    close = simulate(parameters(), START, sessions=300, paths=1, seed=4, as_of=AS_OF).close[0]
    gaps = close.copy()
    gaps[10, 0] = np.nan
    found = calibrate(gaps, ASSETS)
    kept = np.diff(np.log(close), axis=0)
    kept = np.delete(kept, [9, 10], axis=0)
    assert found.observations == 298
    np.testing.assert_allclose(found.volatility, kept.std(axis=0, ddof=1) * np.sqrt(252), rtol=1e-12)


def test_bad_inputs_say_what_was_expected():
    with pytest.raises(NoData, match="share 9 sessions"):
        calibrate(np.linspace(10, 11, 10)[:, None], ("A",))
    with pytest.raises(InvalidInput, match="price of A never changes"):
        calibrate(np.full((50, 1), 3.0), ("A",))
    with pytest.raises(InvalidInput, match="start price of A is -1"):
        simulate(one(), [-1.0], sessions=5, paths=5, seed=1, as_of=AS_OF)
    with pytest.raises(InvalidInput, match="start_prices has shape"):
        simulate(one(), [1.0, 2.0], sessions=5, paths=5, seed=1, as_of=AS_OF)
    with pytest.raises(InvalidInput, match="drift is 'up'"):
        simulate(one(), [1.0], sessions=5, paths=5, seed=1, as_of=AS_OF, drift="up")
    with pytest.raises(InvalidInput, match="GB"):
        simulate(one(), [1.0], sessions=2520, paths=1_000_000, seed=1, as_of=AS_OF)
    with pytest.raises(InvalidInput, match="with time zone"):
        simulate(one(), [1.0], sessions=5, paths=5, seed=1, as_of=AS_OF.replace(tzinfo=None))
    with pytest.raises(InvalidInput, match="positive semidefinite"):
        GbmParameters.given(("A", "B"), drift=[0, 0], volatility=[1, 1], correlation=[[1.0, 1.5], [1.5, 1.0]])
