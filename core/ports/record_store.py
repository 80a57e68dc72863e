"""Define how records of any kind are read page by page, and how people keep what is their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from core.domain.as_of import AsOf
from core.domain.records import Record

MOST_ROWS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordQuery:
    """Ask for a page of one kind: fields that equal values, days from `start` to `end`, after the key `after`.

    `as_of` cuts at what was known and stored then; `owner` leaves only what this person owns.
    """

    record: type[Record]
    equal: Mapping[str, Any] = field(default_factory=dict)
    start: date | None = None
    end: date | None = None
    after: tuple[str, ...] | None = None
    limit: int = 100
    as_of: AsOf
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPage:
    """Hold a page as the JSON text of a list, and the key after which the next page begins (None: there is none)."""

    items: str
    count: int
    last: tuple[str, ...] | None


class RecordStore(Protocol):
    """Read every kind of record; write those that people own."""

    def page(self, query: RecordQuery) -> RecordPage:
        """Return one page by ascending key. Raises InvalidInput for a key that does not fit."""
        ...

    def now(self) -> datetime:
        """Return the time up to which everything committed is seen; pages read with it are one picture."""
        ...

    def add(self, record: Record) -> None:
        """Store a new record of a person; raise InvalidInput when its key or name is taken."""
        ...

    def change(self, record: Record) -> bool:
        """Replace a record of its owner by one with the same key; say whether it is theirs and there."""
        ...

    def remove(self, record: type[Record], key: str, owner: str) -> bool:
        """Delete a record of its owner; say whether it was theirs and there."""
        ...
