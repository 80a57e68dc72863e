"""Find what can be asked, by the words people use: metrics, groups, event topics and macro series.

Light to import: the offline planner, the tool schema and the documentation read it; nothing here touches data.
"""

from __future__ import annotations

from functools import lru_cache

from core.errors import UnknownName
from core.query.semantic.metric_query import Aggregation, MetricQuery, ValueFilter
from core.query.semantic.metrics import METRICS, Metric
from core.query.semantic.period import Period
from core.query.vocabulary import GROUPS, MACRO, TOPICS, Group, MacroName, Topic

__all__ = [
    "GROUPS",
    "MACRO",
    "METRICS",
    "TOPICS",
    "Aggregation",
    "Group",
    "MacroName",
    "Metric",
    "MetricQuery",
    "Period",
    "Topic",
    "ValueFilter",
    "find_group",
    "find_macro",
    "find_metric",
    "find_topic",
]


@lru_cache(maxsize=512)
def find_metric(name: str) -> Metric:
    """Return a metric by name or synonym (any case); raise UnknownName with the closest names."""
    key = name.strip().lower().replace("-", "_").replace(" ", "_")
    found = METRICS.get(key) or _by_synonym().get(name.strip().lower())
    if found is None:
        from difflib import get_close_matches

        closest = get_close_matches(key, METRICS, n=3, cutoff=0.5)
        raise UnknownName("metric", name, closest, hint="docs/metrics.md lists all metrics.")
    return found


@lru_cache(maxsize=1)
def _by_synonym() -> dict[str, Metric]:
    # A synonym of several metrics ("spread", "change") names the first one declared; the planner decides by subject.
    table: dict[str, Metric] = {}
    for metric in METRICS.values():
        for word in (metric.title.lower(), *metric.synonyms):
            table.setdefault(word, metric)
    return table


def find_topic(name: str) -> Topic | None:
    """Return the topic that a word names, or None."""
    word = name.strip().lower()
    for topic in TOPICS:
        if word == topic.name.lower() or word in topic.synonyms:
            return topic
    return None


def find_macro(name: str) -> MacroName | None:
    """Return the macro concept that a name, synonym or series id means, or None."""
    word = name.strip().lower()
    for concept in MACRO:
        if word in (concept.name, concept.title.lower()) or word in concept.synonyms:
            return concept
    for concept in MACRO:
        if word == concept.series[0].lower():
            return concept
    return None


def find_group(name: str) -> Group | None:
    """Return the group that a name or synonym means, or None."""
    word = name.strip().lower()
    for group in GROUPS:
        if word == group.name or word in group.synonyms:
            return group
    return None
