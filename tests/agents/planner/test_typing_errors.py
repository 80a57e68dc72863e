"""Typing errors: read where one known word is clearly meant, asked about where two are, never guessed for orders."""

import importlib.util
import json
import sys
from collections import Counter
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

from agents.planner.planner import plan_conversation, plan_question
from agents.planner.reading import misspellings
from agents.planner.spelling import closest, edits
from agents.planner.universe import Universe

EVALS = Path(__file__).resolve().parents[2] / "evals"
TODAY = date(2026, 6, 24)


@pytest.fixture(scope="module")
def errors() -> ModuleType:
    spec = importlib.util.spec_from_file_location("typing_errors", EVALS / "typing_errors.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclass looks for its annotations
    spec.loader.exec_module(module)
    return module


def test_most_damaged_questions_plan_the_same_and_hardly_any_another(errors: ModuleType, names: Universe) -> None:
    questions = [
        json.loads(line)["turns"]
        for name in ("fresh_questions", "ninth_practice_questions", "asked_questions", "ninth_blind_questions")
        for line in (EVALS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    found = list(errors.damaged(questions, names, TODAY, seed=3))
    counts = Counter(one.result for one in found)
    assert len(found) > 300
    assert counts["same"] >= 0.82 * len(found), counts
    other = [(" || ".join(one.turns), one.after.calls) for one in found if one.result == "different"]
    assert len(other) <= 0.015 * len(found), other


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("hihgest prise of netflx in 2024", "highest price of netflix in 2024"),
        ("lwoest prcie of teslla in 2023", "lowest price of tesla in 2023"),
        ("candelstick chrat of appel last 3 mnths", "candlestick chart of apple last 3 months"),
        ("AAPL's biggest one-day dorp since 2010", "AAPL's biggest one-day drop since 2010"),
        ("largest positino", "largest position"),
        ("gbm on ETH 90 days without driift", "gbm on ETH 90 days without drift"),
        ("newz on exonn mobil", "news on exxon mobil"),
        ("headlnes about taiwann", "headlines about taiwan"),
        ("morgage rate rite now", "mortgage rate right now"),
        (
            "bakctest buy and hodl TQQQ with 15% traling stop frm 2018",
            "backtest buy and hold TQQQ with 15% trailing stop from 2018",
        ),
        (
            "TLT volatility in 2023, and its correlatoin with SPY",
            "TLT volatility in 2023, and its correlation with SPY",
        ),
        ("btc price, and my cahs", "btc price, and my cash"),
        ("nvidias price", "nvidia's price"),
        ("most volatile bond funds this yeaar", "most volatile bond funds this year"),
        ("lesat volatile bond funds this year", "least volatile bond funds this year"),
        (
            "Compare the Sortino ratois of SCHD and VIG since 2015",
            "Compare the Sortino ratios of SCHD and VIG since 2015",
        ),
    ],
)
def test_a_misspelt_question_is_planned_as_the_well_spelt_one(wrong: str, right: str, names: Universe) -> None:
    plan = plan_question(wrong, names, TODAY)
    assert plan.calls
    assert plan.calls == plan_question(right, names, TODAY).calls


def test_the_answer_says_how_a_word_was_read(names: Universe) -> None:
    assert "Read “candelstick” as “candlestick”." in plan_question("candelstick chart of SPY", names, TODAY).notes
    # An apostrophe that is missing needs no word.
    assert plan_question("nvidias price", names, TODAY).notes == ()


@pytest.mark.parametrize(
    "question",
    [
        "price of AAPL lest year",  # last or least
        "the losd of SPY in 2022",
        "htree best stocks this year",
        "calibrate eston to QQQ",  # Heston or Eaton
        "simulate SPY for tow months",
        "scan stocks with rsi under thirdy",
    ],
)
def test_a_word_near_two_meanings_or_none_and_a_number_are_asked_about(question: str, names: Universe) -> None:
    plan = plan_question(question, names, TODAY)
    assert (plan.outcome, plan.calls) == ("clarify", ())


@pytest.mark.parametrize(
    "question",
    ["propose uying 10 MSFT", "vlose out my Tesla", "buy 10 exonn mobil", "sell 10 AAPL stpo 180 limmti 170"],
)
def test_nothing_is_guessed_of_an_order(question: str, names: Universe) -> None:
    plan = plan_question(question, names, TODAY)
    assert (plan.outcome, plan.calls) == ("clarify", ())


@pytest.mark.parametrize(
    ("question", "side"),
    [
        ("closse my sol", "sell"),
        ("byu 10 AAPL", "buy"),
        ("selll 5 telsa", "sell"),
        ("buy ten shres of mircosoft", "buy"),
    ],
)
def test_one_clear_error_in_an_order_is_read_and_said(question: str, side: str, names: Universe) -> None:
    plan = plan_question(question, names, TODAY)
    assert (plan.outcome, plan.calls[0].args["side"]) == ("needs_approval", side)
    assert plan.notes


def test_words_of_ordinary_english_and_finance_are_no_typing_errors(names: Universe) -> None:
    words = (
        "beginning adds heating filings lesser clams convexity contango collar straddle notional capex outcome "
        "timed anchored rewards tension leverage Klarna Nestle Toyota Lidl brought campaign material revenue"
    )
    assert [one.written for one in misspellings(words, names)] == []


def test_names_that_somebody_gave_stay_as_written(names: Universe) -> None:
    for question in ('disable my strategy "momentm"', "disable my strategy called momentm"):
        assert plan_question(question, names, TODAY).calls[0].args["name"] == "momentm", question


def test_likely_errors_are_nearer_than_unlikely_ones() -> None:
    # Swapped neighbours and doubled letters, then keys side by side, then anything else.
    assert edits("chrat", "chart") == edits("apple", "aple") == 0.6
    assert edits("pricw", "price") == 1.0
    assert edits("pricl", "price") == pytest.approx(1.7)
    assert edits("orice", "price") == pytest.approx(1.4)
    assert closest("traling", {"trailing", "trading"}) == "trailing"
    assert closest("tracing", {"tracking", "trading"}) is None


def test_a_turn_that_changes_a_question_not_understood_is_asked_back(names: Universe) -> None:
    for turns in (
        ["backtest a 50/200 crzqs on SPY", "now on IWM"],
        ["top 5 performing tech blorps this year", "same for energy"],
        ["flibber of SPY", "with QQQ instead"],
    ):
        plan = plan_conversation(turns, names, TODAY)
        assert (plan.outcome, plan.calls) == ("clarify", ()), turns
    # What stands by itself is answered.
    assert plan_conversation(["flibber of SPY", "price of QQQ"], names, TODAY).calls
