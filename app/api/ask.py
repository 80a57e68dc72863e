"""Answer a question in plain language over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from app.api.tools import desk_of
from app.auth.accounts import require_scope
from app.auth.web import Caller

if TYPE_CHECKING:
    from agents.graph import Assistant

ask_router = APIRouter(prefix="/api", tags=["conversation"])


class Question(BaseModel):
    """Ask in plain language; give the thread of an earlier answer to go on from it."""

    model_config = ConfigDict(extra="forbid")
    question: Annotated[str, Field(min_length=1, max_length=4000, description="The question.")]
    thread: Annotated[str | None, Field(pattern=r"^thr_[0-9a-f]{32}$", description="Thread to go on with.")] = None


@ask_router.post("/ask")
async def ask(request: Request, principal: Caller, question: Question) -> dict[str, Any]:
    """Return the answer with its facts, tables, tool calls, SQL, label, route and outcome."""
    require_scope(principal, "read")
    assistant: Assistant = request.app.state.assistant
    thread = question.thread or desk_of(request).ids.new("thr")
    # A thread belongs to whoever began it: another person's id never meets it.
    answer = await assistant.ask(question.question, f"{principal.id}:{thread}", principal, "api")
    return {"thread": thread, **answer.model_dump(mode="json")}
