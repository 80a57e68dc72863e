"""Stand still at one moment, for tests and replays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.ports.clock import ClockMode


@dataclass(slots=True)
class FixedClock:
    """Tell the moment it was given until it is moved; `step` is what every look at the wall takes."""

    moment: datetime
    mode: ClockMode = "replay"
    step: timedelta = timedelta(0)

    def now(self) -> datetime:
        """Return the moment."""
        return self.moment

    def wall(self) -> datetime:
        """Return the moment, a step later each time it is asked."""
        self.moment += self.step
        return self.moment
