"""Change a run, a risk report, a sizing or an order that was talked about: "with a 10% stop", "99% instead"."""

from __future__ import annotations

import re
from dataclasses import replace

from agents.planner import rules_backtest, rules_compute, rules_study, rules_trade
from agents.planner.arguments import arguments_of, is_anchored, terms_of
from agents.planner.plan import Frame, Plan
from agents.planner.reading import Reading
from agents.planner.rules_compute import horizon_of
from agents.planner.rules_models import model_of
from agents.planner.rules_risk import risk
from agents.planner.shocks import crisis_of, read_shocks
from agents.planner.slots import Slots
from agents.planner.text import joined

_DIRECTIONS = frozenset({"return", "change", "spread", "rates", "volatility", "trim", "add_to"})

# What may be changed of a backtest that was talked about.
_OF_A_RUN = frozenset({"crossover", "sma", "rsi", "momentum", "backtest", "buy", "sell", "cost", "trailing", "stop"})


# What is shown by the day, week, month, quarter or year.
_BY_GRAIN = frozenset({"return", "nav", "close", "volume", "macro_value", "dividends"})


def own_concepts(reading: Reading, previous: Frame) -> set[str]:
    """Return the concepts of a turn that ask something of their own, and do not only point at the turn before."""
    return reading.concepts() - {
        "add",
        "say",
        "remove",
        "same",
        *(("pair",) if reading.has("same") and len(previous.symbols) == 2 else ()),
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
        *(("dca", "propose") if not reading.numbers else ()),
        *(("chart", "daily", "weekly", "monthly", "quarterly", "yearly") if previous.topic == "chart" else ()),
        *(("daily", "weekly", "monthly", "quarterly", "yearly") if previous.metric in _BY_GRAIN else ()),
        *(("minimum", "maximum", "return") if previous.order is not None else ()),
    }


def changed_run(reading: Reading, slots: Slots, previous: Frame) -> Plan | None:
    """Return the plan of a turn that changes a part of a run or an order; None if it asks something else."""
    own = own_concepts(reading, previous)
    if added := _added(reading, slots, previous, own):
        return added
    change = {
        "calibrate": _calibrate,
        "event_study": _event_study,
        "train": _train,
        "reverse_stress": _reverse,
        "backtest": _backtest,
        "simulate": _simulate,
        "stress": _stress,
        "trade": _trade,
        "risk": _risk,
        "size": _size,
        "optimise": _optimise,
    }.get(previous.topic)
    return change(reading, slots, previous, own) if change else None


_RUN_ON = frozenset(
    {"simulate", "risk", "stress", "calibrate", "event_study", "recommend", "coverage", "reverse_stress"}
)


def _added(reading: Reading, slots: Slots, previous: Frame, own: set[str]) -> Plan | None:
    """Run the same on one symbol more: "add TLT" after a simulation; shares said before are of fewer symbols."""
    more = reading.has("add") and slots.symbols and previous.symbols and previous.topic in _RUN_ON
    if not more or own or reading.numbers or reading.pairs or slots.periods:
        return None
    options = {key: value for key, value in previous.options.items() if key != "weights"}
    symbols = tuple(dict.fromkeys((*previous.symbols, *slots.symbols)))
    return Plan(outcome="answer", frame=previous.model_copy(update={"symbols": symbols, "options": options}))


def _calibrate(reading: Reading, slots: Slots, previous: Frame, own: set[str]) -> Plan | None:
    """Fit another model to the same history: "heston instead"."""
    model = model_of(reading)
    if own - {"process", "calibrate", "volatility"} or model is None or reading.numbers:
        return None
    options = {**previous.options, "model": model}
    symbols = slots.symbols or previous.symbols
    return Plan(outcome="answer", frame=previous.model_copy(update={"options": options, "symbols": symbols}))


