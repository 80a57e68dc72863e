"""The one repair round of a model's own SQL: fixed codes to the model, words to the person, no third try."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents.sql_repair import check_repairs, code_of, remark, reply_to_model
from core.domain.principal import Principal
from core.errors import BudgetExceeded, InvalidInput, SqlFailed, SqlRefused, Unavailable
from core.testing.model_stand_ins import ScriptedCall, ScriptedReply, model_stand_in
from tests.agents.test_graph import local_at
from tools.context import Desk

GOOD = "SELECT count(*) AS known FROM market_data.v_instruments i WHERE i.symbol = 'AAPL'"
# Casting the name of an instrument to a number fails on the value of a row.
ON_A_ROW = "SELECT i.name::numeric AS number FROM market_data.v_instruments i WHERE i.symbol = 'AAPL'"
REFUSED = "SELECT * FROM pg_catalog.pg_authid"
QUESTION = "compare AAPL and MSFT"


def sql(text: str) -> ScriptedReply:
    return ScriptedReply(calls=(ScriptedCall(name="run_sql", args={"sql": text}),))


def told(request: Any) -> dict[str, str]:
    return dict(json.loads(request.json()["messages"][-1]["content"]))


async def ask(open_assistant: Any, desk: Desk, person: Principal, settings_with: Any, script: list[Any]) -> Any:
    with model_stand_in(script) as local:
        async with open_assistant(providers=(local_at(local.url, settings_with),)) as assistant:
            answer = await assistant.ask(QUESTION, desk.ids.new("thr"), person, "test")
        return answer, local


@pytest.mark.parametrize(
    ("first", "code"),
    [(REFUSED, "relation"), (ON_A_ROW, "22P02"), ("SELECT i.x FROM market_data.v_instruments i", "column")],
)
async def test_a_failed_statement_is_mended_once_from_a_code(
    first: str, code: str, open_assistant: Any, desk: Desk, person: Principal, settings_with: Any
) -> None:
    script = [sql(first), sql(GOOD), ScriptedReply(text="It is known.")]
    answer, local = await ask(open_assistant, desk, person, settings_with, script)
    reply = told(local.requests[1])
    assert (set(reply), reply["code"]) == ({"error", "code", "hint"}, code)
    assert "Apple" not in json.dumps(reply)
    assert next(fact.value for fact in answer.facts if fact.name == "known") == 1
    # Both statements can be seen: the calls, and the text that ran.
    assert [call.args["sql"] for call in answer.tool_calls] == [first, GOOD] and len(answer.sql) == 1
    assert any("did not run" in note and "the one that is shown" in note for note in answer.notes)
    assert "did not run" in answer.as_markdown()


async def test_a_third_statement_does_not_run(
    open_assistant: Any, desk: Desk, person: Principal, settings_with: Any
) -> None:
    script = [sql(REFUSED), sql(ON_A_ROW), sql(GOOD), ScriptedReply(text="It could not be answered.")]
    answer, local = await ask(open_assistant, desk, person, settings_with, script)
    assert "do not write SQL again" in told(local.requests[2])["hint"]
    assert told(local.requests[3])["error"] == "budget_exceeded"
    assert answer.facts == () and answer.sql == ()
    assert any(note.startswith("Both statements of the model did not run") for note in answer.notes)


async def test_a_statement_that_runs_at_once_is_not_remarked_on(
    open_assistant: Any, desk: Desk, person: Principal, settings_with: Any
) -> None:
    answer, _ = await ask(open_assistant, desk, person, settings_with, [sql(GOOD), ScriptedReply(text="It is known.")])
    assert answer.facts and not any("did not run" in note for note in answer.notes)


def test_codes_are_rules_and_states_and_hints_hold_nothing_else() -> None:
    assert code_of(SqlRefused("secret 4711", rule="function")) == "function"
    assert code_of(SqlFailed("secret 4711", state="22012")) == "22012"
    assert code_of(Unavailable("secret 4711")) == "unavailable"
    for error in (SqlRefused("4711", rule="node"), SqlFailed("4711", state="XX000"), InvalidInput("4711")):
        for failures in (1, 2):
            assert "4711" not in json.dumps(reply_to_model(error, failures))


def test_one_failure_may_be_repaired_and_two_may_not() -> None:
    check_repairs(1)
    with pytest.raises(BudgetExceeded):
        check_repairs(2)
    assert remark(0, answered=True) == ""
    assert remark(1, answered=False).startswith("The statement of the model did not run")
