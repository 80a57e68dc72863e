"""Keep what runs owe, compressed replies, gaps and reviews of held rows."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0010_ingest_ledger.sql")


def downgrade() -> None:
    """Go back to the schema before; the ledger of gaps, reviews and compressed replies are dropped."""
    run_sql_file("0010_ingest_ledger_down.sql")
