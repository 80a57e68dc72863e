"""Define the records of economic, security and geopolitical events."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar, Literal

from pydantic import Field

from core.domain.facts import Label
from core.domain.records import Record


class EconomicEvent(Record):
    """Hold a scheduled release or speech; `actual` is visible from `actual_known_at`."""

    kind: ClassVar[str] = "economic_event"
    table: ClassVar[str] = "events.economic"
    key: ClassVar[tuple[str, ...]] = ("event_id",)
    label: ClassVar[Label] = "public"
    versioned: ClassVar[bool] = True
    outcome: ClassVar[tuple[str, ...]] = ("actual", "actual_known_at")

    event_id: str
    event_at: datetime | None = None
    event_date: date
    country: str
    name: str
    category: str = ""
    importance: Literal["low", "medium", "high", "holiday", "unknown"] = "unknown"
    actual: float | None = None
    forecast: float | None = None
    previous: float | None = None
    details: dict[str, Any] = Field(default_factory=dict)
    source: str
    known_at: datetime
    actual_known_at: datetime | None = None


class SecurityEvent(Record):
    """Hold an event of one instrument, such as earnings."""

    kind: ClassVar[str] = "security_event"
    table: ClassVar[str] = "events.security"
    key: ClassVar[tuple[str, ...]] = ("event_id",)
    label: ClassVar[Label] = "public"
    versioned: ClassVar[bool] = True
    outcome: ClassVar[tuple[str, ...]] = ("eps_actual", "actual_known_at")

    event_id: str
    instrument_id: int
    event: str
    event_at: datetime | None = None
    event_date: date
    eps_estimate: float | None = None
    eps_actual: float | None = None
    details: dict[str, Any] = Field(default_factory=dict)
    source: str
    known_at: datetime
    actual_known_at: datetime | None = None


class GeopoliticalEvent(Record):
    """Hold a geopolitical event with its severity."""

    kind: ClassVar[str] = "geopolitical_event"
    table: ClassVar[str] = "events.geopolitical"
    key: ClassVar[tuple[str, ...]] = ("event_id",)
    label: ClassVar[Label] = "public"
    versioned: ClassVar[bool] = True

    event_id: str
    event_at: datetime | None = None
    event_date: date
    name: str
    description: str = ""
    category: str = ""
    locations: str = ""
    severity: Literal["low", "medium", "high"]
    risk_index: float | None = None
    details: dict[str, Any] = Field(default_factory=dict)
    source: str
    known_at: datetime
