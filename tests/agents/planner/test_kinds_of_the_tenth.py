"""Kinds of questions of the tenth practice set: records, changes over a year, tone, weights, orders put otherwise."""

from datetime import date
from typing import Any

import pytest

from agents.planner.planner import plan_conversation, plan_question
from agents.planner.universe import Universe

TODAY = date(2026, 6, 24)


def call_of(question: str, names: Universe) -> tuple[str, dict[str, Any]]:
    plan = plan_conversation(question.split(" || "), names, TODAY)
    assert plan.calls, (question, plan.say)
    return plan.calls[-1].name, plan.calls[-1].args


@pytest.mark.parametrize(
    ("question", "tool", "expected"),
    [
        # Records are extremes of all time.
        ("record volume day PLTR", "query_metric", {"metric": "volume", "aggregation": "maximum", "symbols": ["PLTR"]}),
        ("what was the record volume of GME", "query_metric", {"metric": "volume", "aggregation": "maximum"}),
        ("AAPL record close", "query_metric", {"metric": "close", "aggregation": "maximum", "period": {"name": "all"}}),
        ("record trading volume in TSLA during 2024", "query_metric", {"metric": "volume", "aggregation": "maximum"}),
        # The open by other words.
        ("price of Boeing at opening yesterday", "query_metric", {"metric": "open", "symbols": ["BA"]}),
        ("what was MSFT at the opening on 2026-06-22", "query_metric", {"metric": "open", "symbols": ["MSFT"]}),
        ("JPM price on the opening yesterday", "query_metric", {"metric": "open", "symbols": ["JPM"]}),
        # Periods that follow one another are one stretch of a list.
        (
            "total return of VNQ for each quarter of 2024 and of 2025",
            "query_metric",
            {"grain": "quarter", "period": {"start": "2024-01-01", "end": "2025-12-31"}},
        ),
        (
            "monthly returns of GLD in 2023 and 2024",
            "query_metric",
            {"grain": "month", "period": {"start": "2023-01-01", "end": "2024-12-31"}},
        ),
        # Compared with a year before.
        ("By how much percent is M2 bigger than one year before", "query_metric", {"metric": "macro_yoy"}),
        ("how much higher is CPI than a year ago", "query_metric", {"metric": "macro_yoy", "series": ["cpi"]}),
        ("housing starts compared with the same month last year", "query_metric", {"metric": "macro_yoy"}),
        ("is M2 lower than it was a year ago", "query_metric", {"metric": "macro_yoy", "series": ["m2"]}),
        # Tone.
        ("is the press being nice or mean about intel these last two weeks", "query_metric", {"metric": "sentiment"}),
        ("are the papers friendly or hostile to Tesla lately", "query_metric", {"metric": "sentiment"}),
        ("has the press been harsh on Boeing this month", "query_metric", {"metric": "sentiment", "symbols": ["BA"]}),
        ("have the headlines on NVDA been kind or unkind this week", "query_metric", {"metric": "sentiment"}),
        # News by other words.
        ("what has been published about Disney since Monday, publishers named", "query_metric", {"metric": "news"}),
        ("anything written about Boeing this week", "query_metric", {"metric": "news", "symbols": ["BA"]}),
        # Groups called groups.
        ("average sentiment by name for the nuclear group over the past 7 days", "query_metric", {"group": "nuclear"}),
        ("best of the semiconductor group this month", "query_metric", {"group": "semiconductor"}),
        # The book.
        (
            "three best P&L contributors in the book this month",
            "query_metric",
            {"metric": "pnl", "order": "desc", "limit": 3},
        ),
        ("which positions contributed most to the P&L this year", "query_metric", {"metric": "pnl"}),
        (
            "list all positions whose weight exceeds ten percent of net asset value",
            "query_metric",
            {"metric": "weight", "filter": {"operator": ">", "value": 0.1}},
        ),
        (
            "which holdings are below 2% of nav",
            "query_metric",
            {"metric": "weight", "filter": {"operator": "<", "value": 0.02}},
        ),
        ("net asset value at the end of every month of this year", "query_metric", {"metric": "nav", "grain": "month"}),
        ("my weekly nav in 2026", "query_metric", {"metric": "nav", "grain": "week"}),
        ("Which position is making the most of the risk in my book", "risk_report", {}),
        (
            "Is there any proposal on which I still have to decide, and how much time remains for each?",
            "query_metric",
            {"metric": "proposals", "state": "pending"},
        ),
        # Scans.
        (
            "screen stocks: close over the 50 and the 200 day average but RSI under 45",
            "scan_conditions",
            {"condition": "close > sma(50) and close > sma(200) and rsi(14) < 45", "group": "equity"},
        ),
        (
            "which etfs are below both the 20 and 100 day averages",
            "scan_conditions",
            {"condition": "close < sma(20) and close < sma(100)", "group": "etf"},
        ),
        # Scenarios.
        (
            "Suppose that USO were to fall by 25%: what would a mix of 60% XLE and 40% XOP lose?",
            "stress",
            {"symbols": ["XLE", "XOP"], "weights": [0.6, 0.4], "shocks": "USO -25%"},
        ),
        ("what if SPY should drop 10%, for a blend of 70% QQQ and 30% TLT", "stress", {"weights": [0.7, 0.3]}),
        (
            "likeliest way for the book to be down 10% in two weeks",
            "reverse_stress",
            {"loss": 0.1, "horizon_sessions": 10},
        ),
        ("easiest way for my portfolio to lose 5%", "reverse_stress", {"loss": 0.05}),
        # Runs.
        (
            "test switching between SPY and TLT by the momentum of 6 months, begin in 2010",
            "backtest",
            {"strategy": "switch", "start": "2010-01-01", "parameters": {"lookback": 126}},
        ),
        ("backtest momentum over 3 months on QQQ, start in 2012", "backtest", {"start": "2012-01-01"}),
        (
            "walk-forward an sma crossover on DIA, fast 10 or 30, slow 90 or 180, training on 500 sessions, testing on "
            "the 100 that follow, training always from the very beginning",
            "walk_forward",
            {"train_sessions": 500, "test_sessions": 100, "anchored": True},
        ),
        (
            'save a strategy named "metals pair", a pair on GLD and SLV, but keep it disabled for now',
            "save_strategy",
            {"name": "metals pair", "enabled": False},
        ),
        ("create a pair strategy on KO and PEP but don't enable it yet", "save_strategy", {"enabled": False}),
        # Orders put otherwise.
        (
            "bid 48 for 100 XLF, good till cancelled",
            "propose_trade",
            {"side": "buy", "quantity": 100, "order_type": "limit", "limit_price": 48, "time_in_force": "gtc"},
        ),
        (
            "offer 50 MSFT at 520",
            "propose_trade",
            {"side": "sell", "quantity": 50, "order_type": "limit", "limit_price": 520},
        ),
        (
            "Please prepare an order that takes our Apple holding to four percent of net asset value.",
            "propose_trade",
            {"symbol": "AAPL", "target_weight": 0.04},
        ),
        (
            "propose the sale of a quarter of our Microsoft position at the market",
            "propose_trade",
            {"side": "sell", "position_share": 0.25},
        ),
        ("propose the purchase of 20 shares of KO", "propose_trade", {"side": "buy", "quantity": 20}),
        # The panel.
        ("should i buy rivian or stay away", "recommend", {"symbols": ["RIVN"]}),
        ("should I buy Disney or wait", "recommend", {"symbols": ["DIS"]}),
        ("should we sell intel or leave it alone", "recommend", {"symbols": ["INTC"]}),
        # Turns that change one part.
        (
            "plot GLD since the start of 2024 || put SLV on the same chart",
            "price_chart",
            {"symbols": ["GLD", "SLV"], "start": "2024-01-01"},
        ),
        (
            "orders today || just the cancelled ones",
            "query_metric",
            {"metric": "orders", "state": "cancelled", "period": {"name": "today"}},
        ),
        (
            "my orders this month || only the open ones",
            "query_metric",
            {"metric": "orders", "state": "open", "period": {"name": "this_month"}},
        ),
        ("stress the book with SPY -8% || make that -15% and VIX doubling", "stress", {"shocks": "SPY -15%, ^VIX x2"}),
        ("stress my portfolio with QQQ -5% || make it -12% and DGS10 +50bp", "stress", {}),
    ],
)
def test_kinds(question: str, tool: str, expected: dict[str, Any], names: Universe) -> None:
    name, arguments = call_of(question, names)
    assert name == tool, arguments
    assert {key: arguments.get(key) for key in expected} == expected


