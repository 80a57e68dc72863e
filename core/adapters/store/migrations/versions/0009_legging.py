"""Create legging and unwinding of proposals of several legs."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0009_legging.sql")


def downgrade() -> None:
    """Refuse: data is never dropped by going back."""
    raise NotImplementedError("Restore a back-up instead of going back.")
