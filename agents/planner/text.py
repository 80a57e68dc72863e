"""Split a question into words, read number words as numbers, and normalise the signs people use."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

_SPELLED = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
    "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "dozen": 12,
}  # fmt: skip
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
NUMBER_WORDS = frozenset({*_SPELLED, *_SCALES})
# After these words "one" is a pronoun, not a number.
_PRONOUN_BEFORE = frozenset({"which", "that", "this", "the", "each", "every", "any", "what", "no", "a"})

_REPLACEMENTS: tuple[tuple[str, str], ...] = (
    ("’", "'"), ("‘", "'"), ("“", '"'), ("”", '"'), ("–", "-"), ("—", "-"), ("−", "-"), ("≥", ">="), ("≤", "<="),
    ("→", "->"), ("×", "x"), ("…", "..."), ("\u00a0", " "),
)  # fmt: skip

# A word keeps the signs inside it: BRK-B, S&P, 50/200, 0.25, 1,000, 2015-03-01, 10%.
_WORD = re.compile(
    r"""
    [A-Za-z0-9_.+-]+@[A-Za-z0-9-]+\.[A-Za-z.]+      # an e-mail address
  | \d{4}-\d{2}-\d{2}                               # an ISO date
  | \d{1,2}/\d{1,2}/\d{4}                           # a date with slashes
  | \d+(?:\.\d+)?(?:/\d+(?:\.\d+)?)+%?              # 50/200, 70/30
  | [$€£]?\d{1,3}(?:,\d{3})+(?:\.\d+)?              # 1,000
  | \d{4}[qQ][1-4]\b                                # 2024q2
  | \d{1,2}[sSyY]\d{1,2}[sSyY]\b                    # 2s10s
  | [$€£]?\d*\.?\d+(?:[A-Za-z]+\b|%)?               # 60k, 10bp, 0.25, 10%, 3m
  | [A-Za-z]+\d+[A-Za-z0-9]*                        # Q2, H1, SMA200, DGS10, 2s10s
  | \$[A-Za-z][A-Za-z.]*                            # $AAPL
  | ->|<=|>=|<|>|=
  | [wW]/[oO]?(?![A-Za-z])                          # w/ and w/o
  | [A-Za-zÀ-ÿ]+(?:[&.'/-][A-Za-zÀ-ÿ]+)*            # words, S&P, BRK-B, AAPL's, EUR/USD, year-to-date
  | [?!;:,.()"+*/&-]
    """,
    re.VERBOSE,
)


# 60-day, one-day, 3-month: the hyphen joins a count and its unit.
_COUNTED_UNIT = re.compile(
    rf"\b(\d+|{'|'.join(_SPELLED)})-(day|session|week|month|quarter|year|period|bar|stock|share|point|path)",
    re.IGNORECASE,
)


# Half a bitcoin is 0.5 of one; half a year or a dozen is another thing.
_HALF_A = re.compile(
    r"\bhalf an? (?=[a-z])(?!(?:year|month|week|day|hour|quarter|decade|dozen|percent|point|million|billion)\b)", re.I
)


# "if id held": the apostrophe left out; the id of an order is another word.
_I_WOULD = re.compile(
    r"(?:(?<=^)|(?<=\bif )|(?<=\bwhat )|(?<=\bthat )|(?<=\band ))id(?= (?!of|is|was|for|number)[a-z])", re.I
)
# "Half in SPY and half in GLD", "no more than half in any": shares like those in figures.
_HALF_OF_IT = re.compile(
    r"\bhalf(?= in (?:(?:the )?[A-Z]|any|each|one)\w*)|(?<=no more than )half\b|(?<=at most )half\b|(?<=up to )half\b"
)
_HALF_YEAR = re.compile(r"(?<!first )(?<!second )(?<!1st )(?<!2nd )\bhalf(?:[- ]| an? )years?\b", re.I)


# "Report the volatility of TLT": what to do, not a company's report.
_REPORT_ME = re.compile(
    r"^(\W*(?:please |kindly |can you |could you |also )*)(?:report|estimate) (?=(?:me|us|the|to me|on the|its|"
    r"their|for|all|each|both|annuali|"
    r"monthly|weekly|daily|maximum|total)\b)(?!the (?:dates?|season))",
    re.I,
)
_MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _century(two: str) -> str:
    return f"{'19' if int(two) >= 50 else '20'}{two}"


def _year_of(found: re.Match[str]) -> str:
    """Read "Jan 23" after since, from or in as January 2023; elsewhere, and of other figures, it is a day."""
    if not re.search(r"(?:^|\s)(?:since|from|until|to|till)\s+$", found.string[: found.start()], re.I):
        return found.group()
    return f"{found[1]}{found[2]} {_century(found[3])}"


# Dates and counts written in forms that the rest reads in one: '22, Q1'24, 1Q24, 2024-03, 24.12.2023, a couple of.
_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\b[qQ]([1-4]) ?'?(\d\d)\b(?![\d%/]|[.,]\d)"), lambda found: f"Q{found[1]} {_century(found[2])}"),
    (re.compile(r"\b([1-4])[qQ] ?'?(\d\d(?:\d\d)?)\b"), lambda found: f"Q{found[1]} {_century(found[2][-2:])}"),
    (re.compile(r"\b[hH]([12]) ?'?(\d\d)\b(?![\d.%/,])"), lambda found: f"H{found[1]} {_century(found[2])}"),
    (re.compile(r"(?<![\w'])'(\d\d)\b(?!')"), lambda found: _century(found[1])),
    (
        re.compile(r"\b((?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*)[- ]?'(\d\d)\b", re.I),
        lambda found: f"{found[1]} {_century(found[2])}",
    ),
    (
        re.compile(r"\b((?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*)-(\d\d(?:\d\d)?)\b", re.I),
        lambda found: f"{found[1]} {found[2] if len(found[2]) == 4 else _century(found[2])}",
    ),
    (
        re.compile(r"(?<![\d-])((?:19|20)\d\d)[-/](0[1-9]|1[0-2])(?![-/\d])"),
        lambda found: f"{_MONTH_NAMES[int(found[2]) - 1]} {found[1]}",
    ),
    (
        re.compile(r"\b(\d{1,2})\.(\d{1,2})\.((?:19|20)\d\d)\b"),
        lambda found: f"{found[3]}-{found[2]:0>2}-{found[1]:0>2}",
    ),
    (
        re.compile(r"\b((?:19|20)\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\b"),
        lambda found: f"{found[1]}-{found[2]}-{found[3]}",
    ),
    (re.compile(r"\b(\d{1,3})(?=(?:dma|sma|ema)\b)", re.I), lambda found: f"{found[1]} "),
    # "How high did the VIX go in March", "how high the VIX went".
    (
        re.compile(
            r"\bhow (high|low) (?:did |has |have |had )?((?:the )?[\w&.^$-]+(?: [\w&.-]+)?) "
            r"(?:go|goes|went|gone|get|got|climb(?:ed)?|reach(?:ed)?|fall|fell|fallen|drop(?:ped)?|rise|rose|trade[ds]?)\b",
            re.I,
        ),
        lambda found: f"{'highest' if found[1].lower() == 'high' else 'lowest'} price of {found[2]}",
    ),
    (re.compile(r"\b(this|last|next|past) weak\b", re.I), lambda found: f"{found[1]} week"),
    (re.compile(r"^\s*n (?=(?:for|the|in|on|what|how)\b)", re.I), lambda found: "and "),
    (re.compile(r"\b(have|own|be worth|hold|had) (?:today|now) (?=if\b)", re.I), lambda found: f"{found[1]} "),
    # "Extend it back to 2020".
    (
        re.compile(
            r"\b(?:extend|take|stretch|push|go|start)(?: (?:it|that|this|the (?:chart|graph)))? back (?:to|until) "
            r"(?=(?:19|20)\d\d|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)",
            re.I,
        ),
        lambda found: "since ",
    ),
    # "Over or under her average of 50 days".
    (
        re.compile(
            r"\b(above|over|below|under|beneath|than|vs)\b([^?.;]{0,30}?)\b(?:moving )?average of (\d{1,3}) "
            r"(?:days?|sessions?)\b",
            re.I,
        ),
        lambda found: f"{found[1]}{found[2]}{found[3]} day moving average",
    ),
    (re.compile(r"\b(atr|rsi|adx|cci|roc|mfi|wma)(?=\d{1,3}\b)", re.I), lambda found: f"{found[1]} "),
    (re.compile(r"\b(nasdaq|russell|s&p|dow|euro stoxx)-(?=\d)", re.I), lambda found: f"{found[1]} "),
    (
        re.compile(
            r"\b((?:best|worst|weakest|strongest|biggest|top|which|what|riskiest|volatile|hottest)(?: performing)?) "
            r"(coin|token)\b(?!base)",
            re.I,
        ),
        lambda found: f"{found[1]} {found[2]}s",
    ),
    (
        re.compile(r"\b(did|does|will) ((?:the )?[\w&.$-]+(?: [\w&.-]+)?) open\b(?! (?:orders?|positions?))", re.I),
        lambda found: f"{found[1]} {found[2]} opens",
    ),
    (re.compile(r"\b(?:xmas|christmas)(?: day)?\b", re.I), lambda found: "25 December"),
    (re.compile(r"\bnew year'?s? eve\b", re.I), lambda found: "31 December"),
    (re.compile(r"\bnew year'?s(?: day)?\b", re.I), lambda found: "new year"),
    (
        re.compile(
            r"\b(Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Oct|Nov|Dec)([a-z]*) (1[89]|2[0-6])\b(?=\s*(?:[?.!,;]|$|to|"
            r"until|and|vs))",
            re.I,
        ),
        _year_of,
    ),
    (
        re.compile(
            r"(?<!/)\b(?:slow(?:er)?|fast(?:er)?|lengths?|windows?|lookbacks?)(?: [a-z]+){0,2} \d+(?:[,/]\d+)+", re.I
        ),
        lambda found: re.sub(r"[,/]", ", ", found.group()),
    ),
    (re.compile(r"(\blong \d[\d,.]* \S+ (?:and |& )?)short (?=\d)", re.I), lambda found: f"{found[1]}sell "),
    # "Bid 48 for 100 XLF", "offer 100 XLF at 48": a limit order.
    (
        re.compile(r"\bbid (\$?\d[\d.,]*) (?:for|on) (?=\d[\d,.]*k? )((?:\S+ )(?:shares of )?[A-Za-z.-]+)", re.I),
        lambda found: f"buy {found[2]} limit {found[1]}",
    ),
    (
        re.compile(r"^(\W*(?:please )?)offer (\d[\d,.]*k? (?:shares of )?[A-Za-z.-]+)(?= at \$?\d)", re.I),
        lambda found: f"{found[1]}sell {found[2]}",
    ),
    (re.compile(r"\ban? (?=(?:hundred|thousand|million|billion)\b)", re.I), lambda found: "one "),
    (re.compile(r"\b(?:a )?couple(?: of)?(?= (?:days|weeks|months|quarters|years|sessions))", re.I), lambda found: "2"),
    (re.compile(r"\bhalf (?:an? |of )*(?=percent|point|basis|%)", re.I), lambda found: "0.5 "),
    (re.compile(r"(?<=\d)(?= ?(?:sigmas?|z-?scores?|std ?devs?|standard deviations?)\b)", re.I), lambda found: " "),
)


def plain(text: str) -> str:
    """Return a text as it looks: compatibility forms replaced (NFKC), invisible signs dropped, single spaces."""
    shown = "".join(sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign) != "Cf")
    return " ".join(shown.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """Hold one word: as written, and in lower case without a possessive ending."""

    raw: str
    low: str


def split(question: str) -> list[Word]:
    """Split a question into words and signs, in order; number words become figures."""
    for old, new in _REPLACEMENTS:
        question = question.replace(old, new)
    for form, write in _FORMS:
        question = form.sub(write, question)
    question = re.sub(r"(?<=\d)\s*%", "%", question)
    question = re.sub(r"\bof late\b", "lately", question, flags=re.IGNORECASE)
    question = _REPORT_ME.sub(r"\1show ", question)
    question = re.sub(r"^(\s*(?:please\s+)?)short (?=\d)", r"\1sell ", question, flags=re.IGNORECASE)
    question = _I_WOULD.sub("i'd", question)
    question = re.sub(r"\b(?:btwn|btw|b/w)\b(?= \S+ (?:and|&|n)\b)", "between", question, flags=re.IGNORECASE)
    question = re.sub(r"-than-(?=expected|forecast|feared)", " than ", question, flags=re.IGNORECASE)
    question = _HALF_OF_IT.sub("50%", question)
    question = _HALF_YEAR.sub("6 months", question)
    question = _HALF_A.sub("0.5 ", question)
    question = _COUNTED_UNIT.sub(r"\1 \2", question)
    words: list[Word] = []
    for match in _WORD.finditer(question):
        raw = match.group()
        low = raw.lower()
        if low.endswith("'s") or low.endswith("s'"):
            low = low[:-2] if low.endswith("'s") else low[:-1]
            raw = raw[: len(low)]
        words.append(Word(raw=raw, low=low))
    return _figures(words)


def _figures(words: list[Word]) -> list[Word]:
    out: list[Word] = []
    at = 0
    while at < len(words):
        taken, value = _spelled_number(words, at)
        if taken and not _is_pronoun(words, at, taken):
            out.append(Word(raw=str(value), low=str(value)))
            at += taken
        else:
            out.append(words[at])
            at += 1
    return out


def _is_pronoun(words: list[Word], at: int, taken: int) -> bool:
    if words[at].low != "one" or taken > 1:
        return False
    return (
        at == len(words) - 1 or (at > 0 and words[at - 1].low in _PRONOUN_BEFORE) or not words[at + 1].low[0].isalpha()
    )


def _spelled_number(words: list[Word], at: int) -> tuple[int, int]:
    """Return how many words from `at` spell a number, and the number; "twenty-five" and "one hundred and five" too."""
    total, current, taken, seen = 0, 0, 0, False
    while at + taken < len(words):
        low = words[at + taken].low
        if _is_spelled(low):
            # Two dozen are 24, not 14.
            current = (
                (current or 1) * 12 if low == "dozen" else current + sum(_SPELLED[part] for part in low.split("-"))
            )
            seen = True
        elif low in _SCALES and (seen or _is_figure(words, at + taken - 1, at)):
            scale = _SCALES[low]
            if scale == 100:
                current *= 100
            else:
                total += current * scale
                current = 0
        elif low == "and" and seen and at + taken + 1 < len(words) and words[at + taken - 1].low in _SCALES:
            following = words[at + taken + 1].low
            if not _is_spelled(following):
                break
        else:
            break
        taken += 1
    return (taken, total + current) if seen else (0, 0)


def _is_spelled(low: str) -> bool:
    return all(part in _SPELLED for part in low.split("-"))


def _is_figure(words: list[Word], at: int, first: int) -> bool:
    return at >= first and words[at].low.isdigit()


def joined(words: list[Word]) -> str:
    """Return the words in lower case with single spaces."""
    return " ".join(word.low for word in words)
