"""Define the record of tool calls and facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from core.domain.as_of import AsOf
from core.domain.facts import Fact, Label, ToolResult

Effect = Literal["read", "compute", "propose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """Say what was called, by whom, on what state of the data and code."""

    run_id: str
    tool: str
    arguments: dict[str, Any]
    label: Label
    effect: Effect
    principal: str
    face: str
    thread_id: str | None
    as_of: AsOf
    code_version: str
    seed: int | None
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """Add to a call what came of it."""

    call: ToolCall
    state: Literal["running", "done", "failed"]
    duration_ms: float | None
    error: str | None
    result: ToolResult | None
    result_digest: str | None


class CallLog(Protocol):
    """Keep every tool call and its facts."""

    def start(self, call: ToolCall) -> None:
        """Record that a call begins."""
        ...

    def finish(
        self, run_id: str, *, duration_ms: float, result: ToolResult | None, digest: str | None, error: str | None
    ) -> None:
        """Record the outcome and, in the same transaction, the facts of the result."""
        ...

    def call(self, run_id: str) -> CallRecord:
        """Return a call; raise UnknownName."""
        ...

    def fact(self, fact_id: str) -> Fact:
        """Return a fact; raise UnknownName."""
        ...

    def recent(self, *, thread_id: str | None = None, limit: int = 50) -> Sequence[CallRecord]:
        """Return the newest calls, without results."""
        ...

    def done(self, tools: Sequence[str], *, before: datetime | None, limit: int = 5000) -> Sequence[ToolCall]:
        """Return the newest finished public calls of some tools that started before a moment."""
        ...
