"""Write a whole database to a file and back with PostgreSQL's own tools, and prove that what came back is the same."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from hashlib import file_digest
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from core.adapters.store.migrations import migrate
from core.adapters.store.migrations.readers import DESK_SCHEMAS, ensure_readers
from core.errors import InvalidInput, Refused, ServiceError
from core.ports.backup import Manifest, TableContent

# What a newer pg_restore writes at the head of its script and an older server does not know.
_UNKNOWN_SETTING = b"SET transaction_timeout"
_HEAD_LINES = 100
_UTC = "-c timezone=UTC"
_OWN_FILE = 0o600
_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1, 2
"""
# The order of rows does not matter, their text does; the sum of many 64-bit hashes needs a numeric.
_CONTENT = "SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM {} t"
_FAULTS = {
    "index that is not valid": ("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid ORDER BY 1"),
    "constraint that was not checked": "SELECT conname::text FROM pg_constraint WHERE NOT convalidated ORDER BY 1",
    "page whose checksum failed": (
        "SELECT checksum_failures || ' pages' FROM pg_stat_database"
        " WHERE datname = current_database() AND checksum_failures > 0"
    ),
    "bar outside the yearly partitions": (
        "SELECT session::text FROM market_data.bars_daily WHERE session >= '2040-01-01' ORDER BY session LIMIT 1"
    ),
    "read-only role that is missing": (
        "SELECT wanted FROM unnest(ARRAY['quantdesk_public_reader', 'quantdesk_private_reader']) wanted"
        " WHERE wanted NOT IN (SELECT rolname FROM pg_roles)"
    ),
}


