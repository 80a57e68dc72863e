"""Keep every tool call with its result and facts in desk.tool_calls and desk.facts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from core.adapters.store.database import Database
from core.domain.as_of import AsOf
from core.domain.facts import Fact, ToolResult
from core.errors import InvalidInput, UnknownName
from core.ports.calls import CallRecord, ToolCall

_COLUMNS = (
    "run_id, tool, arguments, label, effect, principal, face, thread_id, data_as_of, code_version, seed, started_at,"
    " duration_ms, state, error, result_digest"
)


class CallStore:
    """Implement the CallLog port on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, call: ToolCall) -> None:
        """Record that a call begins; starting an unfinished run again is harmless.

        Raises InvalidInput when a run of this id is done, or when the arguments hold a NUL character.
        """
        with self._database.transaction() as connection:
            row = connection.execute(
                "INSERT INTO desk.tool_calls (run_id, tool, arguments, label, effect, principal, face, thread_id,"
                " data_as_of, code_version, seed, started_at, state)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'running')"
                " ON CONFLICT (run_id) DO UPDATE SET state = 'running', started_at = excluded.started_at, error = NULL"
                " WHERE tool_calls.state <> 'done' AND tool_calls.tool = excluded.tool RETURNING run_id",
                (
                    call.run_id,
                    call.tool,
                    _to_json(call.arguments),
                    call.label,
                    call.effect,
                    call.principal,
                    call.face,
                    call.thread_id,
                    call.as_of.known,
                    call.code_version,
                    call.seed,
                    call.started_at,
                ),
            ).fetchone()
        if row is None:
            raise InvalidInput(f"The run {call.run_id} is done.", hint="Ask for its result, or start a new run.")

    def finish(
        self, run_id: str, *, duration_ms: float, result: ToolResult | None, digest: str | None, error: str | None
    ) -> None:
        """Record the outcome and, in the same transaction, the facts of the result."""
        with self._database.transaction() as connection:
            # A tool may raise its label while it runs (SQL over private relations); the call takes the result's.
            connection.execute(
                "UPDATE desk.tool_calls SET state = %s, duration_ms = %s, error = %s, result_digest = %s, result = %s,"
                " label = coalesce(%s, label) WHERE run_id = %s",
                (
                    "done" if error is None else "failed",
                    duration_ms,
                    _without_nul(error) if error is not None else None,
                    digest,
                    _without_nul(result.model_dump_json()) if result is not None else None,
                    result.label if result is not None else None,
                    run_id,
                ),
            )
            if result is not None and result.facts:
                with connection.cursor() as cursor:
                    cursor.executemany(
                        "INSERT INTO desk.facts (fact_id, run_id, name, value, unit, currency, as_of, label, source)"
                        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (fact_id) DO NOTHING",
                        [
                            (
                                fact.id,
                                fact.run,
                                fact.name,
                                json.dumps(fact.value),
                                fact.unit,
                                fact.currency,
                                fact.as_of,
                                fact.label,
                                fact.source,
                            )
                            for fact in result.facts
                        ],
                    )

    def call(self, run_id: str) -> CallRecord:
        """Return a call with its result; raise UnknownName."""
        with self._database.transaction() as connection, connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(
                f"SELECT {_COLUMNS}, result FROM desk.tool_calls WHERE run_id = %s".encode(), (run_id,)
            ).fetchone()
        if row is None:
            raise UnknownName("run", run_id, hint="Runs start with `run_`; answers and reports name theirs.")
        return _to_record(row)

    def fact(self, fact_id: str) -> Fact:
        """Return a fact, or the cell of a result table named `<run>:<table>:<row>:<column>`; raise UnknownName."""
        if fact_id.startswith("run_") and ":" in fact_id:
            return self._cell(fact_id)
        with self._database.transaction() as connection, connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(
                "SELECT fact_id AS id, run_id AS run, name, value, unit, currency, as_of, label, source"
                " FROM desk.facts WHERE fact_id = %s",
                (fact_id,),
            ).fetchone()
        if row is None:
            raise UnknownName("fact", fact_id, hint="Facts start with `fct_`; `--json` answers list theirs.")
        return Fact.model_validate(row)

    def recent(self, *, thread_id: str | None = None, limit: int = 50) -> Sequence[CallRecord]:
        """Return the newest calls, of one thread when it is given, without results."""
        with self._database.transaction() as connection, connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(
                f"SELECT {_COLUMNS}, NULL AS result FROM desk.tool_calls"
                " WHERE %(thread)s::text IS NULL OR thread_id = %(thread)s"
                " ORDER BY started_at DESC, run_id DESC LIMIT %(limit)s".encode(),
                {"thread": thread_id, "limit": limit},
            ).fetchall()
        return [_to_record(row) for row in rows]

    def done(self, tools: Sequence[str], *, before: datetime | None, limit: int = 5000) -> Sequence[ToolCall]:
        """Return the newest finished public calls of some tools that started before a moment."""
        with self._database.transaction() as connection, connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(
                f"SELECT {_COLUMNS}, NULL AS result FROM desk.tool_calls"
                " WHERE tool = ANY(%(tools)s) AND state = 'done' AND label = 'public'"
                " AND started_at < coalesce(%(before)s, 'infinity'::timestamptz)"
                " ORDER BY started_at DESC, run_id DESC LIMIT %(limit)s".encode(),
                {"tools": list(tools), "before": before, "limit": limit},
            ).fetchall()
        return [_to_record(row).call for row in rows]

    def _cell(self, fact_id: str) -> Fact:
        run_id, *place = fact_id.split(":")
        result = self.call(run_id).result
        found = next((table for table in result.tables if place and table.name == place[0]), None) if result else None
        if result is None or found is None or len(place) != 3 or not place[1].isdigit():
            raise UnknownName("fact", fact_id, hint="A table cell is named <run>:<table>:<row>:<column>.")
        names = [column.name for column in found.columns]
        row = int(place[1])
        if row >= len(found.rows) or place[2] not in names:
            raise UnknownName("fact", fact_id, hint=f"The table has {len(found.rows)} rows and the columns {names}.")
        column = found.columns[names.index(place[2])]
        return Fact(
            id=fact_id,
            run=run_id,
            name=f"{found.name} {column.title or column.name}",
            value=found.rows[row][names.index(place[2])],
            unit=column.unit,
            currency=column.currency,
            as_of=result.as_of,
            label=result.label,
            source="; ".join(result.sources),
        )


def _to_record(row: dict[str, Any]) -> CallRecord:
    return CallRecord(
        call=ToolCall(
            run_id=row["run_id"],
            tool=row["tool"],
            arguments=row["arguments"],
            label=row["label"],
            effect=row["effect"],
            principal=row["principal"],
            face=row["face"],
            thread_id=row["thread_id"],
            as_of=AsOf(known=row["data_as_of"]),
            code_version=row["code_version"],
            seed=row["seed"],
            started_at=row["started_at"],
        ),
        state=row["state"],
        duration_ms=row["duration_ms"],
        error=row["error"],
        result=ToolResult.model_validate(row["result"]) if row["result"] is not None else None,
        result_digest=row["result_digest"],
    )


def _to_json(value: Any) -> str:
    text = json.dumps(value, allow_nan=False)
    if "\\u0000" in text:
        raise InvalidInput("A text argument holds a NUL character.", hint="Remove it.")
    return text


def _without_nul(text: str) -> str:
    return text.replace("\\u0000", "").replace("\x00", "")