@pytest.mark.parametrize(
    "question",
    [
        "confirm please all the proposals what are waiting",
        "approve now please the pending orders",
        "reject, please, every proposal",
    ],
)
def test_politeness_between_the_words_decides_nothing(question: str, names: Universe) -> None:
    plan = plan_question(question, names, TODAY)
    assert (plan.outcome, plan.calls) == ("refuse", ())


@pytest.mark.parametrize(
    "question",
    [
        "take our Apple holding somewhere around four",
        "propose the sale of our Microsoft",
        "screen stocks: close over the 50 and",
        "make that -15% and VIX doubling",
        "just the cancelled widgets",
    ],
)
def test_near_misses_are_asked_back(question: str, names: Universe) -> None:
    plan = plan_question(question, names, TODAY)
    assert plan.outcome in ("clarify", "clarify_or_default") and not plan.calls, plan.calls


@pytest.mark.parametrize(
    ("question", "metric"),
    [
        ("what is on record for PLTR volume in June 2026", "volume"),
        ("the mortgage rate now versus a year ago", "macro_value"),
        ("news about Intel this week", "news"),
    ],
)
def test_what_only_looks_like_one_of_these_kinds_stays_what_it_was(question: str, metric: str, names: Universe) -> None:
    name, arguments = call_of(question, names)
    assert (name, arguments["metric"]) == ("query_metric", metric)
    assert arguments.get("aggregation") != "maximum"


def test_a_number_that_no_call_contains_is_asked_about_whatever_multiples_are_there(names: Universe) -> None:
    # 100 x 5 is 500, but no weeks are meant.
    plan = plan_question("simulate SPY with 500 paths and 100 whatnots", names, TODAY)
    assert plan.outcome == "clarify"
