"""Declare strategy parameters with their meaning and bounds, and check them."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

from core.errors import InvalidInput

T = TypeVar("T")


def parameter(
    default: T,
    meaning: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
) -> T:
    """Declare a dataclass field with its meaning, inclusive bounds or choices."""
    metadata = {"meaning": meaning, "minimum": minimum, "maximum": maximum, "choices": choices}
    return dataclasses.field(default=default, metadata=metadata)


def check_parameters(strategy: Any) -> None:
    """Check every parameter of a strategy against its declaration; raises InvalidInput naming the field."""
    for field in dataclasses.fields(strategy):
        value = getattr(strategy, field.name)
        problem = _problem(field, value)
        if problem:
            raise InvalidInput(f"Strategy {strategy.name}: {field.name} is {value!r}, expected {problem}.")


def _problem(field: dataclasses.Field[Any], value: object) -> str:
    default = field.default
    if isinstance(default, bool):
        return "" if isinstance(value, bool) else "true or false"
    if isinstance(default, str):
        choices = field.metadata["choices"]
        if not choices:
            return "" if isinstance(value, str) else "a text"
        return "" if value in choices else f"one of {', '.join(choices)}"
    if isinstance(default, tuple):
        fits = isinstance(value, tuple) and all(isinstance(v, int | float) for v in value)
        return "" if fits else "a list of numbers"
    whole = isinstance(default, int)
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or value != value:
        return "a whole number" if whole else "a number"
    minimum, maximum = field.metadata["minimum"], field.metadata["maximum"]
    if minimum is not None and value < minimum:
        return f"at least {minimum}"
    if maximum is not None and value > maximum:
        return f"at most {maximum}"
    return ""
