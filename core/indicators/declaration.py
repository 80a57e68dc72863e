"""Declare an indicator once: its fields, parameters and outputs come from the function itself."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, ParamSpec, Protocol, TypeVar, cast

import numpy as np

from core.domain.kernel import BoolArray, Float64Array
from core.errors import InvalidInput
from core.indicators.filling import Fill, fill_of

Pane = Literal["price", "own"]
P = ParamSpec("P")
R = TypeVar("R", Float64Array, tuple[Float64Array, ...])
Made = TypeVar("Made", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorSpec:
    """Describe an indicator: required fields in order, parameters with defaults, names of its outputs.

    `pane` says where a chart draws it: over the price or in a pane of its own. `fill` is the compiled loop over
    symbols: it takes contiguous float64 arrays of traded sessions and settings, and looks at neither.
    """

    name: str
    description: str
    fields: tuple[str, ...]
    parameters: Mapping[str, int | float]
    outputs: tuple[str, ...]
    pane: Pane
    function: Callable[..., Float64Array | tuple[Float64Array, ...]]
    fill: Fill

    def settings(self, parameters: Mapping[str, Any]) -> tuple[int | float, ...]:
        """Return the value of every parameter in order, defaults for those not given.

        Raises InvalidInput for a value that is not a number above 0, or not whole where a whole one is declared.
        """
        return tuple(
            _parameter(self.name, name, default, parameters[name]) if name in parameters else default
            for name, default in self.parameters.items()
        )


class Indicator(Protocol[P, Made]):
    """Compute an indicator with the arguments of the function that was declared, and describe it in `spec`."""

    spec: IndicatorSpec

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Made:
        """Return what the function returns, an array or several."""
        ...


def indicator(
    *, fields: tuple[str, ...], outputs: tuple[str, ...], pane: Pane = "own"
) -> Callable[[Callable[P, R]], Indicator[P, R]]:
    """Turn a function of 1-D arrays, written in what numba compiles, into an indicator.

    Arrays are checked (1-D, equal length) and converted to float64. NaN policy: a session in which any
    field is not finite counts as not traded: the indicator is computed over the traded sessions only and
    is NaN on the others, as on warm-up. Raises InvalidInput for arrays that do not fit and for
    parameters that are not positive.
    """

    def declare(function: Callable[P, R]) -> Indicator[P, R]:
        signature = inspect.signature(function)
        names = tuple(signature.parameters)
        defaults = {name: p.default for name, p in signature.parameters.items() if name not in fields}
        known, needed = frozenset(names), frozenset(fields)
        spec: IndicatorSpec

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            given: dict[str, object] = dict(zip(names, args, strict=False))
            given.update(kwargs)
            # Binding by hand is faster; `Signature.bind` then only words the mistakes.
            if len(given) != len(args) + len(kwargs) or not needed <= given.keys() <= known:
                _explain(signature, function.__name__, args, kwargs)
            arrays = _arrays(function.__name__, fields, given)
            settings = spec.settings(given)
            if all(map(is_finite, arrays)):
                rows = _filled(spec, arrays, settings)
            else:
                traded: BoolArray = np.asarray(np.isfinite(np.stack(arrays)).all(axis=0))
                rows = np.full((len(outputs), len(traded)), np.nan)
                rows[:, traded] = _filled(spec, [array[traded] for array in arrays], settings)
            return cast("R", tuple(rows) if len(outputs) > 1 else rows[0])

        description = inspect.getdoc(function) or ""
        spec = IndicatorSpec(
            name=function.__name__,
            description=description.split("\n", 1)[0],
            fields=fields,
            parameters=defaults,
            outputs=outputs,
            pane=pane,
            function=checked,
            fill=fill_of(function, len(outputs)),
        )
        declared = cast("Indicator[P, R]", checked)
        declared.spec = spec
        return declared

    return declare


def is_finite(array: Float64Array) -> bool:
    """Return whether every value is finite."""
    # A finite sum of squares proves it in one fast pass; only an infinite one is looked into.
    return math.isfinite(array.dot(array)) or bool(np.isfinite(array).all())


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


def _filled(spec: IndicatorSpec, arrays: list[Float64Array], settings: tuple[int | float, ...]) -> Float64Array:
    count = len(arrays[0])
    out = np.empty(len(spec.outputs) * count)
    spec.fill(out, np.array([[0, count, 0]]), tuple(arrays), settings)
    return out.reshape(len(spec.outputs), count)
