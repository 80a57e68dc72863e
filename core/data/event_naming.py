"""Give calendar rows of one event one name, whatever each calendar calls it, and events a region.

Calendars name one release in many ways ("Nonfarm Payrolls", "Non-Farm Employment Change"). Releases that people ask
for have a rule here; any other name is only brought to one spelling (case, punctuation, MoM for m/m).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

_MEASURES = (
    (re.compile(r"\bm\s*/\s*m\b|\bmom\b", re.IGNORECASE), "m/m"),
    (re.compile(r"\by\s*/\s*y\b|\byoy\b", re.IGNORECASE), "y/y"),
    (re.compile(r"\bq\s*/\s*q\b|\bqoq\b|\bannuali[sz]ed\b", re.IGNORECASE), "q/q"),
)
# Pattern of the name without measure -> name, and the measure that is meant when none is said.
_RELEASES: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(rf"^(?:{pattern})$"), name, measure)
    for pattern, name, measure in (
        (r"(?:core (?:cpi|consumer price index)|consumer price index ex food (?:&|and) energy)", "Core CPI", ""),
        (r"(?:cpi|consumer price index)", "CPI", ""),
        (r"(?:core ppi|producer price index ex food (?:&|and) energy)", "Core PPI", ""),
        (r"(?:ppi|producer price index)", "PPI", ""),
        (r"core (?:pce price index|personal consumption expenditures price index)", "Core PCE price index", ""),
        (r"(?:pce price index|personal consumption expenditures price index)", "PCE price index", ""),
        (
            r"(?:nonfarm payrolls|non farm payrolls|non farm employment change|employment situation)",
            "Nonfarm payrolls",
            "",
        ),
        (r"adp (?:employment change|non ?farm employment change)", "ADP employment", ""),
        (r"unemployment rate", "Unemployment rate", ""),
        (r"average hourly earnings", "Average hourly earnings", "m/m"),
        (r"(?:initial jobless claims|unemployment claims)", "Initial jobless claims", ""),
        (r"jolts? job openings", "JOLTS job openings", ""),
        (r"(?:fed interest rate decision|federal funds rate)", "Fed rate decision", ""),
        (r"(?:fomc statement|feds monetary policy statement)", "FOMC statement", ""),
        (r"(?:fomc minutes|fomc meeting minutes)", "FOMC minutes", ""),
        (r"fomc press conference", "FOMC press conference", ""),
        (r"fomc economic projections", "FOMC economic projections", ""),
        (r"(?:ism manufacturing pmi)", "ISM manufacturing PMI", ""),
        (r"(?:ism services pmi|ism non manufacturing pmi)", "ISM services PMI", ""),
        (r"(?:ism manufacturing prices(?: paid)?)", "ISM manufacturing prices", ""),
        (r"(?:gross domestic product|gdp|(?:advance|prelim|final) gdp)", "GDP", "q/q"),
        (r"(?:durable goods orders)", "Durable goods orders", "m/m"),
        (r"(?:core durable goods orders|durable goods orders ex transportation)", "Core durable goods orders", "m/m"),
        (r"retail sales", "Retail sales", ""),
        (r"core retail sales", "Core retail sales", ""),
        (r"(?:participation rate|labor force participation rate)", "Participation rate", ""),
        (r"interest rate projections? (?:1st yr|1st year)", "Fed rate projection, first year", ""),
        (r"interest rate projections? (?:2nd yr|2nd year)", "Fed rate projection, second year", ""),
        (r"interest rate projections? (?:3rd yr|3rd year)", "Fed rate projection, third year", ""),
        (r"interest rate projections? current", "Fed rate projection, current", ""),
        (r"interest rate projections? longer", "Fed rate projection, longer run", ""),
    )
)
_STOP = re.compile(r"and|the|for|from|with|over|into|amid|after|wars?|attacks?|tensions?")
_WORD = re.compile(r"[a-z]+")
_SAME_DAYS = 3
_REGIONS = Path(__file__).with_name("regions.yaml")


def name_release(name: str) -> tuple[str, str]:
    """Return the one name of a release and its measure (m/m, y/y, q/q; empty when none is said or meant)."""
    text, measure = name.replace("'", "").replace("’", ""), ""
    for pattern, sign in _MEASURES:
        if pattern.search(text):
            measure, text = sign, pattern.sub(" ", text)
            break
    own = " ".join(re.sub(r"[^A-Za-z0-9&%.]+", " ", text).split()).strip(". ")
    plain = own.lower()
    for pattern, known, usual in _RELEASES:
        if pattern.match(plain):
            return known, measure or usual
    return own[:1].upper() + own[1:], measure


def title_of(name: str, measure: str) -> str:
    """Return name and measure as one title."""
    return f"{name} {measure}".strip()


def tell_measures(rows: Sequence[tuple[str, float | None, bool]]) -> list[str]:
    """Return the measure of each of several rows of one calendar with the same name and time.

    A calendar that states the monthly and the yearly change under one name gives two rows in percent: over a year
    prices move further, so the row with the larger previous value is y/y. Each row is (measure said, previous value,
    whether in percent); rows that are no such pair keep what was said.
    """
    said = [measure for measure, _, _ in rows]
    if len(rows) != 2 or any(said) or not all(percent and value is not None for _, value, percent in rows):
        return said
    first, second = abs(rows[0][1] or 0.0), abs(rows[1][1] or 0.0)
    if first == second:
        return said
    return ["m/m", "y/y"] if first < second else ["y/y", "m/m"]


def same_happening(day: date, name: str, other_day: date, other_name: str) -> bool:
    """Say whether two geopolitical rows are one event: within three days, with a place or two words in common.

    Words are compared by their stem ("Iran", "Iranian").
    """
    if abs(day - other_day) > timedelta(days=_SAME_DAYS):
        return False
    return len(_stems(name) & _stems(other_name)) >= 2 or bool(_places_in(name) & _places_in(other_name))


@lru_cache(maxsize=4096)
def _stems(name: str) -> frozenset[str]:
    return frozenset(word[:4] for word in _WORD.findall(name.lower()) if len(word) > 3 and not _STOP.fullmatch(word))


def region_of(locations: str, name: str) -> str:
    """Return the region where an event takes place: that of most of the places named, first in the title."""
    table = _regions()
    for text in (name, locations):
        found = [table[place] for place in _places_in(text)]
        if found:
            return max(sorted(set(found)), key=found.count)
    return "Global"


@lru_cache(maxsize=4096)
def _places_in(text: str) -> frozenset[str]:
    lowered = text.lower()
    return frozenset(place for place in _regions() if re.search(rf"\b{place}\b", lowered))


@lru_cache(maxsize=1)
def _regions() -> Mapping[str, str]:
    import yaml

    content: Mapping[str, Sequence[str]] = yaml.load(_REGIONS.read_bytes(), Loader=yaml.CSafeLoader)
    return {re.escape(place.lower()): region for region, places in content.items() for place in places}
