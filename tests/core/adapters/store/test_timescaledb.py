"""The branch for TimescaleDB: chosen where the server offers it; what plain PostgreSQL knows of it is run here."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from postgast import parse
from psycopg.rows import dict_row
from structlog.testing import capture_logs

from core.adapters.store import migrations
from core.adapters.store.clock import WallClock
from core.adapters.store.database import Database
from core.adapters.store.ingest import open_pipeline
from core.adapters.store.migrations import SQL_FOLDER, choose_layout
from core.data.samples import seed_universe
from core.domain.identifiers import Uuid7Source
from core.ports.vendor import BarColumns

TEXT = (SQL_FOLDER / "timescaledb.sql").read_text()
VIEWS = ("market_data.v_bars", "market_data.v_prices", "market_data.v_return_prices", "market_data.bars_monthly")
COLUMNS = (
    "SELECT c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a"
    " JOIN pg_class c ON c.oid = a.attrelid WHERE a.attrelid = ANY (%s::regclass[]) AND a.attnum > 0 ORDER BY 1, 2"
)
DAYS = ["2023-03-01", "2023-03-02", "2023-03-03", "2024-03-01", "2024-03-04"]


def statements() -> Iterator[tuple[str, str]]:
    """Yield kind and text of each statement, as PostgreSQL's own parser finds them."""
    content = TEXT.encode()
    for found in parse(TEXT).stmts:
        length = found.stmt_len or len(content)
        text = content[found.stmt_location : found.stmt_location + length].decode()
        yield str(found.stmt.WhichOneof("node")), text


def plain_statements() -> list[str]:
    """Return those that plain PostgreSQL knows."""
    return [text for kind, text in statements() if kind in ("do_stmt", "insert_stmt", "drop_stmt")]


@pytest.fixture
def database(database_dsn: str) -> Iterator[Database]:
    made = Database(database_dsn)
    yield made
    made.close()


@pytest.fixture
def write(database: Database, columns: Callable[..., BarColumns]) -> Callable[[list[float]], Any]:
    ids = Uuid7Source(WallClock(), random.Random(2))
    first = open_pipeline(database, ids, mode="test", arguments={})
    seed_universe(first)
    first.finish()

    def store(closes: list[float]) -> Any:
        pipeline = open_pipeline(database, ids, mode="test", arguments={})
        counts = pipeline.store_bars(columns("AAPL", np.array(DAYS, dtype="datetime64[D]"), closes))
        pipeline.finish()
        return counts

    return store


def rows(database: Database, statement: str, *values: Any) -> list[Any]:
    with database.transaction() as connection:
        return connection.execute(statement.encode(), values).fetchall()


def shown(database: Database) -> dict[str, list[Any]]:
    return {view: rows(database, f"SELECT * FROM {view} ORDER BY 1, 2, 3, 4") for view in VIEWS}


def test_the_file_parses_and_makes_a_hypertable_compression_and_a_continuous_aggregate() -> None:
    found = list(statements())
    assert [kind for kind, _ in found] == [
        "create_extension_stmt",
        "do_stmt",
        "select_stmt",
        "insert_stmt",
        "drop_stmt",
        "alter_table_stmt",
        "select_stmt",
        "create_table_as_stmt",
        "select_stmt",
    ]
    for place, word in ((2, "create_hypertable"), (5, "compress_segmentby"), (6, "add_compression_policy"),
                        (7, "timescaledb.continuous"), (8, "add_continuous_aggregate_policy")):  # fmt: skip
        assert word in found[place][1]
    assert "UNTESTED" in TEXT


def test_the_continuous_aggregate_has_the_name_and_the_columns_of_the_view(database: Database) -> None:
    aggregate = parse(next(text for kind, text in statements() if kind == "create_table_as_stmt"))
    made = aggregate.stmts[0].stmt.create_table_as_stmt
    named = made.into.rel
    targets = [target.res_target for target in made.query.select_stmt.target_list]
    names = [target.name or target.val.column_ref.fields[-1].string.sval for target in targets]
    with database.transaction() as connection:
        cursor = connection.execute(f"SELECT * FROM {named.schemaname}.{named.relname}".encode())
        assert [column.name for column in cursor.description or ()] == names


