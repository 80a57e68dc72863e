"""Keep the cash balance of each account."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0021_cash_balances.sql")


def downgrade() -> None:
    """Refuse: data is never dropped by going back."""
    raise NotImplementedError("Restore a back-up instead of going back.")
