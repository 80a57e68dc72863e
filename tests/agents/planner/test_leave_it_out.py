"""Words that the desk asks about are left out when a person says so; a figure or an order needs all of its own."""

from __future__ import annotations

from datetime import date

import pytest

from agents.planner.asides import LEAVE_IT_OUT, is_to_leave_out, without_words
from agents.planner.plan import Plan
from agents.planner.planner import plan_conversation, plan_question
from agents.planner.universe import Universe

TODAY = date(2026, 6, 24)


def last(names: Universe, *turns: str) -> Plan:
    return plan_conversation(turns, names, TODAY)


UNCLEAR = "How has flurbish AAPL done this year?"
CLEAR = "How has AAPL done this year?"


def test_the_desk_offers_to_leave_a_word_out(names: Universe) -> None:
    asked = last(names, UNCLEAR)
    assert asked.outcome == "clarify" and "“flurbish”" in asked.say and asked.say.endswith(LEAVE_IT_OUT)
    assert not asked.calls


@pytest.mark.parametrize(
    "words",
    ["leave it out", "Leave it out, please.", "yes", "ok", "just ignore it", "drop that word", "skip it then",
     "yes, answer the rest", "fine, without it", "Never mind that.", "take it out"],
)  # fmt: skip
def test_what_is_left_is_answered_as_if_it_were_asked(names: Universe, words: str) -> None:
    found = last(names, UNCLEAR, words)
    assert found.outcome == "answer" and found.calls == plan_question(CLEAR, names, TODAY).calls
    assert "Left out: “flurbish”." in found.notes


def test_the_next_turn_goes_on_from_the_answer(names: Universe) -> None:
    found = last(names, UNCLEAR, "leave it out", "and MSFT?")
    assert found.calls == last(names, CLEAR, "and MSFT?").calls and found.calls


@pytest.mark.parametrize(
    "question",
    [
        "sell flurbish 10 AAPL",  # an order is not guessed at
        "AAPL close flurbish 55",  # a figure would be dropped too
        "is it flurbish",  # nothing would be left
        "flurbish",
    ],
)
def test_nothing_is_offered_where_the_rest_is_no_question(names: Universe, question: str) -> None:
    asked = last(names, question)
    assert asked.outcome != "answer" and LEAVE_IT_OUT not in asked.say
    assert not last(names, question, "leave it out").calls


@pytest.mark.parametrize("words", ["yes", "leave it out", "ok"])
def test_a_yes_to_nothing_does_nothing(names: Universe, words: str) -> None:
    assert not last(names, words).calls
    assert last(names, CLEAR, words).outcome == "clarify"


@pytest.mark.parametrize(
    "question",
    ["leave out the banks", "yes, buy 10 AAPL", "ok and in 2020?", "ignore the fees", "skip 2008", "without TSLA"],
)
def test_a_wish_about_the_question_itself_is_no_consent(question: str) -> None:
    assert not is_to_leave_out(question)


def test_words_go_as_a_whole() -> None:
    assert (
        without_words("the principal's principals like Principal funds", ["principal"]) == "the principals like funds"
    )
    assert without_words("close of AAPL", ["2020"]) == ""
    assert without_words("close of AAPL", []) == ""
    assert without_words("close of AAPL", ["open"]) == ""
