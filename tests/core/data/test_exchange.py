"""Every kind of record survives CSV, JSON Lines and Parquet."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from core.data.exchange import read_records, write_records
from core.domain.market_records import Bar, CorporateAction
from core.domain.records import Record, record_kinds
from core.errors import InvalidInput

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=("Cs",)), max_size=12)
# Where a length is bounded, as of a name.
NAMED = st.text("abcXYZ019-ÄÖ", min_size=1, max_size=20)
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def values(annotation: Any, metadata: Any = ()) -> st.SearchStrategy[Any]:
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return st.one_of([values(part, metadata) for part in get_args(annotation)])
    if annotation is NoneType:
        return st.none()
    if origin is Literal:
        return st.sampled_from(get_args(annotation))
    if origin is tuple:
        return st.lists(values(get_args(annotation)[0]), min_size=1, max_size=3).map(tuple)
    if origin is dict:
        said = get_args(annotation)[1]
        part = values(said) if said in (str, float) else st.one_of(TEXT, st.integers(-5, 5), st.none())
        return st.dictionaries(TEXT, part, max_size=2)
    if origin is Annotated:
        return values(annotation.__origin__, annotation.__metadata__)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return model(annotation)
    plain: dict[Any, st.SearchStrategy[Any]] = {
        str: NAMED if metadata else TEXT,
        bool: st.booleans(),
        int: st.integers(_bound(metadata, -(2**31), "ge"), _bound(metadata, 2**31, "le")),
        float: st.floats(
            _bound(metadata, -1, "ge", "gt"),
            _bound(metadata, 1, "le", "lt"),
            allow_nan=False,
            exclude_min=_bound(metadata, None, "gt") is not None,
            exclude_max=_bound(metadata, None, "lt") is not None,
        )
        if metadata
        else st.floats(allow_nan=False, allow_infinity=False),
        date: st.dates(date(1900, 1, 1), date(2100, 1, 1)),
        datetime: MOMENTS,
        Decimal: st.decimals(Decimal("0.01"), Decimal(10**9), places=4),
    }
    return plain[annotation]


def _bound(metadata: Any, otherwise: Any, *names: str) -> Any:
    """Return the bound that a field states under one of the names."""
    found = [getattr(part, name) for part in metadata for name in names if hasattr(part, name)]
    return found[0] if found else otherwise


def model(kind: type[BaseModel]) -> st.SearchStrategy[Any]:
    return st.builds(
        kind, **{name: values(field.annotation, field.metadata) for name, field in kind.model_fields.items()}
    )


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("kind", list(record_kinds()), ids=lambda kind: kind.kind)
@settings(max_examples=3, deadline=timedelta(seconds=5), suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_records_come_back_equal(kind: type[Record], ending: str, data: st.DataObject, tmp_path: Path) -> None:
    records = data.draw(st.lists(model(kind), min_size=1, max_size=3))
    path = tmp_path / f"records{ending}"
    assert write_records(path, kind, records) == len(records)
    assert list(read_records(path, kind)) == records


def test_nothing_written_is_nothing_read(tmp_path: Path) -> None:
    for ending in (".csv", ".jsonl", ".parquet"):
        path = tmp_path / f"none{ending}"
        assert write_records(path, Bar, []) == 0
        assert list(read_records(path, Bar)) == []


def test_a_row_that_does_not_fit_is_named(tmp_path: Path) -> None:
    path = tmp_path / "actions.csv"
    path.write_text(
        "instrument_id,action,ex_date,source,known_at\n1,split,2020-08-31,x,2020-08-31T00:00:00Z\n1,merger,2020-08-31,x,2020-08-31T00:00:00Z\n"
    )
    with pytest.raises(InvalidInput, match=r"Record 2 of actions\.csv is no corporate_action: action"):
        list(read_records(path, CorporateAction))


def test_an_unknown_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"\.csv, \.jsonl, \.parquet"):
        write_records(tmp_path / "records.xlsx", Bar, [])


def test_broken_json_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bars.jsonl"
    path.write_text('{"a": 1}\n{broken\n')
    reader = read_records(path, Bar)
    with pytest.raises(InvalidInput):
        list(reader)