def test_this_server_offers_no_timescaledb_and_the_bars_stay_in_yearly_partitions(database: Database) -> None:
    if rows(database, "SELECT FROM pg_available_extensions WHERE name = 'timescaledb'"):
        pytest.skip("this server lists TimescaleDB")
    with psycopg.connect(database.dsn) as connection:
        assert choose_layout(connection) is False
    assert rows(database, "SELECT relkind FROM pg_class WHERE oid = 'market_data.bars_daily'::regclass") == [("p",)]
    partitions = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'market_data.bars_daily'::regclass"
    assert rows(database, partitions)[0][0] > 40


def test_where_the_extension_is_offered_and_refuses_everything_stays_as_it_was(
    database: Database, write: Callable[[list[float]], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if rows(database, "SELECT FROM pg_available_extensions WHERE name = 'timescaledb'"):
        pytest.skip("this server lists TimescaleDB")
    write([100.0, 101.0, 102.0, 103.0, 104.0])
    before = shown(database)
    monkeypatch.setattr(migrations, "_OFFERS_TIMESCALEDB", "SELECT true")
    with capture_logs() as logs, psycopg.connect(database.dsn) as connection:
        assert choose_layout(connection) is False
    assert "timescaledb" in logs[0]["reason"]
    assert [entry["log_level"] for entry in logs] == ["warning"]
    assert shown(database) == before
    assert rows(database, "SELECT relkind FROM pg_class WHERE oid = 'market_data.bars_daily'::regclass") == [("p",)]


def test_when_it_is_offered_the_file_is_run_once(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(migrations, "SQL_FOLDER", tmp_path)
    monkeypatch.setattr(
        migrations,
        "_OFFERS_TIMESCALEDB",
        "SELECT relkind = 'p' FROM pg_class WHERE oid = 'market_data.bars_daily'::regclass",
    )
    tmp_path.joinpath("timescaledb.sql").write_text(";".join(plain_statements()[:1]))
    with psycopg.connect(database.dsn) as connection:
        assert [choose_layout(connection) for _ in range(2)] == [True, False]


def test_the_views_show_the_same_and_the_writers_go_on_after_the_table_was_exchanged(
    database: Database, write: Callable[[list[float]], Any]
) -> None:
    closes = [100.0, 101.0, 102.0, 103.0, 104.0]
    write(closes)
    monthly = shown(database)["market_data.bars_monthly"]
    assert [row[3].isoformat() for row in monthly] == ["2023-03-01", "2024-03-01"]
    assert [(row[7], row[9]) for row in monthly] == [(102.0, 3), (104.0, 2)]
    names = VIEWS[:3]
    before, described = shown(database), rows(database, COLUMNS, list(names))
    version = rows(database, "SELECT ops.data_version()")
    with database.transaction() as connection:
        for statement in plain_statements():
            connection.execute(statement.encode())
        # The aggregate is TimescaleDB's own; the plain view stands for it.
        connection.execute((SQL_FOLDER / "0022_bars_monthly.sql").read_bytes())
    assert rows(database, "SELECT relkind FROM pg_class WHERE oid = 'market_data.bars_daily'::regclass") == [("r",)]
    assert shown(database) == before
    assert rows(database, COLUMNS, list(names)) == described
    assert rows(database, "SELECT count(*) FROM pg_class WHERE relname LIKE 'bars\\_daily\\_%%' AND relkind = 'p'") == [
        (0,)
    ]
    assert rows(database, "SELECT ops.data_version()") != version, "the triggers came along"
    again = write(closes)
    assert (again.new, again.changed, again.same) == (0, 0, 5)
    corrected = write([*closes[:4], 104.5])
    assert (corrected.new, corrected.changed, corrected.same) == (0, 1, 4)
    with psycopg.connect(database.dsn, row_factory=dict_row) as connection:
        stored = connection.execute("SELECT close FROM market_data.bars_daily ORDER BY session").fetchall()
        history = connection.execute("SELECT close FROM market_data.bars_daily_history").fetchall()
    assert [row["close"] for row in stored] == [*closes[:4], 104.5]
    assert [row["close"] for row in history] == [104.0]
    primary = "SELECT count(*) FROM pg_constraint WHERE conrelid = 'market_data.bars_daily'::regclass AND contype = 'p'"
    assert rows(database, primary) == [(1,)]
