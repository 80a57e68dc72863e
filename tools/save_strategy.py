"""Save a strategy of one's own and switch its scan on or off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from core.domain.facts import Cell, Column, Frozen, Table, ToolResult
from core.errors import InvalidInput
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from core.domain.owned_records import SavedStrategy


class SaveStrategyArguments(Frozen):
    """Name a strategy of yours; what is left out stays as it is."""

    name: str = Field(min_length=1, max_length=80, description="Name of your strategy.")
    strategy: str | None = Field(default=None, description="Strategy, such as pair, timed, sma_crossover.")
    symbols: tuple[str, ...] = Field(default=(), max_length=30, description="Symbols, in the strategy's order.")
    parameters: dict[str, Any] | None = Field(default=None, description="The strategy's parameters.")
    enabled: bool = Field(default=True, description="Whether the scan looks at it on new bars.")
    account: str | None = Field(default=None, description="Account to trade; the only one when left out.")
    weight: float | None = Field(default=None, gt=0, le=1, description="Share of the account's value it may use.")
    stop_loss: float | None = Field(default=None, ge=0, lt=1, description="Leave at this loss, ratio; 0: none.")
    take_profit: float | None = Field(default=None, ge=0, description="Leave at this gain, ratio; 0: none.")
    horizon_sessions: int | None = Field(
        default=None, ge=1, le=260, description="Sessions after which recommendations are scored."
    )


@tool(effect="propose", data="private")
def save_strategy(context: ToolContext, arguments: SaveStrategyArguments) -> ToolResult:
    """Save a strategy of yours, or change one, and enable or disable its scan; nothing is traded by it.

    An enabled strategy is looked at on new bars; what it asks for becomes a proposal that waits for a person.
    """
    owner = context.principal.requested_by or context.principal.id
    saved = context.desk.strategies.saved(owner)
    found = next((part for part in saved if part.name.lower() == arguments.name.strip().lower()), None)
    made = _changed(context, arguments, found, owner)
    context.desk.strategies.save(made)
    context.fact("enabled", "yes" if made.enabled else "no", "text")
    context.fact("share of the account", made.weight, "ratio")
    return context.result(
        tables=[strategies_table([made])],
        sources=["strategies.specs"],
        notes=[
            "The scan looks at it on new bars; each trade it asks for waits for a person's approval."
            if made.enabled
            else "The scan leaves it alone; a position it holds stays as it is."
        ],
        details={"strategy_id": made.strategy_id},
    )


def strategies_table(strategies: list[SavedStrategy]) -> Table:
    """Return saved strategies with their terms."""
    columns = (
        Column(name="name", unit="text"),
        Column(name="strategy", unit="text"),
        Column(name="symbols", unit="text"),
        Column(name="enabled", unit="text"),
        Column(name="weight", unit="ratio"),
        Column(name="stop_loss", unit="ratio", title="stop loss"),
        Column(name="take_profit", unit="ratio", title="take profit"),
        Column(name="horizon", unit="count", title="horizon in sessions"),
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            part.name,
            str(part.spec["strategy"]),
            ", ".join(map(str, _listed(part.spec["symbols"]))),
            "yes" if part.enabled else "no",
            part.weight,
            part.stop_loss,
            part.take_profit,
            part.horizon_sessions,
        )
        for part in strategies
    )
    return Table(name="strategies", title="Your strategies", columns=columns, rows=rows)


def _changed(
    context: ToolContext, arguments: SaveStrategyArguments, found: SavedStrategy | None, owner: str
) -> SavedStrategy:
    from core.domain.owned_records import SavedStrategy
    from core.strategies.spec import from_mapping

    spec: dict[str, Any] = dict(found.spec) if found else {}
    if arguments.strategy is not None:
        spec["strategy"] = arguments.strategy
    if arguments.symbols:
        spec["symbols"] = [context.desk.instruments.find(symbol).symbol for symbol in arguments.symbols]
    if arguments.parameters is not None:
        spec["parameters"] = arguments.parameters
    if not spec.get("strategy") or not spec.get("symbols"):
        raise InvalidInput(f"You have no strategy {arguments.name} yet.", hint="Name its strategy and its symbols.")
    from_mapping(spec)
    account = arguments.account or (found.account_id if found else None)
    if account is not None:
        account = context.desk.books.account(account).account_id
    terms = {
        name: value
        for name in ("weight", "stop_loss", "take_profit", "horizon_sessions")
        if (value := getattr(arguments, name)) is not None
    }
    known: dict[str, Any] = (
        found.model_dump()
        if found
        else {
            "strategy_id": context.desk.ids.new("stg"),
            "created_by": owner,
            "created_at": context.desk.clock.wall(),
        }
    )
    changes = {"name": arguments.name.strip(), "spec": spec, "enabled": arguments.enabled, "account_id": account}
    return SavedStrategy.model_validate({**known, **terms, **changes, "changed_by": context.principal.id})


def _listed(symbols: Any) -> list[Any]:
    return [symbols] if isinstance(symbols, str) else list(symbols)
