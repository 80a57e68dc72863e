"""Make a report: collect its facts through recorded runs, write it as HTML, give it a digest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from core.domain.facts import Fact, ToolResult
from core.domain.identifiers import IdSource
from core.errors import InvalidInput
from core.ports.clock import Clock, ClockMode
from core.reporting.document import TITLES, Document, ReportKind, Sources, ToolRun
from core.reporting.eod import end_of_day
from core.reporting.html import document_html
from core.reporting.sod import start_of_day

_DIGEST_MARK = "{digest}"
_BUILDERS = {"sod": start_of_day, "eod": end_of_day}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSummary:
    """Name a stored report."""

    report_id: str
    kind: ReportKind
    session: date
    data_as_of: datetime
    digest: str
    created_at: datetime

    @property
    def title(self) -> str:
        """Return the heading."""
        return f"{TITLES[self.kind]} · {self.session}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(ReportSummary):
    """Hold a report: its page, its facts and the runs they come from."""

    html: str
    runs: tuple[str, ...]
    facts: tuple[Fact, ...] = ()


class Reports(Protocol):
    """Keep reports."""

    def save(self, report: Report) -> str:
        """Store a report and announce it; of equal content the first is kept. Return the id of the one kept."""
        ...

    def list(self, *, limit: int = 100) -> Sequence[ReportSummary]:
        """Return the newest reports without their pages."""
        ...

    def get(self, report_id: str) -> Report:
        """Return a report; raise UnknownName."""
        ...


def make_report(kind: ReportKind, run: ToolRun, clock: Clock, ids: IdSource) -> Report:
    """Make the start-of-day (`sod`) or end-of-day (`eod`) report at the desk's present time.

    The first is of the next exchange session to close, the second of the last one that closed.
    Every number is a fact of a run made through `run`. Equal results give equal bytes; the digest leaves out the
    ids of runs, so two reports of the same content have the same one. Raises InvalidInput for another kind.
    """
    document = compose_report(kind, run, now=clock.now(), mode=clock.mode)
    return finish_report(document, report_id=ids.new("rpt"), created_at=clock.wall())


def compose_report(kind: ReportKind, run: ToolRun, *, now: datetime, mode: ClockMode) -> Document:
    """Collect the sections of a report at a time through recorded runs; raise InvalidInput for another kind."""
    if kind not in _BUILDERS:
        raise InvalidInput(f"Report {kind!r} does not exist.", hint="Choose sod or eod.")
    sources = Sources(run, now)
    session = sources.next_session if kind == "sod" else sources.last_session
    sections = _BUILDERS[kind](sources)
    return Document(
        kind=kind,
        mode=mode,
        desk_time=now,
        session=session,
        last_session=sources.last_session,
        sections=tuple(sections),
        results=tuple(sources.results),
    )


def finish_report(document: Document, *, report_id: str, created_at: datetime) -> Report:
    """Write the page of a collected report and give it the digest of its content."""
    page = document_html(document, digest=_DIGEST_MARK)
    digest = _content_digest(page, document.results)
    return Report(
        report_id=report_id,
        kind=document.kind,
        session=document.session,
        data_as_of=document.desk_time,
        digest=digest,
        created_at=created_at,
        html=page.replace(_DIGEST_MARK, digest),
        runs=tuple(result.run for result in document.results),
        facts=tuple(fact for result in document.results for fact in result.facts),
    )


def _content_digest(page: str, results: tuple[ToolResult, ...]) -> str:
    for number, result in enumerate(results):
        page = page.replace(result.run.removeprefix("run_"), f"{number}")
    return hashlib.sha256(page.encode()).hexdigest()
