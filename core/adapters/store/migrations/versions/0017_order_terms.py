"""Take orders that end at once, linked pairs and fills in parts; name the desk."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0017_order_terms.sql")


def downgrade() -> None:
    """Refuse: data is never dropped by going back."""
    raise NotImplementedError("Restore a back-up instead of going back.")
