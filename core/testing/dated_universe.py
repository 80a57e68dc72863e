"""Give the desk's instruments as a store would list them on a day, without a store."""

from __future__ import annotations

from datetime import date

from core.data.universe import memberships, universe
from core.domain.market_records import Instrument


def instruments_on(day: date) -> tuple[Instrument, ...]:
    """Return every instrument with the groups it is in on a day: those without dates, and those of that day."""
    dated: dict[int, list[str]] = {}
    for one in memberships():
        if one.valid_from <= day and (one.valid_to is None or day <= one.valid_to):
            dated.setdefault(one.instrument_id, []).append(one.group_name)
    return tuple(
        one.model_copy(update={"groups": (*one.groups, *dated.get(one.instrument_id, ()))}) for one in universe()
    )
