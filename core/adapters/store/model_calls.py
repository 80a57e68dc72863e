"""Keep what model calls cost in desk.model_calls, within caps, and their public replies in desk.model_replies."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.adapters.store.database import Database
from core.errors import BudgetExceeded
from core.ports.model_calls import ModelCall, ModelUsage

_LOCK = 7365737
_SPENT = (
    "SELECT coalesce(sum(cost_usd) FILTER (WHERE question_id = %(question)s), 0),"
    " coalesce(sum(cost_usd) FILTER (WHERE principal = %(principal)s), 0), coalesce(sum(cost_usd), 0)"
    " FROM desk.model_calls WHERE called_at >= date_trunc('day', clock_timestamp(), 'UTC')"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCaps:
    """Hold the most that models may cost, in US dollars; days are UTC days of the database's real clock."""

    question_usd: Decimal
    person_day_usd: Decimal
    day_usd: Decimal


class ModelCallStore:
    """Implement the ModelLedger port on PostgreSQL; reservations wait for one another, so no cap is ever overspent."""

    def __init__(self, database: Database, caps: ModelCaps) -> None:
        self._database = database
        self._caps = caps

    def reserve(self, call: ModelCall) -> int:
        """Record a call at its worst cost and return its id; raise BudgetExceeded, naming the cap that is reached."""
        with self._database.transaction() as connection:
            if call.worst_usd > 0:
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
                spent = connection.execute(
                    _SPENT, {"question": call.question_id, "principal": call.principal}
                ).fetchone()
                self._check(call, spent or (Decimal(0),) * 3)
            row = connection.execute(
                "INSERT INTO desk.model_calls"
                " (thread_id, question_id, principal, provider, model, label, cost_usd, outcome)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, 'reserved') RETURNING call_id",
                (
                    call.thread_id,
                    call.question_id,
                    call.principal,
                    call.provider,
                    call.model,
                    call.label,
                    call.worst_usd,
                ),
            ).fetchone()
        assert row is not None
        return int(row[0])

    def _check(self, call: ModelCall, spent: tuple[Decimal, ...]) -> None:
        caps = (
            ("this question", "QUANTDESK_MODEL_USD_PER_QUESTION", self._caps.question_usd),
            ("this person today", "QUANTDESK_MODEL_USD_PER_PERSON_DAY", self._caps.person_day_usd),
            ("today", "QUANTDESK_MODEL_USD_PER_DAY", self._caps.day_usd),
        )
        for (what, setting, cap), used in zip(caps, spent, strict=True):
            if used + call.worst_usd > cap:
                raise BudgetExceeded(
                    f"Cloud models may cost ${cap} for {what}; ${used:.4f} is spent or reserved and this call could"
                    f" cost ${call.worst_usd:.4f}.",
                    hint=f"The offline planner and a local model cost nothing; {setting} is the cap.",
                )

    def settle(self, call_id: int, usage: ModelUsage) -> None:
        """Put what a call used in the place of its reservation."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE desk.model_calls SET input_tokens = %s, output_tokens = %s, cost_usd = %s, duration_ms = %s,"
                " outcome = %s WHERE call_id = %s AND outcome = 'reserved'",
                (
                    usage.input_tokens,
                    usage.output_tokens,
                    usage.cost_usd,
                    usage.milliseconds,
                    usage.outcome,
                    call_id,
                ),
            )

    def spent(self, question_id: str) -> Decimal:
        """Return what the calls of a question cost in US dollars."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT coalesce(sum(cost_usd), 0) FROM desk.model_calls WHERE question_id = %s", (question_id,)
            ).fetchone()
        assert row is not None
        return Decimal(row[0])

    def kept_reply(self, content_hash: str) -> str | None:
        """Return the reply kept for a content, or None."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT reply FROM desk.model_replies WHERE content_hash = %s", (content_hash,)
            ).fetchone()
        return str(row[0]) if row else None

    def keep_reply(self, content_hash: str, model: str, reply: str) -> None:
        """Keep a reply; of two for one content the first stays."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO desk.model_replies (content_hash, model, reply) VALUES (%s, %s, %s)"
                " ON CONFLICT (content_hash) DO NOTHING",
                (content_hash, model, reply),
            )
