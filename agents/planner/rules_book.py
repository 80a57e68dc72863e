"""Understand questions on the account: positions, cash, profit, orders, fills, proposals."""

from __future__ import annotations

import re
from dataclasses import replace

from agents.planner.periods import ALL, unless_latest
from agents.planner.plan import Frame, Plan
from agents.planner.reading import Reading
from agents.planner.slots import Slots

# "Give me" and "show us" ask; they do not say whose.
_MINE = re.compile(
    r"\b(?:my|mine|our|ours|i|i'm|i've|we|we're)\b|"
    r"(?<!give )(?<!show )(?<!tell )(?<!let )(?<!get )(?<!for )\b(?:us|me)\b",
    re.I,
)
_BOUGHT_AT = re.compile(
    r"\b(?:my|our) (?:avg|average)\b(?! (?:true|down|return|price target))|"
    r"\b(?:price|cost|level|much)\b.*\b(?:did|have|had) (?:i|we) (?:buy|bought|pay|paid|get in(?:to)?|enter(?:ed)?)\b|"
    r"\b(?:price|cost)\b.*\b(?:i|we) (?:bought|paid|got in(?:to)?|entered)\b",
    re.I,
)
_COST_BASIS = re.compile(r"\b(?:cost basis|average cost|avg cost)\b", re.I)
# What ranks holdings by what they made; a biggest or smallest holding is one by size.
_LOST = r"worst|losers?|decliners?|lost|los(?:es?|ing)|loss(?:es)?|cost (?:me|us)|hurt(?:ing|s)?|down"
_BY_PROFIT = re.compile(
    rf"\b(?:best|{_LOST}|performers?|winners?|gainers?|made|mak(?:es?|ing)|gain(?:ed|s)?|earn(?:ed|s)?|up|"
    rf"profitable)\b",
    re.I,
)
_ONE_OF_THEM = re.compile(
    r"\b(?:which|what|best|worst|biggest|top|single)\s+(?:\w+\s+)?"
    r"(?:position|holding|stock|name|symbol|performer|winner|loser|gainer|trade|investment)\b(?!s)",
    re.I,
)
_HAD_HELD = re.compile(
    r"\b(?:if|had) .*\b(?:held|owned|kept|been holding)\b.*\bwould\b|\bwould (?:i|we) have .*\b(?:if|by)\b.*"
    r"\b(?:held|owned|kept|holding)\b|"
    r"\bif (?:i|we|someone|somebody) (?:had |'d |just |only )*(?:bought|purchased|invested in|got into|"
    r"aped into)\b.*\bwould\b|"
    r"\b(?:say|suppose|supposing|imagine|pretend|assume|had|if) (?:that )?(?:i|we|one|you|someone|"
    r"somebody)(?:'d| had)? "
    r"(?:put|invested|stuck|parked|placed)\b.*\b(?:would|what|how)\b|"
    r"\bwould (?:i|we|it|that) (?:be|have)\b.*\bif (?:i|we) (?:had |'d )*(?:bought|purchased|invested in|got into)\b",
    re.I,
)
_HOW_MUCH_IN = re.compile(r"\bhow (?:much|many)(?: \w+)? (?:have|do) (?:i|we) (?:got|have|own|hold) (?:in|of)\b", re.I)
_OWNED = re.compile(
    r"\b(?:do|did|am|are|have|what|which|how (?:much|many|big)) (?:i|we)\b|\b(?:my|our|i|we) (?:own|hold|have|got)\b",
    re.I,
)


