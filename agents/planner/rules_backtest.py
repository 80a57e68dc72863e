"""Understand backtests, sweeps, walk-forwards and expected values of a rule."""

from __future__ import annotations

import re
from typing import Any

from agents.planner.arguments import arguments_of, canonical, grid_of, is_anchored, terms_of
from agents.planner.paid_in import lump_sum, pays_in, put_in_once
from agents.planner.parameters import months_of, parameters_of
from agents.planner.periods import Period, unless_latest
from agents.planner.plan import Frame, Plan
from agents.planner.reading import Reading
from agents.planner.requests import RUN_TERMS
from agents.planner.rules_compute import NO_DRIFT, dollars_of, horizon_of
from agents.planner.rules_models import model_of
from agents.planner.shocks import crisis_of, titles_crisis
from agents.planner.slots import Slots, mix_of, money_of, passed_level, sessions_of
from agents.planner.text import joined

_TARGETS = re.compile(
    r"\btarget(?:ing|s|ed)?(?: an?)? \d+(?:\.\d+)? ?(?:%|percent|pct) (?:annual |yearly )?(?:vol|volatility)\b", re.I
)
# A question on the past of a rule, not on what a crisis would do.
_WOULD_HAVE = re.compile(
    r"\bhow (?:would|might|did)\b.*\b(?:have |)(?:worked|work|done|do|performed|fared|gone|paid|"
    r"(?:turned|panned|come|came|played|ended) (?:out|up)|earned|made|returned)\b|\bwould have\b",
    re.I,
)


_TESTED_FOR = re.compile(r"\b(?:test|tested|testing) (?:for|of|whether|on whether|if)\b", re.I)


def is_backtest(reading: Reading) -> bool:
    """Say whether a question asks what a rule would have done."""
    if reading.has("train") and not reading.has("sweep", "walk_forward", "expected_value"):
        return False  # following a model's predictions is part of training it
    split = reading.has("pnl") and reading.has("breakdown")
    if split or (reading.has("correlation") and _TESTED_FOR.search(reading.text)):
        return False
    if reading.has("backtest", "sweep", "walk_forward", "expected_value"):
        return True
    if _said_grid(reading) and reading.values("symbol"):
        return True
    if _rebalanced(reading) or _after_earnings(reading) or months_of(reading) or _pays_off(reading):
        return True
    symbols = bool(reading.values("symbol"))
    if symbols and not titles_crisis(reading) and _KEPT.search(reading.text) and reading.periods:
        return True
    if symbols and (_holds_while(reading) or lump_sum(reading) or pays_in(reading) or _ruled(reading)):
        return True
    if put_in_once(reading) and not reading.has("backtest", "momentum", "crossover", "buy_and_hold"):
        return False
    ordered = reading.has("orders", "day_order", "gtc", "immediate", "limit") and reading.has("buy", "sell")
    if ordered and not reading.has("crossover", "rsi", "sma"):
        return False
    if reading.has("dca") and (
        not _regular(reading) or _put_through(reading) or reading.has("risk", "var", "shortfall")
    ):
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
        or (
            reading.has("pair")
            and len(reading.values("symbol")) == 2
            and not reading.has("sharpe", "volatility", "drawdown", "correlation")
        )
        or (reading.has("fly") and len(reading.values("symbol")) == 3)
        or reading.has("rotation", "seasonality", "event_drift")
        or (reading.has("momentum") and _lookback(reading) is not None)
    )


_HOLDS = re.compile(
    r"\b(?:hold(?:ing)?|held|own(?:ing|ed)?|long|invested|stay(?:ing|ed)?|in|bought|buy(?:ing)?|only|kept|"
    r"keep(?:ing)?)\b.*"
    r"\b(?:while|when(?:ever)?|as long as|if|only|every time|each time|once|above|below)\b.*\b(?:above|over|below|"
    r"under)\b",
    re.I | re.S,
)
_AS_IT_STANDS = re.compile(r"^\W*(?:is|are|was|were|how far|when (?:did|was|is)|did|which|has|have)\b", re.I)


