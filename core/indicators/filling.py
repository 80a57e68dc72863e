"""Compile an indicator so that one call fills its outputs for a run of symbols, without the interpreter lock."""

from __future__ import annotations

from collections.abc import Callable
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
    as if it stood there, because numba finds no kept function again that closes over another.
    """
    source = function.__code__
    name = f"{function.__name__}_fill"
    code = _fill.__code__.replace(
        co_filename=source.co_filename, co_firstlineno=source.co_firstlineno, co_name=name, co_qualname=name
    )
    own = {"_indicator": njit(error_model="numpy")(function), "_OUTPUTS": outputs, "__name__": function.__module__}
    return kernel(FunctionType(code, {**globals(), **own}))


_OUTPUTS = 1


def _indicator(*arguments: Any) -> Any:
    raise NotImplementedError("Each copy of the loop has its indicator under this name.")


def _fill(out: Float64Array, places: IntArray, fields: tuple[Float64Array, ...], settings: Any) -> None:
    for place in range(len(places)):
        first, count, start = places[place]
        last = first + count
        # Only the branches for the numbers of fields and outputs there are get compiled.
        if len(fields) == 1:
            parts = _indicator(fields[0][first:last], *settings)
        elif len(fields) == 2:
            parts = _indicator(fields[0][first:last], fields[1][first:last], *settings)
        elif len(fields) == 3:
            parts = _indicator(fields[0][first:last], fields[1][first:last], fields[2][first:last], *settings)
        else:
            parts = _indicator(
                fields[0][first:last], fields[1][first:last], fields[2][first:last], fields[3][first:last], *settings
            )
        if _OUTPUTS == 1:
            out[start : start + count] = parts
        else:
            for part in parts:
                out[start : start + count] = part
                start += count
