"""Understand simulations, stress tests and backtests."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from agents.planner.arguments import arguments_of, grid_of, is_anchored, terms_of
from agents.planner.parameters import parameters_of
from agents.planner.periods import Period, unless_latest
from agents.planner.plan import Frame, Plan
from agents.planner.reading import Reading
from agents.planner.requests import RUN_TERMS
from agents.planner.rules_models import model_of
from agents.planner.rules_trade import protects
from agents.planner.shocks import (
    WHOLE_MARKETS,
    Shocks,
    crises_of,
    crisis_of,
    crisis_words,
    event_of,
    is_signed,
    known_scenarios,
    read_shocks,
)
from agents.planner.slots import Slots, mix_of, passed_level, sessions_of
from agents.planner.universe import FACTORS

_TARGETS = re.compile(
    r"\btarget(?:ing|s|ed)?(?: an?)? \d+(?:\.\d+)? ?(?:%|percent|pct) (?:annual |yearly )?(?:vol|volatility)\b", re.I
)
_NO_DRIFT = re.compile(
    r"\b(?:no|without|zero|ignoring|ignore)(?: any| the)? drift\b|\bdrift ?(?:of )?(?:0|zero)\b|\bdriftless\b", re.I
)

# A question on the past of a rule, not on what a crisis would do.
_WOULD_HAVE = re.compile(
    r"\bhow (?:would|might|did)\b.*\b(?:have |)(?:worked|work|done|do|performed|fared|gone|paid)\b|\bwould have\b", re.I
)


def is_backtest(reading: Reading) -> bool:
    """Say whether a question asks what a rule would have done."""
    if reading.has("train") and not reading.has("sweep", "walk_forward", "expected_value"):
        return False  # following a model's predictions is part of training it
    if reading.has("backtest", "sweep", "walk_forward", "expected_value"):
        return True
    if _said_grid(reading) and reading.values("symbol"):
        return True
    symbols = bool(reading.values("symbol"))
    if reading.has("dca") and (not _regular(reading) or _put_through(reading)):
        return False
    return symbols and (
        (
            reading.has("crossover", "dca", "mean_reversion", "breakout", "volatility_target", "buy_and_hold")
            and not passed_level(reading)
            and (not reading.has("simulate", "stress") or _WOULD_HAVE.search(reading.text) is not None)
        )
        or (bool(_TARGETS.search(reading.text)) and not reading.has("size", "buy", "sell"))
        or (reading.has("switch") and len(reading.values("symbol")) > 1)
        or (reading.has("rsi") and reading.has("buy") and reading.has("sell"))
        or (reading.has("pair") and len(reading.values("symbol")) == 2)
        or (reading.has("fly") and len(reading.values("symbol")) == 3)
        or reading.has("rotation", "seasonality", "event_drift")
        or (reading.has("momentum") and _lookback(reading) is not None)
    )


def _put_through(reading: Reading) -> bool:
    """Say whether symbols are put through a crisis, with no money paid in: "put XOM through the covid crash"."""
    put = re.search(r"\b(?:put|putting)\b.*\bthrough\b", reading.text, re.I)
    return put is not None and not reading.numbers and crisis_of(reading) is not None


def _values(reading: Reading) -> bool:
    """Say whether a spread is to be valued: "value the fly SHY IEF TLT", "what is a switch of SPY and TLT worth"."""
    return reading.has("pair", "fly", "switch") and bool(
        re.search(r"\b(?:valu(?:e|ation|ing)|worth)\b", reading.text, re.I)
    )


def _regular(reading: Reading) -> bool:
    """Say whether money is paid in over time or from a past date on: "invest 5,000 in VTI" alone is an order."""
    said = reading.has("weekly", "monthly", "quarterly", "yearly") or bool(reading.periods)
    return said or bool(
        re.search(r"\b(?:would|dca|averaging|plan|a (?:week|month|quarter|year))\b|\bper\b", reading.text, re.I)
    )


def backtest(reading: Reading, slots: Slots, previous: Frame | None) -> Plan:
    """Return the plan of a backtest; asks when no rule or symbol is named."""
    kept = previous if previous and previous.topic == "backtest" else None
    strategy, parameters = _strategy(reading)
    parameters = {**parameters_of(reading, strategy), **parameters}
    if strategy is None and kept is not None:
        strategy, parameters = kept.options.get("strategy"), {**kept.options.get("parameters", {}), **parameters}
    symbols = slots.symbols or (
        kept.symbols if kept else previous.symbols if previous and reading.has("pronoun") else ()
    )
    frame = Frame(
        topic="backtest",
        symbols=symbols,
        group=slots.group,
        period=_stretch(reading, slots, parameters) or (kept.period if kept else None),
        options={
            "strategy": strategy,
            "parameters": parameters,
            **_costs(reading, kept),
            **_exits(reading),
            **_capital(reading, strategy),
            **_study(reading, slots, strategy),
        },
    )
    tool = frame.options.get("tool", "backtest")
    said = {**arguments_of(reading, tool), **(terms_of(reading) if tool == "backtest" else {})}
    if tool == "walk_forward" and is_anchored(reading):
        said["anchored"] = True
    swept = {name: value for name, value in parameters.items() if name not in frame.options.get("grid", {})}
    frame = frame.model_copy(update={"options": {**frame.options, "parameters": swept, **said}})
    if strategy is None:
        return Plan(
            outcome="clarify",
            frame=frame,
            say="Which rule should I backtest? For example a 50/200 moving-average crossover, RSI below 30, "
            "3-month momentum, a switch between two ETFs, monthly saving, a pair, or buy and hold.",
        )
    if not symbols:
        return Plan(outcome="clarify", frame=frame, say="On which symbol should I run that backtest?")
    return Plan(outcome="answer", frame=frame)


def _stretch(reading: Reading, slots: Slots, parameters: dict[str, Any]) -> Period | None:
    """Return the stretch to test: a lookback ("6 month momentum since 2008") is a parameter, not that stretch."""
    if (
        (reading.has("expected_value") or _values(reading))
        and slots.period
        and (slots.period.kind == "next" or not slots.period.start)
    ):
        return None
    if "lookback" not in parameters:
        return unless_latest(slots.period)
    others = [
        one for one in slots.periods if not (one.count and sessions_of(one.count, one.unit) == parameters["lookback"])
    ]
    return next((one for one in others if one.kind != "latest"), None)


# What a sweep tries when the question names no values.
_GRIDS: dict[str, dict[str, list[float]]] = {
    "sma_crossover": {"fast": [10, 20, 50], "slow": [100, 150, 200]},
    "rsi_threshold": {"entry_below": [20, 25, 30, 35], "exit_above": [50, 60, 70]},
    "momentum": {"lookback": [63, 126, 189, 252], "skip": [0, 21]},
    "mean_reversion": {"period": [10, 20, 40], "entry_z": [1.5, 2.0, 2.5]},
    "breakout": {"entry_period": [20, 55, 100], "exit_period": [10, 20]},
    "pair": {"window": [40, 60, 90, 120], "entry_z": [1.5, 2.0, 2.5]},
    "fly": {"window": [40, 60, 90, 120], "entry_z": [1.5, 2.0, 2.5]},
    "switch": {"lookback": [21, 63, 126, 252]},
    "rotation": {"lookback": [63, 126, 252], "top": [1, 2, 3]},
    "volatility_target": {"target": [0.08, 0.1, 0.15], "window": [21, 63]},
}


def _study(reading: Reading, slots: Slots, strategy: str | None) -> dict[str, Any]:
    """Return which tool looks at the strategy, with what it needs; a plain backtest needs nothing."""
    if reading.has("expected_value") or _values(reading):
        ahead = _horizon(reading, slots)
        zero = {"drift": "zero"} if _NO_DRIFT.search(reading.text) else {}
        return {"tool": "expected_value", **({"sessions": ahead} if ahead else {}), **zero}
    tried = reading.has("sweep", "walk_forward", "optimise", "best") or re.search(
        r"\btr(?:y|ying)\b", reading.text, re.I
    )
    if (said := _said_grid(reading, strategy or "sma_crossover")) and (tried or strategy == "sma_crossover"):
        return {"tool": "walk_forward" if reading.has("walk_forward") else "sweep", "grid": said}
    study = "walk_forward" if reading.has("walk_forward") else "sweep" if reading.has("sweep") else ""
    grid = _GRIDS.get(strategy or "")
    return {"tool": study, "grid": grid} if study and grid else {}


def _said_grid(reading: Reading, strategy: str = "sma_crossover") -> dict[str, list[float]]:
    """Return the values to try of each parameter that has several said."""
    found = grid_of(reading, _PARAMETERS.get(strategy, ()))
    return found if strategy != "sma_crossover" or len(found) == 2 else {}


_PARAMETERS: dict[str, tuple[str, ...]] = {
    "sma_crossover": ("fast", "slow"),
    "rsi_threshold": ("entry_below", "exit_above"),
    "momentum": ("lookback", "skip"),
    "mean_reversion": ("entry_z", "exit_z", "period"),
    "breakout": ("exit_period", "entry_period"),
    "pair": ("exit_z", "entry_z", "window"),
    "fly": ("exit_z", "entry_z", "window"),
    "switch": ("lookback", "hold"),
    "rotation": ("lookback", "top"),
    "volatility_target": ("target", "window"),
}


_STOPS = (
    ("trailing_stop", r"trailing(?: stop)?(?:[- ]loss)?"),
    ("stop_loss", r"stop(?:[- ]loss)?|stopp?ed out"),
    ("take_profit", r"take[- ]profit|profit target|profit taking"),
)


def _exits(reading: Reading) -> dict[str, float]:
    """Return the stops of "with a 10% trailing stop", "stop loss of 5%", "take profit at 20%"."""
    text, out = " ".join(word.low for word in reading.words), {}
    for name, said in _STOPS:
        share = r"(\d+(?:\.\d+)?) ?(?:%|percent|pct)"
        found = re.search(rf"{share} (?:{said})\b|\b(?:{said}) (?:of |at |is |: )?{share}", text)
        if found:
            out[name] = float(found[1] or found[2]) / 100
            text = text.replace(found.group(), " ")
    return out


def _capital(reading: Reading, strategy: str | None) -> dict[str, float]:
    """Return the money a backtest starts with; that of a savings plan is what is paid in each time."""
    money = reading.first_number("money") or _dollars(reading)
    if reading.has("fees"):
        return {}  # "a $5 fee" may be meant: asked about, as no argument holds it
    return {"capital": money} if money and strategy != "dollar_cost_averaging" else {}


def _costs(reading: Reading, kept: Frame | None) -> dict[str, Any]:
    costs = {k: v for k, v in (kept.options if kept else {}).items() if k in RUN_TERMS}
    bps = reading.first_number("bps")
    if bps is None and reading.has("fees"):
        ratio = reading.first_number("percent")
        bps = ratio * 10_000 if ratio is not None else None
    slipped = re.search(r"\bslip(?:page|s)?\b", reading.text, re.I)
    charged = re.search(r"\b(?:fees?|commissions?|costs?|charges?)\b", reading.text, re.I)
    if bps is not None:
        costs.update({"slippage_bps": bps} if slipped and not charged else {"fee_bps": bps, "slippage_bps": 0.0})
    return costs


def _strategy(reading: Reading) -> tuple[str | None, dict[str, Any]]:
    plain = [number.value for _, number in sorted(reading.numbers.items()) if number.unit == "plain"]
    months = _lookback(reading)
    if reading.has("dca") and _regular(reading) and not reading.has("crossover", "rsi"):
        return "dollar_cost_averaging", _savings(reading)
    if reading.has("rsi", "oversold", "overbought"):
        return "rsi_threshold", _rsi(reading, plain)
    if reading.has("switch") and not reading.has("rotation") and len(reading.values("symbol")) != 1:
        return "switch", {"lookback": months} if months else {}
    if reading.has("crossover", "sma", "ema") or _averaged(reading) or _said_grid(reading):
        return "sma_crossover", _averages(reading, plain)
    if any(reading.has(concept) for concept in _SPREADS_AND_SEASONS):
        return _spread_or_season(reading, months)
    if reading.has("mean_reversion", "bollinger"):
        return "mean_reversion", {}
    if reading.has("breakout", "donchian"):
        return "breakout", {} if parameters_of(reading, "breakout") or not plain else {"entry_period": int(plain[0])}
    if reading.has("volatility_target") or _TARGETS.search(reading.text):
        ratio = reading.first_number("percent")
        return "volatility_target", {"target": ratio} if ratio else {}
    if reading.has("momentum", "switch"):
        # With the default skip of a month a short lookback would leave nothing to measure.
        return "momentum", {"lookback": months, **({"skip": 0} if months <= 63 else {})} if months else {}
    if reading.has("buy_and_hold"):
        return "buy_and_hold", {}
    return None, {}


def _averaged(reading: Reading) -> bool:
    """Say whether "50/200" are the lengths of averages, and not the shares of "60/40 SPY/TLT"."""
    named = len(reading.values("symbol"))
    return any(not (len(pair) == named and sum(pair) == 100) for pair in reading.pairs)


_SPREADS_AND_SEASONS = ("fly", "pair", "rotation", "seasonality", "event_drift")


def _spread_or_season(reading: Reading, months: int | None) -> tuple[str, dict[str, Any]]:
    name = next(concept for concept in _SPREADS_AND_SEASONS if reading.has(concept))
    if name in ("fly", "pair"):
        return name, _ratios(reading)
    return name, {"lookback": months} if months and name == "rotation" else {}


def _ratios(reading: Reading) -> dict[str, Any]:
    words = {"kalman": "kalman", "tls": "tls", "total least squares": "tls", "pca": "pca", "equal risk": "risk"}
    text = reading.text.lower()
    return next(({"ratios": ratios} for said, ratios in words.items() if said in text), {})


def _averages(reading: Reading, plain: list[float]) -> dict[str, Any]:
    windows = sorted(int(v) for v in (reading.pairs[0] if reading.pairs else plain[:2]) if v >= 1)
    return {"fast": windows[0], "slow": windows[1]} if len(windows) >= 2 and windows[0] < windows[1] else {}


def _rsi(reading: Reading, plain: list[float]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for span in reading.spans:
        if span.kind == "concept" and span.value in ("above", "below"):
            near = [n.value for at, n in sorted(reading.numbers.items()) if span.end <= at <= span.end + 1]
            if near:
                out.setdefault("exit_above" if span.value == "above" else "entry_below", near[0])
    if not out and reading.pairs and len(reading.pairs[0]) == 2:
        low, high = sorted(reading.pairs[0])
        out = {"entry_below": low, "exit_above": high}
    if match := re.search(
        r"rsi ?\(?(\d{1,2})\)?(?!\d)(?! ?/)|(\d{1,2})[- ]?(?:day|d|session|period)[- ]rsi", reading.text.lower()
    ):
        period = int(match[1] or match[2])
        if period not in [int(v) for v in out.values()]:
            out["period"] = period
    return out


def _savings(reading: Reading) -> dict[str, Any]:
    out: dict[str, Any] = {}
    amount = reading.first_number("money") or reading.first_number("plain")
    if amount:
        out["amount"] = amount
    for concept, unit in (("weekly", "week"), ("monthly", "month"), ("quarterly", "quarter"), ("yearly", "year")):
        if reading.has(concept) or re.search(rf"(?:\ba|\bper|/) ?{unit}\b", reading.text, re.I):
            out["frequency"] = concept
    return out


def _lookback(reading: Reading) -> int | None:
    """Return the sessions of "3m momentum", "six month momentum", "126 day lookback"."""
    units = {"d": 1, "day": 1, "w": 5, "week": 5, "m": 21, "mo": 21, "month": 21, "y": 252, "yr": 252, "year": 252}
    text = " ".join(word.low for word in reading.words)
    for match in re.finditer(r"(\d+)[- ]?(days?|weeks?|months?|years?|yr|mo|d|w|m|y)\b(?! ago)", text):
        following = text[match.end() : match.end() + 30]
        if re.match(
            r"[- ]*(?:return|price|relative|trailing|total|time series)?[- ]*(?:momentum|lookback|look-back|"
            r"trend|return)",
            following,
        ):
            unit = match[2] if match[2] in units else match[2].rstrip("s")
            return int(match[1]) * units[unit]
    return None


def simulate(reading: Reading, slots: Slots, previous: Frame | None) -> Plan:
    """Return the plan of a simulation of symbols or of the portfolio."""
    kept = previous if previous and previous.topic == "simulate" else None
    options: dict[str, Any] = dict(kept.options) if kept else {}
    if model := model_of(reading):
        options["model"] = model
    horizon = _horizon(reading, slots)
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
    if _NO_DRIFT.search(reading.text):
        out["drift"] = "zero"
    worth = reading.first_number("money") or _dollars(reading)
    if worth is not None and not reading.has("shares"):
        out["value"] = worth
    return out


def _dollars(reading: Reading) -> float | None:
    """Return the amount of "100000 dollars", "with 50k in"."""
    for at, number in reading.numbers.items():
        following = reading.words[at + number.words].low if at + number.words < len(reading.words) else ""
        if number.unit == "plain" and following in ("dollars", "usd", "bucks", "euros"):
            return number.value
    return None


def _horizon(reading: Reading, slots: Slots) -> int | None:
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
    applied = crisis_of(reading) is not None and re.search(
        r"\b(?:run|apply|put|repeat|relive|through)\b|\bwhat (?:would|did|does|will)\b.*\bdo to\b", reading.text, re.I
    )
    ordered = reading.has("buy", "sell", "trim", "add_to", "propose", "orders", "when", "count")
    hypothetical = (
        reading.has("stress")
        or bool(applied)
        or bool(re.search(r"\bif\b|\bwere to\b|\bshould\b.*\b(?:fall|drop|rise)", reading.text, re.I))
        or bool(event_of(reading) and re.search(r"\b(?:would|could|might)\b.*\b(?:do|mean|hit|hurt)\b", reading.text))
    )
    shocks = read_shocks(reading)
    if shocks and not ordered and not hypothetical:
        return is_signed(reading) or (mine and not reading.has("weight", "pnl", "fills"))
    if not hypothetical or (ordered and not shocks and not crisis_of(reading)):
        return False
    return reading.has("stress") or bool(shocks) or crisis_of(reading) is not None or bool(event_of(reading))


def asks_every_crisis(reading: Reading) -> bool:
    """Say whether all stored crises are to be replayed."""
    return _EVERY_CRISIS.search(reading.text) is not None


_EVERY_CRISIS = re.compile(
    r"\b(?:all|every|each|any)(?: of)?(?: the| your| our| known| stored| past)*(?: historical| crisis| stress)? "
    r"(?:cris[ie]s|scenarios?|crashes|stress(?:es| tests?)?)\b|"
    r"\bworst (?:crisis|scenario)\b",
    re.I,
)


def stress(reading: Reading, slots: Slots, previous: Frame | None) -> Plan:
    """Return the plan of a stress test: a past crisis replayed, or shocks to factors; other events are asked about."""
    shocks = read_shocks(reading)
    kept = previous if previous is not None and previous.topic == "stress" else None
    # A symbol that is only the thing shocked is not what the loss is asked of, unless nothing else is named.
    shocked = {symbol for name in shocks.moves for symbol in (name, *FACTORS.get(name, ()))}
    crisis = None if shocks else crisis_of(reading)
    shocked |= _in_the_name(reading, crisis)
    weighted = any(len(pair) == len(slots.symbols) for pair in reading.pairs) or bool(mix_of(reading))
    others = tuple(symbol for symbol in slots.symbols if weighted or symbol not in shocked)
    market = WHOLE_MARKETS.get(slots.group or "", "") in {*shocks.moves, *shocks.levels}
    group = None if market or slots.group in shocks.groups else slots.group
    target = _target(reading, replace(slots, symbols=others, group=group), previous)
    notes = list(shocks.notes)
    if target is None:
        target = {"symbols": kept.symbols if kept else ()}
        notes.append("No symbols were named: asked of your book.")
    options: dict[str, Any] = {}
    if shocks.moves:
        options["shocks"] = {**(kept.options.get("shocks", {}) if kept and reading.has("add") else {}), **shocks.moves}
    elif crisis is not None:
        first, *further = crises_of(reading)
        options.update({"scenario": first, **({"further": further} if further else {})})
    options.update(arguments_of(reading, "stress"))
    if not options.keys() & {"shocks", "scenario"} and _EVERY_CRISIS.search(reading.text):
        options["every"] = True
    asked = (
        _scenario_question(reading, shocks)
        if (not options.keys() & {"shocks", "scenario", "every"} or _is_incomplete(shocks))
        else ""
    )
    frame = Frame(
        topic="stress", symbols=target["symbols"], group=slots.group, options={**options, **_weights(reading, target)}
    )
    if asked:
        return Plan(outcome="clarify", say=asked, frame=frame, private=not target["symbols"])
    return Plan(outcome="answer", frame=frame, notes=tuple(notes), private=not target["symbols"])


def _in_the_name(reading: Reading, crisis: str | None) -> set[str]:
    """Return the symbols that are only part of a crisis's name."""
    if crisis is None:
        return set()
    words = crisis_words(reading, crisis)
    return {
        span.value
        for span in reading.spans
        if span.kind == "symbol" and all(word.low in words for word in reading.words[span.start : span.end])
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
        f"The desk does not have {what}. It can replay a past crisis: {known_scenarios()}. "
        "Or give shocks, such as “SPY -10%, rates +100bp”. Which do you mean?"
    )
