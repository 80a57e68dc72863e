"""Serve every tool to an MCP client over standard input and output."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from core.domain.principal import Principal
from core.errors import QuantdeskError

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

    from tools.context import Desk

_log = logging.getLogger(__name__)


def agent_principal(principal: Principal) -> Principal:
    """Return the principal for an MCP client: an agent that may read and propose, and never approve."""
    if principal.kind != "person":
        return principal
    return Principal(
        id=f"agent:mcp:{principal.id}",
        name="MCP client",
        kind="agent",
        scopes=principal.scopes & {"read", "trade"},
        requested_by=principal.id,
    )


def build_server(desk: Desk, principal: Principal) -> Server[Any, Any]:
    """Return an MCP server with one tool per tool of the registry, called as this principal."""
    from mcp import types
    from mcp.server.lowlevel import Server

    from core.reporting.rendering import render_fact, table_markdown
    from tools.registry import load_tools
    from tools.runner import run_tool

    def failed(code: str, message: str) -> types.CallToolResult:
        body = {"error": {"code": code, "message": message}}
        text = types.TextContent(type="text", text=json.dumps(body))
        return types.CallToolResult(content=[text], structuredContent=body, isError=True)

    agent = agent_principal(principal)
    server: Server[Any, Any] = Server("quantdesk", version=desk.code_version)

    @server.list_tools()  # type: ignore[no-untyped-call, untyped-decorator]
    async def list_tools() -> list[types.Tool]:
        return [
            types.Tool(name=tool.name, description=tool.description, inputSchema=tool.schema()) for tool in load_tools()
        ]

    @server.call_tool(validate_input=False)  # type: ignore[untyped-decorator]  # run_tool checks, with better sentences
    async def call_tool(name: str, arguments: dict[str, Any] | None) -> types.CallToolResult:
        try:
            result = await asyncio.to_thread(
                run_tool, desk, name, arguments or {}, principal=agent, face="mcp", thread_id=None
            )
        except QuantdeskError as error:
            return failed(error.code, str(error))
        except Exception as error:  # noqa: BLE001  # the client gets a sentence, the desk's log the details
            _log.error("unexpected error in the tool %s", name, exc_info=error)
            return failed("internal", "Something unexpected went wrong; the details are in the desk's log.")
        lines = [f"{fact.name}: {render_fact(fact)} [{fact.id}]" for fact in result.facts]
        lines += [f"\n{table.title}\n{table_markdown(table)}" for table in result.tables]
        lines += [*result.notes, f"As of {result.as_of.isoformat()}; {result.label}; run {result.run}"]
        return types.CallToolResult(
            content=[types.TextContent(type="text", text="\n".join(lines))],
            structuredContent=result.model_dump(mode="json"),
        )

    return server


def serve(desk: Desk, principal: Principal) -> None:
    """Answer an MCP client on standard input and output until it leaves."""
    from mcp.server.stdio import stdio_server

    server = build_server(desk, principal)

    async def run() -> None:
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    asyncio.run(run())
