"""Say which periods of macro series and which days of news and events are missing, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, Protocol, get_args

from core.data.calendar import sessions_between
from core.data.gap_ledger import NOT_DELIVERED, VENDOR_HAS_NONE, GapState

RecordTopic = Literal["macro", "news", "events"]
RECORD_TOPICS: tuple[RecordTopic, ...] = get_args(RecordTopic)
NEVER_PUBLISHED = "never_published"
OTHER_SOURCE = "other_source"
Window = tuple[date, date]
Windows = Mapping[tuple[RecordTopic, str], Sequence[Window]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordGap:
    """Name a missing period of a macro series (`item`) or a missing day of a source of news or events."""

    topic: RecordTopic
    source: str
    item: str = ""
    day: date
    state: GapState
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordLook:
    """Hold what a run did: the windows (both days included) by topic and source, and the last day that has ended.

    `asked` windows were answered; `owed` ones failed or died. A day that is in both was answered.
    """

    asked: Windows
    owed: Windows
    until: date


def days_of(windows: Sequence[Window], until: date) -> set[date]:
    """Return every day of the windows up to a day."""
    return {
        first + timedelta(days=step) for first, last in windows for step in range((min(last, until) - first).days + 1)
    }


def day_gaps(topic: RecordTopic, source: str, look: RecordLook, stored: Collection[date]) -> Iterator[RecordGap]:
    """Yield the missing days of a source of news or events.

    A day whose request failed is open whatever is stored of it: what was not delivered is not known. A session of New
    York that was answered without a single article is explained; a day without an event is no gap.
    """
    asked = days_of(look.asked.get((topic, source), ()), look.until)
    owed = days_of(look.owed.get((topic, source), ()), look.until) - asked
    for day in sorted(owed):
        yield RecordGap(topic=topic, source=source, day=day, state="open", reason=NOT_DELIVERED)
    if topic == "news" and asked:
        sessions: set[date] = set(sessions_between("XNYS", min(asked), max(asked)).tolist())
        for day in sorted((asked & sessions) - set(stored)):
            yield RecordGap(topic=topic, source=source, day=day, state="explained", reason=VENDOR_HAS_NONE)


def macro_gap(source: str, series_id: str, period: date, *, elsewhere: bool, never: Collection[date]) -> RecordGap:
    """Return the gap of a period that a source has not, between the first and the last one that it has."""
    if period in never:
        state, reason = "explained", NEVER_PUBLISHED
    elif elsewhere:
        state, reason = "explained", OTHER_SOURCE
    else:
        state, reason = "open", NOT_DELIVERED
    return RecordGap(topic="macro", source=source, item=series_id, day=period, state=state, reason=reason)  # type: ignore[arg-type]


class RecordGapLedger(Protocol):
    """Keep the ledger of missing periods and days."""

    def look(self, look: RecordLook) -> Sequence[RecordGap]:
        """Record what is missing after a run and what has come; return what is missing."""
        ...

    def gaps(self, *, state: GapState | None = None, limit: int = 200) -> Sequence[RecordGap]:
        """Return gaps, newest day first."""
        ...
