"""Say how a saved strategy's position is protected: by orders that rest at the broker, or watched by the scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from core.domain.facts import Cell, Column, Table
from core.errors import QuantdeskError
from tools.context import ToolContext

if TYPE_CHECKING:
    from core.domain.books import Account, Order, OrderType
    from core.domain.owned_records import SavedStrategy
    from core.execution.live import Protection
    from core.execution.positions import Holding
    from core.execution.requests import LegRequest

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES: Mapping[OrderType, str] = {"stop": "stop", "limit": "target"}


def protection_of(strategy: SavedStrategy) -> Protection:
    """Return the stop and the profit target of a strategy."""
    from core.execution.live import Protection

    return Protection(stop_loss=strategy.stop_loss, take_profit=strategy.take_profit)


def why_watched(context: ToolContext, strategy: SavedStrategy, account: Account) -> str | None:
    """Return why the stop and target of a strategy cannot rest at the broker, None when they can."""
    from core.strategies.spec import from_mapping

    spec = from_mapping(strategy.spec)
    if spec.strategy.trades_as_one:
        return "their levels are those of the spread, which no order of one leg knows"
    if len(spec.symbols) != 1:
        return "their levels are those of several positions together"
    if not context.desk.proposals.rests_stops(account):
        return f"{account.broker} keeps no stop orders"
    return None


def legs_for(protection: Protection, *, symbol: str, held: Decimal, reference: float) -> tuple[LegRequest, ...]:
    """Return the stop and the target that protect `held` shares (negative: short) entered at `reference`."""
    from core.execution.requests import LegRequest

    return tuple(
        LegRequest(
            symbol=symbol,
            side="sell" if held > 0 else "buy",
            quantity=abs(held),
            order_type=kind,
            stop_price=Decimal(repr(level)) if kind == "stop" else None,
            limit_price=Decimal(repr(level)) if kind == "limit" else None,
        )
        for kind, level in protection.levels(1 if held > 0 else -1, reference).items()
    )


def is_kept(strategy: SavedStrategy, resting: Sequence[Order], holding: Holding) -> bool:
    """Say whether orders at rest protect exactly a position, at the levels that the strategy wants."""
    side = 1 if holding.quantity > 0 else -1
    prices = {order.order_type: float(order.stop_price or order.limit_price or 0) for order in resting}
    return (
        len(prices) == len(resting)
        and all(order.quantity - order.filled_quantity == abs(holding.quantity) for order in resting)
        and protection_of(strategy).is_kept_by(prices, side, float(holding.average_cost))
    )


def last_traded(context: ToolContext, strategy: SavedStrategy, account_id: str) -> date | None:
    """Return the session in which an order that protected a strategy's position last traded, None without one."""
    books = context.desk.books
    orders = books.protecting(strategy.strategy_id, account_id, since=_EVER)
    traded = {order.order_id for order in orders if order.filled_quantity}
    fills = books.fills(account_id, context.as_of, limit=None) if traded else []
    return max((fill.session for fill in fills if fill.order_id in traded), default=None)


@dataclass(frozen=True, slots=True)
class Kept:
    """Say how one strategy is protected: the orders that rest, and what else there is to say, in words.

    `is_watched` says that the scan looks at its levels, because no orders rest or not those it wants.
    """

    strategy: str
    account: str
    broker: str
    symbol: str
    resting: tuple[Order, ...]
    is_watched: bool
    words: str

    @property
    def sentence(self) -> str:
        """Return it in words."""
        at_rest = [
            f"{_NAMES.get(order.order_type, order.order_type)} of {self.account} rests at {self.broker}: {order.side}"
            f" {order.quantity - order.filled_quantity:f} {self.symbol} at {order.stop_price or order.limit_price:f}"
            f" ({order.order_id})"
            for order in self.resting
        ]
        return f"{self.strategy}: " + "; ".join([*at_rest, *([self.words] if self.words else [])]) + "."


