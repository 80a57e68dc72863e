"""Give the data a version that no copy of it comes to again."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0020_data_version.sql")


def downgrade() -> None:
    """Go back to the schema before."""
    run_sql_file("0020_data_version_down.sql")
