"""Propose a trade."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from core.domain.facts import Frozen, ToolResult
from core.errors import InvalidInput
from tools._draft import legs_table, limits_table, state_draft
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from core.domain.books import ProposalDecision
    from core.execution.requests import TradeRequest

Side = Literal["buy", "sell"]


class ProposedLeg(Frozen):
    """Name one leg of a trade."""

    symbol: str = Field(max_length=60, description="Symbol or name.")
    side: Side | None = Field(default=None, description="buy or sell; may be left out with target_weight.")
    quantity: float | None = Field(default=None, gt=0, description="Shares or coins.")
    target_weight: float | None = Field(
        default=None, ge=-1, le=1, description="Share of net asset value to bring the position to; 0 closes it."
    )
    position_share: float | None = Field(
        default=None, gt=0, le=1, description="Share of the position held to buy or sell: 0.5 is half of it."
    )
    limit_price: float | None = Field(default=None, gt=0, description="Limit of a limit or stop-limit order.")
    stop_price: float | None = Field(default=None, gt=0, description="Trigger of a stop or stop-limit order.")
    order_type: Literal["limit", "stop", "stop_limit"] | None = Field(
        default=None, description="Order type of this leg, in a linked pair only."
    )


class ProposeTradeArguments(Frozen):
    """Ask for a trade that waits for a person's approval: one symbol, or several legs."""

    symbol: str | None = Field(
        default=None, max_length=60, description="Symbol or name; leave out when legs are given."
    )
    side: Side | None = Field(default=None, description="buy or sell; may be left out with target_weight.")
    quantity: float | None = Field(default=None, gt=0, description="Shares or coins; or give target_weight.")
    target_weight: float | None = Field(
        default=None, ge=-1, le=1, description="Share of net asset value to bring the position to; 0 closes it."
    )
    position_share: float | None = Field(
        default=None, gt=0, le=1, description="Share of the position held to buy or sell: 0.5 is half of it."
    )
    order_type: Literal["market", "limit", "stop", "stop_limit"] = Field(default="market", description="Order type.")
    limit_price: float | None = Field(default=None, gt=0, description="Limit of a limit order.")
    stop_price: float | None = Field(default=None, gt=0, description="Trigger of a stop order.")
    time_in_force: Literal["day", "gtc", "ioc", "fok"] = Field(
        default="day",
        description="To the session's close, till cancelled, what trades at once, or all of it at once or nothing.",
    )
    legging: Literal["together", "in_order", "one_cancels_other"] = Field(
        default="together",
        description="Send several legs at once, each when the one before is filled, or a limit and a stop order of the"
        " same quantity as a linked pair of which one cancels the other.",
    )
    on_failure: Literal["keep", "unwind"] = Field(
        default="keep", description="Keep filled legs when another leg fails, or trade them back at the market."
    )
    reason: str = Field(default="", max_length=2000, description="Why; shown with the proposal.")
    legs: tuple[ProposedLeg, ...] = Field(default=(), max_length=10, description="Several legs decided as one.")
    account: str | None = Field(default=None, description="Account, when there are several.")
    expires_in_minutes: int | None = Field(default=None, ge=1, le=43_200, description="Time to decide.")


@tool(effect="propose", data="private")
def propose_trade(context: ToolContext, arguments: ProposeTradeArguments) -> ToolResult:
    """Propose a trade that waits for a signed-in person's approval; nothing is sent.

    Checks symbol, lot, price band and the account's limits, and says what the trade would do to cash, position and
    exposure. A market order is bound to a band of 5 % around the last close.
    """
    draft = context.desk.proposals.prepare(_request(arguments), as_of=context.as_of)
    state_draft(context, draft)
    evidence = context.result().facts
    proposal = context.desk.proposals.submit(draft, context.principal, evidence=tuple(fact.id for fact in evidence))
    context.fact("expires at", proposal.expires_at.isoformat(timespec="minutes"), "date")
    notes = (
        *draft.impact.notes,
        _what_happens(context.desk.proposals.get(proposal.proposal_id).decision),
        *(("This is the demo book: a paper account.",) if draft.account.is_demo else ()),
    )
    return context.result(
        tables=[legs_table(draft), limits_table(draft)],
        sources=["execution.proposals", *(f"{leg.symbol}: {leg.last_close.source}" for leg in draft.impact.legs)],
        notes=notes,
        proposal_id=proposal.proposal_id,
        details={
            "proposal_id": proposal.proposal_id,
            "digest": proposal.digest,
            "account": proposal.account_id,
            "order_type": proposal.order_type,
            "time_in_force": proposal.time_in_force,
            "legging": proposal.legging,
            "on_failure": proposal.on_failure,
            "legs": [leg.model_dump(mode="json") for leg in proposal.legs],
            "reason": proposal.reason,
            "expires_at": proposal.expires_at.isoformat(),
        },
    )


def _what_happens(decision: ProposalDecision | None) -> str:
    if decision is None:
        return "Nothing is sent: the proposal waits for a person's approval."
    return f"Nothing is sent: the proposal was {decision.decision} at once. {decision.reason}"


def _request(arguments: ProposeTradeArguments) -> TradeRequest:
    from core.execution.requests import LegRequest, TradeRequest

    single = ("symbol", "side", "quantity", "target_weight", "position_share", "limit_price", "stop_price")
    if arguments.legs and any(getattr(arguments, name) is not None for name in single):
        raise InvalidInput("Give either one symbol or legs, not both.")
    if not arguments.legs and arguments.symbol is None:
        raise InvalidInput("No symbol was given.", hint="Name a symbol, or give legs.")
    legs = arguments.legs or (ProposedLeg(**{name: getattr(arguments, name) for name in single}),)
    return TradeRequest(
        legs=tuple(
            LegRequest(
                symbol=leg.symbol,
                side=leg.side,
                quantity=_decimal(leg.quantity),
                target_weight=_decimal(leg.target_weight),
                position_share=_decimal(leg.position_share),
                limit_price=_decimal(leg.limit_price),
                stop_price=_decimal(leg.stop_price),
                order_type=leg.order_type,
            )
            for leg in legs
        ),
        account_id=arguments.account,
        order_type=arguments.order_type,
        time_in_force=arguments.time_in_force,
        legging=arguments.legging,
        on_failure=arguments.on_failure,
        reason=arguments.reason,
        expires_in_minutes=arguments.expires_in_minutes,
    )


def _decimal(value: float | None) -> Decimal | None:
    # repr gives the shortest text of a float: 0.1 becomes Decimal("0.1").
    return None if value is None else Decimal(repr(value))
