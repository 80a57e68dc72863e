"""Frame every page: sign-in, navigation, the banner of the desk clock, light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from html import escape
from urllib.parse import quote

from nicegui import app as nicegui_app
from nicegui import ui
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse

from app.auth.accounts import require_scope
from app.web.components import button, html
from app.web.services import Services
from core.domain.principal import Principal
from core.errors import NotSignedIn
from core.ports.clock import ClockMode

_NAVIGATION = (
    ("/", "Desk", "space_dashboard"),
    ("/chat/", "Chat", "chat_bubble_outline"),
    ("/proposals", "Proposals", "fact_check"),
    ("/analysis", "Analysis", "query_stats"),
    ("/data", "Data", "storage"),
    ("/news", "News", "feed"),
    ("/reports", "Reports", "description"),
)
_THEMES = {"auto": None, "light": False, "dark": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Hold one opened page: who looks, when on the desk's clock, and how to ask again before anything is changed.

    `live_accounts` trade real money now: every page says so in red.
    """

    services: Services
    request: Request
    principal: Principal
    mode: ClockMode
    now: datetime
    live_accounts: tuple[str, ...] = ()

    async def person(self) -> Principal:
        """Return the person signed in now; raise NotSignedIn when the session ended since the page was opened."""
        return await self.services.current_principal(self.request)


async def enter(services: Services, request: Request) -> Visit | RedirectResponse:
    """Return the visit of a signed-in person, or the way to the login."""
    try:
        principal = await services.current_principal(request)
    except NotSignedIn:
        asked = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
        return RedirectResponse(f"/login?next={quote(asked)}", status_code=303)
    clock, books = services.desk.clock, services.desk.books
    mode, now, accounts = await run_in_threadpool(lambda: (clock.mode, clock.now(), books.accounts()))
    live = tuple(account.account_id for account in accounts if account.is_live)
    return Visit(services=services, request=request, principal=principal, mode=mode, now=now, live_accounts=live)


@contextmanager
def frame(visit: Visit, title: str) -> Iterator[None]:
    """Draw what surrounds the content of a page."""
    ui.page_title(f"{title} · quantdesk")
    dark = ui.dark_mode(_THEMES.get(nicegui_app.storage.user.get("theme", "auto")))
    with ui.element("header").classes("qd-top"):
        _bar(visit, dark)
    _clock(visit)
    with ui.element("div").classes("qd-page"):
        yield


def _bar(visit: Visit, dark: ui.dark_mode) -> None:
    path = visit.request.url.path
    links = "".join(
        f'<a href="{where}"{_here(where, path)}><i class="material-icons" aria-hidden="true">{icon}</i>{name}</a>'
        for where, name, icon in _NAVIGATION
    )

    def turn() -> None:
        names = list(_THEMES)
        theme = names[(names.index(nicegui_app.storage.user.get("theme", "auto")) + 1) % len(names)]
        nicegui_app.storage.user["theme"] = theme
        dark.value = _THEMES[theme]
        ui.notify(f"Theme: {theme}", position="top", timeout=1500)

    with ui.element("div").classes("qd-bar"):
        ui.html("quantdesk", sanitize=False, tag="a").classes("qd-brand").props('href="/"')
        ui.html(links, sanitize=False, tag="nav").classes("qd-nav").props('aria-label="Pages"')
        with ui.element("div").classes("qd-who"):
            leave = f'<a href="/logout" title="Sign out">{escape(visit.principal.name)}</a>'
            ui.html(leave, sanitize=False, tag="span")
            theme = button("Theme", turn, kind="quiet")
            theme.props('title="Light, dark or as the system"')


def _here(where: str, path: str) -> str:
    here = path == where or (where != "/" and path.startswith(where))
    return ' class="on" aria-current="page"' if here else ""


def money_words(live_accounts: Sequence[str]) -> str:
    """Return as HTML what money orders move: paper, or in red the accounts that trade real money."""
    if not live_accounts:
        return "paper orders"
    names = ", ".join(escape(name) for name in live_accounts)
    return f'<strong class="qd-real" role="alert">REAL MONEY: {names} switched to live</strong>'


def _clock(visit: Visit) -> None:
    replay = visit.mode == "replay"
    time = f"<time>{visit.now:%a %d %b %Y, %H:%M} UTC</time>"
    money = money_words(visit.live_accounts)
    text = f"<b>Replay</b> · desk time {time} · {money}" if replay else f"<b>Live</b> · {time} · {money}"
    with ui.element("div").classes("qd-clock" + (" replay" if replay else "")), ui.element("div"):
        html(text).classes("grow").style("width: auto")
        if replay and visit.principal.kind == "person" and "trade" in visit.principal.scopes:
            button("Advance one session", lambda: _advance(visit))


async def _advance(visit: Visit) -> None:
    require_scope(await visit.person(), "trade")
    moved = await run_in_threadpool(visit.services.advance_clock, 1)
    ui.notify(f"Desk time is now {moved:%Y-%m-%d %H:%M} UTC.", type="positive", position="top")
    ui.navigate.reload()
