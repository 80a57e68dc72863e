"""Serve the login page, and open and close sessions."""

from __future__ import annotations

from html import escape
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from app.auth.web import SESSION_COOKIE, Browser, accounts_of, set_session_cookie
from core.errors import NotSignedIn

router = APIRouter(include_in_schema=False)
# The cookie of the chat, made from ours at its first request.
CHAT_COOKIE = "quantdesk_chat"
HOME = "/chat/"

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in · quantdesk</title><link rel="stylesheet" href="/login.css"></head>
<body><main><h1>quantdesk</h1><p>{message}</p>
<form method="post" action="/login"><input type="hidden" name="next" value="{next}">
<label>Name<input name="name" value="{name}" autocomplete="username" required {focus_name}></label>
<label>Password<input name="password" type="password" autocomplete="current-password" required {focus_password}></label>
<button type="submit">Sign in</button></form>
<small>The first password is printed by <code>quantdesk run</code> and kept in the file <code>owner-password</code>
in the desk's folder; <code>quantdesk user password</code> sets a new one.</small></main></body></html>"""

_STYLE = """:root{color-scheme:light dark}
body{font-family:system-ui,sans-serif;margin:0;display:grid;min-height:100vh;place-items:center;
background:#f4f6f8;color:#16202a}
main{background:#fff;padding:2rem;border-radius:.75rem;width:min(20rem,80vw);box-shadow:0 2px 16px #0002}
h1{margin:0 0 .5rem;font-size:1.4rem}label{display:block;margin:.75rem 0;font-size:.9rem}
input{display:block;width:100%;box-sizing:border-box;margin-top:.25rem;padding:.6rem;font:inherit;
border:1px solid #8aa;border-radius:.4rem;background:transparent;color:inherit}
button{width:100%;padding:.7rem;font:inherit;font-weight:600;border:0;border-radius:.4rem;background:#0b66c3;color:#fff;
cursor:pointer;margin:.5rem 0 1rem}small{opacity:.75}p:empty{display:none}p{color:#b3261e}
@media (prefers-color-scheme:dark){body{background:#11161c;color:#e6edf3}main{background:#1b222b}p{color:#ff8a80}}"""


@router.get("/login.css")
async def style() -> Response:
    """Serve the style of the login page."""
    return Response(_STYLE, media_type="text/css", headers={"Cache-Control": "max-age=3600"})


@router.get("/login")
async def login_page(request: Request, next: str = HOME) -> Response:
    """Show the login form, or go on when the browser is signed in already."""
    try:
        await run_in_threadpool(accounts_of(request).session, request.cookies.get(SESSION_COOKIE))
    except NotSignedIn:
        return _form("", "owner", next)
    return RedirectResponse(local_path(next), 303)


@router.post("/login")
async def sign_in(
    request: Request,
    name: Annotated[str, Form(max_length=200)],
    password: Annotated[str, Form(max_length=2000)],
    next: Annotated[str, Form(max_length=2000)] = HOME,
) -> Response:
    """Open a fresh session."""
    old_token = request.cookies.get(SESSION_COOKIE)
    try:
        opened = await run_in_threadpool(accounts_of(request).sign_in, name, password, old_token=old_token)
    except NotSignedIn as error:
        return _form(str(error), name, next, status=401)
    response = RedirectResponse(local_path(next), 303)
    response.delete_cookie(CHAT_COOKIE, path="/")
    set_session_cookie(response, opened, secure=request.url.scheme == "https")
    return response


@router.get("/logout")
async def logout_page(browser: Browser) -> Response:
    """Ask before signing out: a link on another site must not do it."""
    form = (
        f'<form method="post" action="/logout"><input type="hidden" name="csrf" value="{escape(browser.csrf_token)}">'
        '<button type="submit">Sign out</button></form>'
    )
    page = _PAGE[: _PAGE.index("<p>{message}")] + form + "</main></body></html>"
    return HTMLResponse(page, headers={"Cache-Control": "no-store"})


@router.post("/logout")
async def sign_out(request: Request, browser: Browser, csrf: Annotated[str, Form(max_length=200)] = "") -> Response:
    """Close the session; the CSRF token comes in the form or the header."""
    from app.auth.web import CSRF_HEADER, check_csrf

    check_csrf(browser, csrf or request.headers.get(CSRF_HEADER))
    await run_in_threadpool(accounts_of(request).sign_out, request.cookies[SESSION_COOKIE])
    response = RedirectResponse("/login", 303)
    for cookie in (SESSION_COOKIE, CHAT_COOKIE):
        response.delete_cookie(cookie, path="/")
    return response


def local_path(wanted: str) -> str:
    """Return a path of this server to go on to: never another site."""
    inside = wanted.startswith("/") and not wanted.startswith("//")
    return wanted if inside and "\\" not in wanted and wanted.isprintable() else HOME


def _form(message: str, name: str, wanted: str, *, status: int = 200) -> HTMLResponse:
    page = _PAGE.format(
        message=escape(message),
        name=escape(name[:200]),
        next=escape(local_path(wanted)),
        focus_name="" if name else "autofocus",
        focus_password="autofocus" if name else "",
    )
    return HTMLResponse(page, status, headers={"Cache-Control": "no-store"})
