"""Heston: prices against QuantLib's analytic engine and published ones, the variance filter against planted states."""

from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.integrate import trapezoid

from core.errors import InvalidInput, NoData
from core.simulators.stochastic.engine import outcomes, simulate
from core.simulators.stochastic.heston import HestonParameters, calibrate, filter_variance

AS_OF = datetime(2021, 6, 30, 20, tzinfo=UTC)


def one(*, kappa=2.0, theta=0.04, xi=0.3, rho=-0.7, v0=0.05, drift=0.03, **more):
    array = [np.array([x]) for x in (drift, kappa, theta, xi, rho, v0)]
    names = ("drift", "mean_reversion", "long_run_variance", "volatility_of_variance", "leverage", "variance")
    return HestonParameters(assets=("A",), correlation=np.eye(1), **dict(zip(names, array, strict=True)), **more)


def analytic_call(strike, *, kappa, theta, xi, rho, v0, rate, years):
    """Price a call by QuantLib's semi-analytic engine (its own quadrature of Heston's formula)."""
    ql = pytest.importorskip("QuantLib")
    today = ql.Date(1, 1, 2021)
    ql.Settings.instance().evaluationDate = today
    flat = ql.YieldTermStructureHandle(ql.FlatForward(today, rate, ql.Actual365Fixed()))
    none = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, ql.Actual365Fixed()))
    spot = ql.QuoteHandle(ql.SimpleQuote(100.0))
    process = ql.HestonProcess(flat, none, spot, v0, kappa, theta, xi, rho)
    option = ql.VanillaOption(
        ql.PlainVanillaPayoff(ql.Option.Call, strike), ql.EuropeanExercise(today + int(365 * years))
    )
    option.setPricingEngine(ql.AnalyticHestonEngine(ql.HestonModel(process), 192))
    return option.NPV()


@pytest.mark.parametrize("strike", [80.0, 100.0, 120.0])
def test_calls_are_those_of_the_analytic_formula(strike):
    world = {"kappa": 2.0, "theta": 0.04, "xi": 0.3, "rho": -0.7, "v0": 0.05}
    prices = []
    for seed in range(8):
        end = outcomes(
            one(**world, drift=0.03), [100.0], {"A": 1.0}, sessions=252, paths=4096, seed=seed, sampling="antithetic"
        ).end
        prices.append(np.exp(-0.03) * np.maximum(end - strike, 0.0).mean())
    price = analytic_call(strike, **world, rate=0.03, years=1)
    error = np.std(prices, ddof=1) / np.sqrt(len(prices))
    assert abs(np.mean(prices) - price) < 3.0 * error + 0.002 * price


def test_the_mean_variance_is_that_of_the_recursion():
    # A square root process keeps its mean exactly under full truncation as long as it stays positive.
    model = one(kappa=4.0, theta=0.09, xi=0.2, v0=0.04)
    close = simulate(model, [100.0], sessions=20, paths=8192, seed=3, as_of=AS_OF, drift="zero").close[:, :, 0]
    square = np.diff(np.log(close), axis=1) ** 2 * 252
    step = 1.0 / 252
    expected = 0.09 + (0.04 - 0.09) * (1.0 - 4.0 * step) ** np.arange(20)
    error = square.std(axis=0) / np.sqrt(8192)
    assert np.abs((square.mean(axis=0) - expected) / error).max() < 4.5


def test_without_volatility_of_variance_it_is_brownian_motion():
    model = one(xi=0.0, v0=0.04, theta=0.04)
    logs = np.log(simulate(model, [100.0], sessions=126, paths=8192, seed=1, as_of=AS_OF).close[:, -1, 0] / 100.0)
    assert logs.mean() == pytest.approx((0.03 - 0.02) / 2, abs=4 * 0.2 * np.sqrt(0.5 / 8192))
    assert logs.std() == pytest.approx(0.2 * np.sqrt(0.5), rel=0.03)


