"""Do the work of workflows: read and write the database, send, run tools. Histories hold ids and states only."""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from core.domain.principal import Principal
from core.errors import QuantdeskError, UserError
from core.execution.gateway import Gateway
from core.execution.orders import OPEN
from core.execution.proposals import ProposalDesk
from core.execution.protection import protection_due
from core.execution.settlement import Settlement
from tools.context import Desk
from tools.runner import run_tool

HEARTBEAT_S = 1.0
WORKER = Principal(id="worker", name="worker", kind="service", scopes=frozenset({"read"}))


class TradeActivities:
    """Hold the activities of the trade approval workflow."""

    def __init__(self, proposals: ProposalDesk, gateway: Gateway, settlement: Settlement) -> None:
        self._proposals = proposals
        self._gateway = gateway
        self._settlement = settlement

    def all(self) -> Sequence[Callable[..., Any]]:
        """Return the activities for a worker."""
        return [self.proposal_status, self.send_orders, self.follow_orders]

    @activity.defn(name="proposal_status")
    def proposal_status(self, proposal_id: str) -> dict[str, Any]:
        """Return the state by the database and the seconds to the expiry; note an expiry that is due."""
        with attempt():
            view = self._proposals.expire(proposal_id)
        return {"state": view.state, "seconds_left": view.seconds_left}

    @activity.defn(name="send_orders")
    def send_orders(self, proposal_id: str) -> dict[str, Any]:
        """Release the approved proposal; the gateway reads the approval itself and trusts nothing of this call."""
        with attempt():
            self._gateway.release(proposal_id)
            return self._orders(proposal_id)

    @activity.defn(name="follow_orders")
    def follow_orders(self, proposal_id: str) -> dict[str, Any]:
        """Book new executions and resolve what is unknown; return the states of the orders."""
        with attempt():
            self._gateway.release(proposal_id)
            self._settlement.settle(self._proposals.get(proposal_id).proposal.account_id)
            # A leg that just ended may let another one begin, or must be taken back.
            self._gateway.release(proposal_id)
            return self._orders(proposal_id)

    def _orders(self, proposal_id: str) -> dict[str, Any]:
        view = self._proposals.get(proposal_id)
        still_open = sum(order.state in OPEN for order in view.orders) + len(protection_due(view.proposal, view.orders))
        return {"states": [order.state for order in view.orders], "open": still_open}


class ToolActivities:
    """Hold the one activity that runs any tool."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def all(self) -> Sequence[Callable[..., Any]]:
        """Return the activities for a worker."""
        return [self.run_tool]

    @activity.defn(name="run_tool")
    def run_tool(self, name: str, arguments_run: str) -> str:
        """Run a tool that reads or computes with the arguments of a recorded call; return the id of the new run.

        `arguments_run` names the call whose arguments are taken: arguments and results stay in the database.
        """
        with attempt():
            recorded = self._desk.calls.call(arguments_run).call
            if recorded.effect == "propose" or recorded.tool != name:
                raise ApplicationError(
                    f"{arguments_run} is no call of {name} that may be repeated.", non_retryable=True
                )
            result = run_tool(
                self._desk, name, recorded.arguments, principal=WORKER, face="workflow", seed=recorded.seed
            )
        return result.run


@contextlib.contextmanager
def attempt() -> Iterator[None]:
    """Beat for Temporal while the work runs, and tell it which errors a retry cannot help.

    Without the beat the work of a worker that was killed is given to another only when its whole time is over.
    """
    over = threading.Event()
    beating = contextvars.copy_context()
    heart = threading.Thread(target=lambda: beating.run(_beat, over), name="heartbeat", daemon=True)
    heart.start()
    try:
        yield
    except UserError as error:
        raise ApplicationError(str(error), type=error.code, non_retryable=True) from error
    except QuantdeskError as error:
        raise ApplicationError(str(error), type=error.code) from error
    finally:
        over.set()
        heart.join()


def _beat(over: threading.Event) -> None:
    while not over.wait(HEARTBEAT_S):
        activity.heartbeat()
