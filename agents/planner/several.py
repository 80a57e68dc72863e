"""Answer what one question asks several times: of two periods, or by two measures."""

from __future__ import annotations

import re
from itertools import pairwise

from agents.planner.periods import LATEST, Period
from agents.planner.plan import Frame
from agents.planner.reading import Reading

# The option of a frame that holds several places whose events or articles are searched for.
PLACES_ASKED = "places"
_TOPICS = ("metric", "performance", "book")
# What stands between two periods that are asked about side by side: "this year and last year", "in 2023 than in 2022".
_BESIDE = re.compile(
    r"(?:^|\s)(?:and|vs|versus|than|against|or|with|to|from|as|,|&|/|compared|relative|like|between)(?:\s|$)|"
    r"^\s*[,/&]?\s*$"
)
_COMPARES = re.compile(
    r"\b(?:compare[ds]?|comparing|comparison|versus|vs|than|against|both|each|differ\w*|improv\w*)\b", re.I
)

# Where a second question may begin.
NEXT_QUESTION = re.compile(
    r"\?\s+(?=\S)|;\s+|\s\+\s(?=\w)|,?\s+and\s+(?:also\s+|separately\s+|then\s+)?(?:,?\s*while you(?:'re|"
    r" are) at it,?\s+)?(?:tell (?:me|us)\s+)?(?=(?:whats?|hows?|show|list|give|when|which|"
    r"who|where|is|are|did|(?:do|does|did|have|has|can|could|will|would|was|were)\s+(?:we|i|you|they|it|the|my|our|any(?:thing|body|one)?|its)|"
    r"(?:the\s+)?(?:\d+|ten|two|five|thirty)[- ]?(?:y|yr|year)\b|"
    r"(?:next|latest|newest)\b|the\s+(?:latest|current|newest|date|next|rsi|dividends?|"
    r"news|volatility|beta|sharpe|"
    r"drawdown|close|price|return)|my|our|its|their|any|split|break|run|backtest|"
    r"simulate|size|calibrate|rank|stress|scan|plot|compute)\b)|,\s+(?:then|also|plus)\s+",
    re.I,
)


TWO_QUESTIONS = re.compile(
    r"\?\s+\S|\s\+\s\w|\band (?:also )?(?:its|their) (?:[\w-]+ ){0,2}(?:correlation|beta|volatility|vol|sharpe|"
    r"sortino|drawdown|"
    r"rsi|dividends?|news|earnings|price|close|return|volume)\b|"
    r"\band (?:also )?(?:propose|split|break|run|backtest|simulate|size|calibrate|rank|stress|scan|plot|compute) \w|"
    r"\band (?:also )?(?:the )?(?:date|next|latest|newest|current)\b|\band separately\b|"
    r"\band (?:also )?(?:my|our) (?:\w+ )?(?:cash|pnl|p&l|positions|orders|nav|exposure|profit|fills|proposals|biggest|"
    r"largest|best|worst)\b|\band how [a-z]+ (?:was|is|were|are|has|have) (?:it|they)\b|"
    r"\band how (?:much|many) \w+ (?:do|does|did|have|has|is|are)\b|"
    r"\band (?:also |separately |then )?(?:do|does|did|is|are|was|were|have|has|can|could|will) "
    r"(?:we|i|you|they|it|my|our|any(?:thing|body|one)?)\b|"
    r"\band (?:also )?(?:show|give|list) (?:me |us )?(?:the|my|our|its|any|what)\b|\band,? while you(?:'re|"
    r" are) at it\b|"
    r"\band (?:also |separately |then )?(?:tell (?:me|us) )?(?:when|what|how(?: many| much| large| big| far|"
    r" high| low)?|who|which|where)"
    r"(?:'?s| (?:am|shares|comes?|would|will|do|does|did|is|are|was|were|has|have|an?|the))\b",
    re.I,
)
# "Use reports since 2018" says how to answer the question before it.
TERMS_ONLY = re.compile(
    r"^\W*(?:the )?(?:top|first|last|best) \w+(?: (?:will do|is (?:fine|enough|plenty|ok)|are (?:fine|enough)|"
    r"please))\W*$|"
    r"^\W*(?:take|use|using|based on|count|assume|include|exclude|ignore|leave out|one (?:figure|number))\b",
    re.I,
)


_AGAINST = re.compile(r"\b(?:compar\w+|versus|vs|than|against|both|differ\w*|improv\w*)\b", re.I)


def _one_after_another(frame: Frame, reading: Reading) -> Period | None:
    """Return the one stretch of "each quarter of 2024 and of 2025"; None where they are apart or compared."""
    periods = [one.period for one in reading.periods]
    dated = len(periods) > 1 and all(one.kind == "range" and one.start and one.end and not one.count for one in periods)
    if not dated or frame.period not in periods or _AGAINST.search(reading.text):
        return None
    for one, following in pairwise(periods):
        if one.end is None or following.start is None or (following.start - one.end).days != 1:
            return None
    return periods[0].model_copy(update={"end": periods[-1].end, "name": None, "text": f"{periods[0].text} on"})