_BEATS = re.compile(r"\b(?:beats?|beaten|positive|better|upside)\b", re.I)
_MISSES = re.compile(r"\b(?:miss(?:es|ed)?|negative|disappoint\w*|worse|downside)\b", re.I)


def _event_study(reading: Reading, slots: Slots, previous: Frame, own: set[str]) -> Plan | None:
    """Study only some of the same events: "only the beats"."""
    beats, misses = _BEATS.search(reading.text), _MISSES.search(reading.text)
    if own - {"surprise", "polarity", "earnings", "news"} or bool(beats) == bool(misses) or reading.numbers:
        return None
    options = {**previous.options, "surprise": "positive" if beats else "negative"}
    symbols = slots.symbols or previous.symbols
    return Plan(outcome="answer", frame=previous.model_copy(update={"options": options, "symbols": symbols}))


def _reverse(reading: Reading, slots: Slots, previous: Frame, own: set[str]) -> Plan | None:
    """Ask for another loss of the same portfolio: "make that 20%"."""
    losses = [number.value for number in reading.numbers.values() if number.unit == "percent"]
    if own - {"return", "change"} or len(losses) != 1 or len(reading.numbers) != 1 or slots.symbols or slots.periods:
        return None
    frame = previous.model_copy(update={"options": {**previous.options, "loss": losses[0]}})
    return Plan(outcome="answer", frame=frame, private=not frame.symbols)


def _train(reading: Reading, slots: Slots, previous: Frame, own: set[str]) -> Plan | None:
    """Train another model on the same prices: "with lightgbm"."""
    if own - {"boosted", "ridge", "train"} or reading.has("boosted") == reading.has("ridge") or reading.numbers:
        return None
    options = {**previous.options, "model": "lightgbm" if reading.has("boosted") else "ridge"}
    symbols = slots.symbols or previous.symbols
    return Plan(outcome="answer", frame=previous.model_copy(update={"options": options, "symbols": symbols}))


def _backtest(reading: Reading, slots: Slots, previous: Frame, own: set[str]) -> Plan | None:
    tool = previous.options.get("tool", "backtest")
    if tool == "walk_forward" and is_anchored(reading) and not own - {"walk_forward"} and not reading.numbers:
        return Plan(
            outcome="answer", frame=previous.model_copy(update={"options": {**previous.options, "anchored": True}})
        )
    ahead = horizon_of(reading, slots) if tool == "expected_value" and len(reading.numbers) < 2 else None
    if ahead and not own - {"horizon", "simulate"} and not slots.symbols:
        return Plan(
            outcome="answer", frame=previous.model_copy(update={"options": {**previous.options, "sessions": ahead}})
        )
    termed = bool(arguments_of(reading, tool) or terms_of(reading)) or reading.has(
        "expected_value", "sweep", "walk_forward"
    )
    if not (reading.has("fees") or own <= _OF_A_RUN or (termed and not reading.has("portfolio", "orders"))):
        return None
    if not (termed or reading.has("fees") or reading.pairs or slots.symbols or slots.period or reading.numbers):
        return None
    if reading.has("add") and slots.symbols:
        symbols = tuple(dict.fromkeys((*previous.symbols, *slots.symbols)))
        return Plan(outcome="answer", frame=previous.model_copy(update={"symbols": symbols}))
    return rules_backtest.backtest(reading, slots, previous)


def _simulate(reading: Reading, slots: Slots, previous: Frame, own: set[str]) -> Plan | None:
    of_it = {"simulate", "gbm", "portfolio", "process", "no_drift", "worst", "minimum", "expiry", "return"}
    if own - of_it:
        return None
    if reading.has("mix", "same", "add") and slots.symbols and previous.symbols and reading.pairs:
        slots = replace(slots, symbols=tuple(dict.fromkeys((*previous.symbols, *slots.symbols))))
    said = (
        slots.symbols
        or slots.periods
        or reading.numbers
        or reading.has("simulate", "portfolio", "unit", "process", "no_drift")
    )
    return rules_compute.simulate(reading, slots, previous) if said else None


