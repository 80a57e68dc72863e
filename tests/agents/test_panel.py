"""The panel in the graph: each analyst sees its own facts, no number passes, private stays local."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest

from agents.grounding import REFERENCE
from agents.models import anthropic, ollama
from agents.models.cutoffs import TRAINED_UNTIL, trained_until
from agents.models.provider import Provider
from core.advice.opinion import ANALYSTS
from core.domain.as_of import AsOf
from core.domain.principal import Principal
from core.settings import Settings
from core.testing.model_stand_ins import ModelStandIn, ScriptedCall, ScriptedReply, model_stand_in
from prompts.loader import load_prompt
from tools.context import Desk

MakeSettings = Callable[..., Settings]
ASK = ScriptedReply(calls=(ScriptedCall(name="recommend", args={"symbols": ["AAPL"]}),))
HOLDINGS = ScriptedReply(calls=(ScriptedCall(name="recommend", args={"target": "portfolio"}),))
SEATS = {
    name: load_prompt(f"panel_{name.replace(' ', '_')}").body.split("judges <<symbols>>.")[1][:40] for name in ANALYSTS
}
CHAIR = load_prompt("panel_chair").body[:40]


@pytest.fixture
def person(request: pytest.FixtureRequest, agent_dsn: str) -> Principal:
    """Give a person of the test's own without verdicts."""
    made = Principal(
        id=f"usr_{re.sub(r'[^a-z]+', '_', request.node.name)}", name="Ada", kind="person", scopes=frozenset({"read"})
    )
    with psycopg.connect(agent_dsn) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("DELETE FROM strategies.panel_verdicts WHERE requested_by = %s", (made.id,))
    return made


def cloud_at(url: str, settings_with: MakeSettings) -> Provider:
    found = anthropic.provider(settings_with(ANTHROPIC_API_KEY="test", ANTHROPIC_BASE_URL=url))
    assert found is not None
    return found


def local_at(url: str, settings_with: MakeSettings) -> Provider:
    found = ollama.provider(settings_with(OLLAMA_HOST=url))
    assert found is not None
    return found


