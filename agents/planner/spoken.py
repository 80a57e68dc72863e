"""Write out in figures what people say in words: per cent, ordinals, ranges of days, thousands, windows."""

from __future__ import annotations

import re
from collections.abc import Callable

_ONES = "one|two|three|four|five|six|seven|eight|nine"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_TEENS = "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
_NUMBER = rf"(?:(?:{_TENS})(?:-(?:{_ONES}))?|{_TEENS}|{_ONES})"
_ORDINALS = {
    word: at
    for at, word in enumerate(
        [
            "first",
            "second",
            "third",
            "fourth",
            "fifth",
            "sixth",
            "seventh",
            "eighth",
            "ninth",
            "tenth",
            "eleventh",
            "twelfth",
            "thirteenth",
            "fourteenth",
            "fifteenth",
            "sixteenth",
            "seventeenth",
            "eighteenth",
            "nineteenth",
            "twentieth",
            "twenty-first",
            "twenty-second",
            "twenty-third",
            "twenty-fourth",
            "twenty-fifth",
            "twenty-sixth",
            "twenty-seventh",
            "twenty-eighth",
            "twenty-ninth",
            "thirtieth",
            "thirty-first",
        ],
        1,
    )
}
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)"
)
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_TO = r" ?(?:to|-|until|till|through|thru) ?"
_SMALL = {
    word: at
    for at, word in enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"])
}


def _ordinal(found: re.Match[str]) -> str:
    return f"{_ORDINALS[found[1].lower()]} {found[2]}"


def _window(found: re.Match[str]) -> str:
    before, after = (_SMALL.get(word.lower(), word) for word in (found[1], found[2]))
    return f"{before} sessions before to {after} sessions after"


def _points(found: re.Match[str]) -> str:
    """Write percentage points as basis points, which no figure of a price is written in."""
    said = (found[1] or "1").lower()
    part = {"a": 1.0, "half a": 0.5, "a quarter": 0.25}.get(said)
    count = part if part is not None else float(_SMALL.get(said, said))
    return f"{count * 100:g}bp"


def _spelled(word: str) -> int:
    """Return the figure of a word such as twenty-five; of digits themselves."""
    low = word.lower()
    if low.isdigit():
        return int(low)
    tens, _, ones = low.partition("-")
    return _COUNTS[tens] + (_COUNTS[ones] if ones else 0)


_COUNTS = {
    word: at for at, word in enumerate(["", *_ONES.split("|"), *_TEENS.split("|")])
} | {word: 20 + 10 * at for at, word in enumerate(_TENS.split("|"))}  # fmt: skip
_SHARES = {"half": "50", "third": "33.3333", "quarter": "25", "fifth": "20", "tenth": "10"}
_PARTS = {"a half": 0.5, "a quarter": 0.25, "three quarters": 0.75}


def _and_a_part(found: re.Match[str]) -> str:
    return f"{_spelled(found[1]) + _PARTS[found[2].lower()]:g}"


def _once_in(found: re.Match[str]) -> str:
    said = found[1].lower().replace("-", " ")
    first, _, scale = said.rpartition(" ")
    size = {"hundred": 100, "thousand": 1000}.get(scale or said)
    return f"1 in {size * (_spelled(first) if first else 1) if size else _spelled(found[1])}"


