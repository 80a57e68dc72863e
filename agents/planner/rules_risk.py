"""Understand what may be lost: the risk report of the book, of symbols, of a mix or of a group."""

from __future__ import annotations

import re
from typing import Any

from agents.planner.arguments import arguments_of, canonical
from agents.planner.plan import Frame, Plan
from agents.planner.reading import Reading
from agents.planner.shocks import event_of, names_crisis_by_words, read_shocks
from agents.planner.slots import Slots, mix_of, sessions_of

# The shortest history that the risk report looks at.
LEAST_YEARS = 0.5
_BAD = r"(?:bad|worst|terrible|awful|rough|ugly|nasty|horrible|dreadful|black|disastrous|catastrophic)"
_STRETCH = r"(?:days?|sessions?|weeks?|months?|case)"
_MODAL = (
    r"(?:could|might|may|can|would|should|will|reasonably|expect(?:ed|s)?|stands?|likely|potential(?:ly)?|possible|"
    r"plausible|realistic(?:ally)?|"
    r"possibly|what's|whats)"
)
# "How much might my portfolio lose on a bad day": what is not yet lost, at worst.
_MAY_LOSE = re.compile(
    rf"\b{_MODAL}\b[^.?!;]*\b(?:lose|losing|lost|loss(?:es)?)\b|\bloss(?:es)?\b[^.?!;]*\b{_MODAL}\b|"
    r"\b(?:most|max(?:imum)?) (?:loss|(?:i|we|it|that) (?:could|can|might|may) lose)\b",
    re.I,
)
_BAD_DAY = re.compile(
    rf"\b{_BAD}(?:[- ]case)? (?:(?:possible|plausible|trading|enough|single|kind of) )*{_STRETCH}\b|\bworst[- ]case\b|"
    rf"\b{_STRETCH} (?:goes|go|turns out|turned out|gets?) (?:really |very |truly )?{_BAD}\b|"
    r"\bdownside\b|\b1 in \d+\b|\bworst \d+(?:\.\d+)?(?:%| percent)",
    re.I,
)
_WORST_LOSS = re.compile(
    r"\b(?:worst|maximum|max|largest|biggest)[- ](?:case )?(?:possible |likely |expected )?loss\b", re.I
)
_MODALITY = re.compile(rf"\b{_MODAL}\b|\bif\b|\b(?:my|our) (?:downside|worst case)\b", re.I)
_MINE = re.compile(r"\b(?:my|our|mine|i|me|us|we)\b", re.I)
_PAST = re.compile(r"\b(?:would|could|might|should)(?: \w+){0,3} have\b|\bhave (?:i|we)\b|\bdid\b", re.I)


def may_lose(reading: Reading, slots: Slots) -> bool:
    """Say whether it is asked what may be lost at worst, with no shock, crisis or order that it would come from."""
    others = (
        "stop",
        "count",
        "when",
        "size",
        "backtest",
        "buy",
        "sell",
        "expected_value",
        "optimise",
        "train",
        "news",
        "event_study",
    )
    if reading.has(*others) or slots.series or _PAST.search(reading.text):
        return False
    whose = reading.has("portfolio", "nav", "exposure") or _MINE.search(reading.text) or slots.symbols or slots.group
    if not whose or read_shocks(reading) or names_crisis_by_words(reading) or event_of(reading):
        return False
    if _WORST_LOSS.search(reading.text) and (_horizon(reading) or reading.has("range")):
        return True
    if _BAD_DAY.search(reading.text):
        return _MODALITY.search(reading.text) is not None
    asked = re.search(r"\b(?:how much|how bad(?:ly)?|what|how big|how large)\b|\b(?:most|max\w*)\b", reading.text, re.I)
    likely = reading.has("simulate", "stress") or re.search(r"\bif\b", reading.text, re.I)
    return bool(asked and _MAY_LOSE.search(reading.text)) and not likely


_AHEAD = r"(day|session|week|month|quarter)s?"
_HORIZONS = (
    rf"\b(\d+) {_AHEAD} (?:\d+(?:\.\d+)?% )?(?:\w+ )?(?:var|value at risk|es|expected|risk|loss)",
    rf"\b(\d+) {_AHEAD} horizon\b",
    rf"\b(?:over|for|within|in|horizon of|ahead)(?: the)?(?: next| coming)? (\d+) (?:trading )?{_AHEAD}\b",
    # "99 var on the book, 10d"
    rf"(?<!last )(?<!past )(?<!using )(?<!since )(?<!on )\b(\d+) {_AHEAD}\b"
    r"(?! (?:of )?(?:history|data|ago|returns?|prices?|window))",
)
_ONE_AHEAD = re.compile(
    rf"\b(?:in|over|within|for|on|of) (?:a|one|1|any|a single|the next|next) (?:(?:{_BAD}|really|very|truly|single|"
    rf"trading|whole|typical|normal) )*{_AHEAD}\b|\b(?:a|an|any) (?:really |very |truly )?{_BAD} {_AHEAD}\b"
)


