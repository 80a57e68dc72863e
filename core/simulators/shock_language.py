"""Read hypothetical shocks written as `SPY -10%, DGS10 +100bp, VIX x2 over 5 days`.

    scenario := shock { "," shock } [ "over" N ( "day" | "week" | "month" ) ]
    shock    := NAME ( ("+" | "-") N ( "%" | "bp" | "pp" ) | "x" N | "to" N )

A percent is a return, bp and pp change a rate, `x` multiplies, `to` names a level. Days are sessions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from core.errors import InvalidInput

Kind = Literal["return", "change", "multiple", "level"]
EXAMPLE = "SPY -10%, DGS10 +100bp, VIX x2 over 5 days"
_TOKEN = re.compile(
    r"\s*(?:(?P<comma>[,;])|(?P<times>[x×*](?=\s*[\d.]))|(?P<sign>[+\-−])|(?P<number>\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)"
    r"|(?P<unit>%|percent\b|basis points?\b|bps?\b|pp\b|percentage points?\b)"
    r"|(?P<name>[\^A-Za-z$][\w.^=/$-]*?(?=[\s,;+−*×]|-\s*\d|$)))",
    re.IGNORECASE,
)
_SESSIONS = {"day": 1, "days": 1, "session": 1, "sessions": 1, "week": 5, "weeks": 5, "month": 21, "months": 21}
_UNITS = {"%": 0.01, "percent": 0.01, "bp": 1e-4, "bps": 1e-4, "basis point": 1e-4, "basis points": 1e-4, "pp": 0.01}
_UNITS |= {"percentage point": 0.01, "percentage points": 0.01}
_LONGEST = 252


@dataclass(frozen=True, slots=True, kw_only=True)
class Shock:
    """Hold one shock: a return (ratio), a change of a rate (0.01 is 100 bp), a multiple, or a level.

    `column` is where its name starts in the text, from 1.
    """

    name: str
    kind: Kind
    size: float
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shocks:
    """Hold the shocks of a scenario in the order written and the sessions they take."""

    shocks: tuple[Shock, ...]
    sessions: int = 1

    def moves(self, levels: Mapping[str, float]) -> dict[str, float]:
        """Return each shock as a return or a change; `levels` are today's, needed for shocks "to" a level."""
        out: dict[str, float] = {}
        for shock in self.shocks:
            if shock.kind == "level":
                if shock.name not in levels:
                    raise InvalidInput(f"{shock.name} has no level today, so it cannot be shocked to {shock.size:g}.")
                out[shock.name] = shock.size / levels[shock.name] - 1.0
            else:
                out[shock.name] = shock.size - 1.0 if shock.kind == "multiple" else shock.size
        return out


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int


def parse_shocks(text: str) -> Shocks:
    """Read a scenario; raises InvalidInput that names the column of the first thing that does not fit."""
    tokens = _tokens(text)
    shocks: list[Shock] = []
    sessions = 1
    at = 0
    while True:
        shock, at = _shock(text, tokens, at)
        if any(part.name.upper() == shock.name.upper() for part in shocks):
            raise _error(text, shock.column, f"{shock.name} is shocked twice; give one shock for each name.")
        shocks.append(shock)
        following = tokens[at]
        if following.kind == "comma":
            at += 1
            continue
        if following.kind == "name" and following.text.lower() == "over":
            sessions, at = _duration(text, tokens, at + 1)
            following = tokens[at]
        if following.kind == "end":
            return Shocks(shocks=tuple(shocks), sessions=sessions)
        raise _error(text, following.column, f"expected a comma, “over N days” or the end, not “{following.text}”.")


def _shock(text: str, tokens: list[_Token], at: int) -> tuple[Shock, int]:
    name = tokens[at]
    if name.kind != "name":
        raise _error(text, name.column, f"expected a name such as SPY or DGS10{_not(name)}.")
    following, number = tokens[at + 1], tokens[min(at + 2, len(tokens) - 1)]
    if following.kind == "times" or (following.kind == "name" and following.text.lower() == "to"):
        size = _number(text, number)
        if size <= 0.0:
            raise _error(text, number.column, "expected a number above 0.")
        kind: Kind = "multiple" if following.kind == "times" else "level"
        return Shock(name=name.text, kind=kind, size=size, column=name.column), at + 3
    if following.kind != "sign":
        raise _error(text, following.column, f"expected +, -, “x 2” or “to 100” after {name.text}{_not(following)}.")
    unit = tokens[min(at + 3, len(tokens) - 1)]
    size = _number(text, number)
    if unit.kind != "unit":
        raise _error(text, unit.column, f"expected %, bp or pp after {number.text}{_not(unit)}.")
    key = re.sub(r"\s+", " ", unit.text.lower())
    signed = size * _UNITS[key] * (1.0 if following.text == "+" else -1.0)
    if key in ("%", "percent"):
        if signed < -1.0:
            raise _error(text, following.column, f"{name.text} cannot fall by more than 100 %.")
        return Shock(name=name.text, kind="return", size=signed, column=name.column), at + 4
    return Shock(name=name.text, kind="change", size=signed, column=name.column), at + 4


def _duration(text: str, tokens: list[_Token], at: int) -> tuple[int, int]:
    count, unit = tokens[at], tokens[min(at + 1, len(tokens) - 1)]
    number = _number(text, count)
    if unit.kind != "name" or unit.text.lower() not in _SESSIONS:
        raise _error(text, unit.column, f"expected days, weeks or months{_not(unit)}.")
    sessions = number * _SESSIONS[unit.text.lower()]
    if sessions != int(sessions) or not 1 <= sessions <= _LONGEST:
        raise _error(text, count.column, f"expected a whole number of days from 1 to {_LONGEST}.")
    return int(sessions), at + 2


def _number(text: str, token: _Token) -> float:
    if token.kind != "number":
        raise _error(text, token.column, f"expected a number{_not(token)}.")
    return float(token.text.replace(",", ""))


def _tokens(text: str) -> list[_Token]:
    out: list[_Token] = []
    at = 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            column = at + len(text[at:]) - len(text[at:].lstrip()) + 1
            raise _error(text, column, f"“{text[column - 1]}” does not belong here.")
        out.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup) + 1))
        at = match.end()
    out.append(_Token("end", "", len(text.rstrip()) + 1))
    return out


def _not(token: _Token) -> str:
    return ", but the text ends" if token.kind == "end" else f", not “{token.text}”"


def _error(text: str, column: int, message: str) -> InvalidInput:
    return InvalidInput(f"Column {column}: {message}", hint=f"{text}\n{' ' * (column - 1)}^\nFor example: {EXAMPLE}")
