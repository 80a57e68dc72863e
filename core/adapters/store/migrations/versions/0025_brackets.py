"""Take brackets: an entry with the stop and target that rest for it."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0025"
down_revision = "0023"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0025_brackets.sql")


def downgrade() -> None:
    """Refuse: data is never dropped by going back."""
    raise NotImplementedError("Restore a back-up instead of going back.")
