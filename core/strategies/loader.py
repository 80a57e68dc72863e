"""Find strategies by file name, load one with its parameters, and describe them all."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import core.strategies as package
from core.errors import UnknownName
from core.ports.strategy import Strategy

_NOT_STRATEGIES = {"hedge", "loader", "parameter", "signal", "spec", "spread", "timing"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterDescription:
    """Describe one parameter of a strategy; bounds are inclusive."""

    name: str
    kind: str
    default: Any
    meaning: str
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyDescription:
    """Describe a strategy: what it does, how many legs it needs (None: any number), its parameters."""

    name: str
    description: str
    legs: int | None
    parameters: tuple[ParameterDescription, ...]


def available() -> tuple[str, ...]:
    """List the strategies by name, without loading them."""
    names = (module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(name for name in names if name not in _NOT_STRATEGIES))


def load(name: str, parameters: Mapping[str, Any] | None = None) -> Strategy:
    """Build the strategy `name` from its parameters; lists become tuples.

    Raises UnknownName for the strategy or a parameter (with the closest ones) and InvalidInput for a value.
    """
    strategy_class = _strategy_class(name)
    known = [field.name for field in dataclasses.fields(strategy_class)]
    given = dict(parameters or {})
    for parameter in given:
        if parameter not in known:
            offers = difflib.get_close_matches(parameter, known, n=2) or known
            raise UnknownName(f"parameter of strategy {name}", parameter, offers)
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
    return cast("Strategy", strategy_class(**values))


def describe(name: str) -> StrategyDescription:
    """Describe one strategy; raises UnknownName."""
    strategy_class = _strategy_class(name)
    return StrategyDescription(
        name=name,
        description=(inspect.getdoc(strategy_class) or "").strip(),
        legs=strategy_class.legs,
        parameters=tuple(
            ParameterDescription(name=field.name, kind=str(field.type), default=field.default, **field.metadata)
            for field in dataclasses.fields(strategy_class)
        ),
    )


def _strategy_class(name: str) -> Any:
    if name not in available():
        raise UnknownName("strategy", name, difflib.get_close_matches(name, available(), n=3))
    module = importlib.import_module(f"{package.__name__}.{name}")
    for value in vars(module).values():
        if isinstance(value, type) and getattr(value, "name", None) == name:
            return value
    raise UnknownName("strategy", name, hint=f"core/strategies/{name}.py defines no class with name = {name!r}.")
