"""Run a supervisor's child processes: logs, restarts with growing waits, and no process left behind."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

import psutil

from app.runtime import guard
from app.runtime.processes import process_identity, tail, wait_until

MARKER = "QUANTDESK_SUPERVISED_HOME"
LOG_BYTES = 5_000_000
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
# A child that ran this long starts with short waits again.
STEADY_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Describe a child process; `ready` tells when it serves (None: as soon as it runs)."""

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool] | None = None
    ready_timeout_s: float = 120.0
    address: str | None = None


class Child:
    """Run one part in a process group of its own and write what it prints into a log of limited size."""

    def __init__(self, part: Part, *, log_folder: Path, env: Mapping[str, str], guard: Guard) -> None:
        self.part = part
        self.log_file = log_folder / f"{part.name}.log"
        self.restarts = 0
        self.serving = False
        self._asked = False
        self._env = dict(env)
        self._guard = guard
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._started = 0.0
        self._wait_s = FIRST_WAIT_S
        self._next_start = 0.0
        handler = RotatingFileHandler(self.log_file, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8", delay=True)
        formatter = logging.Formatter(f"%(asctime)s [{part.name}] %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        formatter.converter = time.gmtime
        handler.setFormatter(formatter)
        self._log = logging.Logger(part.name)
        self._log.addHandler(handler)

    @property
    def pid(self) -> int | None:
        """The pid while the process runs."""
        return None if self._process is None or self._process.poll() is not None else self._process.pid

    @property
    def identity(self) -> str | None:
        """The identity of the running process."""
        return None if self.pid is None else process_identity(self.pid)

    def start(self) -> None:
        """Start the process."""
        self._log.info("starting: %s", " ".join(self.part.command))
        self._started = time.monotonic()
        self.serving = self._asked = False
        try:
            self._process = subprocess.Popen(
                self.part.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=self._env,
                start_new_session=True,
            )
        except OSError as error:
            self._process = None
            self._log.error("cannot be started: %s", error)
            return
        self._guard.add(self._process.pid)
        assert self._process.stdout is not None, "stdout is a pipe"
        self._reader = threading.Thread(target=self._copy_output, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def _copy_output(self, output: IO[bytes]) -> None:
        with output:
            for line in output:
                self._log.info("%s", line.decode("utf-8", "replace").rstrip())

    def check(self) -> str | None:
        """Start a dead process again when its wait is over; return a sentence when it was found dead."""
        if self.pid is not None:
            if not self.serving and (self.part.ready is None or self.part.ready()):
                self.serving = True
            return None
        if self._next_start == 0.0:
            code = "could not be started" if self._process is None else f"exit {self._process.returncode}"
            self._end_group()
            if time.monotonic() - self._started > STEADY_S:
                self._wait_s = FIRST_WAIT_S
            self._next_start = time.monotonic() + self._wait_s
            said = f"The {self.part.name} stopped ({code}); starting it again in {self._wait_s:g} s."
            self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)
            self._log.warning("%s", said)
            return f"{said} Its log: {self.log_file}"
        if time.monotonic() >= self._next_start:
            self._next_start = 0.0
            self.restarts += 1
            self.start()
        return None

    def ask_to_stop(self) -> None:
        """Ask the process group to end, without waiting for it; asking again does nothing."""
        if not self._asked and self._process is not None and self._process.poll() is None:
            self._asked = True
            guard.signal_groups([self._process.pid], signal.SIGTERM)

    def stop(self, grace_s: float) -> None:
        """Ask the process group to end, kill what is left after `grace_s`, and close the log."""
        self.ask_to_stop()
        if self._process is not None:
            wait_until(lambda: self._process is None or self._process.poll() is not None, grace_s)
        self._end_group()
        if self._reader is not None:
            # A descendant in a session of its own may hold the pipe open: do not wait for that one's end.
            self._reader.join(timeout=1.5)
        for handler in self._log.handlers:
            handler.close()

    def _end_group(self) -> None:
        if self._process is None:
            return
        guard.signal_groups([self._process.pid], signal.SIGKILL)
        self._process.wait()
        self._guard.drop(self._process.pid)

    def last_words(self) -> str:
        """Return the end of the log."""
        return tail(self.log_file)


class Guard:
    """Keep a small process that ends the children should this one be killed."""

    def __init__(self, env: Mapping[str, str], grace_s: float = 3.0) -> None:
        self._env = dict(env)
        self._grace_s = grace_s
        self._groups: set[int] = set()
        self._process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", guard.__file__, str(self._grace_s), *map(str, sorted(self._groups))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self._env,
            start_new_session=True,
            text=True,
        )

    @property
    def pid(self) -> int:
        """The pid of the guard."""
        return self._process.pid

    def check(self) -> None:
        """Start the guard again when it died."""
        if self._process.poll() is not None:
            self._close_pipe()
            self._process = self._start()

    def add(self, group: int) -> None:
        """Have a process group ended with this process."""
        self._groups.add(group)
        self._tell(f"+{group}")

    def drop(self, group: int) -> None:
        """Forget a process group that is gone."""
        self._groups.discard(group)
        self._tell(f"-{group}")

    def close(self) -> None:
        """End the guard; it ends whatever is still listed."""
        self._close_pipe()
        self._process.wait(timeout=self._grace_s + 10)

    def _close_pipe(self) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()

    def _tell(self, line: str) -> None:
        # A broken pipe means that the guard died: check() starts another that knows all groups.
        with contextlib.suppress(BrokenPipeError, ValueError):
            assert self._process.stdin is not None, "stdin is a pipe"
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()


def leftovers(home: Path) -> Iterator[psutil.Process]:
    """Yield the processes that a supervisor of `home` started, at any depth; never this one or its ancestors."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid not in own and process.environ().get(MARKER) == str(home):
                yield process
