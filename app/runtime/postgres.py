"""Run the embedded PostgreSQL of a desk: start or attach, stop when the last user leaves, heal after any kill."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil

from app.runtime.cluster import SOCKET_NAME, Cluster, locate_cluster, marker
from app.runtime.holders import Holders
from app.runtime.postgres_account import make_system_folder, package_version
from app.runtime.processes import (
    POLL_SECONDS,
    end_processes,
    exclusive,
    make_home,
    make_private_folder,
    process_identity,
    tail,
    wait_until,
    write_whole,
)
from core.errors import InvalidInput, Refused, ServiceError, Unavailable

DATABASE = "quantdesk"
SUPERUSER = "postgres"
START_TIMEOUT_S = 60.0
LOG_BYTES = 5_000_000
# Crash safety (fsync, synchronous_commit, full_page_writes) is never traded: an approval survives any kill.
SERVER_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": "5432",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "128MB",
    "max_connections": "60",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresServer:
    """Describe a running embedded server; `dsn` names a Unix socket folder, there is no TCP port."""

    home: Path
    dsn: str
    data_dir: Path
    socket_dir: Path
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresStatus:
    """Describe an embedded server that may be stopped; `holders` are the pids that use it."""

    running: bool
    detail: str
    server: PostgresServer | None = None
    holders: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Postmaster:
    pid: int
    socket_dir: Path
    ready: bool


def start(home: Path, *, timeout_s: float = START_TIMEOUT_S) -> PostgresServer:
    """Start the server of `home`, or attach to it, and hold it for this process until `stop`.

    Safe to call from several processes at once and after any of them, or the server, was killed. The first call
    creates the database. Raises InvalidInput for a folder that cannot be used, Unavailable when the server does not
    come up within `timeout_s`.
    """
    home = make_home(home)
    with _locked(home):
        server = _ensure_running(home, timeout_s)
        _holders(home).add()
    return server


def heal(home: Path, *, timeout_s: float = START_TIMEOUT_S) -> PostgresServer:
    """Bring the server of `home` back when it died, without a further hold."""
    home = make_home(home)
    with _locked(home):
        return _ensure_running(home, timeout_s)


def stop(home: Path, *, timeout_s: float = START_TIMEOUT_S) -> bool:
    """Take back one hold of this process; stop the server when nobody holds it, and return whether it was stopped."""
    home = make_home(home)
    with _locked(home):
        holders = _holders(home)
        holders.drop()
        cluster = locate_cluster(home, create=False)
        if cluster is None or holders.pids():
            return False
        return _shut_down(cluster, timeout_s)


@contextlib.contextmanager
def ensure_postgres(home: Path) -> Iterator[PostgresServer]:
    """Start or attach for the length of a `with` block."""
    server = start(home)
    try:
        yield server
    finally:
        stop(home)


def status(home: Path) -> PostgresStatus:
    """Return whether the server of `home` runs, without starting it or waiting for a lock."""
    home = home.expanduser().absolute()
    if not (home / "postgres").is_dir():
        return PostgresStatus(running=False, detail="no database yet")
    cluster = locate_cluster(home.resolve(), create=False)
    found = None if cluster is None else _postmaster(cluster)
    if cluster is None or found is None:
        return PostgresStatus(running=False, detail="stopped")
    holders = tuple(_holders(cluster.home).pids())
    detail = f"embedded, {len(holders)} users" if found.ready else "starting or recovering"
    return PostgresStatus(running=found.ready, detail=detail, server=_server(cluster, found), holders=holders)


def remove(home: Path) -> None:
    """Delete the server's data of `home` for good. Raises Refused while a process holds it."""
    home = make_home(home)
    with _locked(home):
        if pids := _holders(home).pids():
            raise Refused(
                f"The database of {home} is in use by {len(pids)} processes (pid {pids[0]}).",
                rule="database_in_use",
                hint="Stop them first.",
            )
        cluster = locate_cluster(home, create=False)
        if cluster is None:
            return
        _shut_down(cluster, START_TIMEOUT_S)
        if cluster.folder == home / "postgres":
            shutil.rmtree(cluster.data)
        else:
            shutil.rmtree(cluster.folder)
            marker(home).unlink()


@contextlib.contextmanager
def _locked(home: Path) -> Iterator[None]:
    folder = make_private_folder(home / "postgres")
    with exclusive(folder / "lock", timeout_s=2 * START_TIMEOUT_S, what=f"the database of {home}"):
        yield


def _holders(home: Path) -> Holders:
    return Holders(home / "postgres" / "holders.json")


