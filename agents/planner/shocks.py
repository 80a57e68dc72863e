"""Read shocks and crises: "oil +30%, rates up 50bp", "a 10% drop in equities", "vix doubles", "the covid crash"."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from agents.planner.episodes import kinds_of
from agents.planner.reading import Reading
from agents.planner.slots import mix_of

# What people call a crisis, and its name among the stored ones; the first that fits is meant.
CRISES = (
    (r"quant[ _](?:unwind|quake|2007)", "quant_2007"),
    (
        r"peak to trough.*(?:gfc|financial crisis)|(?:gfc|financial crisis).*peak to trough|\b2007",
        "financial_2007_2009",
    ),
    (r"\b2008\b|\bgfc\b|financial crisis|lehman|subprime|great recession|credit crunch", "financial_2008"),
    (r"\bcovid(?:[- ]?19)?|pandemic|march 2020|\b2020\b", "covid_2020"),
    (r"dot-?com|tech bubble|\b2000\b|internet bubble|\b2002\b", "dotcom_2000"),
    (r"september 11|\b9/11\b|\b2001\b", "september_2001"),
    (r"black monday|\b1987\b|\b87 crash", "crash_1987"),
    (r"gulf war|kuwait|\b1990\b", "gulf_1990"),
    (r"ltcm|russian default|\b1998\b", "russia_1998"),
    (r"flash crash|\b2010\b", "flash_crash_2010"),
    (r"euro(?:zone)?(?: debt)? crisis|\b2011\b|us downgrade", "euro_2011"),
    (r"taper tantrum|\b2013\b", "taper_2013"),
    (r"bond (?:market )?(?:rout|massacre)|\b1994\b", "bonds_1994"),
    (r"asian (?:currency |financial )?crisis|\b1997\b", "asia_1997"),
    (r"accounting scandals|worldcom|enron", "accounting_2002"),
    (r"oil price collapse|\b2014\b", "oil_2014"),
    (r"brexit|britain votes", "brexit_2016"),
    (r"\bftx\b", "ftx_2022"),
    (r"crypto winter|crypto (?:crash |winter )?(?:of |in )?2018", "crypto_2018"),
    (r"crypto crash|crypto (?:of |in )?2022", "crypto_2022"),
    (r"tariffs? of april|april 2025|liberation day|\b2025\b", "tariffs_2025"),
    (r"china devaluation|\b2015\b", "china_2015"),
    (r"china and oil worries|\b2016\b", "china_2016"),
    (r"volmageddon|february 2018", "volatility_2018"),
    (r"fourth quarter 2018|q4 2018|december 2018|\b2018\b", "fourth_quarter_2018"),
    (r"inflation shock|inflation and rising rates|rate shock|\b2022\b|rising rates year", "rates_2022"),
    (r"regional banks?|svb|silicon valley bank|\b2023\b", "banks_2023"),
    (r"yen carry|carry trade|august 2024|\b2024\b", "carry_2024"),
)
# Words for what may happen but has no stored history under that name.
_EVENT = re.compile(
    r"\b(?:bans?|wars?|invasion|invades?|invaded|embargo(?:es)?|tariffs?|default(?:s|ed)?|outbreaks?|sanctions?|"
    r"shutdowns?|blockades?|attacks?|strikes?|recessions?|depression|hyperinflation|stagflation|earthquakes?|"
    r"hurricanes?|coup|crisis|crash(?:es)?|bubble|collapses?|bankrupt(?:cy)?|election|impeachment|cyber ?attacks?|"
    r"power outage|meltdown|contagion|bank runs?|deflation|soft landing|hard landing)\b",
    re.I,
)
_FACTORS = {
    "equities": r"(?:equit(?:y|ies)|stocks?|stock markets?|(?:the )?markets?|s&p(?: ?500)?|spx|shares)",
    "rates": r"(?:interest rates?|rates?|yields?|treasury yields?|the fed|dgs10|(?:the )?(?:10|ten)[- ]?(?:y|year)"
    r"(?: treasury)?(?: yields?| rates?)?)",
    "oil": r"(?:oil prices?|oil|crude oil|crude|energy prices)",
    "gold": r"(?:gold prices?|gold)",
    "dollar": r"(?:the )?(?:us )?(?:dollar index|dollar)",
    "credit_spreads": r"(?:credit spreads?|spreads)",
    "volatility": r"(?:the vix|vix|volatility|vol)",
    "crypto": r"(?:crypto|bitcoin|btc)",
}
_UP = (
    r"(?:rise|rises|rising|rose|up|increase|increases|increased|increasing|jump|jumps|jumped|jumping|climb|climbs|"
    r"climbing|gain|gains|gained|go up|goes up|going up|went up|higher|widen|widens|widened|surge|surges|surged|"
    r"spike|spikes|spiked|spiking|rally|rallies|rallied|moon|moons|mooned|pump|pumps|pumped|rip|rips|ripped|hike|"
    r"hikes|hiked|soar|soars|add|adds|plus|\+)"
)
_DOWN = (
    r"(?:fall|falls|falling|fell|fallen|drop|drops|dropping|dropped|down|decrease|decreases|decreased|lose|loses|lost|"
    r"decline|declines|declined|declining|crash|crashes|crashed|crashing|nuke|nukes|nuked|dump|dumps|dumped|crater|"
    r"craters|cratered|dive|dives|bleed|bleeds|slide|slides|slid|go down|goes down|"
    r"going down|went down|lower|plunge|plunges|plunged|plunging|sink|sinks|sank|tumble|tumbles|tumbled|correct|"
    r"corrects|tank|tanks|tanked|slump|slumps|narrow|narrows|tighten|tightens|cut|cuts|sell off|sells off|selloff|"
    r"sell-off|off|minus|-)"
)
_SIZE = r"(?P<n>\d+(?:\.\d+)?) ?(?P<u>%|percent|pct|percentage points?|bps|bp|basis points?|points?|pts?|pp)"
_TIMES = {"doubles": 1.0, "double": 1.0, "doubled": 1.0, "doubling": 1.0, "triples": 2.0, "triple": 2.0, "tripled": 2.0}
_TIMES |= {"halves": -0.5, "halve": -0.5, "halved": -0.5, "halving": -0.5, "quadruples": 3.0, "quadruple": 3.0}
_TIMES |= {"x2": 1.0, "2x": 1.0, "x3": 2.0, "3x": 2.0}
_MULTIPLE = "(?:" + "|".join(sorted(_TIMES, key=len, reverse=True)) + ")"
_HALF = re.compile(r"\b(?:a )?(half|quarter)(?: (?:a|of a))?[- ](percent(?:age point)?|point)\b")
# Between a factor and its move may stand a word or two: "oil prices suddenly fall 10%".
_BETWEEN = (
    r"(?: (?!(?:if|and|when|while|but|as|or|to|at|lose|loses|up|down|go|goes|going|went|plus|minus)\b)[a-z']+){0,2}?"
)
_LEVEL = re.compile(
    r"@ ?(?::|=)?(?: (?:go|goes|going|went|rise|rises|rising|fall|falls|falling|drop|drops|jump|jumps|climb|climbs|"
    r"spike|spikes|surge|surges|plunge|plunges|up|down|gets?|moves?|trades?))*"
    r" (?:to|at|hits?|hitting|reach|reaches|reaching|is|are|was|were) (?P<n>[$€£]?\d[\d.,]*)"
)


# Groups that stand for a whole market, and the factor each is.
WHOLE_MARKETS = {"equity": "equities", "crypto": "crypto"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shocks:
    """Hold what was read: `moves` by factor or symbol (ratios; rates in absolute terms, 100 bp is 0.01).

    `levels` are factors with a level where a move was needed, `points` those with points that are no percent,
    `groups` groups of instruments that were given a move, `notes` say how something ambiguous was read.
    """

    moves: dict[str, float]
    levels: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.moves or self.levels or self.points or self.groups)


def read_shocks(reading: Reading) -> Shocks:
    """Return the shocks of a question."""
    text = _shock_text(reading)
    if not re.search(r"\d|" + _MULTIPLE, text):
        return Shocks(moves={})
    moves: dict[str, float] = {}
    levels, points, groups, notes = [], [], [], []
    names = {symbol: re.escape(symbol.lower()) for symbol in reading.values("symbol")} | _FACTORS
    names |= {f"group:{group}": re.escape(f"group:{group}") for group in reading.values("group")}
    for name, factor in names.items():
        marked = re.sub(rf"(?<![\w^:@]){factor}(?!\w)", "@", text)
        marked = _OF_ANOTHER.sub(" ", marked)
        if "@" not in marked:
            continue
        found = _move(marked)
        if found is None:
            if _LEVEL.search(marked):
                levels.append(name)
            continue
        move, unit = found
        if name.startswith("group:"):
            groups.append(name.removeprefix("group:"))
        elif unit.startswith(("point", "pt")) and name not in ("rates", "credit_spreads"):
            points.append(name)
        else:
            moves[name] = move
            if name == "rates" and unit in ("%", "percent", "pct"):
                notes.append("Read the percent of rates as percentage points.")
    return Shocks(moves=moves, levels=tuple(levels), points=tuple(points), groups=tuple(groups), notes=tuple(notes))


def _shock_text(reading: Reading) -> str:
    """Return the words in lower case, names as their symbols, groups marked, with "+30%" as one word."""
    parts: list[str] = []
    spans = {span.start: span for span in reading.spans if span.kind in ("symbol", "group")}
    mix = mix_of(reading)
    at = 0
    while at < len(reading.words):
        span = spans.get(at)
        if span is not None and span.end > at:
            whole_market = span.kind == "group" and span.value in WHOLE_MARKETS
            said = " ".join(word.low for word in reading.words[at : span.end])
            parts.append(
                said if whole_market else span.value.lower() if span.kind == "symbol" else f"group:{span.value}"
            )
            at = span.end
        elif at in mix:
            # What a mix holds of a symbol is no move of it: "40% TLT loses money".
            at += reading.numbers[at].words
        else:
            parts.append(reading.words[at].low)
            at += 1
    text = " ".join(parts)
    # "Were to fall by 25%", "should rise 10%": a move supposed is a move.
    text = re.sub(
        r"\b(?:(?:were|was|is|are) to|should|would|might|could|shall)(?= (?:\w+ )?(?:" + _UP + "|" + _DOWN + r")\b)",
        " ",
        text,
    )
    text = _HALF.sub(lambda match: f"{0.5 if match[1] == 'half' else 0.25} {match[2]}", text)
    text = re.sub(r"\b(minus|plus) (?=\d)", lambda found: "-" if found[1] == "minus" else "+", text)
    text = re.sub(r"(?:([+-]) ?)+(?=\d)", r" \1", text)
    if re.search(r"[+-]\d+(?:\.\d+)? ?(?:%|bp)|\b(?:x[23]|[23]x)\b", text):
        # "SPX -5, VIX +50%": a bare move beside one in percent is in percent too.
        text = re.sub(
            r"(?<=\w) +([+-]\d+(?:\.\d+)?)(?![\d.]| ?(?:%|percent|pct|bps?|basis|points?|pts?|pp)\b|%)", r" \1%", text
        )
    return re.sub(r" +", " ", text)


def _forms() -> tuple[tuple[float, re.Pattern[str]], ...]:
    """Return the ways to write a move of the factor that stands as @, with the sign of each."""
    found = []
    for direction, sign in ((_UP, 1.0), (_DOWN, -1.0)):
        signed = r"\+" if sign > 0 else "-"
        for form in (
            rf"@(?: ?[:=])?(?: (?:by|of|at))? ?{signed} ?{_SIZE}(?!\w)",
            rf"@{_BETWEEN} {direction}(?: (?:by|of|another|about|around|some|a))* ?{signed}? ?{_SIZE}(?!\w)",
            rf"(?<![\w.]){_SIZE} (?:{direction}|hike|rate hike|rate cut)(?: (?:in|to|of|for|on|across))? (?:the )?@",
            rf"(?<![\w.]){_SIZE} @ (?:{direction})(?!\w)",
            rf"(?<!\w){direction} @(?: by)? {_SIZE}(?!\w)",
            rf"(?<!\w){direction} (?:of|by) {_SIZE} (?:in|to|of|for|on|across) (?:the )?@",
            rf"(?<![\w.]){signed} ?{_SIZE}(?: (?:on|in|for|to|of))? (?:the )?@",
        ):
            found.append((sign, re.compile(form)))
    return tuple(found)


_MOVES = _forms()
# "70% LQD with a rise of 150 basis points in the ten-year yield": the move is of what follows.
_OF_ANOTHER = re.compile(
    rf"\b(?:with|under|given|after|and)(?: an?)? (?:{_UP}|{_DOWN}) (?:of|by) {_SIZE} (?:in|to|of|for|on|across) "
    r"(?!(?:the )?@)"
)
_MULTIPLES = re.compile(rf"@(?: prices?)? (?P<t>{_MULTIPLE})\b(?! (?:top|bottom|check))")


def _move(marked: str) -> tuple[float, str] | None:
    if match := _MULTIPLES.search(marked):
        return _TIMES[match["t"]], "%"
    for sign, form in _MOVES:
        if match := form.search(marked):
            scale = 1e-4 if match["u"].startswith(("bp", "basis")) else 1e-2
            return round(sign * float(match["n"]) * scale, 8), match["u"]
    return None


def is_shock_word(word: str) -> bool:
    """Say whether a word belongs to a shock: a direction, a multiple, or a part of a factor's name."""
    low = word.lower()
    return (
        low in _TIMES
        or low in ("half", "quarter", "prices", "suddenly", "another", "about", "around", "some")
        or any(re.search(rf"\b{re.escape(low)}\b", pattern) for pattern in (_UP, _DOWN, _SIZE, *_FACTORS.values()))
    )


