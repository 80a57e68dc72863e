"""Ask kinds of questions on stored data, limits, profit and lists of symbols in several voices."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from agents.planner.planner import plan_conversation
from agents.planner.universe import Universe

TODAY = date(2026, 6, 24)


def called(names: Universe, *turns: str) -> list[tuple[str, dict[str, Any]]]:
    plan = plan_conversation(turns, names, TODAY)
    assert plan.outcome in ("answer", "needs_approval"), (turns, plan.outcome, plan.say)
    return [(call.name, call.args) for call in plan.calls]


@pytest.mark.parametrize(
    ("question", "symbols"),
    [
        ("u got toncoin? since when", ["TON-USD"]),
        ("is gme in there", ["GME"]),
        ("earliest date for bitcoin", ["BTC-USD"]),
        ("whats the last day you have for tsla", ["TSLA"]),
        ("how many years of history for EEM", ["EEM"]),
        ("How many years of prices do you keep for KO?", ["KO"]),
        ("What is the first date for which you hold ETH-USD prices?", ["ETH-USD"]),
        ("Is there a gap in the TLT data around March 2020?", ["TLT"]),
        ("Which vendor supplies the SPY prices?", ["SPY"]),
        ("got anything on palantir data wise", ["PLTR"]),
    ],
)
def test_what_is_stored_of_a_symbol_is_coverage(question: str, symbols: list[str], names: Universe) -> None:
    assert called(names, question) == [("data_coverage", {"symbols": symbols})]


@pytest.mark.parametrize(
    "question", ["what macro series are available", "how fresh are the prices", "what data is there"]
)
def test_what_is_stored_at_all_is_coverage(question: str, names: Universe) -> None:
    assert called(names, question) == [("data_coverage", {})]


def test_sources_that_disagree_are_compared(names: Universe) -> None:
    [(tool, arguments)] = called(names, "Which sources supply USDJPY, and how far do they disagree where they overlap?")
    assert tool == "data_coverage" and arguments["compare"]


@pytest.mark.parametrize(
    "question",
    [
        "do you have any news on AAPL",
        "do we have a position in SPY",
        "what do you have on the calendar this week",
        "when did AAPL last close above 200",
        "what was the last price of TSLA",
        "how many days was SPY up in May",
        "do I have any TSLA",
        "what was the first day of 2024 that SPY fell",
    ],
)
def test_a_figure_or_a_holding_is_no_coverage(question: str, names: Universe) -> None:
    plan = plan_conversation([question], names, TODAY)
    assert "data_coverage" not in {call.name for call in plan.calls}


@pytest.mark.parametrize(
    "question",
    [
        "Show me the limits and how much of each is used up.",
        "are any limits breached",
        "whats our limit usage",
        "limits headroom",
        "What limits are set on the account, and are we close to any of them?",
        "How close are we to our limits at the moment?",
    ],
)
def test_limits_and_their_use_are_those_of_the_account(question: str, names: Universe) -> None:
    assert called(names, question) == [("portfolio", {"sections": ["limits"]})]


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("whats my avg on aapl", {"metric": "average_cost", "symbols": ["AAPL"]}),
        (
            "What did the account earn in May?",
            {"period": {"start": "2026-05-01", "end": "2026-05-31"}},
        ),
        ("How much of my account is lying idle in cash?", {"metric": "cash"}),
        ("realised vs unrealised pnl", {"metric": "pnl"}),
        ("anything waiting for me to approve?", {"metric": "proposals", "state": "pending"}),
        ("was my buy order filled", {"metric": "orders"}),
    ],
)
def test_the_account_is_asked_in_ordinary_words(question: str, said: dict[str, Any], names: Universe) -> None:
    [(tool, arguments)] = called(names, question)
    assert tool == "query_metric" and said.items() <= arguments.items()


@pytest.mark.parametrize(
    ("question", "symbols"),
    [
        (
            "btc, eth and link to each carry the same risk, what % in each",
            ["BTC-USD", "ETH-USD", "LINK-USD"],
        ),
        ("hrp for btc eth sol and link", ["BTC-USD", "ETH-USD", "SOL-USD", "LINK-USD"]),
    ],
)
def test_a_list_of_symbols_goes_on_with_an_ordinary_word(question: str, symbols: list[str], names: Universe) -> None:
    [(tool, arguments)] = called(names, question)
    assert tool == "optimise_portfolio" and arguments["symbols"] == symbols


def test_an_ordinary_word_after_a_run_of_the_desk_is_its_symbol(names: Universe) -> None:
    [(tool, arguments)] = called(names, "size coin, risk 50bp, stop 12% under")
    assert (tool, arguments["symbol"], arguments["stop_distance"]) == ("size_position", "COIN", 0.12)


def test_shares_are_of_the_one_name_that_was_talked_about(names: Universe) -> None:
    [*_, (tool, arguments)] = called(names, "what does the panel think of oklo", "alright get me 15 shares then")
    assert (tool, arguments["symbol"], arguments["quantity"]) == ("propose_trade", "OKLO", 15.0)
    asked = plan_conversation(["compare OKLO and SMR", "get me 15 shares then"], names, TODAY)
    assert asked.outcome == "clarify"


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("my cash and my open orders", ["cash", "orders"]),
        ("How far is the account below its peak, and how much cash do we hold?", ["account_drawdown", "cash"]),
    ],
)
def test_two_things_of_the_account_are_both_answered(question: str, expected: list[str], names: Universe) -> None:
    assert [arguments["metric"] for _, arguments in called(names, question)] == expected
