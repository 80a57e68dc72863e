"""Create the chat part of the schema."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0004_chat.sql")


def downgrade() -> None:
    """Refuse: data is never dropped by going back."""
    raise NotImplementedError("Restore a back-up instead of going back.")
