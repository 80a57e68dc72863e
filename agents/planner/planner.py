"""Plan a conversation: read each question, refuse, decline, ask back, or choose tool calls."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from agents.planner import rules_book
from agents.planner.appositions import read_descriptions
from agents.planner.asides import LEAVE_IT_OUT, is_to_leave_out, without_asides, without_reader, without_words
from agents.planner.concepts import ELSEWHERE, ORDINARY
from agents.planner.follow_ups import follow_up
from agents.planner.leftovers import dropped_names, unexplained, unused_numbers
from agents.planner.periods import beside_this_year
from agents.planner.plan import SUBJECT_TOPICS, Call, Frame, Plan
from agents.planner.reading import Reading, Span, misspellings, read
from agents.planner.requests import calls_of, factor_symbol, group_members, is_group
from agents.planner.rules import first_rule
from agents.planner.rules_panel import panel
from agents.planner.rules_refuse import OUTSIDE, decline, refuse, unapproved
from agents.planner.rules_reports import day_report
from agents.planner.rules_scan import scan, scan_in_words
from agents.planner.rules_strategies import strategies
from agents.planner.sampling import resampled
from agents.planner.several import NEXT_QUESTION, TERMS_ONLY, TWO_QUESTIONS, dated, frames_of, one_measure_each
from agents.planner.shocks import crisis_words
from agents.planner.slots import Slots, take_slots
from agents.planner.spelling import respelt
from agents.planner.spoken import as_figures
from agents.planner.subjects import of_the_subject_before
from agents.planner.text import joined, plain
from agents.planner.universe import Universe
from agents.planner.unnamed import is_unnamed, only_a_name

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
    r"^\s*(?:please\s+)?(?:run|execute)?\s*(?:(?:this|the|the following|my)\b)?\s*(?:sql|query|statement)?\s*"
    r"(?:for (?:me|us)(?: please)?)?\s*:?\s*"
    r"((?:select\b(?!\s+(?:the|some|my|our)\b)|with\s+\w+\s+as\s*\().+)$",
    re.IGNORECASE | re.DOTALL,
)


def plan_conversation(questions: Sequence[str], universe: Universe, today: date) -> Plan:
    """Return the plan of the last question, each earlier one giving its frame to the next."""
    frame: Frame | None = None
    plan = Plan(outcome="clarify", say="What would you like to know?")
    before = ""
    for question in questions:
        if frame is None and before and _CHANGES.match(plain(question)) and plan.outcome == "clarify":
            say = "I did not understand the question before, so there is nothing to change: please ask it in full."
            plan = Plan(outcome="clarify", say=say)
            continue
        shorter = is_to_leave_out(question) and _plan_without(before, plan, universe, today, frame)
        plan = shorter or plan_question(question, universe, today, previous=frame)
        if _plan_without(question, plan, universe, today, frame):
            plan = plan.model_copy(update={"say": f"{plan.say} {LEAVE_IT_OUT}"})
        frame = plan.frame or frame
        before = question
    return plan


# A turn that only changes the one before: "now on IWM", "same for energy".
_CHANGES = re.compile(
    r"^\W*(?:(?:ok|okay|and|now|then) )*(?:now (?:on|for|with|in)|same|likewise|instead|without|with|make (?:it|that)|"
    r"just the|only the|and (?:for|on|in|with))\b(?!.*\b(?:i|we)\b)(?: \S+){1,6}$",
    re.I,
)


def plan_question(question: str, universe: Universe, today: date, *, previous: Frame | None = None) -> Plan:
    """Return what to do about one question, or about several in one; `previous` is the frame of the turn before."""
    question = _HOW_TO_COMPARE.sub("compare", dated(question, previous))
    if _SELECT.match(question):
        return _plan_spelt(question, universe, today, previous)
    question = without_reader(plain(question))
    reason = _REASON.search(question)
    asked = question[: reason.start()] if reason else question
    found = misspellings(asked, universe)
    plan = _plan_spelt(respelt(asked, found) + question[len(asked) :], universe, today, previous)
    if not found:
        return plan
    unsure = [one.written for one in found if one.is_unsure]
    if unsure and plan.outcome == "needs_approval":
        listed = ", ".join(f"“{word}”" for word in unsure)
        say = f"I am not sure what {listed} means, and I guess nothing of an order: please write it again."
        return Plan(outcome="clarify", say=say, private=True)
    read_as = tuple(f"Read “{one.written}” as “{one.meant}”." for one in found if one.is_said)
    return plan.model_copy(update={"notes": tuple(dict.fromkeys((*read_as, *plan.notes)))})


def _plan_spelt(question: str, universe: Universe, today: date, previous: Frame | None) -> Plan:
    """Return what to do about one question whose words are spelt as the desk knows them."""
    if (said := _REASON.search(question)) and (
        proposed := _plan_with_reason(question, said, universe, today, previous)
    ):
        return proposed
    plan, dropped = _plan_one(question, universe, today, previous)
    asks_twice = plan.outcome == "clarify" or dropped or TWO_QUESTIONS.search(plain(question))
    one_figure = plan.frame is None or plan.frame.topic in ("metric", "indicators")
    if one_figure and (both := _plan_measures(question, plan, universe, today, previous)):
        return both
    if asks_twice and (several := _plan_several(question, universe, today, previous)):
        return several
    if dropped and (apart := _plan_apart(question, universe, today, previous)):
        return apart
    if dropped and _JOINS.search(question):
        return Plan(
            outcome="clarify",
            say="Prices and macro series are two questions to me. Can you ask them one by one?",
        )
    if plan.outcome in ("clarify", "decline") and (point := _plan_point(question, plan, universe, today, previous)):
        return point
    return plan


# "How do I compare AAPL to MSFT" asks of them, and not of what I have.
_HOW_TO_COMPARE = re.compile(r"\bhow (?:do|can|should|would) (?:i|we|you) compare\b(?! (?:to|with|against))", re.I)
_JOINS = re.compile(r"\b(?:and|plus|vs|versus|against|with)\b|[,&+]", re.I)
# "Bring GLD to 6% of NAV, reason: a hedge": the words of a reason are kept, not read.
_REASON = re.compile(
    r"[\s,.;(-]*\b(?:the |my )?(?:reason|rationale|thesis|motive|note|why)(?:\s+(?:is|being))?\s*[:=-]\s*(.+?)\)?\s*$|"
    r"[\s,.;]+(?:the |my )(?:reason|rationale|thesis)\s+(?:is|being)\s+(.+)$|,?\s+because\s+(.+)$|"
    r"[\s,;.]+(?:state|give|put|record|note|with|write|use)\s+['\"“‘](.+?)['\"”’]\s+as (?:the |my )?(?:reason|"
    r"rationale)\W*$",
    re.I,
)


def _plan_with_reason(
    question: str, said: re.Match[str], universe: Universe, today: date, previous: Frame | None
) -> Plan | None:
    """Return the proposal that a question asks for with the reason it gives; None when it asks for no proposal."""
    plan, dropped = _plan_one(question[: said.start()], universe, today, previous)
    if plan.outcome != "needs_approval" or dropped or plan.frame is None:
        return None
    reason = plain(next(part for part in said.groups() if part)).rstrip(".")
    calls = tuple(
        call.model_copy(update={"args": {**call.args, "reason": reason}}) if call.name == "propose_trade" else call
        for call in plan.calls
    )
    return plan.model_copy(update={"calls": calls})


def _plan_point(question: str, plan: Plan, universe: Universe, today: date, previous: Frame | None) -> Plan | None:
    """Return the plan of a question without its asides, saying what was left out; None where it needs them."""
    found = without_asides(plain(question), plan.leftovers, universe, today)
    if found is None:
        return None
    rest, dropped = _plan_one(found[0], universe, today, previous)
    if rest.outcome != "answer" or not rest.calls or dropped:
        return None
    left_out = "Left out: " + "; ".join(f"“{aside.rstrip('.;,')}”" for aside in found[1]) + "."
    return rest.model_copy(update={"notes": (left_out, *rest.notes)})


def _plan_without(question: str, plan: Plan, universe: Universe, today: date, previous: Frame | None) -> Plan | None:
    """Return the plan of a question without the words that its plan asks about; None where that is no answer."""
    if plan.outcome != "clarify" or not (rest := without_words(question, plan.leftovers)):
        return None
    shorter = plan_question(rest, universe, today, previous=previous)
    if shorter.outcome != "answer" or not shorter.calls:
        return None
    left_out = "Left out: " + ", ".join(f"“{word}”" for word in plan.leftovers) + "."
    return shorter.model_copy(update={"notes": (left_out, *shorter.notes)})


_REFERS = re.compile(r"\b(?:they|it|its|that|this|them|their|those|these|both|same|too)\b", re.I)


def _of_now(frame: Frame | None) -> Frame | None:
    """Return a frame without a time that lies ahead: "when do they report next, and did they beat last time"."""
    ahead = frame is not None and frame.period is not None and frame.period.kind == "next"
    return frame.model_copy(update={"period": None}) if frame is not None and ahead else frame


def _plan_several(question: str, universe: Universe, today: date, previous: Frame | None) -> Plan | None:
    """Return the plan of two or three questions in one, if each is understood by itself; None otherwise."""
    parts = [part.strip() for part in NEXT_QUESTION.split(plain(question)) if part and part.strip(" ?.,;")]
    if not 2 <= len(parts) <= 3 or any(TERMS_ONLY.match(part) for part in parts[1:]):
        return None
    return _side_by_side(parts, universe, today, previous)


# What is asked of instruments: a second question that names none is of those of the first.
_OF_INSTRUMENTS = frozenset({"earnings_dates", "earnings_surprise", "dividends", "splits", "news", "sentiment"})


def _of_the_same(plan: Plan, before: Plan, universe: Universe) -> Plan:
    """Return "what was the last surprise" of the instruments that the question before it named."""
    frame, named = plan.frame, before.frame
    if frame is None or named is None or frame.metric not in _OF_INSTRUMENTS or frame.symbols or frame.group:
        return plan
    if not named.symbols or frame.options.get("topic") or named.topic == "trade":
        return plan
    whole = frame.model_copy(update={"symbols": named.symbols})
    return plan.model_copy(update={"frame": whole, "calls": calls_of(whole, universe)})


def _plan_measures(question: str, plan: Plan, universe: Universe, today: date, previous: Frame | None) -> Plan | None:
    """Return the plan of a question that joins measures, if each is understood by itself and one call has not all."""
    parts = list(one_measure_each(as_figures(plain(question))))
    if not 2 <= len(parts) <= 4 or len(plan.calls) >= len(parts):
        return None
    if plan.frame is not None and len(plan.frame.options.get("names", ())) >= len(parts):
        return None
    found = _side_by_side(parts, universe, today, previous)
    return found if found is not None and len(found.calls) > max(1, len(plan.calls)) else None


_JOINT = re.compile(r"\s*(?:,|;|\s\+|&)\s*(?:and |plus )?|\s+(?:and|plus)(?: also)?\s+", re.I)
_OF_BOTH_TOGETHER = ("compare", "correlation", "spread", "ratio", "beta", "each", "chart")


def _plan_apart(question: str, universe: Universe, today: date, previous: Frame | None) -> Plan | None:
    """Return the plan of "initial claims latest, and TLT close": series on one side, instruments on the other.

    None where a date is said on one side only, which may be meant for both.
    """
    text = as_figures(plain(question))
    for joint in _JOINT.finditer(text):
        parts = [text[: joint.start()], text[joint.end() :]]
        readings = [read(part, universe, today) for part in parts]
        kinds = [{span.kind for span in one.spans} & {"symbol", "macro", "group"} for one in readings]
        dates = [sum(found.period.kind != "latest" for found in one.periods) for one in readings]
        apart = kinds in ([{"macro"}, {"symbol"}], [{"symbol"}, {"macro"}]) and bool(dates[0]) == bool(dates[1])
        if apart and not any(one.has(*_OF_BOTH_TOGETHER) for one in readings):
            return _side_by_side(parts, universe, today, previous)
    return None


def _side_by_side(parts: list[str], universe: Universe, today: date, previous: Frame | None) -> Plan | None:
    """Return one plan of the questions that are each understood by themselves; None where one is not."""
    plans: list[Plan] = []
    for part in parts:
        part = dated(part, plans[-1].frame) if plans else part
        before = previous if not plans else _of_now(plans[-1].frame) if _REFERS.search(part) else None
        plan, dropped = _plan_one(part, universe, today, before)
        subject = plans[-1].frame if plans else None
        if before is None and not plan.calls and subject is not None and subject.topic in SUBJECT_TOPICS:
            plan, dropped = _plan_one(part, universe, today, _of_now(subject))
        if plan.outcome not in ("answer", "needs_approval") or not plan.calls or dropped:
            return None
        if plans:
            plan = _of_the_same(plan, plans[-1], universe)
        plans.append(plan)
    proposed = [plan for plan in plans if plan.outcome == "needs_approval"]
    if len(proposed) > 1:
        return None  # one decision at a time
    calls = tuple(dict((repr(call), call) for plan in plans for call in plan.calls).values())
    notes = tuple(dict.fromkeys(note for plan in plans for note in plan.notes))
    private = any(plan.private for plan in plans)
    kept = (proposed or plans)[-1]
    return kept.model_copy(update={"calls": calls, "notes": notes, "private": private})


def _plan_one(question: str, universe: Universe, today: date, previous: Frame | None) -> tuple[Plan, bool]:
    """Return the plan of one question, and whether a symbol or series that it names is in none of its calls."""
    if not question.strip():
        return Plan(outcome="clarify", say="What would you like to know?"), False
    reading = read(question, universe, today)
    read_descriptions(reading, universe)
    this_year = any(found.period.name == "this_year" for found in reading.periods)
    if (
        this_year
        or _PAST_YEAR.search(reading.text)
        or (previous is not None and previous.period is not None and previous.period.name == "this_year")
    ):
        reading.periods = [replace(one, period=beside_this_year(one.period, today)) for one in reading.periods]
    plan = refuse(reading, previous.symbols if previous else ())
    if plan is None and (sql := _SELECT.match(question)):
        plan = Plan(outcome="answer", frame=Frame(topic="sql", options={"sql": sql[1].strip().rstrip(";")}))
    if plan is None and (own := strategies(question, take_slots(reading, universe))):
        return own, False
    if plan is None and (reported := day_report(reading, take_slots(reading, universe))):
        return reported, False
    if plan is None and (judged := panel(reading, take_slots(reading, universe), universe)):
        return judged, False
    if plan is None and (found := scan(question)):
        condition, who = found
        slots = take_slots(read(who, universe, today), universe)
        frame = Frame(topic="scan", symbols=slots.symbols, group=slots.group, options={"condition": condition})
        # Figures in the condition are its own; the rest of the sentence says only where to look.
        return Plan(outcome="answer", frame=frame, calls=calls_of(frame, universe)), False
    if plan is None and (worded := _scan_in_words(reading, universe, today)):
        return worded, False
    if plan is None:
        plan = _understand(reading, universe, previous)
    plan = _finish(plan, reading, universe)
    mixed = bool(reading.values("symbol")) and bool(reading.values("macro"))
    of_prices = plan.frame is not None and plan.frame.topic in SUBJECT_TOPICS and not plan.frame.series
    return plan, plan.outcome == "answer" and mixed and of_prices


# "What did it return last year" is of a year that is over.
_PAST_YEAR = re.compile(r"\b(?:did|was|were|had|returned|paid)\b[^.?!;]*(?<!the )\blast year\b", re.I)
_MEMBERS = re.compile(r"\b(?:which|what|any|scan|screen|find|list|show|all|names?)\b", re.I)


def _scan_in_words(reading: Reading, universe: Universe, today: date) -> Plan | None:
    """Return the scan of a group for conditions said in words, when the rest only says where to look."""
    everywhere = reading.has("universe")
    somewhere = everywhere or bool(reading.values("group"))
    if not somewhere or reading.has("backtest", "count", "when") or not _MEMBERS.search(reading.text):
        return None
    found = scan_in_words(joined(reading.words))
    if found is None:
        return None
    rest = read(found[1], universe, today)
    slots = take_slots(rest, universe)
    returned = any(
        span.value == "return" and rest.words[span.start].low not in ("do", "did", "does") for span in rest.spans
    )
    more = rest.leftovers() or rest.numbers or slots.symbols or slots.series or returned
    if (slots.group is None and not everywhere) or more:
        return None
    frame = Frame(topic="scan", group=slots.group, options={"condition": found[0]})
    return Plan(outcome="answer", frame=frame, calls=calls_of(frame, universe))


def _understand(reading: Reading, universe: Universe, previous: Frame | None) -> Plan:
    slots = take_slots(reading, universe)
    if not reading.has("news", "train") and (plan := decline(reading)):
        return plan
    if plan := _talk(reading, slots):
        return plan
    if _HEDGES.search(reading.text) and not slots.symbols:
        return Plan(outcome="clarify", say="Hedge what, with which instrument, and how large?", private=True)
    if plan := rules_book.against(reading, slots):
        return plan
    if _THE_OTHER.search(reading.text) and not slots.symbols:
        return Plan(outcome="clarify", say="Which other one do you mean? Please name it.")
    if previous is None and is_unnamed(reading, slots):
        return Plan(outcome="clarify", say="Which one do you mean? Please name it.", frame=None)
    if ambiguous := reading.values("ambiguous"):
        return Plan(outcome="clarify", say=f"Which one do you mean: {' or '.join(ambiguous[0].split('|'))}?")
    if reading.has("fiscal"):
        return Plan(
            outcome="clarify",
            say="The desk keeps calendar quarters and years, not fiscal ones: which calendar period do you mean?",
        )
    plan = resampled(reading, previous) or follow_up(reading, slots, universe, previous)
    plan = plan or first_rule(reading, slots, universe, previous)
    plan = of_the_subject_before(plan, reading, slots, universe, previous) or plan
    plan = _with_leftovers(plan, reading, slots, universe, previous)
    return (unapproved(reading) if plan.outcome == "clarify" else None) or plan


# An order to hedge names nothing that could be proposed.
_HEDGES = re.compile(
    r"^\W*(?:please |can you |could you )*(?:put (?:a |on a )?|add a |set up a )?(?:hedge|protect|insure)\b",
    re.I,
)
_THE_OTHER = re.compile(r"\bthe other (?:one|index|stock|etf|fund|coin|company|name|symbol|two)\b", re.I)


_GREETS = re.compile(
    r"^\W*(?:a )?(?:(?:good|very good|lovely) )*(?:evening|afternoon|morning)"
    r"(?:,? (?:all|everyone|everybody|folks|team|there|desk|mate|sir|madam|again|to you|you))*\W*$",
    re.I,
)


def _talk(reading: Reading, slots: Slots) -> Plan | None:
    """Greetings, thanks, help, the clock: only when nothing else is asked."""
    concepts = reading.concepts()
    if _GREETS.match(reading.text):
        return Plan(outcome="answer", say=HELLO)
    if reading.leftovers() or slots.symbols or slots.series or reading.numbers:
        return None
    if "clock" in concepts:
        return Plan(outcome="answer", say="The desk clock stands at {{clock}}.")
    if "help" in concepts and not slots.group:
        return Plan(outcome="answer", say=HELP)
    rest = concepts - {"greeting", "thanks", "bye", "same", "pronoun", "sum"}
    if "greeting" in concepts and not rest:
        return Plan(outcome="answer", say=HELLO)
    if concepts & {"thanks", "bye"} and not rest:
        return Plan(outcome="answer", say="You are welcome." if "thanks" in concepts else "Goodbye.")
    return None


def _with_leftovers(
    plan: Plan | None, reading: Reading, slots: Slots, universe: Universe, previous: Frame | None
) -> Plan:
    """Ask about words nothing explained; an unknown name where a symbol belongs is looked up by the tool."""
    left = unexplained(reading, plan, universe)
    if plan is not None and not left:
        return plan
    if left and _is_foreign(reading, left):
        listed = ", ".join(f"“{word}”" for word in left[:6])
        return Plan(outcome="decline", say=f"I do not know {listed}. {OUTSIDE}", leftovers=left, private=True)
    if left and (meant := _lower_case_symbols(reading, slots, universe, previous)):
        return meant
    if left and (plan is None or plan.outcome == "clarify") and (named := _unknown_name(reading, slots, universe)):
        return named
    if left:
        listed = ", ".join(f"“{word}”" for word in left[:6])
        if _is_elsewhere(reading, left):
            say = f"I do not know {listed}. {OUTSIDE}"
            return Plan(outcome="decline", say=say, leftovers=left, private=True)
        hint = _offer(left, universe)
        return Plan(
            outcome="clarify",
            say=f"I do not understand {listed}{hint}. Can you say it another way?",
            leftovers=left,
            frame=None,
            private=bool(plan and plan.private),
        )
    if bare := only_a_name(reading, slots):
        return bare
    return Plan(outcome="clarify", say=_missing(reading, slots), frame=_partial(slots))


def _is_foreign(reading: Reading, left: Sequence[str]) -> bool:
    """Say whether a question turns on a word of another world and names nothing of the desk."""
    named = any(span.kind not in ("concept", "number", "period") for span in reading.spans)
    of_the_desk = reading.has("volatility", "buy", "sell", *_OF_THE_DESK)
    return not named and not of_the_desk and any(word.lower() in ELSEWHERE for word in left)


def _is_elsewhere(reading: Reading, left: Sequence[str]) -> bool:
    """Say whether a question is about nothing of the desk: several words unknown, nothing named, hardly a desk word."""
    named = any(span.kind not in ("concept", "number", "period") for span in reading.spans)
    concepts = reading.concepts() - _EVERYDAY
    return len(left) > 2 and not named and len(left) > 2 * len(concepts) and not reading.has(*_OF_THE_DESK)


# Concepts whose words mean other things elsewhere: climb, hurt, most.
_EVERYDAY = frozenset(
    {
        "return",
        "change",
        "pronoun",
        "same",
        "add",
        "remove",
        "large",
        "count",
        "when",
        "best",
        "worst",
        "compare",
        "each",
    }
    | {"say", "unit", "days"}
)
_OF_THE_DESK = ("portfolio", "backtest", "stress", "simulate", "risk", "orders", "proposals", "pnl", "news", "coverage")
_BEFORE_A_NAME = frozenset(
    {"on", "of", "for", "in", "and", "vs", "versus", "or", "buy", "sell", "is", "did", "has", ",", "&", "with"}
    | {"what's", "whats", "how's", "hows", "where's", "wheres", "does", "was", "own", "what", "how"}
    | {"size", "backtest", "simulate", "stress", "sweep"}
)


def _lower_case_symbols(reading: Reading, slots: Slots, universe: Universe, previous: Frame | None) -> Plan | None:
    """Return the plan with ordinary words read as symbols (coin, net), where a name is missing and all then fits."""
    places = reading.leftover_positions()
    lows = [word.low for word in reading.words]
    known = all(lows[at] in universe.symbols and universe.has_prices(universe.symbols[lows[at]]) for at in places)
    named = all((at and lows[at - 1] in _BEFORE_A_NAME) or at in (0, len(lows) - 1) for at in places)
    if not places or not known or not named or slots.symbols or slots.series or slots.group or reading.has("portfolio"):
        return None
    for at in places:
        reading.spans.append(Span(kind="symbol", value=universe.symbols[lows[at]], start=at, end=at + 1))
        reading.corrections[lows[at]] = universe.symbols[lows[at]]
    reading.spans.sort(key=lambda span: span.start)
    plan = first_rule(reading, take_slots(reading, universe), universe, previous)
    return plan if plan is not None and not unexplained(reading, plan, universe) else None


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
    # A capital that only begins a sentence is no name: "Break it down by leg".
    begins = places[0] > 0 and reading.words[places[0] - 1].low in (".", "?", "!", ":")
    looks_named = (all(word.raw[:1].isupper() for word in words) and not begins) or (
        len(words) == 1 and words[0].low not in ORDINARY
    )
    if not looks_named or not all(re.fullmatch(r"[A-Za-z][\w.&-]*", word.raw) for word in words):
        return None
    name = " ".join(word.raw for word in words)
    reading.spans.append(Span(kind="symbol", value=name, start=places[0], end=places[-1] + 1))
    reading.spans.sort(key=lambda span: span.start)
    plan = first_rule(reading, take_slots(reading, universe), universe, None)
    looked_up = (
        plan is not None
        and plan.frame is not None
        and plan.frame.topic in ("metric", "performance", "chart", "indicators", "coverage")
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
        if frame.topic == "size" and not frame.symbols:
            return Plan(outcome="clarify", say="Which one instrument should I size?", frame=frame, private=True)
        if frame.topic == "indicators" and len(frame.symbols) != 1:
            return Plan(outcome="clarify", say="Indicators are computed for one symbol: which one?", frame=frame)
        notes += _stand_ins(frame, universe)
        if is_group(frame):
            members, remark = group_members(frame, universe)
            if not members:
                group = frame.symbols[0].removeprefix("group:").replace("_", " ")
                return Plan(outcome="no_data", say=f"No member of {group} has prices on this desk.", frame=frame)
            notes += [remark] if remark else []
        calls = tuple(call for one in frames_of(frame, reading) for call in calls_of(one, universe))
        scenario = frame.options.get("scenario")
        named = crisis_words(reading, scenario) if frame.topic == "stress" and scenario else frozenset()
        if left_out := dropped_names(reading, calls, universe):
            listed = ", ".join(f"“{word}”" for word in left_out)
            return Plan(
                outcome="clarify", leftovers=left_out, private=plan.private, notes=tuple(dict.fromkeys(notes)),
                say=f"I understand the question but for what to do with {listed}. Can you ask about them one by one?",
            )  # fmt: skip
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
