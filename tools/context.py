"""Give a tool what it may use: the desk, the caller, the time, and a way to state facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.domain.as_of import AsOf
from core.domain.facts import Cell, Chart, Fact, Label, Table, ToolResult, Unit, highest
from core.domain.identifiers import IdSource
from core.domain.principal import Principal
from core.ports.calls import CallLog
from core.ports.clock import Clock
from core.ports.market_data import Bars, Events, Instruments, Macro
from core.ports.query import QueryRunner
from core.ports.strategy_store import StrategyStore
from core.ports.tracker import Tracker
from core.ports.verdict_store import VerdictStore

if TYPE_CHECKING:
    from core.data.comparison import SourceComparison
    from core.data.coverage import CoverageReader
    from core.execution.books import Books
    from core.execution.proposals import ProposalDesk
    from core.reporting.report import Reports
    from core.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Join everything the tools work on; built once per process by app.bootstrap."""

    settings: Settings
    clock: Clock
    ids: IdSource
    instruments: Instruments
    bars: Bars
    macro: Macro
    events: Events
    query: QueryRunner
    calls: CallLog
    coverage: CoverageReader
    comparison: SourceComparison
    books: Books
    proposals: ProposalDesk
    strategies: StrategyStore
    verdicts: VerdictStore
    reports: Reports
    tracker: Tracker
    code_version: str


@dataclass(slots=True, kw_only=True)
class ToolContext:
    """Carry one call: who asks, as of when, with which seed; facts stated here belong to its run."""

    desk: Desk
    principal: Principal
    run_id: str
    tool: str
    as_of: AsOf
    seed: int
    face: str
    thread_id: str | None
    label: Label
    _facts: list[Fact] = field(default_factory=list)

    def raise_label(self, label: Label) -> None:
        """Raise the label of this call; labels never fall."""
        self.label = highest(self.label, label)

    def fact(self, name: str, value: Cell, unit: Unit, *, currency: str | None = None, source: str = "") -> Fact:
        """State a fact of this run; its id is stable for the run and its order."""
        stated = Fact(
            id=f"fct_{self.run_id.removeprefix('run_')}_{len(self._facts)}",
            run=self.run_id,
            name=name,
            value=value,
            unit=unit,
            currency=currency,
            as_of=self.as_of.known,
            label=self.label,
            source=source,
        )
        self._facts.append(stated)
        return stated

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Return the facts stated so far."""
        return tuple(self._facts)

    def result(
        self,
        *,
        tables: Sequence[Table] = (),
        charts: Sequence[Chart] = (),
        sql: Sequence[str] = (),
        sources: Sequence[str] = (),
        notes: Sequence[str] = (),
        proposal_id: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> ToolResult:
        """Return the result of this run with all facts stated so far."""
        return ToolResult(
            run=self.run_id,
            tool=self.tool,
            label=self.label,
            as_of=self.as_of.known,
            facts=tuple(fact.model_copy(update={"label": self.label}) for fact in self._facts),
            tables=tuple(tables),
            charts=tuple(charts),
            sql=tuple(sql),
            sources=tuple(dict.fromkeys(sources)),
            notes=tuple(notes),
            proposal_id=proposal_id,
            details=details or {},
        )
