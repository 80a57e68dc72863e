"""Keep the record of ingest runs and the rows that were held back."""

from __future__ import annotations

import hashlib
import json
import weakref
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from core.adapters.store.database import Database
from core.errors import UnknownName
from core.ports.data_store import Counts, HeldRow, PlannedStep, StepRecord

# A lock that nobody holds is a run that nobody does; of a workflow's run Temporal knows better.
_END_DEAD_RUNS = """
UPDATE ops.ingest_runs SET state = 'failed', finished_at = %s,
       summary = summary || '{"error": "The run was broken off."}'
WHERE state = 'running' AND NOT arguments ? 'workflow'
  AND pg_try_advisory_xact_lock(hashtextextended('ingest run ' || run_id, 0))
"""

# A run for some symbols heals nobody else's days, and nobody else has to make up for its own.
_UNFINISHED = """
SELECT DISTINCT s.step, s.source, s.first_day, s.last_day
FROM ops.ingest_steps s JOIN ops.ingest_runs r USING (run_id)
WHERE s.first_day IS NOT NULL AND s.state IN ('failed', 'running') AND r.state IN ('failed', 'partial')
  AND coalesce(r.arguments -> 'symbols', '[]') = '[]'
  AND NOT EXISTS (
      SELECT FROM ops.ingest_steps d JOIN ops.ingest_runs o USING (run_id)
      WHERE d.source = s.source AND d.state = 'done' AND d.started_at > s.started_at
        AND split_part(d.step, ' ', 1) = split_part(s.step, ' ', 1)
        AND d.first_day <= s.first_day AND d.last_day >= s.last_day
        AND coalesce(o.arguments -> 'symbols', '[]') = '[]')
ORDER BY 3, 4, 1, 2
"""
_DONE_BEFORE = """
WITH runs AS (
    SELECT run_id, state, started_at FROM ops.ingest_runs
    WHERE mode = %s AND arguments - 'workflow' = %s AND started_at >= %s AND state <> 'running'
)
SELECT DISTINCT s.step, s.source, s.first_day, s.last_day
FROM ops.ingest_steps s JOIN runs r USING (run_id)
WHERE s.state = 'done' AND s.first_day IS NOT NULL
  AND (r.started_at, r.run_id) > ALL (SELECT c.started_at, c.run_id FROM runs c WHERE c.state = 'done')
ORDER BY s.step, s.source, s.first_day
"""


