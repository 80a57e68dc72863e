"""Persons, sessions, keys and secrets in a real database; its clock decides what has ended."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from core.adapters.store.database import Database
from core.adapters.store.users import StoredKeys, StoredSessions, StoredUsers

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def dsn(postgres_dsn: str, template_dsn: str) -> Iterator[str]:
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute('CREATE DATABASE "qd_users" TEMPLATE "qd_template"')
    yield urlunsplit(urlsplit(postgres_dsn)._replace(path="/qd_users"))
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute('DROP DATABASE "qd_users" WITH (FORCE)')


@pytest.fixture
def database(dsn: str) -> Iterator[Database]:
    database = Database(dsn)
    with database.transaction() as connection:
        connection.execute("TRUNCATE desk.users, desk.sessions, desk.keys, desk.login_failures, desk.secrets CASCADE")
    yield database
    database.close()


@pytest.fixture
def users(database: Database) -> StoredUsers:
    users = StoredUsers(database)
    assert users.add("usr_1", "owner", "hash", ["trade", "read"])
    return users


def later(database: Database, statement: str) -> None:
    with database.transaction() as connection:
        connection.execute(statement.encode())


def test_a_person_is_kept_as_given(users):
    found = users.by_name("owner")
    assert found == users.by_id("usr_1")
    assert (found.user_id, found.name, found.password_hash) == ("usr_1", "owner", "hash")
    assert found.scopes == frozenset({"read", "trade"})
    assert found.created_at.tzinfo is not None
    assert found.disabled_at is None
    assert users.by_name("Owner") is None
    assert users.by_id("usr_2") is None


def test_a_taken_name_changes_nothing(users):
    assert users.add("usr_2", "owner", "other", ["read"]) is False
    assert [user.user_id for user in users.list()] == ["usr_1"]
    assert users.by_name("owner").password_hash == "hash"


def test_of_many_first_owners_one_is_made(database):
    stored = StoredUsers(database)
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda number: stored.add(f"usr_{number}", "owner", "hash", ["read"]), range(6)))
    assert sorted(made) == [False] * 5 + [True]
    assert len(stored.list()) == 1


def test_persons_are_listed_by_name(users):
    for number, name in enumerate(("zoe", "ann", "bob"), 2):
        users.add(f"usr_{number}", name, "hash", ["read"])
    assert [user.name for user in users.list()] == ["ann", "bob", "owner", "zoe"]


def test_names_are_values_and_never_sql(users):
    name = "x'); DROP TABLE desk.users; --"
    assert users.by_name(name) is None
    assert users.add("usr_2", name, "hash", ["read"])
    assert users.by_name(name).user_id == "usr_2"
    assert len(users.list()) == 2


def test_a_session_lasts_its_time_by_the_database_s_clock(users, database):
    sessions = StoredSessions(database)
    before = datetime.now(UTC)
    ends = sessions.open("t1", "usr_1", "csrf", HOUR)
    assert timedelta(minutes=59) < ends - before < timedelta(minutes=61)
    found = sessions.find("t1")
    assert (found.user.name, found.csrf_token, found.expires_at) == ("owner", "csrf", ends)
    assert sessions.find("t2") is None
    later(database, "UPDATE desk.sessions SET expires_at = clock_timestamp()")
    assert sessions.find("t1") is None


def test_opening_a_session_sweeps_out_what_has_ended(users, database):
    sessions = StoredSessions(database)
    sessions.open("old", "usr_1", "csrf", HOUR)
    later(database, "UPDATE desk.sessions SET expires_at = clock_timestamp() - interval '1 second'")
    sessions.open("new", "usr_1", "csrf", HOUR)
    with database.transaction() as connection:
        assert connection.execute("SELECT token_hash FROM desk.sessions").fetchall() == [("new",)]


def test_a_new_password_ends_the_sessions_of_this_person_only(users, database):
    users.add("usr_2", "ann", "hash", ["read"])
    sessions = StoredSessions(database)
    sessions.open("t1", "usr_1", "csrf", HOUR)
    sessions.open("t2", "usr_2", "csrf", HOUR)
    users.set_password("usr_1", "new hash")
    assert users.by_name("owner").password_hash == "new hash"
    assert sessions.find("t1") is None
    assert sessions.find("t2") is not None


def test_closing_a_session_twice_is_harmless(users, database):
    sessions = StoredSessions(database)
    sessions.open("t1", "usr_1", "csrf", HOUR)
    sessions.close("t1")
    sessions.close("t1")
    assert sessions.find("t1") is None


def test_a_disabled_person_has_no_session(users, database):
    sessions = StoredSessions(database)
    sessions.open("t1", "usr_1", "csrf", HOUR)
    later(database, "UPDATE desk.users SET disabled_at = clock_timestamp()")
    assert sessions.find("t1") is None
    assert users.by_name("owner").disabled_at is not None


def test_failed_logins_are_counted_by_name_within_the_window(database):
    sessions = StoredSessions(database)
    for name in ("owner", "owner", "ann"):
        sessions.note_failure(name)
    assert [sessions.failures(name, HOUR) for name in ("owner", "ann", "bob")] == [2, 1, 0]
    later(database, "UPDATE desk.login_failures SET failed_at = failed_at - interval '2 hours'")
    assert sessions.failures("owner", HOUR) == 0
    later(database, "UPDATE desk.login_failures SET failed_at = failed_at - interval '2 days'")
    sessions.note_failure("owner")
    with database.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM desk.login_failures").fetchone() == (1,), "old ones are dropped"


def test_a_key_is_found_by_its_hash_until_it_ends(users, database):
    keys = StoredKeys(database)

    def add(number: int, lifetime: timedelta | None) -> None:
        made = keys.add(key_id=f"key_{number}", name="k", owner="usr_1", owner_kind="agent", scopes=["trade", "read"],
                        key_hash=f"h{number}", lifetime=lifetime)  # fmt: skip
        assert made.scopes == frozenset({"read", "trade"})

    add(1, None)
    add(2, HOUR)
    add(3, -HOUR)
    assert keys.find("h1").expires_at is None
    assert keys.find("h2").expires_at - keys.find("h2").created_at == pytest.approx(HOUR, abs=timedelta(seconds=5))
    assert keys.find("h3") is None
    assert keys.find("h4") is None
    assert {key.key_id for key in keys.list()} == {"key_1", "key_2", "key_3"}
    assert keys.revoke("key_1") is True
    first = next(key.revoked_at for key in keys.list() if key.key_id == "key_1")
    assert keys.revoke("key_1") is True
    assert next(key.revoked_at for key in keys.list() if key.key_id == "key_1") == first
    assert keys.find("h1") is None
    assert keys.revoke("key_9") is False


@pytest.mark.parametrize("kind", ["agent", "service"])
def test_the_table_itself_refuses_a_machine_that_approves(users, database, kind):
    with pytest.raises(psycopg.errors.CheckViolation):
        StoredKeys(database).add(key_id="key_1", name="k", owner="usr_1", owner_kind=kind, scopes=["approve"],
                                 key_hash="h", lifetime=None)  # fmt: skip
    assert StoredKeys(database).list() == []


def test_the_first_candidate_stays_the_secret_for_all(database):
    keys = StoredKeys(database)
    with ThreadPoolExecutor(6) as pool:
        told = set(pool.map(lambda number: keys.secret("pepper", f"candidate {number}"), range(6)))
    assert len(told) == 1
    assert keys.secret("pepper", "later") in told
    assert keys.secret("other", "its own") == "its own"
