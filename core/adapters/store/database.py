"""Connect to PostgreSQL: one pool per process, one transaction per unit of work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from core.domain.as_of import AsOf
from core.errors import Unavailable

Connection = psycopg.Connection[TupleRow]


class Database:
    """Own the connection pool of the product's own role; every repository takes one of these."""

    def __init__(self, dsn: str, *, max_connections: int = 8, timeout_seconds: float = 10.0) -> None:
        self.dsn = dsn
        self._pool = ConnectionPool(
            dsn,
            min_size=0,
            max_size=max_connections,
            timeout=timeout_seconds,
            open=False,
            kwargs={"options": "-c timezone=UTC"},
            check=ConnectionPool.check_connection,
        )

    @contextmanager
    def transaction(self, as_of: AsOf | None = None) -> Iterator[Connection]:
        """Give a connection inside one transaction that commits at the end and rolls back on an exception.

        With `as_of`, the as-of views are cut at that time. Raises Unavailable when the database cannot be reached.
        """
        try:
            self._pool.open()
            connection = self._pool.getconn()
        except (PoolTimeout, psycopg.OperationalError) as error:
            raise Unavailable(
                "The database cannot be reached.", hint="Check `quantdesk status`; start it with `quantdesk run`."
            ) from error
        try:
            with connection.transaction():
                if as_of is not None:
                    set_as_of(connection, as_of)
                yield connection
        finally:
            self._pool.putconn(connection)

    def close(self) -> None:
        """Close the pool."""
        self._pool.close()


def set_as_of(connection: psycopg.Connection[Any], as_of: AsOf) -> None:
    """Cut the as-of views of this transaction at a time."""
    _set_local(connection, "quantdesk.as_of", as_of.known)
    if as_of.recorded is not None:
        _set_local(connection, "quantdesk.recorded_before", as_of.recorded)


def _set_local(connection: psycopg.Connection[Any], name: str, moment: datetime) -> None:
    # SET takes no parameters; the text is an ISO time that we rendered ourselves.
    connection.execute(f"SET LOCAL {name} = '{moment.isoformat()}'".encode())
