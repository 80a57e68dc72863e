"""An MCP client over stdio gets the tools, may propose, and never approves."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from app.mcp import agent_principal
from core.domain.principal import Principal

ROOT = Path(__file__).resolve().parents[2]


def test_a_person_s_key_turns_into_an_agent_without_approval():
    person = Principal(id="usr_1", name="owner", kind="person", scopes=frozenset({"read", "trade", "approve", "admin"}))
    agent = agent_principal(person)
    assert (agent.kind, agent.scopes, agent.requested_by) == ("agent", {"read", "trade"}, "usr_1")
    reader = Principal(id="usr_2", name="ann", kind="person", scopes=frozenset({"read"}))
    assert agent_principal(reader).scopes == {"read"}
    key = Principal(id="agent:key_1", name="bot", kind="agent", scopes=frozenset({"read"}), requested_by="usr_1")
    assert agent_principal(key) is key


async def test_over_stdio(desk_dsn, tmp_path):
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    from tools.registry import tool_names

    env = {"PATH": os.environ["PATH"], "DATABASE_URL": desk_dsn, "QUANTDESK_HOME": str(tmp_path), "HOME": str(tmp_path)}
    server = StdioServerParameters(command=sys.executable, args=["-m", "app.cli", "mcp"], cwd=ROOT, env=env)
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        assert {tool.name for tool in (await session.list_tools()).tools} == set(tool_names())

        body = {"symbols": ["AAPL"], "start": "2008-01-01", "end": "2008-12-31"}
        result = await session.call_tool("performance", body)
        assert not result.isError
        assert result.structuredContent is not None
        values = {fact["name"]: fact["value"] for fact in result.structuredContent["facts"]}
        # Unadjusted closes 198.08 and 85.35, no dividend in between.
        assert values["AAPL total return"] == pytest.approx(85.35 / 198.08 - 1, abs=2e-4)
        assert "AAPL total return: -56.91%" in result.content[0].text

        for name, arguments, code in (
            ("performance", {"symbols": ["AAPLE"]}, "unknown_name"),
            ("performance", {"symbols": ["AAPL"], "extra": 1}, "invalid_input"),
            ("nothing", {}, "unknown_name"),
        ):
            failed = await session.call_tool(name, arguments)
            assert failed.isError
            assert failed.structuredContent["error"]["code"] == code

        proposed = await session.call_tool("propose_trade", {"symbol": "KO", "side": "buy", "quantity": 1})
        assert not proposed.isError, proposed.content
        assert proposed.structuredContent["proposal_id"].startswith("prp_")
    import psycopg

    with psycopg.connect(desk_dsn) as connection:
        author_kind, decided = connection.execute(
            "SELECT p.author_kind, d.decision FROM execution.proposals p LEFT JOIN execution.decisions d"
            " USING (proposal_id) WHERE proposal_id = %s",
            (proposed.structuredContent["proposal_id"],),
        ).fetchone()
    assert (author_kind, decided) == ("agent", None)
