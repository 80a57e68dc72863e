"""Group the rows of calendars by event, and measure how far outcomes were from what was expected."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from core.data.event_naming import name_release, region_of, same_happening, tell_measures, title_of
from core.domain.derived_records import EventGroup, EventSurprise
from core.domain.event_records import EconomicEvent, GeopoliticalEvent, SecurityEvent
from core.ports.derived_store import DerivedStore

_BEGINNING = date(1900, 1, 1)
# Earnings of one company on dates this close in two calendars are one report; companies report a quarter apart.
_SAME_REPORT_DAYS = 3
# Fewer earlier surprises than this say nothing of their usual size.
_LEAST_HISTORY = 4
_COUNTRY_REGIONS = {
    "US": "North America",
    "CA": "North America",
    "GB": "Europe",
    "EU": "Europe",
    "CH": "Europe",
    "DE": "Europe",
    "FR": "Europe",
    "JP": "East Asia and Pacific",
    "CN": "East Asia and Pacific",
    "AU": "East Asia and Pacific",
    "NZ": "East Asia and Pacific",
}


def update_events(store: DerivedStore, code_version: str, *, rebuild: bool) -> tuple[int, int]:
    """Group events and standardise surprises again when any event changed; return how many events and rows."""
    with store.begin() as work:
        if rebuild or work.made("events").get(0) != ("calendars", code_version):
            work.mark("events", {0: _BEGINNING})
        if not work.claim("events"):
            return 0, 0
        stored = work.events()
        economic = [row for row in stored["economic_event"] if isinstance(row, EconomicEvent)]
        security = [row for row in stored["security_event"] if isinstance(row, SecurityEvent)]
        political = [row for row in stored["geopolitical_event"] if isinstance(row, GeopoliticalEvent)]
        groups = [*group_releases(economic), *group_reports(security), *group_happenings(political)]
        rows = work.replace(EventGroup, {}, [(*group, code_version, known) for *group, known in groups])
        keys = {group[0]: (group[2], group[3]) for group in groups}
        surprises = [*release_surprises(economic, keys), *report_surprises(security, keys)]
        rows += work.replace(EventSurprise, {}, [(*row, code_version, known) for *row, known in surprises])
        work.set_made("events", {0: "calendars"}, code_version)
    return len(groups), rows


def group_releases(events: Sequence[EconomicEvent]) -> Iterator[tuple[Any, ...]]:
    """Yield (event id, subject, group key, title, region, known at) of economic events.

    Rows of several calendars are one event when they agree on day, country and name; the first row of a name on a
    day in one calendar goes with the first in another.
    """
    same: dict[tuple[str, str, date, str], list[EconomicEvent]] = defaultdict(list)
    for event in events:
        same[event.source, event.country, event.event_date, event.name].append(event)
    titled: list[tuple[EconomicEvent, str]] = []
    for rows in same.values():
        name, measure = name_release(rows[0].name)
        told = tell_measures([(measure, row.previous, _in_percent(row)) for row in rows])
        titled += [(row, title_of(name, own)) for row, own in zip(rows, told, strict=True)]
    count: dict[tuple[str, str, date, str], int] = defaultdict(int)
    for event, title in sorted(titled, key=_in_calendar_order):
        plain = title.lower()
        place = (event.source, event.country, event.event_date, plain)
        count[place] += 1
        key = "|".join(("economic", event.country, event.event_date.isoformat(), plain, str(count[place])))
        region = _COUNTRY_REGIONS.get(event.country, "Global")
        yield event.event_id, "economic", key, title, region, event.known_at


def _in_percent(event: EconomicEvent) -> bool:
    stated = [str(event.details.get(name) or "") for name in ("actual", "forecast", "previous")]
    return any(text.strip().endswith("%") for text in stated) or not any(stated)


def _in_calendar_order(entry: tuple[EconomicEvent, str]) -> tuple[Any, ...]:
    event = entry[0]
    # By time of day, never by what came out: the number of a row must not depend on its outcome.
    return (event.source, event.event_date, event.event_at is None, event.event_at, event.name, event.event_id)


def group_reports(events: Sequence[SecurityEvent]) -> Iterator[tuple[Any, ...]]:
    """Yield the groups of security events: one report in two calendars may differ by up to three days."""
    ordered = sorted(events, key=lambda event: (event.instrument_id, event.event, event.event_date, event.event_id))
    start: SecurityEvent | None = None
    for event in ordered:
        same = (
            start is not None
            and (start.instrument_id, start.event) == (event.instrument_id, event.event)
            and event.event_date - start.event_date <= timedelta(days=_SAME_REPORT_DAYS)
        )
        if not same:
            start = event
        assert start is not None
        key = f"security|{event.instrument_id}|{event.event}|{start.event_date.isoformat()}"
        yield event.event_id, "security", key, event.event, "", event.known_at


def group_happenings(events: Sequence[GeopoliticalEvent]) -> Iterator[tuple[Any, ...]]:
    """Yield the groups of geopolitical events: a later row joins an earlier one of the same days and words."""
    ordered = sorted(events, key=lambda event: (event.event_date, event.source, event.event_id))
    seen: list[tuple[GeopoliticalEvent, str]] = []
    for event in ordered:
        key = next(
            (
                key
                for earlier, key in reversed(seen[-20:])
                if same_happening(earlier.event_date, earlier.name, event.event_date, event.name)
            ),
            f"geopolitical|{event.event_date.isoformat()}|{event.event_id}",
        )
        seen.append((event, key))
        yield event.event_id, "geopolitical", key, event.name, region_of(event.locations, event.name), event.known_at


def release_surprises(events: Iterable[EconomicEvent], keys: dict[str, tuple[str, str]]) -> Iterator[tuple[Any, ...]]:
    """Yield the surprises of releases with a forecast, one per event.

    Standardised by the deviation of the release's earlier surprises (Balduzzi, Elton and Green, 2001, with only what
    was known before).
    """
    found: dict[str, tuple[Any, ...]] = {}
    for event in sorted(events, key=lambda event: (event.event_date, event.source, event.event_id)):
        if event.actual is None or event.forecast is None or event.actual_known_at is None:
            continue
        key, title = keys[event.event_id]
        series = f"{event.country} {title.lower()}"
        known = max(event.known_at, event.actual_known_at)
        found.setdefault(key, (key, "economic", series, None, event.event_date, event.actual, event.forecast, known))
    return _standardise(found.values())


def report_surprises(events: Iterable[SecurityEvent], keys: dict[str, tuple[str, str]]) -> Iterator[tuple[Any, ...]]:
    """Yield the surprises of earnings per share, in deviations of the company's earlier ones (Latané, Jones 1979)."""
    found: dict[str, tuple[Any, ...]] = {}
    for event in sorted(events, key=lambda event: (event.event_date, event.source, event.event_id)):
        if event.eps_actual is None or event.eps_estimate is None or event.actual_known_at is None:
            continue
        key, title = keys[event.event_id]
        about = f"{event.instrument_id} {title}"
        row = (key, "security", about, event.instrument_id, event.event_date, event.eps_actual, event.eps_estimate)
        found.setdefault(key, (*row, max(event.known_at, event.actual_known_at)))
    return _standardise(found.values())


def _standardise(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    earlier: dict[str, list[float]] = defaultdict(list)
    for key, subject, about, number, day, actual, expected, known in sorted(rows, key=lambda row: (row[7], row[0])):
        surprise = actual - expected
        history = earlier[about]
        deviation = _deviation(history) if len(history) >= _LEAST_HISTORY else 0.0
        standardised = surprise / deviation if deviation > 0.0 else None
        yield key, subject, about, number, day, actual, expected, surprise, standardised, len(history), known
        history.append(surprise)


def _deviation(values: Sequence[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
