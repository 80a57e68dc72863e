"""Say in which quantities and at which prices an instrument trades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from core.domain.books import OrderType, TimeInForce
from core.domain.market_records import AssetClass

LOTS: Mapping[AssetClass, Decimal] = {"equity": Decimal(1), "etf": Decimal(1), "crypto": Decimal("0.00000001")}
"""Step of quantities by asset class; what is not here cannot be traded."""


def tick_of(asset_class: AssetClass, price: Decimal) -> Decimal | None:
    """Return the step of prices: a cent, below a dollar a hundredth of it (Regulation NMS, rule 612).

    None for cryptocurrencies, whose step is each venue's own.
    """
    if asset_class == "crypto":
        return None
    return Decimal("0.01") if price >= 1 else Decimal("0.0001")


def whole_lots(quantity: Decimal, asset_class: AssetClass) -> Decimal:
    """Return the largest quantity in whole lots that is not above `quantity`, 0 for what cannot be traded."""
    lot = LOTS.get(asset_class)
    return Decimal(0) if lot is None else (quantity / lot).to_integral_value(rounding=ROUND_DOWN) * lot


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueRules:
    """Say what one venue takes of an instrument: steps of quantity and price, smallest value, how long orders live.

    `least_value` is in `currency`; where it does not link pairs, one order of two does not end the other.
    """

    lot: Decimal
    tick: Decimal
    least_value: Decimal
    currency: str
    times_in_force: Mapping[OrderType, frozenset[TimeInForce]]
    links_pairs: bool

    def objection(
        self,
        name: str,
        *,
        quantity: Decimal,
        order_type: OrderType,
        time_in_force: TimeInForce,
        prices: Sequence[Decimal],
        reference: Decimal | None,
    ) -> str:
        """Return why the venue would refuse an order, "" when it would not; it is valued at the price `reference`."""
        lives = self.times_in_force[order_type]
        if time_in_force not in lives:
            return f"A {order_type} order of {name} lives {' or '.join(sorted(lives))} there, not {time_in_force}."
        if quantity % self.lot:
            return f"{name} trades in steps of {self.lot:f} there, not {quantity:f}."
        off = [price for price in prices if price % self.tick]
        if off:
            return f"The price {off[0]:f} of {name} is off its step of {self.tick:f} there."
        if reference is not None and quantity * reference < self.least_value:
            value = (quantity * reference).quantize(Decimal("0.01"))
            return f"{name} trades from {self.least_value:f} {self.currency} on there; this is worth {value:f}."
        return ""
