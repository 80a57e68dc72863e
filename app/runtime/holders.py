"""Remember which processes use a shared server, so that it stops when the last of them leaves."""

from __future__ import annotations

import os
from pathlib import Path

from app.runtime.processes import is_alive, process_identity, read_json, write_json


class Holders:
    """Count the holds of each living process in one file; call every method under the server's lock.

    A process that died without leaving, by SIGKILL for example, is dropped whenever the file is read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def _read(self) -> dict[str, int]:
        held = read_json(self._path)
        return {who: count for who, count in held.items() if isinstance(count, int) and count > 0 and is_alive(who)}

    def add(self) -> None:
        """Add one hold of this process."""
        held, own = self._read(), _own_identity()
        held[own] = held.get(own, 0) + 1
        write_json(self._path, held)

    def drop(self) -> None:
        """Take one hold of this process back; nothing happens when it has none (a forked child, for example)."""
        held, own = self._read(), _own_identity()
        if held.get(own, 0) <= 1:
            held.pop(own, None)
        else:
            held[own] -= 1
        write_json(self._path, held)

    def pids(self) -> list[int]:
        """Return the living processes that hold the server."""
        return sorted(int(who.split(":", 1)[0]) for who in self._read())


def _own_identity() -> str:
    identity = process_identity(os.getpid())
    assert identity is not None, "a running process can always be identified"
    return identity
