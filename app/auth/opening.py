"""Open the accounts of a desk."""

from __future__ import annotations

from app.auth.accounts import Accounts
from app.bootstrap import AccountStores


def open_accounts(stores: AccountStores) -> Accounts:
    """Return the accounts kept in the stores."""
    return Accounts(users=stores.users, sessions=stores.sessions, keys=stores.keys, ids=stores.ids)
