"""Compile an indicator so that one call fills its outputs for a run of symbols, without the interpreter lock."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any, TypeAlias

from numba import njit

from core.domain.kernel import Float64Array, IntArray, kernel

Fill: TypeAlias = Callable[
    [Float64Array, IntArray, tuple[Float64Array, ...], tuple[int | float, ...]],
    None,
]


def fill_of(function: Callable[..., Any], outputs: int) -> Fill:
    """Compile `function` of 1-D arrays and settings into a loop over symbols: fill(out, places, fields, settings).

    `fields` hold the sessions of the symbols one after another; a row of `places` (symbols, 3) says where a symbol
    begins in them, how many sessions it has, and where its first output goes in `out`; its other outputs follow.
    Nothing is checked. Compiled when first called, and kept on disk beside the file of `function`: the loop is copied
    as if it stood there, because numba finds no kept function again that closes over another. It is kept under a name
    with `_SOURCES`, because numba looks for changes in that one file alone, and kernels of other files are in it.
    """
    source = function.__code__
    name = f"{function.__name__}_fill_{_SOURCES}"
    code = _fill.__code__.replace(
        co_filename=source.co_filename, co_firstlineno=source.co_firstlineno, co_name=name, co_qualname=name
    )
    own = {"_indicator": njit(error_model="numpy")(function), "_OUTPUTS": outputs, "__name__": function.__module__}
    return kernel(FunctionType(code, {**globals(), **own}))


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


_SOURCES = _digest(Path(kernel.__code__.co_filename), *sorted(Path(__file__).parent.glob("*.py")))
_OUTPUTS = 1


def _indicator(*arguments: Any) -> Any:
    raise NotImplementedError("Each copy of the loop has its indicator under this name.")


@kernel
def _part(field: Float64Array, first: int, count: int) -> Float64Array:
    return field[first : first + count]


@kernel
def _put(part: Float64Array, out: Float64Array, start: int) -> None:
    place = out[start:]
    for t in range(len(part)):
        place[t] = part[t]


def _fill(out: Float64Array, places: IntArray, fields: tuple[Float64Array, ...], settings: Any) -> None:
    for place in range(len(places)):
        first, count, start = places[place, 0], places[place, 1], places[place, 2]
        a = _part(fields[0], first, count)
        # Only the branches for the numbers of fields and outputs there are get compiled.
        if len(fields) == 1:
            parts = _indicator(a, *settings)
        elif len(fields) == 2:
            parts = _indicator(a, _part(fields[1], first, count), *settings)
        elif len(fields) == 3:
            parts = _indicator(a, _part(fields[1], first, count), _part(fields[2], first, count), *settings)
        else:
            b, c = _part(fields[1], first, count), _part(fields[2], first, count)
            parts = _indicator(a, b, c, _part(fields[3], first, count), *settings)
        if _OUTPUTS == 1:
            _put(parts, out, start)
        else:
            for part in parts:
                _put(part, out, start)
                start += count
