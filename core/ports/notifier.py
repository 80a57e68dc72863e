"""Tell people outside the desk that something needs a look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

# A Telegram message holds 4,096 characters; the others more.
MOST_CHARACTERS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Hold what is told: a title and lines of plain text, without secrets and without figures of the books."""

    title: str
    lines: tuple[str, ...] = ()

    @property
    def body(self) -> str:
        """Return the lines as one text, cut where it would be too long to send."""
        text = "\n".join(self.lines)
        room = MOST_CHARACTERS - len(self.title) - 2
        return text if len(text) <= room else text[: room - 4] + "\n..."


class Notifier(Protocol):
    """Reach people over one channel."""

    @property
    def channel(self) -> str:
        """Return the channel's name: mail, slack or telegram."""
        ...

    def send(self, notice: Notice) -> None:
        """Send a notice; raise InvalidInput for settings that do not fit and Unavailable when it is not taken.

        No error holds a password, a token or a webhook's address.
        """
        ...
