"""The record of runs, steps and rows held back; the desk clock; transactions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from core.adapters.store.clock import DeskClock, WallClock
from core.adapters.store.database import Database
from core.adapters.store.ingest_log import PostgresIngestLog
from core.domain.as_of import AsOf
from core.domain.identifiers import IdSource
from core.errors import InvalidInput, Unavailable, VendorError
from core.ports.data_store import Counts, HeldRow

AT = datetime(2024, 1, 2, 12, tzinfo=UTC)
Query = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def log(seeded: Database) -> PostgresIngestLog:
    return PostgresIngestLog(seeded)


@pytest.fixture
def query(seeded: Database) -> Query:
    def run(statement: str, *values: object) -> list[tuple[Any, ...]]:
        with seeded.transaction() as connection:
            return connection.execute(statement.encode(), values).fetchall()

    return run


def held(**changes: Any) -> HeldRow:
    values: dict[str, Any] = {
        "record_kind": "bar",
        "source": "log test",
        "symbol": "ABC",
        "about": date(2024, 1, 2),
        "verdict": "reject",
        "reason": "bad_date",
        "detail": "line 2",
        "row": {"symbol": "ABC", "close": None, "text": 'quote " and \\ and ü'},
        "origin": "file.csv",
    }
    return HeldRow(**{**values, **changes})


def test_a_run_is_recorded_from_start_to_end(log: PostgresIngestLog, query: Query, ids: IdSource) -> None:
    run = ids.new("ing")
    log.start(run, "import", {"files": ["a.csv"]}, AT)
    state = "SELECT state, arguments, finished_at, summary FROM ops.ingest_runs WHERE run_id = %s"
    assert query(state, run) == [("running", {"files": ["a.csv"]}, None, {})]
    log.finish(run, "partial", {"new": 3}, AT + timedelta(minutes=1))
    assert query(state, run) == [("partial", {"files": ["a.csv"]}, AT + timedelta(minutes=1), {"new": 3})]


def test_parts_of_a_step_are_one_row_and_one_failure_fails_it(
    log: PostgresIngestLog, query: Query, ids: IdSource
) -> None:
    run = ids.new("ing")
    log.start(run, "test", {}, AT)
    log.step(run, "bars", "x", Counts(read=5, new=3, rejected=2), seconds=1.0, error=None, at=AT)
    log.step(run, "bars", "x", Counts(), seconds=0.5, error="It broke.", at=AT)
    log.step(run, "bars", "x", Counts(read=4, same=4), seconds=0.5, error=None, at=AT)
    log.step(run, "bars", "y", Counts(read=1, changed=1), seconds=0.1, error=None, at=AT)
    log.finish(run, "partial", {}, AT)
    assert query(
        "SELECT source, state, rows_read, rows_new, rows_changed, rows_same, rows_rejected, seconds, error"
        " FROM ops.ingest_steps WHERE run_id = %s ORDER BY source",
        run,
    ) == [("x", "failed", 9, 3, 0, 4, 2, 2.0, "It broke."), ("y", "done", 1, 0, 1, 0, 0, 0.1, None)]


def test_a_row_is_held_once_however_often_it_comes(log: PostgresIngestLog, query: Query) -> None:
    assert log.hold([]) == 0
    assert log.hold([held(), held()]) == 1
    assert log.hold([held()]) == 0
    assert log.hold([held(detail="line 9", origin="again.csv")]) == 0  # the same row in another file
    assert log.hold([held(reason="nonnumeric_price"), held(symbol="ABD"), held(about=None)]) == 3
    assert log.hold([held(source="log test 2")]) == 1
    rows = query("SELECT row, detail, state FROM ops.quarantine WHERE source = 'log test 2'")
    assert rows == [({"symbol": "ABC", "close": None, "text": 'quote " and \\ and ü'}, "line 2", "held")]


def test_counts_add_up_and_show_their_first_examples() -> None:
    one, other = Counts(read=3, new=1), Counts(read=30, same=4, changed=1)
    one.hold("bad_date", "reject", 2)
    other.hold("bad_date", "reject")
    other.hold("spike_unexplained", "quarantine", 24)
    one.show([f"row {number}" for number in range(15)])
    other.show([f"other {number}" for number in range(15)])
    one.add(other)
    assert (one.read, one.stored, one.rejected, one.quarantined) == (33, 6, 3, 24)
    assert one.reasons == {"bad_date": 3, "spike_unexplained": 24}
    assert len(one.examples) == 20
    assert one.examples[14:16] == ["row 14", "other 0"]


# Transactions -----------------------------------------------------------------------------------------------------


def test_a_transaction_commits_whole_or_not_at_all(seeded: Database, query: Query) -> None:
    insert = "INSERT INTO ops.ingest_runs (run_id, mode, state, started_at) VALUES (%s, 'tx', 'done', now())"

    def fail() -> None:
        with seeded.transaction() as connection:
            connection.execute(insert, ("tx_1",))
            raise VendorError("in the middle")

    with pytest.raises(VendorError):
        fail()
    assert query("SELECT count(*) FROM ops.ingest_runs WHERE mode = 'tx'") == [(0,)]
    with seeded.transaction() as connection:
        connection.execute(insert, ("tx_2",))
    assert query("SELECT run_id FROM ops.ingest_runs WHERE mode = 'tx'") == [("tx_2",)]


def test_the_as_of_time_ends_with_its_transaction(seeded: Database) -> None:
    moment = datetime(2015, 6, 1, 12, 30, 15, 123456, tzinfo=UTC)
    recorded = datetime(2020, 1, 1, tzinfo=UTC)
    with seeded.transaction(as_of=AsOf(known=moment, recorded=recorded)) as connection:
        row = connection.execute("SELECT market_data.as_of(), market_data.recorded_before()").fetchone()
    assert row == (moment, recorded)
    with seeded.transaction() as connection:
        row = connection.execute("SELECT market_data.as_of()").fetchone()
    assert row is not None
    assert abs(row[0] - WallClock().now()) < timedelta(minutes=5)


def test_a_time_without_zone_is_no_as_of_time() -> None:
    with pytest.raises(ValueError, match="time zone"):
        AsOf(known=datetime(2015, 6, 1))  # noqa: DTZ001


def test_a_database_out_of_reach_is_unavailable() -> None:
    database = Database("postgresql://nobody@127.0.0.1:9/none", timeout_seconds=0.3)
    with pytest.raises(Unavailable, match="cannot be reached"):
        database.transaction().__enter__()
    database.close()


def test_a_connection_that_the_server_cut_is_replaced(seeded: Database) -> None:
    with seeded.transaction() as connection:
        backend = connection.info.backend_pid
    with psycopg.connect(seeded.dsn, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s)", (backend,))
    with seeded.transaction() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


# The clock --------------------------------------------------------------------------------------------------------


def test_every_process_sees_the_same_replay(database_dsn: str) -> None:
    one, other = Database(database_dsn), Database(database_dsn)
    moment = datetime(2020, 3, 16, 14, 30, tzinfo=UTC)
    assert DeskClock(other).mode == "live"
    DeskClock(one).set_replay(moment)
    assert (DeskClock(other).now(), DeskClock(other).mode) == (moment, "replay")
    with other.transaction() as connection:
        assert connection.execute("SELECT market_data.as_of()").fetchone() == (moment,)
    # In the middle of a session the next step is its close.
    assert DeskClock(other).advance(1) == datetime(2020, 3, 16, 20, tzinfo=UTC)
    assert DeskClock(one).advance(4) == datetime(2020, 3, 20, 20, tzinfo=UTC)
    with pytest.raises(InvalidInput, match="future"):
        DeskClock(one).set_replay(WallClock().now() + timedelta(days=1))
    assert DeskClock(other).now() == datetime(2020, 3, 20, 20, tzinfo=UTC)
    DeskClock(one).set_live()
    assert DeskClock(other).mode == "live"
    assert abs(DeskClock(other).now() - DeskClock(one).wall()) < timedelta(minutes=5)
    one.close()
    other.close()
