"""Read a question: which words are names, periods, numbers and desk words, and which are left over."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from agents.planner.concepts import (
    ABBREVIATIONS,
    FILLERS,
    NICKNAMES,
    ORDINARY,
    PLACES,
    SAYINGS,
    SIGNS,
    TWO_LETTERS,
    phrases,
)
from agents.planner.concepts import words as concept_words
from agents.planner.dates import MONTHS, UNITS
from agents.planner.periods import Found, find_periods
from agents.planner.quantities import Number, read_number, split_pair
from agents.planner.spelling import Misspelt, misspelt, respelt, stems
from agents.planner.spoken import as_figures
from agents.planner.text import Word, joined, plain, split
from agents.planner.universe import Universe


@dataclass(slots=True, kw_only=True)
class Span:
    """Hold what a run of words means: kind is concept, symbol, ambiguous, group, macro, topic, period,
    window (20d), number or pair.
    """

    kind: str
    value: str
    start: int
    end: int


@dataclass(slots=True, kw_only=True)
class Reading:
    """Hold a question after reading; every word belongs to one span or is left over."""

    text: str
    words: list[Word]
    today: date
    spans: list[Span] = field(default_factory=list)
    periods: list[Found] = field(default_factory=list)
    numbers: dict[int, Number] = field(default_factory=dict)
    pairs: list[tuple[float, ...]] = field(default_factory=list)
    corrections: dict[str, str] = field(default_factory=dict)
    rejected: list[str] = field(default_factory=list)

    def has(self, *concepts: str) -> bool:
        """Say whether any of the concepts occurs."""
        return any(span.kind == "concept" and span.value in concepts for span in self.spans)

    def values(self, kind: str) -> tuple[str, ...]:
        """Return the values of a kind in order, each once."""
        return tuple(dict.fromkeys(span.value for span in self.spans if span.kind == kind))

    def concepts(self) -> set[str]:
        """Return the concepts that occur."""
        return {span.value for span in self.spans if span.kind == "concept"}

    def position(self, *concepts: str) -> int:
        """Return the index of the first word of a concept, or -1."""
        return min((s.start for s in self.spans if s.kind == "concept" and s.value in concepts), default=-1)

    def leftovers(self) -> tuple[str, ...]:
        """Return the words that nothing explains, as written, in order."""
        taken = {index for span in self.spans for index in range(span.start, span.end)}
        return tuple(word.raw for index, word in enumerate(self.words) if index not in taken and not is_empty(word))

    def leftover_positions(self) -> list[int]:
        """Return the places of the words that nothing explains."""
        taken = {index for span in self.spans for index in range(span.start, span.end)}
        return [i for i, word in enumerate(self.words) if i not in taken and not is_empty(word)]

    def first_number(self, *units: str) -> float | None:
        """Return the first number with one of the units."""
        return next((n.value for n in self.numbers.values() if n.unit in units), None)


# Adverbs that say how often, which is no manner of speaking.
_OFTEN = frozenset(
    {"hourly", "fortnightly", "biweekly", "bimonthly", "semiannually", "biannually", "nightly", "minutely"}
)


def is_empty(word: Word) -> bool:
    """Say whether a word has no content of its own: a filler, a sign, or an adverb of manner such as strongly."""
    adverb = word.raw.islower() and len(word.low) > 4 and word.low.endswith("ly") and word.low not in _OFTEN
    adverb = adverb and re.search(r"[aeiouy]", word.low[:-2]) is not None  # "mtthly" is misspelt
    return word.low in FILLERS or word.low in SIGNS or adverb


def read(text: str, universe: Universe, today: date) -> Reading:
    """Read a question against the names the desk has, correcting typing errors that have one clear reading."""
    text = as_figures(plain(text))
    found = misspellings(text, universe)
    text = as_figures(respelt(text, found))
    reading = Reading(text=text, words=_words(text, universe), today=today)
    reading.corrections = {one.written: one.meant for one in found if one.is_said}
    _place_periods(reading, universe, today)
    _place_phrases(reading, universe)
    _drop_headline(reading)
    _place_numbers(reading)
    _place_listed(reading, universe)
    _drop_rejected(reading)
    return reading


def misspellings(text: str, universe: Universe) -> tuple[Misspelt, ...]:
    """Return the misspelt words of a question, each with the known word that it means."""
    return misspelt(_words(text, universe), universe)


def _words(text: str, universe: Universe) -> list[Word]:
    return _part_symbols(_say_plainly(_write_out(split(text))), universe)


_LISTS = frozenset({",", "and", "&", "or", "vs", "versus", "/", "+"})


def _place_listed(reading: Reading, universe: Universe) -> None:
    """Read an ordinary word as a symbol where it goes on a list of them: "btc, eth and link"."""
    for at in reading.leftover_positions():
        low = reading.words[at].low
        symbol = universe.symbols.get(low)
        before = at - 1
        while before > 0 and reading.words[before].low in _LISTS:
            before -= 1
        listed = before < at - 1 and any(span.kind == "symbol" and span.end == before + 1 for span in reading.spans)
        if symbol and listed and (low in ORDINARY or low in concept_words()) and universe.has_prices(symbol):
            reading.spans.append(Span(kind="symbol", value=symbol, start=at, end=at + 1))
            reading.corrections[low] = symbol
    reading.spans.sort(key=lambda span: span.start)


_REJECTS = (("rather", "than"), ("instead", "of"), ("in", "place", "of"), ("as", "opposed", "to"))


def _drop_rejected(reading: Reading) -> None:
    """Let the symbol of "against QQQ rather than the S&P" name nothing, where another one stands before it."""
    lows = tuple(word.low for word in reading.words)
    for span in reading.spans:
        before = lows[: span.start - 1] if span.start and lows[span.start - 1] == "the" else lows[: span.start]
        rejected = any(before[-len(words) :] == words for words in _REJECTS)
        if rejected and span.kind in ("symbol", "number") and _has_earlier(reading, span):
            reading.numbers.pop(span.start, None)
            reading.rejected.append(span.value)
            span.kind, span.value = "rejected", ""


def _has_earlier(reading: Reading, span: Span) -> bool:
    return any(one.kind == span.kind for one in reading.spans if one.end < span.start)


def _write_out(words: list[Word]) -> list[Word]:
    """Replace what is written for short, such as px and yday; in capitals it may be a symbol and stays."""
    out: list[Word] = []
    for word in words:
        written = word.raw[1:] or word.raw
        short = ABBREVIATIONS.get(word.low) if written.islower() or not written.isalpha() else None
        out += [Word(raw=one, low=one) for one in short] if short else [word]
    return out


_LONGEST_SAYING = max(map(len, SAYINGS))


def _say_plainly(words: list[Word]) -> list[Word]:
    """Replace the sayings of the desk by what they mean; a single word in capitals may be a symbol and stays."""
    out: list[Word] = []
    at = 0
    while at < len(words):
        for length in range(min(_LONGEST_SAYING, len(words) - at), 0, -1):
            said = words[at : at + length]
            plainly = SAYINGS.get(tuple(word.low for word in said))
            if plainly and (length > 1 or said[0].raw.islower()):
                out += [Word(raw=one, low=one.lower()) for one in plainly]
                at += length
                break
        else:
            out.append(words[at])
            at += 1
    return out


def _part_symbols(words: list[Word], universe: Universe) -> list[Word]:
    """Part SPY/TLT and AAPL-MSFT into their symbols, and fast/slow into its words.

    EUR/USD, BRK-B and y/y, which are names themselves, stay.
    """
    out: list[Word] = []
    for word in words:
        parts = re.split(r"[/-]", word.raw)
        known = (
            word.low in universe.names or word.low in universe.symbols or word.low.replace(".", "-") in universe.symbols
        )
        symbols = all(part.lower() in universe.symbols for part in parts)
        plain_words = word.low not in concept_words() and all(
            len(part) > 2 and _is_plain_word(part.lower()) for part in parts
        )
        if len(parts) > 1 and not known and (symbols or plain_words):
            out += [Word(raw=part, low=part.lower()) for part in parts]
        else:
            out.append(word)
    return out


def _is_plain_word(word: str) -> bool:
    return word in FILLERS or word in ORDINARY or word in concept_words()


def _free(reading: Reading, start: int, end: int) -> bool:
    return not any(span.start < end and start < span.end for span in reading.spans)


_EACH = frozenset({"each", "every", "per", "by", "one"})


def _place_periods(reading: Reading, universe: Universe, today: date) -> None:
    text = joined(reading.words)
    starts: list[int] = []
    offset = 0
    for word in reading.words:
        starts.append(offset)
        offset += len(word.low) + 1
    lows = [word.low for word in reading.words]
    for found in find_periods(text, today):
        first = next((i for i in range(len(starts) - 1, -1, -1) if starts[i] <= found.start), 0)
        last = next((i for i in range(len(starts)) if starts[i] >= found.end), len(starts))
        if last == first + 1 and reading.words[first].raw.isupper() and _symbol(reading, universe, first):
            continue  # NOW in capitals is the symbol.
        if (
            last == first + 1
            and first
            and f"{reading.words[first - 1].low} {reading.words[first].low}" in universe.names
        ):
            continue  # The Russell 2000 is an index.
        if last == first + 2 and first and " ".join(lows[first:last]) == "calendar year" and lows[first - 1] in _EACH:
            continue  # "Each calendar year" says how often.
        if found.period.text == "may" and first and reading.words[first - 1].low == "sell":
            continue  # "Sell in May" is a rule of the season.
        reading.periods.append(found)
        reading.spans.append(Span(kind="period", value=found.period.text, start=first, end=last))


def _place_phrases(reading: Reading, universe: Universe) -> None:
    """Place names and concepts, longest phrase first, left to right."""
    lows = [word.low for word in reading.words]
    table = phrases()
    sources: tuple[tuple[str, Mapping[str, object]], ...] = (
        ("name", universe.names),
        ("macro", universe.macro),
        ("group", universe.groups),
        ("topic", universe.topics),
    )
    for length in range(6, 0, -1):
        for start in range(len(lows) - length + 1):
            if not _free(reading, start, start + length):
                continue
            phrase = tuple(lows[start : start + length])
            span = _name_span(reading, universe, sources, phrase, start, length)
            if span is None and (
                concept := table.get(phrase)
                or (table.get((_stem(phrase[0], table),)) if length == 1 else table.get(_singular(phrase)))
            ):
                span = Span(kind="concept", value=concept, start=start, end=start + length)
            if span is None and phrase in PLACES:
                span = Span(kind="place", value=place_name(phrase), start=start, end=start + length)
            if span is not None:
                reading.spans.append(span)
    reading.spans.sort(key=lambda span: span.start)


def _drop_headline(reading: Reading) -> None:
    """Let "headline" name no series of its own directly before another one: "headline PCE inflation"."""
    starts = {span.start for span in reading.spans if span.kind == "macro"}
    for span in reading.spans:
        alone = span.kind == "macro" and span.end == span.start + 1 and reading.words[span.start].low == "headline"
        if alone and span.end in starts:
            span.kind, span.value = "description", ""


def place_name(words: tuple[str, ...]) -> str:
    """Return a place as it is written: Strait of Hormuz, NATO."""
    return " ".join(word.upper() if word in _IN_CAPITALS else word if word == "of" else word.title() for word in words)


_IN_CAPITALS = frozenset({"nato", "opec", "uae"})


def _stem(word: str, table: Mapping[tuple[str, ...], str]) -> str:
    """Return the desk word that a form with -s, -es, -ed or -ing comes from, or the word itself."""
    if word in FILLERS or len(word) < 5:
        return word
    return next((stem for stem in stems(word) if (stem,) in table), word)


def _singular(phrase: tuple[str, ...]) -> tuple[str, ...]:
    """Return a phrase of several words with its last one in the singular: "sortino ratios"."""
    return (*phrase[:-1], phrase[-1].removesuffix("s"))


# Names of a fund that mean its members where members are asked for: "which semis", "rank the financials".
_ALSO_GROUPS = {
    "semis": "semiconductor",
    "financials": "financials",
    "utilities": "utilities",
    "treasuries": "treasury",
    "bond etf": "bond",
}
_ASKS_MEMBERS = re.compile(
    r"\b(?:which|any|rank\w*|sort\w*|list|screen|scan|top|best|worst|strongest|weakest|biggest|most|least|"
    r"lowest|highest|"
    r"earnings|report\w*|news|headlines|sentiment)\b(?! (?:correlated|days?))",
    re.I,
)


def _name_span(
    reading: Reading,
    universe: Universe,
    sources: tuple[tuple[str, Mapping[str, object]], ...],
    phrase: tuple[str, ...],
    start: int,
    length: int,
) -> Span | None:
    text = " ".join(phrase)
    if length == 1:
        symbol = _symbol(reading, universe, start)
        if symbol:
            return Span(kind="symbol", value=symbol, start=start, end=start + 1)
    for kind, table in sources:
        # Jobs reports are those of the jobs report.
        singular = text.removesuffix("s") if length > 1 and kind != "name" else text
        if text in table or singular in table:
            found = table[text] if text in table else table[singular]
            if kind == "name":
                careful = text in ORDINARY | FILLERS and text not in NICKNAMES
                if length == 1 and (careful or text in universe.first_words) and not _written_as_name(reading, start):
                    continue
                assert isinstance(found, tuple)
                if text in _ALSO_GROUPS and _ASKS_MEMBERS.search(reading.text):
                    return Span(kind="group", value=_ALSO_GROUPS[text], start=start, end=start + length)
                return Span(
                    kind="symbol" if len(found) == 1 else "ambiguous",
                    value="|".join(found),
                    start=start,
                    end=start + length,
                )
            if (
                kind == "macro"
                and length == 1
                and len(text) <= 3
                and text not in ("cpi", "gdp", "pce", "baa", "aaa", "wti", "10y", "2y", "3m", "m2", "m1", "ppi", "fed")
            ):
                continue
            return Span(kind=kind, value=str(found), start=start, end=start + length)
    return None


def _symbol(reading: Reading, universe: Universe, at: int) -> str | None:
    """Return the symbol a word means: $AAPL and AAPL always, aapl unless it is an ordinary or desk word."""
    word = reading.words[at]
    bare = word.low.removeprefix("$")
    known = universe.symbols.get(bare) or universe.symbols.get(bare.replace(".", "-"))
    if known is None:
        return None
    if word.raw.startswith("$"):
        return known
    shouted = all(not other.raw.isalpha() or other.raw.isupper() for other in reading.words) and len(reading.words) > 2
    ordinary = bare in ORDINARY or bare in FILLERS or bare in concept_words() or len(bare) < 2 or bare in TWO_LETTERS
    if word.raw.isupper() and not (shouted and ordinary):
        return known if not (len(bare) == 1 and bare in ("a", "i")) else None
    return None if ordinary or bare in MONTHS or bare in UNITS else known


def _written_as_name(reading: Reading, at: int) -> bool:
    """Say whether a word starts with a capital although it does not start the question, unless all words shout."""
    return at > 0 and reading.words[at].raw[:1].isupper() and any(word.raw[:1].islower() for word in reading.words)


def _place_numbers(reading: Reading) -> None:
    lows = [word.low for word in reading.words]
    at = 0
    while at < len(lows):
        if not _free(reading, at, at + 1):
            at += 1
            continue
        if re.fullmatch(r"\d+(?:d|day|w|wk|m|mo|mth|y|yr|dma)", lows[at]) and not _joins_share_count(lows, at):
            reading.spans.append(Span(kind="window", value=lows[at], start=at, end=at + 1))
            at += 1
            continue
        pair = split_pair(lows[at])
        number = None if pair else read_number(lows, at)
        if pair:
            reading.pairs.append(pair)
            reading.spans.append(Span(kind="pair", value=lows[at], start=at, end=at + 1))
        elif number and _free(reading, at, at + number.words):
            reading.numbers[at] = number
            reading.spans.append(Span(kind="number", value=lows[at], start=at, end=at + number.words))
        at += number.words if number else 1
    reading.spans.sort(key=lambda span: span.start)


def _joins_share_count(lows: list[str], at: int) -> bool:
    """Say whether 5m or 2m counts money ("2m dollars", "$2m"), not months."""
    following = lows[at + 1] if at + 1 < len(lows) else ""
    return following in ("dollars", "usd", "shares", "paths", "of") and lows[at].endswith("m")
