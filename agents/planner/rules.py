"""Choose the rule that a question falls under, from the most to the least particular."""

from __future__ import annotations

import re

from agents.planner import (
    rules_backtest,
    rules_book,
    rules_compute,
    rules_coverage,
    rules_events,
    rules_macro,
    rules_market,
    rules_models,
    rules_releases,
    rules_risk,
    rules_study,
    rules_trade,
)
from agents.planner.paid_in import put_in_once
from agents.planner.plan import Frame, Plan
from agents.planner.reading import Reading
from agents.planner.shocks import event_of, names_crisis_by_words, read_shocks
from agents.planner.slots import Slots, money_of
from agents.planner.text import joined
from agents.planner.universe import Universe

_SOURCES_DIFFER = re.compile(
    r"\b(?:sources?|feeds?|vendors?|providers?)\b.*\b(?:(?:dis)?agrees?|differs?|conflicts?|discrepanc\w+)\b|"
    r"\b(?:differences?|discrepanc\w+|conflicts?)\b.*\b(?:sources|feeds|vendors|providers)\b",
    re.I,
)
_ABOUT_DATA = re.compile(
    r"\bhow (?:far back|much (?:data|history)|long (?:is|does) (?:the|your|our) (?:data|history))|\b(?:what|"
    r"which) (?:data|datasets?|symbols|tickers|instruments|series)\b|"
    r"\bdata (?:do you|is|are|we|coverage)\b|\b(?:coverage|freshness)\b|\b(?:missing|gaps)\b.*\b(?:data|days|"
    r"bars|sessions)\b|\bdo (?:you|u|we)(?: guys| folks)?(?: even| actually| also)? "
    r"(?:have|cover|hold|keep) (?:any )?(?:data|prices)\b|"
    r"\b(?:bars|data)\b.*\b(?:any )?(?:gaps?|holes?)\b|\b(?:from|since) (?:which|what) (?:year|date|"
    r"day)\b.*\b(?:records?|data|history|bars)\b",
    re.I,
)


_STORED_OF = re.compile(
    r"\bstored (?:sessions?|days?|bars?|prices?|history)\b|\b(?:coverage|data) (?:of|for) (?:the |all |every )", re.I
)
_HAVE_DATA = re.compile(
    r"\bdo (?:you|u|we)\b.{0,18}\b(?:data|prices)\b|\bbars\b.*\b(?:gaps?|holes?)\b|\b(?:gaps?|holes?)\b.*\bbars\b", re.I
)
_OUR_DATA = re.compile(
    r"\b(?:which|what) (?:data ?sets?|data|prices|price history|sources)\b.*\bdo you (?:hold|have|store|keep|cover)\b",
    re.I,
)
_GAPS = re.compile(
    r"\b(?:gaps?|holes?) in\b.*\b(?:data|prices?|history|series|bars|record)\b|"
    r"\b(?:data|price|history) (?:gaps?|holes?)\b",
    re.I,
)


def _about_data(reading: Reading, slots: Slots) -> Plan | None:
    """Return the plan of a question on the coverage of the press, or on that of the stored data."""
    if rules_events.is_press(reading):
        return rules_events.news(reading, slots)
    if _SOURCES_DIFFER.search(joined(reading.words)) and not reading.has("news", "sentiment", "geopolitical"):
        return Plan(outcome="answer", frame=Frame(topic="coverage", symbols=slots.symbols, options={"compare": True}))
    if _OUR_DATA.search(reading.text):
        return Plan(outcome="answer", frame=Frame(topic="coverage", symbols=slots.symbols))
    if slots.symbols and _STORED_OF.search(reading.text):
        return Plan(outcome="answer", frame=Frame(topic="coverage", symbols=slots.symbols))
    if slots.group and not slots.symbols and _STORED_OF.search(reading.text):
        return Plan(outcome="answer", frame=Frame(topic="metric", metric="coverage", group=slots.group))
    if _GAPS.search(reading.text) and not reading.has("portfolio", "backtest"):
        return Plan(outcome="answer", frame=Frame(topic="coverage", symbols=slots.symbols))
    asked = _ABOUT_DATA.search(reading.text)
    if (slots.period is not None and slots.period.kind == "next") or rules_releases.is_due(reading, slots):
        return None  # what comes out tomorrow is not stored
    others = ("portfolio", "news", "sentiment", "backtest", "cash", "calendar")
    if asked and not reading.has(*others) and (_HAVE_DATA.search(reading.text) or not reading.has("return", "close")):
        return Plan(outcome="answer", frame=Frame(topic="coverage", symbols=slots.symbols))
    if re.search(r"\bhow far back\b", reading.text, re.I):
        return Plan(outcome="answer", frame=Frame(topic="coverage", symbols=slots.symbols))
    return rules_coverage.stored(reading, slots)


