"""Score the sentiment of market news with the desk's own list of words: deterministic, local, explained.

Each word or phrase of the list has a weight; a negation before it turns it, an intensifier makes it stronger, a
softener weaker; what stands before "but" counts half, and less what follows "despite" up to the next comma. The sum x
of headline (twice) and summary becomes x / sqrt(x^2 + c), between -1 and 1, as Hutto and Gilbert (2014) normalise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

Tone = Literal["negative", "neutral", "positive"]
_WORD = re.compile(r"[a-z0-9][a-z0-9'’&/%+-]*|[,;:.!?]")
_STOPS = frozenset(",;:.!?")
_REACH = 3
_NORMAL = 12.0
_HEADLINE = 2.0


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Hold the list: weights of words, phrases by first word (longest first), negations, factors, thresholds."""

    words: Mapping[str, float]
    phrases: Mapping[str, tuple[tuple[tuple[str, ...], float], ...]]
    negations: frozenset[str]
    factors: Mapping[str, float]
    contrasts: frozenset[str]
    concessions: frozenset[str]
    positive_from: float
    negative_from: float


def score(headline: str, summary: str = "") -> tuple[float, Tone]:
    """Return the sentiment from -1 to 1 and its tone; a text without a word of the list is 0 and neutral."""
    lexicon = load_lexicon()
    total = _HEADLINE * _sum(headline, lexicon) + (_sum(summary, lexicon) if summary else 0.0)
    value = total / (total * total + _NORMAL) ** 0.5
    if value >= lexicon.positive_from:
        return value, "positive"
    return value, "negative" if value <= lexicon.negative_from else "neutral"


def _sum(text: str, lexicon: Lexicon) -> float:
    tokens = _WORD.findall(text.lower())
    total, place, count, conceded = 0.0, 0, len(tokens), 1.0
    words, phrases = lexicon.words, lexicon.phrases
    while place < count:
        token = tokens[place]
        length, weight = 1, words.get(token)
        for phrase, value in phrases.get(token, ()):
            if tuple(tokens[place : place + len(phrase)]) == phrase:
                length, weight = len(phrase), value
                break
        if weight:
            total += conceded * weight * _factor(tokens, place, lexicon)
        elif token in lexicon.contrasts:
            # The sentence's own verdict follows "but": what came before counts half.
            total *= 0.5
        elif token in lexicon.concessions:
            conceded = 0.4
        elif token in _STOPS:
            conceded = 1.0
        place += length
    return total


def _factor(tokens: list[str], place: int, lexicon: Lexicon) -> float:
    factor = 1.0
    for back in range(place - 1, max(place - 1 - _REACH, -1), -1):
        token = tokens[back]
        if token in _STOPS:
            break
        if token in lexicon.negations or token.endswith("n't"):
            return -0.8 * factor
        factor *= lexicon.factors.get(token, 1.0)
    return factor


@lru_cache(maxsize=1)
def load_lexicon() -> Lexicon:
    """Return the desk's list, read once."""
    import yaml

    content: Mapping[str, Any] = yaml.load(
        Path(__file__).with_name("lexicon.yaml").read_bytes(), Loader=yaml.CSafeLoader
    )
    weights: dict[str, float] = {}
    for side, sign in (("positive", 1.0), ("negative", -1.0)):
        for weight, text in content[side].items():
            for entry in text.split(","):
                weights[" ".join(entry.split())] = sign * float(weight)
    phrases: dict[str, list[tuple[tuple[str, ...], float]]] = {}
    for entry, weight in weights.items():
        parts = tuple(_WORD.findall(entry))
        if len(parts) > 1:
            phrases.setdefault(parts[0], []).append((parts, weight))
    return Lexicon(
        words={entry: weight for entry, weight in weights.items() if " " not in entry},
        phrases={first: tuple(sorted(several, key=lambda one: -len(one[0]))) for first, several in phrases.items()},
        negations=frozenset(content["negations"].split()),
        factors={word: float(factor) for factor, text in content["factors"].items() for word in text.split()},
        contrasts=frozenset(content["contrasts"].split()),
        concessions=frozenset(content["concessions"].split()),
        positive_from=float(content["thresholds"]["positive"]),
        negative_from=float(content["thresholds"]["negative"]),
    )
