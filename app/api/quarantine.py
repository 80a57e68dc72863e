"""Serve the review of rows that were held back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from app.api.tools import parts_of
from app.auth.accounts import require_scope
from app.auth.web import Caller
from app.documents import plain
from core.data.review import HeldState

quarantine_router = APIRouter(prefix="/api/quarantine", tags=["data"])


class Why(BaseModel):
    """Say why, for the record."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field(default="", max_length=2000)


@quarantine_router.get("")
async def held_rows(
    request: Request,
    principal: Caller,
    state: HeldState = "held",
    source: str | None = None,
    symbol: str | None = None,
    reason: str | None = None,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """List rows that were held back; `next` is the `after` of the following page, null on the last."""
    require_scope(principal, "read")
    found = await run_in_threadpool(
        parts_of(request).review.list,
        state=state,
        source=source,
        symbol=symbol,
        reason=reason,
        after=after,
        limit=limit,
    )
    rows = [plain(entry) for entry in found]
    return {"rows": rows, "next": found[-1].quarantine_id if len(found) == limit else None}


@quarantine_router.get("/{row}")
async def held_row(request: Request, principal: Caller, row: str) -> dict[str, Any]:
    """Show a row beside the stored bars around it and what other sources say."""
    require_scope(principal, "read")
    shown: dict[str, Any] = plain(await run_in_threadpool(parts_of(request).review.show, row))
    return shown


@quarantine_router.post("/{row}/release")
async def release_row(request: Request, principal: Caller, row: str, body: Why) -> dict[str, Any]:
    """Store a held bar, as a person with the scope `admin`; the first decision counts."""
    require_scope(principal, "admin")
    said = await run_in_threadpool(parts_of(request).review.release, row, principal, face="api", reason=body.reason)
    return {"message": said}


@quarantine_router.post("/{row}/discard")
async def discard_row(request: Request, principal: Caller, row: str, body: Why) -> dict[str, Any]:
    """Put a held row aside for good, as a person with the scope `admin`."""
    require_scope(principal, "admin")
    said = await run_in_threadpool(parts_of(request).review.discard, row, principal, face="api", reason=body.reason)
    return {"message": said}
