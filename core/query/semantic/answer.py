"""Hold what a question needs and what its answer is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from core.domain.as_of import AsOf
from core.domain.facts import Cell, Chart, ChartSeries, Column, Table, Unit
from core.ports.market_data import Bars, Instruments, Macro
from core.ports.query import QueryRunner
from core.query.semantic.metric_query import MetricQuery
from core.query.semantic.metrics import Metric

if TYPE_CHECKING:
    from core.execution.books import Books

MOST_FACT_ROWS = 8
MOST_CHART_POINTS = 800
_EXCHANGE_ZONE = ZoneInfo("America/New_York")


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Join what questions read, as of one time; `wall` is the machine's time, for what expires by it."""

    instruments: Instruments
    bars: Bars
    macro: Macro
    query: QueryRunner
    books: Books
    as_of: AsOf
    wall: datetime

    @cached_property
    def today(self) -> date:
        """Return the desk's date at the exchange."""
        return self.as_of.known.astimezone(_EXCHANGE_ZONE).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """Hold a value before it becomes a fact of a run."""

    name: str
    value: Cell
    unit: Unit
    currency: str | None = None
    source: str = ""


@dataclass(slots=True, kw_only=True)
class Answer:
    """Collect the answer to one question."""

    query: MetricQuery
    metric: Metric
    facts: list[Stated] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    sql: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def state(self, name: str, value: Cell, unit: Unit, *, currency: str | None = None, source: str = "") -> None:
        """Add a value."""
        self.facts.append(Stated(name=name, value=value, unit=unit, currency=currency, source=source))

    def note(self, *texts: str) -> None:
        """Add remarks for the reader, each once."""
        self.notes.extend(text for text in texts if text and text not in self.notes)

    def table(
        self,
        columns: Sequence[Column],
        rows: Sequence[tuple[Cell, ...]],
        *,
        title: str = "",
        name: str = "",
        truncated: bool = False,
    ) -> None:
        """Add a table."""
        self.tables.append(
            Table(
                name=name or self.metric.name,
                title=title or self.metric.title,
                columns=tuple(columns),
                rows=tuple(rows),
                truncated=truncated,
            )
        )

    def line_chart(self, lines: Sequence[ChartSeries], *, unit: Unit, title: str = "") -> None:
        """Add a line chart when there is a line to draw; long lines are thinned evenly."""
        drawn = [_thinned(line) for line in lines if len(line.x) > 1]
        if drawn:
            self.charts.append(Chart(kind="line", title=title or self.metric.title, series=tuple(drawn), unit=unit))

    def bar_chart(self, names: Sequence[str], values: Sequence[float | None], *, unit: Unit, title: str = "") -> None:
        """Add a bar chart of one value for each name when there are at least two."""
        if len(names) > 1:
            series = ChartSeries(name=self.metric.title, x=tuple(names[:60]), y=tuple(values[:60]))
            self.charts.append(Chart(kind="bar", title=title or self.metric.title, series=(series,), unit=unit))


def _thinned(line: ChartSeries) -> ChartSeries:
    count = len(line.x)
    if count <= MOST_CHART_POINTS:
        return line
    kept = sorted({round(step * (count - 1) / (MOST_CHART_POINTS - 1)) for step in range(MOST_CHART_POINTS)})
    return ChartSeries(name=line.name, x=tuple(line.x[i] for i in kept), y=tuple(line.y[i] for i in kept))
