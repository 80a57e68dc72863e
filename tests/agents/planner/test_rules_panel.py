"""Questions to the panel of analysts lead to it, and questions that only sound alike do not."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from agents.planner.planner import plan_conversation, plan_question
from agents.planner.universe import Universe
from agents.router import call_label, classify

TODAY = date(2026, 6, 24)


@pytest.mark.parametrize(
    ("question", "arguments"),
    [
        ("what do you think of NVDA?", {"symbols": ["NVDA"]}),
        ("So what do you think about Apple right now?", {"symbols": ["AAPL"]}),
        ("should I buy AAPL?", {"symbols": ["AAPL"]}),
        ("Should we sell our Tesla shares?", {"symbols": ["TSLA"]}),
        ("should I buy or sell TSLA now", {"symbols": ["TSLA"]}),
        ("should I buy gold", {"symbols": ["GLD"]}),
        ("bull and bear case for TSLA", {"symbols": ["TSLA"]}),
        ("What is the bull case for Nvidia?", {"symbols": ["NVDA"]}),
        ("what's the case for and against Exxon", {"symbols": ["XOM"]}),
        ("pros and cons of holding JPM", {"symbols": ["JPM"]}),
        ("reasons to buy KO", {"symbols": ["KO"]}),
        ("is MSFT a buy?", {"symbols": ["MSFT"]}),
        ("is TSLA still worth holding", {"symbols": ["TSLA"]}),
        ("is now a good time to buy Nvidia?", {"symbols": ["NVDA"]}),
        ("AAPL: buy, hold or sell?", {"symbols": ["AAPL"]}),
        ("what's your opinion on KO and PEP?", {"symbols": ["KO", "PEP"]}),
        ("what do your analysts say about AMD?", {"symbols": ["AMD"]}),
        ("ask the panel about MSFT", {"symbols": ["MSFT"]}),
        ("would you buy Apple here?", {"symbols": ["AAPL"]}),
        ("do you like NVDA", {"symbols": ["NVDA"]}),
        ("what do you think of tech stocks", {"group": "tech"}),
        ("what would your analysts recommend?", {}),
        ("which stocks do you recommend", {}),
        ("what should I buy?", {}),
        ("which of my holdings would the panel sell", {"target": "portfolio"}),
        ("what do you think of my portfolio?", {"target": "portfolio"}),
        ("which of my positions should I trim or sell?", {"target": "portfolio"}),
        ("what do your analysts say about AMD over the next 3 months?", {"symbols": ["AMD"], "horizon_sessions": 63}),
        ("should I hold TSLA for a year", {"symbols": ["TSLA"], "horizon_sessions": 252}),
    ],
)
def test_a_question_for_a_verdict_asks_the_panel(question: str, arguments: dict[str, Any], names: Universe) -> None:
    plan = plan_question(question, names, TODAY)
    assert [(call.name, call.args) for call in plan.calls] == [("recommend", arguments)]
    assert plan.outcome == "answer"


@pytest.mark.parametrize(
    ("question", "arguments"),
    [
        ("how good were your recommendations?", {}),
        ("How accurate have your analysts been?", {}),
        ("what's your track record", {}),
        ("show me the track record of the panel", {}),
        ("how did your calls turn out", {}),
        ("which analyst was the best?", {}),
        ("how good were your recommendations on AAPL?", {"symbol": "AAPL"}),
    ],
)
def test_a_question_for_its_record_shows_it_and_is_private(
    question: str, arguments: dict[str, Any], names: Universe
) -> None:
    plan = plan_question(question, names, TODAY)
    assert [(call.name, call.args) for call in plan.calls] == [("track_record", arguments)]
    assert plan.private and classify(question, plan, names) == "private"


@pytest.mark.parametrize(
    "question",
    [
        "recommend me a good book",
        "will AAPL go up",
        "analyst ratings of AAPL",
        "is it a good time?",
        "what do you think",
        "how many shares of AMD should I buy with a 10% volatility target",
        "buy 10 AAPL",
        "sell all my AAPL",
        "should I hedge my portfolio",
        "which of my holdings lost the most",
        "is AAPL above its 200 day average",
        "backtest buying AAPL in May",
        "should I buy 10 KO",
        "is it legal to buy AAPL before earnings",
    ],
)
def test_what_only_sounds_alike_is_left_to_others(question: str, names: Universe) -> None:
    assert "recommend" not in {call.name for call in plan_question(question, names, TODAY).calls}


def test_another_name_afterwards_is_judged_too(names: Universe) -> None:
    plan = plan_conversation(["what do you think of AAPL?", "and MSFT?"], names, TODAY)
    assert [(call.name, call.args) for call in plan.calls] == [("recommend", {"symbols": ["MSFT"]})]


def test_the_market_is_public_and_the_book_private(names: Universe) -> None:
    for question, label in (
        ("what do you think of NVDA?", "public"),
        ("bull and bear case for TSLA", "public"),
        # A question that may be about an order stays here.
        ("should I buy AAPL?", "private"),
        ("which of my holdings would the panel sell", "private"),
    ):
        assert classify(question, plan_question(question, names, TODAY), names) == label, question
    assert call_label("recommend", {"symbols": ["AAPL"]}) == "public"
    assert call_label("recommend", {"target": "portfolio"}) == call_label("track_record", {}) == "private"


@pytest.mark.parametrize(
    ("sentence", "arguments"),
    [
        ("buy AMD to 9.3% of my portfolio", {"symbol": "AMD", "side": "buy", "target_weight": 0.093}),
        ("buy BTC-USD to 3.3% of my portfolio", {"symbol": "BTC-USD", "side": "buy", "target_weight": 0.033}),
        ("sell all my AAPL", {"symbol": "AAPL", "side": "sell", "target_weight": 0.0}),
    ],
)
def test_the_sentence_it_offers_leads_to_a_proposal(sentence: str, arguments: dict[str, Any], names: Universe) -> None:
    plan = plan_question(sentence, names, TODAY)
    assert plan.outcome == "needs_approval" and plan.calls[-1].name == "propose_trade"
    assert plan.calls[-1].args | arguments == pytest.approx(plan.calls[-1].args)
