"""Skill of predictions whose worth is known: perfect, reversed, constant, and by hand."""

import numpy as np
import pytest
import scipy.stats

from core.errors import InvalidInput, NoData
from core.learning.labels import Labels
from core.learning.training import Predictions, measure_skill


def labels(values):
    known = np.where(np.isfinite(values), np.arange(len(values))[:, None] + 1, -1)
    return Labels(values=np.asarray(values, dtype=float), known_at=known)


def predictions(values):
    # Each by a model that knew everything up to the session before, and nothing of the session itself.
    return Predictions(values=np.asarray(values, dtype=float), trained_until=np.arange(len(values)) - 1)


def outcomes(seed=1, sessions=60, assets=5):
    values = np.random.default_rng(seed).normal(0.0, 0.02, (sessions, assets))
    # The first session has no earlier one to be trained on.
    values[0] = np.nan
    return values


def test_perfect_predictions():
    came = outcomes()
    found = measure_skill(predictions(came), labels(came), 1)
    assert found.rank_correlation == pytest.approx(1.0)
    assert found.standard_error == pytest.approx(0.0, abs=1e-9)
    assert found.hit_rate == 1.0
    assert found.r_squared == pytest.approx(1.0)
    assert (found.sessions, found.samples) == (59, 295)


def test_reversed_predictions():
    came = outcomes(2)
    found = measure_skill(predictions(-came), labels(came), 1)
    assert found.rank_correlation == pytest.approx(-1.0)
    assert found.hit_rate == 0.0
    assert found.r_squared == pytest.approx(-3.0)


def test_rank_correlation_is_the_mean_of_spearman_s():
    came, guess = outcomes(3), outcomes(4)
    found = measure_skill(predictions(guess), labels(came), 1)
    each = [scipy.stats.spearmanr(guess[t], came[t]).statistic for t in range(1, 60)]
    assert found.rank_correlation == pytest.approx(np.mean(each), rel=1e-9)
    assert found.standard_error == pytest.approx(np.std(each, ddof=1) / np.sqrt(59), rel=1e-9)


@pytest.mark.parametrize("horizon", [1, 5, 20])
def test_overlapping_labels_widen_the_error(horizon):
    came, guess = outcomes(5, sessions=400), outcomes(6, sessions=400)
    one = measure_skill(predictions(guess), labels(came), 1)
    wide = measure_skill(predictions(guess), labels(came), horizon)
    assert wide.standard_error == pytest.approx(one.standard_error * np.sqrt(horizon), rel=1e-9)
    assert wide.rank_correlation == one.rank_correlation


def test_gaps_are_left_out_of_both():
    came, guess = outcomes(7), outcomes(8)
    came[10, 2] = np.nan
    guess[20, 3] = np.nan
    guess[30] = np.nan
    found = measure_skill(predictions(guess), labels(came), 1)
    assert found.sessions == 58
    assert found.samples == 295 - 1 - 1 - 5
    each = []
    for t in range(1, 60):
        both = np.isfinite(guess[t]) & np.isfinite(came[t])
        if both.any():
            each.append(scipy.stats.spearmanr(guess[t, both], came[t, both]).statistic)
    assert found.rank_correlation == pytest.approx(np.mean(each), rel=1e-9)


def test_constant_predictions_have_no_rank():
    came = outcomes(9)
    guess = np.where(np.isnan(came), np.nan, 0.01)
    found = measure_skill(predictions(guess), labels(came), 1)
    assert found.rank_correlation == 0.0
    assert found.hit_rate == pytest.approx((came[1:] > 0).mean())


def test_one_asset_is_ranked_over_time():
    came, guess = outcomes(10, 200, 1), outcomes(11, 200, 1)
    found = measure_skill(predictions(guess), labels(came), 1)
    expected = scipy.stats.spearmanr(guess[1:, 0], came[1:, 0])
    assert found.rank_correlation == pytest.approx(expected.statistic, rel=1e-9)
    assert found.standard_error == pytest.approx(1 / np.sqrt(198), rel=1e-9)


@pytest.mark.parametrize("late", [0, 1, 25])
def test_a_model_that_saw_the_session_is_refused(late):
    came = outcomes(12)
    seen = np.arange(60) - 1
    seen[40] = 40 + late
    with pytest.raises(InvalidInput, match="in-sample") as caught:
        measure_skill(Predictions(values=came, trained_until=seen), labels(came), 1)
    assert "before the session" in str(caught.value.hint)


def test_too_few_predictions_say_nothing():
    came = outcomes(13, sessions=15)
    with pytest.raises(NoData, match="at least 20"):
        measure_skill(predictions(came), labels(came), 1)
