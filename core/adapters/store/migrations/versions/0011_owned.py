"""Create the tables of what users own."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0011_owned.sql")


def downgrade() -> None:
    """Refuse: data is never dropped by going back."""
    raise NotImplementedError("Restore a back-up instead of going back.")
