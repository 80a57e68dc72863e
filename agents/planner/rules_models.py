"""Understand requests to calibrate a model, study or inject an event, and turn a stress test round."""

from __future__ import annotations

import re
from typing import Any

from agents.planner.arguments import arguments_of
from agents.planner.plan import Frame, Plan
from agents.planner.reading import Reading, Span
from agents.planner.shocks import names_crisis_by_words, read_shocks
from agents.planner.slots import Slots, sessions_of

# The stochastic models, the more particular first; `simulate` and `calibrate` share them.
MODELS = (
    ("t_copula", r"\b(?:student(?:-t)?|t)[- ]copula"),
    ("gaussian_copula", r"copula"),
    ("regime", r"regime|markov|hamilton"),
    ("merton", r"merton|\bjump"),
    ("heston", r"heston|stochastic vol"),
    ("gjr", r"\bgjr\b|leverage effect"),
    ("garch", r"garch|filtered historical"),
    ("bootstrap", r"boot ?strap|resampl"),
    ("gbm", r"\bgbm\b|geometric brownian|brownian|log-?normal"),
)
_MINE = re.compile(r"\b(?:my|our|mine|i|me|us|we)\b", re.I)
_MOVE = r"(?:market )?(?:moves?|shocks?|scenarios?|markets?|crash(?:es)?)"
_LOSES = r"(?:costs?|loses?|losing|loss|wipes? out|takes?|knocks?|shaves?|halves?)"
_FALLS = rf"(?:{_LOSES}|drops?|falls?|shrinks?|be down|go down)"
_REVERSE = re.compile(
    rf"\breverse[- ]?stress|\bwhat (?:would|does|will) it take\b.*\b{_FALLS}\b|"
    rf"\b(?:what|which)\b.{{0,30}}\b{_MOVE}\b.{{0,45}}\b{_LOSES}\b|"
    rf"\b(?:likeliest|smallest|mildest|easiest|most (?:likely|probable|plausible))\b.{{0,40}}\b(?:{_LOSES}|{_FALLS})\b|"
    rf"^\W*what {_LOSES} (?:me|us|(?:my|our|the) \w+) \d|"
    rf"\bhow (?:could|might|can)\b.{{0,20}}\b{_LOSES}\b|"
    rf"\bwhat (?:would|must|has|needs?|will|could)(?: have| need)?(?: to)? happen\b(?!.*\bif\b).*\b{_FALLS}\b",
    re.I,
)
_PARTS = {"quarter": 0.25, "third": 1 / 3, "half": 0.5, "tenth": 0.1, "fifth": 0.2}
_PART = re.compile(rf"\b(?:a |one )?({'|'.join(_PARTS)})\b(?= of| my| the|\W*$)", re.I)
_BAD = re.compile(
    r"\b(?:downside|miss(?:es|ed)?|disappoint\w*|below|worse|negative|weak\w*|badly|shortfall|cuts?|dovish|cold|cooler|"
    r"softer|lower)\b",
    re.I,
)
_GOOD = re.compile(
    r"\b(?:upside|(?:blows?|blew|sails?) past|smash\w*|crush\w*|beats?|beaten|above|better|positive|strong\w*|tops?|"
    r"hawkish|hot|hotter|higher|firmer)\b",
    re.I,
)
_PREPOSITIONS = frozenset({"round", "after", "around", "following", "into", "before", "ahead"})


def _around(reading: Reading) -> bool:
    """Say whether what prices do around an event is asked: "how does SPY trade after CPI", "BTC around FOMC days"."""
    lows = [word.low for word in reading.words]
    named = [
        span for span in reading.spans if span.kind == "topic" or (span.kind == "macro" and reading.has("calendar"))
    ]
    named += [
        span
        for span in reading.spans
        if span.kind == "macro" or (span.kind == "concept" and span.value in ("earnings", "geopolitical", "surprise"))
    ]
    return any(_PREPOSITIONS & set(lows[max(0, span.start - 4) : span.start]) for span in named if span.start > 0)


