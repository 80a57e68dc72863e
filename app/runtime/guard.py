"""End a supervisor's children when the supervisor dies without a goodbye, by SIGKILL for example.

Run as a script: its arguments are a grace in seconds and the process groups known so far. Standard input is a pipe
from the supervisor: `+N` and `-N` add and drop a group. At the end of the input the groups get SIGTERM, and SIGKILL
after the grace.
Only the standard library is imported, so that it stays small for as long as a desk runs.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable


def signal_groups(groups: Iterable[int], number: int) -> set[int]:
    """Signal process groups and return those that still had a process."""
    alive = set()
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
            alive.add(group)
    return alive


def main() -> None:
    """Watch standard input to its end, then end what it listed."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    grace_s, groups = float(sys.argv[1]), {int(text) for text in sys.argv[2:]}
    for line in sys.stdin:
        sign, number_text = line[0], line[1:].strip()
        (groups.add if sign == "+" else groups.discard)(int(number_text))
    deadline = time.monotonic() + grace_s
    left = signal_groups(groups, signal.SIGTERM)
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = signal_groups(left, 0)
    signal_groups(left, signal.SIGKILL)


if __name__ == "__main__":
    main()
