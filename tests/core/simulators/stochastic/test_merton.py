"""Jump diffusion against its closed forms, and its calibration against planted jumps."""

from datetime import UTC, datetime

import numpy as np
import pytest
import scipy.stats

from core.errors import InvalidInput, NoData
from core.simulators.stochastic import gbm
from core.simulators.stochastic.merton import MertonParameters, calibrate, log_likelihood, simulate

AS_OF = datetime(2021, 6, 30, tzinfo=UTC)


def model(**changes):
    fields = {
        "assets": ("A",), "drift": [0.06], "volatility": [0.15], "jumps_per_year": [8.0], "jump_mean": [-0.03],
        "jump_deviation": [0.05], "correlation": np.eye(len(changes.get("assets", ("A",)))), **changes,
    }  # fmt: skip
    names = ("drift", "volatility", "jumps_per_year", "jump_mean", "jump_deviation", "correlation")
    return MertonParameters(**{key: np.array(v, dtype=float) if key in names else v for key, v in fields.items()})


def ends(seed, parameters=None, paths=20_000, sessions=126, **options):
    parameters = parameters or model()
    start = np.full(len(parameters.assets), 100.0)
    path = simulate(parameters, start, sessions=sessions, paths=paths, seed=seed, as_of=AS_OF, **options)
    return path.close[:, -1] / 100.0


def test_the_first_four_moments_of_log_returns_are_the_closed_forms():
    t, rate, mu, delta, sigma = 0.5, 8.0, -0.03, 0.05, 0.15
    growth = np.exp(mu + delta**2 / 2) - 1.0
    # Cumulants of a compound Poisson sum of normals, plus those of the diffusion.
    mean = (0.06 - sigma**2 / 2 - rate * growth + rate * mu) * t
    variance = (sigma**2 + rate * (mu**2 + delta**2)) * t
    third = rate * (mu**3 + 3 * mu * delta**2) * t
    fourth = rate * (mu**4 + 6 * mu**2 * delta**2 + 3 * delta**4) * t
    found = []
    for seed in range(10):
        logs = np.log(ends(seed)[:, 0])
        found.append([logs.mean(), logs.var(), scipy.stats.moment(logs, 3), scipy.stats.kstat(logs, 4)])
    found = np.array(found)
    error = found.std(axis=0, ddof=1) / np.sqrt(10)
    assert (np.abs(found.mean(axis=0) - [mean, variance, third, fourth]) < 4.5 * error).all()


def merton_call(strike, rate, years, parameters):
    """Sum Black-Scholes prices over the number of jumps (Merton, 1976, equation 19)."""
    intensity, mu, delta = 8.0, -0.03, 0.05
    growth = np.exp(mu + delta**2 / 2) - 1.0
    total = 0.0
    for n in range(60):
        variance = 0.15**2 + n * delta**2 / years
        r = rate - intensity * growth + n * np.log1p(growth) / years
        d1 = (np.log(100.0 / strike) + (r + variance / 2) * years) / np.sqrt(variance * years)
        d2 = d1 - np.sqrt(variance * years)
        call = 100.0 * scipy.stats.norm.cdf(d1) - strike * np.exp(-r * years) * scipy.stats.norm.cdf(d2)
        total += scipy.stats.poisson.pmf(n, intensity * (1 + growth) * years) * call
    return total


@pytest.mark.parametrize("strike", [80.0, 100.0, 120.0])
def test_option_prices_are_mertons(strike):
    scores = []
    for seed in range(8):
        payoff = np.exp(-0.03 * 0.5) * np.maximum(ends(seed, drift=0.03)[:, 0] * 100.0 - strike, 0.0)
        scores.append((payoff.mean() - merton_call(strike, 0.03, 0.5, model())) / (payoff.std() / np.sqrt(20_000)))
    assert abs(np.mean(scores)) * np.sqrt(8) < 3.5


def test_zero_drift_is_a_martingale_with_jumps_up_or_down():
    for mean in (-0.1, 0.1):
        end = ends(3, model(jump_mean=[mean]), drift="zero", paths=40_000)[:, 0]
        assert abs(end.mean() - 1.0) < 4.0 * end.std() / np.sqrt(40_000)


def test_without_jumps_it_has_the_law_of_geometric_brownian_motion():
    mean, deviation = (0.06 - 0.15**2 / 2) * 0.5, 0.15 * np.sqrt(0.5)
    chances = []
    for seed in range(25):
        logs = np.log(ends(seed, model(jumps_per_year=[0.0]), paths=2000)[:, 0])
        chances.append(scipy.stats.kstest(logs, "norm", args=(mean, deviation)).pvalue)
    assert scipy.stats.kstest(chances, "uniform").pvalue > 1e-3


