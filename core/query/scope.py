"""Hold what names mean while a statement is checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from core.errors import SqlRefused
from core.query import sizes
from core.query.relations import Relation

Sizes = dict[str, float]


@dataclass(slots=True)
class Source:
    """Hold one item of a FROM clause as expressions see it; `node` is set when it reads a relation directly.

    `columns` gives an estimate of the length of the values by column; `whole` says that all columns are used at
    once (`*` or the row itself).
    """

    name: str
    columns: Sizes
    qualified: str = ""
    node: Any = None
    relation: Relation | None = None
    rows: float = sizes.TABLE_ROWS
    recursive: bool = False
    whole: bool = False


@dataclass(slots=True)
class CommonTable:
    """Hold the columns of a common table expression; `open_recursion` while its own body is being read."""

    columns: Sizes
    rows: float
    recursive: bool = False
    open_recursion: bool = False


@dataclass(slots=True)
class Scope:
    """Hold the sources of one SELECT, the scope around it and the common table expressions in reach."""

    sources: list[Source]
    outer: Scope | None
    tables: dict[str, CommonTable]
    outputs: Sizes = field(default_factory=dict)


@dataclass(slots=True)
class Output:
    """Hold what a SELECT returns: names with value sizes, and an estimate of its rows."""

    columns: list[tuple[str, float]]
    rows: float


def refuse(rule: str, message: str, *, hint: str = "") -> SqlRefused:
    """Build the refusal of a statement by a named rule."""
    return SqlRefused(message, rule=rule, hint=hint)


def renamed(columns: list[tuple[str, float]], names: list[str]) -> Sizes:
    """Return the columns under the names of an alias list, which may be shorter; equal names are merged."""
    if len(names) > len(columns):
        raise refuse("column", f"An alias names {len(names)} columns, but there are {len(columns)}.")
    found: Sizes = {}
    for i, (name, size) in enumerate(columns):
        key = names[i] if i < len(names) else name
        found[key] = max(size, found.get(key, 0.0))
    return found


def column_hint(source: Source) -> str:
    """List the columns of a source for the reader of a refusal."""
    shown = list(source.columns)[:30]
    return f"Its columns: {', '.join(shown)}."
