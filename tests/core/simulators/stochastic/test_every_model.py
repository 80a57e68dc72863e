"""What holds for every stochastic model: threads, chunks, martingales, outcomes without paths, precisions."""

from datetime import UTC, datetime

import numpy as np
import pytest

from core.errors import InvalidInput, UnknownName
from core.simulators.stochastic import engine
from core.simulators.stochastic.catalogue import MODELS, calibrate
from core.simulators.stochastic.stream import BLOCK_PATHS
from core.simulators.summary import max_drawdowns

AS_OF = datetime(2021, 6, 30, 20, tzinfo=UTC)
NORMAL = ("gbm", "merton", "heston", "regime", "gaussian_copula", "t_copula")


@pytest.fixture(scope="module")
def history():
    """Give closes of two assets with clustered, skewed, dependent returns: 760 sessions."""
    generator = np.random.default_rng(17)
    shocks = generator.standard_t(6, (760, 2)) / np.sqrt(1.5)
    shocks[:, 1] = 0.7 * shocks[:, 0] + np.sqrt(0.51) * shocks[:, 1]
    variance = np.full(2, 1e-4)
    returns = np.empty((760, 2))
    for t in range(760):
        surprise = np.sqrt(variance) * shocks[t]
        returns[t] = 4e-4 + surprise
        variance = 3e-6 + (0.05 + 0.08 * (surprise < 0)) * surprise**2 + 0.88 * variance
    return 50.0 * np.exp(np.concatenate((np.zeros((1, 2)), np.cumsum(returns, axis=0))))


@pytest.fixture(scope="module")
def calibrated(history):
    return {name: calibrate(name, history, ("A", "B")) for name in MODELS}


@pytest.mark.parametrize("name", MODELS)
def test_the_number_of_threads_does_not_change_a_bit(calibrated, name):
    runs = [
        engine.simulate(
            calibrated[name], [50.0, 20.0], sessions=7, paths=1300, seed=3, as_of=AS_OF, threads=threads
        ).close
        for threads in (1, 2, 5)
    ]
    assert np.array_equal(runs[0], runs[1])
    assert np.array_equal(runs[0], runs[2])


@pytest.mark.parametrize("name", MODELS)
def test_chunks_join_to_the_whole_and_a_prefix_is_a_prefix(calibrated, name):
    how = {"sessions": 5, "seed": 9, "as_of": AS_OF}
    whole = engine.simulate(calibrated[name], [50.0, 20.0], paths=1300, **how).close
    pieces = list(engine.chunks(calibrated[name], [50.0, 20.0], paths=1300, chunk_paths=BLOCK_PATHS, **how))
    assert [piece.paths for piece in pieces] == [512, 512, 276]
    assert np.array_equal(np.concatenate([piece.close for piece in pieces]), whole)
    shorter = engine.simulate(calibrated[name], [50.0, 20.0], paths=600, **{**how, "sessions": 3}).close
    if name != "merton":  # Its jumps share a buffer of draws with what a longer run needs later.
        assert np.array_equal(shorter, whole[:600, :4])


@pytest.mark.parametrize("name", MODELS)
def test_prices_are_martingales_without_drift(calibrated, name):
    scores = []
    for seed in range(3):
        close = engine.simulate(
            calibrated[name], [50.0, 20.0], sessions=42, paths=4096, seed=seed, as_of=AS_OF, drift="zero"
        ).close
        growth = close[:, -1] / [50.0, 20.0]
        scores.append((growth.mean(axis=0) - 1.0) / (growth.std(axis=0) / 64.0))
    assert np.abs(np.mean(scores, axis=0)).max() < 3.0 / np.sqrt(3.0)


@pytest.mark.parametrize("name", MODELS)
def test_a_rate_is_the_growth_of_the_mean(calibrated, name):
    close = engine.simulate(
        calibrated[name], [50.0, 20.0], sessions=126, paths=8192, seed=5, as_of=AS_OF, drift=0.5
    ).close
    growth = close[:, -1] / [50.0, 20.0]
    assert np.abs((growth.mean(axis=0) - np.exp(0.25)) / (growth.std(axis=0) / np.sqrt(8192))).max() < 3.5


@pytest.mark.parametrize("name", MODELS)
def test_outcomes_without_paths_are_those_of_the_paths(calibrated, name):
    how = {"sessions": 20, "paths": 700, "seed": 11, "drift": 0.05}
    close = engine.simulate(calibrated[name], [50.0, 20.0], as_of=AS_OF, **how).close
    for shares, cash in (({"A": 3.0, "B": -2.0}, 500.0), ({"B": 4.0}, 0.0)):
        found = engine.outcomes(calibrated[name], [50.0, 20.0], shares, cash=cash, threads=2, **how)
        values = close @ np.array([shares.get("A", 0.0), shares.get("B", 0.0)]) + cash
        assert found.start == pytest.approx(values[0, 0])
        np.testing.assert_allclose(found.end, values[:, -1], rtol=1e-12)
        np.testing.assert_allclose(found.max_drawdown, max_drawdowns(values), rtol=1e-9, atol=1e-14)


