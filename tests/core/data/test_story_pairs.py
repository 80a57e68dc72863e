"""Pairs of titles written for this table: one story told twice, or two stories."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.data.news_stories import assign_stories, title_words

ONE_STORY = [
    ("Central bank raises rates by a quarter point", "Central bank raises rates by quarter point"),
    ("Chipmaker to buy rival for $5 billion", "UPDATE: Chipmaker to buy rival for $5 billion"),
    ("Airline cancels 200 flights over storm", "Airline cancels 200 flights over storm - Reuters"),
    ("Oil falls as exporters agree on output", "Oil falls as exporters agree on output — WSJ"),
    ("Carmaker's profit doubles on truck demand", "Carmaker’s profit doubles on truck demand"),
    ("BANK SETTLES PROBE INTO BOND TRADES", "Bank settles probe into bond trades"),
    ("Drugmaker wins approval for diabetes pill", "Drugmaker wins approval for its diabetes pill"),
    ("Retailer names a new chief executive officer", "Retailer names new chief executive officer"),
    ("Tech shares slide, bonds gain before jobs data", "Tech shares slide; bonds gain before jobs data"),
    ("Markets wrap", "Markets wrap"),
    ("Explainer: what a strike would mean for ports", "What a strike would mean for ports"),
]
TWO_STORIES = [
    ("Central bank raises rates by a quarter point", "Central bank cuts rates by a quarter point"),
    ("Chipmaker to buy rival for $5 billion", "Chipmaker to buy rival for $6 billion"),
    ("Airline cancels 200 flights over storm", "Airline cancels 300 flights over storm"),
    ("Analyst raises price target on Apple stock", "Analyst raises price target on Intel stock"),
    ("Stocks that set new highs on Monday", "Stocks that set new lows on Monday"),
    ("Company X third quarter results beat estimates", "Company Y third quarter results beat estimates"),
    ("Markets wrap", "Markets open"),
    ("Oil falls", "Gold falls"),
    ("Ten stocks to watch on June 3", "Ten stocks to watch on June 4"),
    ("What to know before the earnings of Alpha", "What to know before the earnings of Beta"),
]


def told(*titles: str) -> list[str]:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    entries = [(str(place), start + timedelta(hours=place), title) for place, title in enumerate(titles)]
    return [story for _, story in assign_stories(entries)]


@pytest.mark.parametrize(("one", "other"), ONE_STORY)
def test_one_story_told_twice(one: str, other: str) -> None:
    assert told(one, other) == ["0", "0"]
    assert told(other, one) == ["0", "0"]


@pytest.mark.parametrize(("one", "other"), TWO_STORIES)
def test_two_stories(one: str, other: str) -> None:
    assert told(one, other) == ["0", "1"]
    assert told(other, one) == ["0", "1"]


@pytest.mark.parametrize(("one", "other"), ONE_STORY)
def test_what_stands_between_does_not_matter(one: str, other: str) -> None:
    assert told(one, "Cocoa harvest disappoints growers", other) == ["0", "1", "0"]


@pytest.mark.parametrize("title", ["", "!!!", "...", "the of and"])
def test_a_title_without_words_begins_its_own_story(title: str) -> None:
    assert told(title, title) == ["0", "1"]
    assert not title_words(title)
