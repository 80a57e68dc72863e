"""Limit the memory of a database session from outside, where its process runs on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

_LOCAL_HOSTS = ("127.0.0.1", "::1", "localhost")


def limit_memory(connection: psycopg.Connection[Any], allowance_bytes: int) -> None:
    """Let the session's own memory grow by at most so much; beyond, its statement fails with "out of memory".

    PostgreSQL limits the memory of sorts and hashes but not of values and collections. Shared memory does not count.
    Does nothing where the process cannot be seen or limited: another machine, another user, not Linux.
    """
    host = connection.info.host
    if sys.platform != "linux" or not (host.startswith("/") or host in _LOCAL_HOSTS):
        return
    folder = Path(f"/proc/{connection.info.backend_pid}")
    # A port may lead into a container, whose process ids mean other processes here.
    title = f" {connection.info.user} {connection.info.dbname} ".encode()
    with suppress(OSError, subprocess.SubprocessError):
        shown = folder.joinpath("cmdline").read_bytes()
        if shown.startswith(b"postgres:") and title in shown:
            status = dict(line.split(":", 1) for line in folder.joinpath("status").read_text().splitlines())
            _limit_data(connection.info.backend_pid, int(status["VmData"].split()[0]) * 1024 + allowance_bytes)


def _limit_data(pid: int, size: int) -> None:
    import resource

    try:
        _, most = resource.prlimit(pid, resource.RLIMIT_DATA)
        resource.prlimit(pid, resource.RLIMIT_DATA, (size, most))
    except PermissionError:
        program = shutil.which("prlimit")
        if os.geteuid() != 0 or program is None:
            raise
        # Root in a container may lack this right over others, but it can become the owner of the process.
        owner = Path(f"/proc/{pid}").stat()
        subprocess.run(
            [program, f"--pid={pid}", f"--data={size}:"],
            user=owner.st_uid,
            group=owner.st_gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            timeout=5,
            check=True,
        )