_USUALLY = re.compile(r"\b(?:typical\w*|usual\w*|tends?|historical\w*|normal\w*|on average|in the past)\b", re.I)
_WOULD = re.compile(r"\b(?:would|could|might|will)\b.*\b(?:do to|mean for|hit|hurt|affect)\b", re.I)
# A release that comes in above or below what was forecast.
_COMES = re.compile(r"\b(?:comes?|coming|came|prints?|printed|lands?|is|was)\b.*\bthan\b", re.I)
_WINDOW = re.compile(
    r"\b(\d+|a|the|move) (?:trading )?(day|session|week)s? (before|after|following|either side)|"
    r"\b(?:within|over|in) (?:the )?(?:next |following )?(\d+) (day|session|week)s?\b"
)
_BOTH_SIDES = re.compile(
    r"\b(\d+)(?: trading)?(?: (day|session|week)s?)? before (?:to|and|through|until) (\d+)(?: trading)?"
    r"(?: (day|session|week)s?)? after\b"
)

# What these requests are said with, beyond the desk's words.
_OWN_WORDS = {
    "trade": "leave leaves standing stand stands paying market stage signature ticket tickets should set put place "
    "attach hits touches reaches prints gets "
    "unwind fails fail fill trigger once through dips drops falls if trades not below above bracket "
    "breakout order tp sl shares stop take profit cancel cancels other reverse undo back leg legs",
    "optimise": "minimise minimize evenly absolute held balance balanced divide safest calmest smoothest ride "
    "smallest wild variance swung "
    "swing least "
    "around carry carries goes go touch saw video little lowest minimal correct "
    "fund funds coin coins single exceeds exceed sample covariance plain variance la lopez lópez de "
    "prado à split sure confident "
    "certain conviction nobody none nothing above cap capped each etc allocate "
    "invest think believe expect view views over",
    "risk": "drives drive driving plausible realistic eats eat overnight annex liquidity methods component "
    "components marginal contribution "
    "contributions equally "
    "weighted basket "
    "everything take takes long hold alone say look looks kind",
    "size": "contributes contribute allow allows allowed imply implies implied permit permits correspond "
    "corresponds estimation mean put puts "
    "ape total all set sits stays stay grand under sized like add adds annual "
    "hits hit into never adds commit devote put putting bankroll estate true capital fit fits "
    "weight market budget "
    "willing lose "
    "losing equity most cap capped away account take risk",
    "calibrate": "standard error errors model models process parameters well fits fitting goodness history daily",
    "simulate": "less leave left worth double doubles doubled "
    "futures tail model seed end months etc after ends bad likely up down higher lower finish "
    "finishes year-end",
    "event_study": "raw crisis crises breaks breaking out whenever abnormally early opening cumulative model mean "
    "estimate conditioning conditional conditioned positive negative "
    "surprises window round only hawkish dovish trade trades reports report days sessions move comes in "
    "hotter cooler softer firmer "
    "higher lower strong stronger weak weaker than expected "
    "feared print prints perform performs move do misses miss disappointing typically typical "
    "usually normally behave behaves behaved reaction react reacts reacted respond responds responded "
    "follow follows following around abnormal drift moves after before either side",
    "stress": "effect effects impact fund applied mix worth comes back repeat happened happens turn into left sample "
    "covariance turned becomes become money",
    "backtest": "borrow borrowing borrowed robust lump sum value simply else combo combination never"
    " touched untouched sold otherwise cash "
    "chosen followed follow w ride touched rough deflator "
    "deflated cell call report while "
    "market bull bear extrapolate behind somebody left after futures future profitable profit "
    "standard error anchored anchor "
    "earn earned believe trust "
    "lookbacks lookback windows lengths threshold thresholds system systems after until before allow "
    "allowed shorts short x step steps skill edge leverage levered train training test testing lag fill "
    "fills only nobody none money makes make profitable work worked sigma sigmas z z-score zscore "
    "deviation deviations sd in out enter entry exit leave band bands channel top bottom hold holding "
    "period length slow fast slower faster ones valuation value valuing",
    "portfolio": "open quantity quantities breach breached breaches usage headroom set used utilised"
    " utilized near exceeded fully",
    "book": "quantity quantities lying idle sitting breach breached breaches usage headroom set used"
    " utilised utilized near exceeded fully "
    "developed evolved listing break out dollars reason reasons why",
    "pnl_split": "component components instrument statement break eat eats eaten letter investor",
    "indicators": "standard usual default period smoothing signal line settings length latest also true average",
    "chart": "developed evolved line needed rebased",
    "performance": "never touched set put lay developed evolved",
    "correlation": "roll strong rolling moving window formal test break shifted structural",
    "coverage": "reach reaches extend extends vendor supplies supply earliest oldest first gap gaps macro"
    " series feed feeds carry carries guys even "
    "overlap overlaps circulate confirm far back numbers anything ask underlyings stuff there "
    "kinds kind behind delivered another one store stored coin coins group dataset datasets fresh source "
    "sources records record begin "
    "begins start starts storing bars holes wherever supply "
    "same disagree disagrees agree agrees differ differs conflict "
    "conflicts discrepancy discrepancies feeds "
    "vendors providers",
    "train": "skill care out-of-sample sample forecast forecasting predict predicting sessions ahead model "
    "models called named follow trade",
    "inject_event": "show looks like without put landed onto drop hotter synthetic injected release first session "
    "below above forecast "
    "after everyone future "
    "hitting landing lands strikes striking day session "
    "hawkish dovish surprise ahead hot cold weak strong miss misses disappoint disappoints badly big "
    "bad good simulate next reports report event shock hits goes go well hotter cooler softer firmer "
    "higher lower than expected expectations forecast",
    "reverse_stress": "fund backwards work joint covariance nearest smallest mildest plausible costs cost half kind "
    "sort market markets probable likely "
    "likeliest way "
    "take takes must joint mix loses lose reverse wipe wipes knock shave move moves crash happen have",
}


