"""Trials that nobody declared are counted from the record of runs."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tools._strategy import StrategyArguments, _keys, check_grid, load_strategy, variant_key


@pytest.fixture
def two(market: Any) -> Any:
    for number, symbol in enumerate(("AAA", "BBB")):
        closes = [100 + 0.02 * n + 6 * math.sin(n / (11 + 3 * number)) for n in range(300)]
        market.add(symbol, closes, start="2023-01-02", aliases=(symbol.lower() + " inc",))
    return market


def tried(result: Any) -> tuple[int, int]:
    named = {fact.name: fact.value for fact in result.facts}
    return named["parameter variants tried"], named["of these known from earlier runs only"]


def ask(market: Any, **arguments: Any) -> Any:
    given = {"strategy": "sma_crossover", "symbols": ["AAA"], "parameters": {"fast": 5, "slow": 20}} | arguments
    return market.ask("backtest", **given)


def test_the_first_run_knows_only_itself_and_its_neighbours(two: Any) -> None:
    total, earlier = tried(ask(two))
    assert earlier == 0
    assert total >= 5


def test_repeating_a_run_adds_nothing(two: Any) -> None:
    first = tried(ask(two))
    assert tried(ask(two)) == first
    assert tried(ask(two, start="2023-06-01")) == first
    assert tried(ask(two, fee_bps=30)) == first


@pytest.mark.parametrize(
    "other",
    [
        {"strategy": "momentum", "parameters": {"lookback": 30, "skip": 0}},
        {"parameters": {"fast": 9, "slow": 90}},
        {"stop_loss": 0.05},
        {"trailing_stop": 0.07},
        {"stop_sessions": 9},
        {"enter": "close > sma(30)"},
        {"leave": "rsi(14) > 80"},
    ],
)
def test_anything_else_tried_on_the_symbol_counts(two: Any, other: dict[str, Any]) -> None:
    before, _ = tried(ask(two))
    ask(two, **other)
    after, earlier = tried(ask(two))
    assert (after, earlier) == (before + 1, 1)


@pytest.mark.parametrize("symbols", [["BBB"], ["AAA", "BBB"]])
def test_other_symbols_do_not_count(two: Any, symbols: list[str]) -> None:
    before = tried(ask(two))
    ask(two, symbols=symbols, parameters={"fast": 9, "slow": 90})
    assert tried(ask(two)) == before


def test_another_name_of_the_symbol_is_the_symbol(two: Any) -> None:
    before, _ = tried(ask(two))
    ask(two, symbols=["aaa inc"], parameters={"fast": 9, "slow": 90})
    assert tried(ask(two)) == (before + 1, 1)


def test_a_failed_run_does_not_count(two: Any) -> None:
    before = tried(ask(two))
    with pytest.raises(Exception, match="fast"):
        ask(two, parameters={"fast": 90, "slow": 20})
    assert tried(ask(two)) == before


def test_each_variant_of_a_sweep_counts_once(two: Any) -> None:
    given = {"strategy": "sma_crossover", "symbols": ["AAA"], "grid": {"fast": [2, 3], "slow": [50, 60, 70]}}
    before, _ = tried(ask(two))
    two.ask("sweep", **given)
    assert tried(ask(two)) == (before + 6, 6)
    two.ask("sweep", **given)
    assert tried(ask(two)) == (before + 6, 6)
    two.ask("walk_forward", **given, train_sessions=80, test_sessions=40)
    assert tried(ask(two)) == (before + 6, 6)


def test_an_expected_value_counts_as_a_look(two: Any) -> None:
    before, _ = tried(ask(two))
    given = {"parameters": {"fast": 9, "slow": 90}, "paths": 100, "sessions": 10, "seed": 1}
    two.ask("expected_value", strategy="sma_crossover", symbols=["AAA"], **given)
    assert tried(ask(two)) == (before + 1, 1)


def test_other_tools_are_no_trials(two: Any) -> None:
    before = tried(ask(two))
    two.ask("performance", symbols=["AAA"])
    two.ask("scan_conditions", condition="close > sma(20)", symbols=["AAA"])
    assert tried(ask(two)) == before


def test_a_key_tells_variants_apart_and_no_more() -> None:
    from core.valuation.terms import Stops

    def key(**changes: Any) -> str:
        given = StrategyArguments(strategy="pair", symbols=("AAA", "BBB"), **changes)
        return variant_key(load_strategy(given), Stops(loss=given.stop_loss))

    assert key() == key(parameters={"window": 60}) == key(fee_bps=9.0)
    assert len({key(), key(parameters={"window": 61}), key(enter="true"), key(stop_loss=0.1)}) == 4


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"strategy": "gone", "symbols": ["AAA"]},
        {"strategy": "pair", "symbols": []},
        {"strategy": "pair", "symbols": ["AAA"], "enter": "close >"},
        {"strategy": "sma_crossover", "symbols": ["AAA"], "grid": {"fast": [50], "slow": [10]}},
        {"strategy": "sma_crossover", "symbols": ["AAA"], "parameters": {"nothing": 1}},
    ],
)
def test_calls_of_another_time_are_left_out(arguments: dict[str, Any]) -> None:
    assert _keys(arguments) == []


def test_a_grid_is_lists() -> None:
    assert check_grid("pair", {"window": [1, 2]}) == {"window": (1, 2)}
    for wrong in ({"window": 5}, {"window": []}, {"window": "5"}):
        with pytest.raises(Exception, match="expected a list"):
            check_grid("pair", wrong)
