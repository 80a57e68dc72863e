"""State an account's limits: what is used of each, what is allowed, and whether trading is halted."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from core.domain.facts import Cell, Column, Table

if TYPE_CHECKING:
    from core.execution.books import Holdings
    from tools.context import ToolContext


def limits_table(context: ToolContext, held: Holdings) -> Table:
    """State the money limits and the trading state as facts; return the exposures with use and limit, as ratios."""
    from core.execution.impact import limits_of

    limits = limits_of(held.account)
    halted = context.desk.proposals.halted()
    context.fact("trading", "on" if halted is None else f"halted: {halted}", "text", source="desk.trading_state")
    for name, allowed in (
        ("least cash allowed", limits.min_cash),
        ("largest order allowed", limits.max_order_notional),
        ("orders that need two persons, above", held.account.four_eyes_above),
    ):
        if allowed is not None:
            context.fact(
                name, float(allowed), "money", currency=held.account.currency, source="execution.accounts.limits"
            )
    largest = max((abs(line.weight) for line in held.positions), default=Decimal(0))
    exposures = (
        ("largest position", largest, limits.max_position_weight),
        ("gross exposure", held.gross_exposure, limits.max_gross_exposure),
        ("net exposure", abs(held.net_exposure), limits.max_net_exposure),
    )
    rows = tuple(_row(name, used, allowed) for name, used, allowed in exposures if allowed is not None)
    columns = (
        Column(name="limit", unit="text"),
        Column(name="used", unit="ratio"),
        Column(name="allowed", unit="ratio"),
        Column(name="share_used", unit="ratio", title="share of the limit used"),
    )
    return Table(name="limits", title="Limits of the account, as shares of its value", columns=columns, rows=rows)


def _row(name: str, used: Decimal, allowed: Decimal) -> tuple[Cell, ...]:
    return name, float(used), float(allowed), float(used / allowed) if allowed else None
