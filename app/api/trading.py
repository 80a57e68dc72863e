"""Serve the money path: proposals and the decision on them, orders, positions, the kill switch and the clock."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from app.api.tools import desk_of, parts_of
from app.auth.accounts import require_scope
from app.auth.web import Caller
from app.documents import orders_document, plain, proposal_document
from core.domain.books import OrderState, RejectCondition
from core.errors import Refused
from core.execution.accounts import TransferKind

trading_router = APIRouter(prefix="/api", tags=["trading"])
State = Literal["pending", "approved", "rejected", "expired"]


class DecisionRequest(BaseModel):
    """Decide on the proposal whose digest you were shown."""

    model_config = ConfigDict(extra="forbid")
    decision: Literal["approved", "rejected"]
    digest: str = Field(min_length=1, max_length=200)
    reason: str = Field(default="", max_length=2000)


class Reason(BaseModel):
    """Say why, for the record."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field(default="", max_length=2000)


class Halt(Reason):
    """Say why, and whether orders at work are cancelled too."""

    cancel: bool = False


class Advance(BaseModel):
    """Say how far a replaying desk moves."""

    model_config = ConfigDict(extra="forbid")
    sessions: int = Field(default=1, ge=1, le=250)


@trading_router.get("/proposals")
async def proposals(
    request: Request,
    principal: Caller,
    state: State | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[dict[str, Any]]:
    """List proposals, newest first."""
    require_scope(principal, "read")
    views = await run_in_threadpool(desk_of(request).proposals.list, state=state, limit=limit)
    return [proposal_document(view) for view in views]


@trading_router.get("/proposals/{proposal_id}")
async def proposal(request: Request, principal: Caller, proposal_id: str) -> dict[str, Any]:
    """Show a proposal with its digest, decision and orders."""
    require_scope(principal, "read")
    return proposal_document(await run_in_threadpool(desk_of(request).proposals.get, proposal_id))


@trading_router.post("/proposals/{proposal_id}/decision")
async def decide(request: Request, principal: Caller, proposal_id: str, body: DecisionRequest) -> dict[str, Any]:
    """Approve or reject, as a signed-in person with the scope `approve`; the first decision counts."""
    desk = desk_of(request)
    await run_in_threadpool(
        desk.proposals.decide,
        proposal_id,
        body.decision,
        body.digest,
        principal,
        face="api",
        reason=body.reason,
    )
    return proposal_document(await run_in_threadpool(desk.proposals.get, proposal_id))


@trading_router.get("/orders")
async def orders(
    request: Request,
    principal: Caller,
    account: str | None = None,
    state: Annotated[list[OrderState] | None, Query()] = None,
) -> list[dict[str, Any]]:
    """List the orders of an account with their executions, newest first."""
    require_scope(principal, "read")
    return await run_in_threadpool(orders_document, desk_of(request).books, account, state)


@trading_router.get("/positions")
async def positions(request: Request, principal: Caller, account: str | None = None) -> dict[str, Any]:
    """Show positions, cash and P&L at the desk's time."""
    require_scope(principal, "read")
    held: dict[str, Any] = plain(await run_in_threadpool(desk_of(request).books.holdings, account))
    return held


class LiveSwitch(BaseModel):
    """Say which way the switch goes."""

    model_config = ConfigDict(extra="forbid")
    live: bool


@trading_router.get("/accounts")
async def accounts(request: Request, principal: Caller) -> list[dict[str, Any]]:
    """List the accounts; `is_live` ones trade real money."""
    require_scope(principal, "read")
    return [plain(account) for account in await run_in_threadpool(desk_of(request).books.accounts)]


@trading_router.post("/accounts/{account_id}/live")
async def switch(request: Request, principal: Caller, account_id: str, body: LiveSwitch) -> Any:
    """Switch an account with real money to live, as a signed-in person with the scope `approve`, or off."""
    set_live = parts_of(request).accounts.set_live
    return plain(await run_in_threadpool(set_live, account_id, principal, is_live=body.live))


class Transfer(BaseModel):
    """Book money that came or left, with the reference of its document; withdrawals too are above 0."""

    model_config = ConfigDict(extra="forbid")
    movement: TransferKind
    amount: Decimal
    reference: str = Field(min_length=1, max_length=200)


@trading_router.post("/accounts/{account_id}/transfers")
async def transfer(request: Request, principal: Caller, account_id: str, body: Transfer) -> Any:
    """Book a transfer, as a signed-in person with the scope `approve`; a reference is booked once."""
    book = parts_of(request).accounts.transfer
    return plain(
        await run_in_threadpool(book, account_id, body.movement, body.amount, principal, reference=body.reference)
    )


class NewRule(BaseModel):
    """Declare a standing rule that rejects what has every part of its condition."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=80)
    condition: RejectCondition
    account: str | None = None


@trading_router.get("/rules")
async def rules(request: Request, principal: Caller) -> list[dict[str, Any]]:
    """List the standing rules that reject proposals."""
    require_scope(principal, "read")
    return [plain(rule) for rule in await run_in_threadpool(parts_of(request).reject_rules.standing)]


@trading_router.post("/rules")
async def declare_rule(request: Request, principal: Caller, body: NewRule) -> Any:
    """Declare a rule, as a signed-in person with the scope `approve`."""
    declare = parts_of(request).reject_rules.declare
    return plain(await run_in_threadpool(declare, body.name, body.condition, principal, account_id=body.account))


@trading_router.delete("/rules/{name}")
async def end_rule(request: Request, principal: Caller, name: str) -> Any:
    """End a rule, as a signed-in person with the scope `approve`."""
    return plain(await run_in_threadpool(parts_of(request).reject_rules.end, name, principal))


@trading_router.get("/trading")
async def trading(request: Request, principal: Caller) -> dict[str, Any]:
    """Say whether new orders may leave, and if not, why."""
    require_scope(principal, "read")
    reason = await run_in_threadpool(parts_of(request).kill_switch.status)
    return {"halted": reason is not None, "reason": reason}


@trading_router.post("/halt")
async def halt(request: Request, principal: Caller, body: Halt) -> dict[str, Any]:
    """Stop all new orders at once, and cancel those at work when asked; anyone who is signed in may stop."""
    parts = parts_of(request)
    said = await run_in_threadpool(parts.kill_switch.halt, principal, body.reason)
    if not body.cancel:
        return {"halted": True, "message": said}
    done = await run_in_threadpool(parts.stop_and_cancel, principal, body.reason)
    return {"halted": True, "message": said, "done": plain(done)}


@trading_router.get("/reconciliation")
async def reconciliation(request: Request, principal: Caller) -> dict[str, Any]:
    """Show what differs between the books and the venues, and orders that the desk did not send."""
    require_scope(principal, "read")
    found = parts_of(request).reconciliation
    return {
        "differences": plain(await run_in_threadpool(found.differences)),
        "external_orders": plain(await run_in_threadpool(found.external_orders)),
    }


@trading_router.post("/resume")
async def resume(request: Request, principal: Caller, body: Reason) -> dict[str, Any]:
    """Allow new orders again, as a person with the scope `approve`."""
    said = await run_in_threadpool(parts_of(request).kill_switch.resume, principal, body.reason)
    return {"halted": False, "message": said}


@trading_router.get("/clock")
async def clock(request: Request, principal: Caller) -> dict[str, str]:
    """Return the desk's time and whether it is live or replays the past."""
    require_scope(principal, "read")
    desk = desk_of(request)
    now = await run_in_threadpool(desk.clock.now)
    return {"mode": await run_in_threadpool(lambda: desk.clock.mode), "now": now.isoformat()}


@trading_router.post("/clock/advance")
async def advance(request: Request, principal: Caller, body: Advance) -> dict[str, str]:
    """Move a replaying desk on by sessions: orders fill and accounts are marked at each. Needs a person."""
    require_scope(principal, "trade")
    if principal.kind != "person":
        raise Refused("Only a person moves the desk's clock.", rule="person", hint="Sign in.")
    now = await run_in_threadpool(parts_of(request).advance_clock, body.sessions)
    return {"mode": "replay", "now": now.isoformat()}
