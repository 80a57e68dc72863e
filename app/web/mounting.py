"""Mount the pages on the web application."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable
from html import escape
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from nicegui import ui
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from app.auth.accounts import Accounts
from app.auth.web import SESSION_COOKIE
from app.bootstrap import open_parts
from app.web.components import notice
from app.web.layout import Visit, enter, frame
from app.web.pages.analysis import analysis
from app.web.pages.dashboard import dashboard
from app.web.pages.data import data_monitor
from app.web.pages.news import news_monitor
from app.web.pages.proposals import proposal_list, proposal_view
from app.web.pages.reports import report_list, report_view
from app.web.pages.runs import run_view
from app.web.services import Services
from core.domain.principal import Principal
from core.errors import UnknownName
from core.settings import Settings

_PAGES: tuple[tuple[str, str, Callable[..., None]], ...] = (
    ("/", "Desk", dashboard),
    ("/proposals", "Proposals", proposal_list),
    ("/proposals/{proposal_id}", "Proposal", proposal_view),
    ("/analysis", "Analysis", analysis),
    ("/data", "Data", data_monitor),
    ("/news", "News", news_monitor),
    ("/reports", "Reports", report_list),
    ("/reports/{report_id}", "Report", report_view),
    ("/runs/{name:path}", "Run", run_view),
)
_UNREADABLE = "Your account lacks the scope read, so the desk shows nothing. Ask its owner for it."
_STYLE = Path(__file__).parent / "style.css"


def mount_pages(app: FastAPI, *, settings: Settings, dsn: str, accounts: Accounts) -> None:
    """Add the pages of the desk on a database, for the persons of its accounts."""
    parts = open_parts(settings, dsn)

    async def current_principal(request: Request) -> Principal:
        return (await run_in_threadpool(accounts.session, request.cookies.get(SESSION_COOKIE))).principal

    services = Services(
        desk=parts.desk,
        current_principal=current_principal,
        reports=parts.reports,
        trading=parts.kill_switch,
        make_report=lambda kind, person: parts.make_report(kind, person, face="web"),
        advance_clock=parts.advance_clock,
        names=lambda: {user.user_id: user.name for user in accounts.users()},
        review=parts.review,
        news=parts.news,
    )
    mount(app, services, storage_secret=accounts.secret("pages"))


def mount(app: FastAPI, services: Services, *, storage_secret: str) -> None:
    """Add the pages; call it after every other route and mounted application, for they answer all that is left."""
    for path, title, draw in _PAGES:
        ui.page(path)(_page(services, title, draw))
    app.add_api_route("/reports/{report_id}/page", _report_page(services), include_in_schema=False)
    ui.add_css(_STYLE, shared=True)
    _search_servers_by_type()
    ui.run_with(
        app,
        title="quantdesk",
        storage_secret=storage_secret,
        dark=None,
        tailwind=False,
        show_welcome_message=False,
        favicon=Path(__file__).parent / "favicon.svg",
    )


def _search_servers_by_type() -> None:
    # At start-up NiceGUI asks every living object whether it is a server. That question wakes the lazy objects of
    # other libraries (the chat's raise outside a conversation), so only real servers are handed to it.
    searching = import_module("nicegui.ui_run_with")
    searching.gc = SimpleNamespace(  # type: ignore[attr-defined]  # the module's own import of gc
        get_objects=lambda: [found for found in gc.get_objects() if type(found) is uvicorn.Server]
    )


def _page(services: Services, title: str, draw: Callable[..., None]) -> Callable[[Request], Awaitable[Response | None]]:
    async def answer(request: Request) -> Response | None:
        visit = await enter(services, request)
        if not isinstance(visit, Visit):
            return visit
        with frame(visit, title):
            if "read" in visit.principal.scopes:
                draw(visit, *request.path_params.values())
            else:
                notice(_UNREADABLE, "watch")
        return None

    return answer


def _report_page(services: Services) -> Callable[[Request, str], Awaitable[Response]]:
    async def answer(request: Request, report_id: str) -> Response:
        visit = await enter(services, request)
        if not isinstance(visit, Visit):
            return visit
        if "read" not in visit.principal.scopes:
            return HTMLResponse(escape(_UNREADABLE), status_code=403)
        try:
            report = await run_in_threadpool(services.reports.get, report_id)
        except UnknownName as error:
            return HTMLResponse(escape(str(error)), status_code=404)
        return HTMLResponse(report.html)

    return answer
