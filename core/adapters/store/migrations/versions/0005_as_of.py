"""Keep versions of every market fact and choose series as they were known."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0005_as_of.sql")


def downgrade() -> None:
    """Go back to the schema before; superseded versions of records other than bars are dropped."""
    run_sql_file("0005_as_of_down.sql")
