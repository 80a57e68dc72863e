"""Show a proposal as the database holds it, and take the decision on it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

import chainlit as cl
from pydantic import BaseModel, ConfigDict, ValidationError

from app.documents import printable
from chat_ui.people import current_person
from chat_ui.services import services
from core.domain.books import LEGGING_WORDS
from core.errors import ApprovalRefused, InvalidInput, QuantdeskError, UnknownName
from core.reporting.rendering import render_value

if TYPE_CHECKING:
    from decimal import Decimal

    from chainlit.step import StepDict

    from core.domain.books import Leg
    from core.execution.proposals import ProposalView
    from core.ports.clock import ClockMode

DECIDE = "decide_proposal"
ADVANCE = "advance_clock"
# How long the card waits for the workflow to act on an approval before it says how things stand.
PATIENCE_S = 15.0
# What the paper venue does with a stored session, by order type.
_FILLS = {
    "market": "the next session's open (its close where only closes are stored), plus slippage",
    "limit": "the next session's open, or at the limit when the session trades through it",
    "stop": "the stop when the session reaches it, or at its open beyond the stop, plus slippage",
}


class Click(BaseModel):
    """Be what a click on the card sends; anything else is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    proposal_id: str
    digest: str
    decision: Literal["approved", "rejected"]


def card_text(
    view: ProposalView, *, currency: str = "USD", mode: ClockMode = "replay", is_real_money: bool = False
) -> str:
    """Return the card: only the stored record speaks, and what an agent wrote is marked as such.

    `currency` and `is_real_money` are the account's; in `replay` the card says at which price the order would fill.
    """
    proposal = view.proposal

    def money(value: Decimal | None) -> str:
        return "" if value is None else render_value(value, "money", currency)

    rows = "\n".join(
        _leg_row(
            *(leg, proposal.order_type_of(leg), proposal.time_in_force_of(leg)),
            *(money(leg.limit_price), money(leg.stop_price)),
        )
        for leg in proposal.legs
    )
    lines = [
        f"### Trade proposal: {view.state}",
        "| side | quantity | symbol | order | limit | stop | time in force |",
        "|:---|---:|:---|:---|---:|---:|:---|",
        rows,
        "",
        f"**Account** {proposal.account_id} · **about** {money(proposal.notional)}",
        *(["🔴 **REAL MONEY: this account is no paper account.**"] if is_real_money else []),
    ]
    if len(proposal.legs) > 1:
        lines.append(f"**Legs** {LEGGING_WORDS[proposal.legging]}")
        lines += [
            f"**Sent only with** {_plain(leg.symbol)} **between** {money(leg.band_low)} **and** {money(leg.band_high)}"
            for leg in proposal.legs
            if leg.band_low is not None and leg.band_high is not None
        ]
    if proposal.band_low is not None and proposal.band_high is not None:
        lines.append(f"**Sent only between** {money(proposal.band_low)} **and** {money(proposal.band_high)}")
    if mode == "replay" and view.state in {"pending", "approved"} and proposal.order_type in _FILLS:
        lines.append(f"**Fills at** {_FILLS[proposal.order_type]}")
    lines += [
        f"**Desk time** {proposal.desk_time:%Y-%m-%d %H:%M} UTC · **expires** {proposal.expires_at:%Y-%m-%d %H:%M} UTC",
        f"**Status** {view.progress}",
    ]
    if proposal.reason:
        quoted = " ".join(proposal.reason.split())
        lines.append(f"\n> Reason given by the {proposal.author_kind}, not checked: {_plain(quoted)}")
    lines.append(f"\n`{proposal.proposal_id}` · digest `{proposal.digest}`")
    return "\n".join(lines)


async def show_card(proposal_id: str) -> None:
    """Send the card, with buttons while the proposal waits."""
    text, actions = await _card(proposal_id)
    await cl.Message(content=text, author="desk", actions=actions).send()


async def show_again(proposal_id: str, steps: list[StepDict]) -> None:
    """Write the cards of an old conversation's `steps` anew; the last has the buttons while the proposal waits."""
    cards = [step for step in steps if f"`{proposal_id}` · digest `" in (step.get("output") or "")]
    if not cards:
        return
    try:
        text, actions = await _card(proposal_id)
    except UnknownName:  # the desk's books were begun anew
        return
    for step in cards:
        step["output"] = text
    for action in actions:
        await action.send(for_id=cards[-1]["id"])


async def _card(proposal_id: str) -> tuple[str, list[cl.Action]]:
    desk = services().parts.desk
    view = await asyncio.to_thread(desk.proposals.get, proposal_id)
    account = await asyncio.to_thread(desk.books.account, view.proposal.account_id)
    text = card_text(view, currency=account.currency, mode=desk.clock.mode, is_real_money=account.is_real_money)
    return text, _buttons(view) if view.state == "pending" else []