def first_rule(reading: Reading, slots: Slots, universe: Universe, previous: Frame | None) -> Plan | None:
    """Return the plan of the first rule that fits, from the most to the least particular."""
    if plan := _about_data(reading, slots) or rules_models.models(reading, slots, previous):
        return plan
    return _of_a_run(reading, slots, previous) or _of_the_desk(reading, slots, universe, previous)


def _of_a_run(reading: Reading, slots: Slots, previous: Frame | None) -> Plan | None:
    """Return the plan of a run over the past or the future, or of a sizing; None for any other question."""
    if rules_compute.looks_ahead(reading, slots) and not read_shocks(reading):
        return rules_compute.simulate(reading, slots, previous)
    if rules_backtest.is_backtest(reading) and (reading.has("backtest") or not _of_a_position(reading)):
        return rules_backtest.backtest(reading, slots, previous)
    if put_in_once(reading):
        return None
    if plan := rules_study.study(reading, slots, previous):
        return plan
    if (
        reading.has("var", "shortfall")
        and not reading.has("size", "simulate", "stress")
        and not _HOW_MANY_FOR.search(reading.text)
        and not _BUDGETS.search(reading.text)
    ):
        return rules_risk.risk(reading, slots, previous)
    if _is_sizing(reading) and (slots.symbols or previous) and not slots.series:
        return rules_trade.size(reading, slots, previous)
    if rules_risk.may_lose(reading, slots):
        return rules_risk.risk(reading, slots, previous)
    scenario = bool(read_shocks(reading)) or names_crisis_by_words(reading) or bool(event_of(reading))
    path_of_series = bool(slots.series) and not slots.symbols and _ONLY_A_PATH.search(reading.text) is not None
    if reading.has("statistic") and _INTERVALS.search(reading.text):
        return None  # bootstrapped intervals of every statistic
    likely = _LIKELY.search(reading.text) is not None and (slots.symbols or reading.has("portfolio"))
    if reading.has("simulate") and (not scenario or likely) and not path_of_series:
        return rules_compute.simulate(reading, slots, previous)
    simulated = reading.has("simulate") and not path_of_series
    if simulated or rules_compute.is_stress(reading) or rules_compute.asks_every_crisis(reading):
        return rules_compute.stress(reading, slots, previous)
    return None


def _of_the_desk(reading: Reading, slots: Slots, universe: Universe, previous: Frame | None) -> Plan | None:
    """Return the plan of an order, or of a question on the book or on stored data."""
    if rules_trade.is_trade(reading):
        return rules_trade.trade(reading, slots, previous)
    if reading.has("risk", "var", "shortfall") and not reading.has("sharpe") and not _contributes_profit(reading):
        return rules_risk.risk(reading, slots, previous)
    if rules_book.is_book(reading, slots, previous):
        if reading.has("volatility", "correlation") and not slots.symbols and not reading.has("pnl"):
            return rules_risk.risk(reading, slots, previous)
        return rules_book.book(reading, slots, previous)
    if rules_macro.is_of_a_vintage(reading) and (plan := rules_macro.macro(reading, slots)):
        return plan
    return (
        rules_events.news(reading, slots)
        or rules_events.events(reading, slots)
        or rules_macro.macro(reading, slots)
        or rules_market.market(reading, slots, universe)
        or _coverage(reading, slots)
        or _vague(reading)
    )


def _contributes_profit(reading: Reading) -> bool:
    """Say whether it is profit that is contributed: "the three best P&L contributors"."""
    spans = [span for span in reading.spans if span.kind == "concept" and span.value == "risk" and span.start >= 0]
    said = [word.low for span in spans for word in reading.words[span.start : span.end]]
    return (
        reading.has("pnl") and all(re.match(r"contribut|most|the$", word) for word in said) and not reading.has("var")
    )


