"""Compute realised profit by FIFO or average cost, in Decimal, by strategy, session, symbol or in one sum."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from core.domain.books import Fill
from core.execution.positions import ZERO, trade_amount

Method = Literal["average", "fifo"]
Grouping = Literal["strategy", "session", "symbol", "account"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Realized:
    """Hold what one fill realised before its fee: 0 for a fill that only opens."""

    fill_id: str
    order_id: str
    instrument_id: int
    session: date
    profit: Decimal
    fee: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfitLine:
    """Hold realised profit, fees and what is left of one group."""

    name: str
    fills: int
    realized: Decimal
    fees: Decimal

    @property
    def net(self) -> Decimal:
        """Return realised profit less fees."""
        return self.realized - self.fees


def realize(fills: Iterable[Fill], *, method: Method) -> list[Realized]:
    """Return what each fill realised, in the order of time at the venue, then execution id.

    `fifo` closes the oldest lots first; `average` closes at the mean cost of all that is held. A fill through zero
    closes the old side and opens the new one at its own price. Both give the same sum once nothing is held.
    """
    lots: dict[int, deque[tuple[Decimal, Decimal]]] = {}
    found = []
    for fill in sorted(fills, key=lambda fill: (fill.filled_at, fill.execution_id)):
        held = lots.setdefault(fill.instrument_id, deque())
        profit = _close(held, fill)
        if method == "average" and len(held) > 1:
            quantity = sum((part for part, _ in held), ZERO)
            cost = sum((part for _, part in held), ZERO)
            held.clear()
            held.append((quantity, cost))
        found.append(
            Realized(
                fill_id=fill.fill_id,
                order_id=fill.order_id,
                instrument_id=fill.instrument_id,
                session=fill.session,
                profit=profit,
                fee=fill.fee,
            )
        )
    return found


def summarize(realized: Sequence[Realized], names: Mapping[str, str]) -> list[ProfitLine]:
    """Add up by the name that `names` gives to each fill id, ordered by name."""
    groups: dict[str, list[Realized]] = {}
    for part in realized:
        groups.setdefault(names[part.fill_id], []).append(part)
    return [
        ProfitLine(
            name=name,
            fills=len(parts),
            realized=sum((part.profit for part in parts), ZERO),
            fees=sum((part.fee for part in parts), ZERO),
        )
        for name, parts in sorted(groups.items())
    ]


def _close(held: deque[tuple[Decimal, Decimal]], fill: Fill) -> Decimal:
    """Take a fill into the lots (signed quantity, signed cost) and return what it realised."""
    left = fill.quantity if fill.side == "buy" else -fill.quantity
    spent = -trade_amount(fill)
    price = spent / left
    profit = ZERO
    while held and left and held[0][0] * left < 0:
        quantity, cost = held.popleft()
        closed = min(abs(quantity), abs(left)).copy_sign(quantity)
        part = cost * closed / quantity
        profit += closed * price - part
        left += closed
        if closed != quantity:
            held.appendleft((quantity - closed, cost - part))
    if left:
        held.append((left, left * price))
    return profit
