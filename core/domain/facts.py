"""Define facts: the only form in which a number reaches a person."""

from __future__ import annotations

from datetime import date, datetime
from math import isfinite
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Label = Literal["public", "private"]
Unit = Literal["ratio", "percent", "bps", "money", "shares", "days", "count", "number", "date", "text"]
ChartKind = Literal["line", "candlestick", "bar", "scatter", "heatmap", "fan", "histogram"]
ChartScale = Literal["linear", "log"]
Cell = float | int | str | bool | None


def highest(*labels: Label) -> Label:
    """Return the most private of the labels; with none given, private."""
    return "public" if labels and all(label == "public" for label in labels) else "private"


class Frozen(BaseModel):
    """Be immutable and refuse unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Fact(Frozen):
    """State one value with everything needed to trace it.

    Returns and volatilities are ratios (0.05 is 5 %); `unit` says how to print. `source` names the
    relation, tool or formula; `id` is `fct_...` and unique, `run` is the tool call that made it.
    """

    id: str
    run: str
    name: str
    value: Cell
    unit: Unit
    currency: str | None = None
    as_of: datetime
    label: Label
    source: str = ""


class Column(Frozen):
    """Describe a column of a result table."""

    name: str
    unit: Unit
    title: str = ""
    currency: str | None = None


class Table(Frozen):
    """Hold rows of a result; the cell at (row, column) is the fact `<run>:<table name>:<row>:<column name>`."""

    name: str
    title: str = ""
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    truncated: bool = False


class ChartSeries(Frozen):
    """Hold one series of a chart: x are ISO dates, numbers or names, y numbers (None where missing)."""

    name: str
    x: tuple[str | float, ...]
    y: tuple[float | None, ...]
    low: tuple[float | None, ...] | None = None
    high: tuple[float | None, ...] | None = None
    open: tuple[float | None, ...] | None = None


class Chart(Frozen):
    """Describe a picture independently of the library that draws it.

    `candlestick` uses open, high, low and y as close; `fan` uses y as the median with low and high bands
    (one series per band pair); `heatmap` reads rows as series; `histogram` takes values in y. `scale` is that of the
    values; a logarithmic one shows equal growth as equal distance.
    """

    kind: ChartKind
    title: str
    series: tuple[ChartSeries, ...]
    unit: Unit = "number"
    scale: ChartScale = "linear"
    x_title: str = ""
    y_title: str = ""


class ToolResult(Frozen):
    """Return what a tool computed: facts, tables, pictures, the SQL it ran and remarks for the reader."""

    run: str
    tool: str
    label: Label
    as_of: datetime
    facts: tuple[Fact, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    sql: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    proposal_id: str | None = None
    details: dict[str, Any] = Field(default_factory=dict)

    @property
    def proposal_ids(self) -> tuple[str, ...]:
        """Return every proposal this run wrote; a scan may write several."""
        several = tuple(self.details.get("proposal_ids", ()))
        return several or ((self.proposal_id,) if self.proposal_id else ())

    def fact(self, name: str) -> Fact:
        """Return the fact of this name; raise KeyError with the names there are."""
        for fact in self.facts:
            if fact.name == name:
                return fact
        raise KeyError(f"{name!r} is not among the facts {[fact.name for fact in self.facts]}.")


def to_cell(value: object) -> Cell:
    """Convert a database or numpy value: dates to ISO text, Decimal and numpy numbers to float.

    NaN and infinities become None: JSON, in which results are kept, has neither.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    number = float(value)  # type: ignore[arg-type]  # Decimal and numpy scalars have __float__
    return number if isfinite(number) else None
