"""Questions about flies, pairs, switches, sweeps, expected values and scans, without any language model."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from agents.planner.planner import plan_question
from agents.planner.rules_scan import scan
from agents.planner.universe import Universe

TODAY = date(2026, 6, 24)


@pytest.mark.parametrize(
    ("text", "tool", "expected"),
    [
        ("backtest a fly on AAPL, MSFT and NVDA", "backtest", {"strategy": "fly", "symbols": ["AAPL", "MSFT", "NVDA"]}),
        (
            "backtest a pca butterfly on AAPL, MSFT and NVDA",
            "backtest",
            {"strategy": "fly", "parameters": {"ratios": "pca"}},
        ),
        (
            "pair trade KO and PEP with a kalman hedge",
            "backtest",
            {"strategy": "pair", "parameters": {"ratios": "kalman"}},
        ),
        ("switch between SPY and TLT", "backtest", {"strategy": "switch", "symbols": ["SPY", "TLT"]}),
        ("backtest sector rotation on XLF, XLE and XLK", "backtest", {"strategy": "rotation"}),
        ("backtest seasonality on SPY", "backtest", {"strategy": "seasonality"}),
        (
            "expected value of a pair trade of KO and PEP",
            "expected_value",
            {"strategy": "pair", "symbols": ["KO", "PEP"]},
        ),
        (
            "sweep a crossover on AAPL",
            "sweep",
            {"strategy": "sma_crossover", "grid": {"fast": [10, 20, 50], "slow": [100, 150, 200]}},
        ),
        ("walk-forward a crossover on SPY", "walk_forward", {"strategy": "sma_crossover", "symbols": ["SPY"]}),
    ],
)
def test_strategies_reach_their_tools(text: str, tool: str, expected: dict[str, Any], names: Universe) -> None:
    plan = plan_question(text, names, TODAY)
    assert [call.name for call in plan.calls] == [tool], (plan.say, plan.calls)
    found = plan.calls[0].args
    assert {key: found.get(key) for key in expected} == expected


@pytest.mark.parametrize(
    ("text", "condition", "where"),
    [
        ("scan for rsi(14) < 30", "rsi(14) < 30", {}),
        (
            "which stocks have rsi(14) < 30 and close > sma(200)?",
            "rsi(14) < 30 and close > sma(200)",
            {"group": "stocks"},
        ),
        ("scan AAPL and MSFT where close > sma(50)", "close > sma(50)", {"symbols": ["AAPL", "MSFT"]}),
        ("find everything with crosses_above(sma(5), sma(20))", "crosses_above(sma(5), sma(20))", {}),
    ],
)
def test_scans_reach_their_tool(text: str, condition: str, where: dict[str, Any], names: Universe) -> None:
    plan = plan_question(text, names, TODAY)
    assert [call.name for call in plan.calls] == ["scan_conditions"], (plan.say, plan.calls)
    found = plan.calls[0].args
    assert found["condition"] == condition
    if "symbols" in where:
        assert found["symbols"] == where["symbols"]


@pytest.mark.parametrize(
    "text",
    [
        "which stocks fell most this year?",
        "find news about AAPL",
        "what is the RSI of AAPL",
        "buy 10 AAPL",
        "list my orders",
    ],
)
def test_other_questions_are_no_scans(text: str) -> None:
    assert scan(text) is None


def test_a_condition_with_a_mistake_goes_to_the_tool_that_points_at_it() -> None:
    assert scan("scan stocks for rsii(14) < 30") == ("rsii(14) < 30", "scan stocks ")
