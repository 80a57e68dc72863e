"""Define the desk's clock."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol

ClockMode = Literal["live", "replay"]


class Clock(Protocol):
    """Tell the time; `now` is the desk's (replayed or live), `wall` is the machine's. Both are UTC aware."""

    @property
    def mode(self) -> ClockMode:
        """Say whether the desk follows the machine's time or replays the past."""
        ...

    def now(self) -> datetime:
        """Return the desk's time: everything known later is invisible."""
        ...

    def wall(self) -> datetime:
        """Return the machine's time."""
        ...
