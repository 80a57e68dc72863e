"""Choose the series of an instrument before its bars are read, on every version of PostgreSQL."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0027_prices_by_series.sql")


def downgrade() -> None:
    """Go back to the schema before."""
    run_sql_file("0027_prices_by_series_down.sql")
