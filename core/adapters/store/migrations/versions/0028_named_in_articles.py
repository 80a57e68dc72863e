"""Link an article to whom it names beside whom its source tagged."""

from __future__ import annotations

from core.adapters.store.migrations import run_sql_file

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Apply this revision."""
    run_sql_file("0028_named_in_articles.sql")


def downgrade() -> None:
    """Go back to the schema before."""
    run_sql_file("0028_named_in_articles_down.sql")
