"""Process names, locks, whole writes and folders: what the rest of the runtime stands on."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import stat
import subprocess
import threading

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.runtime import processes
from app.runtime.holders import Holders
from core.errors import InvalidInput, Unavailable


class TestIdentity:
    def test_it_names_a_living_process_only(self):
        child = subprocess.Popen(["sleep", "600"])
        identity = processes.process_identity(child.pid)
        assert identity.startswith(f"{child.pid}:")
        assert processes.is_alive(identity)
        assert processes.process_identity(child.pid) == identity
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
        assert not processes.is_alive(identity)
        child.wait()
        assert not processes.is_alive(identity)

    def test_its_start_agrees_with_the_system(self):
        ticks = int(processes.process_identity(os.getpid()).split(":")[1])
        boot = psutil.boot_time()
        started = boot + ticks / os.sysconf("SC_CLK_TCK")
        assert started == pytest.approx(psutil.Process().create_time(), abs=2)

    def test_a_process_name_with_brackets_is_read(self, tmp_path):
        program = tmp_path / "a) Z (b"
        program.write_text("#!/bin/sh\nread line\n")
        program.chmod(0o700)
        child = subprocess.Popen([str(program)], stdin=subprocess.PIPE)
        assert processes.process_identity(child.pid) is not None
        child.communicate(b"\n")

    @given(st.text(max_size=20))
    def test_any_other_text_is_not_alive(self, text):
        assert not processes.is_alive(text)


class TestFiles:
    def test_a_failed_write_keeps_the_old_text_and_leaves_nothing(self, tmp_path):
        path = tmp_path / "state.json"
        processes.write_json(path, {"a": 1})
        with pytest.raises(TypeError):
            processes.write_json(path, {"a": object()})
        with pytest.raises(UnicodeEncodeError):
            processes.write_whole(path, "\udc80")
        assert processes.read_json(path) == {"a": 1}
        assert [one.name for one in tmp_path.iterdir()] == ["state.json"]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    @pytest.mark.parametrize("text", ["", "{", "[1]", "3", "\x00"])
    def test_a_damaged_file_reads_as_empty(self, tmp_path, text):
        (tmp_path / "state.json").write_text(text)
        assert processes.read_json(tmp_path / "state.json") == {}

    def test_tail_gives_the_last_lines_and_follows_no_link(self, tmp_path):
        log = tmp_path / "a.log"
        log.write_text("\n".join(str(n) for n in range(10_000)))
        assert processes.tail(log, 3) == "9997\n9998\n9999"
        (tmp_path / "link").symlink_to(log)
        assert processes.tail(tmp_path / "link") == ""
        assert processes.tail(tmp_path / "missing") == ""


def _hold_lock(path, ready):
    with processes.exclusive(path, timeout_s=5, what="a test"):
        ready.set()
        signal.pause()


class TestLock:
    def test_a_killed_holder_frees_it(self, tmp_path):
        context = multiprocessing.get_context("fork")
        ready = context.Event()
        holder = context.Process(target=_hold_lock, args=(tmp_path / "lock", ready))
        holder.start()
        assert ready.wait(10)
        with (
            pytest.raises(Unavailable, match=r"busy with a test for more than 0\.1 s"),
            processes.exclusive(tmp_path / "lock", timeout_s=0.1, what="a test"),
        ):
            pass
        assert processes.try_exclusive(tmp_path / "lock") is None
        holder.kill()
        holder.join()
        with processes.exclusive(tmp_path / "lock", timeout_s=5, what="a test"):
            pass

    def test_threads_of_one_process_exclude_each_other(self, tmp_path):
        inside, seen = [], []

        def work():
            with processes.exclusive(tmp_path / "lock", timeout_s=10, what="a test"):
                inside.append(1)
                seen.append(len(inside))
                inside.pop()

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == [1] * 8


class TestFolders:
    def test_a_new_one_is_private_and_an_existing_mode_stays(self, tmp_path):
        made = processes.make_private_folder(tmp_path / "new")
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
        made.chmod(0o755)
        processes.make_private_folder(made)
        assert stat.S_IMODE(made.stat().st_mode) == 0o755

    def test_a_link_or_file_in_its_place_is_refused(self, tmp_path):
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "real")
        (tmp_path / "file").write_text("")
        for name in ("link", "file"):
            with pytest.raises(InvalidInput, match="is not a folder of the user"):
                processes.make_private_folder(tmp_path / name)

    def test_a_home_is_made_with_its_parents_and_resolved(self, tmp_path):
        (tmp_path / "link").symlink_to(tmp_path)
        home = processes.make_home(tmp_path / "link" / "a" / "b")
        assert home == tmp_path / "a" / "b"
        assert stat.S_IMODE(home.stat().st_mode) == 0o700


class TestPorts:
    def test_a_free_preferred_port_is_taken_and_a_used_one_is_not(self):
        with socket.socket() as used:
            used.bind(("127.0.0.1", 0))
            used.listen()
            port = used.getsockname()[1]
            assert processes.free_port("127.0.0.1", port, timeout_s=0.1) != port
        assert processes.free_port("127.0.0.1", port) == port


class TestHolders:
    def test_it_counts_this_process_and_forgets_the_dead(self, tmp_path):
        holders = Holders(tmp_path / "holders.json")
        child = subprocess.Popen(["sleep", "600"])
        processes.write_json(
            tmp_path / "holders.json", {processes.process_identity(child.pid): 2, "1:0:x": 1, "a": "b"}
        )
        assert holders.pids() == [child.pid]
        holders.add()
        holders.add()
        assert holders.pids() == sorted([child.pid, os.getpid()])
        holders.drop()
        child.kill()
        child.wait()
        assert holders.pids() == [os.getpid()]
        holders.drop()
        holders.drop()
        assert holders.pids() == []


def test_a_process_that_ignores_the_request_is_killed():
    script = "trap '' TERM; echo set; while :; do sleep 0.05; done"
    stubborn = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE)
    stubborn.stdout.readline()
    polite = subprocess.Popen(["sleep", "600"])
    ended = processes.end_processes([psutil.Process(stubborn.pid), psutil.Process(polite.pid)], grace_s=0.3)
    assert ended == [stubborn.pid, polite.pid]
    assert stubborn.wait(5) == -signal.SIGKILL
    assert polite.wait(5) == -signal.SIGTERM
    stubborn.stdout.close()
