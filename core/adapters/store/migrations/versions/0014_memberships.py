"""Keep who was in a group from when to when."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0014_memberships.sql")


def downgrade() -> None:
    """Go back to the schema before; dated memberships are dropped."""
    run_sql_file("0014_memberships_down.sql")
