"""Say which code this is."""

from __future__ import annotations

import subprocess
from functools import lru_cache
from importlib import metadata
from pathlib import Path


@lru_cache(maxsize=1)
def code_version() -> str:
    """Return the version with the commit, and `+changed` when files differ from it."""
    version = metadata.version("quantdesk") if _installed() else "0.1.0"
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return version
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty=+changed", "--abbrev=12"],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return version
    return f"{version}-{found.stdout.strip()}"


def _installed() -> bool:
    try:
        metadata.version("quantdesk")
    except metadata.PackageNotFoundError:
        return False
    return True
