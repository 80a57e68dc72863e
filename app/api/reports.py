"""Serve reports."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool

from app.api.tools import parts_of
from app.auth.accounts import require_scope
from app.auth.web import Caller
from app.documents import plain

reports_router = APIRouter(prefix="/api/reports", tags=["reports"])


class ReportRequest(BaseModel):
    """Ask for a start-of-day or end-of-day report at the desk's time."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["sod", "eod"]


@reports_router.get("")
async def reports(
    request: Request, principal: Caller, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[dict[str, Any]]:
    """List the newest reports without their pages."""
    require_scope(principal, "read")
    listed: list[dict[str, Any]] = plain(await run_in_threadpool(parts_of(request).reports.list, limit=limit))
    return listed


@reports_router.post("")
async def make(request: Request, principal: Caller, body: ReportRequest) -> dict[str, Any]:
    """Make and store a report; its numbers are facts of recorded runs."""
    require_scope(principal, "read")
    made = await run_in_threadpool(parts_of(request).make_report, body.kind, principal, face="api")
    document: dict[str, Any] = plain(made)
    return document


@reports_router.get("/{report_id}")
async def report(request: Request, principal: Caller, report_id: str) -> dict[str, Any]:
    """Return a report with its facts and its page."""
    require_scope(principal, "read")
    document: dict[str, Any] = plain(await run_in_threadpool(parts_of(request).reports.get, report_id))
    return document


@reports_router.get("/{report_id}/page", response_class=HTMLResponse)
async def page(request: Request, principal: Caller, report_id: str) -> HTMLResponse:
    """Return the page of a report."""
    require_scope(principal, "read")
    return HTMLResponse((await run_in_threadpool(parts_of(request).reports.get, report_id)).html)
