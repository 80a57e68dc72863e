"""Training finds what is there, finds nothing in noise, and never judges itself on what it learnt from."""

from dataclasses import replace

import numpy as np
import pytest

from core.errors import InvalidInput, NoData
from core.learning.labels import forward_return
from core.learning.training import Predictions, TrainingPlan, measure_skill, train
from core.ports.strategy import PriceHistory

PLAN = TrainingPlan(horizon=5, first=500, step=250, penalties=(0.01, 1.0), folds=3)


def history(reversal, seed=1, sessions=1300, assets=6):
    """Make prices whose weekly moves revert by a share of the last week's move against the others."""
    generator = np.random.default_rng(seed)
    log = np.zeros((sessions, assets))
    for t in range(1, sessions):
        pull = 0.0
        if t > 6:
            week = log[t - 1] - log[t - 6]
            pull = -reversal * (week - week.mean()) / 5
        log[t] = log[t - 1] + pull + generator.normal(0.0002, 0.012, assets)
    times = np.busday_offset(np.datetime64("2015-01-01"), np.arange(sessions), roll="forward")
    return PriceHistory(close=100 * np.exp(log), times=times, assets=tuple(f"A{k}" for k in range(assets)))


@pytest.fixture(scope="module")
def planted():
    return train(history(0.5), PLAN)


def test_a_planted_reversal_is_found_out_of_sample(planted):
    assert planted.skill.rank_correlation > 3 * planted.skill.standard_error
    assert planted.skill.hit_rate > 0.52
    assert set(list(planted.importance)[:4]) & {"return_5", "zscore_20", "rsi_14", "gap_to_sma_50"}
    assert planted.refits == 4


def test_noise_has_no_skill_though_the_fit_looks_well():
    found = train(history(0.0, 2), PLAN)
    assert abs(found.skill.rank_correlation) < 3 * found.skill.standard_error
    assert found.in_sample_rank_correlation > found.skill.rank_correlation


def test_every_prediction_is_by_a_model_that_could_not_know(planted):
    made = np.flatnonzero(np.isfinite(planted.predictions.values).any(axis=1))
    assert made[0] == 500
    assert (planted.predictions.trained_until[made] < made).all()
    assert np.isnan(planted.predictions.values[:500]).all()
    # The last sessions are predicted although their outcome is not known yet.
    assert made[-1] == 1299


def test_the_future_changes_no_prediction(planted):
    changed = history(0.5)
    changed.close[1100:] *= np.linspace(1.0, 3.0, 200)[:, None]
    other = train(changed, PLAN)
    np.testing.assert_array_equal(other.predictions.values[:1000], planted.predictions.values[:1000])


def test_in_sample_predictions_are_refused_as_performance(planted):
    prices = history(0.5)
    labels = forward_return(np.asarray(prices.close), 5)
    late = replace(planted.predictions, trained_until=np.full(1300, 1200))
    with pytest.raises(InvalidInput, match="in-sample"):
        measure_skill(late, labels, 5)
    with pytest.raises(InvalidInput, match="in-sample"):
        measure_skill(Predictions(values=labels.values, trained_until=np.full(1300, -1)), labels, 5)


def test_simulated_paths_add_samples_and_only_to_training(planted):
    asked = []

    def simulate(start):
        asked.append(start)
        return [history(0.5, seed=90 + k, sessions=start) for k in range(2)]

    found = train(history(0.5), PLAN, simulate=simulate)
    assert asked == [500, 750, 1000, 1250]
    assert found.parts["simulated samples"] > found.parts["historical samples"]
    assert found.skill.samples == planted.skill.samples
    assert found.skill.rank_correlation > 3 * found.skill.standard_error


def test_a_single_asset_and_barriers():
    prices = history(0.5, assets=2)
    one = PriceHistory(close=prices.close[:, :1], times=prices.times, assets=("A0",))
    found = train(one, replace(PLAN, label="triple_barrier", penalties=(1.0,)))
    assert found.skill.sessions == 1300 - 500 - 5
    assert abs(found.skill.rank_correlation) < 1.0


def test_too_short_a_history_is_named():
    with pytest.raises(NoData, match="nothing to test"):
        train(history(0.0, sessions=400), PLAN)
    with pytest.raises(InvalidInput, match="label is 'x'"):
        train(history(0.0, sessions=700), replace(PLAN, label="x"))
