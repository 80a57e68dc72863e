"""Following predictions: by hand, and what every strategy promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.errors import InvalidInput
from core.ports.strategy import PriceHistory
from core.strategies.model_prediction import ModelPrediction
from core.testing.strategy_contract import StrategyContract

TIMES = np.array(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"], dtype="datetime64[D]")
CLOSE = np.array([[10.0, 20.0], [11.0, 21.0], [12.0, np.nan], [13.0, 23.0]])


class TestModelPrediction(StrategyContract):
    def strategy(self) -> ModelPrediction:
        days = [float(day) for day in range(15_400, 16_600)]
        scores = np.random.default_rng(1).normal(0.0, 0.01, 2 * len(days))
        return ModelPrediction(days=tuple(days), scores=tuple(scores.tolist()))


def strategy(**others: Any) -> ModelPrediction:
    days = tuple(TIMES[1:].astype(float).tolist())
    return ModelPrediction(days=days, scores=(0.01, -0.01, 0.02, 0.02, -0.03, 0.005), **others)


def decide(chosen: ModelPrediction) -> np.ndarray:
    return chosen.weights(PriceHistory(close=CLOSE, times=TIMES, assets=("A", "B")))


def test_holds_what_is_predicted_to_rise() -> None:
    found = decide(strategy())
    assert np.isnan(found[0]).all()
    np.testing.assert_array_equal(found[1], [0.5, 0.0])
    # A's target is as it was, and B does not trade: neither is a decision.
    assert np.isnan(found[2]).all()
    np.testing.assert_array_equal(found[3], [0.0, 0.5])


def test_threshold_and_short() -> None:
    found = decide(strategy(threshold=0.015, allow_short=True))
    np.testing.assert_array_equal(found[1], [0.0, 0.0])
    np.testing.assert_array_equal(found[3], [-0.5, np.nan])


def test_later_predictions_change_no_earlier_decision() -> None:
    whole = decide(strategy())
    short = PriceHistory(close=CLOSE[:3], times=TIMES[:3], assets=("A", "B"))
    np.testing.assert_array_equal(strategy().weights(short), whole[:3])


def test_without_predictions_nothing_is_decided() -> None:
    assert np.isnan(decide(ModelPrediction())).all()


def test_predictions_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidInput, match="5 scores for 3 days"):
        ModelPrediction(days=(1.0, 2.0, 3.0), scores=(1.0,) * 5)
    with pytest.raises(InvalidInput, match="predictions of 1 assets for 2"):
        decide(ModelPrediction(days=(19724.0,), scores=(1.0,)))
