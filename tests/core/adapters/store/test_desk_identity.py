"""The database names its desk: what desks share on a server is kept apart by it."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from core.adapters.store.clock import DeskClock
from core.adapters.store.database import Database
from core.adapters.store.migrations import migrate
from core.errors import InvalidInput


def test_two_desks_have_two_names_and_each_keeps_its_own(postgres_dsn):
    names = []
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        for number in (1, 2):
            admin.execute(f"CREATE DATABASE qd_named_{number}".encode())
    try:
        for number in (1, 2):
            dsn = make_conninfo(postgres_dsn, dbname=f"qd_named_{number}")
            migrate(dsn)
            database = Database(dsn)
            names.append(DeskClock(database).desk_id())
            migrate(dsn)
            assert DeskClock(database).desk_id() == names[-1]
            database.close()
    finally:
        with psycopg.connect(postgres_dsn, autocommit=True) as admin:
            for number in (1, 2):
                admin.execute(f"DROP DATABASE qd_named_{number} WITH (FORCE)".encode())
    assert len(set(names)) == 2
    assert all(name.isalnum() and len(name) == 12 for name in names)


def test_a_lost_name_is_an_error_and_not_a_new_name(database_dsn):
    database = Database(database_dsn)
    with database.transaction() as connection:
        connection.execute("DELETE FROM desk.identity")
    with pytest.raises(InvalidInput, match="no identity"):
        DeskClock(database).desk_id()
    database.close()
