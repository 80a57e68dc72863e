"""Declare an indicator once: its fields, parameters and outputs come from the function itself."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, ParamSpec, TypeVar

import numpy as np

from core.domain.kernel import Float64Array
from core.errors import InvalidInput

Pane = Literal["price", "own"]
P = ParamSpec("P")
R = TypeVar("R", Float64Array, tuple[Float64Array, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorSpec:
    """Describe an indicator: required fields in order, parameters with defaults, names of its outputs.

    `pane` says where a chart draws it: over the price or in a pane of its own. `unchecked` takes contiguous float64
    arrays of traded sessions and positive parameters, and looks at neither.
    """

    name: str
    description: str
    fields: tuple[str, ...]
    parameters: Mapping[str, int | float]
    outputs: tuple[str, ...]
    pane: Pane
    function: Callable[..., Float64Array | tuple[Float64Array, ...]]
    unchecked: Callable[..., Float64Array | tuple[Float64Array, ...]]


def indicator(
    *, fields: tuple[str, ...], outputs: tuple[str, ...], pane: Pane = "own"
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Turn a function of 1-D arrays into an indicator.

    Arrays are checked (1-D, equal length) and converted to float64. NaN policy: a session in which any
    field is not finite counts as not traded: the indicator is computed over the traded sessions only and
    is NaN on the others, as on warm-up. Raises InvalidInput for arrays that do not fit and for
    parameters that are not positive.
    """

    def declare(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)
        names = tuple(signature.parameters)
        defaults = {name: p.default for name, p in signature.parameters.items() if name not in fields}
        known, needed = frozenset(names), frozenset(fields)

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            given: dict[str, object] = dict(zip(names, args, strict=False))
            given.update(kwargs)
            # Binding by hand is faster; `Signature.bind` then only words the mistakes.
            if len(given) != len(args) + len(kwargs) or not needed <= given.keys() <= known:
                _explain(signature, function.__name__, args, kwargs)
            arrays = _arrays(function.__name__, fields, given)
            parameters = [
                _parameter(function.__name__, name, default, given[name]) if name in given else default
                for name, default in defaults.items()
            ]
            # A finite sum of squares proves finite values in one fast pass; only an infinite one is looked into.
            if all(math.isfinite(array.dot(array)) for array in arrays):
                return function(*arrays, *parameters)  # type: ignore[arg-type, call-arg]
            traded = np.isfinite(arrays[0])
            for array in arrays[1:]:
                traded &= np.isfinite(array)
            if traded.all():
                return function(*arrays, *parameters)  # type: ignore[arg-type, call-arg]
            inside = function(*(array[traded] for array in arrays), *parameters)  # type: ignore[arg-type, call-arg]
            if isinstance(inside, tuple):
                return tuple(_scatter(part, traded) for part in inside)
            return _scatter(inside, traded)

        description = inspect.getdoc(function) or ""
        checked.spec = IndicatorSpec(  # type: ignore[attr-defined]
            name=function.__name__,
            description=description.split("\n", 1)[0],
            fields=fields,
            parameters=defaults,
            outputs=outputs,
            pane=pane,
            function=checked,
            unchecked=function,
        )
        return checked

    return declare


def _explain(signature: inspect.Signature, name: str, args: tuple[object, ...], kwargs: dict[str, object]) -> NoReturn:
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise InvalidInput(f"Indicator {name}: {error}.", hint=f"Its signature is {name}{signature}.") from error
    raise InvalidInput(f"Indicator {name}: the arguments do not fit.", hint=f"Its signature is {name}{signature}.")


def _arrays(name: str, fields: tuple[str, ...], given: Mapping[str, object]) -> list[Float64Array]:
    try:
        arrays = [np.ascontiguousarray(given[field], dtype=np.float64) for field in fields]
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"Indicator {name}: {', '.join(fields)} must be arrays of numbers.") from error
    for field, array in zip(fields, arrays, strict=True):
        if array.ndim != 1 or array.shape != arrays[0].shape:
            raise InvalidInput(f"Indicator {name}: {field} has shape {array.shape}, expected ({len(arrays[0])},).")
    # Read-only arrays would compile every kernel a second time.
    return [array if array.flags.writeable else array.copy() for array in arrays]


def _parameter(name: str, parameter: str, default: int | float, value: Any) -> int | float:
    whole = type(default) is int
    kinds: Any = np.integer if whole else (float, np.integer, np.floating)
    if not ((type(value) is int or isinstance(value, kinds)) and 0 < value < math.inf):
        kind = "a whole number" if whole else "a number"
        raise InvalidInput(f"Indicator {name}: {parameter} is {value!r}, expected {kind} above 0.")
    # One type per parameter keeps kernels at one compiled version.
    return int(value) if whole else float(value)


def _scatter(inside: Float64Array, traded: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Float64Array:
    out = np.full(len(traded), np.nan)
    out[traded] = inside
    return out
