"""Hold what the chat works with; the server hands it over before the chat is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents.graph import Assistant
    from app.auth.accounts import Accounts
    from app.bootstrap import Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatServices:
    """Join the parts of the desk that the chat shows."""

    parts: Parts
    accounts: Accounts
    assistant: Assistant


_installed: list[ChatServices] = []


def install(services: ChatServices) -> None:
    """Hand over the services; the last ones count."""
    _installed[:] = [services]


def services() -> ChatServices:
    """Return the services; raise RuntimeError before they were handed over."""
    if not _installed:
        raise RuntimeError("The chat is loaded by app.server, which hands over its services first.")
    return _installed[0]