def _holds_while(reading: Reading) -> bool:
    """Say whether holding only above an average is to be tested: "hold SPY while above its 200-day average"."""
    told = _HOLDS.search(reading.text) and not _AS_IT_STANDS.match(reading.text)
    averaged = reading.has("sma", "ema", "crossover") and _PRICE_OVER.search(joined(reading.words)) is not None
    owned = re.search(r"\b(?:my|our)\b", reading.text, re.I) is not None
    return bool(told) and averaged and not owned and not reading.has("orders", "propose", "shares")


_WORKED = re.compile(
    r"\b(?:work(?:s|ed|ing)?|pa(?:y|ys|id) off|profitable|robust|ma(?:de|ke|kes) money|done|fared?|perform(?:ed|"
    r"s)?|any "
    r"good|been worth|"
    r"beat(?:en)?|beats)\b",
    re.I,
)


def _ruled(reading: Reading) -> bool:
    """Say whether it is asked how a rule did: "does buying SPY at RSI 30 work", "how well did trend following do"."""
    rule = reading.has(
        "momentum", "mean_reversion", "breakout", "donchian", "crossover", "rotation", "seasonality"
    ) or (reading.has("rsi") and reading.has("buy", "sell"))
    other = reading.has("portfolio", "news", "when", "above", "below") and not reading.has("buy", "sell")
    termed = reading.has("trailing", "fees") and reading.has("sma", "ema") and bool(reading.pairs)
    return (rule and _WORKED.search(reading.text) is not None and not other) or termed


def _rebalanced(reading: Reading) -> bool:
    """Say whether a mix that is restored at intervals is meant: "60/40 SPY AGG rebalanced quarterly since 2006"."""
    named = len(reading.values("symbol"))
    mixed = any(len(pair) == named for pair in reading.pairs) or bool(mix_of(reading)) or reading.has("mix")
    asked = reading.has("simulate", "stress", "risk", "var", "optimise", "orders", "propose")
    return named > 1 and mixed and reading.has("weight_verb") and not asked


def _after_earnings(reading: Reading) -> bool:
    """Say whether holding after earnings is to be tested: "buy ORCL after earnings beats and hold 30 sessions"."""
    held = re.search(
        r"\b(?:buy|buying|own|owning|hold|holding|long|short)\b.*\bafter\b.*\b(?:earnings|results|"
        r"beats?|surprises?)\b",
        reading.text,
        re.I,
    )
    return (
        held is not None
        and bool(parameters_of(reading, "event_drift") or _WOULD_HAVE.search(reading.text))
        and bool(reading.values("symbol"))
    )


def _pays_off(reading: Reading) -> bool:
    """Say whether the chance of a rule to make money is asked: "odds that the golden cross on SPY makes money"."""
    ruled = reading.has(
        "crossover", "momentum", "breakout", "mean_reversion", "pair", "fly", "switch", "rotation", "volatility_target"
    )
    gains = re.search(r"\b(?:makes?|earns?|lose|loses|pays?|profit\w*|money)\b", reading.text, re.I)
    return ruled and reading.has("simulate") and gains is not None and bool(reading.values("symbol"))


def _put_through(reading: Reading) -> bool:
    """Say whether symbols are put through a crisis, with no money paid in: "put XOM through the covid crash"."""
    put = re.search(r"\b(?:put|putting)\b.*\bthrough\b", reading.text, re.I)
    return put is not None and not reading.numbers and crisis_of(reading) is not None


