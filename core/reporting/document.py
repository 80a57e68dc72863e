"""Define a report as sections of reasons, tables and charts whose every number is a fact of a recorded run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, Protocol

from core.data.calendar import close_of, last_closed_session, shift_session
from core.domain.as_of import AsOf
from core.domain.facts import Cell, Chart, Fact, Table, ToolResult
from core.errors import QuantdeskError
from core.ports.clock import ClockMode
from core.reporting.rendering import render_cell, render_fact, title_of

ReportKind = Literal["sod", "eod"]
Level = Literal["note", "good", "watch", "alarm"]
TITLES: dict[ReportKind, str] = {"sod": "Start of day", "eod": "End of day"}


class ToolRun(Protocol):
    """Run a tool and return its recorded result; the caller of a report gives a closure over the one door."""

    def __call__(self, tool: str, arguments: dict[str, Any], /, as_of: AsOf | None = None) -> ToolResult:
        """Return the result as of a time, the desk's own when None; raise QuantdeskError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Show one value that can be traced: its fact id, its text, and what it is."""

    fact_id: str
    text: str
    title: str
    negative: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Show a constant of the report's own rules, such as a limit for a watch-out."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Point to a section of the same report."""

    key: str
    text: str


Part = str | Figure | Rule | Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Say one thing, with the figures that it rests on."""

    level: Level
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTable:
    """Choose rows and columns of a recorded table; cells keep the ids of the whole table."""

    run: str
    table: Table
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    title: str = ""


@dataclass(slots=True, kw_only=True)
class Section:
    """Gather what is said about one subject."""

    key: str
    title: str
    tiles: list[tuple[str, Figure]] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    tables: list[ShownTable] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def say(self, level: Level, *parts: Part) -> None:
        """Add a remark."""
        self.remarks.append(Remark(level=level, parts=parts))

    def show(
        self, rows: Rows, *, most: int = 12, columns: Sequence[str] | None = None, title: str | None = None
    ) -> None:
        """Add the first rows of a table, with the columns named (those it has) or all, under its or another title."""
        table = rows.table
        kept = [
            index for index, column in enumerate(table.columns) if columns is None or column.name in columns
        ] or list(range(len(table.columns)))
        shown = tuple(row.index for row in list(rows)[:most])
        self.tables.append(
            ShownTable(
                run=rows.run,
                table=table,
                rows=shown,
                columns=tuple(kept),
                title=table.title if title is None else title,
            )
        )
        left_out = len(rows) - len(shown)
        if left_out > 0:
            self.notes.append("More rows are in the run behind this table.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Hold a whole report before it is drawn."""

    kind: ReportKind
    mode: ClockMode
    desk_time: datetime
    session: date
    last_session: date
    sections: tuple[Section, ...]
    results: tuple[ToolResult, ...]

    @property
    def title(self) -> str:
        """Return the heading."""
        return TITLES[self.kind]


@dataclass(frozen=True, slots=True)
class Row:
    """Read one row of a recorded table by column name."""

    rows: Rows
    index: int

    def value(self, *names: str) -> Cell:
        """Return the cell of the first column there is among the names, or None."""
        column = self.rows.column(*names)
        return None if column is None else self.rows.table.rows[self.index][column]

    def number(self, *names: str) -> float | None:
        """Return the cell as a number, or None."""
        value = self.value(*names)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def text(self, *names: str) -> str:
        """Return the cell as text, empty when there is none."""
        value = self.value(*names)
        return "" if value is None else str(value)

    def figure(self, *names: str) -> Figure:
        """Return the cell as a figure; raise KeyError when no such column exists."""
        column = self.rows.column(*names)
        if column is None:
            raise KeyError(f"None of {names} is among {[part.name for part in self.rows.table.columns]}.")
        return cell_figure(self.rows.run, self.rows.table, self.index, column)


class Rows:
    """Read a table of a result row by row, keeping for each cell the id of its fact."""

    def __init__(self, result: ToolResult, table: Table, kept: Sequence[int] | None = None) -> None:
        self.result = result
        self.run = result.run
        self.table = table
        self._kept = list(range(len(table.rows))) if kept is None else list(kept)

    def __iter__(self) -> Iterator[Row]:
        return (Row(self, index) for index in self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def column(self, *names: str) -> int | None:
        """Return the position of the first column there is among the names."""
        found = {column.name: position for position, column in enumerate(self.table.columns)}
        return next((found[name] for name in names if name in found), None)

    def where(self, keep: Sequence[Row]) -> Rows:
        """Return these rows only, in this order."""
        return Rows(self.result, self.table, [row.index for row in keep])

    def by(self, *names: str, descending: bool = True) -> Rows:
        """Return the rows that have a number there, in its order."""
        rows = [row for row in self if row.number(*names) is not None]
        return self.where(sorted(rows, key=lambda row: row.number(*names) or 0.0, reverse=descending))


class Sources:
    """Run the tools of a report, keep every result, and turn a refusal into a remark instead of a failure."""

    def __init__(self, run: ToolRun, now: datetime) -> None:
        self._run = run
        self.last_session = last_closed_session(now, "XNYS")
        self.next_session = shift_session(self.last_session, 1, "XNYS")
        self.results: list[ToolResult] = []

    @property
    def close_before(self) -> AsOf:
        """Return the close before that of the last closed session."""
        return AsOf(known=close_of(shift_session(self.last_session, -1, "XNYS"), "XNYS"))

    def result(
        self, section: Section, tool: str, arguments: dict[str, Any], *, as_of: AsOf | None = None
    ) -> ToolResult | None:
        """Return a result, or None after noting in the section what is not available and why."""
        try:
            found = self._run(tool, arguments, as_of)
        except QuantdeskError as error:
            section.notes.append(f"Not available: {error.message}")
            return None
        self.results.append(found)
        return found

    def rows(self, section: Section, tool: str, arguments: dict[str, Any], table: str | None = None) -> Rows | None:
        """Return the rows of a named (or the first) table of a result, or None."""
        found = self.result(section, tool, arguments)
        return None if found is None else rows_of(found, table)


def rows_of(result: ToolResult, table: str | None = None) -> Rows | None:
    """Return the rows of a named (or the first) table, or None when there is none."""
    for candidate in result.tables:
        if table is None or candidate.name == table:
            return Rows(result, candidate)
    return None


def cell_id(run: str, table: Table, row: int, column: int) -> str:
    """Return the fact id of a cell."""
    return f"{run}:{table.name}:{row}:{table.columns[column].name}"


def cell_figure(run: str, table: Table, row: int, column: int) -> Figure:
    """Return a cell as a figure."""
    cell = table.rows[row][column]
    text = render_cell(cell, table.columns[column])
    return Figure(
        fact_id=cell_id(run, table, row, column),
        text=text,
        title=title_of(table.columns[column]),
        negative=_reads_negative(cell, text),
    )


def fact_figure(fact: Fact) -> Figure:
    """Return a fact as a figure."""
    text = render_fact(fact)
    return Figure(fact_id=fact.id, text=text, title=fact.name, negative=_reads_negative(fact.value, text))


def _reads_negative(value: Cell, text: str) -> bool:
    """Go by what is read: a loss too small to be printed is no loss to the reader."""
    return isinstance(value, int | float) and not isinstance(value, bool) and text.startswith("-")
