"""Link news to the instruments that its text names: by ticker, name or alias, as they were on the article's day."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from core.domain.market_records import Instrument, SymbolHistory

_TOKEN = re.compile(r"[$]?[A-Za-z0-9][A-Za-z0-9&.'’\-]*|[():]")
_CAPITALS = re.compile(r"^[A-Z]{1,5}(?:[.-][A-Z]{1,3})?$")
# Words that are small inside a name.
_JOINERS = frozenset({"of", "and", "the", "de", "for", "&"})
_EXCHANGES = frozenset(
    {"NYSE", "NASDAQ", "NasdaqGS", "Nasdaq", "AMEX", "NYSEARCA", "ARCA", "OTC", "BATS", "CBOE", "TSX"}
)
# Parts of a company's registered name that people leave out.
_SUFFIX = re.compile(
    r"[,]?\s+(?:\(class [a-z]\)|incorporated|inc|corporation|corp|company|companies|co|plc|ltd|limited|holdings?|"
    r"group|platforms|technolog(?:y|ies)|international|systems|enterprises|industries|laboratories|"
    r"pharmaceuticals?|financial|energy|semiconductors?|motors?|brands|n\.v|s\.a|ag)\.?$",
    re.IGNORECASE,
)
_WORDS = Path(__file__).with_name("linking_words.yaml")
_BY_NAME = frozenset({"equity", "crypto"})
# Names that texts write in small letters too.
_SMALL = frozenset({"bitcoin", "ethereum", "dogecoin", "solana", "litecoin", "ripple", "cardano"})
_FIRST_DAY = date(1900, 1, 1)
_LAST_DAY = date(9999, 12, 31)


@dataclass(frozen=True, slots=True)
class _Period:
    instrument_id: int
    start: date
    end: date


class Linker:
    """Find the instruments that a text names; built from the stored instruments and their dated symbols."""

    def __init__(self, instruments: Sequence[Instrument], history: Sequence[SymbolHistory]) -> None:
        self._plain_tickers = _word_list("tickers")
        self._tickers: dict[str, list[_Period]] = defaultdict(list)
        self._names: dict[str, list[tuple[tuple[str, ...], int]]] = defaultdict(list)
        dated = {(period.instrument_id, period.symbol) for period in history}
        for period in history:
            self._tickers[period.symbol].append(
                _Period(period.instrument_id, period.valid_from, period.valid_to or _LAST_DAY)
            )
        known: dict[tuple[str, ...], int] = {}
        for instrument in sorted(instruments, key=lambda entry: entry.instrument_id):
            if (instrument.instrument_id, instrument.symbol) not in dated:
                self._tickers[instrument.symbol].append(_Period(instrument.instrument_id, _FIRST_DAY, _LAST_DAY))
            if instrument.asset_class in _BY_NAME:
                for name in _names_of(instrument):
                    # Of two share classes the first listed carries the name.
                    known.setdefault(name, instrument.instrument_id)
        known |= _first_words(known)
        for name, number in known.items():
            self._names[name[0]].append((name, number))
        for names in self._names.values():
            names.sort(key=lambda entry: -len(entry[0]))
        content = sorted((*name, str(number)) for name, number in known.items())
        periods = sorted(
            (symbol, period.instrument_id, period.start, period.end)
            for symbol, several in self._tickers.items()
            for period in several
        )
        self.digest = sha256(repr((content, periods)).encode()).hexdigest()[:16]

    def link(self, headline: str, summary: str, day: date) -> dict[int, str]:
        """Return the instruments that headline and summary name on a day, each with the text that named it."""
        found: dict[int, str] = {}
        shouted = headline.isupper()
        for text in (headline, summary):
            if text:
                self._read(_TOKEN.findall(text), day, found, bare=not shouted)
        return found

    def _read(self, tokens: list[str], day: date, found: dict[int, str], *, bare: bool) -> None:
        place, count = 0, len(tokens)
        while place < count:
            token = tokens[place]
            first = token[0]
            if first == "$":
                self._ticker(token[1:].rstrip(".'’-"), day, found)
            elif first.isupper() or token in _SMALL:
                plain = _plain(token)
                folded = _possessive(token)
                folded = folded if folded in self._names else plain.lower()
                length = self._name(folded, tokens, place, found) if folded in self._names else 0
                if length:
                    place += length
                    continue
                if _CAPITALS.match(plain):
                    before = tokens[place - 1] if place else ""
                    after = tokens[place + 1] if place + 1 < count else ""
                    marked = (before == "(" and after == ")") or (
                        before == ":" and place > 1 and tokens[place - 2] in _EXCHANGES
                    )
                    if marked or (bare and len(plain) > 1 and plain not in self._plain_tickers):
                        self._ticker(plain, day, found)
            place += 1

    def _name(self, first: str, tokens: list[str], place: int, found: dict[int, str]) -> int:
        for name, number in self._names[first]:
            length = len(name)
            if length == 1 or _same_name(tokens[place : place + length], name):
                found.setdefault(number, " ".join(name))
                return length
        return 0

    def _ticker(self, symbol: str, day: date, found: dict[int, str]) -> None:
        for period in self._tickers.get(symbol, ()):
            if period.start <= day <= period.end:
                found.setdefault(period.instrument_id, symbol)
                return


def _same_name(tokens: list[str], name: tuple[str, ...]) -> bool:
    return len(tokens) == len(name) and all(
        _plain(token).lower() == word and (not token[0].islower() or word in _JOINERS)
        for token, word in zip(tokens, name, strict=True)
    )


def _plain(token: str) -> str:
    text = token.rstrip(".'’-")
    if text.endswith(("'s", "’s")):
        text = text[:-2]
    return text


def _possessive(token: str) -> str:
    return token.lower().replace("’", "'").rstrip(".-")


def _names_of(instrument: Instrument) -> set[tuple[str, ...]]:
    """Return the names of an instrument as texts write them, as tuples of words in small letters."""
    full = re.sub(r"\s*\(class [a-z]\)$", "", instrument.name, flags=re.IGNORECASE).strip()
    names = {full, *instrument.aliases}
    shorter = full
    while (cut := _SUFFIX.sub("", shorter)) != shorter:
        shorter = cut
        names.add(shorter)
    ordinary, tickers = _word_list("names"), _word_list("tickers")
    out = set()
    for name in names:
        words = tuple(_plain(token).lower() for token in _TOKEN.findall(name))
        if len(words) == 1 and name.endswith("'s"):
            # "Macy's" is a name, "Macy" a person.
            words = (_possessive(name),)
        if not words or (len(words) == 1 and (words[0] in ordinary or len(words[0]) < 3)):
            continue
        if len(words) == 1 and words[0].upper() in tickers:
            continue
        out.add(words)
    return out


def _first_words(known: dict[tuple[str, ...], int]) -> dict[tuple[str, ...], int]:
    """Return the first words that stand for a whole name ("Barrick"): long, no words of their own, of one company."""
    owners: dict[str, set[int]] = defaultdict(set)
    for name, number in known.items():
        owners[name[0]].add(number)
    ordinary = _word_list("names")
    return {
        (name[0],): number
        for name, number in known.items()
        if len(name) > 1 and len(name[0]) > 5 and len(owners[name[0]]) == 1 and name[0] not in ordinary
    }


@lru_cache(maxsize=2)
def _word_list(name: str) -> frozenset[str]:
    import yaml

    content: dict[str, str] = yaml.load(_WORDS.read_bytes(), Loader=yaml.CSafeLoader)
    return frozenset(content[name].lower().split() if name == "names" else content[name].split())
