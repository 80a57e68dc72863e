"""MCP in memory: what a client is told of results, refusals and failures, and as whom it acts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mcp import agent_principal, build_server
from core import errors
from core.domain.facts import Column, Fact, Table, ToolResult
from core.domain.principal import SCOPES, Principal

NOON = datetime(2022, 11, 28, 12, tzinfo=UTC)
OWNER = Principal(id="usr_1", name="owner", kind="person", scopes=SCOPES)


@asynccontextmanager
async def session(desk: Any, principal: Principal = OWNER) -> AsyncIterator[Any]:
    from mcp.shared.memory import create_connected_server_and_client_session

    async with create_connected_server_and_client_session(build_server(desk, principal)) as client:
        yield client


@pytest.fixture
def answering(monkeypatch):
    """Let the one door answer what a test wants, and keep what it was asked."""
    asked: list[dict[str, Any]] = []

    def use(outcome: Any) -> list[dict[str, Any]]:
        def run_tool(desk: Any, name: str, arguments: Any, **more: Any) -> Any:
            asked.append({"name": name, "arguments": arguments, **more})
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        monkeypatch.setattr("tools.runner.run_tool", run_tool)
        return asked

    return use


def result() -> ToolResult:
    fact = Fact(id="fct_1", run="run_1", name="AAPL total return", value=-0.5691, unit="ratio", as_of=NOON,
                label="public")  # fmt: skip
    closes = Table(name="closes", title="Closes", columns=(Column(name="close", unit="money", currency="USD"),),
                   rows=((85.35,),))  # fmt: skip
    return ToolResult(run="run_1", tool="performance", label="public", as_of=NOON, facts=(fact,), tables=(closes,),
                      notes=("Prices are unadjusted.",))  # fmt: skip


async def test_a_result_is_text_for_a_model_and_the_record_for_a_program(answering):
    asked = answering(result())
    async with session(SimpleNamespace(code_version="1")) as client:
        answer = await client.call_tool("performance", {"symbols": ["AAPL"]})
    assert not answer.isError
    text = answer.content[0].text
    for part in ("AAPL total return: -56.91% [fct_1]", "Closes", "$85.35", "Prices are unadjusted.",
                 "As of 2022-11-28T12:00:00+00:00; public; run run_1"):  # fmt: skip
        assert part in text
    assert answer.structuredContent == json.loads(result().model_dump_json())
    (call,) = asked
    assert (call["name"], call["arguments"], call["face"]) == ("performance", {"symbols": ["AAPL"]}, "mcp")
    assert (call["principal"].kind, call["principal"].requested_by) == ("agent", "usr_1")
    assert "approve" not in call["principal"].scopes


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UnknownName("symbol", "AAPLE", ["AAPL"]), "unknown_name"),
        (errors.InvalidInput("symbols: Field required.", hint="See the schema."), "invalid_input"),
        (errors.NoData("Nothing is stored."), "no_data"),
        (errors.Refused("MCP client lacks the scope 'trade'.", rule="scope"), "refused"),
        (errors.PrivacyRefused("Private.", rule="label"), "privacy_refused"),
        (errors.TradingHalted(), "trading_halted"),
        (errors.Unavailable("The database cannot be reached."), "unavailable"),
        (errors.BudgetExceeded("Too many rows."), "budget_exceeded"),
    ],
)
async def test_a_refusal_is_a_code_and_the_whole_sentence(answering, error, code):
    answering(error)
    async with session(SimpleNamespace(code_version="1")) as client:
        answer = await client.call_tool("performance", {})
    assert answer.isError
    assert answer.structuredContent == {"error": {"code": code, "message": str(error)}}
    assert json.loads(answer.content[0].text) == answer.structuredContent


async def test_an_unexpected_failure_tells_no_details_and_the_server_goes_on(answering, caplog):
    answering(KeyError("secret detail of a row: 77731.4142857"))
    async with session(SimpleNamespace(code_version="1")) as client:
        answer = await client.call_tool("performance", {})
        assert answer.isError
        assert answer.structuredContent["error"]["code"] == "internal"
        assert "77731" not in answer.content[0].text
        assert len((await client.list_tools()).tools) > 5
    assert "performance" in caplog.text


async def test_unknown_tools_and_arguments_are_refused_by_the_real_door():
    class Calls:
        def start(self, call: Any) -> None:
            raise AssertionError("a call that does not fit is not even begun")

    desk = SimpleNamespace(code_version="1", calls=Calls())
    async with session(desk) as client:
        for name, arguments, code in (
            ("performence", {}, "unknown_name"),
            ("../cli", {}, "unknown_name"),
            ("performance", {"symbols": "AAPL", "extra": 1}, "invalid_input"),
            ("performance", {}, "invalid_input"),
            ("decide", {"proposal_id": "prp_1", "decision": "approved"}, "unknown_name"),
            ("approve", {"proposal_id": "prp_1"}, "unknown_name"),
        ):
            answer = await client.call_tool(name, arguments)
            assert answer.isError, name
            assert answer.structuredContent["error"]["code"] == code, answer.structuredContent


async def test_a_reader_s_client_cannot_propose():
    reader = Principal(id="usr_2", name="ann", kind="person", scopes=frozenset({"read"}))
    async with session(SimpleNamespace(code_version="1"), reader) as client:
        answer = await client.call_tool("propose_trade", {"symbol": "KO", "side": "buy", "quantity": 1})
    assert answer.isError
    assert answer.structuredContent["error"]["code"] == "refused"
    assert "'trade'" in answer.structuredContent["error"]["message"]


@given(
    scopes=st.sets(st.sampled_from(sorted(SCOPES))),
    kind=st.sampled_from(["person", "agent", "service"]),
    requested_by=st.none() | st.just("usr_9"),
)
def test_no_client_ever_approves_or_gains_a_scope(scopes, kind, requested_by):
    if kind != "person":
        scopes = scopes - {"approve"}
    given_principal = Principal(id="x", name="x", kind=kind, scopes=frozenset(scopes), requested_by=requested_by)
    agent = agent_principal(given_principal)
    assert agent.kind != "person"
    assert "approve" not in agent.scopes
    assert agent.scopes <= given_principal.scopes
    assert agent.requested_by == (given_principal.id if kind == "person" else requested_by)
    assert agent_principal(agent) is agent
