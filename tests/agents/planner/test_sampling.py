"""What returns a statistic is measured on: said, changed in the next turn, or asked back; never dropped."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from agents.planner.planner import plan_conversation, plan_question
from agents.planner.universe import Universe

TODAY = date(2026, 6, 24)


@pytest.mark.parametrize(
    ("text", "metrics", "frequency"),
    [
        ("Sharpe on weekly returns of SPY and QQQ", ["sharpe_ratio"], "week"),
        ("sharpe and volatility of SPY on monthly returns since 2015", ["sharpe_ratio", "volatility"], "month"),
        ("volatility of AAPL from weekly returns in 2024", ["volatility"], "week"),
        ("correlation of SPY and TLT on monthly returns", ["correlation"], "month"),
        ("beta of NVDA to SPY using weekly data", ["beta"], "week"),
        ("rank ETFs by sharpe on monthly returns this year", ["sharpe_ratio"], "month"),
        ("max drawdown of SPY on monthly closes since 2000", ["max_drawdown"], "month"),
        ("sharpe on daily returns of SPY", ["sharpe_ratio"], None),
        ("sharpe of SPY since 2020", ["sharpe_ratio"], None),
    ],
)
def test_the_returns_of_a_statistic(text: str, metrics: list[str], frequency: str | None, names: Universe) -> None:
    plan = plan_question(text, names, TODAY)
    assert [call.args["metric"] for call in plan.calls] == metrics, plan
    assert {call.args.get("frequency") for call in plan.calls} == {frequency}


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        (("sharpe of SPY", "on weekly returns"), {"metric": "sharpe_ratio", "symbols": ["SPY"], "frequency": "week"}),
        (("beta of NVDA to QQQ", "and on monthly returns?"), {"metric": "beta", "frequency": "month"}),
        (("sharpe on weekly returns of SPY", "on daily returns instead"), {"frequency": "day"}),
    ],
)
def test_the_returns_are_changed_in_the_next_turn(
    turns: tuple[str, ...], expected: dict[str, Any], names: Universe
) -> None:
    (call,) = plan_conversation(turns, names, TODAY).calls
    assert {key: call.args.get(key) for key in expected} == expected


@pytest.mark.parametrize(
    "text",
    [
        "weekly volatility of SPY",
        "weekly correlation of SPY and TLT",
        "sharpe of QQQ on quarterly returns",
        "calmar of QQQ on weekly returns",
        "20 day vol on weekly returns of SPY",
    ],
)
def test_what_cannot_be_measured_so_is_asked_back(text: str, names: Universe) -> None:
    plan = plan_question(text, names, TODAY)
    assert (plan.outcome, plan.calls) == ("clarify", ()), plan


@pytest.mark.parametrize(
    "text", ["weekly returns of SPY", "best weekly return of SPY", "monthly returns of TLT in 2023"]
)
def test_returns_themselves_are_listed_as_before(text: str, names: Universe) -> None:
    (call,) = plan_question(text, names, TODAY).calls
    assert call.args["metric"] == "return"
    assert call.args["grain"] in ("week", "month")
    assert "frequency" not in call.args


def test_a_figure_and_the_returns_are_two_answers(names: Universe) -> None:
    first, second = plan_question("sharpe of SPY and its weekly returns", names, TODAY).calls
    assert (first.args["metric"], first.args.get("frequency")) == ("sharpe_ratio", None)
    assert (second.args["metric"], second.args["grain"]) == ("return", "week")
