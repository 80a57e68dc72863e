"""Create the records of the risk gate and the reduce-only halt."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0007_gate.sql")


def downgrade() -> None:
    """Refuse: data is never dropped by going back."""
    raise NotImplementedError("Restore a back-up instead of going back.")
