"""Back-ups come back whole, under any name, on any server; what is not whole is refused."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app.runtime.postgres_programs import find_programs
from core.adapters.store.backup import PostgresBackups, compare
from core.adapters.store.migrations.readers import PRIVATE_READER, PUBLIC_READER
from core.errors import InvalidInput, Refused, ServiceError
from core.ports.backup import Manifest, TableContent

_numbers = itertools.count()
# Everything about an object that a desk relies on, told by the server itself.
STRUCTURE = {
    "columns": (
        "SELECT table_schema, table_name, ordinal_position, column_name, data_type, is_nullable, column_default"
        " FROM information_schema.columns WHERE table_schema = ANY (%(desk)s) ORDER BY 1, 2, 3"
    ),
    "indexes": "SELECT schemaname, indexname, indexdef FROM pg_indexes WHERE schemaname = ANY (%(desk)s) ORDER BY 1, 2",
    "constraints": (
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace::regnamespace::text = ANY (%(desk)s) ORDER BY 1, 2"
    ),
    "triggers": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
    "views": "SELECT schemaname, viewname, viewowner FROM pg_views WHERE schemaname = ANY (%(desk)s) ORDER BY 1, 2",
    "functions": (
        "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace::regnamespace::text = ANY (%(desk)s) ORDER BY 1"
    ),
    "rights of readers": (
        "SELECT grantee, table_schema, table_name, privilege_type FROM information_schema.table_privileges"
        " WHERE grantee LIKE 'quantdesk%%' ORDER BY 1, 2, 3, 4"
    ),
    "calls of readers": (
        "SELECT p.oid::regprocedure::text FROM pg_proc p"
        " WHERE has_function_privilege('quantdesk_public_reader', p.oid, 'EXECUTE') ORDER BY 1"
    ),
    "sequences": "SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2",
}
DESK = ["market_data", "events", "news", "derived", "strategies", "execution", "ops", "desk", "chat"]


def structure(dsn: str) -> dict[str, list[tuple[object, ...]]]:
    with psycopg.connect(dsn) as connection:
        return {
            what: connection.execute(query.encode(), {"desk": DESK}).fetchall() for what, query in STRUCTURE.items()
        }


def backups_of(dsn: str) -> PostgresBackups:
    with psycopg.connect(dsn) as connection:
        return PostgresBackups(dsn, find_programs(connection.info.server_version // 10_000))


@pytest.fixture(scope="module")
def written(sample_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """Give a back-up of the samples and the demo book."""
    file = tmp_path_factory.mktemp("backups") / "desk.dump"
    return file, backups_of(sample_dsn).back_up(file)


@pytest.fixture
def name(postgres_dsn: str) -> Iterator[str]:
    chosen = f"qd_restored_{next(_numbers)}"
    yield chosen
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {chosen} WITH (FORCE)".encode())


def databases(dsn: str) -> set[str]:
    with psycopg.connect(dsn) as connection:
        return {row[0] for row in connection.execute("SELECT datname FROM pg_database").fetchall()}


def test_a_restored_database_is_the_one_that_was_backed_up(
    sample_dsn: str, written: tuple[Path, Manifest], name: str
) -> None:
    file, manifest = written
    assert backups_of(sample_dsn).restore(file, name) == manifest
    restored = make_conninfo(sample_dsn, dbname=name)
    before, after = structure(sample_dsn), structure(restored)
    for what in before:
        assert after[what] == before[what], what
    assert len(before["indexes"]) > 50 and len(before["rights of readers"]) > 20
    with psycopg.connect(sample_dsn) as one, psycopg.connect(restored) as other:
        for table in ("market_data.bars_daily", "execution.fills", "desk.audit"):
            query = f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)), count(*) FROM {table} t".encode()
            content = one.execute(query).fetchone()
            assert content == other.execute(query).fetchone()
            assert content is not None and content[1] == manifest.tables[table].rows
    assert manifest.tables["market_data.bars_daily"].rows > 10_000


def test_readers_of_a_restored_database_read_views_and_nothing_else(
    sample_dsn: str, written: tuple[Path, Manifest], name: str
) -> None:
    backups_of(sample_dsn).restore(written[0], name)
    for role, view, forbidden in (
        (PUBLIC_READER, "market_data.v_bars", "market_data.bars_daily"),
        (PUBLIC_READER, "market_data.v_instruments", "execution.v_positions"),
        (PRIVATE_READER, "execution.v_positions", "execution.fills"),
    ):
        with psycopg.connect(make_conninfo(sample_dsn, dbname=name, user=role)) as connection:
            assert connection.execute(f"SELECT count(*) FROM {view}".encode()).fetchone() is not None
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT 1 FROM {forbidden}".encode())


def test_a_backup_is_private_and_never_overwritten(sample_dsn: str, written: tuple[Path, Manifest]) -> None:
    file, manifest = written
    assert file.stat().st_mode & 0o077 == 0
    with pytest.raises(Refused, match="never overwritten"):
        backups_of(sample_dsn).back_up(file)
    assert backups_of(sample_dsn).read_manifest(file) == manifest
    assert sorted(path.name for path in file.parent.iterdir()) == ["desk.dump", "desk.dump.json"]


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("flipped byte", "SHA-256 differs"),
        ("cut short", "SHA-256 differs"),
        ("no manifest", "is not there"),
        ("no file", "is not there"),
        ("manifest of nothing", "is no manifest"),
        ("manifest cut", "is no manifest"),
    ],
)
def test_a_damaged_backup_is_refused_before_anything_is_made(
    sample_dsn: str, written: tuple[Path, Manifest], name: str, tmp_path: Path, damage: str, says: str
) -> None:
    content, kept = written[0].read_bytes(), written[0].with_name("desk.dump.json").read_text()
    file, manifest = tmp_path / "copy.dump", tmp_path / "copy.dump.json"
    file.write_bytes(content)
    manifest.write_text(kept)
    if damage == "flipped byte":
        file.write_bytes(content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])
    elif damage == "cut short":
        file.write_bytes(content[:-1])
    elif damage == "no manifest":
        manifest.unlink()
    elif damage == "no file":
        file.unlink()
    else:
        manifest.write_text("{}" if damage == "manifest of nothing" else kept[:200])
    with pytest.raises(InvalidInput, match=says):
        backups_of(sample_dsn).restore(file, name)
    assert name not in databases(sample_dsn)


def test_a_restore_that_lost_a_row_is_told_and_taken_away(
    sample_dsn: str, written: tuple[Path, Manifest], name: str, tmp_path: Path
) -> None:
    file = tmp_path / "copy.dump"
    file.write_bytes(written[0].read_bytes())
    kept = json.loads(written[0].with_name("desk.dump.json").read_text())
    kept["tables"]["execution.fills"]["rows"] += 1
    (tmp_path / "copy.dump.json").write_text(json.dumps(kept))
    with pytest.raises(ServiceError, match=r"differs from the back-up in execution\.fills\."):
        backups_of(sample_dsn).restore(file, name)
    assert name not in databases(sample_dsn)


def test_a_database_that_exists_is_never_restored_over(sample_dsn: str, written: tuple[Path, Manifest]) -> None:
    taken = str(conninfo_to_dict(sample_dsn)["dbname"])
    with pytest.raises(Refused, match=f"{taken} exists"):
        backups_of(sample_dsn).restore(written[0], taken)


def test_what_was_restored_takes_the_desks_place_and_the_old_database_is_kept(
    database_dsn: str, tmp_path: Path
) -> None:
    desk = backups_of(database_dsn)
    own = str(conninfo_to_dict(database_dsn)["dbname"])
    file = tmp_path / "desk.dump"
    desk.back_up(file)
    with psycopg.connect(database_dsn) as connection:
        connection.execute(
            "INSERT INTO ops.ingest_runs (run_id, mode, state, started_at) VALUES ('x', 'm', 'done', now())"
        )
    desk.restore(file, f"{own}_new")
    try:
        with psycopg.connect(database_dsn), pytest.raises(Refused, match="1 connections use the desk"):
            desk.put_in_place(f"{own}_new", f"{own}_old")
        desk.put_in_place(f"{own}_new", f"{own}_old")
        runs = {}
        for place in (own, f"{own}_old"):
            with psycopg.connect(make_conninfo(database_dsn, dbname=place)) as connection:
                runs[place] = connection.execute("SELECT run_id FROM ops.ingest_runs").fetchall()
        assert runs == {own: [], f"{own}_old": [("x",)]}
        assert f"{own}_new" not in databases(database_dsn)
    finally:
        with psycopg.connect(make_conninfo(database_dsn, dbname="template1"), autocommit=True) as admin:
            for left in (f"{own}_new", f"{own}_old"):
                admin.execute(f"DROP DATABASE IF EXISTS {left} WITH (FORCE)".encode())


def test_a_sound_database_has_no_faults_and_a_broken_one_names_them(database_dsn: str) -> None:
    desk = backups_of(database_dsn)
    assert desk.find_faults() == []
    with psycopg.connect(database_dsn, autocommit=True) as connection:
        connection.execute("ALTER TABLE execution.fills ADD CONSTRAINT doubted CHECK (quantity < 0) NOT VALID")
        connection.execute("CREATE TABLE ops.twice AS SELECT 1 AS x FROM generate_series(1, 2)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("CREATE UNIQUE INDEX CONCURRENTLY twice_x ON ops.twice (x)")
        connection.execute(
            "INSERT INTO market_data.bars_daily (instrument_id, source, price_basis, session, close, known_at)"
            " VALUES (1, 's', 'raw', '2041-01-02', 1, now())"
        )
    assert sorted(desk.find_faults()) == [
        "bar outside the yearly partitions: 2041-01-02",
        "constraint that was not checked: doubted",
        "index that is not valid: ops.twice_x",
    ]


def test_tables_that_came_or_went_differ() -> None:
    one, other = TableContent(rows=1, digest="5"), TableContent(rows=1, digest="6")
    assert compare({"a": one, "b": one, "c": one}, {"a": one, "b": other, "d": one}) == ["b", "c", "d"]
    assert compare({"a": one}, {"a": one}) == []
