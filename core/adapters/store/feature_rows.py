"""Write daily features in COPY's binary format."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from core.ports.derived_store import FeatureRows

_START = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_UNIX_TO_PG_DAYS = 10957
_UNIX_TO_PG_MICROSECONDS = _UNIX_TO_PG_DAYS * 86_400_000_000


def feature_chunks(rows: FeatureRows, chosen: NDArray[np.bool_], code_version: str) -> Iterator[bytes]:
    """Yield the chosen rows of features_daily; NaN becomes null."""
    version = code_version.encode()
    layout: list[tuple[str, str]] = [("fields", ">i2")]
    kinds = {"instrument_id": ">i4", "session": ">i4", **dict.fromkeys(rows.values, ">f8")}
    for name, kind in {**kinds, "code_version": f"V{len(version)}", "known_at": ">i8"}.items():
        layout += [(f"{name}_length", ">i4"), (name, kind)]
    packed = np.zeros(int(chosen.sum()), dtype=np.dtype(layout))
    packed["fields"] = len(rows.values) + 4
    kept = np.ones((len(packed), packed.dtype.itemsize), dtype=bool)
    columns: dict[str, object] = {
        "instrument_id": rows.instrument_id,
        "session": rows.session[chosen].astype("datetime64[D]").astype(np.int64) - _UNIX_TO_PG_DAYS,
        "code_version": np.void(version),
        "known_at": rows.known_at[chosen].astype("datetime64[us]").astype(np.int64) - _UNIX_TO_PG_MICROSECONDS,
    }
    for name, values in columns.items():
        packed[f"{name}_length"] = packed.dtype[name].itemsize
        packed[name] = values
    assert packed.dtype.fields is not None
    for name, column in rows.values.items():
        values = column[chosen]
        missing = np.isnan(values)
        packed[f"{name}_length"] = np.where(missing, -1, 8)
        packed[name] = np.where(missing, 0.0, values)
        offset = packed.dtype.fields[name][1]
        # A null has a length and no value: its eight bytes are left out.
        kept[missing, offset : offset + 8] = False
    yield _START
    yield packed.view(np.uint8).reshape(kept.shape)[kept].tobytes()
    yield _END