def is_own_word(topic: str, word: str) -> bool:
    """Say whether a word that is left over belongs to how such a request is put."""
    return word.lower() in _OWN_WORDS.get(topic, "").split()


# The words of these requests mean nothing in any other.
_TOPICS = {
    "calibrate": ("calibrate",),
    "trailing": ("backtest",),
    "event_study": ("event_study",),
    "inject": ("inject_event",),
    "process": ("calibrate", "simulate", "inject_event"),
    "without_dividends": (),
}


def unmet(reading: Reading, frame: Frame) -> tuple[str, ...]:
    """Return the words of a request of this kind that a plan about something else would drop."""
    topic = frame.topic
    return tuple(
        reading.words[span.start].raw
        for span in reading.spans
        if span.kind == "concept" and topic not in _TOPICS.get(span.value, (topic,)) and span.start >= 0
        if not (span.value == "without_dividends" and frame.metric == "price_change")
    )


_NOT_THIS = re.compile(r"\b(?:instead of|rather than|not) (?:the |a |an )?[\w-]+", re.I)


def model_of(reading: Reading) -> str | None:
    """Return the stochastic model that a question names, or None."""
    text = _NOT_THIS.sub(" ", reading.text)
    return next((model for model, said in MODELS if re.search(said, text, re.I)), None)


def models(reading: Reading, slots: Slots, previous: Frame | None) -> Plan | None:
    """Return the plan of such a request, or None when the question is none."""
    symbols = slots.symbols or (previous.symbols if previous and reading.has("pronoun") else ())
    if not symbols and slots.group:
        symbols = (f"group:{slots.group}",)
    if reading.has("calibrate") and (model_of(reading) or re.search(r"calibrat|parameter", reading.text, re.I)):
        return _calibrate(reading, slots, symbols)
    if _REVERSE.search(reading.text) and not reading.has("backtest") and not names_crisis_by_words(reading):
        return _reverse(reading, slots, symbols)
    event = _event(reading, slots)
    supposed_shock = reading.has("stress") and not (reading.has("geopolitical") and _USUALLY.search(reading.text))
    around = (
        not reading.has("momentum", "crossover", "breakout", "buy_and_hold")
        and _around(reading)
        and bool(symbols)
        and not (reading.has("when", "chart", "simulate") or supposed_shock)
    )
    if event and (reading.has("event_study") or around) and not reading.has("news", "backtest"):
        return _study(reading, slots, symbols, event)
    put_on = re.search(r"\b(?:put|drop|lay|throw|apply)\b.*\bevents?\b.*\b(?:on|onto|over)\b", reading.text, re.I)
    asked = reading.has("inject") or bool(event and (_WOULD.search(reading.text) or put_on))
    supposed = reading.has("simulate", "stress") and bool(event) and not read_shocks(reading)
    simulated = reading.has("simulate") and re.search(r"\bevents?\b", reading.text, re.I) is not None
    if event and (
        asked
        or (
            supposed
            and (
                event["event"] == "earnings"
                or simulated
                or ("surprise" in event and (_COMES.search(reading.text) or event["event"] == "economic"))
                or (event["event"] == "economic" and _ITS_EFFECT.search(reading.text))
            )
        )
    ):
        return _inject(reading, symbols, event)
    return None


