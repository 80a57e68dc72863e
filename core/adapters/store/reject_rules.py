"""Keep the standing rules that reject."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg.types.json import Jsonb

from core.adapters.store.database import Connection
from core.adapters.store.rows import columns_of, read_records
from core.domain.books import RejectRule

_COLUMNS = columns_of(RejectRule)


class RejectRuleRows:
    """Read and write execution.reject_rules in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def standing(self) -> Sequence[RejectRule]:
        """Return the rules that have not ended, oldest first."""
        sql = f"SELECT {_COLUMNS} FROM execution.reject_rules WHERE ended_at IS NULL ORDER BY declared_at, rule_id"
        return read_records(self._connection, RejectRule, sql)

    def add(self, rule: RejectRule) -> None:
        """Store a new rule."""
        self._connection.execute(
            "INSERT INTO execution.reject_rules (rule_id, name, account_id, condition, declared_by)"
            " VALUES (%s, %s, %s, %s, %s)",
            (
                *(rule.rule_id, rule.name, rule.account_id),
                Jsonb(rule.condition.model_dump(mode="json", exclude_defaults=True)),
                rule.declared_by,
            ),
        )

    def end(self, name: str, *, by: str) -> RejectRule | None:
        """End a standing rule and return it; None when there is none of this name."""
        sql = (
            "UPDATE execution.reject_rules SET ended_at = clock_timestamp(), ended_by = %s"
            f" WHERE name = %s AND ended_at IS NULL RETURNING {_COLUMNS}"
        )
        found = read_records(self._connection, RejectRule, sql, (by, name))
        return found[0] if found else None
