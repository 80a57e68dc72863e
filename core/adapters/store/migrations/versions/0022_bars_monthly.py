"""Show bars by month."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0022_bars_monthly.sql")


def downgrade() -> None:
    """Go back to the schema before."""
    run_sql_file("0022_bars_monthly_down.sql")
