"""Bring derived rows up to date with what is stored: only what has changed, or everything anew, to the same bits.

Whoever stores bars, actions, events or articles marks in the same transaction what that puts out of date. Here the
marks are taken away and the rows made again in one transaction, so that a run that dies leaves its marks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from core.data.derived_events import update_events
from core.data.derived_news import update_news
from core.data.derived_prices import update_correlations, update_features
from core.ports.derived_store import PARTS, DerivedStore, Part

Progress = Callable[[str, float], None]
_ROOT = Path(__file__).resolve().parent.parent
# The code that a part's rows depend on: a change of any of these files makes the part anew.
_CODE: Mapping[Part, tuple[str, ...]] = {
    "prices": (
        "data/derived_prices.py",
        "data/derived_features.py",
        "risk/beta.py",
        "indicators/moving_average.py",
        "indicators/oscillator.py",
        "indicators/rolling.py",
        "indicators/volatility.py",
    ),
    "correlations": ("data/derived_prices.py", "risk/beta.py"),
    "news": (
        "data/derived_news.py",
        "data/news_linking.py",
        "data/news_scoring.py",
        "data/news_stories.py",
        "data/lexicon.yaml",
        "data/linking_words.yaml",
    ),
    "events": ("data/derived_events.py", "data/event_naming.py", "data/regions.yaml"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedReport:
    """Say what an update did: items found out of date, rows written and seconds, by part."""

    items: Mapping[Part, int]
    rows: Mapping[Part, int]
    seconds: Mapping[Part, float]


@lru_cache(maxsize=8)
def code_version(part: Part) -> str:
    """Return twelve hexadecimal digits of SHA-256 over the code that makes a part."""
    digest = sha256()
    for name in _CODE[part]:
        digest.update((_ROOT / name).read_bytes())
    return digest.hexdigest()[:12]


def update_derived(
    store: DerivedStore, *, rebuild: bool = False, progress: Progress = lambda step, share: None
) -> DerivedReport:
    """Make every derived row again that is out of date, or all of them, and say how many changed.

    With nothing new no table of bars, articles or events is read.
    """
    items: dict[Part, int] = {}
    rows: dict[Part, int] = {}
    seconds: dict[Part, float] = {}
    for number, part in enumerate(PARTS):
        progress(part, number / len(PARTS))
        started = time.perf_counter()
        update = {
            "prices": update_features,
            "correlations": update_correlations,
            "news": update_news,
            "events": update_events,
        }[part]
        items[part], rows[part] = update(store, code_version(part), rebuild=rebuild)
        seconds[part] = time.perf_counter() - started
    progress("derived", 1.0)
    return DerivedReport(items=items, rows=rows, seconds=seconds)
