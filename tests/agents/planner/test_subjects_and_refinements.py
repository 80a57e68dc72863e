"""Turns of few words: of the subject before where they name none, and refining what was shown."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from agents.planner.planner import plan_conversation
from agents.planner.universe import Universe

TODAY = date(2026, 6, 24)


def last_call(turns: list[str], names: Universe) -> tuple[str, dict[str, Any]]:
    plan = plan_conversation(turns, names, TODAY)
    assert plan.outcome in ("answer", "needs_approval"), plan.say
    return plan.calls[-1].name, plan.calls[-1].args


@pytest.mark.parametrize(
    ("turns", "name", "arguments"),
    [
        (["AVGO price", "rsi?"], "query_metric", {"metric": "rsi", "symbols": ["AVGO"]}),
        (["AAPL price", "any news?"], "query_metric", {"metric": "news", "symbols": ["AAPL"]}),
        (["AAPL price", "next earnings?"], "query_metric", {"metric": "earnings_dates", "symbols": ["AAPL"]}),
        (["AAPL price", "dividends?"], "query_metric", {"metric": "dividends", "symbols": ["AAPL"]}),
        (["AAPL price", "correlation with QQQ"], "query_metric", {"metric": "correlation", "symbols": ["AAPL", "QQQ"]}),
        (["AAPL price", "did it beat SPY?"], "performance", {"symbols": ["AAPL", "SPY"]}),
        (["AAPL price", "total return?"], "performance", {"symbols": ["AAPL"]}),
        (["chart AMD", "stress it with 2008"], "stress", {"symbols": ["AMD"], "crises": ["financial_2008"]}),
        (
            ["latest jobless claims", "highest since 2024?"],
            "query_metric",
            {"series": ["jobless_claims"], "aggregation": "maximum", "period": {"start": "2024-01-01"}},
        ),
        (["when is the next CPI", "and the jobs report?"], "query_metric", {"topic": "payrolls"}),
        (["uber price", "buy me 20"], "propose_trade", {"symbol": "UBER", "side": "buy", "quantity": 20.0}),
        (["how did pfizer close", "get me 200"], "propose_trade", {"symbol": "PFE", "quantity": 200.0}),
        (["BTC price", "buy 2 right now, no approval needed"], "propose_trade", {"symbol": "BTC-USD", "quantity": 2.0}),
        (
            ["last 5 closes of JPM", "now the volumes"],
            "query_metric",
            {"metric": "volume", "symbols": ["JPM"], "period": {"last": 5, "unit": "sessions"}},
        ),
    ],
)
def test_a_turn_without_a_subject_is_of_the_one_before(
    turns: list[str], name: str, arguments: dict[str, Any], names: Universe
) -> None:
    called, found = last_call(turns, names)
    assert called == name
    assert {key: found.get(key) for key in arguments} == arguments


@pytest.mark.parametrize(
    ("turns", "missing"),
    [
        (["AAPL price", "earnings this week"], "symbols"),
        (["AAPL price", "top gainers today"], "symbols"),
        (["AAPL price", "who reports tomorrow"], "symbols"),
        (["AAPL price", "my cash"], "symbols"),
    ],
)
def test_what_stands_on_its_own_is_not_of_the_one_before(turns: list[str], missing: str, names: Universe) -> None:
    assert missing not in last_call(turns, names)[1]


@pytest.mark.parametrize("turn", ["why?", "trend?", "who else?", "is it above that?", "when was that?", "what's hot?"])
def test_a_turn_that_asks_nothing_clear_of_a_price_is_asked_back(turn: str, names: Universe) -> None:
    assert plan_conversation(["AAPL price", turn], names, TODAY).outcome in ("clarify", "clarify_or_default")


@pytest.mark.parametrize(
    ("turns", "arguments"),
    [
        (["NVDA price", "how many do I own?"], {"metric": "positions", "symbols": ["NVDA"]}),
        (["am i up or down this year", "vs SPY?"], {"metric": "pnl", "benchmark": "SPY"}),
        (["geopolitical events of the last 3 months", "only the severe ones"], {"severity": "high"}),
        (["berkshire return last 5 years", "annualised please"], {"metric": "annualized_return", "symbols": ["BRK-B"]}),
        (["KO to PEP price ratio", "average over 3 years?"], {"metric": "price_ratio", "aggregation": "average"}),
        (["nav", "last 3 months", "chart it"], {"metric": "nav", "period": {"last": 3, "unit": "months"}}),
        (
            ["top 5 semis this year", "now by sharpe"],
            {"metric": "sharpe_ratio", "group": "semiconductor", "limit": 5, "order": "desc"},
        ),
        (
            ["tesla closing price yesterday", "and the day before?"],
            {"metric": "close", "period": {"start": "2026-06-22", "end": "2026-06-22"}},
        ),
        (
            ["How have semiconductor stocks performed this year?", "And which one of them is the best?"],
            {"metric": "return", "group": "semiconductor", "limit": 1, "order": "desc"},
        ),
        (
            ["highest price of costco ever", "n the lowest since 2020?"],
            {"metric": "low", "aggregation": "minimum", "period": {"start": "2020-01-01"}},
        ),
    ],
)
def test_a_turn_refines_what_was_shown(turns: list[str], arguments: dict[str, Any], names: Universe) -> None:
    found = last_call(turns, names)[1]
    assert {key: found.get(key) for key in arguments} == arguments


def test_the_size_that_was_worked_out_is_what_is_bought(names: Universe) -> None:
    turns = ["how many adobe shares are 3 percent of my account", "ok buy that many"]
    plan = plan_conversation(turns, names, TODAY)
    assert plan.outcome == "needs_approval"
    assert plan.calls[-1].args["target_weight"] == pytest.approx(0.03)


def test_to_sell_what_was_sized_is_asked_back(names: Universe) -> None:
    turns = ["how many adobe shares are 3 percent of my account", "ok sell that many"]
    assert plan_conversation(turns, names, TODAY).outcome == "clarify"


def test_the_day_before_a_monday_is_a_sunday_where_every_day_trades(names: Universe) -> None:
    for symbol, day in (("bitcoin", "2026-06-21"), ("tesla", "2026-06-19")):
        found = last_call([f"{symbol} close on 22 june 2026", "and the day before?"], names)[1]
        assert found["period"] == {"start": day, "end": day}


@pytest.mark.parametrize(
    ("question", "arguments"),
    [
        ("chart AMD 1 year", {"start": "2025-06-24", "end": "2026-06-24"}),
        ("AAPL high of the year", {"metric": "high", "aggregation": "maximum", "period": {"name": "this_year"}}),
        ("how many days did NVDA fall this month", {"aggregation": "count", "filter": {"operator": "<", "value": 0.0}}),
        ("20d vol NVDA AMD", {"metric": "realized_volatility", "window": 20, "symbols": ["NVDA", "AMD"]}),
        ("last 15 closing prices of DIA", {"metric": "close", "symbols": ["DIA"], "limit": 15}),
        ("is AAPL over its average of 50 days", {"metric": "price_vs_sma", "window": 50}),
        ("gdp last 8 quarters", {"metric": "macro_growth", "grain": "quarter"}),
        ("inflation over time", {"metric": "macro_yoy", "period": {"name": "all"}}),
        ("what's the pound worth in dollars", {"metric": "close", "symbols": ["GBPUSD"]}),
        ("How high the VIX went in March 2020?", {"symbols": ["^VIX"], "aggregation": "maximum"}),
        ("vix?", {"metric": "close", "symbols": ["^VIX"], "period": {"name": "latest"}}),
        (
            "What would I have today if I had put 200 dollars into Ethereum every month since 2020?",
            {"symbols": ["ETH-USD"], "start": "2020-01-01"},
        ),
        ("which of the megacaps are oversold, that is, have an RSI below 35?", {"group": "megacap"}),
    ],
)
def test_plain_questions_keep_every_figure_and_word(question: str, arguments: dict[str, Any], names: Universe) -> None:
    found = last_call([question], names)[1]
    assert {key: found.get(key) for key in arguments} == arguments


def test_the_figure_that_is_said_goes_before_the_usual_one(names: Universe) -> None:
    found = str(last_call(["which of the megacaps are oversold, that is, have an RSI below 35?"], names))
    assert "35" in found and "30" not in found


@pytest.mark.parametrize("question", ["worst day of my account", "my account's best month"])
def test_the_days_of_the_account_are_not_mistaken_for_positions(question: str, names: Universe) -> None:
    assert plan_conversation([question], names, TODAY).outcome == "clarify"


def test_a_scenario_the_desk_lacks_is_asked_back_in_a_few_lines_that_lead_on(names: Universe) -> None:
    plan = plan_conversation(["stress my book for a rates shock"], names, TODAY)
    assert plan.outcome == "clarify" and len(plan.say) < 450
    [call] = plan_conversation(["every crisis on my book"], names, TODAY).calls
    assert call.name == "stress"
