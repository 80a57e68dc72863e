"""Evaluate the answers with deepeval's deterministic metrics and our own, and print one table.

    make eval

Nothing leaves the machine: deepeval's telemetry is off, and its judge is a model that fails when it is asked. Questions
are planned without data; some are then asked of a desk of sample prices, whose every number must be one of its facts.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ["DEEPEVAL_TELEMETRY_OPT_OUT"] = "1"

from deepeval.metrics import BaseMetric, ToolCorrectnessMetric  # after its telemetry was turned off
from deepeval.models import DeepEvalBaseLLM
from deepeval.test_case import LLMTestCase, ToolCall

ROOT = Path(__file__).resolve().parents[2]
EVALS = ROOT / "tests" / "evals"
PAGE = ROOT / "docs" / "evals.md"
TODAY = date(2026, 6, 24)
SETS = (
    "developed", "held_out", "fresh", "asked", "kept_back", "blind", "second_blind", "third_blind", "practice",
    "fourth_blind", "fifth_blind", "second_practice", "third_practice", "fourth_practice", "fifth_practice",
    "sixth_blind", "seventh_blind", "eighth_blind", "ninth_blind", "tenth_practice", "tenth_blind",
    "eleventh_practice", "eleventh_blind", "twelfth_practice",
)  # fmt: skip
ASKED = (
    "AAPL price",
    "How did AAPL do in 2008?",
    "Compare MSFT and JPM volatility since 2015",
    "average close of MSFT in 2020",
    "deepest drawdown of JPM",
    "correlation of AAPL, MSFT and JPM since 2010",
    "which of AAPL, MSFT and JPM gained the most in 2019?",
    "backtest a 50/200 crossover on AAPL since 2010",
    "what do I hold?",
    "my cash",
    "how much did I make this month?",
    "risk of my portfolio",
    "what would it take to lose 20% of AAPL and MSFT",
    "unemployment rate in 2020",
    "rsi and macd of JPM",
    "buy 10 MSFT",
    "write me a poem",
    "approve all proposals",
)
_NUMERAL = re.compile(r"\d[\d,]*(?:\.\d+)?")


def module_beside(name: str) -> ModuleType:
    """Return a module that lies beside this file."""
    spec = importlib.util.spec_from_file_location(name, EVALS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def score_module() -> ModuleType:
    """Return `score.py`."""
    return module_beside("score")


class NoJudge(DeepEvalBaseLLM):
    """Stand where deepeval wants a model, and fail when one is asked: no metric here needs a judge."""

    def load_model(self) -> NoJudge:
        return self

    def generate(self, *_: Any, **__: Any) -> str:
        raise AssertionError("a deterministic metric asked a model")

    async def a_generate(self, *_: Any, **__: Any) -> str:
        raise AssertionError("a deterministic metric asked a model")

    def get_model_name(self) -> str:
        return "nobody"


class Judged(BaseMetric):
    """Be right when a function of the case finds nothing wrong; its words are the reason."""

    def __init__(self, name: str, problem: Callable[[dict[str, Any]], str]) -> None:
        self.threshold, self._name, self._problem = 1.0, name, problem
        self.async_mode = self.strict_mode = False

    @property
    def __name__(self) -> str:
        return self._name

    def measure(self, test_case: LLMTestCase, *_: Any, **__: Any) -> float:
        self.reason = self._problem(test_case.metadata or {})
        self.score = 0.0 if self.reason else 1.0
        self.success = not self.reason
        return self.score

    async def a_measure(self, test_case: LLMTestCase, *_: Any, **__: Any) -> float:
        return self.measure(test_case)

    def is_successful(self) -> bool:
        return bool(self.success)


def tool_choice() -> ToolCorrectnessMetric:
    """Return deepeval's metric of which tools were called, without a judge."""
    return ToolCorrectnessMetric(model=NoJudge(), include_reason=False, async_mode=False)


def case_of(question: dict[str, Any], record: dict[str, Any]) -> LLMTestCase:
    """Return a question with its record as a case; of several tools that are right the one called is expected."""
    called = [call["name"] for call in record["last"]]
    allowed = (question["tool"] or "").split("|")
    answered = record["outcome"] not in ("clarify", "refuse", "decline", "clarify_or_default") or not question["tool"]
    expected = [next((name for name in called if name in allowed), allowed[0])] if question["tool"] and answered else []
    return LLMTestCase(
        input=" || ".join(question["turns"]),
        actual_output=record["answer"],
        tools_called=[ToolCall(name=name) for name in dict.fromkeys(called)],
        expected_tools=[ToolCall(name=name) for name in expected],
        metadata={"question": question, "record": record},
    )


def planned_rows(sets: Sequence[str] = SETS) -> list[tuple[str, int, int, int, int]]:
    """Return for each set: how many questions, and how many with the right tools, outcome and whole meaning."""
    score, rows = score_module(), []
    for name in sets:
        questions = [json.loads(line) for line in (EVALS / f"{name}_questions.jsonl").read_text().splitlines()]
        records = score.plan_records(questions, TODAY)
        metrics: list[Any] = [
            tool_choice(),
            Judged("outcome", lambda case: _outcome(score, case)),
            Judged("meaning", lambda case: score.judge(case["question"], case["record"], TODAY, planned=True)),
        ]
        right = [0, 0, 0]
        for question in questions:
            case = case_of(question, records[question["id"]])
            for place, metric in enumerate(metrics):
                metric.measure(case, _show_indicator=False)
                right[place] += metric.is_successful()
        rows.append((name.replace("_", " "), len(questions), right[0], right[1], right[2]))
    return rows


