"""The password of the read-only roles: from the setting to the roles and to the connections that use them."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

from app.bootstrap import open_parts, prepare_database
from core.adapters.store.migrations.readers import PRIVATE_READER, PUBLIC_READER
from core.adapters.store.queries import PostgresQueryRunner
from core.settings import Settings

PASSWORD = "it's a \\ secret"


@pytest.fixture
def stored_passwords(postgres_dsn):
    """Read the stored passwords and take them away afterwards: roles belong to the server, not to one test."""

    def read():
        with psycopg.connect(postgres_dsn) as admin:
            found = admin.execute(
                "SELECT rolname, rolpassword FROM pg_authid WHERE rolname = ANY (%s)",
                ([PUBLIC_READER, PRIVATE_READER],),
            )
            return dict(found.fetchall())

    yield read
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        for role in (PUBLIC_READER, PRIVATE_READER):
            admin.execute(f"ALTER ROLE {role} PASSWORD NULL".encode())


def test_the_setting_is_read_from_the_environment_and_never_shown(monkeypatch):
    assert Settings().database_reader_password is None
    monkeypatch.setenv("DATABASE_READER_PASSWORD", PASSWORD)
    settings = Settings()
    assert settings.database_reader_password.get_secret_value() == PASSWORD
    assert PASSWORD not in repr(settings) + str(settings.model_dump())


def test_migrating_sets_it_on_both_roles_and_only_when_given(database_dsn, stored_passwords, tmp_path):
    prepare_database(Settings(home=tmp_path), database_dsn)
    assert set(stored_passwords().values()) == {None}
    prepare_database(Settings(home=tmp_path, database_reader_password=SecretStr(PASSWORD)), database_dsn)
    kept = stored_passwords()
    assert all(value.startswith("SCRAM-SHA-256$") for value in kept.values()) and len(kept) == 2
    prepare_database(Settings(home=tmp_path), database_dsn)
    assert stored_passwords() == kept


def test_the_runner_signs_in_with_it(tmp_path):
    dsn = "postgresql://desk:own@127.0.0.1:9/books?connect_timeout=1"
    parts = open_parts(Settings(home=tmp_path, database_reader_password=SecretStr(PASSWORD)), dsn)
    found = conninfo_to_dict(parts.desk.query._reader_dsn("public"))
    assert (found["user"], found["password"], found["dbname"]) == (PUBLIC_READER, PASSWORD, "books")
    found = conninfo_to_dict(PostgresQueryRunner(dsn)._reader_dsn("private"))
    assert found["user"] == PRIVATE_READER and not found.get("password"), "the desk's own password must not be tried"
    assert make_conninfo(dsn, user=PUBLIC_READER) != dsn
