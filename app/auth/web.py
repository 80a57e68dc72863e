"""Know who sends a request: by session cookie (with the CSRF token on changes) or by API key."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from app.auth import secrets
from app.auth.accounts import SESSION_LIFETIME, Accounts, NewSession, SignedIn
from core.domain.principal import Principal
from core.errors import NotSignedIn, Refused

SESSION_COOKIE = "quantdesk_session"
CSRF_HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def accounts_of(request: Request) -> Accounts:
    """Return the accounts of the running server."""
    accounts: Accounts = request.app.state.accounts
    return accounts


def session_token(cookie_header: str | None) -> str | None:
    """Return the session token inside a Cookie header, from HTTP or a web socket's handshake."""
    try:
        cookies = SimpleCookie(cookie_header or "")
    except CookieError:
        return None
    return cookies[SESSION_COOKIE].value if SESSION_COOKIE in cookies else None


async def signed_in(request: Request) -> SignedIn:
    """Return the open session of the browser; raise NotSignedIn."""
    return await run_in_threadpool(accounts_of(request).session, request.cookies.get(SESSION_COOKIE))


async def caller(request: Request) -> Principal:
    """Return who calls, by Bearer key or session cookie; a change through a cookie must bring the CSRF token.

    Raises NotSignedIn, or Refused when the token is missing or wrong.
    """
    accounts = accounts_of(request)
    scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
    if scheme:
        if scheme.lower() != "bearer" or not credential.startswith(secrets.KEY_PREFIX):
            raise NotSignedIn("The Authorization header must be `Bearer qd_...`.")
        return await run_in_threadpool(accounts.principal_of, credential.strip())
    found = await signed_in(request)
    if request.method not in SAFE_METHODS:
        check_csrf(found, request.headers.get(CSRF_HEADER))
    return found.principal


def check_csrf(found: SignedIn, token: str | None) -> None:
    """Raise Refused unless the token is the session's own."""
    if not token or not secrets.same(token, found.csrf_token):
        raise Refused(
            f"The {CSRF_HEADER} header is missing or wrong.", rule="csrf", hint="GET /api/session gives the token."
        )


def set_session_cookie(response: Response, opened: NewSession, *, secure: bool) -> None:
    """Hand the browser its session: unreadable to scripts and not sent along from other sites' forms."""
    response.set_cookie(
        SESSION_COOKIE,
        opened.token,
        max_age=int(SESSION_LIFETIME.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=secure,
    )


Caller = Annotated[Principal, Depends(caller)]
Browser = Annotated[SignedIn, Depends(signed_in)]
