"""Book cash in lieu of the fractions of shares that a split leaves."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0023_cash_in_lieu.sql")


def downgrade() -> None:
    """Refuse: data is never dropped by going back."""
    raise NotImplementedError("Restore a back-up instead of going back.")
