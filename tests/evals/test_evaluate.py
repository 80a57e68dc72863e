"""The evaluation itself: no judge is asked, wrong is counted wrong, a number without a fact is seen."""

from __future__ import annotations

import importlib.util
import os
import socket
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def evaluate(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    pytest.importorskip("deepeval")
    spec = importlib.util.spec_from_file_location("evaluate", HERE / "evaluate.py")
    assert spec is not None and spec.loader is not None
    module, before = importlib.util.module_from_spec(spec), Path.cwd()
    os.chdir(tmp_path_factory.mktemp("deepeval"))
    try:
        spec.loader.exec_module(module)
    finally:
        os.chdir(before)
    return module


def question(tool: str | None, outcome: str = "answer") -> dict[str, Any]:
    return {"id": "X1", "category": "prices", "turns": ["a"], "outcome": outcome, "tool": tool, "args": {}}


def record(*names: str, outcome: str = "answer") -> dict[str, Any]:
    calls = [{"name": name, "args": {}} for name in names]
    return {"outcome": outcome, "answer": "", "tool_calls": calls, "last": calls}


@pytest.mark.parametrize(
    ("tool", "outcome", "called", "got", "right"),
    [
        ("performance", "answer", ["performance"], "answer", True),
        ("performance|query_metric", "answer", ["query_metric"], "answer", True),
        ("performance", "answer", ["backtest"], "answer", False),
        ("performance", "answer", [], "answer", False),
        (None, "clarify", [], "clarify", True),
        (None, "refuse", ["propose_trade"], "answer", False),
        ("run_sql", "answer|clarify", [], "clarify", True),
    ],
)
def test_deepevals_tool_choice_agrees_with_what_is_plain_to_see(
    tool: str | None, outcome: str, called: list[str], got: str, right: bool, evaluate: ModuleType
) -> None:
    metric = evaluate.tool_choice()
    metric.measure(evaluate.case_of(question(tool, outcome), record(*called, outcome=got)), _show_indicator=False)
    assert metric.is_successful() is right


def test_a_judge_that_is_asked_fails_the_evaluation(evaluate: ModuleType) -> None:
    with pytest.raises(AssertionError, match="asked a model"):
        evaluate.NoJudge().generate("is this right?")


def test_no_address_is_looked_up_and_nothing_is_connected(
    evaluate: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise AssertionError("the evaluation used the network")

    monkeypatch.setattr(socket, "getaddrinfo", stop)
    monkeypatch.setattr(socket.socket, "connect", stop)
    (row,) = evaluate.planned_rows(("fresh",))
    assert row[0] == "fresh" and row[1] == 58
    # The tools are part of the meaning, so that cannot be right more often.
    assert 55 <= row[4] <= row[3] <= 58


@pytest.mark.parametrize(
    ("text", "allowed", "free"),
    [
        ("AAPL closed at 1,234.50 USD.", "fact 1234.50", []),
        ("AAPL closed at 1,234.50 USD.", "fact 1234.51", ["1,234.50"]),
        ("It rose 12.", "12", []),
        ("It rose 12 % in 2020.", "12.0 %", ["12", "2020"]),
        ("Nothing is known.", "", []),
    ],
)
def test_a_number_that_is_no_fact_is_seen(text: str, allowed: str, free: list[str], evaluate: ModuleType) -> None:
    assert evaluate.free_numbers(text, allowed) == free


def test_an_answer_with_an_invented_number_is_not_grounded(evaluate: ModuleType) -> None:
    from datetime import UTC, datetime

    from core.domain.facts import Fact
    from core.reporting.rendering import render_fact

    moment = datetime(2020, 1, 2, tzinfo=UTC)
    fact = Fact(
        id="fct_1", run="run_1", name="AAPL total return", value=-0.569, unit="ratio", as_of=moment, label="public"
    )
    common = {"as_of": moment, "notes": (), "facts": (fact,), "tool_calls": (), "tables": ()}
    honest = SimpleNamespace(text=f"AAPL returned {render_fact(fact)}.", **common)
    lying = SimpleNamespace(text="AAPL returned -56.81 %.", **common)
    assert evaluate._ungrounded({"answer": honest, "question": "AAPL?"}) == ""
    assert "56.81" in evaluate._ungrounded({"answer": lying, "question": "AAPL?"})


def test_the_page_shows_wilsons_interval(evaluate: ModuleType) -> None:
    text = evaluate.page([("made", 60, 60, 58, 57)], [("questions", "3")], ["## Execution accuracy"])
    assert "## Execution accuracy" in text
    assert "| made | 60 | 60 | 58 | 57 | 86.3% to 98.3% |" in text and "| questions | 3 |" in text
