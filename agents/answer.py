"""Define what the conversation gives back: the answer, and the events on the way to it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from agents.planner.plan import Call, Outcome
from core.domain.facts import Chart, Fact, Label, Table, ToolResult
from core.ports.clock import ClockMode

Route = Literal["cloud", "local", "offline"]
ROWS_IN_TEXT = 12


class Answer(BaseModel):
    """Hold the answer to one turn: words whose numbers are facts, and what stands behind them.

    `text` is ready to show; `tables` and `charts` are shown beside it. `clock` says whether the desk is live
    or replays the past, `as_of` which moment it saw, `cost_usd` what the models' calls cost.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    outcome: Outcome
    route: Route
    label: Label
    tool_calls: tuple[Call, ...] = ()
    sql: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    proposal_ids: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    model: str = "offline planner"
    cost_usd: Decimal = Decimal(0)
    as_of: datetime
    clock: ClockMode

    def cost(self) -> str:
        """Return what the answer cost, to put after the name of its model; nothing for a free one."""
        return f", ${self.cost_usd:.4f}" if self.cost_usd else ""

    def named_sources(self) -> tuple[str, ...]:
        """Return the sources with what each gave: "AAPL: arch" and "MSFT: arch" as "arch: AAPL, MSFT"."""
        given: dict[str, list[str]] = {}
        for source in self.sources:
            what, parted, where = source.partition(": ")
            given.setdefault(where if parted else what, []).extend([what] if parted else [])
        return tuple(f"{where}: {', '.join(names)}" if names else where for where, names in given.items())

    def as_markdown(self) -> str:
        """Return the text, the first rows of each table, remarks and sources, for faces without tables of their own."""
        from core.reporting.rendering import table_markdown

        parts = [self.text]
        for table in self.tables[:3]:
            parts.append(f"**{table.title or table.name}**\n\n{table_markdown(table, ROWS_IN_TEXT)}")
        remarks = [note for note in self.notes if note not in self.text]
        if self.runs:
            replay = " (the desk replays the past)" if self.clock == "replay" else ""
            remarks.append(f"As of {self.as_of:%Y-%m-%d %H:%M} UTC{replay}; {self.model}{self.cost()}.")
        if self.sources:
            remarks.append(f"Source: {'; '.join(self.named_sources()[:6])}.")
        return "\n\n".join([*parts, *([" ".join(remarks)] if remarks else [])])


class Event(BaseModel):
    """Be one thing that happened while answering; `kind` tells which."""

    model_config = ConfigDict(frozen=True)

    kind: str


class RouteChosen(Event):
    """Say which kind of model takes the turn, and under which label."""

    kind: Literal["route"] = "route"
    route: Route
    model: str
    label: Label


class ToolStarted(Event):
    """Say that a tool call begins."""

    kind: Literal["tool_started"] = "tool_started"
    call_id: str
    name: str
    args: dict[str, Any] = Field(default_factory=dict)


class ToolFinished(Event):
    """Give the result of a tool call, or the sentence of its error."""

    kind: Literal["tool_finished"] = "tool_finished"
    call_id: str
    name: str
    result: ToolResult | None = None
    error: str | None = None


class TextChunk(Event):
    """Give the next part of the answer's text; only checked text is streamed."""

    kind: Literal["text"] = "text"
    text: str


class Done(Event):
    """Give the whole answer; always the last event."""

    kind: Literal["done"] = "done"
    answer: Answer
