"""What every model of the future promises: streams, storage, labels, parameters, error sentences."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput, NoData
from core.simulators.stochastic import bootstrap, gbm
from core.simulators.stochastic.future import future_times, joint_log_returns
from core.simulators.stochastic.gbm import GbmParameters, correlation_root
from core.simulators.stochastic.stream import BLOCK_PATHS, block_state, exponential, fill_normal, over_blocks

AS_OF = datetime(2021, 6, 30, tzinfo=UTC)
HISTORY = np.exp(np.cumsum(np.random.default_rng(1).normal(0.0003, 0.01, (400, 2)), axis=0))
NAMES = ("A", "B")
MODELS = {
    "gbm": (gbm.simulate, gbm.calibrate(HISTORY, NAMES)),
    "block_bootstrap": (bootstrap.simulate, bootstrap.calibrate(HISTORY, NAMES)),
}


def draw(name, **options):
    simulate, source = MODELS[name]
    settings_ = {"sessions": 12, "paths": 40, "seed": 3, "as_of": AS_OF, **options}
    return simulate(source, settings_.pop("start", [10.0, 20.0]), **settings_)


@pytest.mark.parametrize("name", MODELS)
def test_paths_are_labelled(name):
    path = draw(name, price_basis="split_adjusted")
    assert path.close.shape == (40, 13, 2)
    assert (path.source, path.seed, path.assets, path.as_of) == (name, 3, NAMES, AS_OF)
    assert (path.price_basis, path.sessions_per_year) == ("split_adjusted", 252)
    np.testing.assert_array_equal(path.close[:, 0], np.tile([10.0, 20.0], (40, 1)))
    assert (path.close > 0.0).all()
    assert len(path.times) == 13


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("threads", [2, 3, 8])
@pytest.mark.parametrize("paths", [1, BLOCK_PATHS - 1, BLOCK_PATHS, BLOCK_PATHS + 1, 5 * BLOCK_PATHS + 7])
def test_threads_and_block_borders_change_nothing(name, threads, paths):
    one, many = draw(name, paths=paths, sessions=3), draw(name, paths=paths, sessions=3, threads=threads)
    assert one.close.tobytes() == many.close.tobytes()


@pytest.mark.parametrize("name", MODELS)
def test_start_prices_scale_the_paths(name):
    one, other = draw(name), draw(name, start=[30.0, 10.0])
    np.testing.assert_allclose(other.close / one.close, np.tile([3.0, 0.5], (40, 13, 1)), rtol=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_paths_differ_within_and_between_blocks(name):
    end = draw(name, paths=4 * BLOCK_PATHS).close[:, -1, 0]
    assert len(np.unique(end)) == len(end)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("rate", [-0.2, 0.0, 0.5])
def test_a_given_rate_is_the_growth_of_the_expected_price(name, rate):
    path = draw(name, drift=rate, paths=20_000, sessions=60)
    ratio = path.close[:, -1] / path.close[:, 0]
    gap = (ratio.mean(axis=0) - np.exp(rate * 60 / 252)) / (ratio.std(axis=0) / np.sqrt(20_000))
    assert (np.abs(gap) < 4.0).all()


@pytest.mark.parametrize("name", MODELS)
def test_zero_and_a_rate_of_zero_are_the_same(name):
    np.testing.assert_array_equal(draw(name, drift="zero").close, draw(name, drift=0.0).close)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"paths": 0}, "paths is 0, expected a whole number of at least 1"),
        ({"paths": 2.0}, "paths is 2.0"),
        ({"sessions": True}, "sessions is True"),
        ({"seed": -1}, "seed is -1, expected a whole number of at least 0"),
        ({"seed": 1.0}, "seed is 1.0"),
        ({"threads": 0}, "threads 0, expected at least 1"),
        ({"drift": "none"}, "drift is 'none', expected 'historical', 'zero' or an annual rate"),
        ({"drift": float("inf")}, "drift is inf"),
        ({"precision": "half"}, "precision is 'half', expected float64 or float32"),
        ({"start": [10.0]}, r"start_prices has shape \(1,\), expected \(2,\)"),
        ({"start": [10.0, 0.0]}, "start price of B is 0.0, expected a positive number"),
        ({"start": [float("inf"), 1.0]}, "start price of A is inf"),
        ({"paths": 10_000_000, "sessions": 252}, r"need 37\.7 GB|GB"),
        ({"as_of": datetime(2021, 6, 30)}, "expected a time with time zone"),  # noqa: DTZ001
    ],
)
def test_what_does_not_fit_is_named(name, options, message):
    with pytest.raises(InvalidInput, match=message):
        draw(name, **options)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"drift": [0.1]}, "have shapes"),
        ({"volatility": [0.1, 0.2, 0.3]}, "have shapes"),
        ({"correlation": np.ones((3, 3))}, "have shapes"),
        ({"drift": [0.1, np.nan]}, "must be finite"),
        ({"volatility": [0.1, -0.2]}, "volatility at least 0"),
        ({"volatility": [0.1, np.inf]}, "must be finite"),
        ({"correlation": [[1.0, 0.5], [0.4, 1.0]]}, "not symmetric"),
        ({"correlation": [[0.9, 0.5], [0.5, 1.0]]}, "unit diagonal"),
        ({"correlation": [[1.0, -1.1], [-1.1, 1.0]]}, "positive semidefinite"),
    ],
)
def test_parameters_that_do_not_fit(fields, message):
    with pytest.raises(InvalidInput, match=message):
        GbmParameters.given(NAMES, **{"drift": [0.0, 0.0], "volatility": [0.1, 0.2], **fields})


def test_given_parameters_have_no_standard_errors_and_default_to_no_correlation():
    found = GbmParameters.given(NAMES, drift=[0.0, 0.1], volatility=[0.1, 0.2])
    np.testing.assert_array_equal(found.correlation, np.eye(2))
    assert np.isnan(found.drift_standard_error).all()
    assert np.isnan(found.correlation_standard_error).all()
    assert found.observations == 0


def test_no_volatility_is_certain_growth():
    model = GbmParameters.given(("A",), drift=[0.1], volatility=[0.0])
    close = gbm.simulate(model, [10.0], sessions=252, paths=3, seed=1, as_of=AS_OF).close
    np.testing.assert_allclose(close[:, -1, 0], 10.0 * np.exp(0.1), rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), assets=st.integers(1, 6), factors=st.integers(1, 6))
def test_thecorrelation_root_rebuilds_any_correlation(seed, assets, factors):
    loadings = np.random.default_rng(seed).normal(0, 1, (assets, factors))
    covariance = loadings @ loadings.T + 1e-12 * np.eye(assets)
    scale = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(scale, scale)
    root = correlation_root(correlation)
    np.testing.assert_allclose(root @ root.T, correlation, atol=1e-9)
    assert np.abs(np.triu(root, 1)).max(initial=0.0) < 1e-12
    assert (np.diag(root) >= 0.0).all()


def test_calibration_by_definition_and_its_calendar():
    returns = np.diff(np.log(HISTORY), axis=0)
    found = gbm.calibrate(HISTORY, NAMES, sessions_per_year=365)
    np.testing.assert_allclose(found.volatility, returns.std(axis=0, ddof=1) * np.sqrt(365), rtol=1e-12)
    np.testing.assert_allclose(found.drift, returns.mean(axis=0) * 365 + found.volatility**2 / 2, rtol=1e-12)
    np.testing.assert_allclose(found.correlation, np.corrcoef(returns, rowvar=False), rtol=1e-12)
    np.testing.assert_allclose(found.volatility_standard_error, found.volatility / np.sqrt(2 * 399), rtol=1e-12)
    assert (found.observations, found.sessions_per_year) == (399, 365)


@pytest.mark.parametrize("calibrate", [gbm.calibrate, bootstrap.calibrate])
def test_histories_that_do_not_fit(calibrate):
    with pytest.raises(NoData, match="A, B share 0 sessions"):
        calibrate(np.full((100, 2), np.nan), NAMES)
    with pytest.raises(InvalidInput, match="at or below 0"):
        calibrate(HISTORY - HISTORY.min(), NAMES)
    with pytest.raises(InvalidInput, match=r"close has shape \(400, 2\), expected \(time, 3 assets\)"):
        calibrate(HISTORY, ("A", "B", "C"))
    with pytest.raises(InvalidInput, match="close has shape"):
        calibrate(np.empty((400, 0)), ())


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), share=st.floats(0.0, 0.4))
def test_common_returns_never_span_a_gap(seed, share):
    generator = np.random.default_rng(seed)
    close = np.exp(np.cumsum(np.full((120, 2), 0.01), axis=0))
    close[generator.random((120, 2)) < share] = np.nan
    try:
        found = joint_log_returns(close, NAMES)
    except NoData:
        return
    # A return over a gap would be 0.02 or more.
    np.testing.assert_allclose(found, 0.01, rtol=1e-9)


@given(day=st.integers(0, 3000), sessions=st.integers(1, 300))
def test_simulated_sessions_are_weekdays_in_order(day, sessions):
    as_of = datetime.fromtimestamp(1_500_000_000 + 86_400 * day, tz=UTC)
    times = future_times(as_of, sessions, 252)
    assert len(times) == sessions + 1
    assert times[0] == np.datetime64(as_of.date())
    assert (np.diff(times).astype(int) >= 1).all()
    assert np.is_busday(times[1:]).all()
    assert (np.diff(times[1:]).astype(int) <= 3).all()


@pytest.mark.parametrize("paths", [1, 511, 512, 513, 9 * 512 + 1])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_path_belongs_to_the_stream_of_its_block(paths, threads):
    seen = {}

    def note(state, part):
        seen[part.start] = (state.copy(), part)

    over_blocks(paths, 11, "name", threads, note)
    assert sorted(seen) == list(range(0, paths, BLOCK_PATHS))
    for start, (state, part) in seen.items():
        np.testing.assert_array_equal(state, block_state(11, "name", start // BLOCK_PATHS))
        assert part.stop == min(start + BLOCK_PATHS, paths)


def test_an_error_in_a_thread_reaches_the_caller():
    def fail(state, part):
        if part.start == 3 * BLOCK_PATHS:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        over_blocks(6 * BLOCK_PATHS, 1, "x", 2, fail)


def test_the_state_is_that_of_the_hash_and_never_changes():
    # Recorded once: a change would give other paths for every seed a desk has on file.
    assert block_state(0, "gbm", 0)[0, 0] != block_state(0, "gbm", 1)[0, 0]
    first, again = block_state(7, "gbm", 2), block_state(7, "gbm", 2)
    np.testing.assert_array_equal(first, again)
    assert first.shape == (4, 16)
    assert first.dtype == np.uint64
    assert (first != 0).any(axis=0).all()


def test_filling_goes_on_where_it_stopped():
    whole, parts = np.empty(4096), np.empty((2, 2048))
    state = block_state(5, "x", 0)
    for part in parts:
        fill_normal(state, part)
    other = block_state(5, "x", 0)
    fill_normal(other, whole)
    assert not np.array_equal(parts[0], parts[1])
    # Each fill pairs its own two halves, so only the streams of uniforms agree, not the order of normals.
    assert abs(np.concatenate(parts).mean() - whole.mean()) < 0.1


@given(st.floats(-700.0, 700.0))
def test_the_exponential_everywhere(x):
    assert exponential(x) == pytest.approx(np.exp(x), rel=1e-14)
