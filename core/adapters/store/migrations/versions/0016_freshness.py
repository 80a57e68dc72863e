"""Find the newest days of each source by an index."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0016_freshness.sql")


def downgrade() -> None:
    """Go back to the schema before; the indexes by source are dropped."""
    run_sql_file("0016_freshness_down.sql")
