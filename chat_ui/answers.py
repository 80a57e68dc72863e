"""Show the way to an answer and the answer: steps, SQL, tables, charts, and where it all comes from."""

from __future__ import annotations

import json
from contextlib import aclosing
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import chainlit as cl

from agents.answer import Answer, Done, TextChunk, ToolFinished, ToolStarted
from app.documents import command_of
from chat_ui.people import current_person
from chat_ui.proposal_card import show_card
from chat_ui.services import services
from core.reporting.charts import plotly_figure
from core.reporting.rendering import render_fact, table_markdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.domain.facts import Chart, Table, ToolResult

ROWS_SHOWN = 15
FACTS_SHOWN = 12
TITLE_CHARACTERS = 36
TITLE_LINE_PIXELS = 18
_TOO_MANY_BUTTONS = ["toImage", "zoom", "pan", "select", "lasso", "zoomIn", "zoomOut", "autoScale", "resetScale"]


async def answer(question: str) -> None:
    """Ask the assistant and show what it does while it does it."""
    person = await current_person()
    thread_id = cl.context.session.thread_id
    reply = cl.Message(content="", author="quantdesk")
    steps: dict[str, cl.Step] = {}
    results: list[ToolResult] = []
    done: Answer | None = None
    async with aclosing(
        services().assistant.stream(question, thread_id=thread_id, principal=person, face="chat")
    ) as events:
        async for event in events:
            if isinstance(event, ToolStarted):
                steps[event.call_id] = await _begin_step(event)
            elif isinstance(event, ToolFinished):
                await _end_step(steps.pop(event.call_id, None), event)
                results += [event.result] if event.result else []
            elif isinstance(event, TextChunk):
                await reply.stream_token(event.text)
            elif isinstance(event, Done):
                done = event.answer
    if done is None:
        reply.content = reply.content or "There is no answer; ask again."
        await reply.send()
        return
    reply.content = answer_text(done, results)
    await reply.send()
    # One after the other: sent together they would arrive in any order.
    for number, chart in enumerate(done.charts):
        await chart_element(chart, number).send(for_id=reply.id)
    for proposal_id in done.proposal_ids:
        await show_card(proposal_id)
    await cl.Message(content=provenance(done), author="desk").send()


def answer_text(done: Answer, results: Sequence[ToolResult] = ()) -> str:
    """Return the answer with its tables and remarks; `results` tell on which run's page all rows of a table are."""
    parts = [done.text]
    for table in done.tables:
        title = f"**{table.title}**\n\n" if table.title else ""
        run = next((result.run for result in results if table in result.tables), next(iter(done.runs), None))
        parts.append(title + _first_rows(table, run))
    parts += [
        f"[Read the whole report](/reports/{result.details['report_id']})"
        for result in results
        if "report_id" in result.details
    ]
    parts += [f"*{note}*" for note in done.notes if note not in done.text]
    return "\n\n".join(parts)


def _first_rows(table: Table, run: str | None) -> str:
    count = len(table.rows)
    if count <= ROWS_SHOWN:
        return table_markdown(table, ROWS_SHOWN)
    shown = table_markdown(table.model_copy(update={"rows": table.rows[:ROWS_SHOWN], "truncated": False}), ROWS_SHOWN)
    rest = f"; all rows: [/runs/{run}](/runs/{run})" if run else ""
    cut = " (cut at the row limit)" if table.truncated else ""
    return f"{shown}\n\n{ROWS_SHOWN} of {count:,} rows{cut}{rest}"


def provenance(done: Answer) -> str:
    """Return where the answer comes from: time, route, label, sources, runs, and the commands that repeat it."""
    replay = " (the desk replays the past)" if done.clock == "replay" else ""
    line = [
        f"As of {done.as_of:%Y-%m-%d %H:%M} UTC{replay}",
        f"route {done.route}: {done.model}{done.cost()}",
        done.label,
    ]
    if done.sources:
        line.append("sources: " + "; ".join(done.named_sources()))
    parts = [" · ".join(line)]
    if done.runs:
        parts.append("Numbers traced: " + ", ".join(f"[{run[:16]}](/runs/{run})" for run in done.runs))
    commands = [command_of(call.name, dict(call.args), done.as_of) for call in done.tool_calls]
    if commands:
        parts.append("Copy as command:\n```bash\n" + "\n".join(commands) + "\n```")
    return "\n\n".join(parts)


def chart_element(chart: Chart, number: int) -> cl.Plotly:
    """Return the chart as an element of the message."""
    from plotly.graph_objects import Figure

    figure = Figure(plotly_figure(chart))
    figure.update_layout(modebar_remove=_TOO_MANY_BUTTONS)
    # A phone shows no longer line; each further one needs its height above the plot.
    lines = wrap(figure.layout.title.text or "", TITLE_CHARACTERS)
    if len(lines) > 1:
        top = (figure.layout.margin.t or 40) + TITLE_LINE_PIXELS * (len(lines) - 1)
        figure.update_layout(title_text="<br>".join(lines), margin_t=top)
    return cl.Plotly(
        name=f"{number + 1}-{''.join(c if c.isalnum() else '-' for c in chart.title)[:60] or 'chart'}",
        figure=figure,
        display="inline",
        size="large",
    )


async def _begin_step(event: ToolStarted) -> cl.Step:
    run = cl.context.current_run
    step = cl.Step(name=event.name, type="tool", show_input="json", parent_id=run.id if run else None)
    step.input = dict(event.args)
    await step.send()
    return step


async def _end_step(step: cl.Step | None, event: ToolFinished) -> None:
    if step is None:
        return
    if event.result is None:
        step.is_error = True
        step.output = event.error or "It failed."
        await step.update()
        return
    step.output = result_summary(event.result)
    for number, statement in enumerate(event.result.sql):
        query = cl.Step(
            name="SQL" if number == 0 else f"SQL {number + 1}", type="run", parent_id=step.id, language="sql"
        )
        query.output = statement
        await query.send()
    await step.update()


def result_summary(result: ToolResult) -> str:
    """Return the first facts of a result, as text."""
    shown: list[dict[str, Any]] = [
        {"fact": fact.name, "value": render_fact(fact), "id": fact.id} for fact in result.facts[:FACTS_SHOWN]
    ]
    more = len(result.facts) - len(shown)
    lines = [f"- {one['fact']}: {one['value']} `{one['id']}`" for one in shown]
    if more > 0:
        lines.append(f"- and {more} more")
    for table in result.tables:
        lines.append(f"- table {json.dumps(table.title or table.name)}: {len(table.rows)} rows")
    lines.append(f"- run `{result.run}`")
    return "\n".join(lines)
