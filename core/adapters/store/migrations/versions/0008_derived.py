"""Create the tables of derived data and the views that join them."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0008_derived.sql")


def downgrade() -> None:
    """Refuse: data is never dropped by going back."""
    raise NotImplementedError("Restore a back-up instead of going back.")
