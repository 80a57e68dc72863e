"""Store persons, sessions, API keys and the desk's own secrets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from core.adapters.store.database import Database
from core.domain.principal import PrincipalKind
from core.ports.users import ApiKey, Session, User

_USER = "user_id, name, password_hash, scopes, created_at, disabled_at"
_KEY = "key_id, name, owner, owner_kind, scopes, created_at, expires_at, revoked_at"


class StoredUsers:
    """Keep persons in desk.users."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, user_id: str, name: str, password_hash: str, scopes: Collection[str]) -> bool:
        """Add a person; return False, and change nothing, when the name is taken."""
        with self._database.transaction() as connection:
            done = connection.execute(
                "INSERT INTO desk.users (user_id, name, password_hash, scopes) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (name) DO NOTHING",
                (user_id, name, password_hash, sorted(scopes)),
            )
            return done.rowcount == 1

    def by_name(self, name: str) -> User | None:
        """Return a person by login name."""
        return self._one("name", name)

    def by_id(self, user_id: str) -> User | None:
        """Return a person by id."""
        return self._one("user_id", user_id)

    def list(self) -> Sequence[User]:
        """Return all persons by name."""
        with self._database.transaction() as connection:
            rows = connection.execute(f"SELECT {_USER} FROM desk.users ORDER BY name".encode()).fetchall()
        return [_user(row) for row in rows]

    def set_password(self, user_id: str, password_hash: str) -> None:
        """Replace the password and end every session of the person."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE desk.users SET password_hash = %s WHERE user_id = %s", (password_hash, user_id))
            connection.execute("DELETE FROM desk.sessions WHERE user_id = %s", (user_id,))

    def _one(self, column: str, value: str) -> User | None:
        with self._database.transaction() as connection:
            row = connection.execute(
                f"SELECT {_USER} FROM desk.users WHERE {column} = %s".encode(), (value,)
            ).fetchone()
        return None if row is None else _user(row)


class StoredSessions:
    """Keep open sessions in desk.sessions and failed logins in desk.login_failures."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, token_hash: str, user_id: str, csrf_token: str, lifetime: timedelta) -> datetime:
        """Store a session and return when it ends; sessions that have ended are dropped."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM desk.sessions WHERE expires_at <= clock_timestamp()")
            row = connection.execute(
                "INSERT INTO desk.sessions (token_hash, user_id, csrf_token, expires_at)"
                " VALUES (%s, %s, %s, clock_timestamp() + %s) RETURNING expires_at",
                (token_hash, user_id, csrf_token, lifetime),
            ).fetchone()
        assert row is not None, "an insert that did not fail returns its row"
        ends: datetime = row[0]
        return ends

    def find(self, token_hash: str) -> Session | None:
        """Return a session that has not ended and whose person is not disabled."""
        columns = ", ".join(f"u.{name}" for name in _USER.split(", "))
        with self._database.transaction() as connection:
            row = connection.execute(
                f"SELECT {columns}, s.csrf_token, s.expires_at FROM desk.sessions s JOIN desk.users u USING (user_id)"
                " WHERE s.token_hash = %s AND s.expires_at > clock_timestamp() AND u.disabled_at IS NULL".encode(),
                (token_hash,),
            ).fetchone()
        return None if row is None else Session(user=_user(row[:6]), csrf_token=row[6], expires_at=row[7])

    def close(self, token_hash: str) -> None:
        """End a session; nothing happens when there is none."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM desk.sessions WHERE token_hash = %s", (token_hash,))

    def failures(self, name: str, window: timedelta) -> int:
        """Count the failed logins of a name within the last `window`."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT count(*) FROM desk.login_failures WHERE name = %s AND failed_at > clock_timestamp() - %s",
                (name, window),
            ).fetchone()
        return 0 if row is None else int(row[0])

    def note_failure(self, name: str) -> None:
        """Remember a failed login."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM desk.login_failures WHERE failed_at < clock_timestamp() - interval '1 day'")
            connection.execute("INSERT INTO desk.login_failures (name) VALUES (%s)", (name,))


class StoredKeys:
    """Keep API keys in desk.keys and the desk's own secrets in desk.secrets."""

    def __init__(self, database: Database) -> None:
        self._database = database

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
        """Store a key by its hash and return it; the times are the database's."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "INSERT INTO desk.keys (key_id, name, owner, owner_kind, scopes, key_hash, expires_at)"
                f" VALUES (%s, %s, %s, %s, %s, %s, clock_timestamp() + %s) RETURNING {_KEY}".encode(),
                (key_id, name, owner, owner_kind, sorted(scopes), key_hash, lifetime),
            ).fetchone()
        assert row is not None, "an insert that did not fail returns its row"
        return _key(row)

    def find(self, key_hash: str) -> ApiKey | None:
        """Return a key that is neither revoked nor expired."""
        with self._database.transaction() as connection:
            row = connection.execute(
                f"SELECT {_KEY} FROM desk.keys WHERE key_hash = %s AND revoked_at IS NULL"
                " AND (expires_at IS NULL OR expires_at > clock_timestamp())".encode(),
                (key_hash,),
            ).fetchone()
        return None if row is None else _key(row)

    def list(self) -> Sequence[ApiKey]:
        """Return all keys, the newest first."""
        with self._database.transaction() as connection:
            rows = connection.execute(f"SELECT {_KEY} FROM desk.keys ORDER BY created_at DESC".encode()).fetchall()
        return [_key(row) for row in rows]

    def revoke(self, key_id: str) -> bool:
        """Revoke a key; return False when there is no such key."""
        with self._database.transaction() as connection:
            done = connection.execute(
                "UPDATE desk.keys SET revoked_at = coalesce(revoked_at, clock_timestamp()) WHERE key_id = %s", (key_id,)
            )
            return done.rowcount == 1

    def secret(self, name: str, candidate: str) -> str:
        """Return the desk's secret of this name; the first caller's candidate becomes it."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO desk.secrets (name, value) VALUES (%s, %s) ON CONFLICT (name) DO NOTHING",
                (name, candidate),
            )
            row = connection.execute("SELECT value FROM desk.secrets WHERE name = %s", (name,)).fetchone()
        assert row is not None, "the row was there or was just written"
        return str(row[0])


def _user(row: tuple[Any, ...]) -> User:
    return User(
        user_id=row[0],
        name=row[1],
        password_hash=row[2],
        scopes=frozenset(row[3]),
        created_at=row[4],
        disabled_at=row[5],
    )


def _key(row: tuple[Any, ...]) -> ApiKey:
    return ApiKey(
        key_id=row[0],
        name=row[1],
        owner=row[2],
        owner_kind=row[3],
        scopes=frozenset(row[4]),
        created_at=row[5],
        expires_at=row[6],
        revoked_at=row[7],
    )
