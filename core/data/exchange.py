"""Write records to CSV, JSON Lines and Parquet files and read them back, equal to what was written.

In CSV an empty cell is a missing value, structured values are JSON, and a text that would be mistaken for either
(empty, or beginning with a quotation mark) is written as a JSON string. Decimals are text in every format.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError

from core.domain.records import Record
from core.errors import InvalidInput

R = TypeVar("R", bound=Record)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMN_TYPES: dict[object, str] = {
    bool: "BOOLEAN",
    int: "BIGINT",
    float: "DOUBLE",
    date: "DATE",
    datetime: "TIMESTAMPTZ",
}
_SCALARS = (str, Decimal, *_COLUMN_TYPES)


def write_records(path: Path, record: type[R], records: Iterable[R]) -> int:
    """Write records of one kind, in the format that the ending names (.csv, .jsonl, .parquet); return how many."""
    rows = list(records)
    writer = _format(path, {".csv": _write_csv, ".jsonl": _write_json, ".parquet": _write_parquet})
    writer(path, record, rows)
    return len(rows)


def read_records(path: Path, record: type[R]) -> Iterator[R]:
    """Yield the records of a file; raise InvalidInput naming a row that does not fit its kind."""
    reader = _format(path, {".csv": _read_csv, ".jsonl": _read_json, ".parquet": _read_parquet})
    for number, values in enumerate(reader(path, record), start=1):
        try:
            yield record.model_validate(values)
        except ValidationError as error:
            problems = "; ".join(
                f"{item['loc'][0] if item['loc'] else 'row'}: {item['msg']}" for item in error.errors()
            )
            raise InvalidInput(
                f"Record {number} of {path.name} is no {record.kind}: {problems}.",
                hint=f"`quantdesk schema {record.kind}` shows the fields.",
            ) from error


def _format(path: Path, known: dict[str, Callable[..., Any]]) -> Callable[..., Any]:
    if path.suffix not in known:
        raise InvalidInput(f"{path.name} has an unknown ending.", hint=f"Use one of {', '.join(known)}.")
    return known[path.suffix]


def _write_json(path: Path, record: type[Record], rows: list[Record]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{row.model_dump_json()}\n" for row in rows)


def _read_json(path: Path, record: type[Record]) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                yield json.loads(line)
            except json.JSONDecodeError as error:
                raise InvalidInput(f"Line {number} of {path.name} is no JSON: {error.msg}.") from error


def _write_csv(path: Path, record: type[Record], rows: list[Record]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(record.model_fields)
        for row in rows:
            values = row.model_dump(mode="json")
            writer.writerow([_to_cell(record, name, values[name]) for name in record.model_fields])


def _read_csv(path: Path, record: type[Record]) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield {name: _from_cell(record, name, cell) for name, cell in row.items() if name is not None}


def _to_cell(record: type[Record], name: str, value: Any) -> str:
    if value is None:
        return ""
    if not _is_scalar(record, name):
        return json.dumps(value)
    if isinstance(value, str):
        return json.dumps(value) if value == "" or value.startswith('"') else value
    return repr(value) if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)


def _from_cell(record: type[Record], name: str, cell: str | None) -> Any:
    if not cell:
        return None
    structured = name in record.model_fields and not _is_scalar(record, name)
    return json.loads(cell) if structured or cell.startswith('"') else cell


def _write_parquet(path: Path, record: type[Record], rows: list[Record]) -> None:
    import duckdb

    columns = ", ".join(f'"{name}" {_column_type(record, name)}' for name in record.model_fields)
    places = ", ".join("?" for _ in record.model_fields)
    with duckdb.connect(":memory:") as database:
        database.execute(f"SET TimeZone = 'UTC'; CREATE TABLE records ({columns})")
        if rows:
            database.executemany(f"INSERT INTO records VALUES ({places})", [_values(record, row) for row in rows])
        database.execute(f"COPY records TO '{str(path).replace(chr(39), chr(39) * 2)}' (FORMAT parquet)")


def _read_parquet(path: Path, record: type[Record]) -> Iterator[dict[str, Any]]:
    import duckdb

    names = list(record.model_fields)
    wanted = ", ".join(
        f'epoch_us("{name}")' if _column_type(record, name) == "TIMESTAMPTZ" else f'"{name}"' for name in names
    )
    with duckdb.connect(":memory:") as database:
        try:
            rows = database.execute(f"SELECT {wanted} FROM read_parquet(?)", [str(path)]).fetchall()
        except duckdb.Error as error:
            raise InvalidInput(f"{path.name} cannot be read: {str(error).splitlines()[0]}") from error
    for row in rows:
        yield {name: _from_column(record, name, value) for name, value in zip(names, row, strict=True)}


def _values(record: type[Record], row: Record) -> list[Any]:
    plain, coded = row.model_dump(), row.model_dump(mode="json")
    return [
        plain[name]
        if _column_type(record, name) != "VARCHAR" or plain[name] is None
        else coded[name]
        if _is_scalar(record, name)
        else json.dumps(coded[name])
        for name in record.model_fields
    ]


def _from_column(record: type[Record], name: str, value: Any) -> Any:
    if value is None:
        return None
    if _column_type(record, name) == "TIMESTAMPTZ":
        return _EPOCH + timedelta(microseconds=value)
    return value if _is_scalar(record, name) else json.loads(value)


def _column_type(record: type[Record], name: str) -> str:
    return _COLUMN_TYPES.get(_plain_type(record, name), "VARCHAR")


def _is_scalar(record: type[Record], name: str) -> bool:
    found = _plain_type(record, name)
    return found in _SCALARS or get_origin(found) is Literal


def _plain_type(record: type[Record], name: str) -> object:
    """Return the type of a field without `| None`."""
    annotation = record.model_fields[name].annotation
    if get_origin(annotation) in (Union, UnionType):
        kept = [part for part in get_args(annotation) if part is not NoneType]
        return kept[0] if len(kept) == 1 else annotation
    return annotation
