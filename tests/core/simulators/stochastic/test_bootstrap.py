"""The stationary bootstrap against arch and against what history implies."""

from datetime import UTC, datetime

import numpy as np
import pytest
from arch.bootstrap import optimal_block_length as reference_block_length

from core.errors import InvalidInput, NoData
from core.simulators.stochastic.bootstrap import BootstrapSource, calibrate, optimal_block_length, simulate

AS_OF = datetime(2021, 6, 30, tzinfo=UTC)


def garch(seed, sessions=1500):
    generator = np.random.default_rng(seed)
    returns, variance = np.zeros(sessions), 1e-4
    for t in range(sessions):
        returns[t] = np.sqrt(variance) * generator.normal()
        variance = 2e-6 + 0.09 * returns[t] ** 2 + 0.89 * variance
    return returns


@pytest.mark.parametrize("seed", range(8))
def test_block_length_equals_archs(seed):
    generator = np.random.default_rng(seed)
    values = np.zeros(900)
    for t in range(1, 900):
        values[t] = (0.0, 0.3, 0.8)[seed % 3] * values[t - 1] + generator.normal()
    for part in (values, garch(seed) ** 2):
        assert optimal_block_length(part) == pytest.approx(max(reference_block_length(part).iloc[0, 0], 1.0), rel=1e-9)


def history(seed=1):
    common = garch(seed)
    returns = np.column_stack((common + 0.0005, 0.5 * common + garch(seed + 50) * 0.5))
    return np.exp(np.cumsum(np.concatenate((np.zeros((1, 2)), returns)), axis=0)) * np.array([50.0, 8.0])


def source(**options):
    return calibrate(history(), ("A", "B"), **options)


def steps_of(path):
    return np.diff(np.log(path.close), axis=1)


def test_every_step_is_a_session_of_history_for_all_assets_together():
    ours = source()
    path = simulate(ours, [10.0, 20.0], sessions=40, paths=600, seed=3, as_of=AS_OF)
    known = {tuple(np.round(row, 9)) for row in ours.log_returns}
    drawn = {tuple(np.round(row, 9)) for row in steps_of(path).reshape(-1, 2)}
    assert drawn <= known
    assert len(drawn) > 1000


@pytest.mark.parametrize("length", [1.0, 5.0, 25.0])
def test_blocks_have_the_mean_length_asked_for(length):
    # Returns that name their own session show where the resampled path jumps.
    count = 1000
    labels = (np.arange(count) + 1.0) * 1e-6
    ours = BootstrapSource(assets=("A",), log_returns=labels[:, None], block_length=length)
    path = simulate(ours, [1.0], sessions=200, paths=1024, seed=1, as_of=AS_OF)
    session = np.rint(steps_of(path)[..., 0] / 1e-6).astype(int) - 1
    assert session.min() == 0
    assert session.max() == count - 1
    goes_on = session[:, 1:] == (session[:, :-1] + 1) % count
    expected = 1.0 - (1.0 / length) * (1.0 - 1.0 / count)
    assert goes_on.mean() == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / goes_on.size) + 1e-12)
    frequency = np.bincount(session.ravel(), minlength=count) / session.size
    assert frequency.mean() == pytest.approx(1.0 / count)
    assert np.abs(frequency * count - 1.0).max() < 6.0 * np.sqrt(2.0 * length * count / session.size)


def test_moments_and_dependence_are_those_of_history():
    ours = source()
    steps = steps_of(simulate(ours, [10.0, 20.0], sessions=100, paths=6000, seed=7, as_of=AS_OF))
    flat = steps.reshape(-1, 2)
    effective = flat.shape[0] / ours.block_length
    gap = (flat.mean(axis=0) - ours.log_returns.mean(axis=0)) / (ours.log_returns.std(axis=0) / np.sqrt(effective))
    assert (np.abs(gap) < 4.0).all()
    assert np.corrcoef(flat.T)[0, 1] == pytest.approx(np.corrcoef(ours.log_returns.T)[0, 1], abs=0.03)
    squares = steps[..., 0] ** 2
    found = np.corrcoef(squares[:, 1:].ravel(), squares[:, :-1].ravel())[0, 1]
    past = ours.log_returns[:, 0] ** 2
    assert found == pytest.approx(np.corrcoef(past[1:], past[:-1])[0, 1] * (1 - 1 / ours.block_length), abs=0.06)


@pytest.mark.parametrize(("drift", "growth"), [("zero", 1.0), (0.10, np.exp(0.10 * 0.25))])
def test_drift_choices_set_the_expected_price(drift, growth):
    ours = source(block_length=1.0)
    end = simulate(ours, [10.0, 20.0], sessions=63, paths=40_000, seed=5, as_of=AS_OF, drift=drift).close[:, -1]
    ratio = end / np.array([10.0, 20.0])
    assert (np.abs(ratio.mean(axis=0) - growth) < 3.5 * ratio.std(axis=0) / np.sqrt(len(ratio))).all()


def test_threads_do_not_change_a_bit():
    ours = source()
    one = simulate(ours, [10.0, 20.0], sessions=20, paths=1500, seed=2, as_of=AS_OF)
    two = simulate(ours, [10.0, 20.0], sessions=20, paths=1500, seed=2, as_of=AS_OF, threads=3)
    assert one.close.tobytes() == two.close.tobytes()


def test_bad_inputs():
    with pytest.raises(NoData, match="expected at least 50"):
        calibrate(history()[:40], ("A", "B"))
    with pytest.raises(InvalidInput, match=r"block_length is 0\.5"):
        BootstrapSource(assets=("A",), log_returns=np.zeros((60, 1)), block_length=0.5)
    with pytest.raises(InvalidInput, match="at least 10 numbers"):
        optimal_block_length(np.zeros(5))
    assert optimal_block_length(np.ones(100)) == 1.0
