"""Know the names the desk has: instruments with symbols, names and nicknames, groups and macro series."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agents.planner.concepts import GROUP_NAMES, MORE_MACRO, NICKNAMES
from core.query.catalog import GROUPS, MACRO, TOPICS

if TYPE_CHECKING:
    from core.domain.market_records import Instrument

# What stands for a shocked factor; the first that has prices does. Rates are the series DGS10.
FACTORS: dict[str, tuple[str, ...]] = {
    "equities": ("SPY", "^GSPC"),
    "oil": ("USO", "WTI"),
    "gold": ("GLD", "IAU"),
    "dollar": ("UUP", "DXY"),
    "volatility": ("^VIX",),
    "crypto": ("BTC-USD",),
}

# Words of the catalogue that mean something else in a sentence: "10 shares", "the index".
_NOT_GROUPS = frozenset({"shares", "companies", "index", "tokens"})
# Group names that are ordinary or other words when they stand alone.
_NOT_ALONE = frozenset(
    {"gold", "silver", "growth", "value", "dividend", "space", "index", "oil", "stock", "bond", "factor", "inverse"}
    | {"cash like", "volatility index", "high yield", "inflation linked", "materials", "payments", "metals"}
)
# Names that a question means otherwise (News Corp, 3M): their symbols still say them.
_NOT_NAMES = re.compile(r"news|\d+[dwmy]")
# First words of company names that are places: tensions over Taiwan are not those of Taiwan Semiconductor.
_PLACES = frozenset(
    {"taiwan", "china", "japan", "canadian", "american", "deutsche", "british", "texas", "southern", "united"}
)
_COMPANY_WORDS = re.compile(
    r"\b(?:inc|corp|corporation|company|co|plc|ltd|limited|holdings?|group|trust|the|class [a-c]|etf|fund|technologies|"
    r"platforms|n\.?v|s\.?a|& co)\b\.?|[,()]"
)


def plain_name(name: str) -> str:
    """Return a company's name as people say it: lower case, without Inc., Corp., (The) and the like."""
    return " ".join(_COMPANY_WORDS.sub(" ", name.lower().replace("’", "'")).replace("  ", " ").split()).strip(" .&")


@dataclass(frozen=True, slots=True, kw_only=True)
class Universe:
    """Hold the names that questions may use, each in lower case with what it means.

    `members` are the symbols of each group, `assets` total assets in US dollars where known. `first_words` are
    names that are only the first word of a longer one (Ford of Ford Motor): they count when written as a name.
    `factors` are the instruments that stand for a shocked factor such as equities. `priced` are the symbols with
    prices, None when that is not known. `name_words` and `desk_words` are the single words of names, and of groups
    and macro series.
    """

    symbols: dict[str, str] = field(default_factory=dict)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    members: dict[str, tuple[str, ...]] = field(default_factory=dict)
    macro: dict[str, str] = field(default_factory=dict)
    topics: dict[str, str] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)
    assets: dict[str, float] = field(default_factory=dict)
    factors: dict[str, str] = field(default_factory=dict)
    first_words: frozenset[str] = frozenset()
    priced: frozenset[str] | None = None
    name_words: frozenset[str] = frozenset()
    desk_words: frozenset[str] = frozenset()

    def has_prices(self, symbol: str) -> bool:
        """Say whether a symbol has prices, as far as is known."""
        return self.priced is None or symbol in self.priced