def is_book(reading: Reading, slots: Slots, previous: Frame | None) -> bool:
    """Say whether a question is about the account."""
    if asks_limits(reading):
        return True
    mine = bool(_MINE.search(reading.text))
    if _is_elsewhere(reading, slots, mine):
        return False
    if (
        reading.has("drawdown")
        and not slots.symbols
        and (mine or re.search(r"water[- ]mark|\bhwm\b", reading.text, re.I))
    ):
        return True
    if reading.has("nav", "pnl", "fills", "proposals", "orders", "pending"):
        of_a_company = reading.has("pnl") and slots.symbols and not mine and not reading.has("portfolio")
        of_a_series = reading.has("pnl") and slots.series and not mine and not reading.has("portfolio")
        if of_a_series:
            return False
        return not of_a_company or _OWN_PROFIT.search(reading.text) is not None
    if reading.has("cash") and not slots.group:
        return True
    if reading.has("portfolio", "exposure", "weight"):
        return True
    if reading.has("cost") and (mine or reading.has("portfolio") or _COST_BASIS.search(reading.text)):
        return True
    expires = reading.has("expiry") and reading.concepts() <= {"expiry", "pronoun", "when"}
    if expires or reading.has("rejected", "working"):
        return True
    if _BOUGHT_AT.search(reading.text):
        return True
    if mine and not slots.group and re.search(r"\b(?:winners?|losers?|gainers?|decliners?)\b", reading.text, re.I):
        return True
    held = bool(slots.symbols) and _HOW_MUCH_IN.search(reading.text) is not None
    return held or (
        bool(_OWNED.search(reading.text))
        and (
            (mine and reading.has("portfolio", "shares", "return"))
            or (bool(slots.symbols) and "own" in reading.text.lower())
        )
    )


_OWN_PROFIT = re.compile(r"\bp&l\b|\bpnl\b|\b(?:un)?reali[sz]ed (?:profit|gain|loss)", re.I)
_OTHERS_HELD = re.compile(r"\b(?:who|that|which) (?:has |have |had )?(?:held|holds?|owned|owns?)\b", re.I)


def _others_held(reading: Reading) -> bool:
    """Say whether it is others who hold what is asked about: "a client who has held KO asks what it returned"."""
    held = _OTHERS_HELD.search(reading.text) is not None
    return held and reading.has("return", "cagr", "volatility", "drawdown")


def _is_elsewhere(reading: Reading, slots: Slots, mine: bool) -> bool:
    """Say whether events, dividends or what others hold are asked about, and not the account."""
    events = reading.has("geopolitical") and not reading.has("portfolio", "exposure", "pnl")
    imagined = bool(slots.symbols) and (had_held(reading) or (_others_held(reading) and not mine))
    recorded = bool(slots.symbols) and re.search(
        r"\b(?:share|stock) splits?\b|\bsplits\b|\b(?:make|made|do|did|have|had|has|ever)\b.*\bsplit\b",
        reading.text,
        re.I,
    )
    return events or imagined or bool(recorded) or (reading.has("dividend") and not mine)


def had_held(reading: Reading) -> bool:
    """Say whether a holding is only imagined: "if I had held KO for ten years what would I have made"."""
    return _HAD_HELD.search(reading.text) is not None


def asks_limits(reading: Reading) -> bool:
    """Say whether the account's limits are asked for, not the limit of an order."""
    asked = reading.has("portfolio", "orders", "nav", "risk") or _MINE.search(reading.text) is not None
    stated = re.search(r"\blimits\b", reading.text, re.I) is not None
    reached = re.search(r"\blimits?\b", reading.text, re.I) is not None and _REACHED.search(reading.text) is not None
    return not reading.has("buy", "sell") and ((asked and stated) or reached)


_RECEIVED = re.compile(
    r"\b(?:receiv\w+|got|get|earn(?:ed)?|made|make|collect\w*|paid)\b(?!.*\b(?:next|upcoming|coming|will|soon)\b)", re.I
)
_REACHED = re.compile(
    r"\b(?:breach\w*|usage|headroom|used(?: up)?|utili[sz]\w*|broken|broke|exceed\w*|how close|close to|near|room|"
    r"hit|left|"
    r"(?:show|list|what|which)\b.*\blimits)\b",
    re.I,
)