_ITS_EFFECT = re.compile(r"\b(?:effects?|impacts?|surprises?|release|print|shock of)\b", re.I)


def _calibrate(reading: Reading, slots: Slots, symbols: tuple[str, ...]) -> Plan:
    options: dict[str, Any] = {}
    if model := model_of(reading):
        options["model"] = model
    if slots.period and slots.period.count and slots.period.unit in ("year", "month"):
        options["history_years"] = slots.period.count / (1 if slots.period.unit == "year" else 12)
    options |= arguments_of(reading, "calibrate")
    frame = Frame(topic="calibrate", symbols=symbols, options=options)
    if not symbols:
        return Plan(outcome="clarify", frame=frame, say="To the history of which symbols should I fit the model?")
    return Plan(outcome="answer", frame=frame)


_OF_THE_BOOK = re.compile(
    r"\b(?:my|our|the|whole|entire) (?:\w+ )?(?:book|portfolio|account|holdings|fund|nav)\b", re.I
)


def _reverse(reading: Reading, slots: Slots, symbols: tuple[str, ...]) -> Plan:
    shares = [number.value for number in reading.numbers.values() if number.unit == "percent"]
    part = _PART.search(reading.text)
    options: dict[str, Any] = {}
    if shares or part:
        options["loss"] = shares[0] if shares else _PARTS[part[1].lower()] if part else None
    if span := _span(reading):
        options["horizon_sessions"] = span
    for pair in reading.pairs:
        if len(pair) == len(symbols) and sum(pair) > 0:
            options["weights"] = [part / sum(pair) for part in pair]
    if "weights" not in options and _OF_THE_BOOK.search(reading.text):
        symbols = ()
    frame = Frame(topic="reverse_stress", symbols=symbols, options=options)
    if "loss" not in options:
        return Plan(
            outcome="clarify", frame=frame, private=not symbols,
            say="Which loss should I find the likeliest move for? For example “what would it take to lose 20 %”.",
        )  # fmt: skip
    return Plan(outcome="answer", frame=frame, private=not symbols)


def _span(reading: Reading) -> int | None:
    text = " ".join(word.low for word in reading.words)
    found = re.search(
        r"\b(?:in|within|over) (?:the next |a single )?(\d+|a|one)[- ](day|session|week|month|quarter|year)s?\b", text
    )
    return sessions_of(int(found[1]) if found[1].isdigit() else 1, found[2]) if found else None


def _event(reading: Reading, slots: Slots) -> dict[str, Any] | None:
    """Return the kind of event that is meant, with the sign of its surprise."""
    surprised = "negative" if _BAD.search(reading.text) else "positive" if _GOOD.search(reading.text) else ""
    sign = {"surprise": surprised} if surprised else {}
    if slots.topics:
        return {"event": "economic", "name": slots.topics[0], **sign}
    if reading.has("earnings", "surprise"):
        return {"event": "earnings", **sign}
    if reading.has("geopolitical") or (reading.has("severity") and reading.has("event")):
        return {"event": "geopolitical", **({"severity": "high"} if reading.has("severity") else {})}
    return None


