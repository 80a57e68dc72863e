"""Say in which quantities and at which prices an instrument trades."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal

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