def test_assets_share_their_diffusion_and_not_their_jumps():
    two = model(
        assets=("A", "B"), drift=[0.0, 0.0], volatility=[0.2, 0.3], jumps_per_year=[5.0, 10.0],
        jump_mean=[0.0, 0.0], jump_deviation=[0.1, 0.04], correlation=[[1.0, 0.7], [0.7, 1.0]],
    )  # fmt: skip
    logs = np.log(ends(5, two, paths=40_000))
    variance = np.array([0.04 + 5 * 0.01, 0.09 + 10 * 0.0016])
    expected = 0.7 * 0.2 * 0.3 / np.sqrt(variance.prod())
    assert np.corrcoef(logs, rowvar=False)[0, 1] == pytest.approx(expected, abs=4.5 / np.sqrt(40_000))


def test_threads_change_no_bit_and_paths_keep_their_numbers():
    one = simulate(model(), [10.0], sessions=6, paths=1100, seed=2, as_of=AS_OF)
    two = simulate(model(), [10.0], sessions=6, paths=1100, seed=2, as_of=AS_OF, threads=3)
    longer = simulate(model(), [10.0], sessions=9, paths=1500, seed=2, as_of=AS_OF)
    assert one.close.tobytes() == two.close.tobytes()
    np.testing.assert_array_equal(longer.close[:1100, :7], one.close)
    assert (one.source, one.seed) == ("merton", 2)


def test_the_likelihood_is_that_of_the_mixture():
    returns = np.array([-0.08, -0.001, 0.0, 0.004, 0.02])
    step, expected = 1 / 252, 0.0
    for r in returns:
        expected += np.log(
            sum(
                scipy.stats.poisson.pmf(n, 8 * step)
                * scipy.stats.norm.pdf(r, 0.0002 + n * -0.03, np.sqrt(0.15**2 * step + n * 0.05**2))
                for n in range(12)
            )
        )
    assert log_likelihood(returns, 0.0002, 0.15, 8.0, -0.03, 0.05, step) == pytest.approx(expected, rel=1e-12)


def test_calibration_finds_planted_jumps():
    found = []
    for seed in range(2):
        path = simulate(model(), [50.0], sessions=2520, paths=1, seed=seed, as_of=AS_OF)
        one = calibrate(path.close[0], ("A",))
        found.append([one.volatility[0], one.jumps_per_year[0], one.jump_mean[0], one.jump_deviation[0]])
    mean = np.mean(found, axis=0)
    assert mean[0] == pytest.approx(0.15, rel=0.04)
    assert mean[1] == pytest.approx(8.0, rel=0.3)
    assert mean[2] == pytest.approx(-0.03, abs=0.012)
    assert mean[3] == pytest.approx(0.05, rel=0.2)


def test_calibration_keeps_mean_and_variance_of_the_sample():
    path = simulate(model(), [50.0], sessions=1000, paths=1, seed=9, as_of=AS_OF)
    returns = np.diff(np.log(path.close[0, :, 0]))
    one = calibrate(path.close[0], ("A",))
    variance = one.volatility[0] ** 2 + one.jumps_per_year[0] * (one.jump_mean[0] ** 2 + one.jump_deviation[0] ** 2)
    assert np.sqrt(variance) == pytest.approx(returns.std() * np.sqrt(252), rel=0.06)
    plain = gbm.calibrate(path.close[0], ("A",))
    assert one.drift[0] == pytest.approx(plain.drift[0], abs=0.05)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"drift": [0.1, 0.2]}, r"drift has shape \(2,\), expected \(1,\)"),
        ({"volatility": [-0.1]}, "volatility is below 0"),
        ({"jumps_per_year": [-1.0]}, "jumps_per_year is below 0"),
        ({"jumps_per_year": [300.0]}, "jumps_per_year is above 252"),
        ({"jump_mean": [np.nan]}, "jump_mean has shape"),
        ({"jump_deviation": [-0.1]}, "jump_deviation is below 0"),
        ({"correlation": [[0.5]]}, "unit diagonal"),
    ],
)
def test_parameters_that_do_not_fit(changes, message):
    with pytest.raises(InvalidInput, match=message):
        model(**changes)


def test_histories_that_do_not_fit():
    with pytest.raises(NoData, match="share 99 sessions with a return, expected at least 250"):
        calibrate(np.linspace(1.0, 2.0, 100)[:, None], ("A",))
    with pytest.raises(InvalidInput, match="never changes"):
        calibrate(np.full((300, 1), 5.0), ("A",))