def test_substeps_keep_the_mean_and_bring_the_call_nearer():
    world = {"kappa": 1.0, "theta": 0.09, "xi": 1.0, "rho": -0.3, "v0": 0.09}
    price = analytic_call(100.0, **world, rate=0.0, years=0.25)
    ends = [
        outcomes(one(**world, drift=0.0, substeps=4), [100.0], {"A": 1.0}, sessions=63, paths=8192, seed=s).end
        for s in range(4)
    ]
    payoff = np.maximum(np.concatenate(ends) - 100.0, 0.0)
    assert abs(payoff.mean() - price) < 3.0 * payoff.std() / np.sqrt(len(payoff))


def planted(seed, sessions=2520, kappa=5.0, theta=0.04, xi=0.5, rho=-0.5):
    generator = np.random.default_rng(seed)
    v, step = theta, 1.0 / 252
    returns, variances = np.empty(sessions), np.empty(sessions)
    for t in range(sessions):
        variances[t] = v
        z, w = generator.standard_normal(2)
        returns[t] = (0.08 - 0.5 * v) * step + np.sqrt(v * step) * z
        v = abs(v + kappa * (theta - v) * step + xi * np.sqrt(v * step) * (rho * z + np.sqrt(1 - rho**2) * w))
    return returns, variances, v


def test_calibration_finds_what_was_planted_and_the_state_of_today():
    returns, _, now = planted(4)
    close = 100.0 * np.exp(np.concatenate(([0.0], np.cumsum(returns))))[:, None]
    found = calibrate(close, ("A",))
    values = {part.name: part for part in found.estimates}
    for name, truth in (("long-run variance", 0.04), ("volatility of variance", 0.5), ("leverage", -0.5)):
        part = values[name]
        assert abs(part.value - truth) < 3.5 * part.standard_error
    assert "not identify" in values["speed of mean reversion"].note
    assert found.variance[0] == pytest.approx(now, rel=0.6)


def test_the_error_of_the_long_run_variance_is_at_least_how_far_the_average_strays():
    # Sample paths of the variance alone, from its stationary law: averages over two years spread by the closed form.
    draw, count, step = np.random.default_rng(5), 2_000, 1 / 252
    shape = 2.0 * 5.0 * 0.04 / 0.4**2
    variance, total = draw.gamma(shape, 0.04 / shape, count), np.zeros(count)
    for _ in range(504):
        total += variance / 504
        v = np.maximum(variance, 0.0)
        variance = variance + 5.0 * (0.04 - v) * step + 0.4 * np.sqrt(v * step) * draw.standard_normal(count)
    # Of long histories: the start costs a part of one relaxation time in ten.
    assert total.std() / 0.04 == pytest.approx(0.4 / 5.0 / np.sqrt(0.04 * 2.0), rel=0.08)
    returns = planted(4)[0]
    close = 100.0 * np.exp(np.concatenate(([0.0], np.cumsum(returns))))[:, None]
    part = {one.name: one for one in calibrate(close, ("A",)).estimates}
    wild, long_run = part["volatility of variance"].value, part["long-run variance"]
    least = wild / 5.0 / np.sqrt(long_run.value * len(returns) / 252)
    assert long_run.standard_error / long_run.value >= least * (1.0 - 1e-12)


def test_the_filtered_variance_follows_the_hidden_one():
    returns, variances, _ = planted(9, sessions=1500)
    filtered = [filter_variance(returns[:t], 0.08, 5.0, 0.04, 0.5, -0.5, 1 / 252)[1] for t in range(300, 1500, 40)]
    hidden = variances[300:1500:40]
    assert np.corrcoef(filtered, hidden)[0, 1] > 0.75
    assert np.mean(filtered) == pytest.approx(hidden.mean(), rel=0.15)


def law_of_the_next(past, points, *parameters):
    """Give the density of the return after `past` at each of the points."""
    return np.array([np.exp(filter_variance(np.append(past, x), *parameters, 1 / 252)[0][-1]) for x in points])


