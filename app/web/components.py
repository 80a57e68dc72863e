"""Draw the pieces that pages are made of: cards that load, figures, tables, charts, notices, empty states."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from html import escape
from typing import Any, TypeVar

from anyio import fail_after, to_thread
from nicegui import ui

from core.domain.facts import Chart, Fact, Table, ToolResult
from core.errors import QuantdeskError
from core.reporting.charts import plotly_figure
from core.reporting.html import fact_html, records_html, table_html

Loaded = TypeVar("Loaded")
Refresh = Callable[[], Awaitable[None]]
# The page of a symbol, which follows.
ANALYSIS = "/analysis?symbol="
_LONGEST_SECONDS = 90.0
_LOG = logging.getLogger(__name__)
_WAITING = '<div class="qd-wait" role="status" aria-label="Loading"><span></span><span></span><span></span></div>'


def html(text: str) -> ui.html:
    """Add HTML that our own code wrote (every value in it is escaped already)."""
    return ui.html(text, sanitize=False).classes("qd-html")


def heading(title: str, lead: str = "") -> ui.element:
    """Add the heading of a page; its row takes buttons too."""
    with ui.element("div").classes("qd-title") as row:
        ui.html(escape(title), sanitize=False, tag="h1")
        if lead:
            ui.html(escape(lead), sanitize=False, tag="p")
    return row


def card(title: str = "", *, span: int = 12, aside: str = "", link: tuple[str, str] | None = None) -> ui.element:
    """Open a card that spans so many of twelve columns."""
    box = ui.element("section").classes("qd-card" + (f" span-{span}" if span < 12 else ""))
    if title:
        with box:
            small = f" <small>{escape(aside)}</small>" if aside else ""
            anchor = f'<a href="{escape(link[1])}">{escape(link[0])}</a>' if link else ""
            ui.html(f"{escape(title)}{small}{anchor}", sanitize=False, tag="h2")
    return box


def load(fetch: Callable[[], Loaded], draw: Callable[[Loaded], Any]) -> Refresh:
    """Add an area that shows it is loading, fetches off the event loop, then draws; return what loads it again.

    Whatever fails, and what takes too long, shows as a sentence in place of the content: no area waits forever.
    """
    area = ui.element("div").classes("qd-html")
    with area:
        html(_WAITING)

    async def refresh() -> None:
        try:
            with fail_after(_LONGEST_SECONDS):
                loaded = await to_thread.run_sync(fetch, abandon_on_cancel=True)
            area.clear()
            with area:
                draw(loaded)
        except Exception as error:  # noqa: BLE001  # a person gets a sentence, the log the traceback
            area.clear()
            with area:
                notice(*sentence_of(error))

    ui.timer(0.05, refresh, once=True)
    return refresh


def sentence_of(error: Exception) -> tuple[str, str]:
    """Return what to tell a person of a failure, and its level; a defect is logged with its traceback."""
    if isinstance(error, QuantdeskError):
        return str(error), "alarm" if error.retry_helps else "watch"
    if isinstance(error, TimeoutError):
        return "This takes longer than the page waits. Load it again, or look at `quantdesk status`.", "alarm"
    _LOG.error("A page could not be drawn.", exc_info=error)
    return f"This could not be shown ({type(error).__name__}). The log has the details; load the page again.", "alarm"


def notice(text: str, level: str = "note") -> None:
    """Add a sentence that a person should read."""
    html(f'<div class="qd-notice {escape(level)}" role="status">{escape(text)}</div>')


def note(text: str) -> None:
    """Add a quiet remark."""
    html(f'<p class="qd-note">{escape(text)}</p>')


def empty(icon: str, title: str, hint: str) -> None:
    """Say that there is nothing, why, and what to do."""
    html(
        f'<div class="qd-empty"><i class="material-icons" aria-hidden="true">{escape(icon)}</i>'
        f"<b>{escape(title)}</b><p>{escape(hint)}</p></div>"
    )


def tiles(facts: Sequence[Fact], *, large: bool = False) -> None:
    """Add facts side by side."""
    boxes = "".join(f"<div><dt>{escape(fact.name)}</dt><dd>{fact_html(fact)}</dd></div>" for fact in facts)
    html(f'<dl class="tiles{" large" if large else ""}">{boxes}</dl>')


def table(result: ToolResult, chosen: Table, *, title: str | None = None, most_rows: int = 200) -> None:
    """Add a table of a result; every number links to its explanation, every symbol to its analysis."""
    cells = table_html(result.run, chosen, title=title, most_rows=most_rows, symbol_page=ANALYSIS)
    html(f'<div class="scroll">{cells}</div>')
    if len(chosen.rows) > most_rows:
        html(
            '<p class="qd-note">The first rows are shown; '
            f'<a href="/runs/{escape(result.run)}">the run</a> has all.</p>'
        )


def records(chosen: Table) -> None:
    """Add a table of the desk's own records."""
    html(f'<div class="scroll">{records_html(chosen)}</div>')


def chart(chosen: Chart, *, height: int = 300) -> None:
    """Add a chart that fits its width."""
    figure = plotly_figure(chosen)
    if not chosen.title:
        figure["layout"]["margin"] = {**figure["layout"]["margin"], "t": 8}
    figure["layout"] = {**figure["layout"], "height": height, "autosize": True}
    figure["config"] = {"displayModeBar": False, "responsive": True}
    ui.plotly(figure).classes("qd-html").style(f"height: {height}px")


def countdown(seconds_left: float) -> None:
    """Add the time that is left, running down in the browser."""
    left = html(f'<p class="qd-note">Expires in <b data-left="{int(seconds_left)}">{_clock_text(seconds_left)}</b></p>')
    remaining = [seconds_left]

    def tick() -> None:
        remaining[0] = max(0.0, remaining[0] - 1)
        left.content = f'<p class="qd-note">Expires in <b>{_clock_text(remaining[0])}</b></p>'

    ui.timer(1.0, tick)


def _clock_text(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min {whole % 60:02d} s"


def button(label: str, on_click: Callable[[], Any], *, kind: str = "", enabled: bool = True) -> ui.element:
    """Add a button; while its work runs it cannot be pressed again."""
    pressed = ui.element("button").classes(f"qd-button {kind}".strip()).props('type="button"')
    if not enabled:
        pressed.props("disabled")
    with pressed:
        ui.html(escape(label), sanitize=False, tag="span")

    async def work() -> None:
        pressed.props("disabled")
        try:
            outcome = on_click()
            if isinstance(outcome, Awaitable):
                await outcome
        except Exception as error:  # noqa: BLE001  # a person gets a sentence, the log the traceback
            ui.notify(sentence_of(error)[0], type="negative", position="top", timeout=8000, multi_line=True)
        finally:
            if not pressed.is_deleted:
                pressed.props(remove="disabled")

    if enabled:
        pressed.on("click", work)
    return pressed
