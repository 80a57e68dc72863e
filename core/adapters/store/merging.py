"""Write the SQL that brings staged records into their table and keeps what they correct."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from psycopg import sql

from core.adapters.store.database import Connection
from core.domain.records import Record

# When and how a row became known is no part of what it says: such a difference alone corrects nothing.
_ABOUT_THE_ROW = ("known_at", "known_at_method")


class MergeStatements:
    """Merge the temporary table `staging` (the record's columns, each key once) into the record's table."""

    def __init__(self, record: type[Record], set_once: Sequence[str]) -> None:
        self._record = record
        self._columns = tuple(record.model_fields)
        self._updated = [name for name in self._columns if name not in record.key and name not in set_once]
        self._compared = [name for name in self._updated if not (record.versioned and name in _ABOUT_THE_ROW)]
        self._table = sql.Identifier(*record.table.split("."))

    def run(self, connection: Connection, delivered_at: datetime) -> tuple[int, int]:
        """Return how many rows are new and how many changed; with neither nothing is written."""
        row = connection.execute(
            sql.SQL(
                "SELECT count(*) FILTER (WHERE t.{} IS NULL), count(*) FILTER (WHERE t.{} IS NOT NULL AND {})"
                " FROM staging s LEFT JOIN {} t ON {}"
            ).format(
                *[sql.Identifier(self._record.key[0])] * 2,
                self.differs(),
                self._table,
                self.same_key(),
            )
        ).fetchone()
        assert row is not None
        new, changed = int(row[0]), int(row[1])
        delivered = sql.Literal(delivered_at)
        if changed and self._record.versioned:
            connection.execute(self._close_old(delivered))
        if new or changed:
            connection.execute(self._merge(delivered))
        return new, changed

    def _known_from(self, delivered: sql.Literal) -> sql.Composable:
        """Return the time from which the new version is known: filling in what was open corrects nothing."""
        corrected = sql.SQL("greatest(s.known_at, t.known_at, {})").format(delivered)
        if not self._record.outcome:
            return corrected
        rest = [name for name in self._compared if name not in (*self._record.outcome, "source")]
        unknown = sql.SQL(" AND ").join(
            sql.SQL("t.{} IS NULL").format(sql.Identifier(name)) for name in self._record.outcome
        )
        kept = sql.SQL(" AND ").join(
            sql.SQL("(t.{0} IS NULL OR t.{0} IS NOT DISTINCT FROM s.{0})").format(sql.Identifier(name)) for name in rest
        )
        return sql.SQL(
            "CASE WHEN NOT ({}) THEN {} WHEN NOT {} THEN t.known_at WHEN {} THEN greatest(s.known_at, t.known_at)"
            " ELSE {} END"
        ).format(unknown, corrected, self._differs(rest), kept, corrected)

    def _close_old(self, delivered: sql.Literal) -> sql.Composed:
        names = [*self._columns, "recorded_at"]
        return sql.SQL(
            "INSERT INTO {} ({}, superseded_known_at, superseded_recorded_at) SELECT {}, {}, clock_timestamp()"
            " FROM {} t JOIN staging s ON {} WHERE {}"
        ).format(
            sql.Identifier(*f"{self._record.table}_history".split(".")),
            sql.SQL(", ").join(map(sql.Identifier, names)),
            sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(name)) for name in names),
            self._known_from(delivered),
            self._table,
            self.same_key(),
            self.differs(),
        )

    def _merge(self, delivered: sql.Literal) -> sql.Composed:
        values: dict[str, sql.Composable] = {
            name: sql.SQL("s.{}").format(sql.Identifier(name)) for name in self._updated
        }
        if self._record.versioned and "known_at" in values:
            values["known_at"] = self._known_from(delivered)
        values["recorded_at"] = sql.SQL("clock_timestamp()")
        return sql.SQL(
            "MERGE INTO {} t USING staging s ON {} WHEN MATCHED AND {} THEN UPDATE SET {}"
            " WHEN NOT MATCHED THEN INSERT ({}) VALUES ({})"
        ).format(
            self._table,
            self.same_key(),
            self.differs(),
            sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(name), value) for name, value in values.items()
            ),
            sql.SQL(", ").join(map(sql.Identifier, self._columns)),
            sql.SQL(", ").join(sql.SQL("s.{}").format(sql.Identifier(name)) for name in self._columns),
        )

    def same_key(self) -> sql.Composed:
        """Return the condition under which a staged row `s` and a stored row `t` have one key."""
        return sql.SQL(" AND ").join(sql.SQL("t.{0} = s.{0}").format(sql.Identifier(name)) for name in self._record.key)

    def differs(self) -> sql.Composable:
        """Return the condition under which a staged row says something else than the stored row of its key."""
        return self._differs(self._compared)

    def _differs(self, names: Sequence[str]) -> sql.Composable:
        if not names:
            return sql.SQL("false")
        left = sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(name)) for name in names)
        right = sql.SQL(", ").join(sql.SQL("s.{}").format(sql.Identifier(name)) for name in names)
        return sql.SQL("({}) IS DISTINCT FROM ({})").format(left, right)
