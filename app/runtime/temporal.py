"""Run the Temporal development server of a desk: start or attach, stop when the last user leaves, heal after a kill."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from app.runtime.holders import Holders
from app.runtime.processes import (
    POLL_SECONDS,
    end_processes,
    exclusive,
    free_port,
    is_alive,
    make_home,
    make_private_folder,
    process_identity,
    read_json,
    tail,
    write_json,
)
from core.errors import Unavailable

HOST = "127.0.0.1"
NAMESPACE = "default"
START_TIMEOUT_S = 60.0
LOG_BYTES = 5_000_000
# Measured: without write-ahead logging 10 workflows a second, with it 38. `normal` survives a process kill.
SQLITE_PRAGMAS = ("journal_mode=wal", "synchronous=normal")


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporalServer:
    """Describe a running development server; `address` is host:port on loopback."""

    home: Path
    address: str
    namespace: str
    db_file: Path
    pid: int


def start(home: Path, *, port: int | None = None, timeout_s: float = START_TIMEOUT_S) -> TemporalServer:
    """Start the server of `home`, or attach to it, and hold it for this process until `stop`.

    A restart listens on the port of the last run when that is free, so that clients reconnect. Workflows are kept in
    a SQLite file in the home. Raises Unavailable when the server does not serve within `timeout_s`.
    """
    home = make_home(home)
    with _locked(home):
        server = _ensure_running(home, port, timeout_s)
        _holders(home).add()
    return server


def heal(home: Path, *, timeout_s: float = START_TIMEOUT_S) -> TemporalServer:
    """Bring the server of `home` back when it died, without a further hold."""
    home = make_home(home)
    with _locked(home):
        return _ensure_running(home, None, timeout_s)


def stop(home: Path, *, grace_s: float = 10.0) -> bool:
    """Take back one hold of this process; stop the server when nobody holds it, and return whether it was stopped."""
    home = make_home(home)
    with _locked(home):
        holders = _holders(home)
        holders.drop()
        found = running(home)
        if found is None or holders.pids():
            return False
        _end(found.pid, grace_s)
        return True


@contextlib.contextmanager
def ensure_temporal(home: Path) -> Iterator[TemporalServer]:
    """Start or attach for the length of a `with` block."""
    server = start(home)
    try:
        yield server
    finally:
        stop(home)


def running(home: Path) -> TemporalServer | None:
    """Return the server of `home` when its process is alive, without starting it or waiting for a lock."""
    state = read_json(_state_file(home))
    identity, address = state.get("identity"), state.get("address")
    if not isinstance(identity, str) or not isinstance(address, str) or not is_alive(identity):
        return None
    return TemporalServer(
        home=home, address=address, namespace=NAMESPACE, db_file=_database(home), pid=int(identity.split(":")[0])
    )


def serves(address: str, *, timeout_s: float = 3.0) -> bool:
    """Return whether a Temporal server answers its health check at host:port within `timeout_s`."""
    command = [_program(), "operator", "cluster", "health", "--address", address]
    command += ["--command-timeout", f"{timeout_s:g}s"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s + 2, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0 and "SERVING" in done.stdout


def _program() -> str:
    beside = Path(sys.executable).with_name("temporal")
    found = str(beside) if beside.is_file() else shutil.which("temporal")
    if found is None:
        raise Unavailable(
            "The Temporal server program is not installed.",
            hint="Run `make run`, or set TEMPORAL_ADDRESS to a server.",
        )
    return found


def _folder(home: Path) -> Path:
    return home / "temporal"


def _database(home: Path) -> Path:
    return _folder(home) / "temporal.db"


def _state_file(home: Path) -> Path:
    return _folder(home) / "server.json"


def _log_file(home: Path) -> Path:
    return home / "logs" / "temporal.log"


def _holders(home: Path) -> Holders:
    return Holders(_folder(home) / "holders.json")


@contextlib.contextmanager
def _locked(home: Path) -> Iterator[None]:
    folder = make_private_folder(_folder(home))
    make_private_folder(home / "logs")
    with exclusive(folder / "lock", timeout_s=2 * START_TIMEOUT_S, what=f"the Temporal server of {home}"):
        yield


def _ensure_running(home: Path, port: int | None, timeout_s: float) -> TemporalServer:
    found = running(home)
    if found is not None:
        if _wait_until_serving(found, timeout_s):
            return found
        _end(found.pid, grace_s=2)
    _end_strays(home)
    server = _launch(home, port)
    if _wait_until_serving(server, timeout_s):
        return server
    gone = process_identity(server.pid) is None
    _end(server.pid, grace_s=5)
    raise Unavailable(
        "The Temporal server stopped while starting." if gone else f"Temporal did not serve within {timeout_s:g} s.",
        hint=f"Its log: {_log_file(home)}\n{tail(_log_file(home))}",
    )


def _launch(home: Path, port: int | None) -> TemporalServer:
    last = str(read_json(_state_file(home)).get("address", "")).rpartition(":")[2]
    chosen = port or free_port(HOST, int(last) if last.isdigit() else None)
    address = f"{HOST}:{chosen}"
    command = [_program(), "server", "start-dev", "--ip", HOST, "--port", str(chosen), "--headless"]
    command += ["--db-filename", str(_database(home)), "--namespace", NAMESPACE, "--log-level", "error"]
    for pragma in SQLITE_PRAGMAS:
        command += ["--sqlite-pragma", pragma]
    log = _log_file(home)
    if log.exists() and log.stat().st_size > LOG_BYTES:
        os.replace(log, log.with_suffix(".log.1"))
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "HOME": str(home), "TZ": "UTC"},
            start_new_session=True,
        )
    write_json(_state_file(home), {"address": address, "identity": process_identity(process.pid) or ""})
    return TemporalServer(home=home, address=address, namespace=NAMESPACE, db_file=_database(home), pid=process.pid)


def _wait_until_serving(server: TemporalServer, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and process_identity(server.pid) is not None:
        if _listens(server) and serves(server.address, timeout_s=min(3.0, timeout_s)):
            return True
        time.sleep(POLL_SECONDS)
    return False


def _listens(server: TemporalServer) -> bool:
    """Ask whether the port is this very process's, not a stranger's that took it in between."""
    port = int(server.address.rpartition(":")[2])
    try:
        sockets = psutil.Process(server.pid).net_connections(kind="tcp")
    except psutil.Error:
        return False
    return any(one.status == psutil.CONN_LISTEN and one.laddr and one.laddr[1] == port for one in sockets)


def _end(pid: int, grace_s: float) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        end_processes([psutil.Process(pid)], grace_s=grace_s, first=signal.SIGTERM)


def _end_strays(home: Path) -> None:
    """End a server of this very file that the state does not know: its starter was killed before writing it down."""
    database = str(_database(home))
    strays = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.name() == "temporal" and database in process.cmdline():
                strays.append(process)
    end_processes(strays, grace_s=5)
