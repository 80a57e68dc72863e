"""Switch accounts that hold real money to live by a person; keep standing rules that reject."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0018_accounts_and_rules.sql")


def downgrade() -> None:
    """Refuse: data is never dropped by going back."""
    raise NotImplementedError("Restore a back-up instead of going back.")
