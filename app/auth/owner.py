"""Create the first user and keep its first password where only the owner of the desk's folder can read it."""

from __future__ import annotations

from pathlib import Path

from app.auth.accounts import OWNER, Accounts
from app.runtime.processes import make_home, write_whole


def password_file(home: Path) -> Path:
    """Return the file that holds the generated password, until a new one is set."""
    return home / "owner-password"


def ensure_owner(accounts: Accounts, home: Path) -> str | None:
    """Create the user `owner` when there is no user yet; return the generated password, else None."""
    password = accounts.ensure_owner()
    if password is not None:
        write_whole(password_file(make_home(home)), password + "\n", mode=0o600)
    return password


def forget_password(home: Path, name: str) -> None:
    """Remove the file when its password no longer holds."""
    if name == OWNER:
        password_file(home).unlink(missing_ok=True)
