"""Sayings of the desk: read as the plain words they mean; those of two meanings are asked about."""

from __future__ import annotations

from datetime import date

import pytest

from agents.planner.concepts import SAYINGS
from agents.planner.planner import plan_question
from agents.planner.universe import Universe

TODAY = date(2026, 6, 24)


@pytest.mark.parametrize(
    ("said", "plainly"),
    [
        ("did NVDA puke today", "did NVDA fall today"),
        ("who bled the most this month", "who fell the most this month"),
        ("which stocks got hammered this week", "which stocks fell this week"),
        ("which stocks got clobbered today", "which stocks fell today"),
        ("which ETFs are getting killed this week", "which ETFs are falling this week"),
        ("did COIN take a beating this month", "did COIN fall this month"),
        ("did GOOGL drop like a rock yesterday", "did GOOGL drop hard yesterday"),
        ("did MSFT nosedive in April", "did MSFT fall in April"),
        ("did semis rip this month", "did semis rise this month"),
        ("what's on a tear this month", "what is rising this month"),
        ("what popped today", "what rose today"),
        ("did AMZN catch a bid today", "did AMZN rise today"),
        ("did NFLX go to the moon in 2023", "did NFLX go higher in 2023"),
        ("who are the laggards this month", "who are the worst performers this month"),
        ("biggest fallers today", "biggest losers today"),
        ("how many green days did SPY have this month", "how many up days did SPY have this month"),
        ("how many red days did QQQ have in May", "how many down days did QQQ have in May"),
        ("how is the tape today", "how is the market today"),
        ("what's my book's P and L", "what's my book's pnl"),
        ("how bad is my bag in NVDA", "how bad is my position in NVDA"),
        ("how whippy is BTC", "how volatile is BTC"),
        ("how did the aussie do this week", "how did AUDUSD do this week"),
        ("how did spooz do today", "how did SPY do today"),
    ],
)
def test_a_saying_is_planned_as_its_plain_words(said: str, plainly: str, names: Universe) -> None:
    plan, plain = (plan_question(text, names, TODAY) for text in (said, plainly))
    assert plan.calls and plan.outcome == "answer", plan
    assert (plan.calls, plan.private) == (plain.calls, plain.private)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("what's bleeding today", "asc"),
        ("what crashed today", "asc"),
        ("what got slammed this week", "asc"),
        ("what's flying today", "desc"),
        ("what rose today", "desc"),
        ("which stocks are falling today", "asc"),
        ("which stocks are rallying today", "desc"),
    ],
)
def test_what_moved_is_ranked_in_its_direction(text: str, order: str, names: Universe) -> None:
    (call,) = plan_question(text, names, TODAY).calls
    assert (call.args["metric"], call.args["group"], call.args["order"]) == ("return", "equity", order)


@pytest.mark.parametrize(
    "text",
    [
        "biggest bounce today",
        "did SPY gap up today",
        "is NVDA flat this month",
        "did the market roll over this week",
        "did my book take a haircut this month",
        "did I get stopped out of anything",
        "paper hands",
        "am I a bagholder in NVDA",
    ],
)
def test_a_saying_of_two_meanings_is_asked_about(text: str, names: Universe) -> None:
    plan = plan_question(text, names, TODAY)
    assert (plan.outcome, plan.calls) == ("clarify", ()), plan


@pytest.mark.parametrize("verb", ["rising", "crashing", "rallying", "slipping", "dropping", "outperforming"])
def test_a_verb_in_ing_is_no_misspelt_run_or_size(verb: str, names: Universe) -> None:
    plan = plan_question(f"is SMH {verb} this week", names, TODAY)
    assert [call.name for call in plan.calls] == ["performance"], plan
    assert plan.notes == ()


def test_where_a_price_stands(names: Universe) -> None:
    (call,) = plan_question("where is GLD standing at now", names, TODAY).calls
    assert call.args == {"metric": "close", "symbols": ["GLD"], "period": {"name": "latest"}}


def test_a_word_in_capitals_may_be_a_symbol(names: Universe) -> None:
    assert plan_question("price of RIP", names, TODAY).calls[0].args["symbols"] == ["RIP"]


def test_no_saying_is_read_as_another_one() -> None:
    meant = {words for words in SAYINGS.values()}
    assert not meant & SAYINGS.keys()