def words_of(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def system_of(body: dict[str, Any]) -> str:
    """Return the rules in a request of Anthropic or Ollama."""
    return words_of(body.get("system") or body["messages"][0]["content"])


def seat_of(body: dict[str, Any]) -> str:
    """Say who of the panel is asked: an analyst, the chair, or the desk's main model."""
    system = system_of(body)
    if system.startswith(CHAIR):
        return "chair"
    return next((name for name, start in SEATS.items() if start in system), "main")


def given_to(body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(words_of(body["messages"][-1]["content"]))
    return found


def panel_of(write: Callable[[str, dict[str, Any]], str], first: ScriptedReply = ASK) -> list[Any]:
    """Return a script in which the main model asks the panel, and every seat writes by `write(seat, given)`."""

    def reply(body: dict[str, Any]) -> ScriptedReply:
        seat = seat_of(body)
        return first if seat == "main" else ScriptedReply(text=write(seat, given_to(body)))

    return [reply]


def obedient(seat: str, given: dict[str, Any]) -> str:
    fact = given["facts"][0]["write"]
    if seat == "chair":
        return f"The {seat} weighs {fact} and finds it thin.\nCALL: AAPL hold"
    return f"For: the {seat} analyst leans on {fact}. Against: little."


def seats(stand_in: ModelStandIn) -> list[str]:
    return [seat_of(request.json()) for request in stand_in.requests]


async def test_every_analyst_argues_over_its_own_facts_and_the_chair_sums_up(
    open_assistant: Any, desk: Desk, person: Principal, settings_with: MakeSettings
) -> None:
    with model_stand_in(panel_of(obedient)) as stand_in:
        async with open_assistant(providers=(cloud_at(stand_in.url, settings_with),)) as assistant:
            answer = await assistant.ask("what do you think of AAPL?", desk.ids.new("thr"), person, "test")
    asked = seats(stand_in)
    # The samples hold no events of Apple, so that analyst has nothing to argue; nobody is asked twice.
    assert asked[0] == "main" and asked[-1] == "chair"
    assert sorted(asked[1:-1]) == sorted(set(ANALYSTS) - {"events"})
    names: dict[str, set[str]] = {}
    for request in stand_in.requests:
        if (seat := seat_of(request.json())) in ANALYSTS:
            names[seat] = {fact["name"] for fact in given_to(request.json())["facts"]}
            assert not request.json().get("tools"), "an analyst calls no tool"
    assert all(not (one & other) for a, one in names.items() for b, other in names.items() if a != b)
    assert "AAPL fall from the highest close of a year" in names["risk"]
    assert "AAPL return from 252 to 21 sessions ago" in names["trend"]
    assert (answer.route, answer.label, answer.outcome) == ("cloud", "public", "answer")
    for name in set(ANALYSTS) - {"events"}:
        assert f"- **{name}**: For: the {name} analyst leans on" in answer.text
    assert "finds it thin." in answer.text and "CALL" not in answer.text
    assert "events: no opinion" in answer.text
    assert "base rate" in answer.text, "the computed verdict and its record stand first, whatever a model says"
    assert answer.text.index("AAPL: ") < answer.text.index("finds it thin.")
    assert not REFERENCE.search(answer.text)


LIES = (
    "For: it will rise 37.5% soon. Against: nothing.",
    "Against: a third of its value is gone, about twenty percent.",
    "For: {{fact:fct_00000000000000000000000000000000_1}} is strong.",
    "For: the target is $512.44 by 2031.",
    "For: it doubled its earnings, ½ of them real.",
)


@pytest.mark.parametrize("lie", LIES)
async def test_a_lying_panel_gets_no_number_through(
    lie: str, open_assistant: Any, desk: Desk, person: Principal, settings_with: MakeSettings
) -> None:
    with model_stand_in(panel_of(lambda seat, given: lie + "\nCALL: AAPL buy")) as stand_in:
        async with open_assistant(providers=(cloud_at(stand_in.url, settings_with),)) as assistant:
            answer = await assistant.ask("what do you think of AAPL?", desk.ids.new("thr"), person, "test")
    for number in ("37.5", "twenty", "512.44", "2031", "½", "a third", "is strong"):
        assert number not in answer.text
    # The reasons as they were computed stand instead.
    assert "its volatility of" in answer.text or "AAPL" in answer.text


async def test_an_analyst_cannot_lean_on_the_facts_of_another(
    open_assistant: Any, desk: Desk, person: Principal, settings_with: MakeSettings
) -> None:
    seen: dict[str, str] = {}

    def write(seat: str, given: dict[str, Any]) -> str:
        seen[seat] = given["facts"][0]["write"]
        if seat == "chair":
            return "Thin."
        # A reference of another seat, guessed from one's own: the ids count up.
        number = int(re.search(r"_(\d+)\}\}", seen[seat])[1])  # type: ignore[index]
        other = re.sub(r"_\d+\}\}", f"_{number + 40 if seat == 'trend' else 3}}}}}", seen[seat])
        return f"For: {seat} borrowed {other}."

    with model_stand_in(panel_of(write)) as stand_in:
        async with open_assistant(providers=(cloud_at(stand_in.url, settings_with),)) as assistant:
            answer = await assistant.ask("what do you think of AAPL?", desk.ids.new("thr"), person, "test")
    assert "borrowed" not in answer.text and "AAPL" in answer.text


async def test_a_panel_on_the_holdings_stays_on_this_machine(
    open_assistant: Any, desk: Desk, person: Principal, settings_with: MakeSettings
) -> None:
    with model_stand_in([ScriptedReply(text="never")]) as cloud, model_stand_in(panel_of(obedient, HOLDINGS)) as local:
        providers = (cloud_at(cloud.url, settings_with), local_at(local.url, settings_with))
        async with open_assistant(providers=providers) as assistant:
            answer = await assistant.ask(
                "which of my holdings would the panel sell?", desk.ids.new("thr"), person, "test"
            )
    assert cloud.requests == []
    assert (answer.route, answer.label) == ("local", "private")
    assert {"chair", "risk"} <= set(seats(local))
    risk = next(request for request in local.requests if seat_of(request.json()) == "risk")
    assert any("weight in the account" in fact["name"] for fact in given_to(risk.json())["facts"])


async def test_without_a_local_model_the_holdings_are_judged_by_code_alone(
    open_assistant: Any, desk: Desk, person: Principal, settings_with: MakeSettings
) -> None:
    with model_stand_in([ScriptedReply(text="never")]) as cloud:
        async with open_assistant(providers=(cloud_at(cloud.url, settings_with),)) as assistant:
            answer = await assistant.ask(
                "which of my holdings would the panel sell?", desk.ids.new("thr"), person, "test"
            )
    assert cloud.requests == [] and answer.route == "offline"
    assert "score" in answer.text


async def test_a_panel_that_fails_leaves_the_computed_verdict(
    open_assistant: Any, desk: Desk, person: Principal, settings_with: MakeSettings
) -> None:
    def reply(body: dict[str, Any]) -> ScriptedReply:
        return ASK if seat_of(body) == "main" else ScriptedReply(fault="server_error")

    with model_stand_in([reply]) as stand_in:
        async with open_assistant(providers=(cloud_at(stand_in.url, settings_with),)) as assistant:
            answer = await assistant.ask("what do you think of AAPL?", desk.ids.new("thr"), person, "test")
    assert answer.outcome == "answer" and "trend (" in answer.text and "base rate" in answer.text
    assert any("did not answer" in note for note in answer.notes)


async def test_the_chair_is_not_asked_when_the_tokens_are_spent(
    open_assistant: Any, desk: Desk, person: Principal, settings_with: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.panel.MOST_TOKENS", 1)
    with model_stand_in(panel_of(obedient)) as stand_in:
        async with open_assistant(providers=(cloud_at(stand_in.url, settings_with),)) as assistant:
            answer = await assistant.ask("what do you think of AAPL?", desk.ids.new("thr"), person, "test")
    assert "chair" not in seats(stand_in)
    assert "- **trend**: For: the trend analyst leans on" in answer.text
    assert {part.model for part in desk.verdicts.of(person.id)} == {""}


async def test_the_chairs_call_is_kept_and_marked_where_it_may_be_hindsight(
    open_assistant: Any, desk: Desk, person: Principal, settings_with: MakeSettings
) -> None:
    with model_stand_in(panel_of(obedient)) as stand_in:
        async with open_assistant(providers=(cloud_at(stand_in.url, settings_with),)) as assistant:
            answer = await assistant.ask("what do you think of AAPL?", desk.ids.new("thr"), person, "test")
    kept = {part.model: part for part in desk.verdicts.of(person.id)}
    assert set(kept) == {"", "anthropic claude-sonnet-4-6"}
    panel, chair = kept[""], kept["anthropic claude-sonnet-4-6"]
    # The samples end in 2022, long before any of today's models was trained.
    assert (chair.verdict, chair.contaminated, panel.contaminated) == ("hold", True, False)
    assert (chair.session, chair.horizon_sessions) == (panel.session, panel.horizon_sessions)
    assert any("hindsight" in note for note in answer.notes)
    assert "which changes no verdict: AAPL hold" in answer.text


async def test_a_question_that_asks_for_more_is_answered_by_the_main_model(
    open_assistant: Any, desk: Desk, person: Principal, settings_with: MakeSettings
) -> None:
    both = ScriptedReply(calls=(*ASK.calls, ScriptedCall(name="price_chart", args={"symbols": ["AAPL"]})))
    with model_stand_in([both, ScriptedReply(text="Here they are.")]) as stand_in:
        async with open_assistant(providers=(cloud_at(stand_in.url, settings_with),)) as assistant:
            answer = await assistant.ask("what do you think of AAPL, and chart it", desk.ids.new("thr"), person, "test")
    assert set(seats(stand_in)) == {"main"} and answer.text == "Here they are."


async def test_offline_the_templates_stand_as_they_are(open_assistant: Any, desk: Desk, person: Principal) -> None:
    moment = AsOf(known=datetime(2018, 7, 2, 12, tzinfo=UTC))
    async with open_assistant(providers=()) as assistant:
        answer = await assistant.ask("what do you think of AAPL?", desk.ids.new("thr"), person, "test", as_of=moment)
    assert answer.route == "offline" and "**AAPL: lean buy**" in answer.text
    assert "2018-06-29" in answer.text and "of my portfolio”" in answer.text
    assert answer.charts and not REFERENCE.search(answer.text)


@pytest.mark.parametrize(
    ("model", "day"),
    [
        ("claude-sonnet-4-6", date(2026, 2, 17)),
        ("claude-haiku-4-5-20251001", date(2025, 10, 15)),
        ("qwen3:8b", date(2025, 4, 29)),
        ("gpt-5", date(2025, 8, 7)),
        ("gpt-5.9", None),
        ("claude-sonnet-4-60", None),
        ("claude-opus-9", None),
        ("", None),
    ],
)
def test_only_a_declared_model_has_an_end_of_training(model: str, day: date | None) -> None:
    assert trained_until(model) == day


def test_the_models_that_the_settings_name_are_declared(settings_with: MakeSettings) -> None:
    settings = settings_with()
    for model in (settings.anthropic_model, settings.openai_model, settings.ollama_model):
        assert trained_until(model) in TRAINED_UNTIL.values()
