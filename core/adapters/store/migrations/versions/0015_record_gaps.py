"""Keep what of macro, news and events is missing."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0015_record_gaps.sql")


def downgrade() -> None:
    """Go back to the schema before; the ledger of macro, news and events is dropped."""
    run_sql_file("0015_record_gaps_down.sql")
