"""Book commissions kept of what was bought, what an account held at its opening, and coins as money."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0029_what_was_held_and_kept.sql")


def downgrade() -> None:
    """Refuse: data is never dropped by going back."""
    raise NotImplementedError("Restore a back-up instead of going back.")