# What a crisis is called, beyond the words for a year: "Black Monday on the book".
_YEAR_ONLY = re.compile(r"\b(?:19|20)\d\d\b")


def titles_crisis(reading: Reading) -> bool:
    """Say whether a crisis is called by its name, and not only by its year."""
    written = _YEAR_ONLY.sub(" ", _without_numbers(reading))
    return any(re.search(pattern, written) for pattern, _ in CRISES)


def is_signed(reading: Reading) -> bool:
    """Say whether a move is written with a sign, as in "SPY -10%"."""
    return bool(re.search(r"(?<![\w%])[+-] ?\d+(?:\.\d+)? ?(?:%|percent|bps?|basis)", _shock_text(reading)))


def crisis_called(reading: Reading) -> str | None:
    """Return the stored crisis that a question calls by its name or title, or by what it is known as; None else."""
    from core.simulators.crises import CRISES as STORED

    written = reading.text.lower()
    for name, stored in STORED.items():
        if re.search(rf"\b(?:{name}|{name.replace('_', ' ')})\b", written) or stored.title.lower() in written:
            return name
    known = _YEAR_ONLY.sub(" ", _without_numbers(reading))
    return next((name for pattern, name in CRISES if re.search(pattern, known)), None)


def crisis_of(reading: Reading) -> str | None:
    """Return the stored crisis of a question, called so, meant by a kind of event, or of a year; else None.

    A count such as $2,000 is no year.
    """
    if called := crisis_called(reading):
        return called
    if kinds := kinds_of(reading):
        return kinds[0].episode
    written = _without_numbers(reading)
    return next((name for pattern, name in CRISES if re.search(pattern, written)), None)


