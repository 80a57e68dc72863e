"""Answers as Markdown, records of questions, the outcome of a turn, and the budget of tool calls."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from agents.answer import Answer, Event, ToolFinished, ToolStarted
from agents.planner.plan import Call, Plan
from agents.planner.universe import Universe
from agents.questions import as_line, read_questions, record_of
from agents.router import call_label, plan_label
from agents.steps import _run, after_check, after_model, make_answer, person_sentence
from agents.turn import MOST_TOOL_CALLS, Turn
from core.domain.as_of import AsOf
from core.domain.facts import Column, Fact, Table, ToolResult
from core.domain.principal import Principal
from core.errors import (
    BudgetExceeded,
    InvalidInput,
    NoData,
    QuantdeskError,
    Refused,
    ServiceError,
    Unavailable,
    UnknownName,
)

MOMENT = datetime(2026, 6, 24, 20, 5, tzinfo=UTC)


def answer(**values: Any) -> Answer:
    given = {"text": "Said.", "outcome": "answer", "route": "offline", "label": "public", "as_of": MOMENT}
    return Answer(**{**given, "clock": "live", **values})


def table(*rows: tuple[Any, ...], title: str = "", name: str = "news", truncated: bool = False) -> Table:
    columns = (Column(name="headline", unit="text"), Column(name="value", unit="ratio"))
    return Table(name=name, title=title, columns=columns, rows=rows, truncated=truncated)


@pytest.mark.parametrize(
    ("cell", "printed"),
    [
        ("a | b", "a \\| b"),
        ("<script>alert(1)</script>", "\\<script\\>alert(1)\\</script\\>"),
        ("[click](http://x.example)", "\\[click\\](http://x.example)"),
        ("![x](http://x.example)", "!\\[x\\](http://x.example)"),
        ("two\nlines", "two lines"),
        ("`code` *bold*", "\\`code\\` \\*bold\\*"),
        ("back\\slash", "back\\\\slash"),
        ("| --- | --- |\n| fake | row |", "\\| --- \\| --- \\| \\| fake \\| row \\|"),
        (None, "n/a"),
    ],
)
def test_a_hostile_cell_stays_in_its_cell(cell: str | None, printed: str) -> None:
    lines = answer(tables=(table((cell, 0.5)),)).as_markdown().splitlines()
    assert lines == [
        "Said.",
        "",
        "**news**",
        "",
        "| headline | value |",
        "| :--- | ---: |",
        f"| {printed} | 50.00% |",
    ]


@pytest.mark.parametrize(
    ("rows", "shown", "remark"),
    [
        (0, 0, ""),
        (1, 1, ""),
        (12, 12, ""),
        (13, 12, "1 more row not shown."),
        (40, 12, "28 more rows not shown."),
    ],
)
def test_only_the_first_rows_are_shown(rows: int, shown: int, remark: str) -> None:
    text = answer(tables=(table(*(("x", 0.1) for _ in range(rows))),)).as_markdown()
    assert text.count("| x |") == shown
    assert ("not shown" in text) == bool(remark) and remark in text


def test_a_cut_table_says_so() -> None:
    assert "cut at the row limit" in answer(tables=(table(("x", 0.1), truncated=True),)).as_markdown()


def test_only_three_tables_are_shown() -> None:
    text = answer(tables=tuple(table(("x", 0.1), title=f"Title {n}") for n in "abcde")).as_markdown()
    assert [n for n in "abcde" if f"**Title {n}**" in text] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "Said."),
        ({"notes": ("Delayed.",)}, "Said.\n\nDelayed."),
        ({"notes": ("Said.",)}, "Said."),
        ({"sources": ("a", "b")}, "Said.\n\nSource: a; b."),
        ({"sources": tuple("abcdefgh")}, "Said.\n\nSource: a; b; c; d; e; f."),
        ({"runs": ("run_1",)}, "Said.\n\nAs of 2026-06-24 20:05 UTC; offline planner."),
        (
            {"runs": ("run_1",), "clock": "replay", "model": "m", "notes": ("N.",), "sources": ("s",)},
            "Said.\n\nN. As of 2026-06-24 20:05 UTC (the desk replays the past); m. Source: s.",
        ),
    ],
)
def test_remarks_and_sources_follow(values: dict[str, Any], expected: str) -> None:
    assert answer(**values).as_markdown() == expected


def result(label: str = "public", run: str = "run_1", **values: Any) -> ToolResult:
    return ToolResult(run=run, tool="t", label=label, as_of=MOMENT, **values)  # type: ignore[arg-type]


def fact(value: float) -> Fact:
    return Fact(id="fct_1", run="run_1", name="n", value=value, unit="number", as_of=MOMENT, label="public")


def test_a_record_holds_the_last_answer_and_the_calls_of_all_turns() -> None:
    first = answer(text="One", tool_calls=(Call(name="a", args={"x": 1}),), sql=("select 1",), label="private")
    last = answer(text="Two", tool_calls=(Call(name="b"),), sql=("select 2",), facts=(fact(1.5),))
    record = json.loads(as_line(record_of("Q1", [first, last])))
    assert (record["id"], record["answer"], record["label"]) == ("Q1", "Two", "public")
    assert record["tool_calls"] == [{"name": "a", "args": {"x": 1}}, {"name": "b", "args": {}}]
    assert record["sql"] == ["select 1", "select 2"]
    assert [one["value"] for one in record["facts"]] == [1.5]


@pytest.mark.parametrize("text", ["naïve – “quoted”", "line\nbreak", 'say "x"', "日本", "\u2028"])
def test_a_record_is_one_line_and_comes_back(text: str) -> None:
    line = as_line({"answer": text})
    assert "\n" not in line
    assert json.loads(line) == {"answer": text}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_no_json(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        as_line({"x": value})


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", []),
        ("\n  \n", []),
        ('{"id": "a", "turns": ["x"]}', ["a"]),
        ('\n{"id": "a", "turns": ["x"]}\r\n\n{"id": "b", "turns": ["x", "y"], "more": 1}\n', ["a", "b"]),
        ('{"id": "a", "turns": ["x"]}\n{"id": "a", "turns": ["y"]}', ["a", "a"]),
    ],
)
def test_question_files(text: str, ids: list[str], tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text(text, encoding="utf-8")
    assert [question.id for question in read_questions(file)] == ids


@pytest.mark.parametrize(
    "line",
    ["[]", "1", "null", "{", '{"turns": ["x"]}', '{"id": 1, "turns": ["x"]}', '{"id": "a", "turns": "x"}',
     '{"id": "a", "turns": [1]}', '{"id": "a", "turns": null}', '{"id": null, "turns": ["x"]}'],
)  # fmt: skip
@pytest.mark.parametrize("before", [0, 2])
def test_the_line_that_does_not_fit_is_named(line: str, before: int, tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text('\n{"id": "ok", "turns": ["x"]}' * before + ("\n" if before else "") + line, encoding="utf-8")
    number = 1 if not before else before + 2
    with pytest.raises(InvalidInput, match=rf"q\.jsonl, line {number}: expected an object"):
        read_questions(file)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no file"):
        read_questions(tmp_path)


def turn(names: Universe, events: list[Event] | None = None, **values: Any) -> Turn:
    seen = events if events is not None else []
    return Turn(
        desk=None,  # type: ignore[arg-type]  # no tool is reached here
        principal=Principal(id="usr_ada", name="Ada", kind="person", scopes=frozenset({"read"})),
        face="test",
        thread_id="thr_1",
        question="q",
        question_id="qst_1",
        universe=names,
        today=date(2026, 6, 24),
        as_of=AsOf(known=MOMENT),
        emit=seen.append,
        **values,
    )


@pytest.mark.parametrize("extra", [1, 2, 5])
async def test_a_call_over_the_budget_is_not_run(extra: int, names: Universe) -> None:
    events: list[Event] = []
    one = turn(names, events)
    one.calls = [(str(n), "performance", {}) for n in range(MOST_TOOL_CALLS + extra)]
    reply = json.loads(await _run(one, "last", "performance", {"symbols": ["KO"]}))
    assert reply == {"error": "budget_exceeded", "hint": "A limit was reached; ask for less."}
    assert isinstance(one.errors["last"], BudgetExceeded) and one.results == {}
    assert isinstance(events[-1], ToolFinished) and str(MOST_TOOL_CALLS) in str(events[-1].error)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (NoData("x"), "no_data"),
        (UnknownName("x", "y"), "no_data"),
        (Refused("x", rule="r"), "refuse"),
        (InvalidInput("x"), "clarify"),
        (ServiceError("x"), "failed"),
        (Unavailable("x"), "failed"),
    ],
)
def test_the_outcome_of_an_error(error: QuantdeskError, outcome: str, names: Universe) -> None:
    one = turn(names, errors={"1": error}, plan=Plan(outcome="answer"))
    assert make_answer(one).outcome == outcome
    one.results["2"] = result()
    assert make_answer(one).outcome == "answer"


@pytest.mark.parametrize(
    ("route", "planned", "found", "outcome"),
    [
        ("offline", "clarify", False, "clarify"),
        ("offline", "clarify", True, "clarify"),
        ("cloud", "clarify", False, "answer"),
        ("cloud", "clarify", True, "answer"),
        ("cloud", "refuse", False, "refuse"),
        ("local", "decline", False, "decline"),
        ("offline", "decline", False, "decline"),
        ("offline", "answer", True, "answer"),
        ("local", "needs_approval", False, "answer"),
    ],
)
def test_the_outcome_of_a_plan(route: Any, planned: Any, found: bool, outcome: str, names: Universe) -> None:
    one = turn(names, route=route, plan=Plan(outcome=planned), results={"1": result()} if found else {})
    assert make_answer(one).outcome == outcome


@pytest.mark.parametrize("route", ["offline", "local", "cloud"])
def test_a_proposal_always_needs_approval(route: Any, names: Universe) -> None:
    one = turn(names, route=route, plan=Plan(outcome="answer"), results={"1": result(proposal_id="prp_1")})
    made = make_answer(one)
    assert (made.outcome, made.proposal_ids) == ("needs_approval", ("prp_1",))


@pytest.mark.parametrize(("error", "outcome"), [(Refused("x", rule="r"), "refuse"), (InvalidInput("x"), "clarify")])
def test_a_failed_proposal_is_none(error: QuantdeskError, outcome: str, names: Universe) -> None:
    one = turn(names, plan=Plan(outcome="needs_approval"), results={"1": result()}, errors={"2": error})
    assert make_answer(one).outcome == outcome


def test_an_answer_names_each_source_and_note_once(names: Universe) -> None:
    results = {n: result(run=f"run_{n}", sources=("s", n), notes=("same",), sql=("q",)) for n in "ab"}
    made = make_answer(turn(names, results=results, replay=True))
    assert (made.sources, made.notes, made.sql) == (("s", "a", "b"), ("same",), ("q", "q"))
    assert (made.runs, made.clock, made.as_of) == (("run_a", "run_b"), "replay", MOMENT)


@pytest.mark.parametrize("error", [RuntimeError("x"), QuantdeskError("secret 4711")])
def test_inner_errors_tell_a_person_nothing(error: Any) -> None:
    assert "secret" not in person_sentence(error)


def test_a_person_reads_their_own_mistake_with_its_hint() -> None:
    text = person_sentence(InvalidInput("There is no such day.", hint="Give another."))
    assert "There is no such day." in text


def test_where_a_turn_goes_next() -> None:
    from langchain_core.messages import AIMessage, HumanMessage

    call = AIMessage(content="", tool_calls=[{"name": "performance", "args": {}, "id": "1"}])
    assert after_model({"messages": [call], "label": "public"}) == "policy"
    for message in (AIMessage(content="text"), HumanMessage(content="text")):
        assert after_model({"messages": [message], "label": "public"}) == "ground"


@pytest.mark.parametrize(("text", "step"), [("done", "answer"), ("", "model")])
def test_without_text_the_model_is_asked_again(text: str, step: str, names: Universe) -> None:
    class Running:
        context = turn(names, text=text)

    assert after_check({"messages": [], "label": "public"}, Running()) == step  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("calls", "label"),
    [
        ((), "public"),
        ((("performance", {"symbols": ["KO"]}),), "public"),
        ((("performance", {}), ("portfolio", {})), "private"),
        ((("risk_report", {"target": "symbols", "symbols": []}),), "private"),
        ((("risk_report", {"target": "symbols", "symbols": ["KO"]}),), "public"),
        ((("stress", {"target": "portfolio", "crises": ["covid_2020"]}),), "private"),
        ((("stress", {"target": "symbols", "symbols": ["KO"], "shocks": "SPY -10%"}),), "public"),
        ((("reverse_stress", {"loss": 0.1}),), "private"),
        ((("run_sql", {"sql": "SELECT 1 FROM Desk.model_calls"}),), "private"),
        ((("run_sql", {"sql": "select * from chat\n.threads"}),), "private"),
        ((("query_metric", {}),), "public"),
        ((("size_position", {"symbol": "KO"}),), "private"),
    ],
)
def test_the_label_of_a_plan(calls: tuple[tuple[str, dict[str, Any]], ...], label: str) -> None:
    plan = Plan(outcome="answer", calls=tuple(Call(name=name, args=args) for name, args in calls))
    assert plan_label(plan) == label
    assert all(call_label(name, args) == "public" for name, args in calls) == (label == "public")


def test_events_name_their_kind() -> None:
    assert ToolStarted(call_id="1", name="t").kind == "tool_started"
    assert ToolFinished(call_id="1", name="t").model_dump()["kind"] == "tool_finished"
