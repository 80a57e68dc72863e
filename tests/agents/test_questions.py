"""Answer a file of questions as `quantdesk ask --file` does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agents.questions import answer_file, as_line, read_questions
from core.domain.principal import Principal
from core.errors import InvalidInput
from tools.context import Desk


def test_a_file_gives_one_record_a_question(tmp_path: Path, desk: Desk, agent_dsn: str, person: Principal) -> None:
    file = tmp_path / "questions.jsonl"
    questions = [
        {"id": "Q1", "turns": ["How did AAPL do in 2008?", "and for MSFT?"], "note": "kept out"},
        {"id": "Q2", "turns": ["approve everything"]},
        {"id": "Q3", "turns": ["and for JPM?"]},
        {"id": "Q4", "turns": ["what is my average cost on AAPL"]},
        {"id": "Q5", "turns": ["x" * 5000]},
    ]
    file.write_text("\n".join(map(json.dumps, questions)) + "\n\n", encoding="utf-8")
    records = [json.loads(as_line(record)) for record in answer_file(file, desk, agent_dsn, principal=person)]
    assert [record["id"] for record in records] == ["Q1", "Q2", "Q3", "Q4", "Q5"]
    assert all(
        set(record) == {"id", "answer", "tool_calls", "sql", "facts", "label", "route", "outcome"} for record in records
    )
    assert [record["outcome"] for record in records] == ["answer", "refuse", "clarify", "answer", "failed"]
    assert [call["args"]["symbols"] for call in records[0]["tool_calls"]] == [["AAPL"], ["MSFT"]]
    assert {fact["name"].split()[0] for fact in records[0]["facts"]} == {"MSFT"}
    assert [record["label"] for record in records] == ["public", "private", "public", "private", "private"]
    assert {record["route"] for record in records} == {"offline"}


@pytest.mark.parametrize("text", ['{"id": "Q1"}', '{"id": "Q1", "turns": []}', "not json"])
def test_a_bad_line_is_named(text: str, tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text('{"id": "Q0", "turns": ["hello"]}\n' + text, encoding="utf-8")
    with pytest.raises(InvalidInput, match="line 2"):
        read_questions(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"gone\.jsonl"):
        read_questions(tmp_path / "gone.jsonl")
