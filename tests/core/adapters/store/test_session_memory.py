"""The memory of one session is limited from outside: its statement fails alone, and no other process is touched."""

from __future__ import annotations

import os
import resource
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from core.adapters.store.queries import PostgresQueryRunner
from core.adapters.store.session_memory import limit_memory
from core.domain.as_of import AsOf
from core.errors import BudgetExceeded
from core.ports.query import CheckedSql

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets one process limit another")
MEGABYTE = 1024 * 1024
NOW = AsOf(known=datetime(2024, 6, 28, 21, tzinfo=UTC))


@pytest.fixture(scope="module")
def desk_dsn(postgres_dsn, template_dsn):
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute("CREATE DATABASE qd_memory TEMPLATE qd_template")
    yield make_conninfo(postgres_dsn, dbname="qd_memory")
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute("DROP DATABASE qd_memory WITH (FORCE)")


def numbers(pid, file, word):
    line = next(line for line in Path(f"/proc/{pid}/{file}").read_text().splitlines() if line.startswith(word))
    return [int(part) for part in line.split() if part.isdigit()]


def collecting(rows):
    return CheckedSql(
        text=f"SELECT length(string_agg(repeat('x', 1000), '')) FROM generate_series(1, {rows}) g",
        label="public",
        relations=(),
    )


@pytest.mark.parametrize(
    "bomb",
    [
        "SELECT length(string_agg(repeat('x', 1000), '')) FROM generate_series(1, 700000) g",
        "SELECT cardinality(array_agg(repeat('x', 1000))) FROM generate_series(1, 700000) g",
        "SELECT length(repeat('ab', 400000000))",
        "SELECT mode() WITHIN GROUP (ORDER BY repeat('x', 100000) || g) FROM generate_series(1, 20000) g",
    ],
)
def test_a_statement_that_needs_too_much_fails_alone(desk_dsn, bomb):
    runner = PostgresQueryRunner(desk_dsn, timeout_seconds=20, connections_per_role=1, max_cost=1e12)
    with runner._connection("public") as connection:
        pid = connection.info.backend_pid
    with pytest.raises(BudgetExceeded, match=r"memory|temporary disk space"):
        runner.run(CheckedSql(text=bomb, label="public", relations=()), as_of=NOW)
    [peak] = numbers(pid, "status", "VmHWM")
    assert peak < 300 * 1024
    assert runner.run(CheckedSql(text="SELECT 1", label="public", relations=()), as_of=NOW).rows == ((1,),)
    with runner._connection("public") as connection:
        assert connection.info.backend_pid == pid
    runner.close()


def test_what_fits_is_answered(desk_dsn):
    runner = PostgresQueryRunner(desk_dsn, timeout_seconds=20, max_cost=1e12)
    assert runner.run(collecting(90_000), as_of=NOW).rows == ((90_000_000,),)
    runner.close()


def test_only_the_session_itself_is_limited(desk_dsn):
    with psycopg.connect(desk_dsn) as limited, psycopg.connect(desk_dsn) as other:
        limit_memory(limited, 64 * MEGABYTE)
        [used], [soft] = (
            numbers(limited.info.backend_pid, "status", "VmData"),
            numbers(limited.info.backend_pid, "limits", "Max data size"),
        )
        assert abs(soft - used * 1024 - 64 * MEGABYTE) < 4 * MEGABYTE
        assert numbers(other.info.backend_pid, "limits", "Max data size") == []  # unlimited
        with pytest.raises(psycopg.errors.OutOfMemory):
            limited.execute("SELECT length(repeat('x', 100000000))")
        assert other.execute("SELECT length(repeat('x', 100000000))").fetchone() == (100_000_000,)


@pytest.mark.parametrize("host", ["/run/postgresql", "127.0.0.1", "db.example"])
def test_a_process_that_is_not_the_session_is_left_alone(host):
    before = resource.getrlimit(resource.RLIMIT_DATA)
    info = SimpleNamespace(host=host, backend_pid=os.getpid(), user="reader", dbname="desk")
    limit_memory(SimpleNamespace(info=info), 64 * MEGABYTE)
    limit_memory(SimpleNamespace(info=SimpleNamespace(**vars(info) | {"backend_pid": 2**22 + 1})), 64 * MEGABYTE)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
