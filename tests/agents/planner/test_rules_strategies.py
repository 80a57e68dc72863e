"""What is said about one's own strategies becomes the call that a person would make by hand."""

from __future__ import annotations

from datetime import date

import pytest

from agents.planner.planner import plan_question
from agents.planner.rules_strategies import _name, _terms
from agents.planner.universe import Universe
from agents.router import classify, plan_label

TODAY = date(2022, 11, 29)


@pytest.mark.parametrize(
    ("question", "tool", "arguments"),
    [
        ("Scan my strategies", "scan_strategies", {}),
        ("what do my strategies say?", "scan_strategies", {}),
        ("please check our enabled strategies", "scan_strategies", {}),
        ("scan my strategy “Soft drinks”", "scan_strategies", {"strategy": "Soft drinks"}),
        (
            "enable a pair strategy on KO and PEP",
            "save_strategy",
            {"name": "pair KO PEP", "strategy": "pair", "symbols": ["KO", "PEP"]},
        ),
        (
            'Enable a pair strategy on KO and PEP called "Soft drinks" with 20% and a 5% stop.',
            "save_strategy",
            {
                "name": "Soft drinks",
                "strategy": "pair",
                "symbols": ["KO", "PEP"],
                "weight": 0.2,
                "stop_loss": 0.05,
            },
        ),
        (
            "activate an sma crossover strategy on AAPL",
            "save_strategy",
            {"name": "sma crossover AAPL", "strategy": "sma_crossover", "symbols": ["AAPL"]},
        ),
        ("enable my strategy “Soft drinks”", "save_strategy", {"name": "Soft drinks"}),
        ("disable my strategy “Soft drinks”", "save_strategy", {"name": "Soft drinks", "enabled": False}),
    ],
)
def test_a_sentence_becomes_one_call_that_stays_on_this_machine(names, question, tool, arguments):
    plan = plan_question(question, names, TODAY)
    assert [(call.name, call.args) for call in plan.calls] == [(tool, arguments)]
    assert plan.outcome == "answer" and classify(question, plan, names) == "private"


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("disable the strategy", "quotation marks"),
        ("enable a strategy on KO and PEP", "Which strategy"),
        ("enable a strategy", "on which symbols"),
    ],
)
def test_what_is_missing_is_asked_for(names, question, said):
    plan = plan_question(question, names, TODAY)
    assert plan.outcome == "clarify" and said in plan.say and plan.calls == ()


@pytest.mark.parametrize(
    "question",
    ["scan stocks for rsi(14) < 30", "backtest a pair strategy on KO and PEP", "run the strategy on KO", "check KO"],
)
def test_other_questions_are_left_to_other_rules(names: Universe, question):
    plan = plan_question(question, names, TODAY)
    assert not {call.name for call in plan.calls} & {"scan_strategies", "save_strategy"}


@pytest.mark.parametrize(
    "question",
    [
        "which of my stops rest at the broker?",
        "which stops are resting at the broker and which are watched",
        "what protects my strategies",
        "how are my strategies protected?",
    ],
)
def test_what_protects_strategies_is_private_and_asked_of_the_books(names: Universe, question):
    plan = plan_question(question, names, TODAY)
    assert [call.name for call in plan.calls] == ["strategy_stops"]
    assert plan_label(plan) == "private"


@pytest.mark.parametrize("question", ["with a 5% stop", "what is a stop order", "buy 10 KO with a stop at 50"])
def test_other_stops_are_left_to_other_rules(names: Universe, question):
    assert "strategy_stops" not in {call.name for call in plan_question(question, names, TODAY).calls}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("scan my strategies", None),
        ("disable my strategy “Soft drinks”", "Soft drinks"),
        ('disable my strategy "Soft drinks"', "Soft drinks"),
        ("disable my strategy Banks", "Banks"),
        ("enable a pair strategy on KO and PEP called Fizz", "Fizz"),
        ("enable a pair strategy on KO and PEP named Fizz with 10%", "Fizz"),
        ("enable a pair strategy on KO and PEP", None),
        ("disable the strategy", None),
    ],
)
def test_a_name_is_what_stands_in_quotation_marks_or_after_called(text, name):
    assert _name(text) == name


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("enable it", {}),
        ("enable it with 10%", {"weight": 0.1}),
        ("enable it with 10 percent and a stop of 5%", {"weight": 0.1, "stop_loss": 0.05}),
        ("enable it at 2.5% with a 7.5% stop", {"weight": 0.025, "stop_loss": 0.075}),
        ("enable it with a stop-loss of 8 %", {"stop_loss": 0.08}),
    ],
)
def test_shares_and_stops_are_read_from_percentages(text, terms):
    assert _terms(text) == pytest.approx(terms)
