"""The account against one index: one private call over one period; anything that is no such return is asked back."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from agents.planner.planner import plan_conversation, plan_question
from agents.planner.universe import Universe

TODAY = date(2026, 6, 24)


@pytest.mark.parametrize(
    ("text", "benchmark", "period"),
    [
        ("how did my account do against the S&P", "^GSPC", None),
        ("how am I doing vs SPY this year", "SPY", {"name": "this_year"}),
        ("did I beat the S&P this year", "^GSPC", {"name": "this_year"}),
        ("is my book beating SPY this month", "SPY", {"name": "this_month"}),
        ("how has my portfolio done relative to QQQ since May", "QQQ", {"start": "2026-05-01"}),
        ("compare my portfolio with SPY this year", "SPY", {"name": "this_year"}),
        ("have I lagged QQQ over the last 3 months", "QQQ", {"last": 3, "unit": "months"}),
        ("how does my account stack up against SPY ytd", "SPY", {"name": "this_year"}),
    ],
)
def test_the_whole_account_is_set_against_a_symbol(
    text: str, benchmark: str, period: dict[str, Any] | None, names: Universe
) -> None:
    plan = plan_question(text, names, TODAY)
    (call,) = plan.calls
    assert (call.name, plan.private) == ("query_metric", True)
    expected = {"metric": "pnl", "benchmark": benchmark, **({"period": period} if period else {})}
    assert call.args == expected


def test_the_period_is_changed_in_the_next_turn(names: Universe) -> None:
    plan = plan_conversation(("how did my account do against the S&P", "and since May?"), names, TODAY)
    assert plan.calls[0].args == {"metric": "pnl", "benchmark": "^GSPC", "period": {"start": "2026-05-01"}}


@pytest.mark.parametrize(
    "text",
    [
        "how did our book do against NVDA and AMD",
        "did my NVDA position beat the S&P",
        "did we beat SPY in 2024 and 2025",
        "is my portfolio beating inflation",
        "correlation of my book with SPY",
        "beta of my portfolio to SPY",
    ],
)
def test_what_is_no_such_return_is_asked_back(text: str, names: Universe) -> None:
    plan = plan_question(text, names, TODAY)
    assert (plan.outcome, plan.calls, plan.private) == ("clarify", (), True), plan


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("did AAPL beat SPY this year", "performance"),
        ("would I have beaten SPY if I had held QQQ", "performance"),
        ("how did I do in NVDA vs last month", "query_metric"),
    ],
)
def test_other_comparisons_stay_what_they_are(text: str, call: str, names: Universe) -> None:
    plan = plan_question(text, names, TODAY)
    assert [one.name for one in plan.calls] == [call]
    assert all("benchmark" not in one.args or one.args["benchmark"] is None for one in plan.calls)
