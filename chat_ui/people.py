"""Know who talks: the chat trusts the desk's own session, looked up anew at every message and every click."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import chainlit as cl

from app.auth.web import session_token
from chat_ui.services import services
from core.errors import NotSignedIn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.domain.principal import Principal


async def user_of(headers: Mapping[str, str]) -> cl.User | None:
    """Return the chat's user of a request with an open session, else None."""
    try:
        found = await asyncio.to_thread(services().accounts.session, session_token(headers.get("cookie")))
    except NotSignedIn:
        return None
    return cl.User(identifier=found.principal.name, display_name=found.principal.name)


async def current_person() -> Principal:
    """Return the person behind the running message or click; raise NotSignedIn when the session has ended.

    The session of the web socket must belong to the very user the conversation was opened by.
    """
    session = cl.context.session
    environ = getattr(session, "environ", None) or {}
    found = await asyncio.to_thread(services().accounts.session, session_token(environ.get("HTTP_COOKIE")))
    if session.user is None or session.user.identifier != found.principal.name:
        raise NotSignedIn("You are signed in as someone else now.", hint="Reload the page.")
    return found.principal
