"""Keep proposals and decisions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from core.adapters.store.database import Connection
from core.adapters.store.rows import columns_of, insert, to_record
from core.domain.books import Proposal, ProposalDecision, ProposalState
from core.errors import Unavailable, UnknownName

_DECISION = ", ".join(f"d.{name} AS decision_{name}" for name in ProposalDecision.model_fields)
_SELECT = (
    f"SELECT {columns_of(Proposal, prefix='p.')}, {_DECISION}"
    " FROM execution.proposals p LEFT JOIN execution.decisions d USING (proposal_id)"
)


class ProposalRows:
    """Read and write execution.proposals and execution.decisions in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def now(self) -> datetime:
        """Return the database's clock."""
        (moment,) = self._connection.execute("SELECT clock_timestamp()").fetchone() or (None,)
        if not isinstance(moment, datetime):
            raise Unavailable("The database did not tell the time.")
        return moment

    def add(self, proposal: Proposal) -> Proposal:
        """Store a proposal and return it as stored."""
        insert(self._connection, proposal, without=("created_at",))
        return self.get(proposal.proposal_id)[0]

    def get(self, proposal_id: str) -> tuple[Proposal, ProposalDecision | None]:
        """Return a proposal and its decision; raise UnknownName."""
        found = self._read("WHERE p.proposal_id = %s", (proposal_id,))
        if not found:
            raise UnknownName("proposal", proposal_id, hint="`quantdesk proposals` lists them.")
        return found[0]

    def all(
        self, *, account_id: str | None = None, state: ProposalState | None = None, limit: int = 200
    ) -> Sequence[tuple[Proposal, ProposalDecision | None]]:
        """Return the newest proposals (of a state) with their decisions; what nobody decided on expires by itself."""
        return self._read(
            "WHERE (%(account)s::text IS NULL OR p.account_id = %(account)s)"
            " AND (%(state)s::text IS NULL OR %(state)s ="
            " coalesce(d.decision, CASE WHEN p.expires_at > clock_timestamp() THEN 'pending' ELSE 'expired' END))"
            " ORDER BY p.created_at DESC, p.proposal_id DESC LIMIT %(limit)s",
            {"account": account_id, "state": state, "limit": limit},
        )

    def decide(self, decision: ProposalDecision) -> ProposalDecision | None:
        """Store the decision and return it as stored; None when another came first."""
        stored = insert(
            self._connection,
            decision,
            without=("decided_at", "used_at"),
            on_conflict="ON CONFLICT (proposal_id) DO NOTHING",
        )
        return self.get(decision.proposal_id)[1] if stored else None

    def use(self, proposal_id: str) -> bool:
        """Use an approval up; False when there is none or it is used."""
        return (
            self._connection.execute(
                "UPDATE execution.decisions SET used_at = clock_timestamp()"
                " WHERE proposal_id = %s AND decision = 'approved' AND used_at IS NULL",
                (proposal_id,),
            ).rowcount
            == 1
        )

    def _read(self, where: str, parameters: Any) -> list[tuple[Proposal, ProposalDecision | None]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(f"{_SELECT} {where}".encode(), parameters).fetchall()
        return [(to_record(Proposal, row), _decision(row)) for row in rows]


def _decision(row: dict[str, Any]) -> ProposalDecision | None:
    if row["decision_proposal_id"] is None:
        return None
    return ProposalDecision.model_validate({name: row[f"decision_{name}"] for name in ProposalDecision.model_fields})
