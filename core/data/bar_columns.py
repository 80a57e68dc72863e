"""Cut and join bars in columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.ports.vendor import BarColumns, RawRows


def take_columns(columns: BarColumns, rows: NDArray[np.bool_]) -> BarColumns:
    """Return the rows that the mask marks."""
    if rows.all():
        return columns
    chosen = np.flatnonzero(rows)
    raw = columns.raw_rows
    cut: dict[str, Any] = {
        field.name: value[chosen]
        for field in fields(columns)
        if isinstance(value := getattr(columns, field.name), np.ndarray)
    }
    return replace(columns, **cut, raw_rows=None if raw is None else lambda wanted: raw(chosen[wanted]))


def join_columns(parts: Sequence[BarColumns]) -> BarColumns:
    """Return deliveries of one source and basis as one, in their order; they state the same fields."""
    first = parts[0]
    if len(parts) == 1:
        return first
    symbols = tuple(dict.fromkeys(symbol for part in parts for symbol in part.symbols))
    place = {symbol: code for code, symbol in enumerate(symbols)}
    codes = [np.array([place[symbol] for symbol in part.symbols], dtype=np.int32)[part.symbol_code] for part in parts]
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("session", "open", "high", "low", "close", "volume", "line")
    }
    return replace(
        first,
        symbols=symbols,
        symbol_code=np.concatenate(codes),
        **joined,
        has_ohlc=any(part.has_ohlc for part in parts),
        has_volume=any(part.has_volume for part in parts),
        bad_volume=_join_optional(parts, "bad_volume", False),
        currency=_join_optional(parts, "currency", ""),
        raw_rows=_join_raw(parts),
    )


def _join_optional(parts: Sequence[BarColumns], name: str, missing: object) -> NDArray[Any] | None:
    values = [getattr(part, name) for part in parts]
    given = next((value for value in values if value is not None), None)
    if given is None:
        return None
    return np.concatenate(
        [
            np.full(len(part), missing, dtype=given.dtype) if value is None else value
            for part, value in zip(parts, values, strict=True)
        ]
    )


def _join_raw(parts: Sequence[BarColumns]) -> RawRows | None:
    if any(part.raw_rows is None for part in parts):
        return None
    ends = np.cumsum([len(part) for part in parts])

    def rows(wanted: NDArray[np.int64]) -> list[dict[str, Any]]:
        found = []
        for row in wanted.tolist():
            part = int(np.searchsorted(ends, row, side="right"))
            raw = parts[part].raw_rows
            assert raw is not None
            inside = row - (int(ends[part - 1]) if part else 0)
            found += raw(np.array([inside], dtype=np.int64))
        return found

    return rows
