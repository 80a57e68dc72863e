"""Drive the three real SDKs through our door against loopback stand-ins."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage

from agents.models import anthropic, ollama, openai
from agents.models.chain import Chain
from agents.models.egress import Tripwire
from agents.models.provider import Breaker, Envelope, ModelFailed, Provider
from agents.models.sending import Sender
from core.errors import InvalidInput, PrivacyRefused
from core.settings import Settings
from core.testing.model_stand_ins import Fault, ModelStandIn, ScriptedCall, ScriptedReply, model_stand_in

MakeSettings = Callable[..., Settings]
TOOL = {
    "name": "performance",
    "description": "Measure.",
    "input_schema": {"type": "object", "properties": {"symbols": {"type": "array", "items": {"type": "string"}}}},
}
CALL = ScriptedReply(calls=(ScriptedCall(name="performance", args={"symbols": ["AAPL"]}),))
PROVIDERS = ("anthropic", "openai", "ollama")


def provider_at(name: str, url: str, settings_with: MakeSettings) -> Provider:
    made = {
        "anthropic": lambda: anthropic.provider(settings_with(ANTHROPIC_API_KEY="test", ANTHROPIC_BASE_URL=url)),
        "openai": lambda: openai.provider(settings_with(OPENAI_API_KEY="test", OPENAI_BASE_URL=f"{url}/v1")),
        "ollama": lambda: ollama.provider(settings_with(OLLAMA_HOST=url)),
    }[name]()
    assert made is not None
    return made


def sender(tripwire: Tripwire | None = None, slept: list[float] | None = None) -> Sender:
    ticks = itertools.count()

    async def sleep(seconds: float) -> None:
        if slept is not None:
            slept.append(seconds)

    return Sender(tripwire or Tripwire(), clock=lambda: float(next(ticks)), sleep=sleep)


def envelope(
    label: str = "public", text: str = "How did AAPL do in 2008?", messages: Sequence[object] = ()
) -> Envelope:
    return Envelope(
        label=label, messages=[SystemMessage(content="Be brief."), HumanMessage(content=text), *messages], tools=(TOOL,)
    )  # type: ignore[arg-type, list-item]


@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_tool_call_makes_the_round_trip(name: str, settings_with: MakeSettings) -> None:
    with model_stand_in([CALL, ScriptedReply(text="It fell by {{fact:f1}}.")]) as stand_in:
        provider, door = provider_at(name, stand_in.url, settings_with), sender()
        first = await door.send(provider, envelope())
        assert [(call["name"], call["args"]) for call in first.message.tool_calls] == [
            ("performance", {"symbols": ["AAPL"]})
        ]
        result = ToolMessage(content=json.dumps({"facts": []}), tool_call_id=str(first.message.tool_calls[0]["id"]))
        second = await door.send(provider, envelope(messages=[first.message, result]))
        assert second.message.content == "It fell by {{fact:f1}}."
        assert second.usage is not None
        assert (second.usage["input_tokens"], second.usage["output_tokens"]) == (11, 7)
        body = stand_in.requests[1].json()
        assert "performance" in json.dumps(body["tools"])
        assert any("facts" in json.dumps(message) for message in body["messages"])


async def test_a_slow_first_byte_is_given_up(settings_with: MakeSettings) -> None:
    with model_stand_in([ScriptedReply(text="late", fault="slow")]) as stand_in:
        provider = replace(provider_at("anthropic", stand_in.url, settings_with), first_byte_seconds=0.3)
        with pytest.raises(ModelFailed, match="TimeoutError") as caught:
            await sender().send(provider, envelope())
        assert caught.value.billed  # nobody knows what it wrote meanwhile


async def test_the_stable_beginning_of_a_request_is_cached_at_anthropic(settings_with: MakeSettings) -> None:
    with model_stand_in([ScriptedReply(text="Hello.")]) as stand_in:
        await sender().send(provider_at("anthropic", stand_in.url, settings_with), envelope())
        assert stand_in.requests[0].json()["cache_control"] == {"type": "ephemeral"}


async def test_openai_is_told_to_store_nothing(settings_with: MakeSettings) -> None:
    with model_stand_in([ScriptedReply(text="Hello.")]) as stand_in:
        await sender().send(provider_at("openai", stand_in.url, settings_with), envelope())
        assert stand_in.requests[0].json()["store"] is False


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("fault", ["rate_limit", "overloaded", "server_error", "cut", "bad_tool_json"])
async def test_a_fault_is_retried_once_by_us(name: str, fault: Fault, settings_with: MakeSettings) -> None:
    broken = ScriptedReply(calls=CALL.calls, fault=fault, retry_after="2")
    slept: list[float] = []
    with model_stand_in([broken, CALL]) as stand_in:
        reply = await sender(slept=slept).send(provider_at(name, stand_in.url, settings_with), envelope())
        assert reply.message.tool_calls[0]["args"] == {"symbols": ["AAPL"]}
        assert len(stand_in.requests) == 2
        assert slept == [2.0 if fault in ("rate_limit", "overloaded", "server_error") and name != "ollama" else 0.5]


@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_lasting_fault_fails_cleanly(name: str, settings_with: MakeSettings) -> None:
    with model_stand_in([ScriptedReply(text="half an answer that is cut", fault="cut")]) as stand_in:
        with pytest.raises(ModelFailed):
            await sender().send(provider_at(name, stand_in.url, settings_with), envelope())
        assert len(stand_in.requests) == 2


@pytest.mark.parametrize("name", ["anthropic", "openai"])
async def test_private_never_goes_to_a_cloud(name: str, settings_with: MakeSettings) -> None:
    with model_stand_in([ScriptedReply(text="no")]) as stand_in:
        with pytest.raises(PrivacyRefused, match="must not go"):
            await sender().send(provider_at(name, stand_in.url, settings_with), envelope("private"))
        assert stand_in.requests == []


async def test_private_may_go_to_this_machine(settings_with: MakeSettings) -> None:
    with model_stand_in([ScriptedReply(text="yes")]) as stand_in:
        await sender().send(
            provider_at("ollama", stand_in.url, settings_with), envelope("private", text="77731.4142857")
        )
        assert b"77731.4142857" in stand_in.received()


@pytest.mark.parametrize("name", ["anthropic", "openai"])
@pytest.mark.parametrize(
    "text", ["my canary-9fe1 is here", "Y2FuYXJ5LTlmZTEtbG9uZw==", "prp_0123456789abcdef0123", "hold 77,731.41 of it"]
)
async def test_the_tripwire_stops_private_bytes_with_a_public_label(
    name: str, text: str, settings_with: MakeSettings
) -> None:
    tripwire = Tripwire(lambda: ("canary-9fe1", "canary-9fe1-long", "77731.4142857"))
    with model_stand_in([ScriptedReply(text="no")]) as stand_in:
        with pytest.raises(PrivacyRefused):
            await sender(tripwire).send(provider_at(name, stand_in.url, settings_with), envelope(text=text))
        assert stand_in.requests == []
        assert tripwire.hits


async def test_tracing_is_forced_off(settings_with: MakeSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    with model_stand_in([ScriptedReply(text="ok")]) as model, model_stand_in([ScriptedReply()]) as tracer:
        monkeypatch.setenv("LANGSMITH_TRACING", "true")
        monkeypatch.setenv("LANGSMITH_ENDPOINT", tracer.url)
        monkeypatch.setenv("LANGSMITH_API_KEY", "test")
        await sender().send(provider_at("anthropic", model.url, settings_with), envelope())
        assert os.environ["LANGSMITH_TRACING"] == "false"
        assert tracer.requests == []


@pytest.mark.parametrize(
    "address",
    ["http://ollama.example.com:11434", "http://10.0.0.7:11434", "192.168.1.4:11434", "http://localhost.example.com"],
)
def test_an_ollama_elsewhere_is_refused(address: str, settings_with: MakeSettings) -> None:
    with pytest.raises(InvalidInput, match="not this machine"):
        ollama.provider(settings_with(OLLAMA_HOST=address))


@pytest.mark.parametrize("address", ["http://127.0.0.1:11434", "localhost:11434", "http://[::1]:11434"])
def test_an_ollama_here_is_local(address: str, settings_with: MakeSettings) -> None:
    found = ollama.provider(settings_with(OLLAMA_HOST=address))
    assert found is not None
    assert found.clearance == "private"


def test_an_allow_listed_host_is_trusted(settings_with: MakeSettings) -> None:
    assert (
        ollama.provider(settings_with(OLLAMA_HOST="http://gpu.lan:11434", QUANTDESK_LOCAL_MODEL_HOSTS="gpu.lan"))
        is not None
    )


@pytest.mark.parametrize("model", ["gpt-oss:120b-cloud", "qwen3-coder:480b-cloud", "kimi:cloud"])
def test_a_cloud_model_of_ollama_is_refused(model: str, settings_with: MakeSettings) -> None:
    with pytest.raises(InvalidInput, match="cloud"):
        ollama.provider(settings_with(OLLAMA_HOST="http://127.0.0.1:11434", QUANTDESK_OLLAMA_MODEL=model))


async def test_public_work_falls_from_cloud_to_cloud_to_local(settings_with: MakeSettings) -> None:
    down = [ScriptedReply(fault="overloaded")]
    with (
        model_stand_in(down) as first,
        model_stand_in(down) as second,
        model_stand_in([ScriptedReply(text="here")]) as third,
    ):
        urls = dict(zip(PROVIDERS, (first.url, second.url, third.url), strict=True))
        told: list[str] = []
        chain = Chain([provider_at(name, urls[name], settings_with) for name in PROVIDERS], sender(), clock=lambda: 0.0)
        answered = await chain.ask(envelope(), tell=told.append)
        assert answered is not None
        assert answered[0].name == "ollama"
        assert told == ["anthropic did not answer (HTTP 529).", "openai did not answer (HTTP 529)."]


async def test_private_work_skips_every_cloud_even_when_local_is_down(settings_with: MakeSettings) -> None:
    with (
        model_stand_in([ScriptedReply(text="no")]) as cloud,
        model_stand_in([ScriptedReply(fault="server_error")]) as local,
    ):
        chain = Chain(
            [provider_at("anthropic", cloud.url, settings_with), provider_at("ollama", local.url, settings_with)],
            sender(),
            clock=lambda: 0.0,
        )
        assert await chain.ask(envelope("private", text="secret-4711")) is None
        assert cloud.requests == []
        assert b"secret-4711" in local.received()


async def test_a_tripped_wire_hands_over_to_local_only(settings_with: MakeSettings) -> None:
    with model_stand_in([ScriptedReply(text="no")]) as cloud, model_stand_in([ScriptedReply(text="fine")]) as local:
        wired = sender(Tripwire(lambda: ("secret-4711",)))
        chain = Chain(
            [
                provider_at("anthropic", cloud.url, settings_with),
                provider_at("openai", cloud.url, settings_with),
                provider_at("ollama", local.url, settings_with),
            ],
            wired,
            clock=lambda: 0.0,
        )
        answered = await chain.ask(envelope(text="about secret-4711"))
        assert answered is not None
        assert answered[0].name == "ollama"
        assert cloud.requests == []


async def test_the_breaker_pauses_a_failing_provider_and_probes_it(settings_with: MakeSettings) -> None:
    now = [0.0]
    with model_stand_in([ScriptedReply(fault="server_error")]) as stand_in:
        chain = Chain([provider_at("anthropic", stand_in.url, settings_with)], sender(), clock=lambda: now[0])
        for _ in range(5):
            assert await chain.ask(envelope()) is None
        assert len(stand_in.requests) == 6  # three calls with two attempts each, then silence
        now[0] = 31.0
        assert await chain.ask(envelope()) is None
        assert len(stand_in.requests) == 8


def test_the_breaker_closes_after_success() -> None:
    breaker = Breaker(failures_to_open=1, pause_seconds=10)
    breaker.failed(0.0)
    assert (breaker.allows(5.0), breaker.allows(10.0)) == (False, True)
    breaker.succeeded()
    assert breaker.allows(10.0)


async def test_everything_speaks_to_loopback_only(settings_with: MakeSettings) -> None:
    """A stand-in keeps raw bytes: the key and the question are in them, as sent."""
    with model_stand_in([ScriptedReply(text="ok")]) as stand_in:
        keep: ModelStandIn = stand_in
        await sender().send(provider_at("anthropic", stand_in.url, settings_with), envelope(text="raw ÄÖ bytes"))
        assert b"How" not in keep.received()
        assert "raw ÄÖ bytes".encode() in keep.received() or b"raw \\u00c4\\u00d6 bytes" in keep.received()
