"""Make the start- or end-of-day report."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from core.domain.as_of import AsOf
from core.domain.facts import Column, Frozen, Table, ToolResult
from core.errors import InvalidInput
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from core.reporting.document import Document, Remark, ReportKind

KINDS: dict[str, ReportKind] = {"start": "sod", "end": "eod"}
START = time(9, tzinfo=ZoneInfo("America/New_York"))
"""When the start-of-day report of an earlier session is made: half an hour before the exchange opens."""
_MOST_FIGURES_OF_A_SECTION = 12
_MOST_REMARKS = 40


class DayReportArguments(Frozen):
    """Ask for a start-of-day or end-of-day report."""

    kind: Literal["start", "end"] = Field(description="start: where the desk stands; end: what the day brought.")
    session: date | None = Field(
        default=None, description="Exchange session; left out: the next one to close (start), the last closed (end)."
    )


@tool(effect="compute", data="private")
def day_report(context: ToolContext, arguments: DayReportArguments) -> ToolResult:
    """Make and keep the start- or end-of-day report: what to watch, profit and loss, risk, limits, decisions, data.

    Answers "end of day report", "morning briefing", "wrap up the day". Every number comes from a recorded run; a report
    of the same content is kept once. The whole of it is read on the desk's page Reports.
    """
    from core.reporting.report import compose_report, finish_report
    from tools.runner import run_tool

    moment = _moment(context, arguments)

    def run(name: str, given: dict[str, Any], /, as_of: AsOf | None = None) -> ToolResult:
        return run_tool(
            context.desk,
            name,
            given,
            principal=context.principal,
            face=context.face,
            thread_id=context.thread_id,
            as_of=as_of or AsOf(known=moment, recorded=context.as_of.recorded),
        )

    document = compose_report(KINDS[arguments.kind], run, now=moment, mode=context.desk.clock.mode)
    report = finish_report(document, report_id=context.desk.ids.new("rpt"), created_at=context.desk.clock.wall())
    kept = context.desk.reports.save(report)
    context.fact("report", f"{document.title} report", "text")
    context.fact("session", document.session.isoformat(), "date")
    context.fact("page", f"/reports/{kept}", "text")
    _state_figures(context, document)
    return context.result(
        tables=[_remarks(document)],
        sql=[statement for result in document.results for statement in result.sql],
        sources=[source for result in document.results for source in result.sources],
        notes=[f"{section.title}: {note}" for section in document.sections for note in section.notes],
        details={"report_id": kept, "sections": [section.title for section in document.sections]},
    )


def _moment(context: ToolContext, arguments: DayReportArguments) -> datetime:
    """Return when the report is made: now for the session that is due, its own time for an earlier one."""
    from core.data.calendar import close_of, last_closed_session, shift_session

    now, session = context.as_of.known, arguments.session
    last = last_closed_session(now, "XNYS")
    due = last if arguments.kind == "end" else shift_session(last, 1, "XNYS")
    if session is None or session == due:
        return now
    if session > due:
        raise InvalidInput(
            f"The {arguments.kind}-of-day report of {session} cannot be made yet.",
            hint=f"The newest is that of {due}.",
        )
    if shift_session(shift_session(session, -1, "XNYS"), 1, "XNYS") != session:
        raise InvalidInput(
            f"{session:%A %Y-%m-%d} was no session of the exchange.",
            hint=f"The session before was {shift_session(session, -1, 'XNYS')}.",
        )
    return close_of(session, "XNYS") if arguments.kind == "end" else datetime.combine(session, START)


def _state_figures(context: ToolContext, document: Document) -> None:
    """State the main figures of each section as facts of this run, with the tool that computed them as source."""
    tools = {result.run: result.tool for result in document.results}
    found = {fact.id: fact for result in document.results for fact in result.facts}
    stated = set()
    for section in document.sections:
        for name, figure in section.tiles[:_MOST_FIGURES_OF_A_SECTION]:
            fact = found.get(figure.fact_id)
            if fact is None or (title := f"{section.title}: {name}") in stated:
                continue
            stated.add(title)
            context.fact(title, fact.value, fact.unit, currency=fact.currency, source=tools[fact.run])


def _remarks(document: Document) -> Table:
    rows = [(section.title, remark.level, _said(remark)) for section in document.sections for remark in section.remarks]
    names = ("section", "level", "remark")
    return Table(
        name="sections",
        title="The sections in short",
        columns=tuple(Column(name=name, unit="text") for name in names),
        rows=tuple(rows[:_MOST_REMARKS]),
        truncated=len(rows) > _MOST_REMARKS,
    )


def _said(remark: Remark) -> str:
    return "".join(part if isinstance(part, str) else part.text for part in remark.parts)
