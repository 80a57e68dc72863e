"""Show a trade that was checked and not stored yet: its facts, its legs, what the limits say."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from core.domain.facts import Cell, Column, Table
from tools.context import ToolContext

if TYPE_CHECKING:
    from core.domain.books import OrderType
    from core.execution.proposals import Draft


_OF_BRACKET: dict[OrderType | None, str] = {None: "", "stop": " of the stop", "limit": " of the target"}


def state_draft(context: ToolContext, draft: Draft, *, source: str = "propose_trade") -> None:
    """State as facts what a draft would send and what it would do to cash, positions and weights."""
    from core.execution.impact import in_order

    impact = draft.impact
    money = draft.account.currency

    def fact(name: str, value: Cell | Decimal, unit: Literal["money", "shares", "ratio", "text"]) -> None:
        cell = float(value) if isinstance(value, Decimal) else value
        context.fact(name, cell, unit, currency=money if unit == "money" else None, source=source)

    for leg, exact in zip(impact.legs, in_order(draft.legs, draft.request.legging), strict=True):
        of = "" if len(impact.legs) == 1 else f" of {leg.symbol}"
        if draft.request.legging == "bracket":
            of = _OF_BRACKET[exact.order_type]
        fact(f"side{of}", leg.side, "text")
        fact(f"quantity{of}", leg.quantity, "shares")
        fact(f"last close{of}", leg.last_close.close, "money")
        if exact.band_low is not None and exact.band_high is not None:
            fact(f"price band low{of}", exact.band_low, "money")
            fact(f"price band high{of}", exact.band_high, "money")
        if exact.limit_price is not None:
            fact(f"limit price{of}", exact.limit_price, "money")
        if exact.stop_price is not None:
            fact(f"stop price{of}", exact.stop_price, "money")
        fact(f"position before{of}", leg.position_before, "shares")
        fact(f"position after{of}", leg.position_after, "shares")
        if leg.weight_after is not None:
            fact(f"weight after{of}", leg.weight_after, "ratio")
    fact("notional", impact.notional, "money")
    fact("expected fee", impact.fee, "money")
    fact("cash before", impact.cash_before, "money")
    fact("cash after", impact.cash_after, "money")
    fact("net asset value", impact.nav, "money")


def legs_table(draft: Draft) -> Table:
    """Return what would be sent, leg by leg."""
    money = draft.account.currency
    return Table(
        name="legs",
        title="What would be sent",
        columns=(
            Column(name="symbol", unit="text"),
            Column(name="side", unit="text"),
            Column(name="quantity", unit="shares"),
            Column(name="price", unit="money", title="expected price", currency=money),
            Column(name="notional", unit="money", currency=money),
            Column(name="position_after", unit="shares", title="position after"),
        ),
        rows=tuple(
            (
                leg.symbol,
                leg.side,
                float(leg.quantity),
                float(leg.price),
                float(leg.notional),
                float(leg.position_after),
            )
            for leg in draft.impact.legs
        ),
    )


def limits_table(draft: Draft) -> Table:
    """Return what each rule of the account says of it."""
    return Table(
        name="limits",
        title="Limits of the account",
        columns=(
            Column(name="rule", unit="text"),
            Column(name="allowed", unit="text"),
            Column(name="reason", unit="text"),
        ),
        rows=tuple(
            (verdict.rule, "yes" if verdict.allowed else "no", verdict.reason) for verdict in draft.impact.verdicts
        ),
    )
