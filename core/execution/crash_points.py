"""Name the steps of the money path at which a crash test kills the process."""

from __future__ import annotations

import os
import signal

from core.errors import InvalidInput

# In the order a proposal passes them. Each name is tested: kill there, start again, count the orders at the venue.
CRASH_POINTS = (
    "decision.written",
    "decision.stored",
    "send.loaded",
    "send.intent_written",
    "send.intent_stored",
    "send.submitting_stored",
    "send.before_send",
    "send.sent",
    "send.recorded",
    "send.stored",
    "fill.read",
    "fill.written",
    "fill.stored",
)
_armed: str | None = None


def arm(name: str | None) -> None:
    """Let the process kill itself at this step; None disarms. Raises InvalidInput for an unknown step."""
    global _armed
    if name is not None and name not in CRASH_POINTS:
        raise InvalidInput(f"Unknown crash point {name!r}.", hint=f"There are {', '.join(CRASH_POINTS)}.")
    _armed = name


def crash_point(name: str) -> None:
    """Kill the process here, without any clean-up, when this step is armed."""
    if _armed == name:
        os.kill(os.getpid(), signal.SIGKILL)