# "How did my account do against the S&P", "did I beat SPY": the whole account, set against one instrument.
_THE_ACCOUNT = re.compile(
    r"\b(?:my|our|the) (?:whole |entire |own )?(?:account|book|portfolio|fund|nav|returns?|performance|investments?|"
    r"money|holdings|positions|results?)\b|\b(?:my|our) [\w.&^-]+ (?:position|holding|shares|stake)s?\b|"
    r"\b(?:am|are|have|did|do|is|was|were|has) (?:i|we)\b",
    re.I,
)
_AGAINST = re.compile(
    r"\b(?:vs|versus|against|compared? (?:to|with|against)|relative to|beat(?:en|ing|s)?|(?:out|under)perform\w*|"
    r"ahead of|behind|lag(?:s|ged|ging)?|trail(?:s|ed|ing)?|(?:compare|measure) (?:my|our|the) \w+ (?:to|with|against)|"
    r"better than|worse than|more than|less than)(?: (?:the|an?|just|simply|holding|owning|buying|how|index)){0,3}$"
)
_NO_RETURN = (
    "buy", "sell", "propose", "size", "stress", "simulate", "backtest", "risk", "var", "shortfall", "weight",
    "exposure", "volatility", "sharpe", "sortino", "drawdown", "cost", "fills", "orders", "proposals", "dividend",
    "news", "beta", "correlation", "optimise", "cash", "fees", "when",
)  # fmt: skip


def against(reading: Reading, slots: Slots) -> Plan | None:
    """Return the plan of a question that sets the whole account against one instrument; None for any other."""
    if (
        not (slots.symbols or slots.series)
        or not _THE_ACCOUNT.search(reading.text)
        or reading.has(*_NO_RETURN)
        or had_held(reading)
    ):
        return None
    named = [span for span in reading.spans if span.kind in ("symbol", "macro")]
    before = [" ".join(word.low for word in reading.words[: span.start]) for span in named]
    if not any(_AGAINST.search(words) for words in before):
        return None
    if len(slots.symbols) > 1 or slots.series or slots.group or reading.numbers or len(slots.periods) > 1:
        say = "I compare the whole account with one index or symbol, over one period: with which, and when?"
        return Plan(outcome="clarify", say=say, private=True)
    frame = Frame(
        topic="book", metric="pnl", period=unless_latest(slots.period), options={"benchmark": slots.symbols[0]}
    )
    return Plan(outcome="answer", frame=frame, private=True)


