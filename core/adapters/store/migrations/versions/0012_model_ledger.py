"""Reserve what model calls may cost and keep their public replies."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0012_model_ledger.sql")


def downgrade() -> None:
    """Refuse: data is never dropped by going back."""
    raise NotImplementedError("Restore a back-up instead of going back.")