def look(context: ToolContext, strategy: SavedStrategy) -> Kept | None:
    """Return how an enabled strategy is protected now; None when it has neither stop nor target and nothing rests."""
    if not strategy.enabled:
        return None
    books = context.desk.books
    symbols = strategy.spec.get("symbols")
    symbol = symbols if isinstance(symbols, str) else ", ".join(map(str, symbols or ()))
    names = names_of(strategy)
    try:
        account = books.account(strategy.account_id)
        reason = why_watched(context, strategy, account)
    except QuantdeskError as error:
        if not names:
            return None
        return Kept(
            *(strategy.name, "", "", symbol, ()),
            is_watched=True,
            words=f"nothing can be said of its protection: {str(error).rstrip('.')}",
        )
    resting = [
        order
        for order in books.protecting(strategy.strategy_id, account.account_id)
        if order.state in ("accepted", "partially_filled")
    ]
    held = books.held_for(strategy.strategy_id, account.account_id, context.as_of)
    if not names and not resting:
        return None
    is_watched, words = False, ""
    if names and reason is not None:
        is_watched, words = True, f"{names} watched by the scan at each new bar, because {reason}"
    elif names and not held:
        words = f"it holds nothing; {names} of its next entry will rest at {account.broker}"
    elif names and not is_kept(strategy, resting, next(iter(held.values()))):
        is_watched = True
        words = f"{names} watched by the scan at each new bar until orders that fit the position rest"
    return Kept(
        *(strategy.name, account.account_id, account.broker, symbol, tuple(resting)),
        is_watched=is_watched,
        words=words,
    )


def other_stops(context: ToolContext, kept: Sequence[Kept]) -> list[str]:
    """Name the stop orders at rest in the accounts of strategies that protect none of them."""
    books = context.desk.books
    known = {order.order_id for part in kept for order in part.resting}
    return [
        f"A stop of {account_id} that is no strategy's rests at {broker}: {order.side}"
        f" {order.quantity - order.filled_quantity:f} {books.symbol(order.instrument_id)} at {order.stop_price:f}"
        f" ({order.order_id})."
        for account_id, broker in dict.fromkeys((part.account, part.broker) for part in kept if part.account)
        for order in books.orders(account_id, context.as_of, states=("accepted", "partially_filled"))
        if order.stop_price is not None and order.order_id not in known
    ]


def names_of(strategy: SavedStrategy) -> str:
    """Return what protects a strategy, in words: nothing, its stop, its target or both."""
    pairs = (("stop", strategy.stop_loss), ("target", strategy.take_profit))
    return " and ".join(name for name, ratio in pairs if ratio)


def protection_table(kept: Sequence[Kept]) -> Table:
    """Return what rests, order by order, and what is watched."""
    columns = (
        *(Column(name=name, unit="text") for name in ("strategy", "protection", "account", "broker", "symbol", "side")),
        Column(name="quantity", unit="shares"),
        Column(name="price", unit="money", currency="USD"),
        *(Column(name=name, unit="text") for name in ("order", "why")),
    )
    rows: list[tuple[Cell, ...]] = []
    for part in kept:
        rows += [_row(part, order) for order in part.resting]
        if part.words:
            says = "watched" if part.is_watched else "nothing held"
            rows.append(
                (part.strategy, says, part.account, part.broker, part.symbol, None, None, None, None, part.words)
            )
    return Table(name="protection", title="What protects your strategies", columns=columns, rows=tuple(rows))


def _row(part: Kept, order: Order) -> tuple[Cell, ...]:
    price = order.stop_price or order.limit_price
    return (
        part.strategy,
        f"{_NAMES.get(order.order_type, order.order_type)} rests",
        part.account,
        part.broker,
        part.symbol,
        order.side,
        float(order.quantity - order.filled_quantity),
        None if price is None else float(price),
        order.order_id,
        None,
    )
