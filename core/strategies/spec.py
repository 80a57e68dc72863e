"""Read a strategy specification: what to run, on what, when, at which costs."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from core.errors import InvalidInput, UnknownName
from core.ports.strategy import Strategy
from core.strategies.loader import load

FIELDS = (
    "strategy",
    "symbols",
    "parameters",
    "start",
    "end",
    "capital",
    "fee_bps",
    "slippage_bps",
    "execution_lag",
    "name",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategySpec:
    """Hold a read specification; `start` and `end` are None where the data decide."""

    name: str
    strategy: Strategy
    symbols: tuple[str, ...]
    start: date | None
    end: date | None
    capital: float
    fee_bps: float
    slippage_bps: float
    execution_lag: int


def parse(text: str) -> StrategySpec:
    """Read a YAML specification of at most 15 lines, such as

        strategy: sma_crossover
        symbols: [AAPL]
        parameters: {fast: 50, slow: 200}
        start: 2010-01-01
        capital: 100000
        fee_bps: 5

    Raises InvalidInput naming the field, and UnknownName for fields, strategies and parameters.
    """
    import yaml

    try:
        given = yaml.safe_load(text)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" in line {where.line + 1}" if where else ""
        raise InvalidInput(
            f"The specification is not valid YAML{line}.", hint="Write one 'field: value' per line."
        ) from error
    if not isinstance(given, dict):
        raise InvalidInput("The specification holds no fields.", hint="Write one 'field: value' per line.")
    return from_mapping(given)


def from_mapping(given: Mapping[str, Any]) -> StrategySpec:
    """Read a specification from its fields; raises as `parse`."""
    for field in given:
        if field not in FIELDS:
            raise UnknownName("specification field", str(field), difflib.get_close_matches(str(field), FIELDS, n=2))
    for field in ("strategy", "symbols"):
        if not given.get(field):
            raise InvalidInput(f"The specification needs the field {field}.")
    parameters = given.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise InvalidInput(f"parameters is {parameters!r}, expected fields such as {{fast: 50, slow: 200}}.")
    strategy = load(str(given["strategy"]), parameters)
    symbols = _symbols(given["symbols"], strategy)
    start, end = _date(given, "start"), _date(given, "end")
    if start and end and start >= end:
        raise InvalidInput(f"start is {start}, expected before end = {end}.")
    lag = _number(given, "execution_lag", 1.0, least=1.0)
    if lag != int(lag):
        raise InvalidInput(f"execution_lag is {lag}, expected a whole number of sessions.")
    return StrategySpec(
        name=str(given.get("name") or f"{strategy.name} on {', '.join(symbols)}"),
        strategy=strategy,
        symbols=symbols,
        start=start,
        end=end,
        capital=_number(given, "capital", 100_000.0, least=0.0),
        fee_bps=_number(given, "fee_bps", 1.0, least=0.0),
        slippage_bps=_number(given, "slippage_bps", 2.0, least=0.0),
        execution_lag=int(lag),
    )


def _symbols(given: object, strategy: Strategy) -> tuple[str, ...]:
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list) or not all(isinstance(symbol, str) and symbol.strip() for symbol in listed):
        hint = "Quote symbols that YAML reads as something else, such as 'ON' or 'TRUE'."
        raise InvalidInput(f"symbols is {given!r}, expected a list such as [AAPL, MSFT].", hint=hint)
    symbols = tuple(symbol.strip().upper() for symbol in listed)
    if len(set(symbols)) != len(symbols):
        raise InvalidInput(f"symbols names one more than once: {', '.join(symbols)}.")
    if strategy.legs is not None and len(symbols) != strategy.legs:
        raise InvalidInput(f"symbols has {len(symbols)}, expected {strategy.legs} for the strategy {strategy.name}.")
    return symbols


def _date(given: Mapping[str, Any], field: str) -> date | None:
    value = given.get(field)
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise InvalidInput(f"{field} is {value!r}, expected a date such as 2015-01-02.") from error


def _number(given: Mapping[str, Any], field: str, default: float, *, least: float) -> float:
    value = given.get(field, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < float("inf"):
        raise InvalidInput(f"{field} is {value!r}, expected a number of at least {least:g}.")
    return float(value)
