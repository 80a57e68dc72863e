"""Keep what the panel of analysts said and what came of it."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0026_panel_verdicts.sql")


def downgrade() -> None:
    """Refuse: data is never dropped by going back."""
    raise NotImplementedError("Restore a back-up instead of going back.")
