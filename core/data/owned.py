"""Let people keep what is their own: watch lists, groups, events, strategies; nobody else sees or changes it."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from core.domain.identifiers import IdSource
from core.domain.owned_records import OwnEvent, SavedStrategy, WatchList
from core.domain.principal import Principal
from core.domain.records import Record
from core.errors import InvalidInput, NotSignedIn, UnknownName
from core.ports.clock import Clock
from core.ports.market_data import Instruments
from core.ports.record_store import RecordStore

T = TypeVar("T", bound=Record)
_PREFIXES: dict[type[Record], str] = {WatchList: "lst", OwnEvent: "evt", SavedStrategy: "stg"}
# What the desk fills in itself.
_STAMPS = frozenset({"changed_by", "created_at", "updated_at"})


class Makers(Protocol):
    """Give what a new record needs: time, ids and instruments by name."""

    @property
    def clock(self) -> Clock:
        """The clock."""
        ...

    @property
    def ids(self) -> IdSource:
        """The source of ids."""
        ...

    @property
    def instruments(self) -> Instruments:
        """The instruments."""
        ...


def input_fields(record: type[Record]) -> dict[str, Any]:
    """Return the fields that a person fills in, as pydantic wants them; instruments may be symbols or ids."""
    fields: dict[str, Any] = {}
    for name, field in record.model_fields.items():
        if name in _STAMPS or name == record.owned_by or name in record.key:
            continue
        annotation: Any = field.annotation
        if name == "members":
            annotation = list[int | str]
        elif name == "instrument_id":
            annotation = int | str | None
        fields[name] = (annotation, field)
    return fields


def create_owned(store: RecordStore, record: type[T], content: dict[str, Any], person: Principal, makers: Makers) -> T:
    """Store a new record of a person and return it; raise UnknownName for an instrument, InvalidInput for a value."""
    made = _make(record, makers.ids.new(_PREFIXES[record]), content, person, makers)
    store.add(made)
    return made


def change_owned(
    store: RecordStore, record: type[T], key: str, content: dict[str, Any], person: Principal, makers: Makers
) -> T:
    """Replace a record of a person and return it; raise UnknownName when there is none of theirs."""
    made = _make(record, key, content, person, makers)
    if not store.change(made):
        raise UnknownName(record.kind, key)
    return made


def remove_owned(store: RecordStore, record: type[Record], key: str, person: Principal) -> None:
    """Delete a record of a person; raise UnknownName when there is none of theirs."""
    if not store.remove(record, key, person.id):
        raise UnknownName(record.kind, key)


def _make(record: type[T], key: str, content: dict[str, Any], person: Principal, makers: Makers) -> T:
    from pydantic import ValidationError

    values = dict(content)
    if "members" in values:
        found = [_instrument_id(makers, member) for member in values["members"]]
        values["members"] = tuple(dict.fromkeys(found))
    if values.get("instrument_id") is not None:
        values["instrument_id"] = _instrument_id(makers, values["instrument_id"])
    if "spec" in values:
        from core.strategies.spec import from_mapping

        from_mapping(values["spec"])
    if values.get("enabled") and "trade" not in person.scopes:
        raise NotSignedIn(f"{person.name} may not enable a strategy.", hint="The scope `trade` is needed.")
    assert record.owned_by is not None
    stamps = dict.fromkeys(_STAMPS - {"changed_by"} & record.model_fields.keys(), makers.clock.wall())
    owner = {record.owned_by: person.id, "changed_by": person.id, record.key[0]: key}
    try:
        return record.model_validate({**values, **stamps, **owner})
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise InvalidInput(f"The {record.kind} does not fit: {problems}.") from error


def _instrument_id(makers: Makers, named: int | str) -> int:
    if isinstance(named, int):
        return makers.instruments.get(named).instrument_id
    return makers.instruments.find(named).instrument_id
