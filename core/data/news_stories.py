"""Find articles that tell one story: equal or nearly equal titles within three days.

Titles are compared as sets of words. Two are near when they share at least four fifths of all their words (Jaccard)
and every number, and no word of one stands in place of another word.
Candidates come from an inverted index over each set's prefix in a fixed order of words: sets that
near cannot miss each other in their prefixes (Chaudhuri, Ganti and Kaushik, 2006).
"""

from __future__ import annotations

import math
import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from zlib import crc32

WINDOW = timedelta(days=3)
LEAST_SHARED = 0.8
# " - Reuters", " | Barron's", " — WSJ" at the end name the publisher, not the story.
_PUBLISHER = re.compile(r"\s+[-–—|]\s+[A-Z][\w.’'& ]{1,28}$")
_WORD = re.compile(r"[a-z0-9][a-z0-9.,%$]*")
_COMMON = re.compile(r"a|an|the|to|of|in|on|for|and|or|as|at|by|is|it|its|with|from|after|amid|are|was|be")
# A title of fewer words says too little to be known again by them.
_LEAST_WORDS = 4


def title_words(title: str) -> frozenset[str]:
    """Return the words that a title is compared by: small letters, no publisher, no words that every title has."""
    text = _PUBLISHER.sub("", title).lower().replace("’", "'").replace("'s ", " ")
    words = (word.rstrip(".,") for word in _WORD.findall(text))
    return frozenset(word for word in words if not _COMMON.fullmatch(word))


def assign_stories(articles: Iterable[tuple[str, datetime, str]]) -> Iterator[tuple[str, str]]:
    """Yield (article, story) for articles (id, known time, title) in ascending order of time and id.

    The story is the earliest article within three days before whose title is the same or near; an article without
    one begins its own. What comes later changes no earlier assignment.
    """
    held: deque[tuple[datetime, str, frozenset[str], tuple[str, ...]]] = deque()
    index: dict[str, dict[str, tuple[datetime, frozenset[str]]]] = defaultdict(dict)
    for article, known, title in articles:
        while held and known - held[0][0] > WINDOW:
            _, old, _, keys = held.popleft()
            for key in keys:
                index[key].pop(old, None)
                if not index[key]:
                    del index[key]
        words = title_words(title)
        keys = _prefix(words)
        found: tuple[datetime, str] | None = None
        for key in keys:
            for other, (moment, theirs) in index.get(key, {}).items():
                if (found is None or (moment, other) < found) and _are_near(words, theirs):
                    found = (moment, other)
        yield article, found[1] if found else article
        for key in keys:
            index[key][article] = (known, words)
        held.append((known, article, words, keys))


def _prefix(words: frozenset[str]) -> tuple[str, ...]:
    if len(words) < _LEAST_WORDS:
        return (" ".join(sorted(words)),) if words else ()
    ordered = sorted(words, key=lambda word: (crc32(word.encode()), word))
    return tuple(ordered[: len(words) - math.ceil(LEAST_SHARED * len(words)) + 1])


def _are_near(one: frozenset[str], two: frozenset[str]) -> bool:
    if one == two:
        return True
    if min(len(one), len(two)) < _LEAST_WORDS:
        return False
    shared = len(one & two)
    if shared < LEAST_SHARED * (len(one) + len(two) - shared):
        return False
    mine, theirs = one - two, two - one
    if any(letter.isdigit() for word in mine | theirs for letter in word):
        return False
    # Words that only one title has add something; words in place of others ("high" for "low") tell another story,
    # unless they are forms of one word.
    return _forms(mine) >= _forms(theirs) or _forms(theirs) >= _forms(mine)


def _forms(words: frozenset[str]) -> frozenset[str]:
    return frozenset(word[:4] for word in words)
