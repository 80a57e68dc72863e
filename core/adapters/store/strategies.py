"""Keep saved strategies and what was recommended for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date

from core.adapters.store.database import Database
from core.adapters.store.rows import columns_of, insert, read_records
from core.domain.books import Recommendation
from core.domain.owned_records import SavedStrategy
from core.errors import InvalidInput, Unavailable


class PostgresStrategies:
    """Implement the StrategyStore on strategies.specs and strategies.recommendations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def saved(self, owner: str) -> Sequence[SavedStrategy]:
        """Return the strategies of a person by name."""
        with self._database.transaction() as connection:
            return read_records(
                connection,
                SavedStrategy,
                f"SELECT {columns_of(SavedStrategy)} FROM strategies.specs WHERE created_by = %s"
                " ORDER BY lower(name), strategy_id",
                (owner,),
            )

    def owners(self) -> Sequence[str]:
        """Return the persons who have enabled a strategy, in order."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT DISTINCT created_by FROM strategies.specs WHERE enabled ORDER BY 1"
            ).fetchall()
        return [row[0] for row in rows]

    @contextmanager
    def scanning(self, owner: str) -> Iterator[None]:
        """Keep other scans of a person away; raise Unavailable while one is under way."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", (f"scan of {owner}",)
            ).fetchone()
            if not row or not row[0]:
                raise Unavailable("A scan of your strategies is under way.", hint="Try again in a moment.")
            yield

    def save(self, strategy: SavedStrategy) -> None:
        """Store a strategy, in place of its owner's of the same id; raise InvalidInput when its name is taken."""
        changed = ", ".join(f"{name} = excluded.{name}" for name in _CHANGEABLE)
        with self._database.transaction() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"strategies of {strategy.created_by}",))
            taken = connection.execute(
                "SELECT 1 FROM strategies.specs"
                " WHERE created_by = %s AND lower(name) = lower(%s) AND strategy_id <> %s",
                (strategy.created_by, strategy.name, strategy.strategy_id),
            ).fetchone()
            if taken:
                raise InvalidInput(f"You have a strategy named {strategy.name}.", hint="Choose another name.")
            insert(
                connection,
                strategy,
                on_conflict=f"ON CONFLICT (strategy_id) DO UPDATE SET {changed}"
                " WHERE strategies.specs.created_by = excluded.created_by",
            )

    def recommendations(self, owner: str, *, strategy_id: str | None = None) -> Sequence[Recommendation]:
        """Return what was recommended to a person, newest first."""
        with self._database.transaction() as connection:
            return read_records(
                connection,
                Recommendation,
                f"SELECT {columns_of(Recommendation)} FROM strategies.recommendations WHERE requested_by = %(owner)s"
                " AND (%(strategy)s::text IS NULL OR strategy_id = %(strategy)s)"
                " ORDER BY recommended_at DESC, recommendation_id DESC",
                {"owner": owner, "strategy": strategy_id},
            )

    def recommend(self, recommendation: Recommendation) -> None:
        """Append a recommendation."""
        with self._database.transaction() as connection:
            insert(connection, recommendation)

    def score(self, recommendation_id: str, realised_return: float, session: date) -> None:
        """Store what came of a recommendation; one that is scored already keeps its score."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE strategies.recommendations SET realised_return = %s, scored_session = %s"
                " WHERE recommendation_id = %s AND realised_return IS NULL",
                (realised_return, session, recommendation_id),
            )


_CHANGEABLE = tuple(
    name for name in SavedStrategy.model_fields if name not in ("strategy_id", "created_by", "created_at")
)
