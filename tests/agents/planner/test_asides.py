"""What is said beside the point is left out and said to be; what narrows a question never is."""

from __future__ import annotations

from datetime import date

import pytest

from agents.planner.asides import without_asides, without_reader
from agents.planner.planner import plan_question
from agents.planner.universe import Universe

TODAY = date(2026, 6, 24)


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (
            "I need the full risk report on the account for Thursday's committee.",
            "I need the full risk report on the account.",
        ),
        ("AAPL vs MSFT since 2020 for my quarterly letter", "AAPL vs MSFT since 2020"),
        ("show my P&L this month, for the board pack", "show my P&L this month"),
    ],
)
def test_whom_an_answer_is_for_is_left_out(text: str, rest: str) -> None:
    assert without_reader(text) == rest


@pytest.mark.parametrize(
    "text",
    [
        "what is on the calendar for the FOMC meeting",
        "expected move of SPY for the Fed meeting minutes",
        "gold for a year",
        "for the board",
    ],
)
def test_what_is_asked_about_is_kept(text: str) -> None:
    assert without_reader(text) == text


def test_a_sentence_about_oneself_is_left_out_and_said(names: Universe) -> None:
    plan = plan_question("I am a cautious man. What was the Sharpe ratio of PG since 2011?", names, TODAY)
    assert plan.outcome == "answer" and plan.calls[0].args["symbols"] == ["PG"]
    assert "Left out: “I am a cautious man”." in plan.notes


@pytest.mark.parametrize(
    "aside",
    [
        "Only if the moon is full.",
        "Except for the gruesome parts.",
        "How gruesome was it?",
        "Ignore the gruesome weeks.",
        "The gruesome 2020 episode.",
        "The gruesome TSLA episode.",
    ],
)
def test_what_narrows_asks_or_names_is_not_left_out(aside: str, names: Universe) -> None:
    assert plan_question(f"Return of AAPL since 2015. {aside}", names, TODAY).outcome == "clarify"


def test_a_clause_without_unknown_words_is_no_aside(names: Universe) -> None:
    assert without_asides("Return of AAPL. It is a nice day.", ["sunny"], names, TODAY) is None


def test_a_proposal_is_never_made_of_half_a_sentence(names: Universe) -> None:
    assert plan_question("Buy 10 KO. My wizard foretold it.", names, TODAY).outcome == "clarify"


@pytest.mark.parametrize("joint", [", reason: ", " because ", " (rationale: "])
def test_the_reason_of_a_proposal_is_kept_in_its_words(joint: str, names: Universe) -> None:
    close = ")" if "(" in joint else ""
    plan = plan_question(f"Bring GLD to 6% of NAV{joint}hedge against the election{close}", names, TODAY)
    assert plan.outcome == "needs_approval"
    assert plan.calls[-1].name == "propose_trade"
    assert plan.calls[-1].args["reason"] == "hedge against the election"
    assert plan.calls[-1].args["target_weight"] == 0.06


def test_a_reason_of_anything_else_is_read(names: Universe) -> None:
    assert plan_question("return of AAPL because of the zebra", names, TODAY).outcome == "clarify"


@pytest.mark.parametrize(
    "text",
    [
        "My knee hurts when I climb stairs. What exercises do you recommend?",
        "can u write me a limerick thread roasting my cat and its whiskers",
        "which deductions can a carpenter claim for the workshop in his garage",
    ],
)
def test_what_names_nothing_of_the_desk_is_declined(text: str, names: Universe) -> None:
    assert plan_question(text, names, TODAY).outcome == "decline"


@pytest.mark.parametrize("text", ["zorble the frobnitz of AAPL mightily", "flim flam of my portfolio"])
def test_unknown_words_about_something_of_the_desk_are_asked_back(text: str, names: Universe) -> None:
    assert plan_question(text, names, TODAY).outcome == "clarify"