def crises_of(reading: Reading) -> tuple[str, ...]:
    """Return the stored crises of "lehman, the dotcom bust and the 2022 rate shock", each once."""
    from core.simulators.crises import CRISES as STORED

    titled = next((name for name in STORED if STORED[name].title.lower() in reading.text.lower()), None)
    if titled is not None:
        return (titled,)
    parts = re.split(r",|;|&|\band\b|\bthen\b|\bplus\b", reading.text)
    named = tuple(dict.fromkeys(found for part in parts if (found := crisis_of(replace(reading, text=part)))))
    return named if len(named) > 1 else tuple(filter(None, [crisis_of(reading)]))


_MAYBE_MONTH = r"(?:\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* )?"


def names_crisis_by_words(reading: Reading) -> bool:
    """Say whether a crisis is meant, and not only a year that prices are read from: "since 2008"."""
    written = re.sub(
        rf"{_MAYBE_MONTH}\b(?:19|20)\d\d (?:through|thru|to|till|until|and|-) {_MAYBE_MONTH}(?:19|20)\d\d\b|"
        r"\b(?:beginning|start|end|middle|close|course) of (?:the year )?(?:19|20)\d\d\b",
        " ",
        re.sub(r"\b(?:19|20)\d\d-\d\d(?:-\d\d)?\b", " ", _without_numbers(reading)),
    )
    # "Month by month through 2024" lists a year.
    listed = reading.has("daily", "weekly", "monthly", "quarterly", "yearly")
    dated = re.search(r"\b(?:since|from|using|after|until|between|in|over|during)\b[^,;]*\b(?:19|20)\d\d\b", written)
    if listed or dated:
        written = re.sub(r"\b(?:19|20)\d\d\b(?! (?:crisis|crash|again))", " ", written)
    return any(re.search(pattern, written) for pattern, _ in CRISES)


