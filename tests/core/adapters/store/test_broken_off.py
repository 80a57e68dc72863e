"""Imports that die in the middle, and imports that run at once, in processes of their own."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.adapters.store.clock import WallClock
from core.adapters.store.database import Database
from core.adapters.store.ingest import import_files, open_pipeline
from core.data.calendar import sessions_between
from core.data.universe import universe
from core.domain.identifiers import Uuid7Source

ROOT = Path(__file__).resolve().parents[4]
SCRIPT = Path(__file__).with_name("kill_process.py")
SOURCES = ("one", "three", "two")  # the file's series are stored in this order


@pytest.fixture
def database(database_dsn: str) -> Iterator[Database]:
    made = Database(database_dsn)
    yield made
    made.close()


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    from datetime import date

    lines = ["symbol,date,open,high,low,close,volume,price_basis,source"]
    for source in SOURCES:
        for place, day in enumerate(sessions_between("XNYS", date(2023, 1, 3), date(2023, 3, 31))):
            for symbol, level in (("AAPL", 150), ("MSFT", 250)):
                close = level + place * 0.1
                lines.append(
                    f"{symbol},{day},{close},{close + 1},{close - 1},{close},{1000 + place},split_adjusted,{source}"
                )
    path = tmp_path / "prices.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def start(dsn: str, path: Path, moment: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(SCRIPT), dsn, str(path), moment]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def rows(database: Database, statement: str) -> list[tuple[object, ...]]:
    with database.transaction() as connection:
        return connection.execute(statement.encode()).fetchall()


def wait_for_the_dead(database: Database) -> None:
    """Return when the server has noticed that the processes of the running runs are gone."""
    lock = "SELECT pg_advisory_xact_lock(hashtextextended('ingest run ' || run_id, 0))"
    rows(database, f"{lock} FROM ops.ingest_runs WHERE state = 'running'")


def kill(database: Database, dsn: str, path: Path, moment: str) -> None:
    process = start(dsn, path, moment)
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    wait_for_the_dead(database)


STORED = "SELECT source, count(*), count(DISTINCT session) FROM market_data.bars_daily GROUP BY 1 ORDER BY 1"


def test_a_killed_import_leaves_whole_series_and_the_next_one_heals(
    database: Database, database_dsn: str, prices: Path
) -> None:
    kill(database, database_dsn, prices, "second series")
    # The first series is whole; of the second, whose rows were written and not committed, there is nothing.
    (first,) = rows(database, STORED)
    assert first[0] == "one"
    assert first[1] == 2 * int(str(first[2]))
    assert rows(database, "SELECT state, finished_at FROM ops.ingest_runs") == [("running", None)]
    report = import_files(database, Uuid7Source(WallClock(), random.Random(1)), "bars", [prices])
    counts = report.files[0].counts
    assert (counts.new, counts.same) == (2 * counts.read // 3, counts.read // 3)
    assert [row[0] for row in rows(database, STORED)] == list(SOURCES)
    assert len({row[1] for row in rows(database, STORED)}) == 1
    runs = rows(
        database, "SELECT state, finished_at IS NULL, summary ->> 'error' FROM ops.ingest_runs ORDER BY started_at"
    )
    assert runs == [("failed", False, "The run was broken off."), ("done", False, None)]
    # What is derived is in step with the bars, also for the series that the dead run stored.
    ledger = rows(database, "SELECT source, sum(stored) FROM ops.coverage GROUP BY 1 ORDER BY 1")
    assert [(name, int(str(count))) for name, count in ledger] == [row[:2] for row in rows(database, STORED)]
    ranked = rows(database, "SELECT count(DISTINCT source) FROM market_data.canonical_series WHERE purpose = 'price'")
    assert ranked == [(3,)]


def test_bars_that_a_dead_run_did_not_index_are_found_by_the_next_run(
    database: Database, database_dsn: str, prices: Path
) -> None:
    kill(database, database_dsn, prices, "index")
    assert rows(database, "SELECT count(*) FROM ops.coverage") == [(0,)]
    report = import_files(database, Uuid7Source(WallClock(), random.Random(1)), "bars", [prices])
    assert (report.files[0].counts.new, report.files[0].counts.changed) == (0, 0)
    assert rows(database, "SELECT count(DISTINCT (instrument_id, source)) FROM ops.coverage") == [(6,)]
    assert rows(database, "SELECT count(*) FROM market_data.canonical_series") == [(12,)]
    assert rows(database, "SELECT count(DISTINCT symbol) FROM market_data.v_prices") == [(2,)]


def test_two_imports_of_one_file_at_once_store_it_once(database: Database, database_dsn: str, prices: Path) -> None:
    both = [start(database_dsn, prices, "never") for _ in range(2)]
    said = [process.communicate(timeout=120)[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    total = len(prices.read_text().splitlines()) - 1
    new, same = (sum(int(words[place]) for words in said) for place in (0, 1))
    assert (new, same) == (total, total)
    assert rows(database, "SELECT count(*) FROM market_data.bars_daily") == [(total,)]
    assert rows(database, "SELECT count(*) FROM market_data.bars_daily_history") == [(0,)]
    assert rows(database, "SELECT DISTINCT state FROM ops.ingest_runs") == [("done",)]
    known = "SELECT count(*), count(DISTINCT instrument_id) FROM market_data.instruments"
    assert rows(database, known) == [(len(universe()), len(universe()))]


def test_a_run_at_work_is_not_taken_for_dead(database: Database) -> None:
    ids = Uuid7Source(WallClock(), random.Random(2))
    at_work = open_pipeline(database, ids, mode="first", arguments={})
    other = open_pipeline(database, ids, mode="second", arguments={})
    state = "SELECT mode, state FROM ops.ingest_runs ORDER BY mode"
    assert rows(database, state) == [("first", "running"), ("second", "running")]
    other.finish()
    assert rows(database, state) == [("first", "running"), ("second", "done")]
    # Dropped without an end, as after an error that nobody expected: the next start says so.
    del at_work
    with database.transaction() as connection:
        connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('ingest run ' || run_id, 0))"
            " FROM ops.ingest_runs WHERE mode = 'first'"
        )
    open_pipeline(database, ids, mode="third", arguments={}).finish()
    assert rows(database, state) == [("first", "failed"), ("second", "done"), ("third", "done")]
