"""Build parameterised SQL on the as-of views and run it through the guard."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Any

from sqlglot import exp, select

from core.domain.as_of import AsOf
from core.domain.facts import Label
from core.ports.query import CheckedSql, QueryResult, QueryRunner
from core.query.guard import SqlGuard
from core.query.relations import product_relations

MOST_ROWS = 20_000


@lru_cache(maxsize=1)
def product_guard() -> SqlGuard:
    """Return the guard over the product's own views; today and now mean the desk's clock."""
    return SqlGuard(product_relations("private"), desk_time=True)


class Statement:
    """Collect a SELECT piece by piece; values are always parameters, written `?` in conditions."""

    def __init__(self, relation: str, *columns: str, distinct_on: tuple[str, ...] = ()) -> None:
        self._relation = relation
        self._kept: list[tuple[str, tuple[Any, ...]]] = []
        self._days: tuple[str, date | None, date | None] | None = None
        self._select = select(*columns, dialect="postgres").from_(relation, dialect="postgres")
        if distinct_on:
            self._select = self._select.distinct(*distinct_on)
        self._values: list[Any] = []

    def where(self, condition: str, *values: Any) -> Statement:
        """Add a condition; each `?` stands for the next value."""
        self._kept.append((condition, values))
        return self._add(condition, *values)

    def between(self, column: str, start: date | None, end: date | None) -> Statement:
        """Keep the rows of the days from `start` to `end`, both included; None is open."""
        self._days = (column, start, end)
        for sign, day in ((">=", start), ("<=", end)):
            if day is not None:
                self._add(f"{column} {sign} ?", day)
        return self

    def around(self) -> Statement | None:
        """Return the statement of the last day before its days and of the first one after, all else equal.

        None where it is of no days. Both are NULL where there is no such row.
        """
        if self._days is None or self._days[1:] == (None, None):
            return None
        column, start, end = self._days
        before = f"max(CASE WHEN {column} < CAST('{start}' AS date) THEN {column} END)" if start else "NULL"
        after = f"min(CASE WHEN {column} > CAST('{end}' AS date) THEN {column} END)" if end else "NULL"
        found = Statement(self._relation, f"{before} AS before", f"{after} AS after")
        for condition, values in self._kept:
            found.where(condition, *values)
        return found

    def _add(self, condition: str, *values: Any) -> Statement:
        for value in values:
            self._values.append(value)
            condition = condition.replace("?", f"${len(self._values)}", 1)
        self._select = self._select.where(exp.condition(condition, dialect="postgres"))
        return self

    def group(self, *columns: str) -> Statement:
        """Group by expressions or positions."""
        self._select = self._select.group_by(*columns, dialect="postgres")
        return self

    def order(self, *columns: str) -> Statement:
        """Sort by expressions."""
        self._select = self._select.order_by(*columns, dialect="postgres")
        return self

    def limit(self, count: int | None) -> Statement:
        """Cut the rows; None leaves them."""
        if count is not None:
            self._select = self._select.limit(count)
        return self

    def check(self) -> CheckedSql:
        """Return the statement as the guard renders it; raise SqlRefused."""
        return product_guard().check(self._select.sql(dialect="postgres"), parameters=len(self._values))

    def run(self, runner: QueryRunner, as_of: AsOf, *, label: Label, max_rows: int = MOST_ROWS) -> QueryResult:
        """Run it as of a time; raise when it reads something more private than `label`."""
        checked = self.check()
        if checked.label == "private" and label == "public":
            raise ValueError(f"A public metric may not read {', '.join(checked.relations)}.")
        named = {f"p{i}": value for i, value in enumerate(self._values, start=1)}
        return runner.run(checked, named, as_of=as_of, max_rows=max_rows)