def crisis_words(reading: Reading, crisis: str) -> frozenset[str]:
    """Return the words and figures that only name a crisis: "9/11", "covid-19", the yen of a carry trade."""
    from core.simulators.crises import CRISES as STORED

    said = " ".join((STORED[crisis].title, crisis, *(kind.said for kind in kinds_of(reading))))
    for pattern, name in CRISES:
        if name == crisis and (match := re.search(pattern, reading.text.lower())):
            said += f" {match.group()}"
    return frozenset(re.findall(r"[a-z]+|\d+", said.lower()))


def _without_numbers(reading: Reading) -> str:
    written = reading.text.lower()
    for number in sorted(reading.numbers, reverse=True):
        if not 1900 <= reading.numbers[number].value <= 2100:
            continue
        raw = re.escape(reading.words[number].raw.lower())
        written = re.sub(rf"(?<!\w){raw}(?!\w)", " ", written, count=1)
    return written


def event_of(reading: Reading) -> str:
    """Return the words of an event that is no shock and no crisis by name, as said; empty if there is none."""
    if kinds := kinds_of(reading):
        return kinds[0].said
    match = _EVENT.search(reading.text)
    if match is None:
        return ""
    left = " ".join(word.lower() for word in reading.leftovers())
    return left if match.group().lower() in left else match.group().lower()


def is_beyond(reading: Reading) -> bool:
    """Say whether a kind of event is named that no episode stands for, or something else happens besides."""
    kinds = kinds_of(reading)
    if not kinds or crisis_called(reading):
        return False
    rest = reading.text.lower()
    for kind in kinds:
        rest = rest.replace(kind.said, " ")
    return any(kind.episode is None for kind in kinds) or _EVENT.search(rest) is not None


# Crises of different kinds, by name in core.simulators.crises.
_EXAMPLES = ("crash_1987", "dotcom_2000", "financial_2008", "taper_2013", "covid_2020", "rates_2022")


def known_scenarios() -> str:
    """Return how many crises the desk can replay, and a few of them in words a question may use."""
    from core.simulators.crises import CRISES as STORED

    some = ", ".join(f"{STORED[name].title} ({STORED[name].start.year})" for name in _EXAMPLES)
    return f"{len(STORED)} past crises, such as {some}; “every crisis on my book” replays them all"
