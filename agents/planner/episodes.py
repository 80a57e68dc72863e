"""Read kinds of events, "a chip export ban", and the stored episode that stands for one; name the nearest otherwise."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agents.planner.reading import Reading
from core.simulators.crises import CRISES

_CHIPS = r"(?:(?:ai|computer|advanced) )?(?:chips?|semiconductors?|semis|gpus?)"
_BAN = r"(?:bans?|embargo(?:es)?|controls?|curbs?|restrictions?|sanctions?|licen[cs]es?|licen[cs]e rules?)"
_WRECK = r"(?:sell-? ?offs?|crash(?:es)?|routs?|wrecks?|meltdowns?|collapses?|panics?)"
# What people call an event, and the episodes that may stand for it: that of the year which is named, else the first.
# What several episodes fit equally well (a banking crisis, a currency crisis) is none of these.
KINDS = (
    (
        rf"{_CHIPS} (?:exports? )?{_BAN}|exports? {_BAN} (?:on|of|for) (?:[\w-]+ ){{0,2}}{_CHIPS}|"
        rf"{_BAN} (?:on|of|for) (?:[\w-]+ ){{0,2}}{_CHIPS}(?: (?:exports?|sales))?",
        ("chips_2022", "chips_2025"),
    ),
    (rf"h20 (?:export )?{_BAN}", ("chips_2025",)),
    (
        r"(?:invasion of|attack on|war (?:in|on|against|with)) (?:the )?ukraine|ukrain\w+ (?:war|invasion|crisis)|"
        r"russian? (?:invad\w+|invasion|attack\w*) (?:(?:of|on) )?(?:the )?ukraine",
        ("ukraine_2022",),
    ),
    (
        rf"deep-?seek(?: (?:day|shock|moment|scare|{_WRECK}))?|"
        rf"(?:ai|artificial intelligence)(?: (?:stocks?|trade))? (?:shock|scare|{_WRECK})",
        ("deepseek_2025",),
    ),
    (
        r"tech(?:nology)?(?: stocks?| sector)? (?:crash(?:es)?|bust|wreck|collapse|meltdown)",
        ("dotcom_2000", "rates_2022"),
    ),
    (r"bank runs?|runs? on (?:the |a |regional )?banks?|bank failures?", ("banks_2023", "financial_2008")),
    (r"(?:oil|crude)(?: price)? wars?|price wars? (?:in|over|on|for) (?:oil|crude)", ("oil_war_2020",)),
    (r"trade wars?", ("trade_war_2019", "tariffs_2025")),
    (r"tariffs?(?: shocks?)?", ("tariffs_2025", "trade_war_2019")),
    (r"gilts? (?:market )?(?:crisis|crash|rout)|mini-? ?budget|liz truss|ldi crisis", ("gilts_2022",)),
    (r"(?:japan\w*|tohoku) (?:earthquake|tsunami)|(?:earthquake|tsunami) in japan|fukushima", ("japan_2011",)),
    (r"new (?:covid |corona ?virus )?variants?", ("variant_2021",)),
    (
        r"terra ?usd|terra[/ -]luna|luna (?:crash|collapse)|"
        r"stable ?coins? (?:de-?pegs?|collapses?|breaks?|runs?|crash(?:es)?)",
        ("stablecoin_2022",),
    ),
    (r"terror(?:ist)? attacks?", ("september_2001",)),
    (r"housing (?:market )?(?:crash|bust|collapse)|mortgage crisis", ("financial_2007_2009",)),
)
# The episode nearest to an event that none stands for: it is named, never taken.
_NEAREST = (
    (r"wars?|inva\w+|blockades?|coup|strikes?", "ukraine_2022"),
    (r"bans?|embargo\w*|sanctions?", "chips_2022"),
    (r"attacks?", "september_2001"),
    (r"recessions?|depression|crisis|hard landing", "financial_2007_2009"),
    (r"hyperinflation|stagflation", "rates_2022"),
    (r"default(?:s|ed)?", "russia_1998"),
    (r"outbreaks?", "covid_2020"),
    (r"bubble", "dotcom_2000"),
    (r"earthquakes?|hurricanes?|meltdown", "japan_2011"),
    (r"bankrupt\w*|collapses?", "financial_2008"),
    (r"contagion", "euro_2011"),
    (r"crash(?:es)?", "crash_1987"),
    (r"election", "brexit_2016"),
)
# Who else belongs to an episode than its title names.
_ALSO_THERE = {"chips_2022": "beijing", "chips_2025": "beijing", "ukraine_2022": "putin kremlin moscow kyiv kiev"}
# What ends or softens an event is no repeat of it: "what if the chip export ban is lifted".
_ENDS = re.compile(
    r"\b(?:ends?|ended|ending|lift(?:s|ed|ing)?|eas(?:es?|ed|ing)|relax\w*|peace|cease-?fires?|truce|avert\w*|"
    r"avoid\w*|revers(?:es?|ed|al)|repeal\w*|roll(?:s|ed|ing)? back|scrap\w*|removed?|removing|cancel\w*|exempt\w*|"
    r"cut|cuts|lower(?:s|ed)?|pauses?|paused|suspend\w*|no|not|without|never|unless|bail\w*|rescue\w*|deal|"
    r"(?:is|are|was|were|be) over)\b",
    re.I,
)
# What may be said beside an event without asking for something else than what it would do.
_BESIDE = frozenset(
    {"stress", "simulate", "portfolio", "nav", "exposure", "return", "change", "pronoun", "worst", "pnl", "large",
     "same", "weight", "days", "horizon", "mix", "add", "universe", "dca", "below"}
)  # fmt: skip
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Hold the words for a kind of event, and the name of the stored episode that stands for it, if one does."""

    said: str
    episode: str | None

    @property
    def note(self) -> str:
        """Say which episode stands for it."""
        if self.episode is None:
            return ""
        stored = CRISES[self.episode]
        return f"“{self.said}”: the episode “{stored.title}” ({stored.start} to {stored.end}) stands for it."