async def decide(action: cl.Action) -> None:
    """Take the decision of a click, as the person signed in right now; the click itself is not trusted."""
    try:
        click = read_click(action.payload)
    except InvalidInput as error:
        await cl.Message(content=str(error), author="desk").send()
        return
    try:
        person = await current_person()
        await asyncio.to_thread(
            services().parts.desk.proposals.decide,
            click.proposal_id,
            click.decision,
            click.digest,
            person,
            face="chat",
        )
    except QuantdeskError as error:
        await cl.Message(content=f"**Not {click.decision}.** {error}", author="desk").send()
        if not isinstance(error, ApprovalRefused):
            return
    else:
        await cl.Message(content=f"**{click.decision.capitalize()}** by {person.name}.", author="desk").send()
        if click.decision == "approved":
            await _follow(click.proposal_id)
    await _take_buttons_away(click.proposal_id)


async def advance(action: cl.Action) -> None:
    """Move a replaying desk on by one session, so that the next stored bar can fill what waits."""
    try:
        person = await current_person()
        if "trade" not in person.scopes:
            raise InvalidInput(f"{person.name} lacks the scope 'trade'.")
        now = await asyncio.to_thread(services().parts.advance_clock, 1)
    except QuantdeskError as error:
        await cl.Message(content=str(error), author="desk").send()
        return
    await action.remove()
    await cl.Message(content=f"The desk's time is now {now:%Y-%m-%d %H:%M} UTC.", author="desk").send()
    if isinstance(action.payload.get("proposal_id"), str):
        await _tell(action.payload["proposal_id"])


def read_click(payload: dict[str, Any]) -> Click:
    """Return what a click says; raise InvalidInput for anything that the card does not send."""
    try:
        return Click.model_validate(payload)
    except ValidationError as error:
        raise InvalidInput("This is not a click on a proposal card.", hint="Open the proposal again.") from error


async def _follow(proposal_id: str) -> None:
    """Wait until the approved orders have left and say how they stand."""
    desk = services().parts.desk
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE_S
    while loop.time() < deadline:
        view = await asyncio.to_thread(desk.proposals.get, proposal_id)
        if view.orders and all(order.state not in {"intended", "submitting"} for order in view.orders):
            break
        await asyncio.sleep(0.3)
    await _tell(proposal_id)


async def _tell(proposal_id: str) -> None:
    desk = services().parts.desk
    view = await asyncio.to_thread(desk.proposals.get, proposal_id)
    lines = [view.progress]
    fills = await asyncio.to_thread(desk.books.fills, view.proposal.account_id)
    ours = {order.order_id for order in view.orders}
    for fill in fills:
        if fill.order_id in ours:
            symbol = await asyncio.to_thread(desk.books.symbol, fill.instrument_id)
            price = render_value(fill.price, "money", fill.currency)
            fee = render_value(fill.fee, "money", fill.currency)
            lines.append(f"- {fill.side} {render_value(fill.quantity, 'shares')} {symbol} at {price}"
                         f" on {fill.session}, fee {fee}")  # fmt: skip
    held = await asyncio.to_thread(desk.books.holdings, view.proposal.account_id)
    symbols = {leg.symbol for leg in view.proposal.legs}
    lines += [
        f"- position: {render_value(line.quantity, 'shares')} {line.symbol},"
        f" worth {render_value(line.market_value, 'money', held.account.currency)}"
        for line in held.positions
        if line.symbol in symbols
    ]
    working = any(order.state in {"accepted", "partially_filled", "submitting", "intended"} for order in view.orders)
    actions = []
    if working and desk.clock.mode == "replay":
        actions = [cl.Action(name=ADVANCE, payload={"proposal_id": proposal_id}, label="Go to the next session")]
    await cl.Message(content="\n".join(lines), author="desk", actions=actions).send()


def _buttons(view: ProposalView) -> list[cl.Action]:
    def button(decision: str, label: str, icon: str) -> cl.Action:
        proposal = view.proposal
        payload = {"proposal_id": proposal.proposal_id, "digest": proposal.digest, "decision": decision}
        name = _button_id(proposal.proposal_id, decision)
        return cl.Action(name=DECIDE, payload=payload, label=label, icon=icon, id=name)

    return [button("approved", "Approve", "check"), button("rejected", "Reject", "x")]


def _button_id(proposal_id: str, decision: str) -> str:
    return f"{decision}-{proposal_id}"


async def _take_buttons_away(proposal_id: str) -> None:
    for decision in ("approved", "rejected"):
        await cl.Action(name=DECIDE, payload={}, id=_button_id(proposal_id, decision)).remove()


def _leg_row(leg: Leg, order_type: str, time_in_force: str, limit: str, stop: str) -> str:
    cells = (
        f"**{leg.side.upper()}**",
        render_value(leg.quantity, "shares"),
        f"**{_plain(leg.symbol)}**",
        order_type,
        limit,
        stop,
        time_in_force,
    )
    return "| " + " | ".join(cells) + " |"


def _plain(text: str) -> str:
    """Take every meaning but its words from a text: no markup, no link, nothing that turns the line around."""
    for character in "\\`*_[]<>#|!~$":
        text = text.replace(character, "\\" + character)
    # A bare address becomes a link whatever is escaped; a space without width stops that.
    text = text.replace("://", ":\u200b//").replace("www.", "www\u200b.")
    return printable(text)
