"""Maximum likelihood with numerical derivatives against closed forms and statsmodels."""

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import NoData
from core.simulators.stochastic.estimate import Z95, Fit, ParameterEstimate, covariance, maximise

BOUNDS = [(-10.0, 10.0), (-5.0, 5.0)]


def normal(x):
    """Give the densities of normal data by mean and log deviation."""

    def densities(point):
        z = (x - point[0]) / np.exp(point[1])
        return -0.5 * z * z - point[1] - 0.5 * np.log(2.0 * np.pi)

    return densities


@pytest.fixture(scope="module")
def data():
    return np.random.default_rng(3).normal(0.4, 1.7, 800)


@pytest.fixture(scope="module")
def fit(data):
    return maximise(normal(data), [[0.0, 0.0]], BOUNDS, errors="information")


def test_the_maximum_is_the_closed_form(fit, data):
    assert fit.point[0] == pytest.approx(data.mean(), abs=1e-4)
    assert np.exp(fit.point[1]) == pytest.approx(data.std(), rel=1e-4)
    exact = scipy.stats.norm.logpdf(data, data.mean(), data.std()).sum()
    assert fit.log_likelihood == pytest.approx(exact, rel=1e-7)


def test_the_information_gives_the_errors_of_the_textbook(fit, data):
    mean, deviation = fit.standard_errors
    assert mean == pytest.approx(data.std() / np.sqrt(800), rel=1e-3)
    assert deviation == pytest.approx(1.0 / np.sqrt(2.0 * 800), rel=1e-3)


@pytest.mark.parametrize("errors", ["sandwich", "information", "scores"])
def test_the_three_kinds_of_errors_agree_when_the_model_is_right(data, errors):
    found = maximise(normal(data), [[0.0, 0.0]], BOUNDS, errors=errors).standard_errors
    np.testing.assert_allclose(found, [data.std() / np.sqrt(800), 1.0 / np.sqrt(1600)], rtol=0.12)


def test_the_sandwich_is_right_where_the_likelihood_is_not():
    x = np.random.default_rng(5).standard_t(5, 20_000)
    found = maximise(normal(x), [[0.0, 0.0]], BOUNDS, errors="sandwich")
    # Of the log deviation: (kurtosis - 1) / 4n instead of 1 / 2n.
    expected = np.sqrt((scipy.stats.kurtosis(x, fisher=False) - 1.0) / (4.0 * len(x)))
    assert found.standard_errors[1] == pytest.approx(expected, rel=0.02)
    naive = maximise(normal(x), [[0.0, 0.0]], BOUNDS, errors="information")
    assert naive.standard_errors[1] < 0.75 * expected


def test_a_probit_is_that_of_statsmodels():
    generator = np.random.default_rng(7)
    x = generator.normal(size=1500)
    y = (0.3 + 0.8 * x + generator.normal(size=1500) > 0).astype(float)
    theirs = sm.Probit(y, sm.add_constant(x)).fit(disp=0)

    def densities(point):
        sign = 2.0 * y - 1.0
        return scipy.stats.norm.logcdf(sign * (point[0] + point[1] * x))

    ours = maximise(densities, [[0.0, 0.0]], BOUNDS, errors="information")
    np.testing.assert_allclose(ours.point, theirs.params, atol=2e-4)
    np.testing.assert_allclose(ours.standard_errors, theirs.bse, rtol=2e-3)
    assert ours.log_likelihood == pytest.approx(theirs.llf, rel=1e-7)


def test_the_best_of_several_starts_is_taken():
    def densities(point):
        # Two humps, the lower one at -2.
        value = np.log(0.2 * np.exp(-((point[0] + 2.0) ** 2)) + np.exp(-((point[0] - 2.0) ** 2)))
        return np.array([value])

    low = maximise(densities, [[-2.5]], [(-6.0, 6.0)]).point[0]
    both = maximise(densities, [[-2.5], [2.5]], [(-6.0, 6.0)]).point[0]
    assert low == pytest.approx(-2.0, abs=0.1)
    assert both == pytest.approx(2.0, abs=0.1)


def test_a_parameter_at_its_bound_has_no_error_and_leaves_the_others_theirs(data):
    held = covariance(normal(data), np.array([data.mean(), 5.0]), BOUNDS, errors="information")
    assert np.isnan(held[1]).all()
    assert np.isnan(held[:, 1]).all()
    assert np.isfinite(held[0, 0])
    none = covariance(normal(data), np.array([10.0, 5.0]), BOUNDS, errors="sandwich")
    assert np.isnan(none).all()


