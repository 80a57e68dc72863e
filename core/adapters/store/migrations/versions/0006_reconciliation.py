"""Create what reconciliation finds and the audit log's chain."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0006_reconciliation.sql")


def downgrade() -> None:
    """Refuse: data is never dropped by going back."""
    raise NotImplementedError("Restore a back-up instead of going back.")
