"""Ask questions whose answers are computed beforehand, on data that nobody has seen, and count what is right.

    make eval

A seed makes a world (`small_world.py`); the desk imports it, the assistant answers without a language model, and each
answer is compared with the truth (`execution_truth.py`): every value within 1e-9 of it, dates and names exactly.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).resolve().parent


def _beside(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


truths, small_world = _beside("execution_truth"), _beside("small_world")
questions = _beside("execution_questions")

if TYPE_CHECKING:
    from app.bootstrap import Parts

SEEDS = (1, 2)
RELATIVE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Hold a question with what became of it: right, wrong (answered otherwise) or asked back (no figure)."""

    category: str
    text: str
    verdict: str
    missing: str = ""
    said: str = ""


def is_same(value: Any, wanted: Any) -> bool:
    """Say whether a stated value is the truth: numbers within 1e-9 of it, texts and dates exactly."""
    if isinstance(value, bool) or isinstance(wanted, str) or isinstance(value, str) or value is None:
        return bool(value == wanted)
    return isclose(float(value), float(wanted), rel_tol=RELATIVE, abs_tol=1e-12)


def is_stated(answer: Any, wanted: Any) -> bool:
    """Say whether one part of a truth is among the facts, or the rows of a table, of an answer."""
    if isinstance(wanted, truths.Rows):
        return any(_holds(table.rows, wanted) for table in answer.tables)
    if isinstance(wanted, truths.Named):
        return any(wanted.name in fact.name and is_same(fact.value, wanted.value) for fact in answer.facts)
    return any(is_same(fact.value, wanted) for fact in answer.facts)


def _holds(rows: Sequence[Sequence[Any]], wanted: Any) -> bool:
    if len(rows) != len(wanted.rows) or any(len(row) <= max(wanted.columns) for row in rows):
        return False
    return all(
        is_same(row[column], value)
        for row, truth in zip(rows, wanted.rows, strict=True)
        for column, value in zip(wanted.columns, truth, strict=True)
    )


def judge(question: Any, answer: Any) -> Judged:
    """Compare an answer with the truth of its question."""
    missing = [wanted for wanted in question.truth if not is_stated(answer, wanted)]
    answered = bool(answer.facts or answer.tables)
    verdict = "right" if not missing else "wrong" if answered else "asked back"
    said = "; ".join(f"{fact.name}={fact.value}" for fact in answer.facts[:8]) if answered else answer.text
    return Judged(
        category=question.category,
        text=question.text,
        verdict=verdict,
        missing="; ".join(map(str, missing)),
        said=said,
    )


async def ask_all(parts: Parts, asked: Sequence[Any]) -> list[Judged]:
    """Ask every question in a conversation of its own, without a language model."""
    from agents.graph import Assistant
    from core.domain.principal import Principal

    person = Principal(id="usr_ada", name="Ada", kind="person", scopes=frozenset({"read", "trade"}))
    assistant = Assistant(parts.desk, parts.dsn, providers=())
    await assistant.open()
    try:
        return [
            judge(question, await assistant.ask(question.text, parts.desk.ids.new("thr"), person, "eval"))
            for question in asked
        ]
    finally:
        await assistant.close()


@contextmanager
def world_desk(dsn: str, home: Path, seed: int) -> Iterator[tuple[Parts, Any]]:
    """Open a desk on a migrated, empty database, import the world of a seed into it, and give both."""
    from app.bootstrap import Parts
    from core.settings import Settings

    parts = Parts(Settings(QUANTDESK_HOME=home), dsn)  # type: ignore[call-arg]
    world = small_world.make_world(seed)
    try:
        small_world.store_world(parts, world, home / f"world_{seed}")
        yield parts, world
    finally:
        parts.desk.query.close()
        parts.database.close()


def measured(home: Path, seeds: Sequence[int] = SEEDS) -> dict[int, list[Judged]]:
    """Ask every question of every seed on a server of its own in `home`."""
    import psycopg
    from psycopg.conninfo import make_conninfo

    from app.runtime.postgres import ensure_postgres
    from core.adapters.store.migrations import migrate

    found = {}
    with ensure_postgres(home) as server:
        for seed in seeds:
            name = f"world_{seed}"
            with psycopg.connect(server.dsn, autocommit=True) as admin:
                admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
                admin.execute(f"CREATE DATABASE {name}".encode())
            dsn = make_conninfo(server.dsn, dbname=name)
            migrate(dsn)
            with world_desk(dsn, home, seed) as (parts, world):
                found[seed] = asyncio.run(ask_all(parts, questions.make_questions(world)))
    return found


def table(found: dict[int, list[Judged]]) -> list[str]:
    """Return the lines of a table: for each category and seed how many are right, wrong and asked back."""
    head = " | ".join(f"seed {seed}: right | wrong | asked back" for seed in found)
    lines = [f"| executed | questions | {head} |", "|---|---:|" + "---:|---:|---:|" * len(found)]
    categories = list(dict.fromkeys(one.category for part in found.values() for one in part))
    for category in (*categories, "all"):
        cells = []
        for part in found.values():
            counts = Counter(one.verdict for one in part if category in ("all", one.category))
            cells.append([counts[verdict] for verdict in ("right", "wrong", "asked back")])
        asked = "/".join(dict.fromkeys(str(sum(row)) for row in cells))
        lines.append(f"| {category} | {asked} | {' | '.join(str(count) for row in cells for count in row)} |")
    return lines


def report(found: dict[int, list[Judged]]) -> list[str]:
    """Return the lines of the page: what was measured, the table, and every question that was not right."""
    lines = [
        "## Execution accuracy",
        "",
        "Questions in plain words on worlds drawn from a seed (prices as traded with splits and dividends, macro"
        " vintages, reports, releases, news, a book), imported as files and answered without a language model. *Right*:"
        " every figure within 1e-9 of the truth, which `tests/evals/execution_truth.py` computes from the drawn"
        " arrays by formulas of its own; dates and names exactly. *Wrong*: other figures came back. The product was"
        " repaired on these questions, so this is a regression measure, not a forecast.",
        "",
        *table(found),
    ]
    missed: dict[str, list[str]] = defaultdict(list)
    for seed, part in found.items():
        for one in part:
            if one.verdict != "right":
                missed[f"{one.verdict}: {one.text}"].append(str(seed))
    lines += [
        "" if missed else "Nothing was missed.",
        *(f"- {text} (seed {' and '.join(seeds)})" for text, seeds in sorted(missed.items())),
    ]
    return lines
