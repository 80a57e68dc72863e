"""State the order of sources in plain words of code, as a reference for the view that computes it in SQL."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from core.data.canonical import Series
from core.ports.market_data import Purpose

BASIS_ORDER: dict[Purpose, tuple[str, ...]] = {
    "price": ("split_adjusted", "raw", "total_return"),
    "return": ("total_return", "split_adjusted", "raw"),
}


def rank_series(series: Iterable[Series], purpose: Purpose) -> list[Series]:
    """Return the series of one instrument in the order in which they answer for a purpose."""
    found = list(series)
    if not found:
        return []
    newest = max(entry.last_session for entry in found)

    def fresh_days(entry: Series) -> int:
        is_level = purpose == "price" and entry.has_ohlc and entry.price_basis != "total_return"
        return 366 if is_level else 31

    def order(entry: Series) -> tuple[bool, int, bool, int, str, str]:
        return (
            entry.last_session < newest - timedelta(days=fresh_days(entry)),
            _basis_place(purpose, entry),
            purpose == "price" and not entry.has_ohlc,
            -entry.sessions,
            entry.source,
            entry.price_basis,
        )

    return sorted(found, key=order)


def _basis_place(purpose: Purpose, entry: Series) -> int:
    # As levels, split-adjusted and raw prices are equally good.
    place = BASIS_ORDER[purpose].index(entry.price_basis)
    return max(place, 1) if purpose == "price" else place
