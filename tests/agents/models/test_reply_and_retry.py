"""What counts as a whole reply, how long a sender waits before it asks again, and what a breaker lets through."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage

from agents.models.egress import Tripwire
from agents.models.provider import Breaker, Envelope, ModelFailed, Provider
from agents.models.sending import ATTEMPTS, LONGEST_WAIT_SECONDS, Sender
from core.errors import PrivacyRefused

DONE = {"finish_reason": "stop"}


class VendorError(Exception):
    def __init__(self, status: int | None = None, wait: str | None = None) -> None:
        super().__init__("sk-secret-key in the vendor's text")
        self.status_code = status
        self.response = type("Response", (), {"headers": {} if wait is None else {"retry-after": wait}})()


class FakeModel:
    """Stream scripted chunks, one list a call; an exception in a list is raised there."""

    def __init__(self, *scripts: list[Any]) -> None:
        self.scripts = list(scripts)
        self.calls = 0
        self.tools: list[Any] = []

    def bind_tools(self, tools: list[Any]) -> FakeModel:
        self.tools = tools
        return self

    async def astream(self, messages: list[Any]) -> AsyncIterator[AIMessageChunk]:
        script = self.scripts[min(self.calls, len(self.scripts) - 1)]
        self.calls += 1
        for part in script:
            if isinstance(part, Exception):
                raise part
            yield part


class Desk:
    """Hold a sender with a scripted model; keep what was waited and built."""

    def __init__(self, *scripts: list[Any], kind: str = "cloud", wire: Tripwire | None = None) -> None:
        self.model = FakeModel(*scripts)
        self.waits: list[float] = []
        self.built = 0
        self.provider = Provider(name="cloudy", kind=kind, model="m-1", build=self._build)  # type: ignore[arg-type]
        ticks = iter(range(1000))
        self.sender = Sender(wire or Tripwire(), clock=lambda: float(next(ticks)), sleep=self._sleep)

    def _build(self, wire: Tripwire) -> Any:
        self.built += 1
        return self.model

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def send(self, label: str = "public", tools: tuple[dict[str, Any], ...] = ()) -> Any:
        messages = [HumanMessage(content="?")]
        return await self.sender.send(
            self.provider,
            Envelope(label=label, messages=messages, tools=tools),  # type: ignore[arg-type]
        )


def chunk(text: str = "", **values: Any) -> AIMessageChunk:
    return AIMessageChunk(content=text, **values)


def calling(arguments: str, name: str = "performance") -> AIMessageChunk:
    part = {"name": name, "args": arguments, "id": "c1", "index": 0, "type": "tool_call_chunk"}
    return AIMessageChunk(content="", tool_call_chunks=[part], response_metadata=DONE)  # type: ignore[list-item]


WHOLE = [chunk("All "), chunk("good.", response_metadata=DONE)]


@pytest.mark.parametrize("field", ["stop_reason", "finish_reason", "done_reason", "status"])
async def test_chunks_join_to_one_reply(field: str) -> None:
    usage = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
    desk = Desk([chunk("All "), chunk("good.", response_metadata={field: "end"}, usage_metadata=usage)])
    reply = await desk.send()
    assert (reply.message.content, reply.provider, reply.model) == ("All good.", "cloudy", "m-1")
    assert reply.usage is not None and (reply.usage["input_tokens"], reply.usage["output_tokens"]) == (7, 3)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ([], "empty reply"),
        ([chunk("half")], "cut before its end"),
        ([chunk("", response_metadata=DONE)], "empty reply"),
        ([chunk(" \n ", response_metadata=DONE)], "empty reply"),
        ([calling('{"symbols": ["AA')], "not JSON"),
        ([calling("[1, 2]")], "not JSON"),
        ([calling("nonsense")], "not JSON"),
        ([chunk("half"), VendorError()], "VendorError"),
    ],
)
async def test_what_is_no_whole_reply_fails_after_two_tries(script: list[Any], words: str) -> None:
    desk = Desk(script)
    with pytest.raises(ModelFailed, match=words):
        await desk.send()
    assert (desk.model.calls, len(desk.waits)) == (ATTEMPTS, ATTEMPTS - 1)


@pytest.mark.parametrize("arguments", ['{"symbols": ["KO"]}', "{}", '{"a": {"b": [1, null, true]}}'])
async def test_a_tool_call_comes_through(arguments: str) -> None:
    desk = Desk([calling(arguments)])
    reply = await desk.send(tools=({"name": "performance"},))
    assert [(call["name"], call["args"]) for call in reply.message.tool_calls] == [
        ("performance", json.loads(arguments))
    ]
    assert desk.model.tools == [{"name": "performance"}]


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529, None])
async def test_a_passing_fault_is_tried_again(status: int | None) -> None:
    desk = Desk([VendorError(status)], WHOLE)
    assert (await desk.send()).message.content == "All good."
    assert (desk.model.calls, desk.waits, desk.built) == (2, [0.5], 1)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
async def test_a_lasting_fault_is_not(status: int) -> None:
    desk = Desk([VendorError(status)], WHOLE)
    with pytest.raises(ModelFailed, match=f"HTTP {status}") as caught:
        await desk.send()
    assert (desk.model.calls, desk.waits) == (1, [])
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "waited"),
    [("2", 2.0), ("0.25", 0.25), ("3600", LONGEST_WAIT_SECONDS), ("0", 0.5), ("soon", 0.5), ("-1", 0.5), (None, 0.5)],
)
async def test_the_wait_follows_the_vendor_within_bounds(header: str | None, waited: float) -> None:
    desk = Desk([VendorError(429, header)], WHOLE)
    await desk.send()
    assert desk.waits == [waited]


async def test_a_private_envelope_builds_no_cloud_client() -> None:
    desk = Desk(WHOLE)
    with pytest.raises(PrivacyRefused):
        await desk.send("private")
    assert (desk.built, desk.model.calls) == (0, 0)


async def test_a_local_model_may_see_private_words() -> None:
    assert (await Desk(WHOLE, kind="local").send("private")).message.content == "All good."


async def test_an_alarm_inside_the_client_is_a_refusal_and_not_tried_again() -> None:
    wire = Tripwire()

    class Ringing(Exception):
        def __init__(self) -> None:
            super().__init__("connection error")

    desk = Desk(WHOLE, wire=wire)

    async def ring(messages: list[Any]) -> AsyncIterator[AIMessageChunk]:
        desk.model.calls += 1
        wire.hits.append("a private value")
        raise Ringing
        yield chunk()

    desk.model.astream = ring  # type: ignore[method-assign]
    with pytest.raises(PrivacyRefused, match="a private value"):
        await desk.send()
    assert (desk.model.calls, desk.waits) == (1, [])


@pytest.mark.parametrize("needed", [1, 2, 5])
@pytest.mark.parametrize("pause", [0.5, 30.0])
def test_a_breaker_opens_at_its_count_and_lets_a_probe_through(needed: int, pause: float) -> None:
    breaker = Breaker(failures_to_open=needed, pause_seconds=pause)
    for done in range(needed):
        assert breaker.allows(float(done)), done
        breaker.failed(10.0)
    assert not breaker.allows(10.0)
    assert not breaker.allows(math.nextafter(10.0 + pause, 0.0))
    assert breaker.allows(10.0 + pause)
    breaker.failed(10.0 + pause)
    assert not breaker.allows(10.0 + pause)
    breaker.succeeded()
    assert breaker.allows(10.0 + pause)
