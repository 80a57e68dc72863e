"""Enable saved strategies and keep what their scans recommend."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0013_recommendations.sql")


def downgrade() -> None:
    """Refuse: data is never dropped by going back."""
    raise NotImplementedError("Restore a back-up instead of going back.")
