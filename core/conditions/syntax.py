"""Parse the language of timing conditions into a tree, with the column of every part."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from core.errors import InvalidInput

LONGEST = 500
_DEEPEST = 40
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<duration>\d+\s?(?:d|w)\b)
    | (?P<number>(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?%?)
    | (?P<text>"[^"\n]*"|'[^'\n]*')
    | (?P<name>[A-Za-z_][A-Za-z_0-9]*)
    | (?P<sign><=|>=|==|!=|[-+*/()<>,])
    )""",
    re.VERBOSE,
)
_WORDS = {"and", "or", "not", "true", "false"}
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


@dataclass(frozen=True, slots=True)
class Number:
    """A number; `is_percent` says it was written as one."""

    value: float
    column: int


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted word, such as the name of an event."""

    value: str
    column: int


@dataclass(frozen=True, slots=True)
class Duration:
    """A span of calendar days."""

    days: int
    column: int


@dataclass(frozen=True, slots=True)
class Truth:
    """True or false."""

    value: bool
    column: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments; a bare name is one without arguments."""

    name: str
    arguments: tuple[Node, ...]
    column: int


@dataclass(frozen=True, slots=True)
class Unary:
    """`not` or a minus."""

    operator: str
    operand: Node
    column: int


@dataclass(frozen=True, slots=True)
class Binary:
    """An arithmetic, comparing or logical operator between two parts."""

    operator: str
    left: Node
    right: Node
    column: int


Node = Number | Text | Duration | Truth | Call | Unary | Binary


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int


def fail(text: str, column: int, problem: str, hint: str = "") -> NoReturn:
    """Raise InvalidInput that shows the condition with a mark under `column` (counted from 1)."""
    raise InvalidInput(f"Condition, column {column}: {problem}\n  {text}\n  {' ' * (column - 1)}^", hint=hint)


def parse(text: str) -> Node:
    """Return the tree of a condition such as `zscore(spread, 60) > 2 and not within(2d, "FOMC")`.

    Precedence from loose to tight: or, and, not, comparison, + and -, * and /, minus. Comparisons do not chain.
    Raises InvalidInput with the column.
    """
    if len(text) > LONGEST:
        raise InvalidInput(f"The condition has {len(text)} characters, expected at most {LONGEST}.")
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split()
        self._at = 0
        self._depth = 0

    def _split(self) -> list[_Token]:
        tokens, at = [], 0
        end = len(self._text.rstrip())
        while at < end:
            match = _TOKEN.match(self._text, at)
            if match is None:
                start = at + len(self._text[at:]) - len(self._text[at:].lstrip())
                fail(self._text, start + 1, f"{self._text[start]!r} does not belong here.")
            kind = str(match.lastgroup)
            word, column = match[kind], match.start(kind) + 1
            if kind == "name" and word.lower() in _WORDS:
                kind, word = "word", word.lower()
            tokens.append(_Token(kind, word, column))
            at = match.end()
        return [*tokens, _Token("end", "", max(end, 0) + 1)]

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _is(self, *texts: str) -> bool:
        return self._next.kind in ("sign", "word") and self._next.text in texts

    def whole(self) -> Node:
        if self._next.kind == "end":
            fail(self._text, 1, "it is empty.", "For example: close > sma(200)")
        node = self._or()
        if self._next.kind != "end":
            fail(self._text, self._next.column, f"{self._next.text!r} was not expected here.")
        return node

    def _or(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            fail(self._text, self._next.column, f"more than {_DEEPEST} levels of brackets.")
        node = self._and()
        while self._is("or"):
            operator = self._take()
            node = Binary("or", node, self._and(), operator.column)
        self._depth -= 1
        return node

    def _and(self) -> Node:
        node = self._not()
        while self._is("and"):
            operator = self._take()
            node = Binary("and", node, self._not(), operator.column)
        return node

    def _not(self) -> Node:
        signs = []
        while self._is("not"):
            signs.append(self._take())
        node = self._comparison()
        for operator in reversed(signs):
            node = Unary("not", node, operator.column)
        return node

    def _comparison(self) -> Node:
        node = self._sum()
        if self._is(*COMPARISONS):
            operator = self._take()
            node = Binary(operator.text, node, self._sum(), operator.column)
            if self._is(*COMPARISONS):
                fail(self._text, self._next.column, "comparisons do not chain.", "Write a < b and b < c.")
        return node

    def _sum(self) -> Node:
        node = self._product()
        while self._is("+", "-"):
            operator = self._take()
            node = Binary(operator.text, node, self._product(), operator.column)
        return node

    def _product(self) -> Node:
        node = self._minus()
        while self._is("*", "/"):
            operator = self._take()
            node = Binary(operator.text, node, self._minus(), operator.column)
        return node

    def _minus(self) -> Node:
        signs = []
        while self._is("-"):
            signs.append(self._take())
        node = self._atom()
        for operator in reversed(signs):
            if isinstance(node, Number):
                node = Number(-node.value, operator.column)
            else:
                node = Unary("-", node, operator.column)
        return node

    def _atom(self) -> Node:
        token = self._take()
        if token.kind == "number":
            percent = token.text.endswith("%")
            return Number(float(token.text.rstrip("%")) / (100.0 if percent else 1.0), token.column)
        if token.kind == "duration":
            unit = 7 if token.text[-1] == "w" else 1
            return Duration(int(token.text[:-1]) * unit, token.column)
        if token.kind == "text":
            return Text(token.text[1:-1], token.column)
        if token.kind == "word" and token.text in ("true", "false"):
            return Truth(token.text == "true", token.column)
        if token.kind == "name":
            return Call(token.text.lower(), self._arguments(), token.column)
        if token.kind == "sign" and token.text == "(":
            node = self._or()
            self._close(token)
            return node
        self._at -= 1
        if token.kind == "end":
            fail(self._text, token.column, "it ends too early: a value is missing.")
        fail(self._text, token.column, f"{token.text!r} stands where a value is expected.")

    def _arguments(self) -> tuple[Node, ...]:
        if not self._is("("):
            return ()
        opened = self._take()
        found: list[Node] = []
        if self._is(")"):
            self._take()
            return ()
        while True:
            found.append(self._or())
            if self._is(","):
                self._take()
                continue
            self._close(opened)
            return tuple(found)

    def _close(self, opened: _Token) -> None:
        if not self._is(")"):
            fail(self._text, self._next.column, f"a closing bracket for the one in column {opened.column} is missing.")
        self._take()