def _looks_ahead(reading: Reading) -> bool:
    """Say whether what a rule is expected to earn is asked, and not what it would have earned."""
    past = bool(months_of(reading)) or any(
        period.period.end is None for period in reading.periods if period.period.kind == "range"
    )
    past = past or re.search(r"\b(?:over|in) the past\b|\bhistorical", reading.text, re.I) is not None
    if any(one.period.kind == "next" or (one.period.start or reading.today) > reading.today for one in reading.periods):
        return True
    edge = re.search(r"\bedge\b", reading.text, re.I) is not None
    return (reading.has("expected_value") and not (edge and past)) or _values(reading) or _pays_off(reading)


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
    if tool == "backtest" and {"enter", "leave"} <= said.keys() and strategy in (None, "rsi_threshold"):
        # Both conditions are written out: they are the whole rule.
        strategy, parameters = "timed", {"buy": said.pop("enter"), "sell": said.pop("leave")}
        frame = frame.model_copy(update={"options": {**frame.options, "strategy": strategy}})
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
    if len(symbols) < (needed := _LEGS.get(strategy, 1)) and not slots.group:
        return Plan(
            outcome="clarify", frame=frame, say=f"A {strategy} needs {needed} symbols: which others than {symbols[0]}?"
        )
    return Plan(outcome="answer", frame=frame)


_LEGS = {"pair": 2, "switch": 2, "fly": 3, "rotation": 2}


def _stretch(reading: Reading, slots: Slots, parameters: dict[str, Any]) -> Period | None:
    """Return the stretch to test: a lookback ("6 month momentum since 2008") is a parameter, not that stretch."""
    if _looks_ahead(reading) and slots.period and (slots.period.kind == "next" or not slots.period.start):
        return None
    if (
        (_KEPT.search(reading.text) or lump_sum(reading))
        and (first := unless_latest(slots.period))
        and first.start
        and not first.count
    ):
        return first.model_copy(update={"end": None})
    if "months" in parameters:
        return next((one for one in slots.periods if one.end is None or one.count), None)
    if "lookback" not in parameters:
        trained = {
            int(value) for key, value in arguments_of(reading, "walk_forward").items() if key.endswith("_sessions")
        }
        trained |= {int(parameters[name]) for name in ("period", "window", "hold_sessions") if name in parameters}
        stretches = [one for one in slots.periods if not (one.count and sessions_of(one.count, one.unit) in trained)]
        return (
            unless_latest(slots.period)
            if slots.period in stretches or slots.period not in slots.periods
            else next(iter(stretches), None)
        )
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
    if _looks_ahead(reading):
        ahead = horizon_of(reading, slots)
        zero = {"drift": "zero"} if NO_DRIFT.search(reading.text) else {}
        model = {"model": found} if (found := model_of(reading)) in ("gbm", "bootstrap") else {}
        return {"tool": "expected_value", **({"sessions": ahead} if ahead else {}), **zero, **model}
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
        found = re.search(rf"{share} (?:{said})\b|\b(?:{said}) (?:out )?(?:of |at |is |: )?(?:- )?{share}", text)
        if found:
            out[name] = float(found[1] or found[2]) / 100
            text = text.replace(found.group(), " ")
    return out


def _capital(reading: Reading, strategy: str | None) -> dict[str, float]:
    """Return the money a backtest starts with; that of a savings plan is what is paid in each time."""
    money = reading.first_number("money") or dollars_of(reading) or _started_with(reading)
    if money is None and lump_sum(reading):
        money = money_of(reading)
    if reading.has("fees") and not _started_with(reading):
        return {}  # "a $5 fee" may be meant: asked about, as no argument holds it
    return {"capital": money} if money and strategy != "dollar_cost_averaging" else {}


def _started_with(reading: Reading) -> float | None:
    """Return the money of "with 25k start", "starting with 50,000", "on 10k of capital"."""
    found = re.search(
        r"\b(\d+(?:\.\d+)?) (?:to start|start(?:ing)?|initial|of capital|capital)\b|\b(?:starting (?:with|from|"
        r"capital(?: of)?)|capital of|initial) (\d{3,}(?:\.\d+)?)\b",
        canonical(reading),
    )
    return float(found[1] or found[2]) if found else None


