"""Accompany a proposal from its creation to the end of its orders.

The workflow decides nothing: it waits, and asks the database what holds. Being told is only a reason to look.
"""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

ATTEMPT_TIMEOUT = timedelta(seconds=60)
HEARTBEAT_TIMEOUT = timedelta(seconds=5)
"""Time after which the attempt of a worker that was killed is given to another; activities beat each second."""
LONGEST_WAIT = timedelta(hours=1)
UNKNOWN_WAIT = timedelta(seconds=30)
# Sending is repeated until the database says how it ended: a repeat finds the order by its id and never doubles it.
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))


@workflow.defn
class TradeApprovalWorkflow:
    """Run `proposal-<id>`: pending, then approved, rejected or expired, then sending, working and the orders' end."""

    def __init__(self) -> None:
        self._told = False
        self._state = "pending"

    @workflow.run
    async def run(self, proposal_id: str) -> str:
        """Return the last state: rejected, expired, refused, or the states of the orders."""
        try:
            return await self._accompany(proposal_id)
        except ActivityError as error:
            if isinstance(error.cause, ApplicationError) and error.cause.non_retryable:
                self._state = "refused"
                return self._state
            raise

    async def _accompany(self, proposal_id: str) -> str:
        while True:
            status = await self._ask("proposal_status", proposal_id)
            self._state = status["state"]
            if self._state != "pending":
                break
            # One second late, so that the database's clock has passed the expiry too.
            await self._wait(timedelta(seconds=status["seconds_left"] + 1))
        if self._state != "approved":
            return self._state
        self._state = "submitting"
        orders = await self._ask("send_orders", proposal_id)
        while orders["open"]:
            self._state = "unknown" if "unknown" in orders["states"] else "working"
            await self._wait(UNKNOWN_WAIT if self._state == "unknown" else LONGEST_WAIT)
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(proposal_id)
            orders = await self._ask("follow_orders", proposal_id)
        self._state = ", ".join(dict.fromkeys(orders["states"]))
        return self._state

    @workflow.update
    async def look(self, proposal_id: str) -> str:
        """Be told that something changed; saying it twice, or wrongly, does no harm. Returns the state before."""
        self._told = True
        return self._state

    @look.validator
    def check_look(self, proposal_id: str) -> None:
        """Refuse words about another proposal."""
        if workflow.info().workflow_id != f"proposal-{proposal_id}":
            raise ValueError(f"This is {workflow.info().workflow_id}, not the workflow of {proposal_id}.")

    @workflow.query
    def state(self) -> str:
        """Return the state as the workflow last saw it."""
        return self._state

    async def _ask(self, activity: str, proposal_id: str) -> Any:
        return await workflow.execute_activity(
            activity,
            proposal_id,
            start_to_close_timeout=ATTEMPT_TIMEOUT,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=_RETRY,
        )

    async def _wait(self, longest: timedelta) -> None:
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._told, timeout=min(longest, LONGEST_WAIT))
        self._told = False