def book(reading: Reading, slots: Slots, previous: Frame | None) -> Plan:
    """Return the plan of a question on the account."""
    if asks_limits(reading):
        others = [name for name in ("orders", "fills", "proposals") if reading.has(name)]
        limits = Frame(topic="portfolio", options={"sections": [*others, "limits"]})
        return Plan(outcome="answer", frame=limits, private=True)
    if said := _unanswered(reading):
        return Plan(outcome="clarify", say=said, private=True)
    metric = _metric(reading)
    if reading.has("digest") and not slots.symbols and not slots.periods and metric in ("positions", "nav", "weight"):
        return Plan(outcome="answer", frame=Frame(topic="portfolio"), private=True)
    paired = reading.has("correlation") and slots.symbols
    if (reading.has(*_OF_SYMBOLS) or paired) and metric in ("positions", "weight"):
        return Plan(outcome="clarify", say=_NOT_OF_THE_BOOK, private=True)
    symbols = slots.symbols or (previous.symbols if previous and reading.has("pronoun") else ())
    if reading.has("dividend") and not symbols and metric in ("pnl", "positions", "nav"):
        if not _RECEIVED.search(reading.text):
            return Plan(outcome="clarify", say="Dividends of which symbols? Name those that you hold.", private=True)
        note = "Dividends that were received stand in the other income of this split."
        split = Frame(topic="pnl_split", period=unless_latest(slots.period))
        return Plan(outcome="answer", frame=split, notes=(note,), private=True)
    ranked = reading.has("best", "worst") and not slots.symbols and slots.grain is None
    if ranked and (metric == "pnl" or (metric == "positions" and _BY_PROFIT.search(reading.text))):
        return Plan(outcome="answer", frame=_by_profit(reading, slots), private=True)
    if metric == "pnl" and slots.period is None and _REALISED.search(reading.text):
        slots = replace(slots, period=ALL)  # realised and unrealised are those of the whole account
    frame = Frame(
        topic="book",
        metric=metric,
        symbols=symbols,
        group=slots.group if metric in _BY_GROUP and not symbols and slots.group != "equity" else None,
        period=slots.period if metric in _DATED else None,
        limit=slots.count or _superlative(reading, metric),
        order=_order(reading, metric),
        options=_state(reading, metric),
        wants=_wants(reading),
        aggregation="count" if reading.has("count") and metric in _COUNTED else None,
    )
    listed = metric in ("positions", "weight") or (metric == "nav" and reading.has("portfolio"))
    if listed and slots.operator and reading.first_number("percent") is not None:
        weighed = {"metric": "weight", "operator": slots.operator, "value": (slots.threshold or 0.0) / 100}
        return Plan(outcome="answer", frame=frame.model_copy(update=weighed), private=True)
    if metric == "nav" and slots.grain:
        frame = frame.model_copy(update={"grain": slots.grain})
    if metric == "positions" and _is_overview(reading, slots):
        frame = frame.model_copy(update={"topic": "portfolio"})
    return Plan(outcome="answer", frame=frame, private=True)


def _unanswered(reading: Reading) -> str:
    """Return what the desk says where the account's records do not tell what is asked."""
    if re.search(r"\bstopped out\b", reading.text, re.I):
        return "I show fills with their orders, not why each order was placed: the fills of which days?"
    if _BEST_DAY.search(reading.text) and not reading.has("orders", "fills", "proposals"):
        return (
            "I do not rank the account's days; “my NAV by day this month” lists them, and “my drawdown” is the fall "
            "from the highest value. Which of these?"
        )
    return ""


_BY_GROUP = frozenset({"positions", "weight", "average_cost", "pnl"})
_BEST_DAY = re.compile(r"\b(?:best|worst) (?:single )?(?:day|week|month|quarter|session)s?\b", re.I)
_REALISED = re.compile(r"\b(?:un)?reali[sz]ed\b", re.I)


def _by_profit(reading: Reading, slots: Slots) -> Frame:
    """Return the ranking of "which of my positions lost the most this year"; without a time, of all that was made."""
    lost = bool(re.search(rf"\b(?:{_LOST})\b", reading.text, re.I))
    both = lost and bool(re.search(r"\b(?:best|winners?|gainers?)\b", reading.text, re.I))
    single = not both and _ONE_OF_THEM.search(reading.text)
    return Frame(
        topic="book",
        metric="pnl",
        period=slots.period or ALL,
        limit=slots.count or (1 if single else None),
        order="asc" if lost and not both else "desc",
    )


# Statistics that the desk computes of symbols, not of an account with its cash flows.
_OF_SYMBOLS = ("sharpe", "sortino", "calmar", "cagr", "beta", "rsi", "macd", "sma", "ema", "indicator")
_NOT_OF_THE_BOOK = (
    "I compute that of symbols, not of the account. Name the symbols, or ask for the risk of your portfolio, its "
    "profit or its drawdown."
)
_COLUMNS = re.compile(r"\b(?:positions?|holdings?|lines?)\b.*\b(?:with|showing|and|including|plus)\b", re.I)
_FROM_ITS_HIGHEST = re.compile(
    r"\b(?:fall\w*|fell|down|off|below|under|drop\w*|declin\w*|lost|slipp\w*|come down)\b.*?"
    r"\b(?:the|its|my|our|their) (?:(?:ever|all-time) )?(?:highest|record|best|maximum|top) "
    r"(?:value|level|nav|balance|point|mark|figure|close)\b|"
    r"\bhow (?:far|much|deep)\b.*\b(?:off|below|under|beneath|from)\b.*\b(?:maximum|highest|top|peak|high|record)\b",
    re.I,
)
_COUNTED = frozenset({"fills", "orders", "proposals"})
_DATED = frozenset({"pnl", "nav", "fills", "orders", "proposals", "account_drawdown"})


