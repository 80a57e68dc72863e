"""Run checked SQL with a read-only role: short, cut and cancelled from outside, whatever the statement does."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import psycopg
import structlog
from psycopg import RawCursor
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from core.adapters.store.database import set_as_of
from core.adapters.store.migrations.readers import PRIVATE_READER, PUBLIC_READER
from core.adapters.store.session_memory import limit_memory
from core.domain.as_of import AsOf
from core.domain.facts import Cell, Label, to_cell
from core.errors import BudgetExceeded, QuantdeskError, SqlFailed, Unavailable
from core.ports.query import CheckedSql, QueryResult

ROLES: dict[Label, str] = {"public": PUBLIC_READER, "private": PRIVATE_READER}
FIRST_FETCH = 20
FETCH_BYTES = 1_000_000
SESSION_BYTES = 256 * 1024 * 1024
# Share of the time that the plan of the server's choice gets before hash joins are tried.
_FIRST_SHARE = 0.25
# What the planner before version 18 adds to the cost for each use of a kind of join that is switched off.
_SWITCHED_OFF = 1e10
NO_READER_NOTE = "The server has no login for the read-only role; the statement ran behind the guard and SET ROLE."

_log = structlog.get_logger("sql")

# Sentences by SQLSTATE: the server's own message may repeat values of rows, so it is never passed on.
_SENTENCES = {
    "22012": "division by zero",
    "22003": "a number is out of range",
    "22P02": "a value cannot be read as the type it is compared with or cast to",
    "22007": "a date or time cannot be read",
    "22008": "a date or time is out of range",
    "21000": "a subquery used as a value returned more than one row",
    "42703": "a column does not exist",
    "42P01": "a relation does not exist",
    "42501": "the read-only role may not read or call this",
    "42803": "a column must be in GROUP BY or inside an aggregate",
    "42804": "types do not match",
    "42883": "no function or operator takes these types",
    "42702": "a column name is ambiguous; give it its relation's alias",
    "42601": "syntax error",
    "42P18": "the type of a value is not clear; cast it",
    "25006": "only reading is allowed",
}
_BUDGET_STATES = {
    "57014": "took too long and was stopped",
    "57P01": "took too long and was stopped",
    "53200": "needs too much memory",
    "53400": "needs too much temporary disk space",
    "54000": "is too complex for the server",
    "54001": "is nested too deep for the server",
}


class PostgresQueryRunner:
    """Run statements that the guard accepted; one small pool for each of the two read-only roles.

    The embedded server trusts the role's name on its private socket; another server needs `reader_password` (set on
    the roles by the migration). Without a login for them the desk's own role switches with SET LOCAL ROLE.
    """

    def __init__(
        self,
        dsn: str,
        *,
        reader_password: str | None = None,
        timeout_seconds: float = 10.0,
        max_cost: float = 2e6,
        max_bytes: int = 10_000_000,
        connections_per_role: int = 3,
    ) -> None:
        self._dsn = dsn
        self._timeout = timeout_seconds
        self._max_cost = max_cost
        self._max_bytes = max_bytes
        self._connections = connections_per_role
        self._password = reader_password
        self._pools: dict[Label, ConnectionPool[psycopg.Connection[Any]]] = {}
        self._switches_role: dict[Label, bool] = {}
        self._lock = threading.Lock()

    def run(
        self,
        statement: CheckedSql,
        parameters: Mapping[str, Any] | None = None,
        *,
        as_of: AsOf,
        max_rows: int = 1000,
    ) -> QueryResult:
        """Return at most max_rows rows of the statement as of a time; parameters are in the order of $1, $2 ...

        Raises BudgetExceeded on the cap on time, cost or bytes, SqlFailed on a database error (with a fixed
        sentence, never a value of a row) and Unavailable when the server cannot be reached.
        """
        started = time.perf_counter()
        verdict, rows = "done", 0
        try:
            result = self._run(statement, list((parameters or {}).values()), as_of, max_rows)
            rows = len(result.rows)
        except QuantdeskError as error:
            verdict = error.code
            raise
        else:
            return result
        finally:
            _log.info(
                "query",
                sql_sha256=hashlib.sha256(statement.text.encode()).hexdigest(),
                role=ROLES[statement.label],
                label=statement.label,
                verdict=verdict,
                rows=rows,
                milliseconds=round((time.perf_counter() - started) * 1000, 3),
            )

    def notes(self) -> tuple[str, ...]:
        """Return what the reader of a result must know about how it was read."""
        return (NO_READER_NOTE,) if any(self._switches_role.values()) else ()

    def close(self) -> None:
        """Close the pools."""
        with self._lock:
            for pool in self._pools.values():
                pool.close()
            self._pools.clear()

    def _run(self, statement: CheckedSql, values: list[Any], as_of: AsOf, max_rows: int) -> QueryResult:
        with self._connection(statement.label) as connection, self._watched(connection) as watch:
            try:
                try:
                    return self._attempt(connection, statement, values, as_of, max_rows, watch, first=True)
                except psycopg.errors.QueryCanceled:
                    # The server expects far fewer rows of the as-of views than they have and then loops over them;
                    # hash joins are never far off.
                    connection.execute("ROLLBACK")
                    watch.check()
                    return self._attempt(connection, statement, values, as_of, max_rows, watch, first=False)
            except psycopg.Error as error:
                raise _as_desk_error(error) from None

    def _attempt(
        self,
        connection: psycopg.Connection[Any],
        statement: CheckedSql,
        values: list[Any],
        as_of: AsOf,
        max_rows: int,
        watch: _Watch,
        *,
        first: bool,
    ) -> QueryResult:
        started = time.perf_counter()
        self._begin(connection, statement.label, as_of)
        seconds = self._timeout * (_FIRST_SHARE if first else 1.0 - _FIRST_SHARE)
        connection.execute(
            f"SET LOCAL statement_timeout = {max(int(seconds * 1000), 1)}; "
            f"SET LOCAL enable_nestloop = {'on' if first else 'off'}".encode()
        )
        cursor = RawCursor(connection)
        self._check_cost(cursor, statement.text, values, first=first)
        cursor.execute(f"DECLARE question NO SCROLL CURSOR FOR {statement.text}".encode(), values)
        rows, truncated = self._fetch(cursor, max_rows, watch)
        description = cursor.description or ()
        return QueryResult(
            columns=tuple(column.name for column in description),
            types=tuple(_type_name(column.type_code) for column in description),
            rows=tuple(rows),
            truncated=truncated,
            sql=statement.text,
            milliseconds=(time.perf_counter() - started) * 1000,
        )

    def _begin(self, connection: psycopg.Connection[Any], label: Label, as_of: AsOf) -> None:
        role = f"SET LOCAL ROLE {ROLES[label]}; " if self._switches_role[label] else ""
        # Our own text only, so several statements in one message are safe here.
        connection.execute(
            f"BEGIN READ ONLY; {role}SET LOCAL lock_timeout = 500; SET LOCAL search_path = pg_catalog; "
            "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; SET LOCAL cursor_tuple_fraction = 1; "
            "SET LOCAL max_parallel_workers_per_gather = 0".encode()
        )
        set_as_of(connection, as_of)

    def _check_cost(self, cursor: RawCursor[Any], text: str, values: list[Any], *, first: bool) -> None:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {text}".encode(), values)
        row = cursor.fetchone()
        plan = row[0][0]["Plan"] if row and isinstance(row[0], list) else json.loads(row[0])[0]["Plan"] if row else {}
        cost = float(plan.get("Total Cost", 0.0))
        if not first and cursor.connection.info.server_version < 180000:
            cost %= _SWITCHED_OFF
        if cost > self._max_cost:
            raise BudgetExceeded(
                "The statement would read too much.",
                hint="Join relations by a condition, filter by symbol and session, or aggregate less.",
            )

    def _fetch(self, cursor: RawCursor[Any], max_rows: int, watch: _Watch) -> tuple[list[tuple[Cell, ...]], bool]:
        rows: list[tuple[Cell, ...]] = []
        size, batch = 0, min(FIRST_FETCH, max_rows + 1)
        while True:
            watch.check()
            cursor.execute(f"FETCH FORWARD {batch} FROM question".encode())
            found = cursor.fetchall()
            for row in found:
                cells = tuple(_cell(value) for value in row)
                size += sum(len(cell) if isinstance(cell, str) else 8 for cell in cells)
                rows.append(cells)
            if size > self._max_bytes:
                raise BudgetExceeded(
                    f"The result is larger than {self._max_bytes // 1_000_000} MB.",
                    hint="Ask for fewer or shorter columns.",
                )
            if len(rows) > max_rows:
                return rows[:max_rows], True
            if len(found) < batch:
                return rows, False
            per_row = max(1, size // max(1, len(rows)))
            batch = min(max(1, FETCH_BYTES // per_row), 5_000, max_rows + 1 - len(rows))

    @contextmanager
    def _connection(self, label: Label) -> Iterator[psycopg.Connection[Any]]:
        pool = self._pool(label)
        try:
            connection = pool.getconn()
        except (PoolTimeout, psycopg.OperationalError) as error:
            raise Unavailable(
                "The database cannot be reached.", hint="Check `quantdesk status`; start it with `quantdesk run`."
            ) from error
        try:
            yield connection
        finally:
            with suppress(psycopg.Error):
                connection.execute("ROLLBACK")
                connection.execute("DISCARD ALL")
            pool.putconn(connection)

    @contextmanager
    def _watched(self, connection: psycopg.Connection[Any]) -> Iterator[_Watch]:
        watch = _Watch(connection, self._dsn, self._timeout)
        try:
            yield watch
        finally:
            watch.stop()

    def _pool(self, label: Label) -> ConnectionPool[psycopg.Connection[Any]]:
        with self._lock:
            if label not in self._pools:
                self._switches_role[label] = not self._reader_can_log_in(label)
                self._pools[label] = ConnectionPool(
                    self._dsn if self._switches_role[label] else self._reader_dsn(label),
                    min_size=0,
                    max_size=self._connections,
                    timeout=self._timeout + 5,
                    open=True,
                    kwargs={"autocommit": True, "prepare_threshold": None},
                    check=ConnectionPool.check_connection,
                    configure=partial(limit_memory, allowance_bytes=SESSION_BYTES),
                )
            return self._pools[label]

    def _reader_dsn(self, label: Label) -> str:
        return make_conninfo(self._dsn, user=ROLES[label], password=self._password or "")

    def _reader_can_log_in(self, label: Label) -> bool:
        try:
            with psycopg.connect(self._reader_dsn(label), connect_timeout=5):
                return True
        except psycopg.OperationalError:
            pass
        try:
            with psycopg.connect(self._dsn, connect_timeout=5) as connection:
                connection.execute(f"SET LOCAL ROLE {ROLES[label]}".encode())
        except psycopg.OperationalError as error:
            raise Unavailable(
                "The database cannot be reached.", hint="Check `quantdesk status`; start it with `quantdesk run`."
            ) from error
        except psycopg.Error as error:
            raise Unavailable(
                f"The read-only role {ROLES[label]} does not exist or may not be used.",
                hint="Run `quantdesk run` once with a role that may create roles.",
            ) from error
        return False


class _Watch:
    """Cancel a query from outside when it overruns, and end its session when that does not help."""

    def __init__(self, connection: psycopg.Connection[Any], dsn: str, timeout: float) -> None:
        self._connection = connection
        self._dsn = dsn
        self._pid = connection.info.backend_pid
        self._deadline = time.monotonic() + timeout + 1
        self._timers = [threading.Timer(timeout + 1, self._cancel), threading.Timer(timeout + 3, self._terminate)]
        for timer in self._timers:
            timer.daemon = True
            timer.start()

    def check(self) -> None:
        if time.monotonic() > self._deadline:
            raise BudgetExceeded("The statement took too long and was stopped.", hint=_SHORTER)

    def stop(self) -> None:
        for timer in self._timers:
            timer.cancel()

    def _cancel(self) -> None:
        with suppress(psycopg.Error):
            self._connection.cancel_safe(timeout=2)

    def _terminate(self) -> None:
        with suppress(psycopg.Error), psycopg.connect(self._dsn, autocommit=True, connect_timeout=5) as own:
            own.execute("SELECT pg_terminate_backend(%s)", (self._pid,))


_SHORTER = "Shorten the period, name fewer symbols or aggregate in the statement."


def _as_desk_error(error: psycopg.Error) -> QuantdeskError:
    state = error.sqlstate or ""
    if state in _BUDGET_STATES:
        return BudgetExceeded(f"The statement {_BUDGET_STATES[state]}.", hint=_SHORTER)
    if state.startswith(("08", "57P")) or (not state and isinstance(error, psycopg.OperationalError)):
        return Unavailable("The connection to the database was lost.", hint="Ask again.")
    sentence = _SENTENCES.get(state, "the statement does not fit the data")
    return SqlFailed(f"The database could not run the statement: {sentence} ({state or 'no code'}).", state=state)


def _type_name(oid: int) -> str:
    info = psycopg.adapters.types.get(oid)
    if info is None:
        return "unknown"
    return f"{info.name}[]" if info.array_oid == oid and oid else info.name


def _cell(value: Any) -> Cell:
    if isinstance(value, list | dict):
        return json.dumps(value, default=str, ensure_ascii=False)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    try:
        return to_cell(value)
    except (TypeError, ValueError):
        return str(value)
