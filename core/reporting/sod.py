"""Build the start-of-day report: where the desk stands and what the day may bring."""

from __future__ import annotations

from core.reporting import sections
from core.reporting.document import Section, Sources


def start_of_day(sources: Sources) -> list[Section]:
    """Return the sections of the start-of-day report, the watch list first."""
    held_section, held = sections.book(sources)
    found = [
        sections.market(sources),
        held_section,
        sections.events(sources, held),
        sections.risk(sources),
        sections.limits(sources),
        sections.signals(sources, held),
        sections.protection(sources),
        sections.pending(sources),
        sections.data(sources),
    ]
    return [sections.watch_list(found), *found]
