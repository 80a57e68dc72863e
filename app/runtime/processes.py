"""Name processes so that a reused pid is never mistaken, and lock and write files so that a crash leaves them whole."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

import psutil

from core.errors import InvalidInput, Unavailable

POLL_SECONDS = 0.02


@lru_cache(maxsize=1)
def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
    except OSError:
        return str(int(psutil.boot_time()))


def process_identity(pid: int) -> str | None:
    """Return a text that names this run of a pid, or None when it is not alive.

    A pid is reused by the system; pid, boot and start time together are not. On Linux the start time is counted in
    ticks since boot, which setting the clock does not move. A zombie counts as not alive.
    """
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        fields = stat[stat.rindex(")") + 2 :].split()
        return None if fields[0] in {"Z", "X"} else f"{pid}:{fields[19]}:{_boot_id()}"
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return f"{pid}:{process.create_time()}:{_boot_id()}"
    except psutil.Error:
        return None


def is_alive(identity: str) -> bool:
    """Return whether the process of a `process_identity` still runs."""
    pid = identity.split(":", 1)[0]
    return pid.isascii() and pid.isdigit() and process_identity(int(pid)) == identity


def wait_until(done: Callable[[], bool], timeout_s: float) -> bool:
    """Ask `done` again and again until it is true or the time is over; return its last answer."""
    deadline = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


@contextlib.contextmanager
def exclusive(path: Path, *, timeout_s: float, what: str) -> Iterator[None]:
    """Hold the lock file at `path`; the system frees it when its holder dies, however it dies.

    Raises Unavailable when another process holds it for longer than `timeout_s`.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not wait_until(lambda: _try_lock(descriptor), timeout_s):
            raise Unavailable(
                f"Another process has been busy with {what} for more than {timeout_s:g} s.",
                hint="Try again; if it stays so, stop the other quantdesk processes.",
            )
        yield
    finally:
        os.close(descriptor)


def try_exclusive(path: Path) -> int | None:
    """Take the lock file at `path` without waiting; return its open descriptor, or None when it is taken."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if _try_lock(descriptor):
        return descriptor
    os.close(descriptor)
    return None


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_whole(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replace a file at once: a reader or a crash sees the old text or the new, never a part."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(name, mode)
        os.replace(name, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file at once."""
    write_whole(path, json.dumps(value, indent=1, sort_keys=True) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object of a file, or an empty one when it is missing or damaged."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def make_private_folder(path: Path) -> Path:
    """Create a folder only this user can enter; an existing one must already be so and is never changed.

    Raises InvalidInput when the folder belongs to someone else or is a link.
    """
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        found = path.lstat()
        if not path.is_dir() or path.is_symlink() or found.st_uid != os.geteuid():
            raise InvalidInput(
                f"{path} is not a folder of the user that runs quantdesk.",
                hint="Remove it, or choose another folder with QUANTDESK_HOME.",
            ) from None
    return path


def make_home(home: Path) -> Path:
    """Create the desk's folder when it is missing and return its absolute path.

    Raises InvalidInput when it cannot be created or belongs to another user (two users must not mix their files in it).
    """
    home = home.expanduser().absolute()
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = home.stat().st_uid
    except OSError as error:
        raise InvalidInput(
            f"The folder {home} cannot be created: {error.strerror}.",
            hint="Choose another folder with QUANTDESK_HOME.",
        ) from error
    if owner != os.geteuid() or not os.access(home, os.W_OK | os.X_OK):
        raise InvalidInput(
            f"The folder {home} belongs to another user (uid {owner}).",
            hint="Run quantdesk as that user, or choose another folder with QUANTDESK_HOME.",
        )
    return home.resolve()


def check_port(host: str, port: int) -> int:
    """Return the TCP port that a server can listen on at host:port (0: the system chooses); raise OSError if none."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        return int(probe.getsockname()[1])


def free_port(host: str, preferred: int | None = None, *, timeout_s: float = 1.0) -> int:
    """Return a free TCP port of `host`: the preferred one when it is free, or becomes so within `timeout_s`.

    The system frees the port of a killed server a moment after its process is gone.
    """

    def usable() -> bool:
        with contextlib.suppress(OSError):
            return bool(check_port(host, preferred or 0))
        return False

    return preferred if preferred and wait_until(usable, timeout_s) else check_port(host, 0)


def end_processes(processes: Iterable[psutil.Process], *, grace_s: float, first: int = signal.SIGTERM) -> list[int]:
    """Signal processes, wait `grace_s` for them to go, kill those that stay; return the pids that were signalled."""
    chosen = [(process, process_identity(process.pid)) for process in processes]

    def staying() -> list[psutil.Process]:
        # Not psutil.wait_procs: it waits for a zombie until somebody reaps it.
        return [process for process, identity in chosen if identity is not None and is_alive(identity)]

    for process in staying():
        with contextlib.suppress(psutil.Error):
            process.send_signal(first)
    if not wait_until(lambda: not staying(), grace_s):
        for process in staying():
            with contextlib.suppress(psutil.Error):
                process.kill()
        wait_until(lambda: not staying(), 5.0)
    return [process.pid for process, _ in chosen]


def leave(code: int) -> NoReturn:
    """End this process at once, its work done: unloading the numeric and chat libraries would take seconds."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def tail(path: Path, lines: int = 15) -> str:
    """Return the last lines of a log file, or an empty text when there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 16_384))
        return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])
