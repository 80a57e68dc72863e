"""Define who may use the desk and how the store keeps them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from core.domain.principal import PrincipalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Name a person with a login; only the hash of the password is kept."""

    user_id: str
    name: str
    password_hash: str
    scopes: frozenset[str]
    created_at: datetime
    disabled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Hold an open session of a person; only the hash of its token is kept."""

    user: User
    csrf_token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """Name a key with what it may do; `owner` is the id of the person it belongs to or acts for."""

    key_id: str
    name: str
    owner: str
    owner_kind: PrincipalKind
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class Users(Protocol):
    """Keep persons."""

    def add(self, user_id: str, name: str, password_hash: str, scopes: Collection[str]) -> bool:
        """Add a person; return False, and change nothing, when the name is taken."""
        ...

    def by_name(self, name: str) -> User | None:
        """Return a person by login name."""
        ...

    def by_id(self, user_id: str) -> User | None:
        """Return a person by id."""
        ...

    def list(self) -> Sequence[User]:
        """Return all persons by name."""
        ...

    def set_password(self, user_id: str, password_hash: str) -> None:
        """Replace the password and end every session of the person."""
        ...


class Sessions(Protocol):
    """Keep open sessions and failed logins; the database's clock decides what has expired."""

    def open(self, token_hash: str, user_id: str, csrf_token: str, lifetime: timedelta) -> datetime:
        """Store a session and return when it ends; sessions that have ended are dropped."""
        ...

    def find(self, token_hash: str) -> Session | None:
        """Return a session that has not ended and whose person is not disabled."""
        ...

    def close(self, token_hash: str) -> None:
        """End a session; nothing happens when there is none."""
        ...

    def failures(self, name: str, window: timedelta) -> int:
        """Count the failed logins of a name within the last `window`."""
        ...

    def note_failure(self, name: str) -> None:
        """Remember a failed login."""
        ...


class Keys(Protocol):
    """Keep API keys and the desk's own secrets."""

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
        ...

    def find(self, key_hash: str) -> ApiKey | None:
        """Return a key that is neither revoked nor expired."""
        ...

    def list(self) -> Sequence[ApiKey]:
        """Return all keys, the newest first."""
        ...

    def revoke(self, key_id: str) -> bool:
        """Revoke a key; return False when there is no such key."""
        ...

    def secret(self, name: str, candidate: str) -> str:
        """Return the desk's secret of this name; the first caller's candidate becomes it."""
        ...
