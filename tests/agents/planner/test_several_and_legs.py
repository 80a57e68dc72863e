"""Several questions in one, multi-leg orders, follow-ups that show the same otherwise, words that headlines hold."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from agents.planner.plan import Plan
from agents.planner.planner import plan_conversation
from agents.planner.universe import build_universe
from core.data.universe import universe

TODAY = date(2026, 6, 24)


@pytest.fixture(scope="module")
def names() -> Any:
    return build_universe(universe())


def plan(names: Any, *turns: str) -> Plan:
    return plan_conversation(turns, names, TODAY)


def test_two_questions_in_one_are_two_calls(names: Any) -> None:
    made = plan(names, "price of AAPL and the latest CPI reading")
    assert made.outcome == "answer"
    assert [call.args["metric"] for call in made.calls] == ["close", "macro_value"]
    assert made.calls[0].args["symbols"] == ["AAPL"]


def test_the_second_question_may_refer_to_the_first(names: Any) -> None:
    made = plan(names, "price of MSFT? and its RSI")
    assert {call.args.get("metric") for call in made.calls} == {"close", "rsi"}
    assert all(call.args["symbols"] == ["MSFT"] for call in made.calls)


def test_a_part_that_is_not_understood_is_asked_about(names: Any) -> None:
    made = plan(names, "price of AAPL and the latest frobnication of CPI")
    assert made.outcome == "clarify"
    assert "frobnication" in made.leftovers


def test_a_private_part_makes_the_whole_private(names: Any) -> None:
    made = plan(names, "unemployment rate now? what is my cash balance")
    assert made.private
    assert len(made.calls) == 2


def test_legs_need_their_own_side_and_count(names: Any) -> None:
    made = plan(names, "buy 10 SPY and sell 12 QQQ as one trade")
    assert made.outcome == "needs_approval"
    assert made.calls[0].args == {
        "legs": [
            {"symbol": "SPY", "side": "buy", "quantity": 10.0},
            {"symbol": "QQQ", "side": "sell", "quantity": 12.0},
        ]
    }


@pytest.mark.parametrize("order", ["buy 10 SPY and QQQ together", "buy 10 SPY and sell 10 QQQ"])
def test_legs_are_not_guessed(names: Any, order: str) -> None:
    made = plan(names, order)
    assert (made.outcome, made.calls) == ("clarify", ())


@pytest.mark.parametrize("when", ["tomorrow", "tomorrow at the open", "next week"])
def test_an_order_for_later_is_not_proposed_now(names: Any, when: str) -> None:
    made = plan(names, f"buy 5 KO {when}")
    assert (made.outcome, made.calls) == ("clarify", ())


def test_the_other_end_of_a_ranking(names: Any) -> None:
    made = plan(names, "top 5 stocks by return this year", "and the bottom three")
    assert (made.calls[0].args["order"], made.calls[0].args["limit"]) == ("asc", 3)
    assert made.calls[0].args["period"] == {"name": "this_year"}


def test_the_same_prices_as_candles(names: Any) -> None:
    made = plan(names, "chart MSFT since 2020", "as candles")
    assert made.calls[0].name == "price_chart"
    assert (made.calls[0].args["kind"], made.calls[0].args["start"]) == ("candlestick", "2020-01-01")


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("headlines about tariffs", "tariffs"),
        ("articles mentioning export controls this year", "export controls"),
        ("what are the papers saying about the Fed?", "fed"),
    ],
)
def test_words_after_about_are_looked_for_in_headlines(names: Any, question: str, topic: str) -> None:
    made = plan(names, question)
    assert made.outcome == "answer"
    assert (made.calls[0].args["metric"], made.calls[0].args["topic"]) == ("news", topic)


def test_a_lookback_is_no_period(names: Any) -> None:
    made = plan(names, "switch between SPY and TLT on 6 month momentum since 2008")
    assert made.calls[0].args["parameters"] == {"lookback": 126}
    assert made.calls[0].args["start"] == "2008-01-01"


@pytest.mark.parametrize(
    ("question", "arguments"),
    [
        ("expected shortfall of my portfolio over ten days", {"horizon_sessions": 10}),
        ("99% VaR of my book over 2 weeks", {"horizon_sessions": 10, "confidence": 0.99}),
    ],
)
def test_the_horizon_of_a_loss(names: Any, question: str, arguments: dict[str, Any]) -> None:
    made = plan(names, question)
    assert made.calls[0].name == "risk_report"
    assert {key: made.calls[0].args[key] for key in arguments} == arguments


def test_drift_and_money_of_a_simulation(names: Any) -> None:
    made = plan(names, "simulate a 60/40 mix of SPY and AGG for 1 year with 100000 dollars, no drift")
    assert made.calls[0].args["value"] == 100_000
    assert made.calls[0].args["drift"] == "zero"
    assert made.calls[0].args["weights"] == [0.6, 0.4]


@pytest.mark.parametrize(
    ("question", "start", "end"),
    [
        ("price of KO at the end of 2018", "2018-12-22", "2018-12-31"),
        ("price of KO at the beginning of 2019", "2019-01-01", "2019-01-10"),
        ("price of KO at the end of March 2020", "2020-03-22", "2020-03-31"),
    ],
)
def test_the_edges_of_a_year_or_month_hold_a_session(names: Any, question: str, start: str, end: str) -> None:
    made = plan(names, question)
    assert made.calls[0].args["period"] == {"start": start, "end": end}


def test_a_52_week_high_is_the_highest_of_a_year(names: Any) -> None:
    made = plan(names, "52 week high of Oracle")
    assert (made.calls[0].args["metric"], made.calls[0].args["aggregation"]) == ("high", "maximum")
    assert made.calls[0].args["period"] == {"last": 1, "unit": "years"}


def test_an_inverted_curve_is_below_zero(names: Any) -> None:
    made = plan(names, "when was the yield curve last inverted")
    assert made.calls[0].args["filter"] == {"operator": "<", "value": 0.0}
    assert (made.calls[0].args["order"], made.calls[0].args["limit"]) == ("desc", 1)


@pytest.mark.parametrize(
    ("question", "arguments"),
    [
        ("place a stop on my 30 MSFT at 400", {"side": "sell", "order_type": "stop", "stop_price": 400.0}),
        ("short 20 TSLA", {"side": "sell", "quantity": 20.0}),
        ("sell half a bitcoin", {"side": "sell", "quantity": 0.5}),
    ],
)
def test_orders_are_read_on_the_right_side(names: Any, question: str, arguments: dict[str, Any]) -> None:
    made = plan(names, question)
    assert made.calls[0].name == "propose_trade"
    assert {key: made.calls[0].args[key] for key in arguments} == arguments


def test_money_without_a_plan_of_saving_is_an_order_to_ask_about(names: Any) -> None:
    made = plan(names, "invest 5000 dollars in VTI")
    assert (made.outcome, made.calls) == ("clarify", ())
    saved = plan(names, "what would 500 dollars a month into VTI since 2015 be worth")
    assert saved.calls[0].args["parameters"] == {"amount": 500.0, "frequency": "monthly"}


@pytest.mark.parametrize("question", ["what will Apple's price be next Friday?", "price of MSFT tomorrow"])
def test_a_price_of_a_day_to_come_is_not_guessed(names: Any, question: str) -> None:
    made = plan(names, question)
    assert (made.outcome, made.calls) == ("decline", ())


def test_beating_another_is_no_earnings_surprise(names: Any) -> None:
    assert plan(names, "did Disney beat SPY over the last five years?").calls[0].name == "performance"
    assert plan(names, "did Disney beat estimates last quarter?").calls[0].args["metric"] == "earnings_surprise"


@pytest.mark.parametrize(
    ("question", "aggregation"),
    [
        ("total volume traded in QQQ during March 2020", "sum"),
        ("sum of dividends of JNJ over the last 5 years", "sum"),
        ("how many months since 2000 had unemployment below 4%", "count"),
        ("how many orders did we send in June", "count"),
    ],
)
def test_totals_and_counts_are_not_dropped(names: Any, question: str, aggregation: str) -> None:
    assert plan(names, question).calls[0].args["aggregation"] == aggregation


def test_a_strategy_for_a_coin_is_not_the_company_of_that_name(names: Any) -> None:
    assert plan(names, "breakout strategy for bitcoin, 5 bp costs").calls[0].args["symbols"] == ["BTC-USD"]