def _metric(reading: Reading) -> str:
    if reading.has("proposals", "pending") or (reading.has("expiry") and not reading.has("orders")):
        return "proposals"
    if reading.has("fills") and not reading.has("orders"):
        return "fills"
    if reading.has("orders", "rejected", "working"):
        return "orders"
    if _COLUMNS.search(reading.text) and sum(map(reading.has, ("cost", "pnl", "market_value", "weight"))) > 1:
        return "positions"  # "every position with its cost and its profit" is the list of them
    if reading.has("cost") or _BOUGHT_AT.search(reading.text):
        return "average_cost"
    if reading.has("drawdown") or _FROM_ITS_HIGHEST.search(reading.text):
        return "account_drawdown"
    if reading.has("pnl"):
        return "pnl"
    if reading.has("cash"):
        return "cash"
    if reading.has("nav"):
        part = bool(reading.values("symbol") or reading.values("group")) and not reading.has("pnl")
        return "weight" if reading.has("weight") or part else "nav"
    if (
        reading.has("return", "change")
        and not reading.has("weight", "exposure", "best", "worst")
        and not re.search(r"\bdo (?:i|we) (?:own|hold|have)\b", reading.text, re.I)
    ):
        return (
            "pnl"
            if (_MINE.search(reading.text) or reading.has("portfolio"))
            and re.search(
                r"\b(?:made?|make|lost?|lose|gain|gained|earn(?:ed)?|returned|did|doing|up|down|perform\w*)\b",
                reading.text,
                re.I,
            )
            else "positions"
        )
    if reading.has("weight", "exposure"):
        return "weight"
    return "positions"


def _superlative(reading: Reading, metric: str) -> int | None:
    singular = re.search(
        r"\b(?:biggest|largest|smallest|best|worst|top) (?:position|holding|weight|exposure|fill|order)\b(?!s)",
        reading.text,
        re.I,
    )
    return 1 if singular and metric in ("positions", "weight", "fills", "orders") else None


def _order(reading: Reading, metric: str) -> str | None:
    if metric in ("positions", "weight"):
        return "asc" if reading.has("worst") else "desc" if reading.has("best") else None
    if metric == "proposals" and reading.has("expiry"):
        return "asc"
    return None


def _state(reading: Reading, metric: str) -> dict[str, str]:
    if metric == "orders":
        for concept, state in (
            ("rejected", "rejected"),
            ("cancelled", "cancelled"),
            ("fills", "filled"),
            ("working", "open"),
        ):
            if reading.has(concept):
                return {"state": state}
        if re.search(r"\bopen\b", reading.text, re.I):
            return {"state": "open"}
    if metric == "proposals":
        for word in ("approved", "rejected", "expired"):
            if re.search(rf"\b{word}\b", reading.text, re.I):
                return {"state": word}
        return (
            {"state": "pending"}
            if reading.has("pending", "expiry") or re.search(r"\bopen\b", reading.text, re.I)
            else {}
        )
    return {}


def _wants(reading: Reading) -> tuple[str, ...]:
    return ("versus_cost",) if reading.has("cost") and reading.has("above", "below") else ()


def _is_overview(reading: Reading, slots: Slots) -> bool:
    named = slots.symbols or slots.group
    return not named and slots.count is None and not reading.has("best", "worst", "market_value")