_FREE = re.compile(
    r"\b(?:without|no|zero|before|ignoring|excluding|free of)(?: any| the| all)? (?:trading |transaction )?"
    r"(?:costs?|fees?|commissions?|frictions?)\b",
    re.I,
)


def _costs(reading: Reading, kept: Frame | None) -> dict[str, Any]:
    costs = {k: v for k, v in (kept.options if kept else {}).items() if k in RUN_TERMS}
    if _FREE.search(reading.text):
        return {**costs, "fee_bps": 0.0, "slippage_bps": 0.0, "borrow_bps": 0.0}
    # What borrowing costs a year is no fee of a trade.
    borrowed = arguments_of(reading, "backtest").get("borrow_bps")
    all_bps = [number.value for _, number in sorted(reading.numbers.items()) if number.unit == "bps"]
    bps = next((one for one in all_bps if one != borrowed), None)
    if bps is None and borrowed is None and reading.has("fees"):
        ratio = reading.first_number("percent")
        bps = ratio * 10_000 if ratio is not None else None
    slipped = re.search(r"\bslip(?:page|s)?\b", reading.text, re.I)
    charged = re.search(r"\b(?:fees?|commissions?|costs?|charges?)\b", reading.text, re.I)
    if bps is not None:
        costs.update({"slippage_bps": bps} if slipped and not charged else {"fee_bps": bps, "slippage_bps": 0.0})
    return costs


def _paid_in(reading: Reading) -> tuple[str, dict[str, Any]] | None:
    """Return the rule of money that is put in once or at intervals, with no rule of when to sell it."""
    if lump_sum(reading) and not reading.has("crossover", "rsi", "momentum", "breakout", "sma"):
        return "buy_and_hold", _allocation(reading)
    if (pays_in(reading) or (reading.has("dca") and _regular(reading))) and not reading.has("crossover", "rsi"):
        return "dollar_cost_averaging", _savings(reading)
    return None


def _strategy(reading: Reading) -> tuple[str | None, dict[str, Any]]:
    plain = [number.value for _, number in sorted(reading.numbers.items()) if number.unit == "plain"]
    months = _lookback(reading)
    if paid := _paid_in(reading):
        return paid
    if reading.has("breakout", "donchian") and not reading.has("sma", "ema", "rsi"):
        return "breakout", _channels(reading, plain)
    if told := "seasonality" if months_of(reading) else "event_drift" if _after_earnings(reading) else None:
        return told, {}
    if reading.has("rsi", "oversold", "overbought") and not reading.has("crossover", "breakout", "momentum"):
        return "rsi_threshold", _rsi(reading, plain)
    if reading.has("switch") and not reading.has("rotation") and len(reading.values("symbol")) != 1:
        return "switch", {"lookback": months} if months else {}
    if reading.has("crossover", "sma", "ema") or _averaged(reading) or _said_grid(reading):
        return "sma_crossover", _averages(reading, plain)
    alone = reading.has("mean_reversion", "bollinger") and len(reading.values("symbol")) == 1
    if any(reading.has(concept) for concept in _SPREADS_AND_SEASONS) and not alone:
        return _spread_or_season(reading, months)
    if reading.has("mean_reversion", "bollinger"):
        return "mean_reversion", {}
    if reading.has("volatility_target") or _TARGETS.search(reading.text):
        ratio = reading.first_number("percent")
        return "volatility_target", {"target": ratio} if ratio else {}
    if reading.has("momentum", "switch"):
        # With the default skip of a month a short lookback would leave nothing to measure.
        return "momentum", {"lookback": months, **({"skip": 0} if months <= 63 else {})} if months else {}
    if reading.has("buy_and_hold") or _rebalanced(reading) or _KEPT.search(reading.text):
        return "buy_and_hold", _allocation(reading)
    return None, {}


