"""Define how checked SQL is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from core.domain.as_of import AsOf
from core.domain.facts import Cell, Label


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedSql:
    """Hold a statement rendered from a tree that the guard accepted; only the guard and the semantic layer make one."""

    text: str
    label: Label
    relations: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResult:
    """Hold rows of a read-only query; `types` are PostgreSQL type names by column."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    truncated: bool
    sql: str
    milliseconds: float


class QueryRunner(Protocol):
    """Run checked SQL with the read-only role of its label."""

    def run(
        self,
        statement: CheckedSql,
        parameters: Mapping[str, Any] | None = None,
        *,
        as_of: AsOf,
        max_rows: int = 1000,
    ) -> QueryResult:
        """Return at most max_rows rows.

        Raises BudgetExceeded on the time, cost or byte cap and InvalidInput on a database error.
        """
        ...

    def notes(self) -> tuple[str, ...]:
        """Return what the reader of a result must know about how it was read."""
        ...
