"""A question over REST is answered like one in the chat, in a thread of the person's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.server import create_api


@pytest.fixture(scope="module")
def app(parts, people):
    return create_api(parts, people)


@pytest.fixture(scope="module")
def keys(people) -> dict[str, str]:
    made = {name: people.create_key(name, name, scopes=["read"]) for name in ("owner", "ann")}
    return {name: credential for name, (_, credential) in made.items()}


@pytest.fixture
async def client(app) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as client:
        yield client
    await app.state.assistant.close()


async def ask(client: httpx.AsyncClient, key: str, question: str, thread: str | None = None) -> dict[str, Any]:
    body = {"question": question} | ({"thread": thread} if thread else {})
    answer = await client.post("/api/ask", json=body, headers={"authorization": f"Bearer {key}"})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_an_answer_names_its_tool_its_facts_and_its_route(client, keys) -> None:
    answer = await ask(client, keys["owner"], "How did AAPL do in 2008?")
    assert answer["outcome"] == "answer"
    assert answer["route"] == "offline"
    assert answer["label"] == "public"
    assert [call["name"] for call in answer["tool_calls"]] == ["performance"]
    total = next(fact for fact in answer["facts"] if fact["name"] == "AAPL total return")
    # Published: 198.08 to 85.35 before later splits, no dividend.
    assert total["value"] == pytest.approx(85.35 / 198.08 - 1.0, abs=2e-3)
    assert "-56.91%" in answer["text"]


async def test_a_thread_goes_on_and_is_the_persons_own(client, keys) -> None:
    first = await ask(client, keys["owner"], "What was the return of KO in 2019?")
    second = await ask(client, keys["owner"], "and for PEP?", first["thread"])
    assert "PEP" in str(second["tool_calls"][-1]["args"])
    assert "2019" in str(second["tool_calls"][-1]["args"])
    stranger = await ask(client, keys["ann"], "and for PEP?", first["thread"])
    assert stranger["outcome"] == "clarify"


async def test_without_signing_in_nothing_is_answered(client) -> None:
    answer = await client.post("/api/ask", json={"question": "MSFT price"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "body",
    [{}, {"question": ""}, {"question": "x" * 4001}, {"question": "MSFT price", "thread": "1' OR '1'='1"}, {"q": "x"}],
)
async def test_what_is_no_question_is_refused(client, keys, body: dict[str, str]) -> None:
    answer = await client.post("/api/ask", json=body, headers={"authorization": f"Bearer {keys['owner']}"})
    assert answer.status_code == 422
