"""Make and check passwords, session tokens and API keys."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from functools import lru_cache
from typing import TYPE_CHECKING

from core.errors import InvalidInput

if TYPE_CHECKING:
    from argon2 import PasswordHasher

KEY_PREFIX = "qd_"
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1024
# Letters and digits that cannot be taken for one another.
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password; raise InvalidInput when it is too short or too long."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InvalidInput(
            f"A password needs {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; this one has {len(password)}."
        )
    return _hasher().hash(password)


def password_fits(password_hash: str, password: str) -> bool:
    """Say whether a password belongs to a hash; a damaged hash fits nothing."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return _hasher().verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


@lru_cache(maxsize=1)
def unknown_user_hash() -> str:
    """Return a hash that no password fits: a login under an unknown name takes as long as one under a known name."""
    return _hasher().hash(secrets.token_urlsafe(32))


def generate_password() -> str:
    """Return a password of 80 random bits in four groups that is easy to type."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))


def generate_token() -> str:
    """Return a token of 256 random bits."""
    return secrets.token_urlsafe(32)


def generate_key(environment: str) -> str:
    """Return an API key of 256 random bits: `qd_<environment>_...`."""
    return f"{KEY_PREFIX}{environment}_{secrets.token_urlsafe(32)}"


def keyed_hash(credential: str, pepper: str) -> str:
    """Return HMAC-SHA256 of a token or key under the desk's pepper: all that is stored of it."""
    return hmac.new(pepper.encode(), credential.encode(), hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())