class PostgresIngestLog:
    """Keep runs, steps and held rows in the schema ops.

    A running run holds a lock on a connection of its own; the server frees it when the process dies, so that the
    next run can tell a run that was broken off from one at work.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._alive: weakref.finalize[..., Any] | None = None

    def start(self, run_id: str, mode: str, arguments: Mapping[str, Any], at: datetime) -> int:
        """Record that a run begins and that runs which were broken off have failed; return how many those were."""
        with self._database.transaction() as connection:
            broken_off = connection.execute(_END_DEAD_RUNS, (at,)).rowcount
        alive = psycopg.connect(self._database.dsn, autocommit=True)
        self._alive = weakref.finalize(self, alive.close)
        alive.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (f"ingest run {run_id}",))
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO ops.ingest_runs (run_id, mode, arguments, state, started_at)"
                " VALUES (%s, %s, %s, 'running', %s)",
                (run_id, mode, Jsonb(dict(arguments)), at),
            )
        return broken_off

    def step(
        self, run_id: str, step: str, source: str, counts: Counts, *, seconds: float, error: str | None, at: datetime
    ) -> None:
        """Record the outcome of a step."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO ops.ingest_steps AS t (run_id, step, source, state, rows_read, rows_new, rows_changed,"
                " rows_same, rows_quarantined, rows_rejected, seconds, error, started_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
                # A step that comes in several parts is one row.
                " ON CONFLICT (run_id, step, source) DO UPDATE SET rows_read = t.rows_read + excluded.rows_read,"
                " rows_new = t.rows_new + excluded.rows_new, rows_changed = t.rows_changed + excluded.rows_changed,"
                " rows_same = t.rows_same + excluded.rows_same, seconds = t.seconds + excluded.seconds,"
                " rows_quarantined = t.rows_quarantined + excluded.rows_quarantined,"
                " rows_rejected = t.rows_rejected + excluded.rows_rejected,"
                " state = CASE WHEN 'failed' IN (t.state, excluded.state) THEN 'failed' ELSE 'done' END,"
                " error = coalesce(t.error, excluded.error)",
                (
                    run_id,
                    step,
                    source,
                    "failed" if error else "done",
                    counts.read,
                    counts.new,
                    counts.changed,
                    counts.same,
                    counts.quarantined,
                    counts.rejected,
                    seconds,
                    error,
                    at,
                ),
            )

    def plan(self, run_id: str, units: Sequence[PlannedStep], at: datetime) -> None:
        """Record what a run is going to do, so that a run that dies leaves what it owes."""
        with self._database.transaction() as connection, connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO ops.ingest_steps (run_id, step, source, state, first_day, last_day, started_at)"
                " VALUES (%s, %s, %s, 'running', %s, %s, %s) ON CONFLICT DO NOTHING",
                [(run_id, unit.step, unit.source, unit.first_day, unit.last_day, at) for unit in units],
            )

    def of_workflow(self, workflow: str) -> str | None:
        """Return the run that a workflow began, None when it has begun none."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT run_id FROM ops.ingest_runs WHERE arguments ->> 'workflow' = %s ORDER BY started_at LIMIT 1",
                (workflow,),
            ).fetchone()
        return None if row is None else str(row[0])

    def steps(self, run_id: str) -> Sequence[StepRecord]:
        """Return the steps of a run as they stand."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT step, source, first_day, last_day, state, rows_read, rows_new, rows_changed, rows_same,"
                " rows_quarantined, rows_rejected, seconds, error FROM ops.ingest_steps WHERE run_id = %s"
                " ORDER BY started_at, step, source",
                (run_id,),
            ).fetchall()
        return [
            StepRecord(
                step=row[0],
                source=row[1],
                first_day=row[2],
                last_day=row[3],
                state=row[4],
                counts=Counts(
                    read=row[5], new=row[6], changed=row[7], same=row[8], quarantined=row[9], rejected=row[10]
                ),
                seconds=row[11],
                error=row[12],
            )
            for row in rows
        ]

    def arguments(self, run_id: str) -> tuple[str, Mapping[str, Any]]:
        """Return mode and arguments of a run; raise UnknownName."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT mode, arguments FROM ops.ingest_runs WHERE run_id = %s", (run_id,)
            ).fetchone()
        if row is None:
            raise UnknownName("ingest run", run_id)
        return row[0], row[1]

    def unfinished(self) -> Sequence[PlannedStep]:
        """Return the steps of earlier runs for all symbols that failed or died and were not done since."""
        return self._steps(_UNFINISHED, ())

    def done_before(self, mode: str, arguments: Mapping[str, Any], since: datetime) -> Sequence[PlannedStep]:
        """Return the steps done since a time by runs of the same arguments, later than the last complete one."""
        return self._steps(_DONE_BEFORE, (mode, Jsonb(dict(arguments)), since))

    def _steps(self, statement: str, parameters: tuple[Any, ...]) -> list[PlannedStep]:
        with self._database.transaction() as connection:
            rows = connection.execute(statement.encode(), parameters).fetchall()
        return [PlannedStep(step=row[0], source=row[1], first_day=row[2], last_day=row[3]) for row in rows]

    def finish(self, run_id: str, state: str, summary: Mapping[str, Any], at: datetime) -> None:
        """Record the end of a run: done, partial or failed."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE ops.ingest_runs SET state = %s, summary = %s, finished_at = %s WHERE run_id = %s",
                (state, Jsonb(dict(summary)), at, run_id),
            )
        if self._alive is not None:
            self._alive()

    def hold(self, rows: Sequence[HeldRow]) -> int:
        """Keep rows that were not stored; a row already held is kept once. Returns how many are new."""
        if not rows:
            return 0
        columns = "record_kind, source, symbol, about, verdict, reason, detail, row, row_digest, origin"
        with self._database.transaction() as connection:
            connection.execute("CREATE TEMP TABLE held (LIKE ops.quarantine) ON COMMIT DROP")
            connection.execute(
                "ALTER TABLE held ALTER quarantine_id DROP NOT NULL, ALTER recorded_at DROP NOT NULL,"
                " ALTER state DROP NOT NULL"
            )
            with connection.cursor().copy(f"COPY held ({columns}) FROM STDIN".encode()) as copy:
                for row in rows:
                    text = json.dumps(dict(row.row), sort_keys=True, default=str)
                    digest = hashlib.sha256(f"{row.reason}|{row.symbol}|{row.about}|{text}".encode()).hexdigest()
                    copy.write_row(
                        (
                            row.record_kind,
                            row.source,
                            row.symbol,
                            row.about,
                            row.verdict,
                            row.reason,
                            row.detail,
                            text,
                            digest,
                            row.origin,
                        )
                    )
            return connection.execute(
                f"INSERT INTO ops.quarantine ({columns}) SELECT {columns} FROM held"
                " ON CONFLICT (record_kind, source, row_digest) DO NOTHING".encode()
            ).rowcount
