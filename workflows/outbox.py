"""Tell workflows what the outbox announces; repeating any of it is harmless."""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import Refused, UnknownName
from core.execution.orders import OPEN
from core.execution.proposals import ProposalDesk
from core.execution.protection import protection_due
from core.execution.stores import OutboxEvent, TradingStore
from core.ports.jobs import Jobs
from core.ports.notifier import Notice

TRADE_APPROVAL = "TradeApprovalWorkflow"
ALARM = "alert.raised"
_MOST_SUBJECTS = 10


def workflow_id(proposal_id: str) -> str:
    """Return the id of a proposal's workflow."""
    return f"proposal-{proposal_id}"


def alarm_notice(events: Sequence[OutboxEvent]) -> Notice | None:
    """Return one notice of all alarms among events, None where there is none; ids only, no figure of the books."""
    subjects = list(dict.fromkeys(event.subject_id for event in events if event.topic == ALARM))
    if not subjects:
        return None
    shown = ", ".join(subjects[:_MOST_SUBJECTS]) + (" ..." if len(subjects) > _MOST_SUBJECTS else "")
    return Notice(
        title=f"quantdesk: {'an alarm' if len(subjects) == 1 else f'{len(subjects)} alarms'} of the trading desk",
        lines=(
            f"About: {shown}.",
            "The books and a venue differ, a venue executed more than was asked for, or nobody can say whether an order"
            " reached its venue; trading may be stopped.",
            "Look with `quantdesk reconcile` and `quantdesk orders`.",
        ),
    )


class OutboxStarter:
    """Start and tell the workflows of proposals."""

    def __init__(self, jobs: Jobs, proposals: ProposalDesk, store: TradingStore) -> None:
        self._jobs = jobs
        self._proposals = proposals
        self._store = store

    async def handle(self, event: OutboxEvent) -> None:
        """Start or tell what an event asks for; raise Unavailable when it must be tried again."""
        if event.topic in ("proposal.created", "proposal.decided"):
            await self._jobs.start(TRADE_APPROVAL, workflow_id(event.subject_id), event.subject_id)
        if event.topic == "proposal.decided":
            await self._look(event.subject_id)
        elif event.topic == "order.changed":
            try:
                with self._store.transaction() as transaction:
                    proposal_id = transaction.orders.get(event.subject_id).proposal_id
            except UnknownName:
                return
            await self._look(proposal_id)

    async def resume(self) -> int:
        """Start the workflow of every proposal that is not at its end; return their number.

        For a start after Temporal lost its own record: the database is what counts.
        """
        unfinished = [
            view
            for view in self._proposals.list(limit=10_000)
            if view.state == "pending"
            or (view.state == "expired" and view.decision is None)
            or (view.state == "approved" and (not view.orders or any(order.state in OPEN for order in view.orders)))
            or protection_due(view.proposal, view.orders)
        ]
        for view in unfinished:
            proposal_id = view.proposal.proposal_id
            await self._jobs.start(TRADE_APPROVAL, workflow_id(proposal_id), proposal_id)
        return len(unfinished)

    async def _look(self, proposal_id: str) -> None:
        try:
            await self._jobs.tell(workflow_id(proposal_id), "look", proposal_id)
        except Refused:
            # Only another workflow under this id could refuse; it looks by itself at its next timer.
            return
