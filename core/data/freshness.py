"""Say of each source when it last delivered something new, how often it usually does, and whether it is late."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise

import numpy as np

from core.data.calendar import closes_of
from core.data.coverage import SeriesCoverage
from core.domain.as_of import AsOf

# The pauses between the newest days with something new that a source is judged by.
PAUSES = 30
_FEWEST_PAUSES = 4
# Of the pauses, the one that nine in ten do not exceed: weekends are in it, a single outage is not.
_USUAL_SHARE = 0.9
_LATE_SESSIONS = 1
_ASSET_TITLES = {"equity": "stocks", "etf": "funds", "fx": "currencies", "index": "indices", "commodity": "commodities"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFreshness:
    """Describe one source of one topic as known at a time.

    `cadence_days` is the usual pause between days with something new, `silent_days` the whole days since the last one;
    both None-able: a source with too few days has no cadence and is neither late nor not (`late` None).
    """

    topic: str
    source: str
    last_known_at: datetime
    silent_days: int
    cadence_days: float | None
    late: bool | None

    @property
    def sentence(self) -> str:
        """Return what is late as a sentence."""
        usual = f", usually every {self.cadence_days:g} days" if self.cadence_days is not None else ""
        return (
            f"{self.topic} of {self.source} are late: nothing new since {self.last_known_at:%Y-%m-%d}"
            f" ({self.silent_days} days{usual})."
        )


def cadence_of(days: Sequence[date]) -> float | None:
    """Return the median pause in days between distinct days, newest `PAUSES` of them; None for fewer than five days."""
    pauses = _pauses(days)
    return None if len(pauses) < _FEWEST_PAUSES else float(np.median(pauses))


def is_late(days: Sequence[date], today: date) -> bool | None:
    """Say whether a source has been silent for longer than it usually is; None for fewer than five days.

    Late is more than a day beyond twice the usual pause and beyond the pause that nine in ten do not exceed.
    """
    pauses = _pauses(days)
    if len(pauses) < _FEWEST_PAUSES:
        return None
    usual = max(2.0 * float(np.median(pauses)), float(np.quantile(pauses, _USUAL_SHARE, method="higher")))
    return (today - max(days)).days > usual + 1.0


def _pauses(days: Sequence[date]) -> list[int]:
    ordered = sorted(set(days))[-PAUSES - 1 :]
    return [(later - earlier).days for earlier, later in pairwise(ordered)]


def of_records(topic: str, source: str, last_known_at: datetime, days: Sequence[date], as_of: AsOf) -> SourceFreshness:
    """Return the freshness of a source of records from the newest days (UTC) on which it had something new."""
    today = as_of.known.astimezone(UTC).date()
    return SourceFreshness(
        topic=topic,
        source=source,
        last_known_at=last_known_at,
        silent_days=(today - last_known_at.astimezone(UTC).date()).days,
        cadence_days=cadence_of(days),
        late=is_late(days, today),
    )


def of_bars(series: Sequence[SeriesCoverage], as_of: AsOf) -> list[SourceFreshness]:
    """Return the freshness of the sources of bars by asset class: late is more than one session behind.

    The freshest series of a source counts: one that ended (a delisted stock) makes nothing late.
    """
    by_source: dict[tuple[str, str], list[SeriesCoverage]] = defaultdict(list)
    for entry in series:
        by_source[entry.source, entry.asset_class].append(entry)
    found = []
    for (source, asset_class), entries in sorted(by_source.items()):
        freshest = min(entries, key=lambda entry: (entry.behind, -entry.last.toordinal()))
        closed = closes_of(freshest.calendar, np.array([freshest.last], dtype="datetime64[D]"))[0]
        known: datetime = closed.astype("datetime64[us]").astype(object).replace(tzinfo=UTC)
        found.append(
            SourceFreshness(
                topic=f"bars of {_ASSET_TITLES.get(asset_class, asset_class)}",
                source=source,
                last_known_at=known,
                silent_days=max((as_of.known - known).days, 0),
                cadence_days=1.0,
                late=freshest.behind > _LATE_SESSIONS,
            )
        )
    return found


def in_order(found: Sequence[SourceFreshness]) -> list[SourceFreshness]:
    """Return the late sources first, then by topic and source."""
    return sorted(found, key=lambda entry: (entry.late is not True, entry.topic, entry.source))
