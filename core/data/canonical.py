"""Choose which source answers for an instrument.

The order of sources, per purpose, as the view market_data.canonical_series computes it of what was known:

1. fresh: series that end within 31 days of the instrument's newest session, before older ones; for `price`, levels
   as traded (raw or split-adjusted, with open, high and low) count as fresh for a year;
2. basis: `price` prefers raw and split-adjusted prices, `return` prefers total return (dividends inside); raw prices
   come last for returns;
3. fields: open, high, low and volume before closes only (`price` only);
4. length: more sessions first;
5. name of the source, so that the order is the same everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from core.domain.market_path import PriceBasis
from core.ports.market_data import Needs, Purpose

FRESH_DAYS = 31
# A source that covers nearly as much of a window as the best one may answer for it when its basis fits better.
NEARLY = 0.97

_BASIS_ORDER: dict[Purpose, dict[PriceBasis, int]] = {
    "price": {"split_adjusted": 0, "raw": 0, "total_return": 1},
    "return": {"total_return": 0, "split_adjusted": 1, "raw": 2},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Describe one stored series of an instrument."""

    instrument_id: int
    source: str
    price_basis: PriceBasis
    has_ohlc: bool
    first_session: date
    last_session: date
    sessions: int
    has_volume: bool = False


def choose_series(
    ranked: Sequence[Series], purpose: Purpose, start: date, end: date, *, needs: Needs = "close"
) -> Series | None:
    """Return the series that answers for a window (both ends included), or None when none reaches into it.

    Series that have the fields needed go before others, then those that reach the end of the window (within 31 days of
    the one that reaches furthest): a longer history that ended years ago must not hide the present. Of those the one
    that covers most of the window is taken; of those that cover nearly as much, the one whose basis fits the purpose,
    then the first in the order of sources. Coverage is estimated from the first and last session and the number of
    sessions between them.
    """
    inside = [entry for entry in ranked if entry.first_session <= end and entry.last_session >= start]
    if not inside:
        return None
    inside = [entry for entry in inside if _has(entry, needs)] or inside
    furthest = max(min(entry.last_session, end) for entry in inside)
    reaching = [entry for entry in inside if (furthest - min(entry.last_session, end)).days <= FRESH_DAYS]
    covered = [(_covered_sessions(entry, start, end), place, entry) for place, entry in enumerate(reaching)]
    most = max(count for count, _, _ in covered)
    near = [(place, entry) for count, place, entry in covered if count >= NEARLY * most]
    return min(near, key=lambda found: (_BASIS_ORDER[purpose][found[1].price_basis], found[0]))[1]


def _has(entry: Series, needs: Needs) -> bool:
    return {"close": True, "ohlc": entry.has_ohlc, "volume": entry.has_volume}[needs]


def _covered_sessions(entry: Series, start: date, end: date) -> float:
    overlap = (min(entry.last_session, end) - max(entry.first_session, start)).days + 1
    length = (entry.last_session - entry.first_session).days + 1
    return overlap * entry.sessions / length
