"""Show the desk at a glance: value, positions, curve, risk, what waits, the kill switch."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui
from starlette.concurrency import run_in_threadpool

from app.web import components as show
from app.web.layout import Visit
from app.web.pages.proposals import Shown, listed, proposal_item
from core.domain.facts import ToolResult
from core.domain.principal import Principal
from core.reporting.document import rows_of

_SHOWN_CHARTS = 2


def dashboard(visit: Visit) -> None:
    """Draw the page."""
    show.heading("Desk")
    with ui.element("div").classes("qd-grid"):
        with show.card("Account", link=("Ask about it in the chat", "/chat/")):
            show.load(lambda: _ask(visit, "portfolio", sections=["value", "positions"]), _draw_account)
        with show.card("Net asset value", span=8):
            show.load(lambda: _ask(visit, "portfolio", sections=["history"]), _draw_curve)
            show.load(lambda: _ask(visit, "query_metric", metric="account_drawdown"), _draw_drawdown)
        with show.card("Waiting for a decision", span=4, link=("All proposals", "/proposals")):
            show.load(lambda: listed(visit.services.desk, state="pending"), _draw_pending)
            _switch(visit)
        with show.card("Risk", link=("Reports", "/reports")):
            show.load(lambda: _ask(visit, "risk_report", target="portfolio"), _draw_risk)


def _ask(visit: Visit, tool: str, **arguments: object) -> ToolResult:
    return visit.services.run(tool, arguments, visit.principal)


def _draw_account(result: ToolResult) -> None:
    show.tiles([fact for fact in result.facts if fact.unit in {"money", "ratio"}], large=True)
    positions = rows_of(result, "positions")
    if positions is None or not len(positions):
        show.empty("inventory_2", "No positions yet", "Propose a trade in the chat, or load the demo book.")
    else:
        show.html('<div style="height: 14px"></div>')
        show.table(result, positions.table)
    for remark in result.notes:
        show.note(remark)


def _draw_curve(result: ToolResult) -> None:
    curves = [chart for chart in result.charts if any(len(series.x) > 1 for series in chart.series)]
    for curve in curves:
        show.chart(curve.model_copy(update={"title": "", "y_title": ""}), height=260)
    if not curves:
        show.empty("show_chart", "No curve yet", "It is drawn once the account has a value on two sessions.")


def _draw_drawdown(result: ToolResult) -> None:
    for chart in result.charts[:1]:
        show.chart(chart.model_copy(update={"title": "Fall from the peak"}), height=170)


def _draw_pending(views: Sequence[Shown]) -> None:
    if not views:
        show.empty("task_alt", "Nothing waits", "Proposals from the chat or the command line appear here.")
        return
    show.html(f'<ul class="qd-list">{"".join(proposal_item(view) for view in views)}</ul>')


def _draw_risk(result: ToolResult) -> None:
    show.tiles([fact for fact in result.facts if "(" not in fact.name and fact.name not in {"value", "cash"}])
    with ui.element("div").classes("qd-grid").style("margin-top: 16px"):
        for chart in result.charts[:_SHOWN_CHARTS]:
            with ui.element("div").classes("span-6").style("min-width: 0"):
                show.chart(chart)
    for remark in result.notes:
        show.note(remark)


def _switch(visit: Visit) -> None:
    person = visit.principal
    trading = visit.services.trading

    async def turn(halt: bool) -> None:
        signed_in = await visit.person()
        ui.notify(await run_in_threadpool(_turn, visit, signed_in, halt), position="top")
        await refresh()

    def draw(reason: str | None) -> None:
        if reason is None:
            show.html('<p class="qd-note"><span class="qd-badge good">Trading on</span> Approved orders may leave.</p>')
            if person.kind == "person":
                with ui.element("div").classes("qd-actions"):
                    show.button("Halt trading", lambda: turn(True), kind="danger")
            return
        show.notice(f"Trading is halted: {reason}.", "alarm")
        if person.kind == "person" and "approve" in person.scopes:
            with ui.element("div").classes("qd-actions"):
                show.button("Resume trading", lambda: turn(False))

    refresh = show.load(trading.status, draw)


def _turn(visit: Visit, person: Principal, halt: bool) -> str:
    trading = visit.services.trading
    return trading.halt(person, "from the desk page") if halt else trading.resume(person, "from the desk page")
