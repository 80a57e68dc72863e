"""The arguments that name a strategy: bounds, timing, what is read for it, what is said about its fills."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from core.errors import InvalidInput, NoData, UnknownName
from tools._strategy import StrategyArguments, load_strategy

PLAIN: dict[str, Any] = {"strategy": "sma_crossover", "symbols": ["AAA"]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"symbols": []},
        {"symbols": ["A"] * 31},
        {"stop_loss": -0.1},
        {"stop_loss": 1.0},
        {"take_profit": -0.1},
        {"trailing_stop": 1.0},
        {"atr_stop": -1.0},
        {"stop_sessions": -1},
        {"stop_sessions": 2.5},
        {"fee_bps": -1.0},
        {"fee_bps": 1000.0},
        {"slippage_bps": 1000.0},
        {"borrow_bps": 5000.0},
        {"participation": 1.1},
        {"lag": 0},
        {"lag": 21},
        {"fill_at": "noon"},
        {"enter": "x" * 501},
        {"leave": "x" * 501},
        {"window": 60},
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        StrategyArguments.model_validate({**PLAIN, **wrong})


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"strategy": "sma_cross"}, UnknownName, "sma_crossover"),
        ({"parameters": {"fats": 3}}, UnknownName, "fast"),
        ({"parameters": {"fast": 300}}, InvalidInput, "fast is 300"),
        ({"enter": "close >"}, InvalidInput, "column 8"),
        ({"leave": "clsoe > 1"}, InvalidInput, "column 1"),
        ({"enter": "close"}, InvalidInput, "expected a condition"),
    ],
)
def test_a_strategy_that_cannot_be_built_says_why(changes: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        load_strategy(StrategyArguments.model_validate({**PLAIN, **changes}))


def test_without_conditions_the_strategy_is_itself() -> None:
    from core.strategies.sma_crossover import SmaCrossover

    given = StrategyArguments.model_validate({**PLAIN, "parameters": {"fast": 5, "slow": 9}})
    assert load_strategy(given) == SmaCrossover(fast=5, slow=9)


def test_with_conditions_it_keeps_its_name_and_legs() -> None:
    given = StrategyArguments.model_validate({"strategy": "pair", "symbols": ["A", "B"], "enter": "rsi(14) < 50"})
    timed = load_strategy(given)
    assert (timed.name, timed.legs, timed.trades_as_one) == ("pair", 2, True)
    assert timed.warmup_sessions >= load_strategy(given.model_copy(update={"enter": ""})).warmup_sessions


@pytest.fixture
def ranged(market: Any) -> Any:
    """Give AAA with opens, highs, lows and volume, and BBB with closes only."""
    closes = [100 + (n % 17) - (n % 5) for n in range(200)]
    market.add(
        "AAA",
        closes,
        start="2023-01-02",
        open=[close - 0.5 for close in closes],
        high=[close + 1 for close in closes],
        low=[close - 1.5 for close in closes],
        volume=[1e6] * 200,
    )
    market.add("BBB", closes, start="2023-01-02")
    return market


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "next open"),
        ({"fill_at": "close"}, "next close"),
        ({"symbols": ["BBB"]}, "next close"),
        ({"lag": 3}, "3 sessions later"),
        ({"fee_bps": 7}, "fee 7 bps"),
        ({"slippage_bps": 9}, "slippage 9 bps"),
        ({"borrow_bps": 250}, "borrowing 250 bps a year"),
        ({"stop_loss": 0.05}, "Stops fill inside the bar"),
        ({"stop_loss": 0.05, "symbols": ["BBB"]}, "closes only"),
        ({"strategy": "pair", "symbols": ["AAA", "BBB"], "stop_loss": 0.05}, "joint profit or loss"),
    ],
)
def test_the_notes_say_how_it_fills(ranged: Any, changes: dict[str, Any], words: str) -> None:
    given = {"parameters": {"fast": 3, "slow": 9}, **PLAIN, **changes}
    if given["strategy"] == "pair":
        given["parameters"] = {"window": 20}
    result = ranged.ask("backtest", **given)
    assert any(words in note for note in result.notes), result.notes


def test_a_share_of_volume_needs_volume(ranged: Any) -> None:
    small = ranged.ask("backtest", **PLAIN, parameters={"fast": 3, "slow": 9}, participation=0.0001)
    assert next(fact.value for fact in small.facts if fact.name == "trades") > 0
    with pytest.raises(InvalidInput, match="volume"):
        ranged.ask("backtest", **{**PLAIN, "symbols": ["BBB"]}, parameters={"fast": 3, "slow": 9}, participation=0.1)


def test_a_condition_on_ranges_needs_ranges(ranged: Any) -> None:
    given = {"parameters": {"fast": 3, "slow": 9}, "enter": "high - low > 1"}
    assert ranged.ask("backtest", **PLAIN, **given).tool == "backtest"
    with pytest.raises(NoData, match="high, low"):
        ranged.ask("backtest", **{**PLAIN, "symbols": ["BBB"]}, **given)
