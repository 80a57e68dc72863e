"""List, make and read reports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from html import escape

from nicegui import ui
from starlette.concurrency import run_in_threadpool

from app.web import components as show
from app.web.layout import Visit
from core.reporting.document import TITLES, ReportKind
from core.reporting.report import Report, ReportSummary

_LEADS: dict[ReportKind, str] = {"sod": "start-of-day", "eod": "end-of-day"}


def report_list(visit: Visit) -> None:
    """Draw the list."""
    with show.heading("Reports", "Every number in a report links to the run that computed it."):
        for kind, name in _LEADS.items():
            show.button(f"Make {name} report", _making(visit, kind), kind="first" if kind == "sod" else "")
    with ui.element("div").classes("qd-grid"), show.card():
        show.load(lambda: visit.services.reports.list(limit=100), _draw_list)


def report_view(visit: Visit, report_id: str) -> None:
    """Draw one report."""
    show.load(lambda: visit.services.reports.get(report_id), _draw_report)


def _making(visit: Visit, kind: ReportKind) -> Callable[[], Awaitable[None]]:
    async def make() -> None:
        person = await visit.person()
        ui.notify("Making the report: collecting its facts.", position="top", timeout=3000)
        made = await run_in_threadpool(visit.services.make_report, kind, person)
        ui.navigate.to(f"/reports/{made.report_id}")

    return make


def _draw_list(reports: Sequence[ReportSummary]) -> None:
    if not reports:
        show.empty("description", "No reports yet", "Make the start-of-day report to see where the desk stands.")
        return
    items = "".join(
        f'<li><span class="grow"><a href="/reports/{escape(report.report_id)}">{escape(TITLES[report.kind])}</a>'
        f" · {report.session:%A %d %B %Y}</span>"
        f"<small>as of {report.data_as_of:%Y-%m-%d %H:%M} UTC</small>"
        f"<small>digest <code>{escape(report.digest[:12])}</code></small></li>"
        for report in reports
    )
    show.html(f'<ul class="qd-list">{items}</ul>')


def framed(page: str) -> str:
    """Return a report for a frame, where a bare fragment would be taken as one of the page around it."""
    return page.replace('href="#', 'href="about:srcdoc#')


def _draw_report(report: Report) -> None:
    with show.heading(report.title):
        show.html(
            f'<a class="qd-button" href="/reports/{escape(report.report_id)}/page" target="_blank">Open to print</a>'
        ).style("width: auto")
    # The page has no scripts; the frame keeps its styles apart and lets links leave it only by a click.
    frame = ui.element("iframe").classes("qd-frame")
    frame.props["srcdoc"] = framed(report.html)
    frame.props["sandbox"] = "allow-same-origin allow-top-navigation-by-user-activation allow-popups"
    frame.props["title"] = report.title
    # The report follows the theme chosen here, now and whenever it is switched.
    frame.on(
        "load",
        js_handler="(event) => { const shown = event.target, page = shown.contentDocument.documentElement;"
        " const follow = () => { page.dataset.theme = document.body.classList.contains('body--dark')"
        " ? 'dark' : 'light'; };"
        " follow(); new MutationObserver(follow).observe(document.body, {attributeFilter: ['class']});"
        " const fit = () => { shown.style.height = page.scrollHeight + 24 + 'px'; };"
        " fit(); addEventListener('resize', fit); }",
    )
