"""Check and evaluate a timing condition."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from core.conditions.functions import FIELDS, ON_CLOSE, Function, Kind, View, functions
from core.conditions.syntax import COMPARISONS, Binary, Call, Duration, Node, Number, Text, Truth, Unary, fail, parse
from core.domain.kernel import BoolArray

_WORDS = {"series": "a number", "truth": "true or false", "text": "a quoted word", "duration": "a span such as 2d"}


@dataclass(frozen=True, slots=True)
class Condition:
    """Hold a checked condition: its text, the fields and events it needs, the sessions before it means anything."""

    text: str
    needs: frozenset[str]
    events: frozenset[str]
    warmup_sessions: int
    _tree: Node

    def evaluate(self, view: View) -> BoolArray:
        """Return whether the condition holds at the close of each session (time,).

        Decided from the session and earlier ones only. An unknown value (NaN) makes a comparison false; `not`
        of such a comparison is false too: what is unknown triggers nothing.
        """
        held, known = _evaluate(self._tree, view)
        out: BoolArray = np.broadcast_to(np.asarray(held, dtype=bool) & known, view.times.shape).copy()
        return out


@lru_cache(maxsize=256)
def read_condition(text: str) -> Condition:
    """Parse and check a condition; raises InvalidInput pointing at the column of what is wrong."""
    tree = parse(text)
    check = _Check(text)
    kind = check.kind(tree)
    if kind != "truth":
        fail(text, tree.column, f"it is {_WORDS[kind]}, expected a condition.", "For example: rsi(14) < 30")
    return Condition(text, frozenset(check.needs), frozenset(check.events), check.warmup, tree)


class _Check:
    """Give every part its kind and refuse what does not fit."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.needs: set[str] = set()
        self.events: set[str] = set()
        self.warmup = 0

    def kind(self, node: Node) -> str:
        match node:
            case Number():
                return "series"
            case Text():
                return "text"
            case Duration():
                return "duration"
            case Truth():
                return "truth"
            case Unary(operator, operand, _):
                wanted = "truth" if operator == "not" else "series"
                self._expect(operand, wanted, f"{operator!r} takes")
                return wanted
            case Binary(operator, left, right, _):
                wanted = "truth" if operator in ("and", "or") else "series"
                for part in (left, right):
                    self._expect(part, wanted, f"{operator!r} takes")
                return "truth" if operator in ("and", "or", *COMPARISONS) else "series"
            case Call():
                return self._call(node)

    def _expect(self, node: Node, wanted: str, who: str) -> None:
        found = self.kind(node)
        if found != wanted:
            fail(self._text, node.column, f"{who} {_WORDS[wanted]}, got {_WORDS[found]}.")

    def _call(self, node: Call) -> str:
        known = functions()
        function = known.get(node.name)
        if function is None:
            close = difflib.get_close_matches(node.name, known, n=3)
            fail(
                self._text, node.column, f"there is no {node.name!r}.",
                f"Did you mean {' or '.join(close)}?" if close else f"Fields: {', '.join(FIELDS)}.",
            )  # fmt: skip
        arguments = complete(node, function)
        least = len(function.kinds) - function.optional
        if not least <= len(arguments) <= len(function.kinds):
            takes = f"{least}" if least == len(function.kinds) else f"{least} to {len(function.kinds)}"
            listed = f"({', '.join(function.kinds)})" if function.kinds else ""
            fail(
                self._text, node.column, f"{node.name} takes {takes} arguments, got {len(node.arguments)}.",
                f"{node.name}{listed}: {function.meaning}.",
            )  # fmt: skip
        numbers = []
        for part, wanted in zip(arguments, function.kinds, strict=False):
            if wanted == "whole":
                numbers.append(self._number(part, node.name, function))
            else:
                self._expect(part, wanted, f"{node.name} takes")
            if isinstance(part, Text):
                self.events.add(part.value.upper())
        self.needs.update(function.needs)
        # Windows inside windows add up.
        self.warmup += function.warmup(tuple(numbers))
        return function.returns

    def _number(self, part: Node, name: str, function: Function) -> float:
        if not isinstance(part, Number):
            fail(
                self._text, part.column, f"{name} takes a fixed number here.", "A window cannot change by the session."
            )
        if part.value <= 0.0:
            problem = f"{name} takes a number above 0, got {part.value:g}."
            fail(self._text, part.column, problem, "A negative number would look into the future.")
        windows = name in ON_CLOSE
        if windows and part.value != int(part.value):
            fail(self._text, part.column, f"{name} takes a whole number of sessions, got {part.value:g}.")
        if part.value > 5_000:
            fail(self._text, part.column, f"{name} takes at most 5,000 sessions, got {part.value:g}.")
        return part.value


def complete(node: Call, function: Function) -> tuple[Node, ...]:
    """Return the arguments, with the close where it was left out."""
    if node.name in ON_CLOSE and len(node.arguments) == len(function.kinds) - 1:
        return (Call("close", (), node.column), *node.arguments)
    return node.arguments


def _evaluate(node: Node, view: View) -> tuple[Any, Any]:
    """Return the value of a part and, for conditions, where it is known."""
    match node:
        case Number(value, _) | Text(value, _) | Duration(value, _):
            return value, True
        case Truth(value, _):
            return np.full(view.times.shape, value), np.ones(view.times.shape, dtype=bool)
        case Unary(operator, operand, _):
            value, known = _evaluate(operand, view)
            return (~value, known) if operator == "not" else (-value, known)
        case Binary("and", left, right, _):
            (a, know_a), (b, know_b) = _evaluate(left, view), _evaluate(right, view)
            # One known false decides, whatever the other is.
            return a & b, (know_a & know_b) | (know_a & ~a) | (know_b & ~b)
        case Binary("or", left, right, _):
            (a, know_a), (b, know_b) = _evaluate(left, view), _evaluate(right, view)
            return (a & know_a) | (b & know_b), (know_a & know_b) | (know_a & a) | (know_b & b)
        case Binary(operator, left, right, _):
            return _operate(operator, _evaluate(left, view)[0], _evaluate(right, view)[0], view)
        case Call():
            function = functions()[node.name]
            values = [_evaluate(part, view)[0] for part in complete(node, function)]
            given = [_as_kind(value, wanted, view) for value, wanted in zip(values, function.kinds, strict=False)]
            return function.compute(view, *given), np.ones(view.times.shape, dtype=bool)


def _as_kind(value: Any, wanted: Kind, view: View) -> Any:
    if wanted == "whole":
        return int(value) if float(value) == int(value) else value
    if wanted == "series":
        return np.broadcast_to(np.asarray(value, dtype=np.float64), view.times.shape)
    return value


def _operate(operator: str, left: Any, right: Any, view: View) -> tuple[Any, Any]:
    with np.errstate(divide="ignore", invalid="ignore"):
        if operator == "+":
            return left + right, True
        if operator == "-":
            return left - right, True
        if operator == "*":
            return left * right, True
        if operator == "/":
            quotient = np.asarray(left, dtype=np.float64) / right
            return np.where(np.isfinite(quotient), quotient, np.nan), True
        a, b = (np.broadcast_to(np.asarray(part, dtype=np.float64), view.times.shape) for part in (left, right))
        compare = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "==": np.equal}
        held = ~np.equal(a, b) if operator == "!=" else compare[operator](a, b)
    return held, ~(np.isnan(a) | np.isnan(b))
