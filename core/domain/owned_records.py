"""Define the records that users own: private to whoever made them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints

from core.domain.facts import Label
from core.domain.records import Record

Name = Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True)]
Note = Annotated[str, StringConstraints(max_length=2000)]


class WatchList(Record):
    """Hold instruments that a person watches, or a group that they made, by instrument id."""

    kind: ClassVar[str] = "watch_list"
    table: ClassVar[str] = "desk.watch_lists"
    key: ClassVar[tuple[str, ...]] = ("list_id",)
    label: ClassVar[Label] = "private"
    owned_by: ClassVar[str | None] = "owner"

    list_id: str
    owner: str
    name: Name
    purpose: Literal["watch", "group"] = "watch"
    members: tuple[int, ...] = Field(default=(), max_length=500)
    note: Note = ""
    changed_by: str
    updated_at: datetime


class OwnEvent(Record):
    """Hold an event that a person noted for themselves."""

    kind: ClassVar[str] = "own_event"
    table: ClassVar[str] = "desk.own_events"
    key: ClassVar[tuple[str, ...]] = ("event_id",)
    label: ClassVar[Label] = "private"
    owned_by: ClassVar[str | None] = "owner"

    event_id: str
    owner: str
    event_date: date
    name: Name
    instrument_id: int | None = None
    note: Note = ""
    changed_by: str
    updated_at: datetime


class SavedStrategy(Record):
    """Hold a strategy that a person saved: its specification, and how an enabled one is traded.

    A scan brings an enabled strategy's positions to its targets times `weight` (share of the account's value).
    `stop_loss` and `take_profit` are ratios of the money committed, 0 for none; what a scan recommends is scored after
    `horizon_sessions`.
    """

    kind: ClassVar[str] = "strategy"
    table: ClassVar[str] = "strategies.specs"
    key: ClassVar[tuple[str, ...]] = ("strategy_id",)
    label: ClassVar[Label] = "private"
    owned_by: ClassVar[str | None] = "created_by"

    strategy_id: str
    name: Name
    spec: dict[str, Any]
    enabled: bool = False
    account_id: str | None = None
    weight: float = Field(default=0.1, gt=0, le=1)
    stop_loss: float = Field(default=0.0, ge=0, lt=1)
    take_profit: float = Field(default=0.0, ge=0)
    horizon_sessions: int = Field(default=20, ge=1, le=260)
    created_by: str
    created_at: datetime
    changed_by: str
