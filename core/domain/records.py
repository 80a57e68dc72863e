"""Register the kinds of record the desk stores."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict

from core.domain.facts import Label
from core.errors import UnknownName

_KINDS: dict[str, type[Record]] = {}


class Record(BaseModel):
    """Be one row of one table; subclasses name the kind, the table, the key and the data label.

    A correction of a `versioned` record keeps the row it corrects. Its `outcome` fields are filled in later and visible
    from a time of their own, so that filling them in corrects nothing. `owned_by` names the field with the person to
    whom a row belongs, for kinds that people keep themselves.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: ClassVar[str]
    table: ClassVar[str]
    key: ClassVar[tuple[str, ...]]
    label: ClassVar[Label]
    versioned: ClassVar[bool] = False
    outcome: ClassVar[tuple[str, ...]] = ()
    owned_by: ClassVar[str | None] = None

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        if "kind" in cls.__dict__:
            _KINDS[cls.kind] = cls


def record_kinds() -> Iterator[type[Record]]:
    """Yield every kind of record in alphabetical order."""
    _load()
    for name in sorted(_KINDS):
        yield _KINDS[name]


def record_kind(name: str) -> type[Record]:
    """Return the record class of a kind; raise UnknownName with those there are."""
    _load()
    if name not in _KINDS:
        raise UnknownName("record kind", name, sorted(_KINDS))
    return _KINDS[name]


def scalar_of(annotation: Any) -> Any:
    """Return the type of a field without None; str for a list of words."""
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(part for part in get_args(annotation) if part is not NoneType)
    if get_origin(annotation) is Literal:
        return str
    return getattr(annotation, "__origin__", annotation) if hasattr(annotation, "__metadata__") else annotation


def day_field(record: type[Record]) -> str | None:
    """Return the field that says what day a record is about: its first date, else its first time."""
    for wanted in (date, datetime):
        for name, field in record.model_fields.items():
            if name != "known_at" and scalar_of(field.annotation) is wanted:
                return name
    return None


def _load() -> None:
    from core.domain import books, derived_records, event_records, market_records, news_records, owned_records  # noqa: F401
