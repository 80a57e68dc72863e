"""Find what a plan leaves out of a question: words that nothing explains, numbers that no call contains."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from agents.planner import rules_models, rules_trade
from agents.planner.episodes import kinds_of
from agents.planner.plan import Call, Frame, Plan
from agents.planner.reading import Reading, Span
from agents.planner.rules_macro import OF_VINTAGES
from agents.planner.shocks import crisis_called, crisis_words, is_shock_word
from agents.planner.universe import Universe


def unexplained(reading: Reading, plan: Plan | None, universe: Universe) -> tuple[str, ...]:
    """Return the words left over, without those that a scenario or a part of a holding explains."""
    left = reading.leftovers()
    if plan is None or plan.frame is None:
        return left
    left += rules_models.unmet(reading, plan.frame)
    if plan.frame.topic == "stress":
        if "scenario" in plan.frame.options and kinds_of(reading) and not crisis_called(reading):
            named = crisis_words(reading, plan.frame.options["scenario"])
            return tuple(word for word in left if not set(re.findall(r"[a-z]+|\d+", word.lower())) <= named)
        known = bool({"scenario", "every"} & set(plan.frame.options)) or plan.outcome == "clarify"
        return (
            ()
            if known
            else tuple(
                word for word in left if not is_shock_word(word) and not rules_models.is_own_word("stress", word)
            )
        )
    if (
        plan.frame.topic == "metric"
        and plan.frame.symbols
        and all(universe.classes.get(symbol) == "fx" for symbol in plan.frame.symbols)
    ):
        return tuple(word for word in _of_figures(left, reading, plan.frame) if word.lower() != "rate")
    if "benchmark" in plan.frame.options:
        left = tuple(word for word in left if word.lower() not in ("benchmark", "market"))
    left = _of_figures(left, reading, plan.frame)
    if plan.frame.topic == "book" and plan.frame.options.get("state") in ("open", "pending"):
        left = tuple(word for word in left if word.lower() != "open")
    if "grid" in plan.frame.options or plan.frame.topic in ("simulate", "backtest"):
        left = tuple(word for word in left if word.lower() not in ("x", "step", "steps", "seed"))
    if plan.frame.grain:
        left = tuple(word for word in left if word.lower() not in ("end", "start"))
    left = tuple(word for word in left if not rules_models.is_own_word(plan.frame.topic, word))
    if plan.frame.topic == "trade" and ("part" in plan.frame.wants or "position_share" in plan.frame.options):
        return tuple(word for word in left if not rules_trade.is_part_word(word))
    return left


# What happens in a place: its events are shown whichever they are.
_OF_CONFLICTS = frozenset(
    {"kicking", "kicked", "missile", "missiles", "troops", "ceasefire", "peace", "talks", "coup", "protests", "protest"}
    | {
        "strike",
        "strikes",
        "attack",
        "attacks",
        "fighting",
        "fight",
        "invasion",
        "invade",
        "drone",
        "drones",
        "trouble",
    }
    | {
        "heating",
        "heated",
        "cooling",
        "cooled",
        "calming",
        "flaring",
        "flared",
        "flare",
        "simmering",
        "erupting",
        "erupted",
    }
    | {"crisis", "escalating", "escalated", "clash", "clashes", "border", "tests", "election", "elections", "blowing"}
)
_EXTREME = re.compile(r"\b(?:highest|lowest|high|low|top|peak)\b", re.I)


_OF_SCHEDULES = frozenset(
    {"rest", "remainder", "left", "miss", "stuff", "macro", "things", "come", "came", "coming", "remaining", "inline"}
    | {"hotter", "cooler", "colder", "softer", "stronger", "weaker", "firmer"}
)
# What says nothing more beside a figure of its kind.
_BESIDE: dict[str, frozenset[str]] = {
    "macro_spread": frozenset({"less", "surpass", "surpasses", "surpassed", "larger", "bigger", "greater"}),
    **dict.fromkeys(("realized_volatility", "sma", "ema", "correlation", "beta"), frozenset({"rolling"})),
    "price_vs_sma": frozenset({"stretched", "extended", "distance", "distances"}),
    **dict.fromkeys(("earnings_surprise", "dividends"), frozenset({"dollars", "cents", "analysts"})),
    **dict.fromkeys(("economic_events", "earnings_dates"), _OF_SCHEDULES),
    "open": frozenset({"open"}),
    "cash": frozenset({"left", "remaining", "free"}),
}
# Prices are in dollars, but for a pair that begins with the dollar.
_PRICES = frozenset({"close", "open", "high", "low"})
_IN_DOLLARS = frozenset({"dollar", "dollars", "usd", "bucks"})
_DOLLARS_FIRST = re.compile(r"USD[A-Z]{3}$")
_OF_SERIES = frozenset(
    {"normalised", "normalized", "rate", "rates", "yield", "yields", "print", "prints", "spot", "series", "credit"}
    # What a loan or a bond bears, where its rate is the series.
    | {"interest", "carry", "carries", "bear", "bears", "charge", "charges", "charged"}
    | {"cooling", "cooled", "easing", "eased", "slowing", "slowed", "accelerating", "accelerated"}
)


def _of_figures(left: tuple[str, ...], reading: Reading, frame: Frame) -> tuple[str, ...]:
    """Return the words left over without those that say nothing more beside a figure of its kind."""
    said = set(_BESIDE.get(frame.metric or "", ()))
    if frame.topic == "metric" and _EXTREME.search(reading.text):
        said |= {"intraday"}
    if frame.topic == "metric" and not frame.group:
        said |= {"developed", "evolved"}
    if frame.series:
        said |= _OF_SERIES
    if frame.metric in _PRICES and not any(_DOLLARS_FIRST.match(symbol) for symbol in frame.symbols):
        said |= _IN_DOLLARS
    if "vintage" in frame.options:
        said |= OF_VINTAGES
    if frame.metric == "geopolitical_events" and frame.options.get("topic"):
        said |= _OF_CONFLICTS
    if frame.topic in ("book", "portfolio", "pnl_split"):
        said |= {"fund"}
    return tuple(word for word in left if word.lower() not in said)


_SHOWN = ("query_metric", "performance", "price_chart")
_OF_EVENTS = frozenset({"stress", "inject_event", "event_study", "run_sql"})
_APART = re.compile(r"\b(?:or|and|vs|versus|against|than|,|to|with)\b|,")


def _is_left_out(reading: Reading, span: Span, calls: Sequence[Call], named: bool) -> bool:
    """Say whether a place, a group set against a symbol, or a release beside instruments is in no call."""
    if span.kind == "place":
        return not any("country" in call.args or call.name in _OF_EVENTS for call in calls)
    if span.kind == "group":
        return named and _is_compared(reading, span)
    return span.kind == "topic" and named and calls[0].name in _SHOWN


def _is_compared(reading: Reading, group: Span) -> bool:
    """Say whether a group is set against a symbol: "small caps against large caps"."""
    before = [word.low for word in reading.words[max(0, group.start - 2) : group.start]]
    after = [word.low for word in reading.words[group.end : group.end + 2]]
    return bool({"against", "vs", "versus", "than"} & {*before, *after})


_OF_THE_BOOK = frozenset({"positions", "weight", "pnl", "average_cost", "market_value", "orders", "fills", "proposals"})
_WHOLE = frozenset({"equity", "etf", "crypto"})


def dropped_names(reading: Reading, calls: Sequence[Call], universe: Universe) -> tuple[str, ...]:
    """Return the instruments, groups and event topics of a question that no call contains, as written.

    A group that only says of what kind another one or a symbol is ("the ETF USO", "bank stocks") is not left out.
    """
    if reading.has("remove"):
        return ()
    text = " ".join(str(call.args) for call in calls)
    private = any(call.name == "portfolio" or call.args.get("metric") in _OF_THE_BOOK for call in calls)
    private = private and not reading.has("exposure")
    groups = [span for span in reading.spans if span.kind == "group"]
    named = {span.value for span in reading.spans if span.kind == "symbol"}
    out = []
    for span in reading.spans:
        if span.start < 0 or span.value in text:
            continue
        written = " ".join(word.raw for word in reading.words[span.start : span.end])
        if span.kind == "symbol" and not any(call.name in ("stress", "inject_event") for call in calls):
            out.append(written)
        elif span.kind == "group" and private and not named and span.value not in _WHOLE:
            out.append(written)  # the book is shown whole: "my tech positions" asks for a part of it
        elif span.kind == "group" and len(groups) > 1 and not named:
            others = [one for one in groups if one is not span]
            between = [
                " ".join(word.low for word in reading.words[min(one.end, span.end) : max(one.start, span.start)])
                for one in others
            ]
            if any(_APART.search(words) for words in between):
                out.append(written)
        elif _is_left_out(reading, span, calls, bool(named)):
            out.append(written)
    return tuple(dict.fromkeys(out))


def unused_numbers(reading: Reading, calls: Sequence[Call]) -> tuple[str, ...]:
    """Return the numbers of a question that no call contains, in any unit: a dropped number is a wrong answer."""
    contained = {round(value, 9) for call in calls for value in _numbers_in(call.args)}
    # "One share", "one day" say what is usual; "the four largest" became as many symbols.
    counts = {1.0, *(float(len(call.args.get("symbols", ()))) for call in calls)}
    # "Willing to lose 2k" of an equity became a share of it.
    contained |= {
        round(call.args["risk_fraction"] * call.args["equity"], 9)
        for call in calls
        if {"risk_fraction", "equity"} <= call.args.keys()
    }
    # A group may be named after how many it has: crypto_top10.
    contained |= {float(count) for call in calls for count in re.findall(r"\d+", str(call.args.get("group", "")))}
    if any(call.args.get("metric") == "correlation" for call in calls):
        contained.add(2.0)  # "which two of them": a correlation is of two
    if re.search(r"\b(?:rebased?|start(?:ing|s)?|index(?:ed)?) (?:to|at|from) 100\b", reading.text, re.I):
        contained.add(100.0)
    if any(call.args.get("compare") or call.args.get("legs") for call in calls):
        contained.add(2.0)  # two vendors that are compared, two legs
    out = []
    for at, number in sorted(reading.numbers.items()):
        # Weeks, months and quarters may have become sessions.
        after = reading.words[at + number.words].low if at + number.words < len(reading.words) else ""
        units = ("week", "month", "quarter", "year", "wk", "mo", "y", "-")
        stretches = (5, 21, 63, 252) if after.startswith(units) else ()
        forms = {number.value * scale for scale in (1, 100, 0.01, 1e-4, 1e4, *stretches, -1, -0.01, -1e-4)}
        stepped = at > 0 and reading.words[at - 1].low in ("step", "steps") and any("grid" in one.args for one in calls)
        if not stepped and number.value not in counts and not any(round(form, 9) in contained for form in forms):
            out.append(reading.words[at].raw)
    for pair in reading.pairs:
        whole = sum(pair) or 1.0
        if not all(
            round(part, 9) in contained or round(part / whole, 6) in {round(value, 6) for value in contained}
            for part in pair
        ):
            out.append("/".join(f"{part:g}" for part in pair))
    return tuple(out)


def _numbers_in(value: Any) -> list[float]:
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, int | float):
        return [float(value)]
    if isinstance(value, dict):
        return [number for part in value.values() for number in _numbers_in(part)]
    if isinstance(value, list | tuple):
        return [number for part in value for number in _numbers_in(part)]
    # Dates and names of crises hold years: "financial_2008", "2020-03-16".
    # A shock is written "USO -7.5%, DGS10 +100bp"; the digits of a name are no numbers.
    return [float(digits) for digits in re.findall(r"(?<![A-Za-z\d.])\d+(?:\.\d+)?", str(value))]
