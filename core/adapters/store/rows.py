"""Read rows into records."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypeVar

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from pydantic import BaseModel

from core.adapters.store.database import Connection
from core.domain.records import Record

R = TypeVar("R", bound=Record)


def read_records(connection: Connection, record: type[R], sql: str, parameters: Any = ()) -> list[R]:
    """Run a query whose columns are fields of the record and return its rows; other columns are left out."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(sql.encode(), parameters).fetchall()
    return [to_record(record, row) for row in rows]


def to_record(record: type[R], row: dict[str, Any]) -> R:
    """Make a record of a row, leaving out columns that are not its fields (recorded_at and the like)."""
    return record.model_validate({name: value for name, value in row.items() if name in record.model_fields})


def columns_of(record: type[Record], *, without: Sequence[str] = (), prefix: str = "") -> str:
    """Return the record's columns as SQL text."""
    return ", ".join(prefix + name for name in record.model_fields if name not in without)


def insert(connection: Connection, row: Record, *, without: Sequence[str] = (), on_conflict: str = "") -> int:
    """Insert a record and return the number of rows stored; jsonb columns take dicts, tuples and lists."""
    names = [name for name in type(row).model_fields if name not in without]
    values = [getattr(row, name) for name in names]
    parameters = [Jsonb(_to_json(value)) if isinstance(value, dict | tuple | list) else value for value in values]
    marks = ", ".join(["%s"] * len(names))
    sql = f"INSERT INTO {type(row).table} ({', '.join(names)}) VALUES ({marks}) {on_conflict}"
    return connection.execute(sql.encode(), parameters).rowcount


def _to_json(value: Any) -> Any:
    """Return the value as JSON takes it; decimals as text without exponent, as the digest of a proposal has them."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return {name: _to_json(part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return [_to_json(part) for part in value]
    if isinstance(value, BaseModel):
        unset = {name for name in getattr(value, "left_out", ()) if getattr(value, name) is None}
        return {name: _to_json(getattr(value, name)) for name in type(value).model_fields if name not in unset}
    return value
