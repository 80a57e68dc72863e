"""Say how far sources that cover the same days of the same instrument differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

from core.domain.as_of import AsOf

# Differences above these shares are counted.
SMALL, LARGE = 0.001, 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceDifference:
    """Compare two sources over the days that both have.

    `measure` is `level` where both state prices on one basis (absolute difference of the logarithms of the closes),
    else `return` (of the logarithmic returns, days of known corporate actions left out). `worst` is the largest
    difference, at `worst_symbol` on `worst_session`.
    """

    one: str
    other: str
    measure: Literal["level", "return"]
    instruments: int
    bars: int
    above_small: int
    above_large: int
    median: float
    p99: float
    worst: float
    worst_symbol: str
    worst_session: date


class SourceComparison(Protocol):
    """Compare the stored sources with each other."""

    def compare(self, instrument_ids: Sequence[int] | None, *, as_of: AsOf) -> Sequence[SourceDifference]:
        """Return every pair of sources with common days of an instrument (None: of any), most differing pairs first."""
        ...
