"""Understand simulations and stress tests."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from agents.planner.arguments import arguments_of
from agents.planner.episodes import kinds_of, nearest
from agents.planner.plan import Frame, Plan
from agents.planner.reading import Reading
from agents.planner.rules_models import model_of
from agents.planner.rules_trade import protects
from agents.planner.shocks import (
    WHOLE_MARKETS,
    Shocks,
    crises_of,
    crisis_of,
    crisis_words,
    event_of,
    is_beyond,
    is_signed,
    known_scenarios,
    names_crisis_by_words,
    read_shocks,
    titles_crisis,
)
from agents.planner.slots import Slots, mix_of, money_of, sessions_of
from agents.planner.universe import FACTORS

NO_DRIFT = re.compile(
    r"\b(?:no|without|zero|ignoring|ignore)(?: any| the)? drift\b|\bdrift ?(?:of )?(?:0|zero)\b|\bdriftless\b", re.I
)


def simulate(reading: Reading, slots: Slots, previous: Frame | None) -> Plan:
    """Return the plan of a simulation of symbols or of the portfolio."""
    kept = previous if previous and previous.topic == "simulate" else None
    options: dict[str, Any] = dict(kept.options) if kept else {}
    if model := model_of(reading):
        options["model"] = model
    horizon = horizon_of(reading, slots)
    if horizon:
        options["sessions"] = horizon
    mix = mix_of(reading)
    for at, number in sorted(reading.numbers.items()):
        following = reading.words[at + number.words].low if at + number.words < len(reading.words) else ""
        if following in ("bootstrap", "gbm", "random", "simulated", "monte"):
            following = reading.words[at + number.words + 1].low if at + number.words + 1 < len(reading.words) else ""
        if following in ("paths", "path", "simulations", "runs", "scenarios", "trials", "draws", "sims"):
            options["paths"] = int(number.value)
        elif number.unit == "percent" and 0.5 <= number.value < 1 and at not in mix:
            options["confidence"] = number.value
        elif re.search(rf"seed (?:of )?{re.escape(reading.words[at].low)}\b", reading.text.lower()):
            options["seed"] = int(number.value)
    options.update(_assumed(reading))
    options.update(arguments_of(reading, "simulate"))
    target = _target(reading, slots, kept or previous)
    if target is None:
        return Plan(
            outcome="clarify",
            say="What should I simulate: your portfolio, or which symbols?",
            frame=Frame(topic="simulate", options=options),
        )
    frame = Frame(
        topic="simulate",
        symbols=target["symbols"],
        group=slots.group,
        options={**options, **_weights(reading, target)},
        period=next((p for p in slots.periods if p.kind == "range" and not p.count and p.start), None),
    )
    return Plan(outcome="answer", frame=frame, private=not target["symbols"])


def _assumed(reading: Reading) -> dict[str, Any]:
    """Return the drift and the money that a simulation is said to start from."""
    out: dict[str, Any] = {}
    if NO_DRIFT.search(reading.text):
        out["drift"] = "zero"
    worth = money_of(reading) or dollars_of(reading)
    if worth is not None and not reading.has("shares"):
        out["value"] = worth
    return out


def dollars_of(reading: Reading) -> float | None:
    """Return the amount of "100000 dollars", "with 50k in"."""
    for at, number in reading.numbers.items():
        following = reading.words[at + number.words].low if at + number.words < len(reading.words) else ""
        if number.unit == "plain" and following in ("dollars", "usd", "bucks", "euros"):
            return number.value
    return None


# "What range of values might I see a year from now", "what could 50k in QQQ be worth in 2 years".
_FROM_NOW = re.compile(
    r"\b(?:might|could|may|would|can)\b(?!.*\bhave been\b).*(?:\b(?:an?|one|two|three|four|five|six|ten|\d+) "
    r"(?:day|session|week|month|quarter|year)s? from (?:now|today)\b|\b(?:be|become|grow) (?:worth|to|into)\b.*\bin "
    r"(?:an?|one|two|three|four|five|six|ten|\d+) (?:day|week|month|quarter|year)s?\b(?! \d))",
    re.I | re.S,
)


def looks_ahead(reading: Reading, slots: Slots) -> bool:
    """Say whether it is asked what something may be worth at a time to come."""
    what = bool(slots.symbols or slots.group) or reading.has("portfolio", "nav")
    others = ("backtest", "stress", "size", "earnings", "calendar", "news", "buy", "sell")
    return what and not reading.has(*others) and _FROM_NOW.search(reading.text) is not None


def horizon_of(reading: Reading, slots: Slots) -> int | None:
    """Return how far ahead a run looks, in sessions; None if it is not said."""
    for period in slots.periods:
        if period.count and period.unit:
            return sessions_of(period.count, period.unit)
        if period.name in ("next_week", "next_month"):
            return sessions_of(1, period.name.removeprefix("next_"))
    text = " ".join(word.low for word in reading.words)
    if match := re.search(r"(\d+)[- ]?(day|session|week|month|quarter|year|d|w|m|y|mo|yr)s?\b(?! momentum)", text):
        unit = {"d": "day", "w": "week", "m": "month", "mo": "month", "y": "year", "yr": "year"}.get(match[2], match[2])
        return sessions_of(int(match[1]), unit)
    if match := re.search(r"\b(?:a|one|the next|next) (week|month|quarter|year)\b", text):
        return sessions_of(1, match[1])
    return None


def _target(reading: Reading, slots: Slots, previous: Frame | None) -> dict[str, Any] | None:
    if slots.symbols:
        return {"symbols": slots.symbols}
    if reading.has("portfolio", "nav", "exposure") or re.search(r"\b(?:my|our|mine|i|me|us|we)\b", reading.text, re.I):
        return {"symbols": ()}
    if slots.group:
        return {"symbols": ("group:" + slots.group,)}
    if previous and previous.topic in ("simulate", "stress", "risk"):
        return {"symbols": previous.symbols}
    if previous and previous.symbols and reading.has("pronoun"):
        return {"symbols": previous.symbols}
    return None


def _weights(reading: Reading, target: dict[str, Any]) -> dict[str, Any]:
    symbols = target["symbols"]
    if (mix := mix_of(reading)) and len(mix) == len(symbols):
        return {"weights": list(mix.values())}
    for pair in reading.pairs:
        if len(pair) == len(symbols) and sum(pair) > 0:
            return {"weights": [round(part / sum(pair), 6) for part in pair]}
    shares = [number.value for _, number in sorted(reading.numbers.items()) if number.unit == "percent"]
    if len(symbols) > 1 and len(shares) >= len(symbols) and abs(sum(shares[: len(symbols)]) - 1) < 0.001:
        return {"weights": shares[: len(symbols)]}
    return {}


def is_stress(reading: Reading) -> bool:
    """Say whether a question asks what a crisis, a shock or an event would do."""
    if protects(reading):
        return False  # a stop on shares that are held: "my 100 shares at 85" is no level of the market
    mine = reading.has("portfolio", "nav") or bool(re.search(r"\b(?:my|our|me|us|we|i)\b", reading.text, re.I))
    applied = names_crisis_by_words(reading) and _APPLIED.search(reading.text)
    applied = applied or (titles_crisis(reading) and _COULD_DO.search(reading.text))
    if any(kind.episode for kind in kinds_of(reading)):
        applied = applied or _PUT_THROUGH.search(reading.text)
    # "Black Monday on the book" asks for nothing of the account itself.
    of_the_book = reading.has("portfolio", "nav") and not reading.has(*_OF_THE_ACCOUNT)
    by_name = titles_crisis(reading) and (of_the_book or _AGAIN.search(reading.text) is not None)
    ordered = reading.has("buy", "sell", "trim", "add_to", "propose", "orders", "when", "count")
    hypothetical = (
        reading.has("stress")
        or bool(applied)
        or by_name
        or bool(_PUT_ON.search(reading.text) and read_shocks(reading).moves and not ordered)
        or bool(re.search(r"\bif\b|\bwere to\b|\bshould\b.*\b(?:fall|drop|rise)", reading.text, re.I))
        or bool(event_of(reading) and re.search(r"\b(?:would|could|might)\b.*\b(?:do|mean|hit|hurt)\b", reading.text))
    )
    shocks = read_shocks(reading)
    supposed = bool(shocks) or names_crisis_by_words(reading) or bool(event_of(reading))
    ruled = reading.has("momentum", "crossover", "breakout", "mean_reversion", "rotation", "backtest")
    if not supposed and not ruled and any(one.period.start and one.period.end is None for one in reading.periods):
        return False  # "how would it have done since 2010" names no crisis
    if shocks and not ordered and not hypothetical:
        return is_signed(reading) or len(shocks.moves) > 1 or (mine and not reading.has("weight", "pnl", "fills"))
    if not hypothetical or (ordered and not shocks and not crisis_of(reading)):
        return False
    return reading.has("stress") or bool(shocks) or names_crisis_by_words(reading) or bool(event_of(reading))


_APPLIED = re.compile(
    r"\b(?:run|apply|put|repeat|relive|through)\b|\bwhat (?:would|did|does|will|might|could)\b.*\b(?:do|"
    r"done) to\b",
    re.I,
)
_PUT_THROUGH = re.compile(r"\b(?:through|relive|repeat|apply|replay)\b", re.I)
_COULD_DO = re.compile(
    r"\b(?:would|might|could)\b.*\b(?:lose|lost|drop(?:ped)?|fall(?:en)?|do|done|fare[d]?|hold up|held up|cope|coped|"
    r"suffer(?:ed)?|be hit|been hit|get hit|cost|come through|gone|look(?:ed)?|be worth|survive[d]?)\b",
    re.I,
)
_AGAIN = re.compile(
    r"\b(?:again|comes? back|came back|happens?|happened|repeats?|repeated)\b",
    re.I,
)
_PUT_ON = re.compile(
    r"\b(?:apply|applied|shock(?:s|ed)?|impose)\b|\bwhat (?:would|does|will|might|could)\b.*\b(?:do to|mean for|"
    r"cost)\b|"
    r"\b(?:effect|impact) (?:on|for)\b",
    re.I,
)
_OF_THE_ACCOUNT = (
    "pnl", "fills", "orders", "proposals", "drawdown", "return", "volatility", "risk", "var", "news", "cost", "cash",
)  # fmt: skip


def asks_every_crisis(reading: Reading) -> bool:
    """Say whether all stored crises are to be replayed."""
    return _EVERY_CRISIS.search(reading.text) is not None


# A stress test that names no scenario is of all crises.
_STRESS_ALONE = re.compile(
    r"(?:(?:please|pls|can you|could you|run|do|show|give|me|us|a|the) )*stress(?:[- ]?test\w*)? (?:(?:of|on|for) )?"
    r"(?:my|our|the) (?:\w+ )?(?:portfolio|book|account|holdings|positions|fund)\W*(?:please|pls)?\W*",
    re.I,
)
_EVERY_CRISIS = re.compile(
    r"\b(?:all|every|each|any)(?: of)?(?: the| your| our| known| stored| past)*(?: historical| crisis| stress)? "
    r"(?:cris[ie]s|scenarios?|crashes|stress(?:es| tests?)?)\b|"
    r"\bworst (?:crisis|scenario)\b|"
    r"\b(?:which|what)(?: of the)?(?: \w+)? (?:cris[ie]s|crash(?:es)?|scenarios?)\b.*\b(?:most|worst|hardest|hurt|"
    r"hit)\b",
    re.I,
)


def stress(reading: Reading, slots: Slots, previous: Frame | None) -> Plan:
    """Return the plan of a stress test: a past crisis replayed, or shocks to factors; other events are asked about."""
    shocks = read_shocks(reading)
    kept = previous if previous is not None and previous.topic == "stress" else None
    # A symbol that is only the thing shocked is not what the loss is asked of, unless nothing else is named.
    shocked = {symbol for name in shocks.moves for symbol in (name, *FACTORS.get(name, ()))}
    crisis = None if shocks or is_beyond(reading) else crisis_of(reading)
    of_the_crisis = _in_the_name(reading, crisis)
    shocked |= of_the_crisis
    mixed = len(mix_of(reading))
    weighted = any(len(pair) == len(slots.symbols) for pair in reading.pairs) or 0 < mixed == len(slots.symbols)
    others = tuple(symbol for symbol in slots.symbols if weighted or symbol not in shocked)
    market = WHOLE_MARKETS.get(slots.group or "", "") in {*shocks.moves, *shocks.levels}
    targets = (group for group in reading.values("group") if group not in of_the_crisis)
    group = None if market or slots.group in shocks.groups else next(targets, None)
    target = _target(reading, replace(slots, symbols=others, group=group), previous)
    notes = list(shocks.notes)
    if target is None:
        target = {"symbols": kept.symbols if kept else ()}
        notes.append("No symbols were named: asked of your book.")
    options: dict[str, Any] = {}
    if shocks.moves:
        options["shocks"] = {**(kept.options.get("shocks", {}) if kept and _adds(reading) else {}), **shocks.moves}
    elif crisis is not None:
        first, *further = crises_of(reading)
        options.update({"scenario": first, **({"further": further} if further else {})})
        notes += [kind.note for kind in kinds_of(reading) if kind.episode in (first, *further)]
    options.update(arguments_of(reading, "stress"))
    plain = _STRESS_ALONE.fullmatch(reading.text.strip()) is not None
    if not options.keys() & {"shocks", "scenario"} and (plain or _EVERY_CRISIS.search(reading.text)):
        options["every"] = True
    asked = (
        _scenario_question(reading, shocks)
        if (not options.keys() & {"shocks", "scenario", "every"} or _is_incomplete(shocks))
        else ""
    )
    if target["symbols"] and (worth := money_of(reading)) is not None:
        options["value"] = worth
    frame = Frame(
        topic="stress", symbols=target["symbols"], group=group, options={**options, **_weights(reading, target)}
    )
    if asked:
        return Plan(outcome="clarify", say=asked, frame=frame, private=not target["symbols"])
    return Plan(outcome="answer", frame=frame, notes=tuple(notes), private=not target["symbols"])


def _adds(reading: Reading) -> bool:
    """Say whether a shock comes on top of those before: "and if the VIX doubled at the same time?"."""
    return reading.has("add") or _ON_TOP.search(reading.text) is not None


_ON_TOP = re.compile(
    r"^(?!.*\binstead\b).*\b(?:at the same time|as well|also|too|on top|in addition|additionally|simultaneous\w*|"
    r"together with that|besides|both|at once|alongside|meanwhile)\b",
    re.I | re.S,
)


def _in_the_name(reading: Reading, crisis: str | None) -> set[str]:
    """Return the symbols and groups that are only part of a crisis's name."""
    if crisis is None:
        return set()
    words = crisis_words(reading, crisis)
    return {
        span.value
        for span in reading.spans
        if span.kind in ("symbol", "group") and all(word.low in words for word in reading.words[span.start : span.end])
    }


def _is_incomplete(shocks: Shocks) -> bool:
    return bool(shocks.levels or shocks.points or shocks.groups)


def _scenario_question(reading: Reading, shocks: Shocks) -> str:
    """Return the question back about a scenario the desk does not have, or a shock that is no move."""
    if shocks.groups:
        group = shocks.groups[0].replace("_", " ")
        return f"I shock symbols, equities, rates, oil, gold and crypto, not a group: which symbol stands for {group}?"
    if shocks.levels or shocks.points:
        name = (*shocks.levels, *shocks.points)[0].replace("_", " ")
        return f"How large is the move of {name}? I need a move, not a level or points: for example “{name} -10%”."
    event = event_of(reading)
    what = f"a scenario for “{event}”, and I do not make up what it would do" if event else "that scenario"
    return (
        f"The desk does not have {what}. {nearest(event)}It can replay {known_scenarios()}. "
        "Or give shocks, such as “SPY -10%, rates +100bp”. Which do you mean?"
    )
