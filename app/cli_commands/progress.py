"""Show how far a long step is."""

from __future__ import annotations

import sys


class Progress:
    """Draw one line on a terminal; elsewhere say each step once."""

    def __init__(self) -> None:
        self._on_terminal = sys.stderr.isatty()
        self._last = ""

    def __call__(self, step: str, share: float) -> None:
        """Show that `share` of the work, 0 to 1, is done and which step runs."""
        if self._on_terminal:
            filled = round(max(0.0, min(1.0, share)) * 30)
            end = "\n" if share >= 1 else ""
            sys.stderr.write(f"\r  [{'#' * filled}{'.' * (30 - filled)}] {share:4.0%} {step[:40]:<40}{end}")
        elif step != self._last:
            sys.stderr.write(f"  {share:4.0%} {step}\n")
        self._last = step
        sys.stderr.flush()
