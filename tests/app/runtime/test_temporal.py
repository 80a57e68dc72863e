"""Start, share, kill and heal the real Temporal development server."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess

import psutil
import pytest

from app.runtime import temporal
from app.runtime.processes import process_identity, read_json, wait_until, write_json
from core.errors import Unavailable


def gone(pid: int) -> bool:
    return wait_until(lambda: process_identity(pid) is None, 15)


async def workflow_status(address: str) -> str:
    from temporalio.client import Client

    client = await Client.connect(address, namespace=temporal.NAMESPACE)
    return (await client.get_workflow_handle("kept").describe()).status.name


async def start_workflow(address: str) -> None:
    from temporalio.client import Client

    client = await Client.connect(address, namespace=temporal.NAMESPACE)
    await client.start_workflow("Waiting", id="kept", task_queue="nobody-listens")


async def test_a_waiting_workflow_survives_a_stop_and_a_kill(home):
    server = temporal.start(home)
    await start_workflow(server.address)
    assert temporal.stop(home) is True
    assert gone(server.pid)
    again = temporal.start(home)
    assert again.address == server.address, "clients reconnect to the same port"
    assert await workflow_status(again.address) == "RUNNING"
    os.kill(again.pid, signal.SIGKILL)
    assert gone(again.pid)
    assert temporal.running(home) is None
    healed = temporal.heal(home)
    assert healed.pid != again.pid
    assert healed.address == server.address
    assert await workflow_status(healed.address) == "RUNNING"
    assert temporal.stop(home) is True


def test_it_listens_on_loopback_only_with_a_write_ahead_log(home):
    with temporal.ensure_temporal(home) as server:
        listening = [one for one in psutil.Process(server.pid).net_connections("inet") if one.status == "LISTEN"]
        assert {one.laddr.ip for one in listening} <= {"127.0.0.1", "::1"}
        assert any(f"127.0.0.1:{one.laddr.port}" == server.address for one in listening)
        with sqlite3.connect(f"file:{server.db_file}?mode=ro", uri=True) as database:
            assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert not any("KEY" in name or "SECRET" in name for name in psutil.Process(server.pid).environ())
        assert temporal.serves(server.address)
    assert not temporal.serves(server.address, timeout_s=1)


def test_processes_share_one_server_and_the_last_stops_it(home, hold):
    server = temporal.start(home)
    other, killed = hold(home, "temporal"), hold(home, "temporal")
    assert other.server_pid() == killed.server_pid() == server.pid
    assert temporal.stop(home) is False
    killed.kill()
    other.leave()
    assert gone(server.pid)


def test_a_server_that_the_state_does_not_know_is_ended_first(home):
    lost = temporal.start(home)
    write_json(home / "temporal" / "server.json", {"address": lost.address})
    found = temporal.heal(home)
    assert gone(lost.pid)
    assert temporal.serves(found.address)
    assert temporal.stop(home) is True


def test_a_hanging_server_is_replaced(home):
    server = temporal.start(home)
    os.kill(server.pid, signal.SIGSTOP)
    again = temporal.heal(home, timeout_s=1)
    assert gone(server.pid)
    assert temporal.serves(again.address)
    assert temporal.stop(home) is True


def test_a_taken_port_gives_another_one(home):
    with temporal.ensure_temporal(home) as server:
        port = int(server.address.rpartition(":")[2])
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        with temporal.ensure_temporal(home) as again:
            assert again.address != server.address
        with pytest.raises(Unavailable, match="Temporal server stopped while starting"):
            temporal.start(home, port=port)
    assert temporal.running(home) is None


def test_a_pid_that_now_belongs_to_a_stranger_is_not_believed(home):
    (home / "temporal").mkdir(mode=0o700)
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        identity = process_identity(stranger.pid).split(":")
        identity[1] = str(int(float(identity[1])) - 1)
        write_json(home / "temporal" / "server.json", {"address": "127.0.0.1:1", "identity": ":".join(identity)})
        assert temporal.running(home) is None
        assert temporal.stop(home) is False
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
    assert read_json(home / "temporal" / "server.json")["address"] == "127.0.0.1:1"
