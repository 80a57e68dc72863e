"""The order of the models, the breaker's clock, and every adapter against every fault."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage

from agents.models import anthropic, ollama, openai
from agents.models.chain import Chain, configured_providers
from agents.models.egress import Tripwire
from agents.models.provider import Breaker, Envelope, ModelFailed, Provider, Reply
from agents.models.sending import Sender
from core.errors import BudgetExceeded, PrivacyRefused
from core.settings import Settings
from core.testing.model_stand_ins import ScriptedCall, ScriptedReply, model_stand_in

MakeSettings = Callable[..., Settings]


class FakeSender:
    """Answer or fail by provider name; keep who was asked, with which label."""

    def __init__(self, **outcomes: object) -> None:
        self.outcomes = outcomes
        self.asked: list[tuple[str, str]] = []

    async def send(self, provider: Provider, envelope: Envelope) -> Reply:
        self.asked.append((provider.name, envelope.label))
        outcome = self.outcomes.get(provider.name, "ok")
        if isinstance(outcome, Exception):
            raise outcome
        return Reply(message=AIMessage(content=str(outcome)), provider=provider.name, model=provider.model)


def provider(name: str, kind: str = "cloud") -> Provider:
    return Provider(name=name, kind=kind, model="m", build=lambda _: None)  # type: ignore[arg-type, return-value]


ALL = (provider("anthropic"), provider("openai"), provider("ollama", "local"))
DOWN = ModelFailed("down")


def envelope(label: str = "public") -> Envelope:
    return Envelope(label=label, messages=[HumanMessage(content="?")], thread_id="thr_1")  # type: ignore[arg-type]


def chain(sender: FakeSender, clock: Callable[[], float] = lambda: 0.0) -> Chain:
    return Chain(ALL, sender, clock=clock)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("label", "down", "asked"),
    [
        ("public", (), ["anthropic"]),
        ("public", ("anthropic",), ["anthropic", "openai"]),
        ("public", ("anthropic", "openai"), ["anthropic", "openai", "ollama"]),
        ("public", ("anthropic", "openai", "ollama"), ["anthropic", "openai", "ollama"]),
        ("public", ("openai",), ["anthropic"]),
        ("private", (), ["ollama"]),
        ("private", ("ollama",), ["ollama"]),
        ("private", ("anthropic",), ["ollama"]),
    ],
)
async def test_the_order_of_the_models(label: str, down: tuple[str, ...], asked: list[str]) -> None:
    sender = FakeSender(**dict.fromkeys(down, DOWN))
    answered = await chain(sender).ask(envelope(label))
    assert [name for name, _ in sender.asked] == asked
    assert (answered is None) == (asked[-1] in down)


async def test_after_the_alarm_only_this_machine_is_asked() -> None:
    sender = FakeSender(anthropic=PrivacyRefused("held", rule="egress"))
    answered = await chain(sender).ask(envelope())
    assert sender.asked == [("anthropic", "public"), ("ollama", "private")]
    assert answered is not None and answered[0].name == "ollama"


async def test_an_alarm_of_the_local_model_ends_the_turn() -> None:
    sender = FakeSender(ollama=PrivacyRefused("held", rule="egress"))
    assert await chain(sender).ask(envelope("private")) is None
    assert sender.asked == [("ollama", "private")]


async def test_without_models_nobody_is_asked() -> None:
    sender = FakeSender()
    assert await Chain((), sender, clock=lambda: 0.0).ask(envelope()) is None  # type: ignore[arg-type]
    assert sender.asked == []


async def test_a_paused_model_is_skipped_and_the_next_answers_at_once() -> None:
    now = [0.0]
    sender = FakeSender(anthropic=DOWN)
    asking = chain(sender, clock=lambda: now[0])
    for _ in range(3):
        await asking.ask(envelope())
    sender.asked.clear()
    await asking.ask(envelope())
    assert [name for name, _ in sender.asked] == ["openai"]
    now[0] = 29.999
    assert [one.name for one in asking.cleared("public")] == ["openai", "ollama"]
    now[0] = 30.0
    assert [one.name for one in asking.cleared("public")] == ["anthropic", "openai", "ollama"]
    sender.outcomes["anthropic"] = "back"
    sender.asked.clear()
    answered = await asking.ask(envelope())
    assert answered is not None and answered[1].message.content == "back"
    for _ in range(2):  # the count starts again after a success
        sender.outcomes["anthropic"] = DOWN
        await asking.ask(envelope())
    assert "anthropic" in [one.name for one in asking.cleared("public")]


async def test_the_breaker_of_one_model_does_not_pause_another() -> None:
    sender = FakeSender(ollama=DOWN)
    asking = chain(sender)
    for _ in range(5):
        await asking.ask(envelope("private"))
    assert [one.name for one in asking.cleared("public")] == ["anthropic", "openai"]
    assert asking.cleared("private") == ()
    assert len(sender.asked) == 3


async def test_the_person_is_told_who_was_asked_in_vain() -> None:
    told: list[str] = []
    sender = FakeSender(anthropic=BudgetExceeded("spent"), openai=ModelFailed("openai did not answer (HTTP 529)."))
    answered = await chain(sender).ask(envelope(), tell=told.append)
    assert answered is not None and answered[0].name == "ollama"
    assert told == ["spent", "openai did not answer (HTTP 529)."]


async def test_a_spent_budget_is_no_fault_of_the_provider() -> None:
    sender = FakeSender(anthropic=BudgetExceeded("spent"))
    asking = chain(sender)
    for _ in range(5):
        await asking.ask(envelope())
    assert [name for name, _ in sender.asked] == ["anthropic", "openai"] * 5


def test_after_the_pause_one_call_probes_and_the_others_wait() -> None:
    breaker = Breaker(failures_to_open=1, pause_seconds=10)
    assert breaker.begin(0.0)
    breaker.failed(0.0)
    assert [breaker.begin(now) for now in (9.9, 10.0, 10.0, 19.9)] == [False, True, False, False]
    breaker.succeeded()
    assert breaker.begin(20.0) and breaker.begin(20.0)


@given(st.lists(st.tuples(st.booleans(), st.floats(min_value=0, max_value=50)), max_size=40))
def test_the_breaker_follows_its_rule(events: list[tuple[bool, float]]) -> None:
    """Against a plain restatement: open from the third failure in a row until 30 seconds after the last one."""
    breaker = Breaker()
    now, row, last = 0.0, 0, 0.0
    for worked, pause in events:
        now += pause
        assert breaker.allows(now) == (row < 3 or now - last >= 30.0)
        if not breaker.allows(now):
            continue
        if worked:
            breaker.succeeded()
            row = 0
        else:
            breaker.failed(now)
            row, last = row + 1, now


def test_only_models_that_are_set_up_are_asked_in_order(settings_with: MakeSettings) -> None:
    both = settings_with(OPENAI_API_KEY="k", ANTHROPIC_API_KEY="k", OLLAMA_HOST="localhost:11434")
    assert [one.name for one in configured_providers(both)] == ["anthropic", "openai", "ollama"]
    assert [one.clearance for one in configured_providers(both)] == ["public", "public", "private"]
    assert [one.name for one in configured_providers(settings_with(OPENAI_API_KEY="k"))] == ["openai"]
    assert configured_providers(settings_with()) == ()
    assert configured_providers(settings_with(OPENAI_API_KEY="", ANTHROPIC_API_KEY="")) == ()


def at(name: str, url: str, settings_with: MakeSettings) -> Provider:
    found = {
        "anthropic": lambda: anthropic.provider(settings_with(ANTHROPIC_API_KEY="test", ANTHROPIC_BASE_URL=url)),
        "openai": lambda: openai.provider(settings_with(OPENAI_API_KEY="test", OPENAI_BASE_URL=f"{url}/v1")),
        "ollama": lambda: ollama.provider(settings_with(OLLAMA_HOST=url)),
    }[name]()
    assert found is not None
    return found


def door(slept: list[float]) -> Sender:
    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    ticks = itertools.count()
    return Sender(Tripwire(), clock=lambda: float(next(ticks)), sleep=sleep)


CALL = (ScriptedCall(name="performance", args={"symbols": ["AAPL"]}),)


@pytest.mark.parametrize("name", ["anthropic", "openai", "ollama"])
@pytest.mark.parametrize("fault", ["rate_limit", "overloaded", "server_error", "cut", "bad_tool_json"])
async def test_a_fault_that_stays_is_one_clean_failure_after_two_tries(
    name: str, fault: Any, settings_with: MakeSettings
) -> None:
    slept: list[float] = []
    with model_stand_in([ScriptedReply(calls=CALL, fault=fault, retry_after="9999")]) as stand_in:
        with pytest.raises(ModelFailed) as caught:
            await door(slept).send(at(name, stand_in.url, settings_with), envelope())
        assert len(stand_in.requests) == 2
    assert name in str(caught.value)
    assert len(slept) == 1 and slept[0] <= 5.0  # never as long as a server asks


@pytest.mark.parametrize("name", ["anthropic", "openai", "ollama"])
async def test_an_empty_reply_is_no_answer(name: str, settings_with: MakeSettings) -> None:
    with model_stand_in([ScriptedReply(text="")]) as stand_in, pytest.raises(ModelFailed):
        await door([]).send(at(name, stand_in.url, settings_with), envelope())


@pytest.mark.parametrize("name", ["anthropic", "openai", "ollama"])
async def test_nobody_listening_is_a_clean_failure(name: str, settings_with: MakeSettings) -> None:
    with pytest.raises(ModelFailed, match="did not answer"):
        await door([]).send(at(name, "http://127.0.0.1:9", settings_with), envelope())


@pytest.mark.parametrize("name", ["anthropic", "openai"])
async def test_a_key_never_stands_in_an_error(name: str, settings_with: MakeSettings) -> None:
    with model_stand_in([ScriptedReply(fault="server_error")]) as stand_in, pytest.raises(ModelFailed) as caught:
        await door([]).send(at(name, stand_in.url, settings_with), envelope())
    assert "test" not in str(caught.value).replace("did not answer", "")
    assert "scripted fault" not in str(caught.value)


@pytest.mark.parametrize("name", ["anthropic", "openai", "ollama"])
async def test_several_calls_and_text_come_through_in_order(name: str, settings_with: MakeSettings) -> None:
    calls = (*CALL, ScriptedCall(name="query_metric", args={"metric": "close", "symbols": ["Ä", '"', "\\"]}))
    with model_stand_in([ScriptedReply(text="Let me look — ok.", calls=calls)]) as stand_in:
        reply = await door([]).send(at(name, stand_in.url, settings_with), envelope())
    assert reply.message.content == "Let me look — ok."
    assert [(call["name"], call["args"]) for call in reply.message.tool_calls] == [(c.name, c.args) for c in calls]
    assert len({call["id"] for call in reply.message.tool_calls}) == 2
