"""Know the desk's words: each concept with the phrases people use for it (vocabulary.yaml)."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml


def _vocabulary() -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = (files("agents.planner") / "vocabulary.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.load(text, Loader=loader)  # noqa: S506  # a safe loader, the fast one where there is one
    return found


_WORDS = _vocabulary()
# Words of ordinary speech that say nothing of markets or a book.
SPEECH: frozenset[str] = frozenset(_WORDS["speech"].split())
# Words without content of their own: dropped without being asked about.
FILLERS: frozenset[str] = frozenset(_WORDS["fillers"].split()) | SPEECH
# Ordinary words that are never taken for a misspelt desk word; left over, they are asked about.
ORDINARY: frozenset[str] = frozenset(_WORDS["ordinary"].split())
# Words that the rules look for as they are written.
WRITTEN: frozenset[str] = frozenset(_WORDS["written"].split())
TWO_LETTERS: frozenset[str] = frozenset(_WORDS["two_letters"].split())
# What people write for short, each with the words it stands for.
ABBREVIATIONS: dict[str, tuple[str, ...]] = {
    str(short): tuple(words.split()) for short, words in _WORDS["abbreviations"].items()
}
# Sayings of the desk in words, each with the plain words they are read as.
SAYINGS: dict[tuple[str, ...], tuple[str, ...]] = {
    tuple(str(said).split()): tuple(str(words).split()) for said, words in _WORDS["sayings"].items()
}
# What people call stored groups, macro series and instruments.
GROUP_NAMES: dict[str, tuple[str, ...]] = {
    name: tuple(word.strip() for word in said.split(",")) for name, said in _WORDS["groups"].items()
}
MORE_MACRO: dict[str, str] = dict(_WORDS["macro"])
NICKNAMES: dict[str, tuple[str, ...]] = {
    name: tuple(symbol.strip() for symbol in symbols.split(",")) for name, symbols in _WORDS["nicknames"].items()
}
PLACES: frozenset[tuple[str, ...]] = frozenset(
    {(place,) for place in _WORDS["places"].split()}
    | {tuple(place.split()) for place in _WORDS["places_in_words"].split(",")}
)
# A fund by what it holds: "the utilities fund", "a gold miners ETF".
for _held, _symbols in _WORDS["funds"].items():
    for _noun in (
        "fund",
        "etf",
        "tracker",
        "index fund",
        "sector fund",
        "sector etf",
        "sector spdr",
        "select sector spdr",
        "spdr",
        "one",
    ):
        NICKNAMES.setdefault(f"{_held} {_noun}", tuple(symbol.strip() for symbol in _symbols.split(",")))
# Words of other worlds.
ELSEWHERE: frozenset[str] = frozenset(_WORDS["elsewhere"].split())
# Signs without content.
SIGNS = frozenset('?!;:,.()"-/*+=&') | {"->"}


@lru_cache(maxsize=1)
def phrases() -> dict[tuple[str, ...], str]:
    """Return every phrase, as words, with its concept; the rules decide by context what a concept means."""
    table: dict[tuple[str, ...], str] = {}
    for concept, listed in _WORDS["concepts"].items():
        for phrase in listed.split(","):
            table.setdefault(tuple(phrase.split()), concept)
    return table


@lru_cache(maxsize=1)
def words() -> frozenset[str]:
    """Return every single word of the phrases."""
    return frozenset(word for phrase in phrases() for word in phrase if word not in FILLERS)
