"""Serve the session, the traces of numbers, and the health of the server."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool

from app.api.tools import desk_of
from app.auth.accounts import require_scope
from app.auth.web import Browser, Caller
from app.documents import explanation_document, replay_document
from tools.tracing import explain, replay

desk_router = APIRouter(prefix="/api")


class SessionAnswer(BaseModel):
    """Tell a browser who it is signed in as, and the token its changes must bring."""

    model_config = ConfigDict(extra="forbid")
    name: str
    scopes: list[str]
    csrf_token: str
    expires_at: str


@desk_router.get("/health", tags=["desk"])
async def health() -> dict[str, str]:
    """Say that the web process answers; no session is needed."""
    return {"status": "ok"}


@desk_router.get("/session", tags=["desk"])
async def session(browser: Browser) -> SessionAnswer:
    """Return the open session of the browser."""
    return SessionAnswer(
        name=browser.principal.name,
        scopes=sorted(browser.principal.scopes),
        csrf_token=browser.csrf_token,
        expires_at=browser.expires_at.isoformat(),
    )


@desk_router.get("/why/{fact}", tags=["traces"])
async def why(request: Request, principal: Caller, fact: str) -> dict[str, Any]:
    """Explain where a number came from: a fact, a table cell or a run."""
    return explanation_document(await run_in_threadpool(explain, desk_of(request), fact, principal))


@desk_router.post("/replay/{run}", tags=["traces"])
async def replay_run(request: Request, principal: Caller, run: str) -> dict[str, Any]:
    """Make a recorded call again on the data known then and compare the results."""
    return replay_document(await run_in_threadpool(replay, desk_of(request), run, principal, face="api"))


@desk_router.get("/calls", tags=["traces"])
async def calls(
    request: Request, principal: Caller, limit: Annotated[int, Query(ge=1, le=1000)] = 50
) -> list[dict[str, Any]]:
    """List the newest tool calls, without results."""
    require_scope(principal, "read")
    records = await run_in_threadpool(desk_of(request).calls.recent, limit=limit)
    return [
        {
            "run": record.call.run_id,
            "tool": record.call.tool,
            "state": record.state,
            "label": record.call.label,
            "asked_by": record.call.principal,
            "face": record.call.face,
            "started_at": record.call.started_at.isoformat(),
            "duration_ms": record.duration_ms,
        }
        for record in records
    ]
