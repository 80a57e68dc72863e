"""Give each tool a route of its own with its own schema, made from its declaration."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from app.auth.web import Caller
from app.bootstrap import Parts
from app.documents import tool_document
from core.domain.as_of import AsOf
from core.domain.facts import ToolResult
from core.errors import InvalidInput
from tools.context import Desk
from tools.registry import Tool, load_tools
from tools.runner import run_tool


def parts_of(request: Request) -> Parts:
    """Return the parts of the running desk."""
    parts: Parts = request.app.state.parts
    return parts


def desk_of(request: Request) -> Desk:
    """Return the desk of the running server."""
    return parts_of(request).desk


def tools_router() -> APIRouter:
    """Return the routes of every tool in the registry."""
    router = APIRouter(prefix="/api/tools", tags=["tools"])

    @router.get("")
    def list_tools(_: Caller) -> list[dict[str, Any]]:
        """List the tools with the schema of their arguments."""
        return [tool_document(tool) for tool in load_tools()]

    for tool in load_tools():
        router.add_api_route(
            f"/{tool.name}",
            _endpoint(tool),
            methods=["POST"],
            name=tool.name,
            operation_id=tool.name,
            summary=tool.description.splitlines()[0] if tool.description else tool.name,
            description=tool.description,
            response_model=ToolResult,
        )
    return router


def _endpoint(tool: Tool) -> Callable[..., Any]:
    async def call(
        request: Request,
        principal: Caller,
        arguments: BaseModel,
        as_of: Annotated[datetime | None, Query(description="See the data as it was known then (with a zone).")] = None,
        seed: Annotated[int | None, Query(ge=0, lt=2**48, description="Seed of a tool that draws numbers.")] = None,
    ) -> ToolResult:
        if as_of is not None and as_of.tzinfo is None:
            raise InvalidInput("as_of needs a time zone.", hint="Write 2022-11-28T21:00:00Z.")
        return await run_in_threadpool(
            run_tool,
            desk_of(request),
            tool.name,
            arguments.model_dump(mode="json", exclude_unset=True),
            principal=principal,
            face="api",
            as_of=AsOf(known=as_of) if as_of else None,
            seed=seed,
        )

    call.__annotations__["arguments"] = tool.arguments
    call.__name__ = tool.name
    return call