def kinds_of(reading: Reading) -> tuple[Kind, ...]:
    """Return the kinds of events that a question names.

    No episode stands for the end of an event, for one in another place than the episode's or in a year that had none,
    or where something else than its effect is asked.
    """
    text = reading.text.lower()
    named: list[tuple[str, tuple[str, ...]]] = []
    for pattern, names in KINDS:
        if match := re.search(rf"\b(?:{pattern})\b", text):
            named.append((match.group(), names))
            text = text[: match.start()] + " " + text[match.end() :]
    said = " ".join(words for words, _ in named)
    beside = set()
    for span in reading.spans:
        written = [word.low for word in reading.words[span.start : span.end]]
        if (
            span.kind == "concept"
            and not all(word in said for word in written)
            and all(word in text for word in written)
        ):
            beside.add(span.value)
    stands = beside <= _BESIDE and not _ENDS.search(text)
    kinds = [Kind(said=words, episode=_episode(names, text) if stands else None) for words, names in named]
    known = " ".join((said, *(f"{CRISES[kind.episode].title} {_ALSO_THERE.get(kind.episode, '')}"
                              for kind in kinds if kind.episode))).lower()  # fmt: skip
    places = [span.value.lower() for span in reading.spans if span.kind == "place" and span.value.lower() in text]
    elsewhere = not all(place in known for place in places)
    return tuple(Kind(said=kind.said, episode=None) if elsewhere else kind for kind in kinds)


def _episode(names: tuple[str, ...], text: str) -> str | None:
    years = {int(year) for year in _YEAR.findall(text)}
    return next((name for name in names if not years or years & {CRISES[name].start.year, CRISES[name].end.year}), None)


def nearest(event: str) -> str:
    """Name the stored episode nearest to an event, in a sentence; empty where none is near."""
    tables = (*((pattern, names[0]) for pattern, names in KINDS), *_NEAREST)
    name = next((name for pattern, name in tables if re.search(rf"\b(?:{pattern})\b", event.lower())), None)
    return "" if name is None else f"The nearest it has is “{CRISES[name].title}” ({CRISES[name].start.year}). "
