"""Keep the verdicts of the panel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from core.adapters.store.database import Database
from core.adapters.store.rows import columns_of, insert, read_records
from core.domain.books import PanelVerdict


class PostgresVerdicts:
    """Implement the VerdictStore on strategies.panel_verdicts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, owner: str) -> Sequence[PanelVerdict]:
        """Return the verdicts given to a person, newest first."""
        with self._database.transaction() as connection:
            return read_records(
                connection,
                PanelVerdict,
                f"SELECT {columns_of(PanelVerdict)} FROM strategies.panel_verdicts WHERE requested_by = %s"
                " ORDER BY decided_at DESC, verdict_id DESC",
                (owner,),
            )

    def owners(self) -> Sequence[str]:
        """Return the persons to whom a verdict was given that is not scored yet, in order."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT DISTINCT requested_by FROM strategies.panel_verdicts WHERE realised_return IS NULL ORDER BY 1"
            ).fetchall()
        return [row[0] for row in rows]

    def keep(self, verdicts: Sequence[PanelVerdict]) -> int:
        """Append verdicts and return how many are new; the first by an author on a session and horizon stays."""
        with self._database.transaction() as connection:
            return sum(insert(connection, part, on_conflict="ON CONFLICT DO NOTHING") for part in verdicts)

    def score(self, verdict_id: str, realised_return: float, session: date) -> None:
        """Store what came of a verdict; one that is scored already keeps its score."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE strategies.panel_verdicts SET realised_return = %s, scored_session = %s"
                " WHERE verdict_id = %s AND realised_return IS NULL",
                (realised_return, session, verdict_id),
            )