_ONLY_A_PATH = re.compile(
    r"^(?!.*\b(?:simulat\w*|monte|gbm|chances?|odds|probab\w*|likel\w*)\b).*\bpaths?\b", re.I | re.S
)
_INTERVALS = re.compile(r"\b(?:confidence|intervals?|bounds?|bands?)\b", re.I)
# How likely a move is, and not what it would do: "the probability that NVDA doubles in a year".
_LIKELY = re.compile(
    r"^(?!.*\bif\b).*\b(?:probab\w*|chances?|odds|likel(?:y|ihood))\b(?:(?: \w+){0,3}? (?:that|of|is it|for)\b|"
    r"(?: [\w.'-]+){0,3} (?:doubl|trebl|tripl|halv|ris|fall|drop|gain|los|reach|hit|end|clos)\w*)",
    re.I | re.S,
)
_BUDGETS = re.compile(r"\b(?:budget\w*|how (?:large|big) (?:may|can|could|should))\b", re.I)


_BUDGET_FOR = re.compile(r"\bbudget\b.*\bfor\b|\b(?:maximum|max|most) shares\b", re.I)
_HOW_LARGE = re.compile(
    r"\bhow (?:large|big|many|much)\b.*\b(?:position|holding|stake|can (?:i|we) (?:buy|take|own)|(?:may|should|"
    r"could) (?:i|we|a))\b",
    re.I,
)


_IS_HELD = re.compile(
    r"\bhow (?:large|big) (?:is|are|was|were) (?:my|our)\b(?!.*(?:%|\bshould\b|\bstop\b))|"
    r"\bhow (?:large|big|much) (?:is|are|was|were)\b.*\bin (?:my|our|the) (?:portfolio|book|account)\b",
    re.I,
)
_OWNS = re.compile(r"\b(?:do|did) (?:i|we) (?:still |already |now )?(?:own|hold|have|got)\b", re.I)
# "How many MSFT shares is 5% of my account".
_WORTH_OF_SHARES = re.compile(
    r"\bhow (?:many|much)\b.*\b(?:is|are|would|makes?|equals?|corresponds? to|amounts? to)\b.*(?:%|\bpercent|\bpct) "
    r"of (?:my|our|the) "
    r"(?:account|book|portfolio|nav|equity)\b|"
    r"(?=.*\bhow (?:many|much)\b).*(?:%|\bpercent|\bpct) of (?:my|our|the) (?:account|book|portfolio|nav|equity|"
    r"estate|capital|money)\b"
    r".*\b(?:shares|coins|units|of it)\b",
    re.I | re.S,
)


# "How many VRT shares if the position may add 8% vol", "I'll lose no more than 1% at the stop: how many shares".
_IF_THE_POSITION = re.compile(
    r"\bhow (?:many|much|large|big)\b.*\b(?:if|so that|such that|when|where) (?:the|a|my|this|that|it)(?: position)? "
    r"(?:may|can|should|must|adds?|is to|contributes?|risks?)\b",
    re.I,
)
_SHARES_THAT = re.compile(
    r"\b(?:how many|number of)\b.*\bshares?\b.*\b(?:that|which|to) (?:adds?|gives?|risks?|contributes?)\b", re.I
)
_LOSES_SO_MANY = re.compile(
    r"(?=.*\bhow (?:many|much|large|big)\b).*\b(?:los(?:e|ing)|risk(?:ing)?)\b[^.?!]*"
    r"(?:%|\bpercent|\bpct|\$|\bbps|\b[\d,.]+k?\b)",
    re.I | re.S,
)
_RISKED = re.compile(
    r"\brisk(?:ing)?\s+\$?[\d.,]+\s*(?:k|m|%|percent|pct|bps?)?\s+(?:of (?:my |our |the )?(?:equity|account|nav|book|"
    r"capital|money|portfolio)\s+)?(?:on|in)\b",
    re.I,
)
# "How many shares is that if I put 10% in", "how much SOFI should I buy", "how many can I get for 5 grand".
_HOW_MUCH_TO_BUY = re.compile(
    r"\bhow (?:many|much)\b.*\b(?:(?:should|can|could|may|do|would) (?:i|we) (?:buy|get|afford|own|hold|take|ape|go)|"
    r"(?:shares?|coins?|units?) (?:is|are|does|do|would|can|could)|is that|(?:does|would|will|do) (?:that|it) (?:allow|"
    r"make|give|buy|be|come|get))\b",
    re.I | re.S,
)
_SHARE_PUT_IN = re.compile(
    r"\b(?:put(?:ting)?|invest(?:ing)?|plac(?:e|ing)|commit(?:ting)?|want(?:ed)?|allocat(?:e|ing)|go)\b[^.?!;]*(?:%|"
    r"\bpercent\b)|"
    r"(?:%|\bpercent\b)(?: of (?:it|that|them|my|our|the)(?: \w+)?)? (?:in|into)\b",
    re.I,
)
_HOW_MANY_FOR = re.compile(r"\b(?:how many|number of) (?:shares|units|coins)\b.*\bfor\b", re.I)
_KELLY_OR_TARGET = re.compile(
    r"\b(?:how many|number of) (?:shares|units|coins)\b.*\bfor\b|"
    r"\b(?:what|which) (?:position|size|stake|weight|holding|amount|allocation)\b",
    re.I,
)


