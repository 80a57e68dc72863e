"""Read the audit log; the database writes it itself when a transaction commits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.adapters.store.database import Database
from core.execution.audit import AuditEntry

_PAGE = 5_000
# Tables whose rows never change after the entry, their key as the entry names it, and columns that may change.
_ROWS = (
    ("proposals", "x.proposal_id", ()),
    ("fills", "x.fill_id", ()),
    ("cash_ledger", "x.entry_id::text", ()),
    ("order_events", "x.order_id || '/' || x.sequence", ()),
    ("decisions", "x.proposal_id", ("used_at",)),
    ("orders", "x.order_id", ("state", "filled_quantity", "reason", "venue_order_id", "updated_at")),
)


class StoredAuditLog:
    """Implement the AuditLog on desk.audit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def entries(self) -> Iterator[AuditEntry]:
        """Yield all entries by number."""
        last = 0
        while True:
            with self._database.transaction() as connection:
                rows = connection.execute(
                    "SELECT entry_id, happened_at, actor, action, subject, detail, previous_hash, entry_hash"
                    " FROM desk.audit WHERE entry_id > %s ORDER BY entry_id LIMIT %s",
                    (last, _PAGE),
                ).fetchall()
            for row in rows:
                yield AuditEntry(
                    entry_id=row[0],
                    happened_at=row[1],
                    actor=row[2],
                    action=row[3],
                    subject=row[4],
                    detail=row[5],
                    previous_hash=row[6],
                    entry_hash=row[7],
                )
            if len(rows) < _PAGE:
                return
            last = rows[-1][0]

    def changed_rows(self, limit: int = 20) -> Sequence[str]:
        """Return what is wrong with rows of the books that no longer are what the log says, or have no entry.

        Rows from before the log began have no entry; rows of an account that was removed as a whole are gone.
        """
        found: list[str] = []
        with self._database.transaction() as connection:
            connection.execute("SET LOCAL timezone = 'UTC'")
            for table, key, free in _ROWS:
                statement = f"""
                    SELECT coalesce(a.subject, {key}), x IS NULL, a.subject IS NULL
                    FROM (SELECT subject, detail, happened_at FROM desk.audit WHERE action = '{table}.insert') AS a
                    FULL JOIN execution.{table} AS x ON a.subject = {key}
                    WHERE (x IS NULL AND NOT EXISTS (SELECT FROM desk.audit g WHERE g.action = 'accounts.delete'
                                                     AND g.happened_at > a.happened_at))
                       OR (a.subject IS NULL AND NOT x IS NULL AND {_after_start(table)})
                       OR desk.audit_detail(to_jsonb(x) - %(free)s::text[])
                          <> a.detail - %(free)s::text[]
                    LIMIT %(limit)s"""
                rows = connection.execute(statement.encode(), {"free": list(free), "limit": limit}).fetchall()
                for subject, gone, unknown in rows:
                    what = "is gone" if gone else "was never announced" if unknown else "is not what was written"
                    found.append(f"The row {subject} of execution.{table} {what}.")
        return found


def _after_start(table: str) -> str:
    column = {
        "proposals": "x.created_at",
        "orders": "x.created_at",
        "decisions": "x.decided_at",
    }.get(table, "x.recorded_at")
    return f"{column} > (SELECT min(happened_at) FROM desk.audit)"
