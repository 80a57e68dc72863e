"""Book dividends, splits and transfers."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0019_corporate_actions.sql")


def downgrade() -> None:
    """Refuse: data is never dropped by going back."""
    raise NotImplementedError("Restore a back-up instead of going back.")
