"""Define what the planner understood (a frame) and what it will do about it (a plan)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from agents.planner.periods import Period

Outcome = Literal[
    "answer", "needs_approval", "refuse", "clarify", "clarify_or_default", "no_data", "decline", "safe_answer", "failed"
]
Topic = Literal[
    "metric", "performance", "chart", "indicators", "book", "risk", "stress", "simulate", "backtest", "size", "trade",
    "coverage", "portfolio", "sql", "scan", "talk", "optimise", "train", "pnl_split", "correlation",
    "strategies", "calibrate", "event_study", "inject_event", "reverse_stress", "recommend", "track_record",
    "day_report",
]  # fmt: skip

# The topics of a frame that ask something of instruments, which the next turn may go on about.
SUBJECT_TOPICS = frozenset({"metric", "performance", "chart", "indicators"})


class Strict(BaseModel):
    """Be immutable and refuse unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Call(Strict):
    """Name one tool call."""

    name: str
    args: dict[str, Any] = Field(default_factory=dict)


class Frame(Strict):
    """Hold what a turn is about, so that the next turn can change a part of it.

    `options` are the arguments that only one topic has (strategy parameters, order fields, shocks); `others` the
    symbols or series of the turn before, which "between them" means too.
    """

    topic: Topic
    metric: str | None = None
    symbols: tuple[str, ...] = ()
    group: str | None = None
    series: tuple[str, ...] = ()
    period: Period | None = None
    grain: str | None = None
    aggregation: str | None = None
    window: int | None = None
    order: Literal["asc", "desc"] | None = None
    limit: int | None = None
    operator: str | None = None
    value: float | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    chart: bool = False
    wants: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


class Plan(Strict):
    """Hold the decision: tool calls, or words for the person.

    `leftovers` are the words that could not be placed; `notes` say how something ambiguous was read.
    """

    outcome: Outcome
    calls: tuple[Call, ...] = ()
    frame: Frame | None = None
    say: str = ""
    leftovers: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    private: bool = False
