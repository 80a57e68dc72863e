"""Carry what one turn collects while the graph runs; never stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from agents.answer import Answer, Event, Route
from agents.planner.plan import Plan
from agents.planner.universe import Universe
from core.domain.as_of import AsOf
from core.domain.facts import Label, ToolResult
from core.domain.principal import Principal
from core.errors import QuantdeskError
from tools.context import Desk

MOST_STEPS = 6
MOST_TOOL_CALLS = 8


@dataclass(slots=True, kw_only=True)
class Turn:
    """Hold one turn: who asks what, what was run, what came of it."""

    desk: Desk
    principal: Principal
    face: str
    thread_id: str
    question: str
    universe: Universe
    question_id: str
    today: date
    as_of: AsOf
    emit: Callable[[Event], None]
    replay: bool = False
    private_terms: tuple[str, ...] = ()
    plan: Plan | None = None
    label: Label = "public"
    route: Route = "offline"
    model: str = "offline planner"
    steps: int = 0
    results: dict[str, ToolResult] = field(default_factory=dict)
    errors: dict[str, QuantdeskError] = field(default_factory=dict)
    calls: list[tuple[str, str, dict[str, object]]] = field(default_factory=list)
    correction: tuple[str, str] | None = None
    corrected: int = 0
    sql_failures: int = 0
    offline_only: bool = False
    asked_models: bool = False
    argued: bool = False
    remarks: list[str] = field(default_factory=list)
    text: str = ""
    answer: Answer | None = None
