"""Prove the answers: score questions offline, and measure what stands around a model.

Faults, privacy, grounding, the SQL guard and latency run on a desk of samples of their own.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from collections import defaultdict
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks import answer_checks, answer_tables, privacy_canaries
from benchmarks.prove import ROOT, SHARED, Steps, desk_home, table

# The day of which the shared folder has most news, beside prices before and after it.
TODAY = date(2026, 6, 17)
NOW = f"{TODAY}T21:00:00+00:00"
ATTACKS = 500
ATTACKS_A_STEP = 50
LATENCY_QUESTIONS = 50
SETS = {
    "shared development questions": SHARED / "questions" / "dev_questions.jsonl",
    "our held-back questions": ROOT / "tests" / "evals" / "held_out_questions.jsonl",
}


def measure(steps: Steps) -> str:
    """Ask every set on the desk that the data part filled, with the demo book and the clock frozen."""
    home = desk_home()
    if not (home / "postgres").is_dir():
        raise SystemExit("The data part fills the desk that is asked: run `python -m benchmarks.prove data` first.")
    from app.runtime.postgres import ensure_postgres

    with ensure_postgres(home):
        steps.do("demo book", lambda: _command(home, "--as-of", NOW, "demo", "load")[0])
        answers = {name: steps.do(name, lambda path=path: _ask(home, path)) for name, path in SETS.items()}
    lines = [
        "## Answers: questions asked of the product, no language model",
        "",
        f"`quantdesk ask --file QUESTIONS --json --as-of {TODAY}` on the imported folder above with the demo book;"
        " that is the day of which the folder has most news."
        " *Outcome*: it answered, asked back, refused or proposed as expected. *Meaning*: also the expected tool,"
        " metric, symbols, period, filter, order and privacy label (`tests/evals/score.py`). The planner was written"
        " with the development questions in view; the held-back ones are the fairer figure."
        " Intervals: 95 %, Wilson (1927).",
    ]
    for name, path in SETS.items():
        lines += ["", *_score(name, path, answers[name])]
    return "\n".join([*lines, "", *_around_a_model(steps)])


def _around_a_model(steps: Steps) -> list[str]:
    """Run the checks on a sample desk, each part a step of its own, and return their tables."""
    questions = [json.loads(line)["turns"] for line in SETS["shared development questions"].read_text().splitlines()]
    chosen = answer_checks.attacks(ATTACKS)
    parts = [chosen[start : start + ATTACKS_A_STEP] for start in range(0, ATTACKS, ATTACKS_A_STEP)]
    probes = list(range(len(privacy_canaries.PROBES)))
    with answer_checks.sample_desk() as desk:
        steps.do("latency", lambda: answer_checks.latency(desk, [turns[0] for turns in questions][:LATENCY_QUESTIONS]))
        steps.do("grounding", lambda: answer_checks.grounding(answer_checks.sample_results(desk)))
        steps.do("faults", lambda: answer_checks.provider_faults(desk))
        steps.do("labels", lambda: answer_checks.mutations(desk, probes))
        for number, part in enumerate(parts):
            steps.do(f"attacks {number}", lambda part=part: answer_checks.privacy(desk, part, []))
        steps.do("asked with canaries", lambda: answer_checks.privacy(desk, [], questions))
    steps.do("sql", answer_checks.sql_sets)
    attacked = [steps.do(f"attacks {number}", dict) for number in range(len(parts))]
    lines = answer_tables.latency(steps.do("latency", dict))
    lines += answer_tables.grounding(steps.do("grounding", dict))
    lines += answer_tables.faults(steps.do("faults", list))
    lines += answer_tables.privacy(
        attacked, steps.do("asked with canaries", dict), steps.do("labels", list), len(chosen)
    )
    return [*lines, *answer_tables.sql(steps.do("sql", dict))]


def _command(home: Path, *arguments: str) -> tuple[str, int]:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "--home", str(home), "--json", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout.strip():
        raise SystemExit(f"{' '.join(arguments)} said nothing:\n{done.stderr[-2000:]}")
    return done.stdout, done.returncode


def _ask(home: Path, path: Path) -> dict[str, Any]:
    started = time.perf_counter()
    printed, _ = _command(home, "--as-of", NOW, "ask", "--file", str(path))
    records = [json.loads(line) for line in printed.splitlines()]
    kept = ("id", "outcome", "label", "tool_calls", "answer", "route")
    return {
        "seconds": time.perf_counter() - started,
        "records": [{key: record[key] for key in kept} for record in records],
    }


def _scorer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("score", ROOT / "tests" / "evals" / "score.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _score(name: str, path: Path, asked: dict[str, Any]) -> list[str]:
    scorer = _scorer()
    questions = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    records = {record["id"]: record for record in asked["records"]}
    outcomes: dict[str, list[bool]] = defaultdict(list)
    meanings: dict[str, list[bool]] = defaultdict(list)
    wrong = []
    for question in questions:
        record = records.get(question["id"])
        outcome = bool(record) and scorer.same_outcome(question["outcome"], record["outcome"], planned=False)
        problem = scorer.judge(question, record, TODAY, planned=False) if record else "no answer"
        for group in (question["category"], "all"):
            outcomes[group].append(outcome)
            meanings[group].append(not problem)
        if problem:
            wrong.append(f"- {question['id']} *{' / '.join(question['turns'])}*: {problem}")
    rows = []
    for group in [*sorted(set(outcomes) - {"all"}), "all"]:
        low, high = scorer.wilson(sum(meanings[group]), len(meanings[group]))
        rows.append(
            (
                group,
                len(outcomes[group]),
                sum(outcomes[group]),
                sum(meanings[group]),
                f"{100 * low:.0f} to {100 * high:.0f} %",
            )
        )
    lines = [
        f"### {name[0].upper()}{name[1:]}",
        "",
        f"{len(questions)} questions in {asked['seconds']:.0f} s.",
        "",
        table(("category", "questions", "right outcome", "right meaning", "interval of meaning"), rows),
    ]
    return [*lines, *(["", "Wrong:", "", *wrong] if wrong else [])]
