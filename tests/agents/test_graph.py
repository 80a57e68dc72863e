"""Run the whole graph on sample data: offline, with models behind stand-ins, over restarts."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from agents.answer import Done, RouteChosen, TextChunk, ToolFinished, ToolStarted
from agents.graph import Assistant
from agents.grounding import REFERENCE
from agents.models import anthropic, ollama
from agents.models.provider import Provider
from core.adapters.store.database import Database
from core.adapters.store.model_calls import ModelCallStore, ModelCaps
from core.domain.principal import Principal
from core.errors import InvalidInput, Unavailable
from core.reporting.rendering import render_fact
from core.settings import Settings
from core.testing.model_stand_ins import ScriptedCall, ScriptedReply, model_stand_in
from tools.context import Desk

MakeSettings = Callable[..., Settings]
PERFORMANCE = ScriptedReply(
    calls=(ScriptedCall(name="performance", args={"symbols": ["AAPL"], "start": "2008-01-01", "end": "2008-12-31"}),)
)
PORTFOLIO = ScriptedReply(calls=(ScriptedCall(name="portfolio", args={}),))


def cloud_at(url: str, settings_with: MakeSettings) -> Provider:
    found = anthropic.provider(settings_with(ANTHROPIC_API_KEY="test", ANTHROPIC_BASE_URL=url))
    assert found is not None
    return found


def local_at(url: str, settings_with: MakeSettings) -> Provider:
    found = ollama.provider(settings_with(OLLAMA_HOST=url))
    assert found is not None
    return found


def tool_content(body: dict[str, Any]) -> dict[str, Any]:
    """Return the newest tool result in a request of Anthropic or Ollama."""
    for message in reversed(body["messages"]):
        content = message["content"]
        if message["role"] == "tool":
            return dict(json.loads(content))
        if isinstance(content, list):
            for block in content:
                if block.get("type") == "tool_result":
                    inner = block["content"]
                    return dict(json.loads(inner if isinstance(inner, str) else inner[0]["text"]))
    raise AssertionError("The request holds no tool result.")


def honest(body: dict[str, Any]) -> ScriptedReply:
    """Answer with a reference to the first fact that is a percentage."""
    facts = tool_content(body)["facts"]
    chosen = next(one for one in facts if one["name"].endswith("total return"))
    return ScriptedReply(text=f"Apple returned {chosen['write']} over the period.")


async def test_offline_answers_with_facts(open_assistant: Any, desk: Desk, person: Principal) -> None:
    async with open_assistant(providers=()) as assistant:
        answer = await assistant.ask("How did AAPL do in 2008?", desk.ids.new("thr"), person, "test")
    assert (answer.outcome, answer.route, answer.label, answer.clock) == ("answer", "offline", "public", "replay")
    assert [call.name for call in answer.tool_calls] == ["performance"]
    returned = next(fact for fact in answer.facts if fact.name == "AAPL total return")
    assert render_fact(returned) in answer.text
    # Apple lost 57 % in 2008 (close 198.08 on 2007-12-31 to 85.35 on 2008-12-31 before later splits).
    assert isinstance(returned.value, float)
    assert returned.value == pytest.approx(85.35 / 194.84 - 1, abs=0.02)
    assert not REFERENCE.search(answer.text)
    assert answer.charts
    assert answer.sql


async def test_events_come_in_order(open_assistant: Any, desk: Desk, person: Principal) -> None:
    async with open_assistant(providers=()) as assistant:
        events = [event async for event in assistant.stream("AAPL price", desk.ids.new("thr"), person, "test")]
    kinds = [type(event) for event in events]
    assert kinds[0] is RouteChosen
    assert kinds.index(ToolStarted) < kinds.index(ToolFinished) < kinds.index(TextChunk)
    assert kinds[-1] is Done
    done = events[-1]
    assert isinstance(done, Done)
    assert "".join(event.text for event in events if isinstance(event, TextChunk)) == done.answer.text


async def test_a_thread_survives_a_restart(open_assistant: Any, desk: Desk, person: Principal) -> None:
    thread = desk.ids.new("thr")
    async with open_assistant(providers=()) as assistant:
        await assistant.ask("How did AAPL do in 2008?", thread, person, "test")
    async with open_assistant(providers=()) as assistant:
        answer = await assistant.ask("and for MSFT?", thread, person, "test")
    assert answer.tool_calls[0].args == {"symbols": ["MSFT"], "start": "2008-01-01", "end": "2008-12-31"}


async def test_the_checkpoints_stand_in_the_chat_schema(
    open_assistant: Any, desk: Desk, agent_dsn: str, person: Principal
) -> None:
    thread = desk.ids.new("thr")
    async with open_assistant(providers=()) as assistant:
        await assistant.ask("hello", thread, person, "test")
    with psycopg.connect(agent_dsn) as connection:
        found = connection.execute("SELECT count(*) FROM chat.checkpoints WHERE thread_id = %s", (thread,)).fetchone()
        public = connection.execute("SELECT to_regclass('public.checkpoints')").fetchone()
    assert found is not None and found[0] > 0
    assert public == (None,)


async def test_the_label_of_a_thread_never_falls(
    open_assistant: Any, desk: Desk, person: Principal, settings_with: MakeSettings
) -> None:
    thread = desk.ids.new("thr")
    with model_stand_in([ScriptedReply(text="I am a cloud.")]) as cloud:
        async with open_assistant(providers=(cloud_at(cloud.url, settings_with),)) as assistant:
            first = await assistant.ask("what do I own?", thread, person, "test")
            second = await assistant.ask("How did AAPL do in 2008?", thread, person, "test")
        assert (first.label, second.label) == ("private", "private")
        assert (first.route, second.route) == ("offline", "offline")
        assert cloud.requests == []


async def test_a_cloud_model_answers_public_questions_with_references(
    open_assistant: Any, desk: Desk, person: Principal, settings_with: MakeSettings
) -> None:
    with model_stand_in([PERFORMANCE, honest]) as cloud:
        async with open_assistant(providers=(cloud_at(cloud.url, settings_with),)) as assistant:
            answer = await assistant.ask("How did AAPL do in 2008?", desk.ids.new("thr"), person, "test")
    assert (answer.route, answer.outcome) == ("cloud", "answer")
    returned = next(fact for fact in answer.facts if fact.name == "AAPL total return")
    assert answer.text == f"Apple returned {render_fact(returned)} over the period."


async def test_a_lying_model_gets_no_number_through(
    open_assistant: Any, desk: Desk, person: Principal, settings_with: MakeSettings
) -> None:
    lie = ScriptedReply(text="Apple gained 13.37 percent and $4,242 on top.")
    with model_stand_in([PERFORMANCE, lie, lie]) as cloud:
        async with open_assistant(providers=(cloud_at(cloud.url, settings_with),)) as assistant:
            answer = await assistant.ask("How did AAPL do in 2008?", desk.ids.new("thr"), person, "test")
        assert len(cloud.requests) == 3
        assert b"13.37" in cloud.requests[2].body  # it was told which numbers were refused
    assert "13.37" not in answer.text
    assert "4,242" not in answer.text
    assert "AAPL returned" in answer.text  # the desk's own words over the same facts
    assert answer.tables


async def test_a_corrected_model_is_shown(
    open_assistant: Any, desk: Desk, person: Principal, settings_with: MakeSettings
) -> None:
    with model_stand_in([PERFORMANCE, ScriptedReply(text="Down 99.99%."), honest]) as cloud:
        async with open_assistant(providers=(cloud_at(cloud.url, settings_with),)) as assistant:
            answer = await assistant.ask("How did AAPL do in 2008?", desk.ids.new("thr"), person, "test")
    assert answer.text.startswith("Apple returned -5")
    assert answer.route == "cloud"


async def test_a_private_result_never_goes_to_the_cloud(
    open_assistant: Any, desk: Desk, agent_dsn: str, person: Principal, settings_with: MakeSettings
) -> None:
    """The cloud asks for the portfolio in a public thread: the result goes to the local model only."""
    thread = desk.ids.new("thr")
    held = desk.books.holdings(desk.books.account(None).account_id, _now(desk))
    canaries = [f'{position.quantity.normalize():f}"' for position in held.positions] + [
        f"{held.cash:,.2f}",
        f"{held.nav:,.2f}",
    ]
    with (
        model_stand_in([PORTFOLIO]) as cloud,
        model_stand_in([ScriptedReply(text="You hold these positions.")]) as local,
    ):
        providers = (cloud_at(cloud.url, settings_with), local_at(local.url, settings_with))
        async with open_assistant(providers=providers) as assistant:
            answer = await assistant.ask("compare AAPL and MSFT", thread, person, "test")
            again = await assistant.ask("thanks", thread, person, "test")
        assert (answer.route, answer.label, again.label) == ("local", "private", "private")
        assert len(cloud.requests) == 1
        for canary in canaries:
            assert canary.encode() not in cloud.received()
        seen = local.received()
        assert f"{held.cash:,.2f}".encode() in seen  # the same canary is seen where it may be


async def test_private_intents_reach_no_cloud_even_without_a_local_model(
    open_assistant: Any, desk: Desk, person: Principal, settings_with: MakeSettings
) -> None:
    with model_stand_in([ScriptedReply(text="no")]) as cloud:
        async with open_assistant(providers=(cloud_at(cloud.url, settings_with),)) as assistant:
            for question in (
                "what is my average cost on AAPL",
                "pnl today",
                "sell 5 MSFT",
                "risk report please",
                "I hold 4711 shares of XYZW",
            ):
                answer = await assistant.ask(question, desk.ids.new("thr"), person, "test")
                assert (answer.route, answer.label) == ("offline", "private"), question
        assert cloud.requests == []


async def test_models_that_are_down_leave_the_planner(
    open_assistant: Any, desk: Desk, person: Principal, settings_with: MakeSettings
) -> None:
    with model_stand_in([ScriptedReply(fault="overloaded", retry_after="0")]) as cloud:
        async with open_assistant(providers=(cloud_at(cloud.url, settings_with),)) as assistant:
            answer = await assistant.ask("How did AAPL do in 2008?", desk.ids.new("thr"), person, "test")
    assert (answer.route, answer.outcome) == ("offline", "answer")
    assert "AAPL returned" in answer.text


async def test_arithmetic_on_facts_is_done_by_code_and_is_a_fact(
    open_assistant: Any, desk: Desk, person: Principal, settings_with: MakeSettings
) -> None:
    def subtract(body: dict[str, Any]) -> ScriptedReply:
        shown = [one["write"] for one in tool_content(body)["facts"] if one["value"].endswith("%")]
        ids = [write.strip("{}").removeprefix("fact:") for write in shown[:2]]
        return ScriptedReply(calls=(ScriptedCall(name="calculate", args={"operation": "difference", "facts": ids}),))

    def say(body: dict[str, Any]) -> ScriptedReply:
        return ScriptedReply(text=f"Apple did better by {tool_content(body)['facts'][0]['write']}.")

    with model_stand_in([PERFORMANCE, subtract, say]) as cloud:
        async with open_assistant(providers=(cloud_at(cloud.url, settings_with),)) as assistant:
            answer = await assistant.ask("How did AAPL do in 2008?", desk.ids.new("thr"), person, "test")
    assert [call.name for call in answer.tool_calls] == ["performance", "calculate"], answer.notes
    assert len(answer.runs) == 2, answer
    gap = answer.facts[-1]
    first, second = (
        next(fact for fact in answer.facts if fact.id == identity) for identity in answer.tool_calls[1].args["facts"]
    )
    assert gap.value == float(first.value or 0) - float(second.value or 0)
    assert answer.text == f"Apple did better by {render_fact(gap)}."
    assert answer.route == "cloud"


@pytest.mark.parametrize("fault", ["rate_limit", "overloaded", "cut", "bad_tool_json"])
async def test_a_fault_of_the_cloud_is_said_and_the_desk_answers(
    fault: Any, open_assistant: Any, desk: Desk, person: Principal, settings_with: MakeSettings
) -> None:
    broken = ScriptedReply(text="Half an", calls=PERFORMANCE.calls, fault=fault, retry_after="0")
    with model_stand_in([broken]) as cloud:
        async with open_assistant(providers=(cloud_at(cloud.url, settings_with),)) as assistant:
            answer = await assistant.ask("How did AAPL do in 2008?", desk.ids.new("thr"), person, "test")
    assert (answer.route, answer.outcome) == ("offline", "answer")
    assert "AAPL returned" in answer.text
    said = ("anthropic did not answer", "The stream of anthropic", "anthropic sent")
    assert any(note.startswith(said) for note in answer.notes)


async def test_the_same_question_of_the_same_time_costs_once(
    open_assistant: Any, desk: Desk, own_sample_dsn: str, person: Principal, settings_with: MakeSettings
) -> None:
    database = Database(own_sample_dsn)
    caps = ModelCaps(question_usd=Decimal(1), person_day_usd=Decimal(1), day_usd=Decimal(1))
    ledger = ModelCallStore(database, caps)
    with model_stand_in([PERFORMANCE, honest]) as cloud:
        async with open_assistant(providers=(cloud_at(cloud.url, settings_with),), ledger=ledger) as assistant:
            first, second = [
                await assistant.ask("How did AAPL do in 2008?", desk.ids.new("thr"), person, "test") for _ in range(2)
            ]
        assert len(cloud.requests) == 2
    database.close()
    assert first.cost_usd == 2 * Decimal(11 * 3 + 7 * 15) / 1_000_000
    assert second.cost_usd == 0
    assert (second.text, second.route) == (first.text, "cloud")
    assert {fact.run for fact in second.facts} == set(second.runs) != set(first.runs)  # its own run's facts


async def test_a_spent_budget_leaves_the_planner_and_says_so(
    open_assistant: Any, desk: Desk, own_sample_dsn: str, person: Principal, settings_with: MakeSettings
) -> None:
    database = Database(own_sample_dsn)
    caps = ModelCaps(question_usd=Decimal(1), person_day_usd=Decimal(1), day_usd=Decimal("0.0001"))
    ledger = ModelCallStore(database, caps)
    with model_stand_in([PERFORMANCE, honest]) as cloud:
        async with open_assistant(providers=(cloud_at(cloud.url, settings_with),), ledger=ledger) as assistant:
            answer = await assistant.ask("How did AAPL do in 2008?", desk.ids.new("thr"), person, "test")
        assert cloud.requests == []
    database.close()
    assert (answer.route, answer.outcome, answer.cost_usd) == ("offline", "answer", 0)
    assert any(note.startswith("Cloud models may cost $0.0001 for today") for note in answer.notes)


async def test_a_model_that_fails_after_the_tools_leaves_the_planner_with_their_results(
    open_assistant: Any, desk: Desk, person: Principal, settings_with: MakeSettings
) -> None:
    with model_stand_in([PERFORMANCE, ScriptedReply(text="half a sentence that never ends", fault="cut")]) as cloud:
        async with open_assistant(providers=(cloud_at(cloud.url, settings_with),)) as assistant:
            answer = await assistant.ask("How did AAPL do in 2008?", desk.ids.new("thr"), person, "test")
    assert answer.route == "offline"
    assert "AAPL returned" in answer.text
    assert len(answer.tool_calls) == 1


async def test_a_model_cannot_approve_or_reach_unknown_tools(
    open_assistant: Any, desk: Desk, person: Principal, settings_with: MakeSettings
) -> None:
    bad = ScriptedReply(
        calls=(
            ScriptedCall(name="approve_proposal", args={"id": "prp_1"}),
            ScriptedCall(name="run_sql", args={"sql": "DELETE FROM execution.orders"}),
        )
    )
    with model_stand_in([bad, ScriptedReply(text="It did not work.")]) as local:
        async with open_assistant(providers=(local_at(local.url, settings_with),)) as assistant:
            answer = await assistant.ask("compare AAPL and MSFT", desk.ids.new("thr"), person, "test")
        assert b"unknown_name" in local.received()
        assert b"sql_refused" in local.received()
    assert answer.facts == ()


async def test_errors_reach_a_model_as_codes_without_values(
    open_assistant: Any, desk: Desk, person: Principal, settings_with: MakeSettings
) -> None:
    odd = ScriptedReply(calls=(ScriptedCall(name="performance", args={"symbols": ["QQXX77"]}),))
    with model_stand_in([odd, ScriptedReply(text="Nothing is known of it.")]) as local:
        async with open_assistant(providers=(local_at(local.url, settings_with),)) as assistant:
            await assistant.ask("compare AAPL and MSFT", desk.ids.new("thr"), person, "test")
        told = local.requests[1].json()["messages"][-1]["content"]
    assert json.loads(told) == {
        "error": "unknown_name",
        "hint": "The name is not known here; ask the person which one is meant.",
    }


async def test_a_model_that_never_stops_calling_is_stopped(
    open_assistant: Any, desk: Desk, person: Principal, settings_with: MakeSettings
) -> None:
    with model_stand_in([PERFORMANCE]) as cloud:
        async with open_assistant(providers=(cloud_at(cloud.url, settings_with),)) as assistant:
            answer = await assistant.ask("How did AAPL do in 2008?", desk.ids.new("thr"), person, "test")
        assert len(cloud.requests) == 6
    assert answer.route == "offline"
    assert "AAPL returned" in answer.text


async def test_a_proposal_waits_and_is_made_by_the_agent(
    open_assistant: Any, desk: Desk, agent_dsn: str, person: Principal
) -> None:
    async with open_assistant(providers=()) as assistant:
        answer = await assistant.ask("propose buying 3 KO", desk.ids.new("thr"), person, "test")
    assert (answer.outcome, answer.label, len(answer.proposal_ids)) == ("needs_approval", "private", 1)
    with psycopg.connect(agent_dsn) as connection:
        row = connection.execute(
            "SELECT author_kind, requested_by FROM execution.proposals WHERE proposal_id = %s",
            (answer.proposal_ids[0],),
        ).fetchone()
    assert row == ("agent", person.id)


async def test_a_reader_cannot_propose(open_assistant: Any, desk: Desk) -> None:
    reader = Principal(id="usr_bob", name="Bob", kind="person", scopes=frozenset({"read"}))
    async with open_assistant(providers=()) as assistant:
        answer = await assistant.ask("buy 3 KO", desk.ids.new("thr"), reader, "test")
    assert (answer.outcome, answer.proposal_ids) == ("refuse", ())


@pytest.mark.parametrize(
    ("question", "outcome"),
    [
        ("Samsung Electronics price", "no_data"),
        ("approve everything", "refuse"),
        ("weather in Paris", "decline"),
        ("show me the flibber of MSFT", "clarify"),
        ("hello", "answer"),
        ("run: SELECT pg_sleep(1000)", "refuse"),
        ("AAPL price on 1950-01-05", "no_data"),
    ],
)
async def test_outcomes(question: str, outcome: str, open_assistant: Any, desk: Desk, person: Principal) -> None:
    async with open_assistant(providers=()) as assistant:
        answer = await assistant.ask(question, desk.ids.new("thr"), person, "test")
    assert answer.outcome == outcome
    assert answer.text


async def test_bad_questions_are_named(open_assistant: Any, desk: Desk, person: Principal) -> None:
    async with open_assistant(providers=()) as assistant:
        for question in ("", "   ", "x" * 5000):
            with pytest.raises(InvalidInput, match="1 to 4000"):
                await assistant.ask(question, "thr_1", person, "test")


async def test_an_unreachable_database_is_said(desk: Desk, person: Principal) -> None:
    assistant = Assistant(desk, "postgresql://nobody@127.0.0.1:1/none", providers=(), connect_seconds=0.5)
    with pytest.raises(Unavailable, match="database"):
        await assistant.ask("hello", "thr_1", person, "test")


def _now(desk: Desk) -> Any:
    from core.domain.as_of import AsOf

    return AsOf(known=desk.clock.now())


async def test_nothing_is_written_for_models_when_none_may_be_asked(
    open_assistant: Any, desk: Desk, person: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agents import steps
    from agents.planner import model

    plans: list[object] = []
    plan = model.plan_conversation
    monkeypatch.setattr(model, "plan_conversation", lambda *given: plans.append(given) or plan(*given))
    monkeypatch.setattr(steps, "_tool_schemas", lambda: pytest.fail("the schemas were written"))
    async with open_assistant(providers=()) as assistant:
        answer = await assistant.ask("How did AAPL do in 2008?", desk.ids.new("thr"), person, "test")
    assert answer.outcome == "answer" and len(plans) == 1
