"""Keep events until they are told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import psycopg

from core.adapters.store.database import Connection, Database
from core.errors import Unavailable
from core.execution.stores import OutboxEvent

CHANNEL = "quantdesk_outbox"


class EventRows:
    """Write desk.outbox in the writer's own transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, topic: str, subject_id: str) -> None:
        """Write an event of this transaction; it is told after the commit."""
        self._connection.execute("INSERT INTO desk.outbox (topic, subject_id) VALUES (%s, %s)", (topic, subject_id))


class Outbox:
    """Read the events that wait, oldest first, and mark those that were told."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self, limit: int = 100) -> Sequence[OutboxEvent]:
        """Return the oldest events that were not told yet."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT event_id, topic, subject_id FROM desk.outbox WHERE handled_at IS NULL"
                " ORDER BY event_id LIMIT %s",
                (limit,),
            ).fetchall()
        return [OutboxEvent(event_id=row[0], topic=row[1], subject_id=row[2]) for row in rows]

    def told(self, event_ids: Sequence[int]) -> None:
        """Mark events as told."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE desk.outbox SET handled_at = clock_timestamp()"
                " WHERE event_id = ANY (%s) AND handled_at IS NULL",
                (list(event_ids),),
            )

    def listen(self, timeout_seconds: float) -> Iterator[None]:
        """Yield whenever something may wait: at once, at every announcement and at least every `timeout_seconds`.

        Holds a connection of its own; raises Unavailable when the database cannot be reached.
        """
        try:
            with psycopg.connect(self._database.dsn, autocommit=True) as connection:
                connection.execute(f"LISTEN {CHANNEL}".encode())
                yield
                while True:
                    for _ in connection.notifies(timeout=timeout_seconds, stop_after=1):
                        pass
                    yield
        except psycopg.OperationalError as error:
            raise Unavailable("The database cannot be reached.") from error
