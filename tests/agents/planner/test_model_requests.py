"""Requests for models, events, reverse stress tests, valued spreads and stops: the call they become, or a question."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from agents.planner.plan import Plan
from agents.planner.planner import plan_conversation
from agents.planner.rules_models import MODELS
from agents.planner.universe import Universe
from agents.router import classify
from tools.registry import load_tool

TODAY = date(2026, 6, 24)


def asked(names: Universe, *turns: str) -> Plan:
    return plan_conversation(turns, names, TODAY)


CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("fit a heston model to QQQ", "calibrate", {"symbols": ["QQQ"], "model": "heston"}),
    ("calibrate garch to AAPL and MSFT", "calibrate", {"symbols": ["AAPL", "MSFT"], "model": "garch"}),
    ("calibrate merton to SPY on 5 years", "calibrate", {"model": "merton", "history_years": 5.0}),
    ("fit the t-copula to SPY and TLT", "calibrate", {"symbols": ["SPY", "TLT"], "model": "t_copula"}),
    ("calibrate a regime switching model to IWM", "calibrate", {"symbols": ["IWM"], "model": "regime"}),
    ("event study of NVDA earnings, 5 days after", "event_study", {"event": "earnings", "after": 5}),
    ("how does AAPL typically behave around earnings?", "event_study", {"symbols": ["AAPL"], "event": "earnings"}),
    (
        "abnormal return of XLF after FOMC decisions since 2022",
        "event_study",
        {"event": "economic", "name": "FOMC", "since": "2022-01-01"},
    ),
    ("reaction of SPY to severe geopolitical events", "event_study", {"event": "geopolitical", "severity": "high"}),
    ("NVDA earnings event study 3 days either side", "event_study", {"before": 3, "after": 3}),
    ("what if NVDA misses earnings", "inject_event", {"symbols": ["NVDA"], "surprise": "negative"}),
    ("what if AAPL beats earnings estimates: simulate", "inject_event", {"symbols": ["AAPL"], "surprise": "positive"}),
    (
        "inject a severe geopolitical event into SPY and XLE over the next 20 sessions",
        "inject_event",
        {"target": "symbols", "event": "geopolitical", "sessions": 20},
    ),
    (
        "inject a negative CPI surprise into my portfolio",
        "inject_event",
        {"target": "portfolio", "event": "economic", "name": "CPI", "surprise": "negative"},
    ),
    ("what would a fed decision do to my book", "inject_event", {"target": "portfolio", "name": "FOMC"}),
    ("reverse stress test my portfolio for a 30% loss", "reverse_stress", {"target": "portfolio", "loss": 0.3}),
    (
        "what would it take to lose 20% of SPY and QQQ in 5 days",
        "reverse_stress",
        {"symbols": ["SPY", "QQQ"], "loss": 0.2, "horizon_sessions": 5},
    ),
    ("what kind of market move would cost me a quarter of my portfolio?", "reverse_stress", {"loss": 0.25}),
    ("most probable way my book loses 15 percent in a month", "reverse_stress", {"loss": 0.15, "horizon_sessions": 21}),
    ("value the fly SHY IEF TLT over the next 3 months", "expected_value", {"strategy": "fly", "sessions": 63}),
    ("valuation of the pair KO PEP over 60 sessions", "expected_value", {"strategy": "pair", "sessions": 60}),
    ("what is a switch between SPY and TLT worth", "expected_value", {"strategy": "switch", "symbols": ["SPY", "TLT"]}),
    ("is a fly of SHY, IEF and TLT worth holding for the next half year?", "expected_value", {"sessions": 126}),
    ("follow the model predictions on SPY and QQQ", "train_model", {"symbols": ["SPY", "QQQ"]}),
    ("train a lightgbm model on SPY and QQQ called momo", "train_model", {"model": "lightgbm", "name": "momo"}),
    ("simulate NVDA under heston for a year", "simulate", {"model": "heston", "sessions": 252}),
    ("simulate SPY a year ahead with jumps", "simulate", {"model": "merton"}),
    (
        "try fast averages of 10, 20 and 50 with slow ones of 100 and 200 on SPY",
        "sweep",
        {"strategy": "sma_crossover", "grid": {"fast": [10.0, 20.0, 50.0], "slow": [100.0, 200.0]}},
    ),
    ("buy and hold VTI since 2012 with a 10% trailing stop", "backtest", {"trailing_stop": 0.1, "start": "2012-01-01"}),
    ("backtest momentum on QQQ with a stop loss of 5%", "backtest", {"stop_loss": 0.05}),
    ("backtest momentum on QQQ, take profit at 20%", "backtest", {"take_profit": 0.2}),
    ("backtest momentum on QQQ with 10 bps slippage", "backtest", {"slippage_bps": 10.0}),
    ("backtest momentum on QQQ with 10 bps of costs", "backtest", {"fee_bps": 10.0, "slippage_bps": 0.0}),
]


@pytest.mark.parametrize(("question", "tool", "arguments"), CALLS, ids=[case[0] for case in CALLS])
def test_a_request_becomes_this_call(question: str, tool: str, arguments: dict[str, Any], names: Universe) -> None:
    (call,) = asked(names, question).calls
    assert call.name == tool
    assert {name: call.args.get(name) for name in arguments} == arguments
    # What is asked for is what the tool takes.
    load_tool(tool).arguments.model_validate(call.args)


# Each of these holds a word of such a request and is another question, or none that can be answered.
ASKED_BACK = [
    "is QQQ a good fit",
    "which of my positions fit together",
    "did I miss anything",
    "what am I missing in AAPL",
    "does my book react to oil",
    "how did AAPL behave in 2020",
    "abnormal return of AAPL in 2020",
    "heston price of NVDA",
    "which model should I use",
    "calibrate heston",
    "reverse stress test my portfolio",
    "how sensitive is my portfolio to rates",
    "beta of my portfolio",
    "which holding has the best RSI",
    "AAPL less volatile than MSFT?",
    "what is the best stock",
    "how do earnings reactions look",
]


@pytest.mark.parametrize("question", ASKED_BACK)
def test_what_is_not_understood_is_asked_back(question: str, names: Universe) -> None:
    plan = asked(names, question)
    assert plan.outcome in ("clarify", "clarify_or_default") and plan.calls == () and plan.say


@pytest.mark.parametrize(
    ("question", "metric", "arguments"),
    [
        ("how many TSLA shares were traded on an average day in May 2026", "volume", {"aggregation": "average"}),
        ("month-end closes of GLD for 2025", "close", {"grain": "month"}),
        ("euro dollar rate on 15 May 2026", "close", {"symbols": ["EURUSD"]}),
        ("when was the VIX last over 40?", "close", {"limit": 1, "order": "desc"}),
        ("gold to silver ratio over the last six months", "price_ratio", {"symbols": ["GLD", "SLV"]}),
        ("yield curve 10y less 2y, monthly since 2022", "macro_spread", {"series": ["ten_year", "two_year"]}),
        ("list every Fed decision of 2025", "economic_events", {"topic": "FOMC"}),
        ("which of AAPL, MSFT and GOOGL has the most positive coverage this year?", "sentiment", {"order": "desc"}),
        ("at what price did I get into NVDA on average?", "average_cost", {"symbols": ["NVDA"]}),
        ("which five semiconductor names fell hardest last month?", "return", {"limit": 5, "order": "asc"}),
        ("CPI releases in the last six months with the surprise", "economic_events", {"topic": "CPI"}),
        ("by how much did META miss or beat last quarter", "earnings_surprise", {"symbols": ["META"]}),
        ("what are people writing about NVDA this week", "news", {"symbols": ["NVDA"]}),
        ("how closely do GLD and TLT move together", "correlation", {"symbols": ["GLD", "TLT"]}),
    ],
)
def test_said_in_other_words(question: str, metric: str, arguments: dict[str, Any], names: Universe) -> None:
    (call,) = asked(names, question).calls
    assert (call.name, call.args["metric"]) == ("query_metric", metric)
    assert {name: call.args.get(name) for name in arguments} == arguments


def test_the_account_is_asked_with_the_tools_that_know_it(names: Universe) -> None:
    (costs,) = asked(names, "how much did I pay in trading costs").calls
    assert (costs.name, costs.args) == ("pnl_analysis", {"by": ["cost"]})
    (limits,) = asked(names, "which limits apply to my account?").calls
    assert (limits.name, limits.args) == ("portfolio", {"sections": ["limits"]})
    (risk,) = asked(names, "how volatile is my portfolio").calls
    assert (risk.name, risk.args["target"]) == ("risk_report", "portfolio")


def test_profit_by_day_or_month_is_split_not_summed(names: Universe) -> None:
    (monthly,) = asked(names, "profit by month").calls
    assert (monthly.name, monthly.args) == ("pnl_analysis", {"by": ["month"]})
    (daily,) = asked(names, "my daily profit in May 2026").calls
    assert daily.args == {"by": ["day"], "start": "2026-05-01", "end": "2026-05-31"}


def test_the_days_and_the_confidence_of_a_value_at_risk(names: Universe) -> None:
    (call,) = asked(names, "five day 95% VaR of NVDA and AMD").calls
    assert (call.name, call.args["horizon_sessions"], call.args["confidence"]) == ("risk_report", 5, 0.95)


def test_a_turn_changes_only_what_it_names(names: Universe) -> None:
    (slipped,) = asked(names, "backtest momentum on QQQ since 2015", "now with 10 bps of slippage").calls
    assert slipped.args["start"] == "2015-01-01" and slipped.args["slippage_bps"] == 10.0
    assert "fee_bps" not in slipped.args
    (headline,) = asked(names, "core CPI year over year", "same for headline").calls
    assert headline.args["series"] == ["cpi"] and headline.args["metric"] == "macro_yoy"
    (core,) = asked(names, "cpi year over year", "and core?").calls
    assert core.args["series"] == ["core_cpi"]


@pytest.mark.parametrize("tool", ["stress", "reverse_stress", "inject_event", "risk_report", "simulate"])
def test_what_may_read_the_book_is_private_unless_symbols_are_named(tool: str) -> None:
    from agents.router import call_label

    assert call_label(tool, {}) == "private"
    assert call_label(tool, {"target": "portfolio"}) == "private"
    assert call_label(tool, {"symbols": ["AAPL"]}) == "public"


def test_requests_on_the_book_stay_on_this_machine(names: Universe) -> None:
    for question in ("what would it take to lose 20% of everything I own", "what would a fed decision do to my book"):
        assert classify(question, asked(names, question), names) == "private"
    public = "what would it take to lose 20% of SPY and QQQ in 5 days"
    assert classify(public, asked(names, public), names) == "public"


def test_every_model_that_can_be_named_is_one_of_the_tools() -> None:
    known = load_tool("simulate").schema()["properties"]["model"]["enum"]
    assert sorted(name for name, _ in MODELS) == sorted(known)
