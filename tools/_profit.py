"""Split an account's profit by instrument, by who proposed the trades, by period and by cost, in Decimal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.domain.books import Fill
    from core.execution.stores import NavPoint

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfitLine:
    """Hold the profit of one part: realised and unrealised before fees, the fees, and what is left."""

    name: str
    realized: Decimal
    unrealized: Decimal
    fees: Decimal
    trades: int

    @property
    def total(self) -> Decimal:
        """Return the profit after fees."""
        return self.realized + self.unrealized - self.fees


def profit_by(
    fills: Sequence[Fill], marks: Mapping[int, Decimal], part: Callable[[Fill], str]
) -> tuple[ProfitLine, ...]:
    """Add up fills by a part of them, best first; within a part each instrument goes by its own average cost.

    The totals of the parts add up to the account's profit before other income, whatever the part. An instrument without
    a mark that is still held counts at 0.
    """
    from core.execution.positions import fold

    groups: dict[str, dict[int, list[Fill]]] = {}
    for fill in fills:
        groups.setdefault(part(fill), {}).setdefault(fill.instrument_id, []).append(fill)
    lines = []
    for name, by_instrument in groups.items():
        held = {key: fold(own) for key, own in by_instrument.items()}
        lines.append(
            ProfitLine(
                name=name,
                realized=sum((one.realized_pnl for one in held.values()), _ZERO),
                unrealized=sum(
                    (one.quantity * marks.get(key, _ZERO) - one.cost for key, one in held.items() if one.quantity),
                    _ZERO,
                ),
                fees=sum((one.fees for one in held.values()), _ZERO),
                trades=sum(map(len, by_instrument.values())),
            )
        )
    return tuple(sorted(lines, key=lambda line: -line.total))


def profit_by_period(
    history: Sequence[NavPoint], fills: Sequence[Fill], grain: str, *, start: date | None, end: date | None
) -> tuple[tuple[str, Decimal], ...]:
    """Return the profit of each day or month (`grain`) after fees: the change of value less the money paid in or out.

    Cash that no trade explains counts as paid in, so that dividends and interest are not inside.
    """
    from core.execution.positions import trade_amount

    found: dict[str, Decimal] = {}
    waiting = sorted(fills, key=lambda fill: fill.filled_at)
    done = 0
    nav = cash = _ZERO
    for point in history:
        traded = _ZERO
        while done < len(waiting) and waiting[done].filled_at <= point.closed_at:
            traded += trade_amount(waiting[done]) - waiting[done].fee
            done += 1
        paid_in = point.cash - cash - traded
        profit = point.nav - nav - paid_in
        nav, cash = point.nav, point.cash
        if (start is None or point.session >= start) and (end is None or point.session <= end):
            period = point.session.isoformat() if grain == "day" else f"{point.session:%Y-%m}"
            found[period] = found.get(period, _ZERO) + profit
    return tuple(found.items())


def costs_by(fills: Sequence[Fill], part: Callable[[Fill], str]) -> tuple[tuple[str, Decimal, Decimal], ...]:
    """Return name, fees and traded money of each part, most fees first."""
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for fill in fills:
        fees, traded = found.get(part(fill), (_ZERO, _ZERO))
        found[part(fill)] = fees + fill.fee, traded + fill.quantity * fill.price
    return tuple(sorted(((name, *pair) for name, pair in found.items()), key=lambda row: (-row[1], row[0])))