def test_one_asset_is_followed_in_logarithms_to_the_same_drawdown(history):
    model = calibrate("gbm", history[:, :1], ("A",))
    how = {"sessions": 60, "paths": 600, "seed": 2}
    close = engine.simulate(model, [50.0], as_of=AS_OF, **how).close[:, :, 0]
    found = engine.outcomes(model, [50.0], {"A": 2.0}, **how)
    np.testing.assert_allclose(found.end, 2.0 * close[:, -1], rtol=1e-12)
    np.testing.assert_allclose(found.max_drawdown, max_drawdowns(close), rtol=1e-9)


def test_a_book_under_water_has_no_drawdown_until_it_is_worth_something(calibrated):
    found = engine.outcomes(calibrated["gbm"], [50.0, 20.0], {"A": -1.0}, sessions=5, paths=600, seed=2)
    assert found.start == -50.0
    assert (found.max_drawdown == 0.0).all()


@pytest.mark.parametrize("sampling", ["antithetic", "matched"])
def test_mirrored_and_matched_draws_are_nearer_to_the_truth(history, sampling):
    model = calibrate("gbm", history, ("A", "B"))
    errors = {}
    for how in ("random", sampling):
        ends = [
            engine.outcomes(
                model, [50.0, 20.0], {"A": 1.0}, sessions=21, paths=1024, seed=seed, drift="zero", sampling=how
            )
            for seed in range(40)
        ]
        errors[how] = np.sqrt(np.mean([(one.end.mean() - 50.0) ** 2 for one in ends]))
        assert ends[0].group == (1 if how == "random" else BLOCK_PATHS)
    assert errors[sampling] < 0.25 * errors["random"]


def test_antithetic_paths_mirror_each_other(history):
    model = calibrate("gbm", history, ("A", "B"))
    close = engine.simulate(
        model, [50.0, 20.0], sessions=9, paths=512, seed=4, as_of=AS_OF, drift="zero", sampling="antithetic"
    ).close
    moves = np.diff(np.log(close), axis=1)
    middle = -0.5 * model.volatility**2 / 252
    np.testing.assert_allclose(moves[:256] - middle, -(moves[256:] - middle), atol=1e-14)


@pytest.mark.parametrize("name", ["garch", "gjr", "bootstrap"])
def test_resampled_models_have_nothing_to_mirror(calibrated, name):
    with pytest.raises(InvalidInput, match="use 'random'"):
        engine.simulate(calibrated[name], [50.0, 20.0], sessions=2, paths=2, seed=1, as_of=AS_OF, sampling="antithetic")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sampling": "sobel"}, "sampling is 'sobel'"),
        ({"precision": "half"}, "precision is 'half'"),
        ({"paths": 0}, "paths is 0"),
        ({"sessions": 0}, "sessions 0"),
    ],
)
def test_bad_requests_are_refused(calibrated, changes, message):
    request = {"sessions": 2, "paths": 2, "seed": 1, **changes}
    with pytest.raises(InvalidInput, match=message):
        engine.outcomes(calibrated["gbm"], [50.0, 20.0], {"A": 1.0}, **request)


def test_unknown_positions_models_and_first_paths_are_refused(calibrated, history):
    with pytest.raises(UnknownName, match="asset"):
        engine.outcomes(calibrated["gbm"], [50.0, 20.0], {"C": 1.0}, sessions=2, paths=2, seed=1)
    with pytest.raises(UnknownName, match="hestn"):
        calibrate("hestn", history, ("A", "B"))
    with pytest.raises(InvalidInput, match="multiple of 512"):
        engine.simulate(calibrated["gbm"], [50.0, 20.0], sessions=2, paths=2, seed=1, as_of=AS_OF, first_path=5)
    with pytest.raises(InvalidInput, match="multiple of 512"):
        list(engine.chunks(calibrated["gbm"], [50.0, 20.0], paths=3, chunk_paths=3, sessions=2, seed=1, as_of=AS_OF))


@pytest.mark.parametrize("name", MODELS)
def test_every_estimate_has_a_name_a_value_and_an_error_or_a_reason(calibrated, name):
    estimates = calibrated[name].estimates
    assert estimates
    for part in estimates:
        assert part.name
        assert np.isfinite(part.value)
        if part.note:
            assert np.isnan(part.standard_error)
        elif np.isfinite(part.standard_error):
            assert part.low <= part.value <= part.high
