"""Plan a conversation: read each question, refuse, decline, ask back, or choose tool calls."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Literal

from agents.planner import (
    rules_book,
    rules_compute,
    rules_events,
    rules_macro,
    rules_market,
    rules_models,
    rules_study,
    rules_trade,
)
from agents.planner.concepts import ORDINARY
from agents.planner.leftovers import unexplained, unused_numbers
from agents.planner.periods import beside_this_year
from agents.planner.plan import Call, Frame, Plan
from agents.planner.reading import Reading, Span, read
from agents.planner.requests import calls_of, factor_symbol, group_members, is_group
from agents.planner.rules_refuse import decline, refuse
from agents.planner.rules_scan import scan
from agents.planner.rules_strategies import strategies
from agents.planner.shocks import crisis_of, crisis_words, event_of, names_crisis_by_words, read_shocks
from agents.planner.slots import Slots, mix_of, sessions_of, take_slots
from agents.planner.text import plain
from agents.planner.universe import Universe

HELLO = (
    "Hello. I am this desk's offline planner: no language model is connected, I read questions with a grammar. "
    "Ask for example "
    "“How did AAPL do in 2008?”, “compare MSFT and JPM volatility since 2015”, “backtest a 50/200 crossover on AAPL”, "
    "“simulate my portfolio for 3 months”, or “propose buying 10 MSFT”."
)
HELP = (
    "I am the offline planner. I can show prices and charts, returns and risk figures, rankings, correlations, "
    "indicators, macro series, "
    "events and news; your positions, orders, fills and proposals; enable and scan your strategies; "
    "run backtests, simulations and stress tests; "
    "size positions; and "
    "prepare trade proposals, which only a person approves. Every number comes from the desk's data with its source."
)
_SELECT = re.compile(
    r"^\s*(?:please\s+)?(?:run|execute)?\s*(?:(?:this|the|the following|my)\b)?\s*(?:sql|query|statement)?\s*:?\s*"
    r"((?:select\b(?!\s+(?:the|some|my|our)\b)|with\s+\w+\s+as\s*\().+)$",
    re.IGNORECASE | re.DOTALL,
)
_CONTINUES = re.compile(
    r"^\s*(?:and|also|what about|how about|same|now|then|ok|or|plus|add|with|without|but|instead|include|for|in|"
    r"since|on|what if|remove|drop)\b",
    re.I,
)
_DIRECTIONS = frozenset({"return", "change", "spread", "rates", "volatility", "trim", "add_to"})
# What may be changed of a backtest that was talked about.
_OF_A_RUN = frozenset({"crossover", "sma", "rsi", "momentum", "backtest", "buy", "sell", "cost", "trailing", "stop"})
_SOURCES_DIFFER = re.compile(
    r"\b(?:sources?|feeds?|vendors?|providers?)\b.*\b(?:(?:dis)?agrees?|differs?|conflicts?|discrepanc\w+)\b|"
    r"\b(?:differences?|discrepanc\w+|conflicts?)\b.*\b(?:sources|feeds|vendors|providers)\b",
    re.I,
)
_PLURAL_PRONOUN = re.compile(r"\b(?:them|they|those|these|both)\b", re.I)


def plan_conversation(questions: Sequence[str], universe: Universe, today: date) -> Plan:
    """Return the plan of the last question, each earlier one giving its frame to the next."""
    frame: Frame | None = None
    plan = Plan(outcome="clarify", say="What would you like to know?")
    for question in questions:
        plan = plan_question(question, universe, today, previous=frame)
        frame = plan.frame or frame
    return plan


def plan_question(question: str, universe: Universe, today: date, *, previous: Frame | None = None) -> Plan:
    """Return what to do about one question, or about several in one; `previous` is the frame of the turn before."""
    plan, dropped = _plan_one(question, universe, today, previous)
    asks_twice = plan.outcome == "clarify" or dropped or re.search(r"\?\s+\S", plain(question))
    if asks_twice and (several := _plan_several(question, universe, today, previous)):
        return several
    return plan


# Where a second question may begin.
_NEXT_QUESTION = re.compile(
    r"\?\s+(?=\S)|;\s+|,?\s+and\s+(?:also\s+)?(?=(?:what|how|show|list|give|when|which|who|where|is|are|did|the\s+latest|"
    r"the\s+current|the\s+newest|my|our|its|their|any)\b)|,\s+(?:then|also|plus)\s+",
    re.I,
)


_REFERS = re.compile(r"\b(?:it|its|that|this|them|their|those|these|both|same|too)\b", re.I)


def _plan_several(question: str, universe: Universe, today: date, previous: Frame | None) -> Plan | None:
    """Return the plan of two or three questions in one, if each is understood by itself; None otherwise."""
    parts = [part.strip() for part in _NEXT_QUESTION.split(plain(question)) if part and part.strip(" ?.,;")]
    if not 2 <= len(parts) <= 3:
        return None
    plans: list[Plan] = []
    for part in parts:
        before = previous if not plans else plans[-1].frame if _REFERS.search(part) else None
        plan, dropped = _plan_one(part, universe, today, before)
        if plan.outcome != "answer" or not plan.calls or dropped:
            return None
        plans.append(plan)
    calls = tuple(dict((repr(call), call) for plan in plans for call in plan.calls).values())
    notes = tuple(dict.fromkeys(note for plan in plans for note in plan.notes))
    private = any(plan.private for plan in plans)
    return plans[-1].model_copy(update={"calls": calls, "notes": notes, "private": private})


def _plan_one(question: str, universe: Universe, today: date, previous: Frame | None) -> tuple[Plan, bool]:
    """Return the plan of one question, and whether a symbol or series that it names is in none of its calls."""
    if not question.strip():
        return Plan(outcome="clarify", say="What would you like to know?"), False
    reading = read(question, universe, today)
    if previous is not None and previous.period is not None and previous.period.name == "this_year":
        reading.periods = [replace(one, period=beside_this_year(one.period, today)) for one in reading.periods]
    plan = refuse(reading)
    if plan is None and (sql := _SELECT.match(question)):
        plan = Plan(outcome="answer", frame=Frame(topic="sql", options={"sql": sql[1].strip().rstrip(";")}))
    if plan is None and (own := strategies(question, take_slots(reading, universe))):
        return own, False
    if plan is None and (found := scan(question)):
        condition, who = found
        slots = take_slots(read(who, universe, today), universe)
        frame = Frame(topic="scan", symbols=slots.symbols, group=slots.group, options={"condition": condition})
        # Figures in the condition are its own; the rest of the sentence says only where to look.
        return Plan(outcome="answer", frame=frame, calls=calls_of(frame, universe)), False
    if plan is None:
        plan = _understand(reading, universe, previous)
    plan = _finish(plan, reading, universe)
    mixed = bool(reading.values("symbol")) and bool(reading.values("macro"))
    return plan, plan.outcome == "answer" and mixed and not (plan.frame and plan.frame.series)


def _understand(reading: Reading, universe: Universe, previous: Frame | None) -> Plan:
    slots = take_slots(reading, universe)
    if not reading.has("news", "train") and (plan := decline(reading)):
        return plan
    if plan := _talk(reading, slots):
        return plan
    if ambiguous := reading.values("ambiguous"):
        return Plan(outcome="clarify", say=f"Which one do you mean: {' or '.join(ambiguous[0].split('|'))}?")
    if reading.has("fiscal"):
        return Plan(
            outcome="clarify",
            say="The desk keeps calendar quarters and years, not fiscal ones: which calendar period do you mean?",
        )
    plan = _follow_up(reading, slots, universe, previous) or _first_rule(reading, slots, universe, previous)
    return _with_leftovers(plan, reading, slots, universe, previous)


def _talk(reading: Reading, slots: Slots) -> Plan | None:
    """Greetings, thanks, help, the clock: only when nothing else is asked."""
    concepts = reading.concepts()
    if reading.leftovers() or slots.symbols or slots.series or reading.numbers:
        return None
    if "clock" in concepts:
        return Plan(outcome="answer", say="The desk clock stands at {{clock}}.")
    if "help" in concepts and not slots.group:
        return Plan(outcome="answer", say=HELP)
    rest = concepts - {"greeting", "thanks", "bye", "same"}
    if "greeting" in concepts and not rest:
        return Plan(outcome="answer", say=HELLO)
    if concepts & {"thanks", "bye"} and not rest:
        return Plan(outcome="answer", say="You are welcome." if "thanks" in concepts else "Goodbye.")
    return None


_ABOUT_DATA = re.compile(
    r"\bhow (?:far back|much (?:data|history)|long (?:is|does) (?:the|your|our) (?:data|history))|\b(?:what|"
    r"which) (?:data|datasets?|symbols|tickers|instruments|series)\b|"
    r"\bdata (?:do you|is|are|we|coverage)\b|\b(?:coverage|freshness)\b|\b(?:missing|gaps)\b.*\b(?:data|days|"
    r"bars|sessions)\b|\bdo you (?:have|cover) (?:data|prices)\b",
    re.I,
)


def _about_data(reading: Reading, slots: Slots) -> Plan | None:
    """Return the plan of a question on the coverage of the press, or on that of the stored data."""
    if rules_events.is_press(reading):
        return rules_events.news(reading, slots)
    if _SOURCES_DIFFER.search(reading.text) and not reading.has("news", "sentiment", "geopolitical"):
        return Plan(outcome="answer", frame=Frame(topic="coverage", symbols=slots.symbols, options={"compare": True}))
    if _ABOUT_DATA.search(reading.text) and not reading.has(
        "portfolio", "news", "sentiment", "return", "backtest", "cash", "close"
    ):
        return Plan(outcome="answer", frame=Frame(topic="coverage", symbols=slots.symbols))
    if re.search(r"\bhow far back\b", reading.text, re.I):
        return Plan(outcome="answer", frame=Frame(topic="coverage", symbols=slots.symbols))
    return None


def _first_rule(reading: Reading, slots: Slots, universe: Universe, previous: Frame | None) -> Plan | None:
    """Return the plan of the first rule that fits, from the most to the least particular."""
    if plan := _about_data(reading, slots):
        return plan
    if plan := rules_models.models(reading, slots, previous):
        return plan
    if rules_compute.is_backtest(reading) and (reading.has("backtest") or not reading.has("size")):
        return rules_compute.backtest(reading, slots, previous)
    if plan := rules_study.study(reading, slots, previous):
        return plan
    if reading.has("size") and not reading.has("volume") and (slots.symbols or previous) and not slots.series:
        return rules_trade.size(reading, slots, previous)
    scenario = bool(read_shocks(reading)) or names_crisis_by_words(reading) or bool(event_of(reading))
    if reading.has("simulate") and not scenario:
        return rules_compute.simulate(reading, slots, previous)
    if reading.has("simulate") or rules_compute.is_stress(reading):
        return rules_compute.stress(reading, slots, previous)
    if rules_trade.is_trade(reading):
        return rules_trade.trade(reading, slots, previous)
    if reading.has("risk", "var", "shortfall") and not reading.has("sharpe"):
        return _risk(reading, slots, previous)
    if rules_book.is_book(reading, slots, previous):
        if reading.has("volatility", "correlation") and not slots.symbols:
            return _risk(reading, slots, previous)
        return rules_book.book(reading, slots, previous)
    return (
        rules_events.news(reading, slots)
        or rules_events.events(reading, slots)
        or rules_macro.macro(reading, slots)
        or rules_market.market(reading, slots, universe)
        or _coverage(reading, slots)
        or _vague(reading)
    )


def _risk(reading: Reading, slots: Slots, previous: Frame | None) -> Plan:
    options: dict[str, Any] = {}
    mix = mix_of(reading)
    for at, number in reading.numbers.items():
        if number.unit == "percent" and 0.5 < number.value < 1 and at not in mix:
            options["confidence"] = number.value
    text = " ".join(word.low for word in reading.words)
    if match := re.search(
        r"\b(\d+)[- ](day|session|week|month)s? (?:\d+(?:\.\d+)?%? )?(?:var|value at risk|es|expected|risk|loss)", text
    ) or re.search(r"\b(?:over|for|within|in|horizon of) (?:the next )?(\d+) (day|session|week|month)s?\b", text):
        options["horizon_sessions"] = sessions_of(int(match[1]), match[2])
    symbols = slots.symbols or (previous.symbols if previous and reading.has("pronoun") else ())
    if not symbols and slots.group and not reading.has("portfolio"):
        symbols = (f"group:{slots.group}",)
    if mix and len(mix) == len(symbols):
        options["weights"] = list(mix.values())
    for pair in reading.pairs:
        if len(pair) == len(symbols) and sum(pair) > 0:
            options["weights"] = [part / sum(pair) for part in pair]
    return Plan(outcome="answer", frame=Frame(topic="risk", symbols=symbols, options=options), private=not symbols)


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


_CANDLES = re.compile(r"\bcandle(?:s|stick|sticks)?\b", re.I)
_BOTTOM = re.compile(r"\b(?:bottom|worst|lowest|least|losers?|laggards?|weakest)\b", re.I)
_OTHER_END = re.compile(
    r"\b(?:bottom|worst|lowest|least|losers?|laggards?|weakest|top|best|highest|winners?|leaders?|strongest)\b", re.I
)


def _follow_up(reading: Reading, slots: Slots, universe: Universe, previous: Frame | None) -> Plan | None:
    """Change a part of the previous frame when a turn names only that part; None if it stands on its own."""
    if previous is None:
        return None
    if (series := _other_basket(reading, previous)) and not slots.symbols:
        return _changed(reading, replace(slots, series=series), previous)
    own = reading.concepts() - {
        "add",
        "remove",
        "same",
        "pronoun",
        "compare",
        "large",
        "each",
        "above",
        "below",
        "days",
        "fees",
        "mix",
        "stress",
        "coverage",
        "digest",
        "thanks",
        "best",
        "worst",
        "horizon",
        "range",
        "unit",
        *(("chart",) if previous.topic == "chart" else ()),
        *(("minimum", "maximum", "return") if previous.order is not None else ()),
    }
    if (
        previous.topic == "backtest"
        and (reading.has("fees") or own <= _OF_A_RUN)
        and (reading.has("fees") or reading.pairs or slots.symbols or slots.period or reading.numbers)
    ):
        return (
            rules_compute.backtest(reading, slots, previous)
            if not reading.has("add")
            else _changed(reading, slots, previous)
        )
    if (
        previous.topic == "simulate"
        and own <= {"simulate", "gbm", "portfolio"}
        and (slots.symbols or slots.periods or reading.numbers or reading.has("simulate", "portfolio", "unit"))
    ):
        return rules_compute.simulate(reading, slots, previous)
    shocked = previous.topic == "stress" and not own - {"simulate", "portfolio"} - _DIRECTIONS
    if shocked and (read_shocks(reading) or crisis_of(reading)):
        return rules_compute.stress(reading, slots, previous)
    if (
        previous.topic == "trade"
        and not own - {"shares", "limit", "gtc", "buy", "sell", "day_order"}
        and (reading.numbers or slots.symbols)
    ):
        return _changed_trade(reading, slots, previous)
    compares = (
        reading.has("compare")
        and _PLURAL_PRONOUN.search(reading.text)
        and len(previous.symbols) > 1
        and not slots.symbols
    )
    if compares:
        return Plan(
            outcome="answer",
            frame=Frame(topic="performance", symbols=previous.symbols, period=slots.period or previous.period),
        )
    if own:
        pronoun = (
            (reading.has("pronoun") or _CONTINUES.match(reading.text))
            and not slots.symbols
            and not slots.series
            and slots.group is None
        )
        metric = (
            previous.symbols
            and pronoun
            and not reading.has("portfolio", "orders", "fills", "proposals", "risk", "backtest", "simulate", "stress")
        )
        return _same_subject(reading, slots, universe, previous) if metric else None
    if shown := _shown_otherwise(reading, previous):
        return shown
    counts = [number.value for number in reading.numbers.values() if number.unit == "plain"]
    if previous.limit is not None and len(counts) == 1 and not slots.symbols and counts[0] == int(counts[0]) > 0:
        slots = replace(slots, count=int(counts[0]))
        return _changed(reading, slots, previous)
    # A stress test whose scenario was asked back has nothing yet that a turn could change.
    is_open = previous.topic == "stress" and not previous.options.keys() & {"shocks", "scenario"}
    if (
        previous.topic != "trade"
        and not is_open
        and (slots.symbols or slots.series or slots.group or slots.period or slots.grain)
    ):
        return _changed(reading, slots, previous)
    return None


_BASKETS = (("core_cpi", "cpi"), ("core_pce", "pce"))


def _other_basket(reading: Reading, previous: Frame) -> tuple[str, ...]:
    """Return the series of "same for headline" or "and core?" after one of the two."""
    wanted = re.search(r"\b(headline|core)\b", reading.text, re.I)
    if not wanted or len(reading.concepts() - {"same", "news", "pronoun", "compare"}) or len(previous.series) != 1:
        return ()
    core = wanted[1].lower() == "core"
    return next(((pair[0] if core else pair[1],) for pair in _BASKETS if previous.series[0] in pair), ())


def _shown_otherwise(reading: Reading, previous: Frame) -> Plan | None:
    """Draw the same prices as candles, or list the other end of the same ranking."""
    if previous.topic == "chart" and _CANDLES.search(reading.text) and not reading.leftovers():
        return Plan(outcome="answer", frame=previous.model_copy(update={"options": {"kind": "candlestick"}}))
    if previous.order is None or previous.metric is None or not _OTHER_END.search(reading.text):
        return None
    order: Literal["asc", "desc"] = "asc" if _BOTTOM.search(reading.text) else "desc"
    update: dict[str, Any] = {"order": order}
    counts = [number.value for number in reading.numbers.values() if number.unit == "plain"]
    if len(counts) == 1 and counts[0] == int(counts[0]) > 0:
        update["limit"] = int(counts[0])
    return Plan(outcome="answer", frame=previous.model_copy(update=update))


def _same_subject(reading: Reading, slots: Slots, universe: Universe, previous: Frame) -> Plan | None:
    """Ask something new of the same symbols: "and its Sharpe?", "is that above my cost?"."""
    for symbol in previous.symbols:
        reading.spans.append(Span(kind="symbol", value=symbol, start=-1, end=-1))
    widened = take_slots(reading, universe)
    if widened.period is None and previous.period is not None and not reading.has("cost", "pnl", "buy", "sell", "news"):
        widened = replace(widened, period=previous.period)
    return _first_rule(reading, widened, universe, previous)


def _changed(reading: Reading, slots: Slots, previous: Frame) -> Plan:
    update: dict[str, Any] = {}
    symbols, series = slots.symbols, slots.series
    if reading.has("add") or re.search(r"\b(?:as well|too|also|include|together with)\b", reading.text, re.I):
        symbols = tuple(dict.fromkeys((*previous.symbols, *symbols)))
        series = tuple(dict.fromkeys((*previous.series, *series)))
    elif reading.has("remove"):
        symbols = tuple(symbol for symbol in previous.symbols if symbol not in symbols)
    elif reading.has("compare") and symbols:
        symbols = tuple(dict.fromkeys((*previous.symbols, *symbols)))
        if previous.topic in ("performance", "metric") and previous.metric in (
            None,
            "return",
            "volatility",
            "sharpe_ratio",
            "max_drawdown",
        ):
            update["topic"] = "performance"
    if symbols:
        update.update(symbols=symbols, group=None)
    elif slots.group:
        update.update(group=slots.group, symbols=())
    if series and previous.series:
        update["series"] = series
    if slots.period is not None:
        update["period"] = slots.period
    if slots.grain:
        update["grain"] = slots.grain
    if slots.count is not None and previous.limit is not None:
        update["limit"] = slots.count
    if slots.topics and previous.metric == "economic_events":
        update["options"] = {**previous.options, "topic": slots.topics[0]}
    return Plan(
        outcome="answer",
        frame=previous.model_copy(update=update),
        private=previous.topic in ("book", "portfolio", "trade"),
    )


def _changed_trade(reading: Reading, slots: Slots, previous: Frame) -> Plan:
    """Complete or change an order that was talked about: "make it 20", "10 shares", "limit 180"."""
    merged = rules_trade.trade(reading, replace(slots, symbols=slots.symbols or previous.symbols), previous)
    options = {**previous.options, **(merged.frame.options if merged.frame else {})}
    plain = [number.value for at, number in reading.numbers.items() if number.unit == "plain"]
    if not reading.has("buy", "sell"):
        options["side"] = previous.options.get("side", options.get("side"))
    if ("quantity" not in options and len(plain) == 1 and not reading.has("limit")) or (
        len(plain) == 1 and not reading.has("limit", "stop")
    ):
        options["quantity"] = plain[0]
    if not reading.has("limit") and previous.options.get("order_type") == "limit":
        options.update(order_type="limit", limit_price=previous.options.get("limit_price"))
    if "quantity" in options:
        options.pop("target_weight", None)
    frame = Frame(topic="trade", symbols=slots.symbols or previous.symbols, options=options)
    if "quantity" not in options and "target_weight" not in options:
        return merged
    return Plan(outcome="needs_approval", frame=frame, private=True)


def _with_leftovers(
    plan: Plan | None, reading: Reading, slots: Slots, universe: Universe, previous: Frame | None
) -> Plan:
    """Ask about words nothing explained; an unknown name where a symbol belongs is looked up by the tool."""
    left = unexplained(reading, plan, universe)
    if plan is not None and not left:
        return plan
    if left and (plan is None or plan.outcome == "clarify") and (named := _unknown_name(reading, slots, universe)):
        return named
    if left:
        listed = ", ".join(f"“{word}”" for word in left[:6])
        hint = _offer(left, universe)
        return Plan(
            outcome="clarify",
            say=f"I do not understand {listed}{hint}. Can you say it another way?",
            leftovers=left,
            frame=None,
            private=bool(plan and plan.private),
        )
    return Plan(outcome="clarify", say=_missing(reading, slots), frame=_partial(slots))


def _partial(slots: Slots) -> Frame | None:
    if slots.symbols:
        return Frame(topic="performance", symbols=slots.symbols, period=slots.period)
    return None


def _missing(reading: Reading, slots: Slots) -> str:
    if slots.symbols:
        return f"What about {', '.join(slots.symbols)}: the price, the return, the volatility, news, a backtest?"
    if reading.concepts():
        return "Of what? Please name a symbol, a group such as “stocks”, or a macro series."
    return (
        "What would you like to know? For example “AAPL price”, “best stocks this year” or “unemployment since 2000”."
    )


def _offer(left: Sequence[str], universe: Universe) -> str:
    """Offer the symbol that a lower-case ordinary word would be: cat, now, low."""
    found = [universe.symbols[word.lower()] for word in left if word.lower() in universe.symbols]
    return f" (write {found[0]} in capitals if you mean the symbol)" if found else ""


def _unknown_name(reading: Reading, slots: Slots, universe: Universe) -> Plan | None:
    """Return a lookup of a name that the desk does not know, when everything else of the question is understood."""
    places = reading.leftover_positions()
    if (
        not places
        or slots.symbols
        or slots.series
        or slots.group
        or places != list(range(places[0], places[0] + len(places)))
        or len(places) > 4
    ):
        return None
    words = [reading.words[place] for place in places]
    looks_named = all(word.raw[:1].isupper() for word in words) or (len(words) == 1 and words[0].low not in ORDINARY)
    if not looks_named or not all(re.fullmatch(r"[A-Za-z][\w.&-]*", word.raw) for word in words):
        return None
    name = " ".join(word.raw for word in words)
    reading.spans.append(Span(kind="symbol", value=name, start=places[0], end=places[-1] + 1))
    reading.spans.sort(key=lambda span: span.start)
    plan = _first_rule(reading, take_slots(reading, universe), universe, None)
    looked_up = (
        plan is not None
        and plan.frame is not None
        and plan.frame.topic in ("metric", "performance", "chart", "indicators")
    )
    return plan if looked_up and plan is not None and not plan.private else None


def _finish(plan: Plan, reading: Reading, universe: Universe) -> Plan:
    frame = plan.frame
    notes = list(plan.notes)
    notes += [f"Read “{wrong}” as “{right}”." for wrong, right in reading.corrections.items()]
    notes += [found.period.note for found in reading.periods if found.period.note]
    calls: tuple[Call, ...] = ()
    if plan.outcome in ("answer", "needs_approval", "safe_answer") and frame is not None and not plan.say:
        missing = [name for name in frame.options.get("shocks", ()) if factor_symbol(name, universe) is None]
        if missing:
            return Plan(
                outcome="clarify",
                frame=frame,
                say=f"The desk has no prices for {', '.join(missing).replace('_', ' ')}, so that cannot be shocked: "
                "name a symbol with prices instead.",
                private=plan.private,
            )
        if frame.topic == "indicators" and len(frame.symbols) != 1:
            return Plan(outcome="clarify", say="Indicators are computed for one symbol: which one?", frame=frame)
        notes += _stand_ins(frame, universe)
        if is_group(frame):
            members, remark = group_members(frame, universe)
            if not members:
                group = frame.symbols[0].removeprefix("group:").replace("_", " ")
                return Plan(outcome="no_data", say=f"No member of {group} has prices on this desk.", frame=frame)
            notes += [remark] if remark else []
        calls = calls_of(frame, universe)
        scenario = frame.options.get("scenario")
        named = crisis_words(reading, scenario) if frame.topic == "stress" and scenario else frozenset()
        if unused := tuple(word for word in unused_numbers(reading, calls) if word.split("/")[0] not in named):
            listed = ", ".join(f"“{word}”" for word in unused)
            return Plan(
                outcome="clarify",
                leftovers=unused,
                private=plan.private,
                notes=tuple(dict.fromkeys(notes)),
                say=f"I understand the question but for what {listed} stands for. Can you say it another way?",
            )
    elif frame is not None and plan.outcome == "clarify" and "part" in frame.wants:
        calls = calls_of(frame, universe)
    return plan.model_copy(update={"calls": calls, "notes": tuple(dict.fromkeys(notes))})


def _stand_ins(frame: Frame, universe: Universe) -> list[str]:
    """Return a remark for each shocked symbol without prices that another one stands for."""
    shocked = [name for name in frame.options.get("shocks", ()) if name in universe.classes]
    found = {name: factor_symbol(name, universe) for name in shocked}
    return [f"{name} has no prices here: {symbol} stands for it." for name, symbol in found.items() if symbol != name]