_FORMS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\bper cent\b", re.I), "percent"),
    # The quietest volume is the lowest one, and no volatility.
    (
        re.compile(
            r"\b(?:quietest|calmest|lightest|thinnest|slowest|slackest|sleepiest|softest)"
            r"(?= (?:(?:trading|daily|weekly) )?(?:volumes?|turnover)\b)",
            re.I,
        ),
        "lowest",
    ),
    (
        re.compile(
            r"\b(quietest|calmest|lightest|thinnest|slowest|slackest|busiest|heaviest) ((?:trading )?(?:day|"
            r"session|week|"
            r"month)s?) (?:by|in|for|of) (?:trading )?(?:volume|turnover)\b",
            re.I,
        ),
        lambda f: f"{'highest' if f[1].lower() in ('busiest', 'heaviest') else 'lowest'} volume {f[2]}",
    ),
    (
        re.compile(
            r"^(\W*(?:(?:please|kindly|(?:can|could|would|will) you) )*)(?:set|lay|spell) (?:out|forth)\b", re.I
        ),
        r"\1show",
    ),
    # "Form 2016" beside a year is from 2016.
    (re.compile(rf"\bform (?=(?:(?:{_MONTH}) )?(?:19|20)\d\d\b)", re.I), "from "),
    # "Dumped 200 bucks into SCHD": money that goes in, and nothing sold.
    (
        re.compile(
            r"\b(?:dump|chuck|throw|pour|plough|plow|shovel|sink|tip)(?:ed|ped|ing|ping|led|ling|s)? "
            r"((?:[$€£]\d[\d,.]*k?|\d[\d,.]*k? ?(?:dollars|bucks|usd|euros|quid|grand))(?: (?:a|per|each|every) "
            r"(?:week|month|quarter|year))?) (?:in|into|on)\b",
            re.I,
        ),
        r"put \1 into",
    ),
    (
        re.compile(
            r"\b(?:threw|sank|sunk) ((?:[$€£]\d[\d,.]*k?|\d[\d,.]*k? ?(?:dollars|bucks|usd|euros|quid|"
            r"grand))(?: (?:a|per|"
            r"each|every) (?:week|month|quarter|year))?) (?:in|into|on)\b",
            re.I,
        ),
        r"put \1 into",
    ),
    # "Were SPY to lose nine percent": if it loses.
    (
        re.compile(
            r"(^\W*|[,;:.?] ?)were ((?:the )?[\w&' -]{1,40}?) to (?=(?:suddenly )?(?:lose|fall|drop|decline|slide|"
            r"plunge|crash|sink|tumble|rise|gain|climb|rally|jump|surge|soar|double|halve)\b)",
            re.I,
        ),
        r"\1if \2 ",
    ),
    # "Teach a ridge model": train one.
    (
        re.compile(
            r"\bteach(?:ing)? (?=(?:(?:me|an?|the) )*(?:ridge|linear|lightgbm|boosted|machine|prediction|regression|"
            r"model)\b)",
            re.I,
        ),
        "train ",
    ),
    # "Buy stop on 25 CAT, trigger 420": an order by its kind.
    (
        re.compile(
            r"\b(buy|sell)[- ]stop([- ]limit)?(?: order)? (?:(?:on|for|of|in) )?(\d[\d,]*k? (?:shares of |of )?"
            r"(?!(?:for|on|of|at|if|shares|limit|day|when|then|and|with|good|gtc)\b)[A-Za-z][A-Za-z.-]*)(?=\W)",
            re.I,
        ),
        lambda found: f"{found[1]} {found[3]} stop{found[2] or ''}",
    ),
    (re.compile(r"(?<![\w'])'(\d\d)\b(?!')"), lambda found: f"{'19' if int(found[1]) >= 50 else '20'}{found[1]}"),
    (re.compile(rf"\b(?:the )?({'|'.join(sorted(_ORDINALS, key=len, reverse=True))}) of ({_MONTH})\b", re.I), _ordinal),
    # 8 to 12 June 2026, June 8-12, 29 June - 3 July 2026: each end gets its month and year.
    (
        re.compile(rf"\bbetween (?:the )?{_DAY} and (?:the )?{_DAY} ({_MONTH})\b( \d{{4}})?", re.I),
        r"\1 \3\4 to \2 \3\4",
    ),
    (re.compile(rf"\b{_DAY}{_TO}{_DAY} ({_MONTH})\b( \d{{4}})?", re.I), r"\1 \3\4 to \2 \3\4"),
    (re.compile(rf"\b({_MONTH}) {_DAY}{_TO}{_DAY}\b(?!:)(?:,? (\d{{4}}))?(?!\d)", re.I), r"\2 \1 \4 to \3 \1 \4"),
    (re.compile(rf"\b{_DAY} ({_MONTH}){_TO}{_DAY} ({_MONTH}) (\d{{4}})\b", re.I), r"\1 \2 \5 to \3 \4 \5"),
    # Two-hundred-day, twenty-five-year: words of a count that hyphens join to its unit.
    (
        re.compile(rf"\b({_NUMBER})-(hundred|thousand)-(?=day|week|month|year|session|period)", re.I),
        r"\1 \2 ",
    ),
    (re.compile(rf"\b((?:{_TENS})-(?:{_ONES}))-(?=day|week|month|year|session|period)", re.I), r"\1 "),
    (re.compile(rf"\b(\d+(?:\.\d+)?|{_NUMBER}|hundred) grand\b", re.I), r"\1 thousand"),
    (re.compile(r"(?<![\w.])\$?(\d+(?:\.\d+)?) ?mm\b", re.I), lambda found: f"${float(found[1]) * 1e6:.0f}"),
    (re.compile(r"\bup to and incl(?:uding|usive)?\b\.?", re.I), "to"),
    (
        re.compile(
            r"\b(?:(half a|a quarter|a|one|two|three|\d+(?:\.\d+)?) )?(?:full |whole )?percentage points?\b", re.I
        ),
        _points,
    ),
    (re.compile(r"[{\[](\d+(?: ?, ?\d+)+)[}\]]"), r"\1"),
    (
        re.compile(
            r"(?:\[ ?)?(?:\bminus |(?<![\w.])-)(\d+|one|two|three|five|ten)(?: (?:day|session)s?)?(?: to | ?, ?)"
            r"(?:plus |\+)(\d+|one|two|three|five|ten)(?: (?:day|session)s?)?(?: ?\])?",
            re.I,
        ),
        _window,
    ),
    (re.compile(r"\bhalf (\S+?),? (?:and )?half (?=\S)", re.I), r"50% \1 and 50% "),
    (re.compile(r"\bthe federal reserve(?:'s)?\b|\bfederal reserve(?:'s)?\b", re.I), "Fed"),
    (re.compile(r"\b(?:[Tt]he )?[Uu]nited [Ss]tates\b|\bU\.S\.A?\.?(?!\w)|\bUSA\b"), "US"),
    (re.compile(r"\bfed(?:'s)? next (?:(rate|policy|interest rate) )?(?=decision|meeting)", re.I), r"next Fed "),
    (
        re.compile(r"\bamerican(?= (?:data|releases?|numbers?|economic|macro|calendar|inflation|jobs?|economy))", re.I),
        "US",
    ),
    (
        re.compile(
            r"\b[Uu]s(?= (?:data|numbers|figures|releases?|prints?|econ\w*|macro|calendar|stats|inflation|jobs)\b)"
        ),
        "US",
    ),
    (re.compile(r"\b(?:a )?doubling of (?:the )?(\w+)", re.I), r"\1 doubles"),
    (re.compile(r"\blast night's (?=close|price)", re.I), "last "),
    (
        re.compile(
            r"\bfor (?:every|each) (?:percent|%|1%|1 percent|one percent)(?: that|"
            r" which)? (.+?) moves?,? how much (?:does|do|did|has) "
            r"(.+?) moved?\b",
            re.I,
        ),
        r"beta of \2 against \1",
    ),
    (re.compile(r"\b(over|above|more than|beyond) half\b(?! an?\b)", re.I), r"\1 50%"),
    (
        re.compile(
            r"\b(?:the )?(cvar|expected shortfall|variance|volatility|risk) (?:is |be |gets |"
            r"stays )?as (?:small|low|little) as possible\b",
            re.I,
        ),
        r"minimum \1",
    ),
    (
        re.compile(
            r"\b(by|falls?|drops?|rises?|loses?|fell|dropped|rose) (?:an? |one )"
            r"(half|third|quarter|fifth|tenth)\b(?! of|[- ](?:a )?p)",
            re.I,
        ),
        lambda found: f"{found[1]} {_SHARES[found[2].lower()]}%",
    ),
    (re.compile(r"\b(?:one|a) tenth of\b", re.I), "10% of"),
    (re.compile(r"\b(?:one|a) fifth of\b", re.I), "20% of"),
    (
        re.compile(
            r"\b(per|one|1|each|single|a) share of (?!(?:my|our|net|nav|the (?:book|portfolio|account|nav))\b)", re.I
        ),
        r"\1 share ",
    ),
    # Two and a half ranges; one day in a hundred, once in twenty sessions.
    (
        re.compile(rf"\b(\d+|{_NUMBER}) and (a half|a quarter|three quarters)(?: (?:a|of a))?\b", re.I),
        _and_a_part,
    ),
    (
        re.compile(
            rf"\b(?:one|once|1|a single day|one (?:day|session|week|month))[- ]in[- ](?:an?[- ]|every[- ])?"
            rf"(hundred|thousand|(?:two|five)[- ]hundred|{_NUMBER}|\d+)(?: (?:day|session|week|month)s?)?\b",
            re.I,
        ),
        _once_in,
    ),
    (
        re.compile(
            rf"\b(\d{{1,3}}|{_NUMBER}) (most recent|latest|last|newest|past|previous|next|upcoming)\b(?=\s+[a-z])", re.I
        ),
        r"\2 \1",
    ),
    (
        re.compile(
            r"\b(up|down|rose|gained|made|returned|climbed|jumped|fell|lost|dropped|moved) more\b(?! than|,? or )", re.I
        ),
        r"\1 the most",
    ),
    (re.compile(r"\b(?:the )?(?:rest|remainder) of (?:the|this) (year|month|quarter)\b", re.I), r"remaining this \1"),
    (re.compile(r"\b(?:the )?(?:rest|remainder) of (20\d\d)\b", re.I), r"remaining in \1"),
    (
        re.compile(r"\b(?:the )?(?:mag(?:nificent)?[ -]?(?:7|seven))\b", re.I),
        "AAPL, MSFT, GOOGL, AMZN, NVDA, META and TSLA",
    ),
    (re.compile(r"\b(?:the )?faangs?\b", re.I), "META, AAPL, AMZN, NFLX and GOOGL"),
    (
        re.compile(r"\b(?:(?:the|a) )?(?:last|past) fortnight\b|\b(?:over|in|for|during) (?:a|the) fortnight\b", re.I),
        "over the last 2 weeks",
    ),
    (re.compile(r"\brv ?(\d{1,3})\b", re.I), r"\1 day realised volatility"),
    (
        re.compile(
            r"\b(hits?|reach(?:ed)?|above|below|under|over|break|broke|touch(?:ed)?|cross(?:ed)?) (?:a|one) dollar\b",
            re.I,
        ),
        r"\1 $1",
    ),
    (re.compile(r"\bohlc\b", re.I), "opening price, high, low and close"),
    (
        re.compile(r"\bopen,? (?:and )?high,? (?:and )?low,? (?:and )?close\b", re.I),
        "opening price, high, low and close",
    ),
    (re.compile(r"\bin (?:the )?(first|second) half(?! of| \d)\b", re.I), r"in the \1 half of this year"),
    (
        re.compile(r"\b([Uu]k|[Ee]u)(?='s | (?:cpi|gdp|data|inflation|econ\w*|releases?|calendar|jobs|unemployment))"),
        lambda f: f[1].upper(),
    ),
    (re.compile(r"\bby (?:what|which) (?:margin|distance)\b", re.I), "by how much"),
    (re.compile(r"\bon the bas(?:e|is) of\b", re.I), "using"),
)


def as_figures(text: str) -> str:
    """Return a question with spoken numbers, dates and windows written as the rest of the planner reads them."""
    for form, written in _FORMS:
        text = form.sub(written, text)
    return re.sub(r"\s{2,}", " ", text)