def _channels(reading: Reading, plain: list[float]) -> dict[str, Any]:
    """Return the lengths of "Donchian 55/20": the longer one is entered on, the shorter left on."""
    if reading.pairs and len(reading.pairs[0]) == 2:
        leave, enter = sorted(int(length) for length in reading.pairs[0])
        return {"entry_period": enter, "exit_period": leave}
    if parameters_of(reading, "breakout"):
        return {}
    return {"entry_period": int(plain[0])} if plain else {}


# "Bought GLD in 2010 and kept it": what was bought is held since.
_KEPT = re.compile(
    r"\b(?:bought|purchased)\b.*\b(?:kept|never sold|sat on|held (?:it|them))\b|\b(?:just|simply|only|merely) held\b",
    re.I,
)


def _allocation(reading: Reading) -> dict[str, Any]:
    """Return the shares of "60/40 SPY AGG", in the order of the symbols."""
    named = len(reading.values("symbol"))
    shares = next((pair for pair in reading.pairs if len(pair) == named and sum(pair) > 0), ())
    mix = tuple(mix_of(reading).values())
    whole = [round(part / sum(shares), 6) for part in shares] if shares else list(mix) if len(mix) == named else []
    return {"allocation": whole} if whole and named > 1 else {}


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


# One price against its average is a crossover of 1 and that average.
_PRICE_OVER = re.compile(
    r"\b(?:above|over|below|under|through|crosses)\b(?: its| the| their| a)* (\d{2,3})[- ]?(?:day|d|session|dma|"
    r"sma)?\b(?: (?:simple |moving )?(?:moving )?(?:average|ma|sma|dma))",
    re.I,
)


# "Its 50-day average is above the 200-day average": one average over another.
_OVER_ANOTHER = re.compile(
    r"\b(\d{1,3})[- ]?(?:day|d|session|dma|sma)?\b(?: (?:simple |moving )*(?:average|ma|sma|dma|line))?"
    r"(?: (?:is|was|stays?|stayed|stands?|stood|trades?|sits?|of))* (?:above|over)(?: its| the| their| a)* "
    r"(\d{2,3})[- ]?(?:day|d|session|dma|sma)\b",
    re.I,
)


def _averages(reading: Reading, plain: list[float]) -> dict[str, Any]:
    text = joined(reading.words)
    if not reading.pairs and (two := _OVER_ANOTHER.search(text)) and int(two[1]) < int(two[2]):
        return {"fast": int(two[1]), "slow": int(two[2])}
    if not reading.pairs and (found := _PRICE_OVER.search(" ".join(word.low for word in reading.words))):
        return {"fast": 1, "slow": int(found[1])}
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
        if not out and match[1] and not match.group().count("(") and period >= 20:
            # "Buying at RSI 30" names a level, no length.
            return {"entry_below" if period < 50 else "exit_above": float(period)}
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


_LOOKBACK_OF = re.compile(
    r"\b(?:momentum|lookback|look-back|strength|trend|returns?|performance) (?:of|over|in|across|for|during)"
    r"(?: the)?(?: past| last| previous| trailing)? (\d+)[- ]?(days?|weeks?|months?|years?|yr|mo)\b"
)


def _lookback(reading: Reading) -> int | None:
    """Return the sessions of "3m momentum", "six month momentum", "126 day lookback"."""
    units = {"d": 1, "day": 1, "w": 5, "week": 5, "m": 21, "mo": 21, "month": 21, "y": 252, "yr": 252, "year": 252}
    text = " ".join(word.low for word in reading.words)
    if reading.has("momentum") and (found := re.search(r"(?<![\d-])(12|6|9|3) ?- ?1\b(?!\d)", text)):
        return int(found[1]) * 21
    if found := _LOOKBACK_OF.search(text):
        return int(found[1]) * units[found[2] if found[2] in units else found[2].rstrip("s")]
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
