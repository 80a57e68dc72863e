"""Explain a number: the tool, its arguments, the data, the code, the SQL; and run it again."""

from __future__ import annotations

import json
from html import escape

from nicegui import ui
from starlette.concurrency import run_in_threadpool

from app.web import components as show
from app.web.layout import Visit
from core.domain.facts import Column
from core.ports.calls import CallRecord
from core.reporting.rendering import render_cell
from tools.tracing import Explanation, explain, replay


def run_view(visit: Visit, name: str) -> None:
    """Draw the trace of a run, a fact or a table cell."""
    show.heading("Run" if name.startswith("run_") and ":" not in name else "Where this number comes from")
    show.load(lambda: explain(visit.services.desk, name, visit.principal), lambda found: _draw(visit, found))


def _draw(visit: Visit, found: Explanation) -> None:
    record = found.record
    with ui.element("div").classes("qd-grid"):
        if found.reference != record.call.run_id:
            with show.card():
                column = Column(name=found.name, unit=found.unit, currency=found.currency)
                show.html(
                    f'<div class="qd-value n">{escape(render_cell(found.value, column))}</div>'
                    f'<p class="qd-note">{escape(found.name)} · as of {record.call.as_of.known:%Y-%m-%d %H:%M} UTC'
                    f" · {escape(record.call.label)}</p>"
                )
        with show.card("How it was computed", span=6):
            _pairs(visit, found)
            _again(visit, record)
        with show.card("Asked with", span=6):
            _code(json.dumps(record.call.arguments, indent=2, ensure_ascii=False))
        if record.result is not None and record.result.sql:
            with show.card("SQL it ran"):
                for statement in record.result.sql:
                    _code(statement)
        if record.result is not None:
            with show.card("Everything this run found"):
                if record.result.facts:
                    show.tiles(record.result.facts[:60])
                for table in record.result.tables:
                    show.html('<div style="height: 14px"></div>')
                    show.table(record.result, table)
                for chart in record.result.charts:
                    show.chart(chart)
                for remark in record.result.notes:
                    show.note(remark)


def _pairs(visit: Visit, found: Explanation) -> None:
    record = found.record
    call = record.call
    sources = record.result.sources if record.result is not None else ()
    pairs = {
        "Tool": call.tool,
        "Run": call.run_id,
        "Number": found.reference if found.reference != call.run_id else "",
        "Data known at": f"{call.as_of.known:%Y-%m-%d %H:%M:%S} UTC",
        "Code version": call.code_version,
        "Seed": "" if call.seed is None else str(call.seed),
        "Asked by": f"{visit.services.who(call.principal)} through {call.face}",
        "Started": f"{call.started_at:%Y-%m-%d %H:%M:%S} UTC",
        "Took": "" if record.duration_ms is None else f"{record.duration_ms:,.0f} ms",
        "State": record.state + (f": {record.error}" if record.error else ""),
        "Sources": "; ".join(sources),
        "Digest": record.result_digest or "",
    }
    listed = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in pairs.items() if text)
    show.html(f'<dl class="qd-pairs">{listed}</dl>')


def _again(visit: Visit, record: CallRecord) -> None:
    if record.call.effect == "propose" or record.result is None:
        return
    with ui.element("div").classes("qd-actions"):
        outcome = ui.element("div").classes("qd-html")

        async def compare() -> None:
            person = await visit.person()
            again = await run_in_threadpool(replay, visit.services.desk, record.call.run_id, person, face="web")
            outcome.clear()
            with outcome:
                if again.same:
                    show.notice("Run again on the data known then: the same result, bit for bit.", "good")
                else:
                    show.notice(_difference(again.same_code), "alarm")

        show.button("Run it again and compare", compare)


def _difference(same_code: bool) -> str:
    if not same_code:
        return "Run again: the result differs. The code has changed since."
    return "Run again: the result differs. The data it read is not kept over time, as with the present books."


def _code(text: str) -> None:
    show.html(f'<pre class="qd-code">{escape(text)}</pre>')
