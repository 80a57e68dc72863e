"""Every engine against analytic values over 30 seeds, and calibration intervals against planted parameters.

Small here; `make prove-quant` runs the full sizes and writes them to docs/proof.md.
"""

from datetime import UTC, datetime

import numpy as np
import pytest
import scipy.stats

from core.simulators.stochastic import bootstrap, copula, garch, gbm, heston, merton, regime
from core.simulators.stochastic.catalogue import calibrate
from core.simulators.stochastic.engine import outcomes, simulate

AS_OF = datetime(2021, 6, 30, 20, tzinfo=UTC)
SEEDS = 30
PATHS = 2048


def arrays(**values):
    return {name: np.array([value]) for name, value in values.items()}


def residuals():
    z = np.random.default_rng(1).standard_t(6, 3000)
    return ((z - z.mean()) / z.std())[:, None]


ENGINES = {
    "gbm": gbm.GbmParameters.given(("A",), **arrays(drift=0.1, volatility=0.3)),
    "merton": merton.MertonParameters(
        assets=("A",),
        correlation=np.eye(1),
        **arrays(drift=0.1, volatility=0.2, jumps_per_year=20.0, jump_mean=-0.01, jump_deviation=0.03),
    ),
    "heston": heston.HestonParameters(
        assets=("A",),
        correlation=np.eye(1),
        **arrays(
            drift=0.1,
            mean_reversion=4.0,
            long_run_variance=0.06,
            volatility_of_variance=0.6,
            leverage=-0.7,
            variance=0.04,
        ),
    ),
    "garch": garch.GarchParameters(
        assets=("A",),
        residuals=residuals(),
        **arrays(mean=0.0, omega=4e-6, alpha=0.05, gamma=0.08, beta=0.88, variance=2e-4),
    ),
    "bootstrap": bootstrap.BootstrapSource(assets=("A",), log_returns=0.012 * residuals(), block_length=12.0),
    "regime": regime.RegimeParameters(
        assets=("A",),
        mean=np.array([[5e-4], [-1e-3]]),
        covariance=np.array([[[6e-5]], [[5e-4]]]),
        stay=np.array([0.98, 0.94]),
        now=np.array([0.7, 0.3]),
    ),
    "gaussian copula": copula.CopulaParameters(
        assets=("A",),
        correlation=np.eye(1),
        **arrays(location=2e-4, scale=0.01, freedom=5.0, bound=0.3),
    ),
    "t copula": copula.CopulaParameters(
        assets=("A",),
        correlation=np.eye(1),
        copula_freedom=4.0,
        **arrays(location=2e-4, scale=0.01, freedom=5.0, bound=0.3),
    ),
}


@pytest.mark.parametrize("name", ENGINES)
def test_the_mean_price_is_the_closed_form_over_many_seeds(name):
    # exp(rate * years) for every model: prices without their rate are martingales.
    scores = []
    for seed in range(SEEDS):
        end = outcomes(ENGINES[name], [100.0], {"A": 1.0}, sessions=126, paths=PATHS, seed=seed, drift=0.08).end
        scores.append((end.mean() - 100.0 * np.exp(0.04)) / (end.std() / np.sqrt(PATHS)))
    assert abs(np.mean(scores)) * np.sqrt(SEEDS) < 3.0
    assert 0.7 < np.std(scores) < 1.35


@pytest.mark.parametrize(
    ("name", "sessions", "variance"),
    [
        ("gbm", 63, 0.09 * 0.25),
        # Diffusion and compound Poisson: lambda (mean^2 + deviation^2).
        ("merton", 63, (0.04 + 20.0 * (0.0001 + 0.0009)) * 0.25),
        # Independent resampling of blocks, of a history without dependence.
        ("bootstrap", 20, None),
        ("gaussian copula", 63, 63 * 0.0001 * 5.0 / 3.0),
        ("t copula", 63, 63 * 0.0001 * 5.0 / 3.0),
    ],
)
def test_the_variance_of_the_log_price_is_the_closed_form(name, sessions, variance):
    logs = np.concatenate(
        [
            np.log(
                simulate(ENGINES[name], [100.0], sessions=sessions, paths=PATHS, seed=seed, as_of=AS_OF).close[:, -1, 0]
            )
            for seed in range(8)
        ]
    )
    if variance is None:
        x = 0.012 * residuals()[:, 0]
        centred = x - x.mean()
        stay = 1.0 - 1.0 / 12.0
        lags = np.arange(1, sessions)
        # Wrapped autocovariances, each kept with probability stay^lag (Politis and Romano, 1994).
        covariances = np.array([(centred * np.roll(centred, -lag)).mean() for lag in lags])
        variance = sessions * x.var() + 2.0 * ((sessions - lags) * stay**lags * covariances).sum()
    kurtosis = scipy.stats.kurtosis(logs)
    error = variance * np.sqrt((2.0 + max(kurtosis, 0.0)) / len(logs))
    assert abs(logs.var() - variance) < 4.0 * error