def build_universe(instruments: Iterable[Instrument], stored: Collection[int] | None = None) -> Universe:
    """Return the names of the instruments, their groups and the macro series and event topics of the catalogue.

    Where a word could mean several instruments (the market, gold), one with prices is preferred: `stored` are the
    ids of those that have any, None means all.
    """
    listed = tuple(instruments)
    by_symbol = {one.symbol.upper(): one for one in listed}
    symbols = {symbol.lower(): symbol for symbol in by_symbol}
    priced = {one.symbol for one in listed if stored is None or one.instrument_id in stored}
    names: dict[str, tuple[str, ...]] = {}
    for one in listed:
        for alias in one.aliases:
            if re.fullmatch(r"[A-Z0-9^./=-]{2,9}", alias):
                symbols.setdefault(alias.lower(), one.symbol)
        for name in {plain_name(one.name), *(alias.lower() for alias in one.aliases)}:
            if len(name) < 2 or name in symbols or name.startswith("the ") or _NOT_NAMES.fullmatch(name):
                continue
            names[name] = tuple(dict.fromkeys((*names.get(name, ()), one.symbol)))
    for nickname, targets in NICKNAMES.items():
        found = _first_known(targets, symbols, priced)
        if found is not None or nickname not in names:
            names[nickname] = (found or targets[0],)
    groups, members = _groups(by_symbol)
    firsts = _first_words(listed, names)
    macro = _macro_names()
    all_names = firsts | names
    return Universe(
        name_words=_words_of(all_names, 4),
        desk_words=_words_of(macro, 3) | _words_of(groups, 3),
        first_words=frozenset(firsts),
        priced=None if stored is None else frozenset(priced),
        factors={
            name: found
            for name, targets in FACTORS.items()
            if (found := _first_known(targets, symbols, priced)) and found in priced
        },
        symbols=symbols,
        names=all_names,
        groups=groups,
        members=members,
        macro=macro,
        topics={word: topic.name for topic in TOPICS for word in (topic.name.lower(), *topic.synonyms)},
        classes={one.symbol: one.asset_class for one in listed},
        assets={one.symbol: one.total_assets_usd for one in listed if one.total_assets_usd},
    )


def _words_of(phrases: Iterable[str], shortest: int) -> frozenset[str]:
    return frozenset(part for phrase in phrases for part in phrase.split() if len(part) >= shortest and part.isalpha())


def _first_known(targets: tuple[str, ...], symbols: dict[str, str], priced: set[str]) -> str | None:
    known = [symbols[symbol.lower()] for symbol in targets if symbol.lower() in symbols]
    return next((symbol for symbol in known if symbol in priced), known[0] if known else None)


def _first_words(listed: Iterable[Instrument], names: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for one in listed:
        first = plain_name(one.name).split(" ")[0]
        if first in _PLACES:
            continue
        if one.asset_class == "equity" and len(first) > 3 and first.isalpha() and first not in names:
            found[first] = (*found.get(first, ()), one.symbol)
    return found


def _groups(by_symbol: dict[str, Instrument]) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    stored = {group for one in by_symbol.values() for group in one.groups}
    words: dict[str, str] = {}
    for name in stored:
        if name not in _NOT_ALONE:
            words[name.replace("_", " ")] = name
        words[f"{name.replace('_', ' ')} group"] = name
    for name, said in GROUP_NAMES.items():
        words |= {word: name for word in said}
    for group in GROUPS:
        words |= {word: group.name for word in (group.name, *group.synonyms) if word not in _NOT_GROUPS}
    members = {
        group.name: tuple(s for s, one in by_symbol.items() if one.asset_class == group.name) for group in GROUPS
    }
    for name in stored | set(GROUP_NAMES):
        found = tuple(symbol for symbol, one in by_symbol.items() if name in one.groups)
        members[name] = found or members.get(name, ())
    return words, members


def _macro_names() -> dict[str, str]:
    """Return the words for macro series: those of the catalogue, and of every other series the desk covers."""
    from core.data.universe import macro_catalogue

    table: dict[str, str] = {}
    for concept in MACRO:
        for word in (*concept.synonyms, concept.title.lower(), *(series.lower() for series in concept.series)):
            table.setdefault(word, concept.name)
    for word, name in MORE_MACRO.items():
        table.setdefault(word, name)
    for series in macro_catalogue():
        for word in (series.series_id.lower(), series.name.lower(), *(alias.lower() for alias in series.aliases)):
            table.setdefault(word, series.series_id)
    return table
