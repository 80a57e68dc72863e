"""Find the PostgreSQL programs (pg_dump, pg_restore, psql) that fit a server's version."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from app.runtime.postgres_account import wheel_folder
from core.errors import Unavailable

_NEEDED = ("pg_dump", "pg_restore", "psql")


def find_programs(server: int, folders: Sequence[Path] | None = None) -> Path:
    """Return the folder with the programs of a server's major version, else of the next newer one.

    A pg_dump that is older than its server refuses to work. Looks into `folders`, by default those of the installed
    wheel, of the system and of the PATH. Raises Unavailable when none fits.
    """
    found: dict[int, Path] = {}
    for folder in _folders(server) if folders is None else folders:
        major = _major(folder)
        if major is not None:
            found.setdefault(major, folder)
    fitting = [major for major in sorted(found) if major >= server]
    if not fitting:
        raise Unavailable(
            f"There is no pg_dump of PostgreSQL {server} or later on this machine.",
            hint=f"Install the client programs of PostgreSQL {server} (Debian: postgresql-client-{server}).",
        )
    return found[fitting[0]]


def _folders(server: int) -> Iterator[Path]:
    yield Path(f"/usr/lib/postgresql/{server}/bin")
    on_path = shutil.which("pg_dump")
    if on_path:
        yield Path(on_path).parent
    try:
        yield wheel_folder() / "pginstall" / "bin"
    except Unavailable:
        # A desk on a server need not have the wheel.
        return


def _major(folder: Path) -> int | None:
    """Return the major version of a folder's programs; None when one is missing or does not run."""
    if not all((folder / name).is_file() for name in _NEEDED):
        return None
    try:
        said = subprocess.run([folder / "pg_dump", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    version = re.search(r"(\d+)[.\d]*", said)
    return int(version[1]) if version else None
