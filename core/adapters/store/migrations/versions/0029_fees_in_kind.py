"""Book commissions that a venue keeps of what was bought, and coins as money to the eighth place."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0029_fees_in_kind.sql")


def downgrade() -> None:
    """Refuse: data is never dropped by going back."""
    raise NotImplementedError("Restore a back-up instead of going back.")