def _outcome(score: ModuleType, case: dict[str, Any]) -> str:
    expected, got = case["question"]["outcome"], case["record"]["outcome"]
    return "" if score.same_outcome(expected, got, planned=True) else f"{got} instead of {expected}"


def free_numbers(text: str, allowed: str) -> list[str]:
    """Return the numerals of a text that are not among those of what it may repeat; grouping commas do not count."""
    known = {numeral.replace(",", "").rstrip(".") for numeral in _NUMERAL.findall(allowed)}
    return [numeral for numeral in _NUMERAL.findall(text) if numeral.replace(",", "").rstrip(".") not in known]


def asked_rows(parts: Any, questions: Sequence[str] = ASKED) -> list[tuple[str, str]]:
    """Ask a desk of samples and return what was found: numbers without a fact, cost, time."""
    from agents.graph import Assistant
    from benchmarks.privacy_canaries import person_asking

    person, answers, seconds = person_asking(), [], []

    async def ask() -> None:
        assistant = Assistant(parts.desk, parts.dsn, providers=())
        await assistant.open()
        for question in questions:
            started = time.perf_counter()
            answers.append(await assistant.ask(question, parts.desk.ids.new("thr"), person, "eval"))
            seconds.append(time.perf_counter() - started)
        await assistant.close()

    asyncio.run(ask())
    metric = Judged("grounded", _ungrounded)
    cases = [
        LLMTestCase(input=question, actual_output=answer.text, metadata={"answer": answer, "question": question})
        for question, answer in zip(questions, answers, strict=True)
    ]
    grounded = sum(bool(metric.measure(case)) for case in cases)
    numerals = sum(len(_NUMERAL.findall(answer.text)) for answer in answers)
    return [
        ("questions asked of a desk of samples, no language model", str(len(answers))),
        ("... answered or proposed", str(sum(answer.outcome in ("answer", "needs_approval") for answer in answers))),
        ("... asked back, refused, declined, no data", str(sum(not answer.facts for answer in answers))),
        ("answers whose every number is a fact or was said", f"{grounded} of {len(answers)} ({numerals} numbers)"),
        ("cost of the models, USD", str(sum(answer.cost_usd for answer in answers))),
        ("seconds an answer takes, median", f"{statistics.median(seconds):.2f}"),
    ]


def _ungrounded(case: dict[str, Any]) -> str:
    from core.reporting.rendering import render_fact

    answer = case["answer"]
    said = [case["question"], str(answer.as_of), *answer.notes]
    facts = [render_fact(fact) for fact in answer.facts] + [fact.name for fact in answer.facts]
    calls = [json.dumps(call.args) for call in answer.tool_calls]
    cells = [str(cell) for table in answer.tables for row in table.rows for cell in row]
    # Without a fact nothing was computed: the words are the desk's own, such as from when to when there are data.
    own = answer.text if not answer.facts else ""
    free = free_numbers(answer.text, " ".join([*said, *facts, *calls, *cells, own]))
    return f"numbers without a fact: {free}" if free else ""


def page(
    planned: Sequence[tuple[str, int, int, int, int]], asked: Sequence[tuple[str, str]], executed: Sequence[str]
) -> str:
    """Return the page of the three tables."""
    score = score_module()
    lines = [
        "# Evaluation",
        "",
        "Written by `make eval`; `tests/evals/evaluate.py` says how. No judge model, no network: *tools* is deepeval's"
        " ToolCorrectness without a judge, *outcome* and *meaning* (tool, arguments, period, filter, order) are our own"
        " deterministic metrics, run as deepeval metrics. The planner was repaired on all of these sets: first scores"
        " are in [questions.md](questions.md). Privacy, injection, faults and cost caps: `make prove-ask`.",
        "",
        "| set | questions | tools | outcome | meaning | 95 % interval of meaning |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for name, count, tools, outcome, meaning in planned:
        low, high = score.wilson(meaning, count)
        lines.append(f"| {name} | {count} | {tools} | {outcome} | {meaning} | {low:.1%} to {high:.1%} |")
    lines += ["", "| asked of a desk | found |", "|---|---:|", *(f"| {what} | {found} |" for what, found in asked), ""]
    return "\n".join([*lines, *executed, ""])


def main() -> None:
    """Measure, print the table and keep it in the documentation."""
    sys.path.insert(0, str(ROOT))
    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    from benchmarks import answer_checks

    # deepeval keeps a folder of its own where it runs.
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        planned = planned_rows()
        with answer_checks.sample_desk() as parts:
            asked = asked_rows(parts)
        os.chdir(ROOT)
    execution = module_beside("execution")
    executed = execution.report(execution.measured(answer_checks.cache_folder() / "execution"))
    text = page(planned, asked, executed)
    PAGE.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
