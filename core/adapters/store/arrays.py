"""Move numpy arrays in and out of PostgreSQL in its binary formats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format

from core.ports.data_store import BarArrays

_HEADER_BYTES = 20
_UNIX_TO_PG_DAYS = 10957
_UNIX_TO_PG_MICROSECONDS = _UNIX_TO_PG_DAYS * 86_400_000_000
_COPY_START = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END = b"\xff\xff"
_TEXT_OID = 25
# A chunk stays in the processor's cache while it is packed and sent.
_CHUNK_ROWS = 16_384
_INT4_ARRAY_OID = 1007
_FLOAT8_ARRAY_OID = 1022


class _FloatArrayLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> NDArray[np.float64]:
        return _elements(data, ">f8").astype(np.float64)


class _IntArrayLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> NDArray[np.int32]:
        return _elements(data, ">i4").astype(np.int32)


def _elements(data: Buffer, element: str) -> NDArray[Any]:
    # One dimension, no nulls: a header of five integers, then (length, value) pairs of fixed size.
    raw = bytes(data)
    if len(raw) <= _HEADER_BYTES:
        return np.empty(0, dtype=element)
    pairs = np.frombuffer(raw, dtype=[("length", ">i4"), ("value", element)], offset=_HEADER_BYTES)
    values: NDArray[Any] = pairs["value"]
    return values


def numpy_cursor(connection: psycopg.Connection[Any]) -> psycopg.Cursor[Any]:
    """Return a cursor that reads float8[] and int4[] without nulls as numpy arrays."""
    cursor = connection.cursor(binary=True)
    cursor.adapters.register_loader(_FLOAT8_ARRAY_OID, _FloatArrayLoader)
    cursor.adapters.register_loader(_INT4_ARRAY_OID, _IntArrayLoader)
    return cursor


def bar_copy_chunks(bars: BarArrays, source: str, price_basis: str) -> Iterator[bytes]:
    """Yield the rows of bars_daily in COPY's binary format; NaN becomes null."""
    yield _COPY_START
    has_ohlc = ~np.isnan(bars.open)
    has_volume = ~np.isnan(bars.volume)
    pattern = bars.flag.astype(np.int32) * 4 + has_ohlc * 2 + has_volume
    for value in np.unique(pattern):
        flag = bars.flags[int(value) // 4]
        places = np.flatnonzero(pattern == value)
        for start in range(0, len(places), _CHUNK_ROWS):
            rows = bars.take(places[start : start + _CHUNK_ROWS])
            yield _pack(rows, source, price_basis, flag, bool(value & 2), bool(value & 1)).tobytes()
    yield _COPY_END


def _pack(
    rows: BarArrays, source: str, price_basis: str, flag: str, has_ohlc: bool, has_volume: bool
) -> NDArray[np.void]:
    prices = {name: getattr(rows, name) if has_ohlc else None for name in ("open", "high", "low")}
    days = rows.session.astype("datetime64[D]").astype(np.int64) - _UNIX_TO_PG_DAYS
    moments = rows.known_at.astype("datetime64[us]").astype(np.int64) - _UNIX_TO_PG_MICROSECONDS
    fields: list[tuple[str, str, object]] = [
        ("instrument_id", ">i4", rows.instrument_id),
        ("source", f"S{len(source.encode())}", source.encode()),
        ("price_basis", f"S{len(price_basis)}", price_basis.encode()),
        ("session", ">i4", days),
        *((name, ">f8", values) for name, values in prices.items()),
        ("close", ">f8", rows.close),
        ("volume", ">f8", rows.volume if has_volume else None),
        ("flags", "V", _text_array(flag)),
        ("known_at", ">i8", moments),
    ]
    layout: list[tuple[str, str]] = [("fields", ">i2")]
    for name, kind, values in fields:
        layout.append((f"{name}_length", ">i4"))
        if isinstance(values, bytes):
            layout.append((name, f"V{len(values)}"))
        elif values is not None:
            layout.append((name, kind))
    packed = np.empty(len(rows), dtype=np.dtype(layout))
    packed["fields"] = len(fields)
    for name, _, values in fields:
        if values is None:
            packed[f"{name}_length"] = -1
            continue
        packed[f"{name}_length"] = packed.dtype[name].itemsize
        packed[name] = np.void(values) if isinstance(values, bytes) else values
    return packed


def _text_array(text: str) -> bytes:
    def integer(value: int) -> bytes:
        return value.to_bytes(4, "big", signed=True)

    if not text:
        return integer(0) + integer(0) + integer(_TEXT_OID)
    content = text.encode()
    header = integer(1) + integer(0) + integer(_TEXT_OID) + integer(1) + integer(1)
    return header + integer(len(content)) + content
