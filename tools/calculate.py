"""Compute with facts that are on record: the arithmetic that words need, done by code."""

from __future__ import annotations

from datetime import date
from math import fsum
from typing import Literal

from pydantic import Field

from core.domain.facts import Cell, Frozen, ToolResult, Unit
from core.errors import InvalidInput
from tools.context import ToolContext
from tools.registry import tool
from tools.tracing import Explanation, explain

Operation = Literal["difference", "ratio", "sum", "average", "annualised"]
DAYS_A_YEAR = 365.25


class CalculateArguments(Frozen):
    """Ask for arithmetic on facts."""

    operation: Operation = Field(
        description="difference (first minus second), ratio (first by second), sum, average, or annualised (a return,"
        " its first and its last date)."
    )
    facts: tuple[str, ...] = Field(
        min_length=2, max_length=50, description="Facts (fct_...) or cells (run_...:table:row:column) in order."
    )
    name: str = Field(default="", max_length=80, description="What the new number is called.")


@tool(effect="compute", data="public")
def calculate(context: ToolContext, arguments: CalculateArguments) -> ToolResult:
    """Compute a difference, ratio, sum or average of facts, or annualise a return; the result is a fact of its own.

    Facts of a sum, difference or average have one unit and currency. Annualised is (1 + return)^(365.25 / days) - 1.
    """
    found = [explain(context.desk, reference, context.principal) for reference in arguments.facts]
    for one in found:
        context.raise_label(one.record.call.label)
    value, unit = _compute(arguments.operation, found)
    name = arguments.name or f"{arguments.operation} of {', '.join(one.name for one in found)}"
    currency = found[0].currency if unit == found[0].unit else None
    context.fact(name, value, unit, currency=currency, source=f"{arguments.operation}({', '.join(arguments.facts)})")
    return context.result(sources=[one.record.call.tool for one in found])


def _compute(operation: Operation, found: list[Explanation]) -> tuple[float, Unit]:
    if operation == "annualised":
        return _annualised(found), "ratio"
    values = [_number(one) for one in found]
    if operation in ("difference", "ratio") and len(values) != 2:
        raise InvalidInput(f"A {operation} is of two facts, got {len(values)}.")
    kinds = {(one.unit, one.currency) for one in found}
    if len(kinds) > 1:
        stated = ", ".join(f"{one.name} ({' '.join(filter(None, (one.unit, one.currency)))})" for one in found)
        raise InvalidInput(f"A {operation} needs facts of one unit, got {stated}.")
    if operation == "ratio":
        if values[1] == 0:
            raise InvalidInput(f"{found[1].name} is 0; nothing can be divided by it.")
        return values[0] / values[1], "number"
    total = values[0] - values[1] if operation == "difference" else fsum(values)
    return total / len(values) if operation == "average" else total, found[0].unit


def _annualised(found: list[Explanation]) -> float:
    if len(found) != 3 or found[0].unit != "ratio" or {one.unit for one in found[1:]} != {"date"}:
        raise InvalidInput("annualised needs a return (a ratio), its first date and its last date.")
    growth = 1.0 + _number(found[0])
    days = (_date(found[2].value) - _date(found[1].value)).days
    if days < 1 or growth < 0:
        raise InvalidInput(f"A return over {days} days that leaves {growth:.2%} cannot be annualised.")
    return float(growth ** (DAYS_A_YEAR / days) - 1.0)


def _number(one: Explanation) -> float:
    if isinstance(one.value, bool) or not isinstance(one.value, int | float) or one.unit in ("date", "text"):
        raise InvalidInput(f"{one.name or one.reference} is no number.")
    return float(one.value)


def _date(value: Cell) -> date:
    return date.fromisoformat(str(value)[:10])
