"""Run a supervisor over tiny stand-ins for the worker and the web process; the test tells what they do."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from app.runtime.children import Part
from app.runtime.supervisor import Supervisor, answers
from core.errors import QuantdeskError

WORKER = """
import os, subprocess, sys, time
same_group = subprocess.Popen(["sleep", "601"])
own_session = subprocess.Popen(["sleep", "602"], start_new_session=True)
print("worker speaks", os.environ["TEMPORAL_ADDRESS"], "pids", same_group.pid, own_session.pid, flush=True)
time.sleep(600)
"""
WEB = """
import socket, sys, time
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    print("web listens", flush=True)
    while True:
        server.accept()[0].close()
"""
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
)
BROKEN = "print('one'); raise SystemExit('the reason it cannot start')"


def say(text: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Run the desk described by the JSON argument; write one line per step."""
    told = json.loads(sys.argv[1])
    port = told["port"]
    programs = {"worker": WORKER, "web": WEB, "stubborn": STUBBORN, "broken": BROKEN}
    ready = {"web": lambda: answers("127.0.0.1", port), "broken": lambda: False}
    parts = [
        Part(
            name="web" if name == "broken" else name,
            command=(sys.executable, "-c", programs[name], str(port)),
            ready=ready.get(name),
            address=f"http://127.0.0.1:{port}" if name == "web" else None,
        )
        for name in told["parts"]
    ]

    def migrate(dsn: str) -> None:
        say(f"migrate {dsn}")
        if told.get("migration_fails"):
            raise QuantdeskError("The migration failed.")

    supervisor = Supervisor(
        Path(told["home"]),
        parts=parts,
        migrate=migrate,
        web_port=port,
        database_url=told.get("database_url"),
        temporal_address=told.get("temporal_address"),
        announce=say,
        on_ready=lambda: say("READY"),
        grace_s=told.get("grace_s", 5.0),
    )
    try:
        supervisor.run()
    except QuantdeskError as error:
        say(f"ERROR {error}")
        return 1
    say("STOPPED")
    return 0


if __name__ == "__main__":
    sys.exit(main())
