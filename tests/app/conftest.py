"""Give the tests of the faces a database that a whole file shares, its accounts and signed-in clients."""

from __future__ import annotations

import io
import itertools
import json
import random
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from app.auth import secrets
from app.auth.accounts import Accounts
from app.auth.opening import open_accounts
from app.bootstrap import Parts, open_parts
from app.cli import main
from core.adapters.store.database import Database
from core.adapters.store.users import StoredKeys, StoredSessions, StoredUsers
from core.domain.identifiers import Uuid7Source
from core.domain.principal import SCOPES, PrincipalKind
from core.ports.users import ApiKey, Session, User
from core.settings import Settings, load_settings

PASSWORD = "correct horse battery"
_numbers = itertools.count()


class WallClock:
    """Tell a time that never changes: only ids are made from it."""

    mode = "live"

    def now(self) -> datetime:
        return self.wall()

    def wall(self) -> datetime:
        return datetime(2026, 11, 23, tzinfo=UTC)


class MovableClock:
    """Tell a time that a test sets."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)

    def pass_by(self, time: timedelta) -> None:
        self.moment += time


class MemoryUsers:
    """Keep persons as the port promises, in a dict."""

    def __init__(self, clock: MovableClock, sessions: MemorySessions) -> None:
        self.kept: dict[str, User] = {}
        self._clock, self._sessions = clock, sessions

    def add(self, user_id: str, name: str, password_hash: str, scopes: Collection[str]) -> bool:
        if any(user.name == name for user in self.kept.values()):
            return False
        self.kept[user_id] = User(
            user_id=user_id,
            name=name,
            password_hash=password_hash,
            scopes=frozenset(scopes),
            created_at=self._clock.moment,
        )
        return True

    def by_name(self, name: str) -> User | None:
        return next((user for user in self.kept.values() if user.name == name), None)

    def by_id(self, user_id: str) -> User | None:
        return self.kept.get(user_id)

    def list(self) -> Sequence[User]:
        return sorted(self.kept.values(), key=lambda user: user.name)

    def set_password(self, user_id: str, password_hash: str) -> None:
        self.kept[user_id] = replace(self.kept[user_id], password_hash=password_hash)
        self._sessions.drop(user_id)


class MemorySessions:
    """Keep sessions and failed logins; what has ended by the clock is gone."""

    def __init__(self, clock: MovableClock) -> None:
        self.kept: dict[str, tuple[str, str, datetime]] = {}
        self.failed: list[tuple[str, datetime]] = []
        self._clock = clock
        self.users: MemoryUsers | None = None

    def open(self, token_hash: str, user_id: str, csrf_token: str, lifetime: timedelta) -> datetime:
        ends = self._clock.moment + lifetime
        self.kept[token_hash] = (user_id, csrf_token, ends)
        return ends

    def find(self, token_hash: str) -> Session | None:
        found = self.kept.get(token_hash)
        if found is None or found[2] <= self._clock.moment or self.users is None:
            return None
        user = self.users.by_id(found[0])
        if user is None or user.disabled_at is not None:
            return None
        return Session(user=user, csrf_token=found[1], expires_at=found[2])

    def close(self, token_hash: str) -> None:
        self.kept.pop(token_hash, None)

    def drop(self, user_id: str) -> None:
        self.kept = {key: value for key, value in self.kept.items() if value[0] != user_id}

    def failures(self, name: str, window: timedelta) -> int:
        return sum(1 for who, when in self.failed if who == name and when > self._clock.moment - window)

    def note_failure(self, name: str) -> None:
        self.failed.append((name, self._clock.moment))


class MemoryKeys:
    """Keep API keys and secrets."""

    def __init__(self, clock: MovableClock) -> None:
        self.kept: dict[str, ApiKey] = {}
        self.secrets: dict[str, str] = {}
        self._clock = clock

    def add(
        self,
        *,
        key_id: str,
        name: str,
        owner: str,
        owner_kind: PrincipalKind,
        scopes: Collection[str],
        key_hash: str,
        lifetime: timedelta | None,
    ) -> ApiKey:
        now = self._clock.moment
        self.kept[key_hash] = ApiKey(
            key_id=key_id,
            name=name,
            owner=owner,
            owner_kind=owner_kind,
            scopes=frozenset(scopes),
            created_at=now,
            expires_at=None if lifetime is None else now + lifetime,
        )
        return self.kept[key_hash]

    def find(self, key_hash: str) -> ApiKey | None:
        key = self.kept.get(key_hash)
        if key is None or key.revoked_at is not None:
            return None
        return None if key.expires_at is not None and key.expires_at <= self._clock.moment else key

    def list(self) -> Sequence[ApiKey]:
        return list(self.kept.values())

    def revoke(self, key_id: str) -> bool:
        for key_hash, key in self.kept.items():
            if key.key_id == key_id:
                self.kept[key_hash] = replace(key, revoked_at=key.revoked_at or self._clock.moment)
                return True
        return False

    def secret(self, name: str, candidate: str) -> str:
        return self.secrets.setdefault(name, candidate)


@pytest.fixture
def movable_clock() -> MovableClock:
    """Give the time that the accounts in memory go by."""
    return MovableClock()


@pytest.fixture
def memory_stores(movable_clock: MovableClock) -> tuple[MemoryUsers, MemorySessions, MemoryKeys]:
    """Give stores of accounts that live in memory."""
    sessions = MemorySessions(movable_clock)
    users = MemoryUsers(movable_clock, sessions)
    sessions.users = users
    return users, sessions, MemoryKeys(movable_clock)


@pytest.fixture
def memory_accounts(
    memory_stores: tuple[MemoryUsers, MemorySessions, MemoryKeys], monkeypatch: pytest.MonkeyPatch
) -> Accounts:
    """Give accounts in memory with `owner` and `ann`; the hashing of passwords is cheap here."""
    from argon2 import PasswordHasher

    secrets.unknown_user_hash.cache_clear()
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(secrets, "_hasher", lambda: cheap)
    users, sessions, keys = memory_stores
    made = Accounts(users=users, sessions=sessions, keys=keys, ids=Uuid7Source(WallClock(), random.Random(11)))
    made.add_user("owner", PASSWORD, SCOPES)
    made.add_user("ann", PASSWORD, ["read", "trade"])
    return made


@contextmanager
def clone(postgres_dsn: str, template: str) -> Iterator[str]:
    name = f"qd_faces_{next(_numbers)}"
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
    yield urlunsplit(urlsplit(postgres_dsn)._replace(path=f"/{name}"))
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture(scope="module")
def shared_dsn(postgres_dsn: str, template_dsn: str) -> Iterator[str]:
    """Give a migrated database that the tests of one file share."""
    with clone(postgres_dsn, "qd_template") as dsn:
        yield dsn


@pytest.fixture(scope="module")
def desk_dsn(postgres_dsn: str, sample_template: str) -> Iterator[str]:
    """Give a database with samples and demo book that the tests of one file share and may write to."""
    with clone(postgres_dsn, sample_template) as dsn:
        yield dsn


@pytest.fixture(scope="module")
def parts(desk_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """Give the parts of a desk with samples and demo book."""
    parts = open_parts(Settings(home=tmp_path_factory.mktemp("home")), desk_dsn)
    yield parts
    parts.database.close()


@pytest.fixture(scope="module")
def people(parts: Parts) -> Accounts:
    """Give accounts with three persons: `owner` may everything, `ann` reads and trades, `bob` approves."""
    accounts = open_accounts(parts.account_stores)
    accounts.add_user("owner", PASSWORD, SCOPES)
    accounts.add_user("ann", PASSWORD, ["read", "trade"])
    accounts.add_user("bob", PASSWORD, ["read", "approve"])
    return accounts


@pytest.fixture
def accounts(shared_dsn: str) -> Iterator[Accounts]:
    """Give accounts without any person or key."""
    database = Database(shared_dsn)
    with database.transaction() as connection:
        connection.execute("TRUNCATE desk.users, desk.sessions, desk.keys, desk.login_failures CASCADE")
    yield Accounts(
        users=StoredUsers(database),
        sessions=StoredSessions(database),
        keys=StoredKeys(database),
        ids=Uuid7Source(WallClock(), random.Random(7)),
    )
    database.close()


@pytest.fixture
def owner(accounts: Accounts) -> str:
    """Create the first user and give its password."""
    password = accounts.ensure_owner()
    assert password is not None
    return password


@pytest.fixture(scope="session")
def command_line() -> Callable[[str, Path], Callable[..., Any]]:
    """Give a function that gives, for a database and a home, one that runs a command and returns its JSON."""

    def on_desk(dsn: str, home: Path) -> Callable[..., Any]:
        def call(*words: str, code: int = 0) -> Any:
            said, remarks = io.StringIO(), io.StringIO()
            with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(remarks):
                patch.setenv("DATABASE_URL", dsn)
                patch.setenv("QUANTDESK_HOME", str(home))
                patch.setattr("sys.stdin", io.StringIO())
                load_settings.cache_clear()
                returned = main([*words, "--json"])
            load_settings.cache_clear()
            assert returned == code, f"{words}: {returned}\n{said.getvalue()}\n{remarks.getvalue()}"
            return json.loads(said.getvalue())

        return call

    return on_desk
