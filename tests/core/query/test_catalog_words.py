"""Each metric, group, topic and macro concept is reachable by every word listed for it, and no word misleads."""

from __future__ import annotations

from collections import defaultdict
from typing import get_args

import pytest

from core.domain.facts import Unit
from core.query.catalog import GROUPS, MACRO, METRICS, TOPICS, find_group, find_macro, find_metric, find_topic
from core.query.semantic.metric_query import Aggregation
from core.query.semantic.metrics import Kind, Subject
from core.query.semantic.prices import ASSET_CLASSES

# Words that two metrics share on purpose: which is meant follows from what they are said of.
SHARED = {"spread", "difference between", "minus", "loss", "lost", "change", "move", "level"}


@pytest.mark.parametrize("name", sorted(METRICS))
def test_a_metric_is_well_formed(name):
    metric = METRICS[name]
    assert metric.name == name == name.lower() and " " not in name
    assert metric.unit in get_args(Unit) and metric.label in ("public", "private")
    assert metric.subject in get_args(Subject) and metric.kind in get_args(Kind)
    assert metric.aggregations and set(metric.aggregations) <= set(get_args(Aggregation))
    assert metric.title[0].isupper() and metric.description[0].isupper() and metric.description.endswith(".")
    assert metric.window is None or 1 <= metric.window <= 2520
    assert (metric.label == "private") == (metric.subject == "book")
    assert len(set(metric.synonyms)) == len(metric.synonyms)
    assert all(word == word.strip().lower() and word for word in metric.synonyms)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_a_metric_is_found_in_every_writing(name):
    for said in (name, name.upper(), name.replace("_", " "), name.replace("_", "-"), f"  {name} ", name.title()):
        assert find_metric(said) is METRICS[name]


def test_a_word_names_one_metric_or_is_shared_on_purpose():
    named = defaultdict(set)
    for metric in METRICS.values():
        for word in metric.synonyms:
            named[word].add(metric.name)
    for word, metrics in named.items():
        if word in SHARED:
            assert find_metric(word).name in metrics | {word}
        else:
            assert len(metrics) == 1, f"{word!r} names {sorted(metrics)}"
            found = find_metric(word).name
            assert found in metrics or word.replace(" ", "_") in METRICS or METRICS[found].title.lower() == word


def test_shared_words_are_still_shared():
    count = defaultdict(int)
    for metric in METRICS.values():
        for word in metric.synonyms:
            count[word] += 1
    assert {word for word, times in count.items() if times > 1} == SHARED


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_a_topic_is_found_by_its_words(topic):
    assert topic.patterns and all(topic.patterns)
    for word in (topic.name, topic.name.upper(), *topic.synonyms):
        assert find_topic(f" {word} ") is topic


@pytest.mark.parametrize("concept", MACRO, ids=lambda concept: concept.name)
def test_a_macro_concept_is_found_by_its_words_and_series(concept):
    assert (
        METRICS[concept.usual].subject == "macro" and concept.series and len(set(concept.series)) == len(concept.series)
    )
    for word in (concept.name, concept.title, concept.title.upper(), *concept.synonyms):
        assert find_macro(word) is concept
    assert find_macro(concept.series[0].lower()).series[0] == concept.series[0] or concept.series[0].lower() in {
        word for other in MACRO for word in other.synonyms
    }


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_a_group_is_an_asset_class_with_words(group):
    assert group.name in ASSET_CLASSES
    for word in (group.name, group.name.upper(), *group.synonyms):
        assert find_group(word) is group


@pytest.mark.parametrize("word", ["", "weather", "drop table", "-"])
def test_other_words_name_nothing(word):
    assert find_topic(word) is None and find_group(word) is None and find_macro(word) is None