def _stress(reading: Reading, slots: Slots, previous: Frame, own: set[str]) -> Plan | None:
    if own - {"simulate", "portfolio", "replay"} - _DIRECTIONS:
        return None
    if widened := _resized_and_more(reading, previous):
        return widened
    if not read_shocks(reading) and (resized := _other_size(reading, slots, previous)):
        return resized
    if not (read_shocks(reading) or crisis_of(reading)):
        return None
    plan = rules_compute.stress(reading, slots, previous)
    kept = {key: value for key, value in previous.options.items() if key in ("weights", "value")}
    if plan.frame is None or slots.symbols or not kept:
        return plan
    frame = plan.frame.model_copy(update={"options": {**kept, **plan.frame.options}, "symbols": previous.symbols})
    return plan.model_copy(update={"frame": frame})


_MAKE_IT = re.compile(
    r"^\W*(?:ok |okay |now |and |please |then )*make (?:it|that|this) (?:an? |the )?(?:about )?([+-]?) ?"
    r"(\d+(?:\.\d+)?) ?"
    r"(%|percent|pct|bps?|basis points)(?= |,|$)",
    re.I,
)


def _resized_and_more(reading: Reading, previous: Frame) -> Plan | None:
    """Change the size of the one shock that was talked about and add others: "make that -15 % and VIX doubling"."""
    found, moves = _MAKE_IT.search(joined(reading.words)), previous.options.get("shocks", {})
    added = read_shocks(reading)
    if not found or len(moves) != 1 or not added.moves or added.levels or added.points or added.groups:
        return None
    [(name, move)] = moves.items()
    size = float(found[2]) / (1e4 if found[3].startswith("b") else 100)
    sign = -1 if found[1] == "-" or (found[1] != "+" and move < 0) else 1
    shocks = {name: sign * size, **{other: value for other, value in added.moves.items() if other != name}}
    frame = previous.model_copy(update={"options": {**previous.options, "shocks": shocks}})
    return Plan(outcome="answer", frame=frame, private=not frame.symbols)


def _other_size(reading: Reading, slots: Slots, previous: Frame) -> Plan | None:
    """Change the size of the one shock that was talked about: "make it 20% instead"."""
    moves = previous.options.get("shocks", {})
    figures = [number for number in reading.numbers.values() if number.unit in ("percent", "bps")]
    if (
        len(moves) != 1
        or len(figures) != 1
        or len(reading.numbers) != 1
        or slots.symbols
        or slots.series
        or slots.group
    ):
        return None
    [(name, move)] = moves.items()
    size = figures[0].value / 1e4 if figures[0].unit == "bps" else figures[0].value
    shocks = {name: -size if move < 0 else size}
    frame = previous.model_copy(update={"options": {**previous.options, "shocks": shocks}})
    return Plan(outcome="answer", frame=frame, private=not frame.symbols)


def _risk(reading: Reading, slots: Slots, previous: Frame, own: set[str]) -> Plan | None:
    if own - {"risk", "var", "shortfall", "portfolio", "nav", "return", "daily", "weekly", "monthly"}:
        return None
    plan = risk(reading, slots, previous)
    said = plan.frame.options if plan.frame else {}
    for at, number in reading.numbers.items():
        after = reading.words[at + number.words].low if at + number.words < len(reading.words) else ""
        if number.unit == "plain" and 80 <= number.value < 100:
            said = {**said, "confidence": number.value / 100}
        elif number.unit == "plain" and after in ("day", "days", "session", "sessions"):
            said = {**said, "horizon_sessions": int(number.value)}
    if not said and not slots.symbols and not reading.has("portfolio"):
        return None
    symbols = () if reading.has("portfolio") else slots.symbols or previous.symbols
    kept = {key: value for key, value in previous.options.items() if symbols == previous.symbols or key != "weights"}
    frame = Frame(topic="risk", symbols=symbols, options={**kept, **said})
    return Plan(outcome="answer", frame=frame, private=not symbols)


