"""Stand still at one moment, for tests and replays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.ports.clock import ClockMode


@dataclass(slots=True)
class FixedClock:
    """Tell the moment it was given until it is moved."""

    moment: datetime
    mode: ClockMode = "replay"

    def now(self) -> datetime:
        """Return the moment."""
        return self.moment

    def wall(self) -> datetime:
        """Return the moment."""
        return self.moment
