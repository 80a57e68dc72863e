"""Say at which moment data is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf:
    """Cut data at `known` (what a participant could know) and, in a replay, at `recorded` (what was stored)."""

    known: datetime
    recorded: datetime | None = None

    def __post_init__(self) -> None:
        for moment in (self.known, self.recorded):
            if moment is not None and moment.tzinfo is None:
                raise ValueError("An as-of time needs a time zone; pass UTC.")
