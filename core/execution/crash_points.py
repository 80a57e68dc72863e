"""Name the steps of the money path at which a crash test kills the process."""

from __future__ import annotations

import os
import signal

from core.errors import InvalidInput

# In the order a proposal passes them. Each name is tested: kill there, start again, count the orders at the venue.
SEND_POINTS = (
    "send.submitting_stored",
    "send.before_send",
    "send.sent",
    "send.recorded",
    "send.stored",
)
CRASH_POINTS = (
    "decision.written",
    "decision.stored",
    "send.loaded",
    "send.intent_written",
    "send.intent_stored",
    *SEND_POINTS,
    "fill.read",
    "fill.written",
    "fill.stored",
)
# Where the desk cancels an order: beside the path of a trade that nothing stops.
CANCEL_POINTS = ("cancel.before_send", "cancel.sent", "cancel.recorded", "cancel.stored")
_armed: str | None = None
_left = 0


def arm(name: str | None, *, passes: int = 1) -> None:
    """Let the process kill itself when it comes to this step for the n-th time from here; None disarms.

    Raises InvalidInput for an unknown step.
    """
    global _armed, _left
    known = (*CRASH_POINTS, *CANCEL_POINTS)
    if name is not None and name not in known:
        raise InvalidInput(f"Unknown crash point {name!r}.", hint=f"There are {', '.join(known)}.")
    _armed, _left = name, passes


def crash_point(name: str) -> None:
    """Kill the process here, without any clean-up, when this step is armed."""
    global _left
    if _armed == name:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