def place_of(reading: Reading) -> str:
    """Return the place of "Ukraine-related events" that the names of events are searched for; the word is placed."""
    if places := reading.values("place"):
        return places[0]
    for at in reading.leftover_positions():
        found = re.fullmatch(r"([A-Z][a-z]+)(?:[- ]related)?", reading.words[at].raw)
        if found:
            reading.spans.append(Span(kind="headline", value=found[1], start=at, end=at + 1))
            return found[1]
    return ""


_BENCHMARK = re.compile(
    r"\b(?:benchmark(?:ed)?(?: (?:is|being|of|to|against|against the|the|with))*|(?:relative to|against|versus|"
    r"vs|over)(?: the)?"
    r"(?: benchmark)?)$"
)


def _set_against(reading: Reading) -> tuple[str, ...]:
    """Return the symbol of "benchmark SMH", "with SMH as the benchmark", "relative to SPY" in an event study."""
    lows = [word.low for word in reading.words if word.low not in (":", "=")]
    shift = [at for at, word in enumerate(reading.words) if word.low in (":", "=")]
    for span in reading.spans:
        if span.kind != "symbol" or span.start < 0:
            continue
        start = span.start - sum(at < span.start for at in shift)
        before = " ".join(lows[max(0, start - 3) : start])
        after = " ".join(word.low for word in reading.words[span.end : span.end + 3])
        if _BENCHMARK.search(before) or re.match(r"as (?:the |a |its )?benchmark\b", after):
            return (span.value,)
    return ()


def _study(reading: Reading, slots: Slots, symbols: tuple[str, ...], event: dict[str, Any]) -> Plan:
    options = {
        **event,
        **({"name": place} if event["event"] == "geopolitical" and (place := place_of(reading)) else {}),
    }
    if slots.period is not None and slots.period.start is not None:
        options["since"] = slots.period.start.isoformat()
    if set_against := _set_against(reading):
        symbols = tuple(symbol for symbol in symbols if symbol not in set_against)
        options["benchmark"] = list(set_against)
    text = " ".join(word.low for word in reading.words)
    for window in _WINDOW.finditer(text):
        said = window[1] or window[4]
        count, unit = int(said) if said.isdigit() else 1, window[2] or window[5]
        sides = {"before": ("before",), "either side": ("before", "after")}.get(window[3] or "", ("after",))
        options |= dict.fromkeys(sides, sessions_of(count, unit))
    if both := _BOTH_SIDES.search(text):
        unit = both[2] or both[4] or "session"
        options |= {"before": sessions_of(int(both[1]), unit), "after": sessions_of(int(both[3]), unit)}
    frame = Frame(topic="event_study", symbols=symbols, options=options)
    if not symbols:
        return Plan(
            outcome="clarify", frame=frame, say="Whose returns around those events should I study? Name symbols."
        )
    return Plan(outcome="answer", frame=frame)


def _inject(reading: Reading, symbols: tuple[str, ...], event: dict[str, Any]) -> Plan:
    mine = reading.has("portfolio", "nav") or (bool(_MINE.search(reading.text)) and reading.has("exposure"))
    options = dict(event)
    if model := model_of(reading):
        options["model"] = model
    text = " ".join(word.low for word in reading.words)
    if ahead := re.search(
        r"\b(?:next|following|coming|over|for|in) (?:the (?:next|following|coming) )?(?:(\d+) )?(session|day|"
        r"week|month|quarter)s?\b|"
        r"\b(\d+) (session|day|week|month|quarter)s? (?:ahead|out|forward|horizon)\b|"
        r"\bsimulat\w*(?: (?:it|that|this|them))? (\d+) (session|day|week|month|quarter)s?\b",
        text,
    ):
        options["sessions"] = sessions_of(int(ahead[1] or ahead[3] or ahead[5] or 1), ahead[2] or ahead[4] or ahead[6])
    if struck := re.search(r"\b(?:on|at|in) (?:day|session) (\d+)\b", text):
        options["session"] = int(struck[1])
    if mine and symbols:
        options["hits"] = list(symbols)
    frame = Frame(topic="inject_event", symbols=() if mine else symbols, options=options)
    if not mine and not symbols:
        return Plan(
            outcome="clarify", frame=frame, say="On what should I lay that event: your portfolio, or which symbols?"
        )
    return Plan(outcome="answer", frame=frame, private=mine)
