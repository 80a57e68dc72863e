"""Kinds of questions that the ninth blind set asked and that were asked back: with neighbours that still are."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from agents.planner.planner import plan_question
from agents.planner.universe import Universe

TODAY = date(2026, 6, 24)


@pytest.mark.parametrize(
    ("text", "tool", "wanted"),
    [
        ("MACD of the financial sector SPDR", "indicators", {"symbol": "XLF", "names": ["macd"]}),
        ("price of the utilities select sector spdr", "query_metric", {"symbols": ["XLU"]}),
        ("price of the spdr", "query_metric", {"symbols": ["SPY"]}),
        ("what interest does a 30 year mortgage carry", "query_metric", {"series": ["mortgage_rate"]}),
        ("how much does a 30-year mortgage charge", "query_metric", {"metric": "macro_value"}),
        ("is the red sea heating up", "query_metric", {"metric": "geopolitical_events", "topic": "Red Sea"}),
        ("are things cooling down in Ukraine", "query_metric", {"topic": "Ukraine"}),
        (
            "which joint move of our positions would most plausibly cost us 20% in a week",
            "reverse_stress",
            {"loss": 0.2, "horizon_sessions": 5},
        ),
        (
            "if I left 90,000 dollars in 60% QQQ and 40% TLT, what range could I see 6 months from now",
            "simulate",
            {"weights": [0.6, 0.4], "value": 90_000, "sessions": 126},
        ),
        ("what could 50k in QQQ be worth two years from now", "simulate", {"value": 50_000, "sessions": 504}),
        ("what might my portfolio be worth a year from now", "simulate", {"target": "portfolio", "sessions": 252}),
        ("what would 50k in QQQ have been worth in 2 years", "backtest", {"capital": 50_000, "start": "2024-06-24"}),
    ],
)
def test_what_is_read(text: str, tool: str, wanted: dict[str, Any], names: Universe) -> None:
    plan = plan_question(text, names, TODAY)
    assert [call.name for call in plan.calls] == [tool], plan
    assert {key: plan.calls[0].args.get(key) for key in wanted} == wanted


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("is NVDA heating up", "clarify"),
        ("is inflation heating up", "clarify"),
        ("what interest do I earn on my cash", "clarify"),
        ("which move of rates cost us the most last month", "clarify"),
        ("what could my 100 shares of AAPL be worth six months from now", "clarify"),
        ("what will AAPL be worth a year from now", "decline"),
        ("how many days of sick leave do I have", "decline"),
    ],
)
def test_what_is_near_and_is_not_answered(text: str, outcome: str, names: Universe) -> None:
    plan = plan_question(text, names, TODAY)
    assert (plan.outcome, plan.calls) == (outcome, ()), plan