def _asks_how_much(reading: Reading) -> bool:
    """Say whether it is asked how much of one instrument to hold, and what decides that is said or left open."""
    named = len(reading.values("symbol")) == 1 or (bool(reading.values("symbol")) and reading.has("stop"))
    if not named or reading.has("optimise", "dividend", "volume", "return", "average", "when", "news", "beta"):
        return False
    by_share = reading.first_number("percent") is not None and _HOW_MANY_FOR.search(reading.text) is not None
    if _KELLY_OR_TARGET.search(reading.text) and (
        by_share or reading.has("volatility", "size", "stop", "shortfall", "atr")
    ):
        return True
    if not _HOW_MUCH_TO_BUY.search(reading.text):
        return False
    by_risk = reading.has("stop", "atr", "volatility", "shortfall", "volatility_target")
    decided = by_risk or _SHARE_PUT_IN.search(reading.text)
    advised = re.search(r"\bshould (?:i|we) (?:buy|get|hold|own|take)\b", reading.text, re.I)
    return bool(decided or advised or money_of(reading) is not None)


def _of_a_position(reading: Reading) -> bool:
    """Say whether the size of a position is meant, not a rule: "a vol-targeted position in BTC"."""
    how_many = re.search(r"\bhow (?:many|much)\b", reading.text, re.I) is not None
    owned = reading.has("portfolio", "nav") or how_many
    return reading.has("size") or (reading.has("volatility_target") and owned)


def _is_sizing(reading: Reading) -> bool:
    """Say whether it is asked how much of something fits the account."""
    if _OWNS.search(reading.text) or _IS_HELD.search(reading.text):
        return False
    if _asks_how_much(reading):
        return True
    if _WORTH_OF_SHARES.search(reading.text):
        return True
    if (
        _SHARES_THAT.search(reading.text)
        or _IF_THE_POSITION.search(reading.text)
        or (reading.has("stop") and _LOSES_SO_MANY.search(reading.text))
    ):
        return True
    of_the_book = reading.has("portfolio") and not reading.has("size", "volatility_target", "stop", "shortfall")
    if reading.has("volume") or of_the_book:
        return False
    if (
        reading.has("shortfall", "volatility")
        and _BUDGET_FOR.search(reading.text)
        and len(reading.values("symbol")) == 1
    ):
        return True
    large = (
        _HOW_LARGE.search(reading.text)
        and not _IS_HELD.search(reading.text)
        and reading.has("stop", "shortfall", "risk", "volatility", "atr", "size", "weight")
    )
    risked = reading.has("stop", "atr") and _RISKED.search(reading.text) is not None
    how_many = re.search(r"\bhow (?:many|much)\b", reading.text, re.I) is not None
    return (
        reading.has("size")
        or (reading.has("volatility_target") and (how_many or not reading.has("backtest")))
        or bool(large)
        or risked
    )


def _coverage(reading: Reading, slots: Slots) -> Plan | None:
    if reading.has("coverage", "universe"):
        return Plan(outcome="answer", frame=Frame(topic="coverage", symbols=slots.symbols))
    return None


def _vague(reading: Reading) -> Plan | None:
    # The best by nothing that is said: no measure and no period.
    unmeasured = reading.concepts() <= {"best", "worst", "pronoun"} and reading.has("best", "worst")
    if reading.has("hot") or unmeasured:
        return Plan(
            outcome="clarify_or_default",
            say="By what measure: the best return, the most news, the highest volume? "
            "And over which period? For example “top 5 stocks by return this month”.",
        )
    return None
