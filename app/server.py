"""Join REST, pages and chat into one web application and serve it."""

from __future__ import annotations

import contextlib
import importlib
import signal
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.responses import RedirectResponse

from app.auth.accounts import Accounts
from core.errors import QuantdeskError
from core.settings import Settings, load_settings

if TYPE_CHECKING:
    from app.bootstrap import Parts

_FIRST_NEEDED = (
    "agents.steps",
    "langgraph.checkpoint.postgres.aio",
    "core.valuation.performance",
    "plotly.graph_objects",
)


def create_api(parts: Parts, accounts: Accounts) -> FastAPI:
    """Return the application with the REST routes, the login page and the guards, without pages and chat."""
    from app.api.ask import ask_router
    from app.api.errors import add_error_handlers
    from app.api.login import router as login_router
    from app.api.middleware import Guard
    from app.api.quarantine import quarantine_router
    from app.api.records import records_router
    from app.api.reports import reports_router
    from app.api.routes import desk_router
    from app.api.tools import tools_router
    from app.api.trading import trading_router

    app = FastAPI(
        title="quantdesk",
        version="0.1.0",
        description="Sign in with a session cookie (with X-CSRF-Token on changes) or `Authorization: Bearer qd_...`.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.state.parts, app.state.accounts = parts, accounts
    app.state.assistant = parts.open_assistant()
    add_error_handlers(app)
    app.include_router(login_router)
    for router in (desk_router, trading_router, reports_router, quarantine_router):
        app.include_router(router)
    app.include_router(tools_router())
    app.include_router(records_router())
    app.include_router(ask_router)
    app.add_middleware(Guard, accounts=lambda: accounts, hosts=_hosts(parts.settings))
    return app


def create_app(settings: Settings, dsn: str) -> FastAPI:
    """Return the whole web application: REST, then the chat, then the pages (the order in which paths are tried)."""
    from app.auth.opening import open_accounts
    from app.auth.owner import ensure_owner
    from app.bootstrap import open_parts

    parts = open_parts(settings, dsn)
    accounts = open_accounts(parts.account_stores)
    ensure_owner(accounts, settings.home)
    app = create_api(parts, accounts)

    @app.get("/chat", include_in_schema=False)
    async def to_chat() -> RedirectResponse:
        return RedirectResponse("/chat/")

    _progress("loading the chat")
    from chat_ui.mounting import mount_chat

    mount_chat(app, parts=parts, accounts=accounts, assistant=app.state.assistant)
    _progress("loading the pages")
    from app.web.mounting import mount_pages

    mount_pages(app, settings=settings, dsn=dsn, accounts=accounts)
    threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()
    return app


def _warm_up() -> None:
    """Load what the first question needs, so that it does not wait for it."""
    for name in _FIRST_NEEDED:
        importlib.import_module(name)


def _hosts(settings: Settings) -> list[str] | None:
    # A desk that listens on every address, in a container, is reached under names that only its operator knows.
    return None if settings.web_host in {"0.0.0.0", "::"} else [settings.web_host]  # noqa: S104


def _progress(step: str) -> None:
    sys.stderr.write(f"web: {step}\n")
    sys.stderr.flush()


@contextlib.contextmanager
def _database(settings: Settings) -> Iterator[str]:
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    from app.runtime.postgres import ensure_postgres

    with ensure_postgres(settings.home) as server:
        yield server.dsn


def main() -> int:
    """Serve until SIGTERM or SIGINT; return 1 with a sentence when the desk cannot be built."""
    import uvicorn

    from app.logs import configure_logging

    # The server stops at these signals and then raises them again; ending here lets every block around it close.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    settings = load_settings()
    configure_logging(settings)
    try:
        with _database(settings) as dsn:
            app = create_app(settings, dsn)
            _progress(f"serving on http://{settings.web_host}:{settings.web_port}")
            uvicorn.Server(
                uvicorn.Config(
                    app,
                    host=settings.web_host,
                    port=settings.web_port,
                    log_config=None,
                    access_log=False,
                    server_header=False,
                    date_header=True,
                    timeout_graceful_shutdown=1,
                    ws_max_size=1_000_000,
                )
            ).run()
    except QuantdeskError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    from app.runtime.processes import leave

    leave(main())
