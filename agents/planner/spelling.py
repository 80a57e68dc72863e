"""Read misspelt words as the known word that they clearly mean; a word that is near two meanings stays as written."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from agents.planner.concepts import (
    ABBREVIATIONS,
    ELSEWHERE,
    FILLERS,
    ORDINARY,
    PLACES,
    SAYINGS,
    SPEECH,
    WRITTEN,
    phrases,
)
from agents.planner.concepts import words as concept_words
from agents.planner.dates import MONTHS, UNITS
from agents.planner.quantities import UNIT_WORDS
from agents.planner.text import NUMBER_WORDS, Word
from agents.planner.universe import Universe

# fmt: off
DATE_WORDS = frozenset({
    "week", "weeks", "month", "months", "quarter", "quarters", "year", "years", "yesterday", "tomorrow",
    "today", "trading", "past", "previous", "trailing", "since", "current", "decade", "history", "between",
    "during", "calendar", "crisis", "crash", "covid", "pandemic", "bust", "bubble", "inception", "ytd", "mtd",
    "qtd", "wtd", "ttm", "ltm",
    "monday", "tuesday", "wednesday", "thursday", "friday", "weekend",
}) | {name for name in MONTHS if len(name) > 3}
# fmt: on
COMMANDS = frozenset({"show", "give", "list", "what", "please", "which", "tell", "about", "find"})
# A correction must be this many edits closer than the next word of another meaning.
MARGIN = 0.39
# Beyond one error a word is only likely meant: enough for a question, not for an order.
SURE = 1.0
# What follows is a name that somebody gave.
_NAMING = frozenset({"called", "named"})
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_ALIKE = ("aeiouy", "sz", "sc", "ck", "kq", "gj", "vf", "mn", "td", "bp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Misspelt:
    """Hold a word as written and the known word that it means; an ending such as -s alone need not be said."""

    written: str
    meant: str
    is_said: bool
    is_unsure: bool


@lru_cache(maxsize=1)
def _desk_words() -> frozenset[str]:
    alone = frozenset(word for word in concept_words() - {"sharp"} if word.isalpha() and len(word) > 2)
    return alone | DATE_WORDS | COMMANDS | WRITTEN


@lru_cache(maxsize=1)
def _empty_words() -> frozenset[str]:
    """Return the words without content, but for those that name a concept, a time or a command by themselves."""
    return frozenset(word for word in FILLERS if (word,) not in phrases()) - DATE_WORDS - COMMANDS


@lru_cache(maxsize=1)
def _places() -> frozenset[str]:
    return frozenset(word for place in PLACES for word in place if len(word) > 3)


@lru_cache(maxsize=1)
def _other_words() -> frozenset[str]:
    """Return the words that a misspelt one is never guessed to be, but may be: fillers, ordinary and number words."""
    return frozenset(
        word
        for words in (FILLERS, ORDINARY, ELSEWHERE, UNIT_WORDS, UNITS, NUMBER_WORDS, MONTHS, *SAYINGS)
        for word in words
        if len(word) > 2 and word.isalpha()
    )


def is_known(word: str, universe: Universe) -> bool:
    """Say whether a word in lower case is one that the desk knows, or ordinary speech."""
    known: tuple[Collection[str], ...] = (
        _desk_words(), universe.desk_words, universe.name_words, _other_words(), FILLERS, MONTHS, UNITS,
        universe.symbols, universe.topics, universe.names, ABBREVIATIONS, _places(),
    )  # fmt: skip
    if any(word in part for part in known):
        return True
    # "Crashing" is a form of crash and no misspelt crossing; "moveing" is misspelt.
    forms = () if word.endswith("eing") else (stem for stem in stems(word) if len(stem) > 2)
    return any(form in part for form in forms for part in (_desk_words(), _other_words(), FILLERS))


def stems(word: str) -> Iterator[str]:
    """Return what a form with -s, -es, -ed or -ing may come from: crashing, rising and slipping too."""
    for ending, instead in (("s", ""), ("es", ""), ("ies", "y"), ("ed", ""), ("ed", "e"), ("ing", ""), ("ing", "e")):
        stem = word.removesuffix(ending)
        if word.endswith(ending) and stem:
            yield stem + instead
            if not instead and len(stem) > 3 and stem[-1] == stem[-2]:
                yield stem[:-1]


def misspelt(words: Sequence[Word], universe: Universe) -> tuple[Misspelt, ...]:
    """Return what the misspelt words of a question mean, where one known word is clearly the closest."""
    lows = [word.low for word in words]
    found: dict[str, Misspelt] = {}
    for at, word in enumerate(words):
        if set(lows[max(0, at - 2) : at]) & _NAMING or lows[:at].count('"') % 2:
            continue
        if word.low not in _desk_words() | universe.desk_words | ORDINARY and _is_possessive(word.low, universe):
            found[word.low] = Misspelt(written=word.low, meant=word.low[:-1], is_said=False, is_unsure=False)
            continue
        if is_known(word.low, universe) or not re.fullmatch(r"[a-z]{3,}", word.low) or _looks_like_symbol(word):
            continue
        known = _desk_words() | universe.desk_words
        if word.raw[0].isupper() and at > 0:
            known = frozenset() if len(word.low) < 6 else known
        names = frozenset(name for name in _near(word.low, universe.name_words) if _completes(lows, at, name, universe))
        names |= {place for place in _near(word.low, _places()) if edits(word.low, place) <= SURE}
        better = _clearest(lows, at, known, names, universe)
        if better is None or (word.raw[0].isupper() and at > 0 and better[0] in universe.first_words):
            continue
        meant, cost = better
        if word.raw[0].isupper() and at > 0 and meant not in names and cost > SURE:
            continue
        said = meant not in FILLERS and word.low not in (f"{meant}s", f"{meant}es", f"{meant}ed", f"{meant}ing")
        found[word.low] = Misspelt(written=word.low, meant=meant, is_said=said, is_unsure=cost > SURE)
        lows[at] = meant
    return tuple(found.values())


def _is_possessive(word: str, universe: Universe) -> bool:
    """Say whether a word is a name with an ending whose apostrophe is missing: "nvidias price"."""
    return word.endswith("s") and word[:-1] in universe.names and word not in universe.names


def respelt(text: str, found: Iterable[Misspelt]) -> str:
    """Return a text with misspelt words replaced."""
    for one in found:
        text = re.sub(rf"(?<![\w$]){re.escape(one.written)}(?!\w)", one.meant, text, flags=re.IGNORECASE)
    return text


def _clearest(
    lows: Sequence[str], at: int, known: frozenset[str], names: frozenset[str], universe: Universe
) -> tuple[str, float] | None:
    """Return the word that is meant and its distance: the closest by a margin, or the one that fits its neighbours."""
    word = lows[at]
    said = known - _empty_words()
    ranked = _ranked(word, said | names, _other_words() | SPEECH)
    # A name is rarer than a desk word: "eston" may be Heston as well as Eaton.
    rarer = [(name, cost + (0.1 if said and name in names - said else 0.0)) for name, cost in ranked]
    ranked = sorted(rarer, key=lambda hit: hit[1])
    if not ranked:
        return None
    best, cost = ranked[0]
    near = [hit for hit in ranked if hit[1] - cost < MARGIN]
    rivals = [hit for hit in near if not _same_meaning(best, hit[0])]
    fitting = [hit for hit in near if _fits(lows, at, hit[0], universe)] if len(near) > 1 else []
    if rivals and len(fitting) != 1:
        return None
    if len(fitting) == 1:
        best = fitting[0][0]
    cost = max(edits(word, best), SURE + 0.1 if rivals else 0.0)
    if best in NUMBER_WORDS:
        return None
    if best in _empty_words() and best not in names:
        # "Jsut" is just: a word without content is only read where its letters are swapped or doubled.
        return (best, cost) if len(word) > 3 and edits(word, best) < SURE else None
    if best in known or best in names:
        return best, cost
    # A word of ordinary speech, too, is read where its letters are swapped or doubled: "reprot".
    return (best, cost) if best in FILLERS and len(word) > 3 and edits(word, best) < SURE and not rivals else None


def closest(word: str, known: Collection[str]) -> str | None:
    """Return the known word that a misspelt one means, or None if none is close or two are about as close."""
    ranked = _ranked(word, known, ())
    if not ranked:
        return None
    best, cost = ranked[0]
    rivals = [hit for hit in ranked[1:] if hit[1] - cost < MARGIN and not _same_meaning(best, hit[0])]
    return None if rivals else best


def _near(word: str, known: Collection[str]) -> list[str]:
    """Return the known words within the most errors that a word of this length may hold."""
    most = 1 if len(word) < 5 else 2 if len(word) < 8 else 3
    hits = process.extract(word, known, scorer=OSA.distance, score_cutoff=most, limit=None)
    near: list[str] = [str(hit[0]) for hit in hits]
    if len(word) == 3:
        return [one for one in near if one[0] == word[0] and len(one) in (3, 4) and _has_its_letters(word, one)]
    # A word of three letters is too short to be told from a longer one.
    return [one for one in near if len(one) > 3 or edits(word, one) < SURE]


def _ranked(word: str, known: Collection[str], others: Collection[str]) -> list[tuple[str, float]]:
    """Return the words near a misspelt one with their distances, closest first."""
    most = 1.0 if len(word) == 3 else 1.4 if len(word) == 4 else 1.7 if len(word) < 8 else 2.8
    hits = {name: edits(word, name) for name in _near(word, known)}
    # People misspell what they ask for more often than what they say beside it.
    hits |= {name: edits(word, name) + 0.4 for name in _near(word, others) if name not in hits}
    return sorted(
        ((name, cost) for name, cost in hits.items() if cost <= most),
        key=lambda hit: (hit[1], abs(len(hit[0]) - len(word)), hit[0]),
    )


def edits(written: str, meant: str) -> float:
    """Return how many typing errors lie between two words (optimal string alignment, Damerau 1964), by likelihood.

    Swapped neighbours and a letter doubled or not doubled cost 0.6, a letter too many or too few and one for a
    neighbour on the keyboard or a letter that sounds alike 1, any other letter 1.7; a wrong first letter 0.4 more.
    """
    rows, columns = len(written) + 1, len(meant) + 1
    table = [[0.0] * columns for _ in range(rows)]
    for i in range(1, rows):
        table[i][0] = table[i - 1][0] + _too_many(written, i - 1)
    for j in range(1, columns):
        table[0][j] = table[0][j - 1] + _too_many(meant, j - 1)
    for i in range(1, rows):
        for j in range(1, columns):
            one, other = written[i - 1], meant[j - 1]
            table[i][j] = min(
                table[i - 1][j] + _too_many(written, i - 1),
                table[i][j - 1] + _too_many(meant, j - 1),
                table[i - 1][j - 1] + (0.0 if one == other else _instead(one, other)),
            )
            if i > 1 and j > 1 and one == meant[j - 2] and written[i - 2] == other and one != other:
                table[i][j] = min(table[i][j], table[i - 2][j - 2] + 0.6)
    first = 0.4 if written[0] != meant[0] and written[:2] != meant[1::-1] else 0.0
    return table[-1][-1] + first


def _too_many(word: str, at: int) -> float:
    """Return what a letter costs that only one of two words has: less where it is doubled."""
    return 0.6 if word[at] in (word[at - 1 : at], word[at + 1 : at + 2]) else 1.0


@lru_cache(maxsize=1024)
def _instead(one: str, other: str) -> float:
    for row, keys in enumerate(_ROWS):
        at = keys.find(one)
        if at < 0:
            continue
        beside = {*keys[max(0, at - 1) : at + 2]}
        for near in (row - 1, row + 1):
            beside |= {*_ROWS[near][max(0, at - 1) : at + 2]} if 0 <= near < len(_ROWS) else set()
        if other in beside:
            return 1.0
    return 1.0 if any(one in letters and other in letters for letters in _ALIKE) else 1.7


def _fits(lows: Sequence[str], at: int, better: str, universe: Universe) -> bool:
    """Say whether a word makes a known phrase of several words with its neighbours: "trailing stop"."""
    changed = [*lows[:at], better, *lows[at + 1 :]]
    for first in range(max(0, at - 3), at + 1):
        for last in range(max(at + 1, first + 2), min(len(lows), at + 4) + 1):
            phrase = tuple(changed[first:last])
            text = " ".join(phrase)
            if phrase in phrases() or any(
                text in table for table in (universe.names, universe.macro, universe.groups, universe.topics)
            ):
                return True
    return False


def _completes(lows: Sequence[str], at: int, better: str, universe: Universe) -> bool:
    """Say whether a corrected word is a name, alone or with its neighbours: "realti income"."""
    changed = [*lows[:at], better, *lows[at + 1 :]]
    return any(
        " ".join(changed[first:last]) in universe.names
        for first in range(max(0, at - 3), at + 1)
        for last in range(at + 1, min(len(lows), at + 4) + 1)
    )


def _looks_like_symbol(word: Word) -> bool:
    return word.raw.isupper() and 2 <= len(word.raw) <= 5


def _has_its_letters(word: str, known: str) -> bool:
    """Say whether a short known word has every letter of what was typed: "hod" is no "hot"."""
    return all(known.count(letter) >= word.count(letter) for letter in set(word))


def _same_meaning(one: str, other: str) -> bool:
    table = phrases()
    first, second = table.get((one,)), table.get((other,))
    return (first is not None and first == second) or one.rstrip("s") == other.rstrip("s")