def frames_of(frame: Frame, reading: Reading) -> tuple[Frame, ...]:
    """Return the frame for each place and each period that is asked about side by side; only itself when one is."""
    if places := frame.options.get(PLACES_ASKED):
        options = {name: value for name, value in frame.options.items() if name != PLACES_ASKED}
        each = [frame.model_copy(update={"options": {**options, "topic": place}}) for place in places]
        return tuple(one for part in each for one in frames_of(part, reading))
    # "March as known on 1 May" is of one period; the day says which vintage.
    if frame.grain and (merged := _one_after_another(frame, reading)):
        return (frame.model_copy(update={"period": merged}),)
    of_a_day = frame.options.get("vintage", "first") != "first"
    if frame.topic not in _TOPICS or frame.period is None or of_a_day:
        return (frame,)
    spans = sorted((span for span in reading.spans if span.kind == "period"), key=lambda span: span.start)
    found = [(span, one.period) for span, one in zip(spans, reading.periods, strict=False)]
    mine = next((at for at, (_, period) in enumerate(found) if period == frame.period), None)
    if mine is None:
        return (frame,)
    periods: list[Period] = [found[mine][1]]
    for at in range(mine + 1, len(found)):
        between = " ".join(word.low for word in reading.words[found[at - 1][0].end : found[at][0].start])
        period = found[at][1]
        if period in periods or period.kind not in ("range", "sessions", "latest") or not _BESIDE.search(between):
            continue
        if period.kind == "latest" and not _COMPARES.search(reading.text):
            continue
        periods.append(period)
    if mine and found[mine - 1][1].kind == "latest" and _COMPARES.search(reading.text):
        periods.append(LATEST)
    return tuple(frame.model_copy(update={"period": period}) for period in periods)


# What can be measured of a symbol, as people write it.
_MEASURE = (
    r"(?:(?:latest |current |last |closing |share |14[- ]day |annuali[sz]ed |reali[sz]ed |rolling |average |"
    r"\d{1,3}[- ]?(?:d|day) )*(?:px|price|close|closing price|volume|rvol|"
    r"rsi|macd|atr|adx|opening price|high|low|volatility|vol|sharpe(?: ratio)?|sortino(?: ratio)?|beta|"
    r"(?:max(?:imum)? )?(?:drawdown|dd)|"
    r"(?:ex-?)?div(?:idend)?s?|splits?|news|headlines|sentiment|earnings(?: dates?)?|(?:ytd |mtd |1y |"
    r"total )?(?:returns?|perf|performance)|"
    r"sma|ema|\d{2,3}[- ]?(?:d|day)(?: (?:moving )?(?:average|ma|sma|line))?))"
)
_JOINED = re.compile(
    rf"\b({_MEASURE})((?:\s*(?:,|&|\+|/|,? and|,? plus)\s*(?:also )?(?:the |its |their )?{_MEASURE})+)(?=\s|[?.!,;]|$)",
    re.I,
)


def one_measure_each(question: str) -> tuple[str, ...]:
    """Return "XOM price and RSI" as a question for each measure; empty where no measures are joined."""
    found = _JOINED.search(question)
    if found is None:
        return ()
    names = re.findall(rf"(?:^|\W){_MEASURE}(?=\W|$)", found[0], re.I)
    measures = [name.strip(" ,&+/") for name in names]
    before, after = question[: found.start()], question[found.end() :]
    return tuple(f"{before}{measure}{after}" for measure in dict.fromkeys(measures)) if len(measures) > 1 else ()


_THAT_TIME = re.compile(
    r"\b(?:in |over |during |for |across |within )?(?:that|the same|the identical) (?:same )?(?:year|month|"
    r"quarter|week|period|"
    r"stretch|span|window|dates|time ?frame|interval|horizon|time|sessions|days)\b(?! (?:as|of))",
    re.I,
)


def dated(question: str, previous: Frame | None) -> str:
    """Write out "that year" as the dates that were talked about."""
    period = previous.period if previous is not None else None
    if period is not None and period.kind == "sessions" and period.sessions:
        return _THAT_TIME.sub(f"over the last {period.sessions} sessions", question)
    if period is None or period.start is None:
        return question
    if period.end is None:
        return _THAT_TIME.sub(f"since {period.start}", question)
    if _is_year(period):
        for form, step in ((_YEAR_AFTER, 1), (_YEAR_BEFORE, -1)):
            question = form.sub(f"in {period.start.year + step}", question)
    return _THAT_TIME.sub(f"from {period.start} to {period.end}", question)


_YEAR_AFTER = re.compile(
    r"\b(?:in |over |for )?(?:the year (?:after|afterwards|that followed)|the (?:following|next) year|a year later)\b",
    re.I,
)
_YEAR_BEFORE = re.compile(
    r"\b(?:in |over |for )?(?:the year before|the (?:previous|prior|preceding) year|a year earlier)\b(?! \d)", re.I
)


def _is_year(period: Period) -> bool:
    """Say whether a period is one calendar year."""
    start, end = period.start, period.end
    return bool(
        start and end and start.year == end.year and (start.month, start.day, end.month, end.day) == (1, 1, 12, 31)
    )
