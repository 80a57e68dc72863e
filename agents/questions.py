"""Answer a file of questions, one JSON line each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.answer import Answer
from agents.graph import Assistant
from core.domain.as_of import AsOf
from core.domain.principal import Principal
from core.errors import InvalidInput, QuantdeskError
from tools.context import Desk


class Question(BaseModel):
    """Hold one question of a file; other fields of the line are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    turns: tuple[str, ...] = Field(min_length=1)


def read_questions(path: Path) -> tuple[Question, ...]:
    """Return the questions of a file; raise InvalidInput naming the line that does not fit."""
    if not path.is_file():
        raise InvalidInput(f"There is no file {path}.", hint="Give a .jsonl file with `id` and `turns` in each line.")
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            found.append(Question.model_validate_json(line))
        except ValidationError as error:
            raise InvalidInput(f"{path.name}, line {number}: expected an object with `id` and `turns`.") from error
    return tuple(found)


def answer_file(
    path: Path, desk: Desk, dsn: str, *, principal: Principal, face: str = "cli", as_of: AsOf | None = None
) -> Iterator[dict[str, Any]]:
    """Yield one record a question: {id, answer, tool_calls, sql, facts, label, route, outcome}.

    All turns of a question are asked in one fresh thread; the record is of the last turn, with the tool calls and
    SQL of all. A question that fails inside gives the outcome `failed`, the others go on.
    """
    questions = read_questions(path)
    with asyncio.Runner() as runner:
        records = _records(questions, desk, dsn, principal, face, as_of)
        try:
            while True:
                try:
                    yield runner.run(_next(records))
                except StopAsyncIteration:
                    return
        finally:
            runner.run(records.aclose())  # type: ignore[attr-defined]  # an async generator


async def _next(records: AsyncIterator[dict[str, Any]]) -> dict[str, Any]:
    return await anext(records)


async def _records(
    questions: tuple[Question, ...], desk: Desk, dsn: str, principal: Principal, face: str, as_of: AsOf | None
) -> AsyncIterator[dict[str, Any]]:
    assistant = Assistant(desk, dsn)
    try:
        for question in questions:
            thread = desk.ids.new("thr")
            answers: list[Answer] = []
            try:
                for turn in question.turns:
                    answers.append(await assistant.ask(turn, thread, principal, face, as_of=as_of))
            except QuantdeskError as error:
                yield {
                    "id": question.id,
                    "answer": str(error),
                    "tool_calls": [],
                    "sql": [],
                    "facts": [],
                    "label": "private",
                    "route": "offline",
                    "outcome": "failed",
                }
                continue
            yield record_of(question.id, answers)
    finally:
        await assistant.close()


def record_of(question_id: str, answers: list[Answer]) -> dict[str, Any]:
    """Return the line of a question: the last answer, with the tool calls and SQL of all turns."""
    last = answers[-1]
    return {
        "id": question_id,
        "answer": last.as_markdown(),
        "tool_calls": [call.model_dump(mode="json") for answer in answers for call in answer.tool_calls],
        "sql": [statement for answer in answers for statement in answer.sql],
        "facts": [fact.model_dump(mode="json") for fact in last.facts],
        "label": last.label,
        "route": last.route,
        "outcome": last.outcome,
    }


def as_line(record: dict[str, Any]) -> str:
    """Return a record as one line of JSON."""
    return json.dumps(record, ensure_ascii=False, allow_nan=False)