def test_a_likelihood_without_a_finite_maximum_is_no_data():
    with pytest.raises(NoData, match="no finite maximum"):
        maximise(lambda point: np.array([np.nan, np.nan]), [[0.0]], [(-1.0, 1.0)])


def test_the_delta_method_is_the_product_of_gradients(fit):
    squared = fit.error_of(lambda point: float(point[0] ** 2))
    assert squared == pytest.approx(2.0 * abs(fit.point[0]) * fit.standard_errors[0], rel=1e-4)
    joined = fit.error_of(lambda point: float(point[0] + 2.0 * point[1]))
    by_hand = np.array([1.0, 2.0]) @ fit.covariance @ np.array([1.0, 2.0])
    assert joined == pytest.approx(np.sqrt(by_hand), rel=1e-6)


def test_a_function_of_what_was_held_at_a_bound_ignores_it():
    held = Fit(
        point=np.array([1.0, 2.0]),
        covariance=np.array([[0.04, np.nan], [np.nan, np.nan]]),
        log_likelihood=0.0,
    )
    assert held.error_of(lambda point: float(point[0] + point[1])) == pytest.approx(0.2)
    assert np.isnan(held.error_of(lambda point: 3.0))
    assert np.isnan(held.standard_errors[1])


@pytest.mark.parametrize(
    ("value", "error", "positive", "low", "high"),
    [
        (1.0, 0.1, False, 1.0 - Z95 * 0.1, 1.0 + Z95 * 0.1),
        (1.0, 0.1, True, np.exp(-Z95 * 0.1), np.exp(Z95 * 0.1)),
        (0.5, 0.2, True, 0.5 * np.exp(-Z95 * 0.4), 0.5 * np.exp(Z95 * 0.4)),
        (-0.3, 0.1, True, -0.3 - Z95 * 0.1, -0.3 + Z95 * 0.1),
        (0.0, 0.1, True, -Z95 * 0.1, Z95 * 0.1),
    ],
)
def test_intervals_are_normal_or_in_logarithms(value, error, positive, low, high):
    found = ParameterEstimate.of("A", "x", value, error, positive=positive)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert (found.asset, found.name, found.unit, found.note) == ("A", "x", "number", "")


def test_a_fixed_parameter_has_a_reason_and_no_error():
    found = ParameterEstimate.fixed("A", "kappa", 5.0, "daily returns do not identify it", unit="ratio")
    assert found.note == "daily returns do not identify it"
    assert found.value == 5.0
    assert all(np.isnan(part) for part in (found.standard_error, found.low, found.high))


@given(value=st.floats(0.001, 0.999), error=st.floats(1e-4, 2.0))
@settings(deadline=None, max_examples=100)
def test_the_interval_of_a_share_stays_inside_and_mirrors(value, error):
    one = ParameterEstimate.of("A", "beta", value, error, share=True)
    other = ParameterEstimate.of("A", "beta", 1.0 - value, error, share=True)
    assert 0.0 <= one.low <= value <= one.high <= 1.0
    assert one.low == pytest.approx(1.0 - other.high, abs=1e-12)
    assert one.standard_error == error
    # Even in log odds, as far as an end close to zero or one still has digits to tell.
    middle = np.log(value / (1.0 - value))
    if one.low > 1e-9 and one.high < 1.0 - 1e-9:
        odds = [np.log(end / (1.0 - end)) - middle for end in (one.low, one.high)]
        assert odds[0] == pytest.approx(-odds[1], rel=1e-6, abs=1e-9)


def test_near_its_end_the_interval_of_a_share_covers_what_a_normal_one_misses():
    # Shares of draws with chance 0.95, over many counts: the plain interval covers too little (Brown, Cai and
    # DasGupta, 2001).
    covered = {True: [], False: []}
    for count in range(40, 140, 3):
        hits = np.arange(1, count)
        chance = scipy.stats.binom.pmf(hits, count, 0.95)
        for share, kept in covered.items():
            errors = np.sqrt(hits / count * (1 - hits / count) / count)
            parts = [
                ParameterEstimate.of("", "p", k / count, float(e), share=share)
                for k, e in zip(hits, errors, strict=True)
            ]
            kept.append(chance @ [part.low <= 0.95 <= part.high for part in parts] / chance.sum())
    assert np.mean(covered[True]) > 0.95
    assert np.mean(covered[False]) < 0.93


@pytest.mark.parametrize("value", [0.0, 1.0, 1.2])
def test_a_share_at_or_beyond_its_end_keeps_the_plain_interval(value):
    found = ParameterEstimate.of("A", "beta", value, 0.1, share=True)
    assert (found.low, found.high) == pytest.approx((value - 0.196, value + 0.196), abs=1e-4)
