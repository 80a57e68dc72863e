"""Guard every request before a page sees it: host, origin, size, session for the chat, and the security headers."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import error_body
from app.auth.accounts import Accounts
from app.auth.web import SAFE_METHODS, session_token
from core.errors import NotSignedIn, QuantdeskError

BODY_LIMIT = 1_000_000
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
# Pages that a browser may see without a session; everything else below these prefixes needs one.
GUARDED = ("/chat", "/chat-files")
OPEN_BELOW_CHAT = re.compile(r"^/chat/(assets|public|favicon|logo|avatars|health)(/|$)")

_SHARED = "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
STRICT_POLICY = _SHARED
# The page kits compile templates in the browser and write styles into elements; nothing may come from outside.
PAGE_POLICY = (
    f"{_SHARED}; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; media-src 'self'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
}
Sending = Callable[[Message], Awaitable[None]]


class Guard:
    """Check requests and web-socket handshakes in front of every mounted application."""

    def __init__(self, app: ASGIApp, *, accounts: Callable[[], Accounts], hosts: Iterable[str] | None = ()) -> None:
        self._app = app
        self._accounts = accounts
        self._hosts = None if hosts is None else LOOPBACK | {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._foreign(scope, headers) or await self._without_session(scope, headers)
        if refusal is not None:
            await self._refuse(scope, receive, send, refusal)
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        if _length(headers) > BODY_LIMIT:
            await self._refuse(scope, receive, send, _too_large())
            return
        try:
            await self._app(scope, _limited(receive), _with_headers(scope, send))
        except RuntimeError as error:
            # What a middleware of the chat says when the browser left before the answer; nobody is there to be told.
            if str(error) != "No response returned.":
                raise

    def _foreign(self, scope: Scope, headers: Headers) -> JSONResponse | None:
        host = headers.get("host", "")
        name = host.rsplit(":", 1)[0].lower() if not host.endswith("]") else host.lower()
        if self._hosts is not None and name not in self._hosts:
            return JSONResponse(error_body("host", f"This desk does not answer to the name {name!r}."), 400)
        origin = headers.get("origin")
        changes = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        if changes and origin and _host_of(origin) != host.lower():
            return JSONResponse(error_body("origin", "The request comes from another site."), 403)
        return None

    async def _without_session(self, scope: Scope, headers: Headers) -> JSONResponse | RedirectResponse | None:
        path = scope["path"]
        if not path.startswith(GUARDED) or OPEN_BELOW_CHAT.match(path):
            return None
        try:
            await run_in_threadpool(self._accounts().session, session_token(headers.get("cookie")))
        except NotSignedIn as error:
            if scope["type"] == "http" and "text/html" in headers.get("accept", ""):
                return RedirectResponse(f"/login?next={quote(path)}", 303)
            return JSONResponse(error_body(error.code, str(error)), 401)
        except QuantdeskError as error:
            return JSONResponse(error_body(error.code, str(error)), 503)
        return None

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, answer: ASGIApp) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        await answer(scope, receive, _with_headers(scope, send))


def _length(headers: Headers) -> int:
    declared = headers.get("content-length", "0")
    return int(declared) if declared.isascii() and declared.isdigit() else BODY_LIMIT + 1


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def _too_large() -> JSONResponse:
    return JSONResponse(error_body("too_large", f"A request holds at most {BODY_LIMIT:,} bytes."), 413)


def _limited(receive: Receive) -> Receive:
    """Stop a body that was sent in pieces without a length when it passes the limit."""
    seen = 0

    async def limited() -> MutableMapping[str, Any]:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > BODY_LIMIT:
            return {"type": "http.disconnect"}
        return message

    return limited


def _with_headers(scope: Scope, send: Send) -> Sending:
    path = scope["path"]
    policy = STRICT_POLICY if path.startswith(("/api", "/login", "/logout", "/chat-files")) else PAGE_POLICY

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers["Content-Security-Policy"] = policy
            for name in ("access-control-allow-origin", "access-control-allow-credentials"):
                if name in headers:
                    del headers[name]
        await send(message)

    return sending
