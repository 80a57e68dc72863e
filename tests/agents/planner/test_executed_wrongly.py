# ruff: noqa: E501
"""What was once answered with another figure than was asked for: a dropped period, sign, filter, order or grain."""

from __future__ import annotations

from datetime import date

import pytest

from agents.planner.planner import plan_conversation
from agents.planner.universe import Universe

TODAY = date(2026, 6, 24)


@pytest.mark.parametrize(
    ("text", "tool", "expected"),
    [
        ("return of QQQ over the last 10 sessions", "query_metric", {"metric": "return", "period": {"last": 10, "unit": "sessions"}}),
        ("chart SPY over the last 30 sessions", "query_metric", {"metric": "close", "period": {"last": 30, "unit": "sessions"}}),
        ("last time SPY fell 2% in a day", "query_metric", {"filter": {"operator": "<=", "value": -0.02}, "order": "desc", "limit": 1}),
        ("first time SPY fell 3% in a day", "query_metric", {"filter": {"operator": "<=", "value": -0.03}, "order": "asc", "limit": 1}),
        ("backtest buy and hold of QQQ since 2021 without costs", "backtest", {"fee_bps": 0.0, "slippage_bps": 0.0, "borrow_bps": 0.0}),
        ("how many times did AAPL miss earnings estimates since 2020?", "query_metric", {"filter": {"operator": "<", "value": 0.0}, "aggregation": "count"}),
        ("how many earnings beats were there since 2020?", "query_metric", {"filter": {"operator": ">", "value": 0.0}, "aggregation": "count"}),
        ("worst 2 earnings surprises of AAPL", "query_metric", {"metric": "earnings_surprise", "aggregation": "minimum", "limit": 2}),
        ("which stock has the highest RSI?", "query_metric", {"metric": "rsi", "order": "desc", "limit": 1}),
        ("which stock has the lowest RSI?", "query_metric", {"metric": "rsi", "order": "asc", "limit": 1}),
        ("which stock had the worst single day in 2022?", "query_metric", {"grain": "day", "aggregation": "minimum", "order": "asc", "limit": 1}),
        ("when did AAPL hit its all time high?", "query_metric", {"metric": "high", "aggregation": "maximum"}),
        ("what did I pay in fees for XOM?", "query_metric", {"metric": "fills", "symbols": ["XOM"]}),
        ("my realised profit", "query_metric", {"metric": "pnl", "period": {"name": "all"}}),
        ("unrealised P&L of XOM", "query_metric", {"metric": "pnl", "symbols": ["XOM"]}),
        ("price change of KO in 2021", "query_metric", {"metric": "price_change"}),
        ("rank AAPL, MSFT and KO by volatility in 2022", "query_metric", {"metric": "volatility", "order": "desc"}),
        ("geopolitical events in 2022 by quarter", "query_metric", {"grain": "quarter"}),
        ("10 year yield minus 3 month yield by month in 2022", "query_metric", {"metric": "macro_spread", "grain": "month"}),
        ("VaR of AAPL since 2021", "risk_report", {"history_years": 5.48}),
        ("Put a high severity geopolitical event on my portfolio", "inject_event", {"event": "geopolitical", "severity": "high"}),
        ("how many geopolitical events of high severity did we record in 2025?", "query_metric", {"metric": "geopolitical_events", "aggregation": "count"}),
        ("with $80,000 of equity, how many XLK for a 12% vol target?", "size_position", {"target_volatility": 0.12, "equity": 80000.0}),
        ("the lowest ETH closed at in 2025, closes only, not intraday", "query_metric", {"metric": "close", "aggregation": "minimum"}),
        ("what is one share of Coca-Cola worth?", "query_metric", {"metric": "close", "symbols": ["KO"]}),
    ],
)  # fmt: skip
def test_the_whole_question_reaches_the_tool(text: str, tool: str, expected: dict, names: Universe) -> None:
    plan = plan_conversation([text], names, TODAY)
    assert plan.calls, (plan.outcome, plan.say)
    call = plan.calls[-1]
    assert (call.name, {key: call.args.get(key) for key in expected}) == (tool, expected)


def test_a_risk_report_of_a_past_year_is_asked_back(names: Universe) -> None:
    plan = plan_conversation(["95% VaR of AAPL in 2022"], names, TODAY)
    assert plan.outcome == "clarify" and "past period" in plan.say
