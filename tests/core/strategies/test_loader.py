from pathlib import Path

import pytest

from core.errors import InvalidInput, UnknownName
from core.strategies.loader import available, describe, load

EXPECTED = {
    "event_drift",
    "rotation",
    "seasonality",
    "timed",
    "timed_spread",
    "breakout", "buy_and_hold", "dollar_cost_averaging", "fly", "mean_reversion", "momentum", "pair",
    "model_prediction",
    "rsi_threshold", "sma_crossover", "switch", "volatility_target",
}  # fmt: skip


def test_every_file_is_a_strategy_with_its_own_name_and_described_parameters():
    assert set(available()) == EXPECTED
    for description in map(describe, available()):
        strategy = load(description.name)
        assert strategy.name == description.name
        assert description.description
        for parameter in description.parameters:
            assert parameter.meaning
            assert getattr(strategy, parameter.name) == parameter.default


def test_parameters_are_taken_and_lists_become_tuples():
    assert load("sma_crossover", {"fast": 5, "slow": 30}).slow == 30
    assert load("buy_and_hold", {"allocation": [0.6, 0.4]}).allocation == (0.6, 0.4)
    assert describe("pair").legs == 2


@pytest.mark.parametrize(
    ("name", "parameters", "error", "message"),
    [
        ("sma_cross", {}, UnknownName, "Did you mean sma_crossover"),
        ("sma_crossover", {"fats": 5}, UnknownName, "Did you mean fast"),
        ("sma_crossover", {"fast": 5.5}, InvalidInput, r"fast is 5\.5, expected a whole number"),
        ("sma_crossover", {"fast": "5"}, InvalidInput, "fast is '5', expected a whole number"),
        ("sma_crossover", {"fast": True}, InvalidInput, "fast is True, expected a whole number"),
        ("sma_crossover", {"allow_short": 1}, InvalidInput, "expected true or false"),
        ("rsi_threshold", {"entry_below": 130}, InvalidInput, "entry_below is 130, expected at most 100"),
        ("momentum", {"review": "hourly"}, InvalidInput, "review is 'hourly', expected one of daily, weekly"),
        ("buy_and_hold", {"allocation": ["a"]}, InvalidInput, "expected a list of numbers"),
        ("loader", {}, UnknownName, "Unknown strategy 'loader'"),
        ("volatility_target", {"target": float("nan")}, InvalidInput, "target is nan"),
    ],
)
def test_mistakes_are_named(name, parameters, error, message):
    with pytest.raises(error, match=message):
        load(name, parameters)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_strategy_is_tested_by_the_contract(name):
    test_file = Path(__file__).with_name(f"test_{name}.py")
    assert "(StrategyContract)" in test_file.read_text(encoding="utf-8")