def _server(cluster: Cluster, found: _Postmaster) -> PostgresServer:
    host = quote(str(found.socket_dir), safe="")
    return PostgresServer(
        home=cluster.home,
        dsn=f"postgresql://{SUPERUSER}@/{DATABASE}?host={host}",
        data_dir=cluster.data,
        socket_dir=found.socket_dir,
        pid=found.pid,
    )


def _ensure_running(home: Path, timeout_s: float) -> PostgresServer:
    deadline = time.monotonic() + timeout_s
    cluster = locate_cluster(home)
    assert cluster is not None, "create is on"
    found = _postmaster(cluster)
    if found is not None and not (found.socket_dir / SOCKET_NAME).exists() and found.ready:
        # The socket's folder was swept away under the server: nobody can reach it any more.
        _shut_down(cluster, timeout_s)
        found = None
    launched = False
    while found is None or not found.ready:
        if time.monotonic() >= deadline:
            raise Unavailable(
                f"PostgreSQL was not ready within {timeout_s:g} s.", hint=f"Its log: {cluster.log}\n{tail(cluster.log)}"
            )
        if found is None:
            _clear_dead_server(cluster)
            if not (cluster.data / "PG_VERSION").is_file():
                _create_cluster(cluster)
            _launch(cluster, max(1.0, deadline - time.monotonic()))
            launched = True
        else:
            time.sleep(POLL_SECONDS)
        found = _postmaster(cluster)
    if launched:
        _ensure_database(_server(cluster, found))
    return _server(cluster, found)


