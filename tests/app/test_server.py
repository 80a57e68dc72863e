"""The web process: under which names it answers, and how it begins and ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.runtime.children import Child, Guard, Part
from app.runtime.processes import wait_until
from app.runtime.supervisor import Supervisor
from app.server import _FIRST_NEEDED, _hosts, create_api
from core.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_desk_in_a_container_answers_to_every_name(host):
    assert _hosts(Settings(web_host=host)) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "desk.example"])
def test_another_desk_answers_to_its_own(host):
    assert _hosts(Settings(web_host=host)) == [host]


def test_what_is_loaded_ahead_exists():
    from importlib.util import find_spec

    assert all(find_spec(name) for name in _FIRST_NEEDED)


def test_no_page_of_documentation_loads_from_outside():
    app = create_api(SimpleNamespace(settings=Settings(), open_assistant=lambda: None), SimpleNamespace())  # type: ignore[arg-type]
    paths = {getattr(route, "path", "") for route in app.routes}
    assert "/docs" not in paths
    assert "/redoc" not in paths
    assert app.openapi_url == "/api/openapi.json"


def test_a_database_that_is_not_there_is_one_sentence(tmp_path):
    program = """
import sys
from app.server import main
from core.adapters.store.database import Database
Database.__init__.__kwdefaults__["timeout_seconds"] = 0.2
sys.exit(main())
"""
    env = {
        "PATH": os.environ["PATH"],
        "QUANTDESK_HOME": str(tmp_path),
        "DATABASE_URL": "postgresql://desk:hunter2hunter2@127.0.0.1:1/quantdesk",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "The database cannot be reached." in done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize("code", [0, 3])
def test_leaving_writes_what_was_said_and_skips_the_rest(code):
    program = f"""
import atexit, sys, logging
from app.runtime.processes import leave
atexit.register(lambda: print("unloaded"))
logging.basicConfig(stream=sys.stderr)
logging.warning("logged")
sys.stdout.write("said")
leave({code})
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, "said")
    assert "logged" in done.stderr


SLOW_TO_STOP = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (time.sleep(1.0), sys.exit(0)))
print("up", flush=True)
while True: time.sleep(0.05)
"""


def test_slow_parts_are_stopped_side_by_side(tmp_path):
    """Three parts of which each takes a second to end: the desk stops in little more than one second, not in three."""
    said: list[str] = []
    parts = [Part(name=name, command=(sys.executable, "-S", "-c", SLOW_TO_STOP)) for name in ("one", "two", "three")]
    with_port = {"web_port": 0, "database_url": "postgresql://none/none", "temporal_address": "none:1"}
    times: dict[str, float] = {}
    supervisor: Any = None

    def ready() -> None:
        logs = [tmp_path / "home" / "logs" / f"{name}.log" for name in ("one", "two", "three")]

        def end() -> None:
            wait_until(lambda: all("] up" in log.read_text() for log in logs if log.exists()), 20)
            times["asked"] = time.monotonic()
            supervisor.stop()

        threading.Thread(target=end, daemon=True).start()

    supervisor = Supervisor(
        tmp_path / "home", parts=parts, migrate=lambda _: None, announce=said.append, on_ready=ready, **with_port
    )
    supervisor.run()
    assert time.monotonic() - times["asked"] < 2.7
    assert said[-1] == "Stopping."


def test_asking_again_sends_no_second_signal(tmp_path):
    """A second SIGTERM would end a process that is closing its books."""
    code = """
import signal, sys, time
def first(*_):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))
    time.sleep(0.3)
    sys.exit(0)
signal.signal(signal.SIGTERM, first)
print("up", flush=True)
while True: time.sleep(0.05)
"""
    guard = Guard({"PATH": "/usr/bin:/bin"})
    child = Child(
        Part(name="one", command=(sys.executable, "-S", "-c", code)), log_folder=tmp_path, env={}, guard=guard
    )
    try:
        child.start()
        assert wait_until(lambda: "] up" in child.last_words(), 20)
        child.ask_to_stop()
        child.ask_to_stop()
        child.stop(5)
        assert child._process is not None
        assert child._process.returncode == 0
    finally:
        guard.close()
