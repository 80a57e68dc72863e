"""Say which stops and profit targets of enabled strategies rest at the broker and which the scan watches."""

from __future__ import annotations

from core.domain.facts import Frozen, ToolResult
from tools._protection import look, other_stops, protection_table
from tools.context import ToolContext
from tools.registry import tool


class StrategyStopsArguments(Frozen):
    """Ask for what protects the positions of your enabled strategies; there is nothing to choose."""


@tool(effect="read", data="private")
def strategy_stops(context: ToolContext, arguments: StrategyStopsArguments) -> ToolResult:
    """List what protects your enabled strategies: stops and targets that rest at the broker, and those watched.

    What rests is shown order by order with its quantity, price and order id; of what the scan watches at each new bar
    it says why it does not rest.
    """
    owner = context.principal.requested_by or context.principal.id
    saved = context.desk.strategies.saved(owner)
    kept = [part for strategy in saved if (part := look(context, strategy)) is not None]
    context.fact("orders at rest", sum(len(part.resting) for part in kept), "count")
    context.fact("strategies watched", sum(part.is_watched for part in kept), "count")
    notes = [part.sentence for part in kept] or ["No enabled strategy of yours has a stop or a profit target."]
    return context.result(
        tables=[protection_table(kept)],
        sources=["strategies.specs", "execution.orders"],
        notes=[*notes, *other_stops(context, kept)],
    )