@pytest.mark.parametrize("strike", [90.0, 100.0, 115.0])
def test_merton_calls_are_the_series_of_the_paper(strike):
    # Merton (1976): Black-Scholes prices weighted by Poisson probabilities.
    model = ENGINES["merton"]
    rate, years = 0.03, 0.5
    growth = np.exp(-0.01 + 0.5 * 0.03**2) - 1.0
    intensity = 20.0 * (1.0 + growth)
    price = 0.0
    for jumps in range(60):
        deviation = np.sqrt(0.2**2 + jumps * 0.03**2 / years)
        drift = rate - 20.0 * growth + jumps * np.log1p(growth) / years
        d1 = (np.log(100.0 / strike) + (drift + 0.5 * deviation**2) * years) / (deviation * np.sqrt(years))
        d2 = d1 - deviation * np.sqrt(years)
        call = 100.0 * scipy.stats.norm.cdf(d1) - strike * np.exp(-drift * years) * scipy.stats.norm.cdf(d2)
        price += scipy.stats.poisson.pmf(jumps, intensity * years) * call
    payoffs = np.concatenate(
        [
            np.maximum(
                outcomes(model, [100.0], {"A": 1.0}, sessions=126, paths=PATHS, seed=seed, drift=rate).end - strike,
                0.0,
            )
            for seed in range(20)
        ]
    ) * np.exp(-rate * years)
    assert abs(payoffs.mean() - price) < 3.0 * payoffs.std() / np.sqrt(len(payoffs))


@pytest.mark.parametrize(
    ("strike", "price"),
    [
        # Hull, Options, Futures and Other Derivatives: S 42, K 40, r 10 %, sigma 20 %, half a year: call 4.76.
        (40.0, 4.76),
    ],
)
def test_a_call_is_that_of_the_textbook(strike, price):
    model = gbm.GbmParameters.given(("A",), **arrays(drift=0.1, volatility=0.2))
    payoffs = np.concatenate(
        [
            np.maximum(
                outcomes(model, [42.0], {"A": 1.0}, sessions=126, paths=8192, seed=seed, sampling="antithetic").end
                - strike,
                0.0,
            )
            for seed in range(6)
        ]
    ) * np.exp(-0.05)
    assert payoffs.mean() == pytest.approx(price, abs=0.005 + 3.0 * payoffs.std() / np.sqrt(len(payoffs)))


PLANTED = {
    "gbm": {"drift": 0.08, "volatility": 0.25},
    "garch": {"omega": 3e-6, "alpha": 0.09, "beta": 0.88},
    "regime": {"calm volatility": 0.13, "turbulent volatility": 0.35, "probability to stay calm": 0.985},
    "gaussian_copula": {"scale of a session": 0.01, "degrees of freedom": 5.0},
}


def planted(name, seed, sessions=2000):
    generator = np.random.default_rng(seed)
    z = generator.standard_normal(sessions)
    truth = PLANTED[name]
    if name == "gbm":
        returns = (0.08 - 0.5 * 0.25**2) / 252 + 0.25 / np.sqrt(252) * z
    elif name == "garch":
        variance, returns = 1e-4, np.empty(sessions)
        for t in range(sessions):
            returns[t] = np.sqrt(variance) * z[t]
            variance = truth["omega"] + truth["alpha"] * returns[t] ** 2 + truth["beta"] * variance
    elif name == "regime":
        bad, returns = False, np.empty(sessions)
        for t in range(sessions):
            bad = generator.random() < (0.95 if bad else 0.015)
            returns[t] = 3e-4 + (0.35 if bad else 0.13) / np.sqrt(252) * z[t]
    else:
        returns = 0.01 * generator.standard_t(5, sessions)
    return 100.0 * np.exp(np.concatenate(([0.0], np.cumsum(returns))))[:, None]


@pytest.mark.parametrize("name", PLANTED)
def test_intervals_cover_what_was_planted_in_most_seeds(name):
    seeds = 12
    covered = dict.fromkeys(PLANTED[name], 0)
    for seed in range(seeds):
        found = {part.name: part for part in calibrate(name, planted(name, seed), ("A",)).estimates}
        for parameter, truth in PLANTED[name].items():
            covered[parameter] += found[parameter].low <= truth <= found[parameter].high
    # Twelve trials at 95 %: fewer than 9 covered has a probability below 3 in 10,000.
    assert min(covered.values()) >= 9, covered
