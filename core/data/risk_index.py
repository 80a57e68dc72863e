"""Read the geopolitical risk index: how severe a day was, and the days that are events by themselves.

Source: Caldara, D. and Iacoviello, M., "Measuring Geopolitical Risk", American Economic Review, 2022; its mean over
1985 to 2019 is 100.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from core.domain.identifiers import content_id

HIGH_RISK = 200.0
_MEDIUM_RISK = 140.0


def severity_of(risk_index: float | None) -> str:
    """Return low, medium or high for a day's geopolitical risk index; an event without index is medium."""
    if risk_index is None:
        return "medium"
    return "high" if risk_index >= HIGH_RISK else "medium" if risk_index >= _MEDIUM_RISK else "low"


def risk_event(
    day: date, index: float, parts: Mapping[str, float | None], source: str, known_at: datetime, *, label: str = ""
) -> tuple[Any, ...]:
    """Return the GeopoliticalEvent row of a day of the index: what its authors call it, or a day of high risk.

    `parts` are further columns of the index of that day; those without a value are left out.
    """
    name = label or "Day of high geopolitical risk"
    category = "labelled event" if label else "risk spike"
    details = {column: value for column, value in parts.items() if value is not None and not math.isnan(value)}
    event = content_id("evt", "geopolitical", source, day.isoformat())
    return (event, None, day, name, "", category, "", severity_of(index), index, details, source, known_at)
