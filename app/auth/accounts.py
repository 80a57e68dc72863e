"""Sign persons in, open and close their sessions, and tell whose credential this is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.auth import secrets
from core.domain.identifiers import IdSource
from core.domain.principal import SCOPES, Principal, PrincipalKind
from core.errors import InvalidInput, NotSignedIn, Refused, UnknownName
from core.ports.users import ApiKey, Keys, Sessions, User, Users

OWNER = "owner"
SESSION_LIFETIME = timedelta(days=7)
FAILURE_WINDOW = timedelta(minutes=5)
FAILURES_ALLOWED = 5
ENVIRONMENT = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Hold who a session belongs to; `csrf_token` must come back with every change it asks for."""

    principal: Principal
    csrf_token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """Hand out the token of a fresh session, once."""

    token: str
    session: SignedIn


class Accounts:
    """Know every person and key of the desk; the one place where a credential becomes a Principal."""

    def __init__(self, *, users: Users, sessions: Sessions, keys: Keys, ids: IdSource) -> None:
        self._users = users
        self._sessions = sessions
        self._keys = keys
        self._ids = ids
        self._known_pepper: str | None = None

    def ensure_owner(self) -> str | None:
        """Create the user `owner` with every scope when there is no user yet; return the password, else None."""
        if self._users.list():
            return None
        password = secrets.generate_password()
        added = self._users.add(self._ids.new("usr"), OWNER, secrets.hash_password(password), SCOPES)
        return password if added else None

    def sign_in(self, name: str, password: str, *, old_token: str | None = None) -> NewSession:
        """Open a fresh session for a person, and close the one the browser had before.

        Raises NotSignedIn for a wrong name or password (the sentence does not say which) and after too many failures.
        """
        user = self.check_password(name, password)
        if old_token:
            self.sign_out(old_token)
        token, csrf_token = secrets.generate_token(), secrets.generate_token()
        ends = self._sessions.open(self._hash(token), user.user_id, csrf_token, SESSION_LIFETIME)
        return NewSession(
            token=token, session=SignedIn(principal=_person(user), csrf_token=csrf_token, expires_at=ends)
        )

    def check_password(self, name: str, password: str) -> User:
        """Return the person of a name and password; raise NotSignedIn."""
        shown = name.strip()[:200].replace("\0", "")
        if self._sessions.failures(shown, FAILURE_WINDOW) >= FAILURES_ALLOWED:
            raise NotSignedIn(
                f"Too many failed logins for {shown!r}.",
                hint=f"Wait {FAILURE_WINDOW.seconds // 60} minutes and try again.",
            )
        user = None if "\0" in name else self._users.by_name(shown)
        stored = user.password_hash if user else secrets.unknown_user_hash()
        fits = secrets.password_fits(stored, password[: secrets.LONGEST_PASSWORD + 1])
        if user is None or not fits or user.disabled_at is not None:
            self._sessions.note_failure(shown)
            raise NotSignedIn("The name or the password is wrong.", hint="`quantdesk user password` sets a new one.")
        return user

    def sign_out(self, token: str) -> None:
        """End a session."""
        self._sessions.close(self._hash(token))

    def session(self, token: str | None) -> SignedIn:
        """Return who a session token belongs to; raise NotSignedIn when it has ended or never was."""
        found = self._sessions.find(self._hash(token)) if token else None
        if found is None:
            raise NotSignedIn("You are not signed in.", hint="Sign in at /login.")
        return SignedIn(principal=_person(found.user), csrf_token=found.csrf_token, expires_at=found.expires_at)

    def principal_of(self, credential: str | None) -> Principal:
        """Return who an API key or session token belongs to; raise NotSignedIn."""
        if not credential or not credential.startswith(secrets.KEY_PREFIX):
            return self.session(credential).principal
        key = self._keys.find(self._hash(credential))
        if key is None:
            raise NotSignedIn(
                "The API key is unknown, revoked or expired.", hint="`quantdesk user key create` makes one."
            )
        owner = self._users.by_id(key.owner)
        if owner is None or owner.disabled_at is not None:
            raise NotSignedIn("The person this API key belongs to is disabled.")
        return _key_principal(key, owner)

    def add_user(self, name: str, password: str, scopes: Collection[str]) -> User:
        """Add a person; raise InvalidInput when the name is taken or a scope is unknown."""
        name = name.strip()
        if not name or len(name) > 100 or not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
            raise InvalidInput("A user name has 1 to 100 letters, digits, dots, dashes and underscores.")
        checked = _checked_scopes(scopes)
        user_id = self._ids.new("usr")
        if not self._users.add(user_id, name, secrets.hash_password(password), checked):
            raise InvalidInput(f"There already is a user {name!r}.", hint="`quantdesk user list` shows all.")
        return self.user(name)

    def set_password(self, name: str, password: str) -> None:
        """Give a person a new password and end their sessions."""
        self._users.set_password(self.user(name).user_id, secrets.hash_password(password))

    def users(self) -> Sequence[User]:
        """Return every person."""
        return self._users.list()

    def user(self, name: str) -> User:
        """Return a person by name; raise UnknownName."""
        found = self._users.by_name(name)
        if found is None:
            raise UnknownName("user", name, [user.name for user in self._users.list()])
        return found

    def create_key(
        self,
        owner: str,
        name: str,
        *,
        kind: PrincipalKind = "person",
        scopes: Collection[str] = ("read",),
        lifetime: timedelta | None = None,
    ) -> tuple[ApiKey, str]:
        """Make a key for a person, or for an agent or service that acts for them; the key is returned this once.

        Raises Refused when the scopes go beyond the person's or an agent would hold `approve`.
        """
        user, wanted = self.user(owner), _checked_scopes(scopes)
        if kind != "person" and wanted & {"approve", "admin"}:
            raise Refused(
                f"A key of kind {kind} cannot hold the scope 'approve' or 'admin'.",
                rule="agent_scope",
                hint="Only a person approves.",
            )
        if wanted - user.scopes:
            raise Refused(
                f"{user.name} lacks the scope {', '.join(sorted(wanted - user.scopes))}, so the key cannot have it.",
                rule="scope",
            )
        credential = secrets.generate_key(ENVIRONMENT)
        key = self._keys.add(
            key_id=self._ids.new("key"),
            name=name,
            owner=user.user_id,
            owner_kind=kind,
            scopes=wanted,
            key_hash=self._hash(credential),
            lifetime=lifetime,
        )
        return key, credential

    def revoke_key(self, key_id: str) -> None:
        """Revoke a key; raise UnknownName."""
        if not self._keys.revoke(key_id):
            raise UnknownName(
                "API key", key_id, [key.key_id for key in self._keys.list() if key.revoked_at is None][:3]
            )

    def keys(self) -> Sequence[ApiKey]:
        """Return every key, without the keys themselves."""
        return self._keys.list()

    def secret(self, name: str) -> str:
        """Return the desk's own secret of this name, made at the first call."""
        return self._keys.secret(name, secrets.generate_token())

    def _hash(self, credential: str) -> str:
        if self._known_pepper is None:
            self._known_pepper = self.secret("key_pepper")
        return secrets.keyed_hash(credential, self._known_pepper)


def require_scope(principal: Principal, scope: str) -> Principal:
    """Return the principal when it holds the scope; raise Refused."""
    if scope not in principal.scopes:
        raise Refused(f"{principal.name} lacks the scope {scope!r}.", rule="scope")
    return principal


def _person(user: User) -> Principal:
    return Principal(id=user.user_id, name=user.name, kind="person", scopes=user.scopes)


def _key_principal(key: ApiKey, owner: User) -> Principal:
    scopes = key.scopes & owner.scopes
    if key.owner_kind == "person":
        return Principal(id=owner.user_id, name=owner.name, kind="person", scopes=scopes)
    return Principal(
        id=f"{key.owner_kind}:{key.key_id}",
        name=key.name,
        kind=key.owner_kind,
        scopes=scopes - {"approve"},
        requested_by=owner.user_id,
    )


def _checked_scopes(scopes: Collection[str]) -> frozenset[str]:
    wanted = frozenset(scopes)
    if not wanted or wanted - SCOPES:
        raise InvalidInput(
            f"The scopes {', '.join(sorted(wanted)) or '(none)'} do not fit.",
            hint=f"Choose from {', '.join(sorted(SCOPES))}.",
        )
    return wanted