_SHARES = ("target_weight", "target_volatility", "risk_fraction")


def _size(reading: Reading, slots: Slots, previous: Frame, own: set[str]) -> Plan | None:
    allowed = {
        "size",
        "volatility",
        "stop",
        "risk",
        "atr",
        "weight",
        "volatility_target",
        "shortfall",
        "nav",
        "portfolio",
        "equity",
    }
    if own - allowed or not (reading.numbers or slots.symbols):
        return None
    bare = [number for number in reading.numbers.values() if number.unit in ("plain", "percent")]
    key = next((name for name in _SHARES if name in previous.options), None)
    if len(bare) == 1 and key and not reading.has("stop", "atr", "size") and not slots.symbols:
        value = bare[0].value if bare[0].unit == "percent" else bare[0].value / 100
        frame = previous.model_copy(update={"options": {**previous.options, key: value}})
        return Plan(outcome="answer", frame=frame, private=True)
    plan = rules_trade.size(reading, slots, previous)
    if plan.frame is None or plan.outcome != "answer":
        return plan
    frame = plan.frame.model_copy(update={"options": {**previous.options, **plan.frame.options}})
    return plan.model_copy(update={"frame": frame})


def _optimise(reading: Reading, slots: Slots, previous: Frame, own: set[str]) -> Plan | None:
    if own - {
        "optimise",
        "minimum_variance",
        "equal_risk",
        "minimum_cvar",
        "hierarchical_parity",
        "black_litterman",
        "weight",
        "maximum",
        "limit",
    }:
        return None
    said = {**arguments_of(reading, "optimise"), **rules_study.method_of(reading)}
    symbols = (
        tuple(dict.fromkeys((*previous.symbols, *slots.symbols)))
        if reading.has("add")
        else slots.symbols or previous.symbols
    )
    if set(symbols) <= set(previous.symbols) and said:
        symbols = previous.symbols  # "cap BTC and ETH at 40%" names what is capped
    if not said and symbols == previous.symbols:
        return None
    frame = previous.model_copy(update={"symbols": symbols, "options": {**previous.options, **said}})
    return Plan(outcome="answer", frame=frame)


def _trade(reading: Reading, slots: Slots, previous: Frame, own: set[str]) -> Plan | None:
    terms = {
        "shares",
        "limit",
        "gtc",
        "buy",
        "sell",
        "day_order",
        "immediate",
        "fill_or_kill",
        "market_order",
        "stop",
        "change",
    }
    if own - terms or not (
        reading.numbers or slots.symbols or own & {"gtc", "immediate", "fill_or_kill", "day_order", "market_order"}
    ):
        return None
    return _changed_trade(reading, slots, previous)


def _changed_trade(reading: Reading, slots: Slots, previous: Frame) -> Plan:
    """Complete or change an order that was talked about: "make it 20", "10 shares", "limit 180"."""
    merged = rules_trade.trade(reading, replace(slots, symbols=slots.symbols or previous.symbols), previous)
    options = {**previous.options, **(merged.frame.options if merged.frame else {})}
    priced = rules_trade.price_positions(reading)
    plain = [number.value for at, number in reading.numbers.items() if number.unit == "plain" and at not in priced]
    if not reading.has("buy", "sell"):
        options["side"] = previous.options.get("side", options.get("side"))
    if len(plain) == 1:
        options["quantity"] = plain[0]
    if not reading.has("limit") and previous.options.get("order_type") == "limit":
        options.update(order_type="limit", limit_price=previous.options.get("limit_price"))
    if "quantity" in options:
        options.pop("target_weight", None)
    frame = Frame(topic="trade", symbols=slots.symbols or previous.symbols, options=options)
    if "quantity" not in options and "target_weight" not in options:
        return merged
    return Plan(outcome="needs_approval", frame=frame, private=True)
