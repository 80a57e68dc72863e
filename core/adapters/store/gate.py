"""Read what the risk gate judges by in one statement, and keep what it refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.adapters.store.database import Connection
from core.domain.books import RejectRule
from core.errors import UnknownName
from core.execution.stores import GateRecord, GateSnapshot, WorkingOrder

# Foreign orders count as if they were ours: they use the same cash and make the same positions. Of a linked pair the
# second order counts only when the first is over, as one of them trades. What protects a position in a bracket counts
# as nothing: an order that needs its shares has it cancelled first.
_SNAPSHOT = """
SELECT t.halted, t.reduce_only, t.reason, t.changed_by,
       coalesce((SELECT b.balance FROM execution.cash_balances b WHERE b.account_id = a.account_id), 0),
       p.ids, p.quantities, w.ids, w.signed, w.limits,
       (SELECT max(n.nav) FROM execution.nav_daily n WHERE n.account_id = a.account_id),
       d.nav + (SELECT coalesce(sum(c.amount), 0) FROM execution.cash_ledger c
                WHERE c.account_id = a.account_id AND c.movement IN ('deposit', 'withdrawal')
                  AND (c.booked_at AT TIME ZONE 'UTC')::date > d.session),
       (SELECT count(*) FROM execution.orders o WHERE o.account_id = a.account_id AND o.state <> 'denied'
          AND o.created_at > statement_timestamp() - interval '1 minute'
          AND o.proposal_id IS DISTINCT FROM %(proposal)s),
       (SELECT coalesce(jsonb_agg(to_jsonb(r) ORDER BY r.declared_at, r.rule_id), '[]') FROM execution.reject_rules r
        WHERE r.ended_at IS NULL),
       (SELECT k.replay_now FROM desk.clock k WHERE k.mode = 'replay')
FROM execution.accounts a
LEFT JOIN execution.trading_state t ON true
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(x.instrument_id ORDER BY x.instrument_id), '{}') AS ids,
           coalesce(array_agg(x.quantity ORDER BY x.instrument_id), '{}') AS quantities
    FROM execution.positions x WHERE x.account_id = a.account_id AND x.quantity <> 0) AS p
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(y.instrument_id), '{}') AS ids, coalesce(array_agg(y.signed), '{}') AS signed,
           coalesce(array_agg(y.limit_price), '{}') AS limits
    FROM (SELECT o.instrument_id, o.limit_price,
                 CASE o.side WHEN 'buy' THEN 1 ELSE -1 END * (o.quantity - o.filled_quantity) AS signed
          FROM execution.orders o
          WHERE o.account_id = a.account_id AND o.proposal_id IS DISTINCT FROM %(proposal)s
            AND o.state IN ('intended', 'submitting', 'unknown', 'accepted', 'partially_filled')
            AND NOT execution.protects(o)
            AND NOT (o.leg = 1 AND EXISTS (
                SELECT FROM execution.proposals q JOIN execution.orders f USING (proposal_id)
                WHERE q.proposal_id = o.proposal_id AND q.legging = 'one_cancels_other' AND f.leg = 0
                  AND f.state IN ('intended', 'submitting', 'unknown', 'accepted', 'partially_filled')))
          UNION ALL
          SELECT e.instrument_id, NULL, CASE e.side WHEN 'buy' THEN 1 ELSE -1 END * (e.quantity - e.filled_quantity)
          FROM execution.external_orders e
          WHERE e.account_id = a.account_id AND e.is_open AND e.instrument_id IS NOT NULL) AS y) AS w
LEFT JOIN LATERAL (
    SELECT n.nav, n.session FROM execution.nav_daily n WHERE n.account_id = a.account_id
    ORDER BY n.session DESC OFFSET 1 LIMIT 1) AS d ON true
WHERE a.account_id = %(account)s
"""


class GateRows:
    """Read the gate's snapshot and write execution.gate_verdicts in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def snapshot(self, account_id: str, *, except_proposal: str | None = None) -> GateSnapshot:
        """Return the account as it stands, the orders of one proposal left out; raise UnknownName."""
        row = self._connection.execute(
            _SNAPSHOT.encode(), {"account": account_id, "proposal": except_proposal}
        ).fetchone()
        if row is None:
            raise UnknownName("account", account_id)
        halted = row[0] is not False
        return GateSnapshot(
            halted=halted,
            reduce_only=halted and row[1] is True,
            halt_reason="the row of the kill switch is missing" if row[0] is None else f"halted by {row[3]}: {row[2]}",
            cash=row[4],
            positions=dict(zip(row[5], row[6], strict=True)),
            working=tuple(
                WorkingOrder(instrument_id=key, signed_quantity=signed, limit_price=limit)
                for key, signed, limit in zip(row[7], row[8], row[9], strict=True)
            ),
            peak_equity=row[10],
            day_equity=row[11],
            orders_last_minute=row[12],
            replay_now=row[14],
            rules=tuple(RejectRule.model_validate(rule) for rule in row[13]),
        )

    def record(self, records: Sequence[GateRecord], *, desk_time: datetime) -> None:
        """Append what the gate refused or made smaller."""
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO execution.gate_verdicts (account_id, subject, stage, symbol, rule, outcome,"
                " measured_before, measured_after, limit_value, quantity_before, quantity_after, reason, desk_time)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    (
                        item.account_id,
                        item.subject,
                        item.stage,
                        item.symbol,
                        item.rule,
                        "clamped" if item.quantity_after else "refused",
                        item.before,
                        item.after,
                        item.limit,
                        item.quantity_before,
                        item.quantity_after,
                        item.reason,
                        desk_time,
                    )
                    for item in records
                ],
            )

    def records(self, account_id: str, *, limit: int = 200) -> Sequence[GateRecord]:
        """Return the newest verdicts of an account."""
        rows = self._connection.execute(
            "SELECT account_id, subject, stage, symbol, rule, measured_before, measured_after, limit_value,"
            " quantity_before, quantity_after, reason FROM execution.gate_verdicts"
            " WHERE account_id = %s ORDER BY verdict_id DESC LIMIT %s",
            (account_id, limit),
        ).fetchall()
        names = (
            *("account_id", "subject", "stage", "symbol", "rule", "before", "after", "limit"),
            *("quantity_before", "quantity_after", "reason"),
        )
        return [GateRecord(**dict(zip(names, row, strict=True))) for row in rows]