def _horizon(reading: Reading) -> int | None:
    """Return how many sessions a loss is measured over, where it is said."""
    text = canonical(reading)
    for form in _HORIZONS:
        if found := re.search(form, text):
            return sessions_of(int(found[1]), found[2])
    if (found := _ONE_AHEAD.search(text)) and (unit := found[1] or found[2]) not in ("day", "session"):
        return sessions_of(1, unit)
    return None


def _of_the_tail(reading: Reading) -> float | None:
    """Return the confidence of "one day in a hundred" or "the worst 5% of days"; its figures say nothing else."""
    for at, number in sorted(reading.numbers.items()):
        before = " ".join(word.low for word in reading.words[max(0, at - 2) : at])
        share = None
        if before.endswith("1 in") and number.unit == "plain" and number.value >= 5:
            share = 1.0 / number.value
            reading.numbers.pop(at - 2, None)
        elif before.endswith("worst") and number.unit == "percent" and number.value <= 0.2:
            share = number.value
        if share is not None:
            reading.numbers.pop(at, None)
            return round(1.0 - share, 6)
    return None


def _figures(reading: Reading, mix: dict[int, float]) -> dict[str, Any]:
    """Return the confidence, the money and the horizon that a question says."""
    options: dict[str, Any] = {}
    if (tail := _of_the_tail(reading)) is not None:
        options["confidence"] = tail
    for at, number in reading.numbers.items():
        share = number.value if number.unit == "percent" else number.value / 100 if number.unit == "plain" else 0.0
        if 0.8 <= share < 1 and at not in mix and (number.unit == "percent" or _is_confidence(reading, at)):
            options["confidence"] = round(share, 9)
        elif number.unit == "money" or (number.unit == "plain" and number.value >= 1000):
            options["value"] = number.value
    if (ahead := _horizon(reading)) is not None:
        options["horizon_sessions"] = ahead
    return options


def risk(reading: Reading, slots: Slots, previous: Frame | None) -> Plan:
    """Return the plan of a risk report of the book, of symbols or of a group."""
    mix = mix_of(reading)
    options = _figures(reading, mix)
    ahead = options.get("horizon_sessions")
    symbols = slots.symbols or (previous.symbols if previous and reading.has("pronoun") else ())
    period = slots.period
    # "Over ten days" is how far ahead a loss is asked for, "since 2021" how far back the history goes.
    forward = ahead is not None or (period is not None and period.unit in ("day", "week", "session"))
    if period is not None and period.kind == "range" and period.start and not period.name and not forward:
        years = (reading.today - period.start).days / 365.25
        if years < LEAST_YEARS or (period.end is not None and (reading.today - period.end).days > 7):
            return Plan(
                outcome="clarify",
                say="The risk report looks back from today over so many years, not over a past period: over how many "
                "years? For the losses of that time ask for the drawdown or the worst days.",
                frame=Frame(topic="risk", symbols=symbols, options=options),
                private=not symbols,
            )
        options["history_years"] = round(years, 2)
    if not symbols and slots.group and not reading.has("portfolio"):
        symbols = (f"group:{slots.group}",)
    if mix and len(mix) == len(symbols):
        options["weights"] = list(mix.values())
    for pair in reading.pairs:
        if len(pair) == len(symbols) and sum(pair) > 0:
            options["weights"] = [part / sum(pair) for part in pair]
    if not symbols:
        options.pop("value", None)
    options.update(arguments_of(reading, "risk"))
    return Plan(outcome="answer", frame=Frame(topic="risk", symbols=symbols, options=options), private=not symbols)


def _is_confidence(reading: Reading, at: int) -> bool:
    """Say whether a bare figure stands at a value at risk: "99 var", "ES 97.5", "var at 95"."""
    if reading.has("var", "shortfall") and 90 <= reading.numbers[at].value < 100 and at + 1 >= len(reading.words):
        return True  # "var on 100k of TLT, 1 week, 99"
    near = range(at - 3, at + 3)
    return any(
        span.kind == "concept"
        and span.value in ("var", "shortfall", "range")
        and (span.start in near or span.end in near)
        for span in reading.spans
    )
