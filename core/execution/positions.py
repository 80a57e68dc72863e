"""Compute positions, cash and profit from executions, in Decimal and in whatever order they came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from core.domain.books import CashEntry, Fill

CENT = Decimal("0.01")
ZERO = Decimal(0)
_COIN = Decimal("0.00000001")
_COINS = frozenset({"USDT", "USDC"})
"""Currencies that venues count to the eighth place; execution.money_places says the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Hold what executions add up to: signed quantity, its cost in money, realised profit before fees, and fees.

    `cost` is what the open quantity was bought for (negative: sold short for); average cost is cost / quantity.
    """

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    fees: Decimal = ZERO

    @property
    def average_cost(self) -> Decimal:
        """Return the cost of one unit, 0 when nothing is held."""
        return self.cost / self.quantity if self.quantity else ZERO


def smallest_amount(currency: str) -> Decimal:
    """Return the unit that amounts of a currency are rounded to: a cent, of a coin its eighth place."""
    return _COIN if currency in _COINS else CENT


def money(amount: Decimal, currency: str) -> Decimal:
    """Return an amount rounded half up to the unit of its currency."""
    return amount.quantize(smallest_amount(currency), rounding=ROUND_HALF_UP)


def trade_amount(fill: Fill) -> Decimal:
    """Return the cash a fill moves before its fee, in whole units of its currency: negative for a purchase."""
    amount = money(fill.quantity * fill.price, fill.currency)
    return -amount if fill.side == "buy" else amount


def cash_entries(fill: Fill) -> tuple[CashEntry, ...]:
    """Return the movements of cash that a fill makes; a commission in kind is sold and paid, and moves none in sum."""
    trade = CashEntry(
        account_id=fill.account_id,
        movement="trade",
        amount=trade_amount(fill),
        currency=fill.currency,
        fill_id=fill.fill_id,
        booked_at=fill.filled_at,
    )
    entries = [trade]
    if fill.fee:
        entries.append(trade.model_copy(update={"movement": "fee", "amount": -fill.fee}))
    if fill.fee_quantity:
        entries.append(trade.model_copy(update={"movement": "fee_in_kind", "amount": fill.fee}))
    return tuple(entries)


def fold(fills: Iterable[Fill]) -> Holding:
    """Add up the fills of one instrument by average cost.

    Takes them in the order of their time at the venue, then execution id, so that late and reordered reports
    give the same holding. A fill that crosses zero closes the old side and opens the new one at its own price.
    """
    holding = Holding()
    for fill in sorted(fills, key=lambda fill: (fill.filled_at, fill.execution_id)):
        holding = _add(holding, fill)
    return holding


def _add(holding: Holding, fill: Fill) -> Holding:
    signed = fill.quantity if fill.side == "buy" else -fill.quantity
    spent = -trade_amount(fill)
    fees = holding.fees + fill.fee
    quantity = holding.quantity + signed
    if holding.quantity * signed >= 0:
        return Holding(quantity=quantity, cost=holding.cost + spent, realized_pnl=holding.realized_pnl, fees=fees)
    closed = min(abs(signed), abs(holding.quantity))
    spent_closing = spent * closed / abs(signed)
    cost_closed = holding.cost * closed / abs(holding.quantity)
    realized = holding.realized_pnl - spent_closing - cost_closed
    if abs(signed) > abs(holding.quantity):
        return Holding(quantity=quantity, cost=spent - spent_closing, realized_pnl=realized, fees=fees)
    cost = holding.cost - cost_closed if quantity else ZERO
    return Holding(quantity=quantity, cost=cost, realized_pnl=realized, fees=fees)