class PostgresBackups:
    """Back up and restore the database at an address with the programs (pg_dump, pg_restore, psql) of a folder."""

    def __init__(self, dsn: str, programs: Path, *, reader_password: str | None = None) -> None:
        self._dsn = dsn
        self._programs = programs
        self._reader_password = reader_password

    def back_up(self, file: Path) -> Manifest:
        """Write the database to a new file (custom format) with its manifest beside it and return the manifest.

        Dump and manifest see one snapshot, so the desk may go on meanwhile. Raises Refused when the file exists,
        ServiceError when pg_dump fails; then nothing is left.
        """
        if file.exists():
            raise Refused(f"{file} exists.", rule="back-ups", hint="Name another file; a back-up is never overwritten.")
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(file.name + ".partial")
        with psycopg.connect(self._dsn, options=_UTC) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            snapshot = _value(connection, "SELECT pg_export_snapshot()")
            partial.touch(mode=_OWN_FILE)
            try:
                self._dump(partial, str(snapshot))
                manifest = Manifest(
                    revision=str(_value(connection, "SELECT version_num FROM public.alembic_version")),
                    server=connection.info.server_version // 10_000,
                    sha256=_sha256(partial),
                    tables=read_content(connection),
                )
                _manifest_file(file).write_text(json.dumps(asdict(manifest), indent=1))
                partial.rename(file)
            finally:
                partial.unlink(missing_ok=True)
        return manifest

    def restore(self, file: Path, database: str) -> Manifest:
        """Restore a back-up into a new database of the server, compare every table, and return its manifest.

        The read-only roles are made first and their grants after; the schema is then brought to this code's revision.
        Raises Refused when the database exists, ServiceError when the restore fails or any table differs; the new
        database is dropped then.
        """
        manifest = self.read_manifest(file)
        name = sql.Identifier(database)
        with psycopg.connect(self._dsn, autocommit=True) as admin:
            if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone():
                raise Refused(
                    f"The database {database} exists.", rule="back-ups", hint="Restore under another name: --into NAME."
                )
            ensure_readers(admin, password=self._reader_password)
            admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(name))
            target = make_conninfo(self._dsn, dbname=database)
            with ExitStack() as on_failure:
                on_failure.callback(admin.execute, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
                self._load(target, file)
                with psycopg.connect(target, options=_UTC) as connection:
                    differs = compare(manifest.tables, read_content(connection))
                if differs:
                    raise ServiceError(f"The restored database differs from the back-up in {', '.join(differs)}.")
                migrate(target, reader_password=self._reader_password)
                on_failure.pop_all()
        return manifest

    def put_in_place(self, restored: str, kept_as: str) -> None:
        """Give a restored database the name of the desk's, which is kept under another; both or neither is renamed.

        Raises Refused while anybody is connected to the desk's database.
        """
        name = str(conninfo_to_dict(self._dsn).get("dbname"))
        with psycopg.connect(make_conninfo(self._dsn, dbname=restored)) as admin:
            others = _value(admin, "SELECT count(*) FROM pg_stat_activity WHERE datname = %s", name)
            if others:
                raise Refused(
                    f"{others} connections use the desk's database.",
                    rule="back-ups",
                    hint=f"Stop the desk and restore again; {restored} holds what was restored.",
                )
        with psycopg.connect(make_conninfo(self._dsn, dbname="template1"), autocommit=True) as admin:
            # Names of databases change one statement at a time; the second gives the first back when it fails.
            _rename(admin, name, kept_as)
            try:
                _rename(admin, restored, name)
            except psycopg.Error:
                _rename(admin, kept_as, name)
                raise

    def find_faults(self) -> list[str]:
        """Return what is wrong with the database itself, one sentence each; empty when it is sound."""
        with psycopg.connect(self._dsn) as connection:
            return [
                f"{what}: {row[0]}"
                for what, statement in _FAULTS.items()
                for row in connection.execute(statement.encode()).fetchall()
            ]

    def read_manifest(self, file: Path) -> Manifest:
        """Return the manifest of a back-up; raise InvalidInput unless it is there and the file is what was written."""
        try:
            kept = json.loads(_manifest_file(file).read_text())
            tables = {name: TableContent(**content) for name, content in kept.pop("tables").items()}
            manifest = Manifest(**kept, tables=tables)
            found = _sha256(file)
        except FileNotFoundError as error:
            raise InvalidInput(
                f"{error.filename} is not there.",
                hint="A back-up is two files: FILE and FILE.json; keep them together.",
            ) from error
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidInput(f"{_manifest_file(file)} is no manifest of a back-up.") from error
        if found != manifest.sha256:
            raise InvalidInput(f"{file} is not what was written: its SHA-256 differs.", hint="Use another back-up.")
        return manifest

    def _dump(self, file: Path, snapshot: str) -> None:
        options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", f"--file={file}"]
        done = subprocess.run(
            [str(self._programs / "pg_dump"), *options, "--dbname", _address(self._dsn)],
            env=_environment(self._dsn),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServiceError(f"The back-up was not written: {done.stderr.strip()[-1000:]}")

    def _load(self, dsn: str, file: Path) -> None:
        """Feed the back-up to psql in one transaction, without what an older server does not know."""
        script = [str(self._programs / "pg_restore"), "--no-owner", "--no-privileges", "--file=-", str(file)]
        client = [str(self._programs / "psql"), "--no-psqlrc", "--quiet", "--single-transaction"]
        client += ["--set=ON_ERROR_STOP=1", "--dbname", _address(dsn)]
        with (
            subprocess.Popen(script, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as reading,
            subprocess.Popen(
                client, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=_environment(dsn)
            ) as writing,
        ):
            _pass_on(reading, writing)
            for process in (writing, reading):
                assert process.stderr is not None
                said = process.stderr.read().decode(errors="replace").strip()
                if process.wait():
                    raise ServiceError(f"The back-up could not be restored: {said[-1000:]}")


def _pass_on(reading: subprocess.Popen[bytes], writing: subprocess.Popen[bytes]) -> None:
    assert reading.stdout is not None and writing.stdin is not None
    try:
        for number, line in enumerate(reading.stdout):
            if number >= _HEAD_LINES or not line.startswith(_UNKNOWN_SETTING):
                writing.stdin.write(line)
        writing.stdin.close()
    except BrokenPipeError:
        # It gave up; its own words say why.
        reading.kill()


def read_content(connection: psycopg.Connection[Any]) -> dict[str, TableContent]:
    """Return what every table of the desk holds, partitions with their parent; sessions must be in UTC."""
    found = {}
    for schema, table in connection.execute(_TABLES, (list(DESK_SCHEMAS),)).fetchall():
        row = connection.execute(sql.SQL(_CONTENT).format(sql.Identifier(schema, table))).fetchone()
        assert row is not None
        found[f"{schema}.{table}"] = TableContent(rows=row[0], digest=row[1])
    return found


def compare(expected: Mapping[str, TableContent], found: Mapping[str, TableContent]) -> list[str]:
    """Return the tables that differ, in order."""
    return sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))


def _address(dsn: str) -> str:
    """Return the address without its password, which every user of the machine could read in the process list."""
    parts = {name: str(value) for name, value in conninfo_to_dict(dsn).items() if name != "password"}
    return make_conninfo(**parts)


def _environment(dsn: str) -> dict[str, str]:
    password = conninfo_to_dict(dsn).get("password")
    found = {"PATH": os.defpath, "HOME": str(Path.home()), "PGTZ": "UTC"}
    return found | ({"PGPASSWORD": str(password)} if password else {})


def _manifest_file(file: Path) -> Path:
    return file.with_name(file.name + ".json")


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return file_digest(content, "sha256").hexdigest()


def _rename(admin: psycopg.Connection[Any], name: str, other: str) -> None:
    admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(other)))


def _value(connection: psycopg.Connection[Any], statement: str, *parameters: object) -> Any:
    row = connection.execute(statement.encode(), parameters or None).fetchone()
    return row[0] if row else None