def _postmaster(cluster: Cluster) -> _Postmaster | None:
    """Read postmaster.pid and believe it only when that pid is a PostgreSQL server of this data directory."""
    try:
        lines = (cluster.data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
        pid = int(lines[0])
    except (OSError, ValueError, IndexError):
        return None
    if process_identity(pid) is None or not _works_in(pid, cluster.data):
        return None
    ready = len(lines) > 7 and lines[7].strip() == "ready"
    socket_dir = Path(lines[4].strip()) if len(lines) > 4 and lines[4].strip() else cluster.socket_dir
    return _Postmaster(pid=pid, socket_dir=socket_dir, ready=ready)


def _works_in(pid: int, data: Path) -> bool:
    try:
        process = psutil.Process(pid)
        return process.name().startswith("postgres") and os.path.samefile(process.cwd(), data)
    except (psutil.Error, OSError):
        return False


def _clear_dead_server(cluster: Cluster) -> None:
    """Make way for a new server: end what a killed one left, and drop its lock files.

    A new server refuses to start while a helper of the old one is attached to its memory, and while the pid in a lock
    file belongs to any process, be it a stranger or a zombie that nobody has reaped (containers). Two servers on one
    directory would destroy it, so every process that works in it is ended first; no other process is touched.
    """
    left = [process for process in psutil.process_iter() if _works_in(process.pid, cluster.data)]
    end_processes(left, grace_s=2, first=signal.SIGQUIT)
    (cluster.data / "postmaster.pid").unlink(missing_ok=True)
    (cluster.socket_dir / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)


def _run_as_owner(cluster: Cluster, command: Sequence[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
    minimal = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
    account = cluster.account
    other: dict[str, Any] = {"user": account.uid, "group": account.gid, "extra_groups": []} if cluster.as_root else {}
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd="/",
            env=minimal,
            timeout=timeout_s,
            check=False,
            umask=0o077,
            **other,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, stdout=f"not done within {timeout_s:g} s")
    except OSError as error:
        raise ServiceError(
            f"{command[0]} cannot be run: {error.strerror}.", hint="Remove .venv and run `make run` again."
        ) from error


def _create_cluster(cluster: Cluster) -> None:
    """Run initdb in a folder beside the final one, then rename it: a half-made database is never used."""
    for left in cluster.folder.glob("data.new-*"):
        _drop_half_made(left)
    if cluster.data.is_dir() and not any(cluster.data.iterdir()):
        cluster.data.rmdir()
    if cluster.data.exists():
        raise InvalidInput(
            f"{cluster.data} is not a PostgreSQL data directory.", hint="Move it away to start with an empty database."
        )
    staging = Path(tempfile.mkdtemp(prefix="data.new-", dir=cluster.folder))
    if cluster.as_root:
        os.chown(staging, cluster.account.uid, cluster.account.gid)
    command = [str(cluster.binaries / "initdb"), "-D", str(staging), "-U", SUPERUSER, "--encoding=UTF8", "--locale=C"]
    # PostgreSQL's own Unicode rules sort and fold alike on every platform and need no ICU library.
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--auth=peer", "--no-instructions"]
    done = _run_as_owner(cluster, command, timeout_s=120)
    if done.returncode != 0:
        shutil.rmtree(staging, ignore_errors=True)
        raise ServiceError(f"PostgreSQL could not create its data directory: {done.stdout.strip()[-1500:]}")
    os.rename(staging, cluster.data)


def _drop_half_made(staging: Path) -> None:
    """Delete what an initdb whose starter was killed left, however long the processes it started go on writing."""

    def dropped() -> bool:
        end_processes(_makers(staging), grace_s=0, first=signal.SIGKILL)
        shutil.rmtree(staging, ignore_errors=True)
        return not staging.exists()

    if not wait_until(dropped, 10.0):
        raise ServiceError(f"{staging}, a database that was never finished, cannot be deleted.", hint="Delete it.")


def _makers(staging: Path) -> list[psutil.Process]:
    """Find what an initdb runs on its folder: itself, and the shells and servers that know it from PGDATA."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            name = process.name()
            if (name == "initdb" and str(staging) in process.cmdline()) or (
                name in {"sh", "postgres"} and process.environ().get("PGDATA") == str(staging)
            ):
                found.append(process)
    return found


def _launch(cluster: Cluster, timeout_s: float) -> None:
    _check_version(cluster)
    if cluster.as_root:
        make_system_folder(cluster.socket_dir, mode=0o700, account=cluster.account)
    if cluster.log.exists() and cluster.log.stat().st_size > LOG_BYTES:
        os.replace(cluster.log, cluster.log.with_suffix(".log.1"))
    settings = {
        **SERVER_SETTINGS,
        **_write_access_rules(cluster),
        "unix_socket_directories": _quoted_list_item(cluster.socket_dir),
    }
    options = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())
    command = [str(cluster.binaries / "pg_ctl"), "start", "-D", str(cluster.data), "-l", str(cluster.log)]
    command += ["-w", "-t", str(int(timeout_s)), "-s", "-o", options]
    done = _run_as_owner(cluster, command, timeout_s=timeout_s + 10)
    if done.returncode != 0:
        raise Unavailable(
            f"PostgreSQL did not start: {done.stdout.strip()[-500:]}",
            hint=f"Its log: {cluster.log}\n{tail(cluster.log)}",
        )


def _quoted_list_item(path: Path) -> str:
    return '"' + str(path).replace('"', '""') + '"'


def _write_access_rules(cluster: Cluster) -> dict[str, str]:
    """Let the one person who runs the desk, proven by the kernel, take any database role; nobody else gets in."""
    hba, ident = cluster.folder / "pg_hba.conf", cluster.folder / "pg_ident.conf"
    mode = 0o644 if cluster.as_root else 0o600
    person = "root" if cluster.as_root else cluster.account.name
    quoted = person.replace('"', '""')
    write_whole(hba, "local all all peer map=desk\n", mode=mode)
    write_whole(ident, f'desk "{quoted}" all\n', mode=mode)
    return {"hba_file": str(hba), "ident_file": str(ident)}


def _check_version(cluster: Cluster) -> None:
    stored = (cluster.data / "PG_VERSION").read_text(encoding="utf-8").strip()
    ours = package_version().split(".", 1)[0]
    if stored != ours:
        raise InvalidInput(
            f"The database in {cluster.data} was made by PostgreSQL {stored}; this version of quantdesk runs {ours}.",
            hint="Upgrade it with pg_upgrade, or move it away to start with an empty database.",
        )


def _ensure_database(server: PostgresServer) -> None:
    import psycopg

    admin = server.dsn.replace(f"/{DATABASE}?", f"/{SUPERUSER}?")
    try:
        with psycopg.connect(admin, autocommit=True, connect_timeout=10) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
            if known is None:
                connection.execute(f'CREATE DATABASE "{DATABASE}"')
    except psycopg.OperationalError as error:
        raise Unavailable(f"PostgreSQL runs (pid {server.pid}) but does not answer: {error}") from error


def _shut_down(cluster: Cluster, timeout_s: float) -> bool:
    found = _postmaster(cluster)
    if found is None:
        return False
    command = [str(cluster.binaries / "pg_ctl"), "stop", "-D", str(cluster.data), "-m", "fast", "-w"]
    done = _run_as_owner(cluster, [*command, "-t", str(int(timeout_s)), "-s"], timeout_s=timeout_s + 10)
    if not wait_until(lambda: _postmaster(cluster) is None, 5.0):
        raise Unavailable(f"PostgreSQL (pid {found.pid}) did not stop: {done.stdout.strip()[-500:]}")
    return True
