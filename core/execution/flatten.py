"""Close every position while trading is reduce-only: proposals like any other, decided by the person who asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.domain.books import Order
from core.domain.principal import Principal
from core.errors import NotSignedIn, QuantdeskError
from core.execution.gateway import Gateway
from core.execution.kill_switch import KillSwitch
from core.execution.proposals import ProposalDesk
from core.execution.requests import LegRequest, TradeRequest
from core.execution.stores import TradingStore

EXPIRY_MINUTES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Flattened:
    """Say what was cancelled, which closing orders left, and what could not be done."""

    cancelled: tuple[Order, ...]
    closing: tuple[Order, ...]
    problems: tuple[str, ...]


def stop_and_cancel(
    kill_switch: KillSwitch, gateway: Gateway, principal: Principal, reason: str, *, reduce_only: bool = False
) -> Flattened:
    """Halt, then cancel every order at work. Needs the database and the venues, nothing else."""
    kill_switch.halt(principal, reason, reduce_only=reduce_only)
    cancelled, problems = gateway.cancel_all(principal)
    return Flattened(cancelled=tuple(cancelled), closing=(), problems=tuple(problems))


def flatten(
    store: TradingStore,
    desk: ProposalDesk,
    kill_switch: KillSwitch,
    gateway: Gateway,
    person: Principal,
    reason: str,
) -> Flattened:
    """Halt to reduce-only, cancel every order, and close every position at the market.

    Each position is a proposal of its own that the person proposes, approves and has sent at once, under the rules of
    every other one (above the four-eyes limit another person must still approve it). Raises NotSignedIn for others
    than persons with the scopes `trade` and `approve`.
    """
    if person.kind != "person" or not {"trade", "approve"} <= person.scopes:
        raise NotSignedIn(
            f"{person.name} may not flatten the book.", hint="Sign in as a person with `trade` and `approve`."
        )
    stopped = stop_and_cancel(kill_switch, gateway, person, reason, reduce_only=True)
    closing: list[Order] = []
    problems = list(stopped.problems)
    for account_id, symbol, request in _closing_requests(store, desk):
        try:
            proposal = desk.propose(request, person)
            desk.decide(proposal.proposal_id, "approved", proposal.digest, person, face="flatten", reason=reason)
            closing += gateway.release(proposal.proposal_id)
        except QuantdeskError as error:
            problems.append(f"{symbol} of {account_id}: {error}")
    return Flattened(cancelled=stopped.cancelled, closing=tuple(closing), problems=tuple(problems))


def _closing_requests(store: TradingStore, desk: ProposalDesk) -> Sequence[tuple[str, str, TradeRequest]]:
    with store.transaction() as transaction:
        held = [
            (account.account_id, position)
            for account in transaction.accounts.all()
            for position in transaction.books.positions(account.account_id)
        ]
    found = []
    for account_id, position in held:
        symbol = desk.symbol(position.instrument_id)
        leg = LegRequest(
            symbol=symbol, side="sell" if position.quantity > 0 else "buy", quantity=abs(position.quantity)
        )
        request = TradeRequest(
            legs=(leg,),
            account_id=account_id,
            reason="Flatten: close the position while trading is reduce-only.",
            expires_in_minutes=EXPIRY_MINUTES,
        )
        found.append((account_id, symbol, request))
    return found