@pytest.mark.parametrize("leverage", [-0.7, 0.0, 0.5])
def test_the_law_of_the_next_return_is_a_law_with_the_right_mean_and_variance(leverage):
    past, parameters = planted(2, sessions=40)[0], (0.08, 5.0, 0.04, 0.5, leverage)
    points = np.linspace(-0.12, 0.12, 1201)
    density = law_of_the_next(past, points, *parameters)
    assert trapezoid(density, points) == pytest.approx(1.0, abs=1e-4)
    now = filter_variance(past, *parameters, 1 / 252)[1]
    mean = trapezoid(density * points, points)
    # The variance of a session is that of its middle, on the way back to the long-run one.
    halfway = now + 5.0 * (0.04 - now) * 0.5 / 252
    assert mean == pytest.approx((0.08 - 0.5 * halfway) / 252, abs=2e-5)
    assert trapezoid(density * (points - mean) ** 2, points) == pytest.approx(halfway / 252, rel=0.02)


@pytest.mark.parametrize(("leverage", "wild"), [(-0.7, 0.5), (0.0, 0.3), (0.6, 0.4)])
def test_the_first_return_has_the_law_of_the_continuous_model(leverage, wild):
    # A session in 40 small steps from the stationary variance, which is gamma distributed.
    draw, count, step = np.random.default_rng(7), 200_000, 1 / 252 / 40
    shape = 2.0 * 5.0 * 0.04 / wild**2
    variance = draw.gamma(shape, 0.04 / shape, count)
    moved = np.zeros(count)
    for _ in range(40):
        z, w = draw.standard_normal((2, count))
        v = np.maximum(variance, 0.0)
        moved += (0.08 - 0.5 * v) * step + np.sqrt(v * step) * z
        shock = leverage * z + np.sqrt(1.0 - leverage**2) * w
        variance += 5.0 * (0.04 - v) * step + wild * np.sqrt(v * step) * shock
    points = np.linspace(-0.15, 0.15, 1501)
    density = law_of_the_next(np.empty(0), points, 0.08, 5.0, 0.04, wild, leverage)
    law = np.concatenate(([0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(points))))
    assert law[-1] == pytest.approx(1.0, abs=1e-4)
    distance = np.abs(np.interp(np.sort(moved), points, law) - (np.arange(count) + 0.5) / count).max()
    # 1 % point of Kolmogorov's distance (Smirnov, 1948).
    assert distance * np.sqrt(count) < 1.628
    # What the variance before a session alone would leave out: the leverage inside the session.
    mean = trapezoid(density * points, points)
    deviation = np.sqrt(trapezoid(density * (points - mean) ** 2, points))
    skewness = trapezoid(density * ((points - mean) / deviation) ** 3, points)
    error = np.sqrt(15.0 / count)
    assert skewness == pytest.approx(((moved - moved.mean()) ** 3).mean() / moved.std() ** 3, abs=8.0 * error)


def test_the_filter_of_a_constant_variance_is_the_normal_density():
    import scipy.stats

    returns = np.random.default_rng(1).normal(0.0, 0.0126, 300)
    densities, now = filter_variance(returns, 0.0, 5.0, 0.04, 1e-3, 0.0, 1 / 252)
    exact = scipy.stats.norm.logpdf(returns, -0.02 / 252, 0.2 / np.sqrt(252))
    np.testing.assert_allclose(densities, exact, atol=2e-4)
    assert now == pytest.approx(0.04, rel=1e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"rho": -1.2}, "between -1 and 1"), ({"xi": -0.1}, "below 0"), ({"substeps": 0}, "at least 1"),
     ({"v0": np.nan}, "finite numbers")],
)  # fmt: skip
def test_impossible_parameters_are_refused(changes, message):
    with pytest.raises(InvalidInput, match=message):
        one(**changes)


def test_a_short_history_is_not_enough():
    with pytest.raises(NoData, match="at least 500"):
        calibrate(np.linspace(100, 120, 300)[:, None], ("A",))
