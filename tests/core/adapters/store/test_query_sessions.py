"""Two runs on one pool: nothing of the first is left for the second, whatever the first did or how it ended."""

# ruff: noqa: E501

from __future__ import annotations

import threading
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from core.adapters.store.queries import FIRST_FETCH, ROLES, PostgresQueryRunner
from core.domain.as_of import AsOf
from core.errors import BudgetExceeded, InvalidInput
from core.ports.query import CheckedSql
from core.query.guard import SqlGuard
from core.query.relations import product_relations

NOW = AsOf(known=datetime(2024, 6, 28, 21, tzinfo=UTC))
GUARD = SqlGuard(product_relations("private"), desk_time=True)


@pytest.fixture(scope="module")
def desk_dsn(postgres_dsn, template_dsn):
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute("CREATE DATABASE qd_sessions TEMPLATE qd_template")
    yield make_conninfo(postgres_dsn, dbname="qd_sessions")
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute("DROP DATABASE qd_sessions WITH (FORCE)")


@pytest.fixture(scope="module")
def runner(desk_dsn):
    made = PostgresQueryRunner(desk_dsn, timeout_seconds=2, connections_per_role=1)
    yield made
    made.close()


def plain(sql, label="public"):
    return CheckedSql(text=sql, label=label, relations=())


def ask(runner, sql, **options):
    return runner.run(GUARD.check(sql), as_of=NOW, **options)


@pytest.mark.parametrize("label", ["public", "private"])
def test_a_statement_runs_as_the_reader_of_its_label_and_read_only(runner, label):
    with runner._connection(label) as connection:
        runner._begin(connection, label, NOW)
        found = connection.execute("SELECT current_user, session_user").fetchone()
        shown = {name: connection.execute(f"SHOW {name}".encode()).fetchone()[0]
                 for name in ("transaction_read_only", "search_path", "TimeZone", "DateStyle", "lock_timeout")}  # fmt: skip
    assert found == (ROLES[label], ROLES[label])
    assert shown == {"transaction_read_only": "on", "search_path": "pg_catalog", "TimeZone": "UTC",
                     "DateStyle": "ISO, MDY", "lock_timeout": "500ms"}  # fmt: skip


@pytest.mark.parametrize("end", ["done", "error", "budget", "cut"])
def test_the_next_run_starts_clean_however_the_one_before_ended(runner, end):
    match end:
        case "done":
            ask(runner, "SELECT 1")
        case "error":
            with pytest.raises(InvalidInput):
                runner.run(plain("SELECT 1 / 0"), as_of=NOW)
        case "budget":
            with pytest.raises(BudgetExceeded):
                runner.run(
                    plain("SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b"),
                    as_of=NOW,
                )
        case "cut":
            assert ask(runner, "SELECT g FROM generate_series(1, 100) g", max_rows=3).truncated
    with runner._connection("public") as connection:
        assert connection.info.transaction_status.name == "IDLE"
        assert connection.execute("SHOW statement_timeout").fetchone() == ("10s",)
        assert connection.execute("SHOW transaction_read_only").fetchone() == ("on",)
    assert ask(runner, "SELECT 2").rows == ((2,),)


def test_one_connection_serves_many_askers_in_turn(runner):
    found, threads = [], []
    for i in range(6):
        threads.append(threading.Thread(target=lambda i=i: found.append(ask(runner, f"SELECT {i}").rows[0][0])))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(6))


@pytest.mark.parametrize("count", [0, 1, FIRST_FETCH - 1, FIRST_FETCH, FIRST_FETCH + 1, 60])
@pytest.mark.parametrize("max_rows", [1, FIRST_FETCH - 1, FIRST_FETCH, FIRST_FETCH + 1])
def test_rows_are_cut_exactly(runner, count, max_rows):
    found = runner.run(plain(f"SELECT g FROM generate_series(1, {count}) g"), as_of=NOW, max_rows=max_rows)
    assert [row[0] for row in found.rows] == list(range(1, min(count, max_rows) + 1))
    assert found.truncated == (count > max_rows)


@pytest.mark.parametrize(
    ("sql", "cell"),
    [
        ("'a'::text", "a"), ("1::int2", 1), ("1.25::numeric", 1.25), ("'NaN'::float8", None), ("NULL::text", None),
        ("false", False), ("date '2024-02-29'", "2024-02-29"), ("time '10:30'", "10:30:00"), ("'{\"a\": [1, null]}'::jsonb", '{"a": [1, null]}'),
        ("ARRAY['é', 'b']", '["é", "b"]'), ("ARRAY[]::int[]", "[]"), ("date 'infinity'", None),
    ],
)  # fmt: skip
def test_cells_are_plain_values(runner, sql, cell):
    if sql == "date 'infinity'":
        with pytest.raises(InvalidInput):
            runner.run(plain(f"SELECT {sql} AS a"), as_of=NOW)
        return
    assert runner.run(plain(f"SELECT {sql} AS a"), as_of=NOW).rows == ((cell,),)


@pytest.mark.parametrize(
    "hostile", ["'", "\\", "$1", "%s", "'; DROP TABLE x --", "\u2028", "😀", "a\nb", '"', "%", "_"]
)
def test_a_parameter_comes_back_as_it_went(runner, hostile):
    checked = GUARD.check("SELECT $1::text AS a, $1 = $2 AS same", parameters=2)
    assert runner.run(checked, {"p1": hostile, "p2": hostile}, as_of=NOW).rows == ((hostile, True),)
