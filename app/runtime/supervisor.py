"""Run a whole desk: database, migrations, Temporal, then the worker and the web process, until a signal ends it."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType

from app.runtime import postgres, temporal
from app.runtime.children import MARKER, Child, Guard, Part, leftovers
from app.runtime.processes import (
    check_port,
    end_processes,
    make_home,
    make_private_folder,
    process_identity,
    read_json,
    try_exclusive,
    write_json,
)
from core.errors import InvalidInput, QuantdeskError, Refused, Unavailable

TICK_S = 0.2
STARTING_ATTEMPTS = 2
PATIENCE_S = 5.0


def desk_parts(web_host: str, web_port: int) -> tuple[Part, ...]:
    """Return the worker and the web process of a desk."""
    return (
        Part(name="worker", command=(sys.executable, "-m", "app.worker")),
        Part(
            name="web",
            command=(sys.executable, "-m", "app.server"),
            ready=lambda: answers(web_host, web_port),
            address=f"http://{web_host}:{web_port}",
        ),
    )


def answers(host: str, port: int, *, timeout_s: float = 1.0) -> bool:
    """Return whether something accepts a TCP connection at host:port."""
    try:
        with socket.create_connection((host, port), timeout=timeout_s):
            return True
    except OSError:
        return False


def run_file(home: Path) -> Path:
    """Return the file in which a supervisor notes its children."""
    return home / "run.json"


class Supervisor:
    """Start a desk's parts in order, keep them running, stop them together; one supervisor per home.

    `migrate` gets the database's DSN after the database is up and before any part starts. `on_ready` is called once,
    when every part serves. `announce` gets one sentence per step. With `database_url` or `temporal_address` that
    server is used and none is started. Children find the addresses in DATABASE_URL and TEMPORAL_ADDRESS.
    """

    def __init__(
        self,
        home: Path,
        *,
        parts: Sequence[Part],
        migrate: Callable[[str], None],
        web_host: str = "127.0.0.1",
        web_port: int = 8000,
        database_url: str | None = None,
        temporal_address: str | None = None,
        announce: Callable[[str], None] = lambda _: None,
        on_ready: Callable[[], None] = lambda: None,
        grace_s: float = 10.0,
    ) -> None:
        self._home = home
        self._parts = tuple(parts)
        self._migrate = migrate
        self._web = (web_host, web_port)
        self._database_url = database_url
        self._temporal_address = temporal_address
        self._announce = announce
        self._on_ready = on_ready
        self._grace_s = grace_s
        self._children: list[Child] = []
        self._guard: Guard | None = None
        self._undo: list[Callable[[], object]] = []
        self._stopping = threading.Event()
        self._starting = True
        self._retry_at = 0.0
        self._noted: dict[str, object] = {}

    def run(self) -> None:
        """Run the desk until SIGINT or SIGTERM, then stop everything; call it from the main thread.

        Raises Refused when another supervisor runs on this home, InvalidInput when the web port is taken, and what a
        part raises that cannot be started. Everything that was started is stopped before an error leaves.
        """
        self._home = make_home(self._home)
        lock = self._take_lock()
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._start()
            self._starting = False
            self._watch()
        except KeyboardInterrupt:
            pass
        finally:
            self._starting = False
            self._stop()
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(lock)

    def stop(self) -> None:
        """Ask a running desk to stop, from another thread."""
        self._stopping.set()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        already = self._stopping.is_set()
        self._stopping.set()
        if self._starting and not already:
            raise KeyboardInterrupt

    def _take_lock(self) -> int:
        lock = try_exclusive(self._home / "run.lock")
        if lock is None:
            noted = read_json(run_file(self._home))
            pid = str(noted.get("supervisor", "")).split(":")[0] or "unknown"
            raise Refused(
                f"quantdesk already runs on {self._home} (pid {pid}).",
                rule="one_desk_per_home",
                hint="Use that one, stop it with Ctrl-C, or choose another folder with QUANTDESK_HOME.",
            )
        return lock

    def _check_port(self) -> None:
        host, port = self._web
        try:
            check_port(host, port)
        except OSError as error:
            raise InvalidInput(
                f"Port {port} on {host} cannot be used: {error.strerror}.",
                hint="Stop the program that listens there, or choose another with QUANTDESK_PORT.",
            ) from error

    def _start(self) -> None:
        left = end_processes(leftovers(self._home), grace_s=3)
        if left:
            self._announce(f"Ended {len(left)} processes that an earlier run left behind.")
        self._check_port()
        dsn = self._start_database()
        self._announce("Bringing the database's tables up to date.")
        self._migrate(dsn)
        address = self._start_temporal()
        env = {
            **os.environ,
            MARKER: str(self._home),
            "QUANTDESK_HOME": str(self._home),
            "QUANTDESK_HOST": self._web[0],
            "QUANTDESK_PORT": str(self._web[1]),
            "DATABASE_URL": dsn,
            "TEMPORAL_ADDRESS": address,
            "PYTHONUNBUFFERED": "1",
        }
        self._guard = Guard(env)
        logs = make_private_folder(self._home / "logs")
        for part in self._parts:
            child = Child(part, log_folder=logs, env=env, guard=self._guard)
            self._children.append(child)
            self._announce(f"Starting the {part.name}.")
            child.start()
        self._note()
        for child in self._children:
            self._wait_for(child)
        self._note()
        self._on_ready()

    def _start_database(self) -> str:
        if self._database_url is not None:
            return self._database_url
        self._announce("Starting the database.")
        self._undo.append(lambda: postgres.stop(self._home))
        return postgres.start(self._home).dsn

    def _start_temporal(self) -> str:
        if self._temporal_address is not None:
            return self._temporal_address
        self._announce("Starting Temporal.")
        self._undo.append(lambda: temporal.stop(self._home))
        return temporal.start(self._home).address

    def _wait_for(self, child: Child) -> None:
        deadline = time.monotonic() + child.part.ready_timeout_s
        remark_at = time.monotonic() + PATIENCE_S
        while True:
            said = child.check()
            if said is not None:
                self._announce(said)
            if child.serving:
                return
            if child.restarts >= STARTING_ATTEMPTS or time.monotonic() >= deadline:
                raise Unavailable(
                    f"The {child.part.name} process does not come up.",
                    hint=f"The end of its log {child.log_file}:\n{child.last_words()}",
                )
            if time.monotonic() >= remark_at:
                remark_at += PATIENCE_S
                doing = child.last_words().rpartition("] ")[2].strip()
                self._announce(f"  the {child.part.name} is still starting: {doing}")
            self._stopping.wait(TICK_S)

    def _watch(self) -> None:
        while not self._stopping.wait(TICK_S):
            assert self._guard is not None, "the desk has started"
            self._guard.check()
            for child in self._children:
                said = child.check()
                if said is not None:
                    self._announce(said)
            self._heal_servers()
            self._note()

    def _heal_servers(self) -> None:
        if time.monotonic() < self._retry_at:
            return
        self._retry_at = time.monotonic() + 1.0
        try:
            if self._database_url is None and not postgres.status(self._home).running:
                self._announce("The database stopped; starting it again.")
                postgres.heal(self._home)
            if self._temporal_address is None and temporal.running(self._home) is None:
                self._announce("Temporal stopped; starting it again.")
                temporal.heal(self._home)
        except QuantdeskError as error:
            self._retry_at = time.monotonic() + 10.0
            self._announce(f"{error} Trying again in 10 s.")

    def _note(self) -> None:
        """Write down, when it changed, what `quantdesk status` and the next start read."""
        noted: dict[str, object] = {
            "supervisor": process_identity(os.getpid()),
            "parts": {
                child.part.name: {
                    "identity": child.identity,
                    "serving": child.serving,
                    "restarts": child.restarts,
                    "address": child.part.address,
                }
                for child in self._children
            },
        }
        if noted != self._noted:
            write_json(run_file(self._home), noted)
            self._noted = noted

    def _stop(self) -> None:
        if self._children:
            self._announce("Stopping.")
        # All are asked before any is waited for: the slowest sets the time.
        for child in self._children:
            child.ask_to_stop()
        for child in reversed(self._children):
            child.stop(self._grace_s)
        if self._guard is not None:
            self._guard.close()
            end_processes(leftovers(self._home), grace_s=1)
        run_file(self._home).unlink(missing_ok=True)
        # Temporal and the database know nothing of each other, so they may stop side by side.
        with ThreadPoolExecutor(thread_name_prefix="stop") as pool:
            for stopping in [pool.submit(undo) for undo in reversed(self._undo)]:
                try:
                    stopping.result()
                except QuantdeskError as error:
                    self._announce(str(error))
