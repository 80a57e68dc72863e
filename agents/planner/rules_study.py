"""Understand requests to construct a portfolio, train a model, split the profit, or find clusters of correlation."""

from __future__ import annotations

import re
from typing import Any

from agents.planner.arguments import arguments_of
from agents.planner.periods import Period, unless_latest
from agents.planner.plan import Frame, Plan
from agents.planner.reading import Reading, Span
from agents.planner.shocks import names_crisis_by_words, read_shocks
from agents.planner.slots import Slots, money_of, sessions_of
from agents.planner.text import joined

_METHODS = (
    ("black_litterman", "black_litterman"),
    ("hierarchical_parity", "hierarchical_risk_parity"),
    ("minimum_cvar", "minimum_cvar"),
    ("equal_risk", "equal_risk"),
    ("minimum_variance", "minimum_variance"),
)
_MINE = re.compile(r"\b(?:my|our|i|we)\b", re.I)
_ROLLING = re.compile(r"\b(?:roll|rolling|moving)\b", re.I)
_SPLITS = ("strategy", "leg", "day", "month", "cost")


def study(reading: Reading, slots: Slots, previous: Frame | None) -> Plan | None:
    """Return the plan of such a request, or None when the question is none."""
    goes_on = previous is not None and (
        reading.has("pronoun") or (previous.topic == "optimise" and slots.group is None)
    )
    symbols = slots.symbols or (previous.symbols if previous and goes_on else ())
    if not symbols and slots.group:
        symbols = (f"group:{slots.group}",)
    of_series = bool(slots.series) and not symbols and reading.has("spread", "yoy", "growth")
    chosen = reading.has("optimise", *(concept for concept, _ in _METHODS)) or splits(reading, symbols)
    if not of_series and chosen:
        return _optimise(reading, slots, symbols)
    if reading.has("train"):
        options = {"model": "lightgbm" if reading.has("boosted") else "ridge", **_horizon(reading), **_named(reading)}
        options |= arguments_of(reading, "train")
        return _of_symbols(reading, "train", symbols, options, "train on")
    if reading.has("pnl") and (split := _split(reading, slots, symbols)):
        return Plan(outcome="answer", frame=split, private=True)
    paid = _MINE.search(reading.text) or re.search(
        r"\b(?:paid|pay|cost me|cost us|did trading cost|total (?:commissions?|fees|costs))\b", reading.text, re.I
    )
    if reading.has("fees") and paid and symbols and not reading.has("backtest", "expected_value", "sweep"):
        period = unless_latest(slots.period)
        return Plan(
            outcome="answer", frame=Frame(topic="book", metric="fills", symbols=symbols, period=period), private=True
        )
    if reading.has("fees") and paid and not symbols and not reading.has("backtest"):
        if period := unless_latest(slots.period):
            # The split by cost has no dates; the fills of a period each say their fee.
            return Plan(outcome="answer", frame=Frame(topic="book", metric="fills", period=period), private=True)
        return Plan(outcome="answer", frame=Frame(topic="pnl_split", options={"by": ["cost"]}), private=True)
    shifting = reading.has("correlation") and reading.has("change") and len(symbols) > 1
    rolling = (
        reading.has("correlation")
        and not reading.has("sma", "ema")
        and _ROLLING.search(reading.text)
        and len(symbols) > 1
    )
    method = _correlated_by(reading)
    if (reading.has("clusters") or shifting or rolling or (method and len(symbols) > 1)) and symbols:
        window = _rolled_over(reading, slots)
        period = slots.period
        if window and period is not None and _is_window(period, slots):
            period = next((one for one in slots.periods if not _is_window(one, slots)), period)
        frame = Frame(topic="correlation", symbols=symbols, period=period, options={**window, **method})
        return Plan(outcome="answer", frame=frame)
    return None


def _optimise(reading: Reading, slots: Slots, symbols: tuple[str, ...]) -> Plan:
    """Return the plan of weights: by the method that is said or by the least variance, with caps, views and money."""
    said = method_of(reading)
    named = {**_cap(reading), **arguments_of(reading, "optimise")}
    if said.get("method") == "black_litterman":
        if not _CAPS.search(reading.text):
            named.pop("max_weight", None)  # "EEM over SPY by 3%" is a view
    else:
        named.pop("view_confidence", None)
    options: dict[str, Any] = {"method": "minimum_variance", **said, **named, **_confidence(reading)}
    period = slots.period
    if period is not None and period.count and period.unit in ("year", "month") and "history_years" not in options:
        options["history_years"] = period.count / (1 if period.unit == "year" else 12)
    if money := reading.first_number("money") or _invested(reading) or money_of(reading):
        options["value"] = money
    plan = _of_symbols(reading, "optimise", symbols, options, "optimise")
    if said or plan.outcome != "answer":
        return plan
    note = "No method was said: these are the weights of least variance."
    return plan.model_copy(update={"notes": (note,)})


_CAPS = re.compile(r"\b(?:cap\w*|max\w*|at most|no more than|none|limit\w*|up to)\b", re.I)
_DIVIDES = (
    r"(?:split|divide|spread|allocate|distribute|apportion|weigh|weight|balance|mix|blend|combine|put|invest|hold|"
    r"share|"
    r"proportion|weights?|percentages?|portions?|ratio)"
)
_SPLITS_MONEY = re.compile(
    rf"\bhow (?:should|would|do|can|could|to|best|shall|much of each|much)\b.*\b{_DIVIDES}\b|"
    r"\bbest (?:allocation|portfolio)\b|"
    rf"\bbest way to "
    rf"{_DIVIDES}\b|"
    rf"\b(?:in )?(?:which|what)(?: \w+)? (?:split|mix|blend|weights?|percentages?|proportions?|combination|%|percent|"
    rf"allocation)\b|"
    rf"^\W*(?:please |pls |can you |could you )*(?:split|divide|spread|allocate|distribute) \$?[\d.,]+",
    re.I | re.S,
)
_NO_SPLIT = (
    "backtest", "buy", "sell", "orders", "propose", "stress", "simulate", "portfolio", "pnl", "dividend", "correlation",
    "crossover", "dca", "expected_value", "return", "split", "news", "earnings", "beta", "sharpe",
)  # fmt: skip


def splits(reading: Reading, symbols: tuple[str, ...]) -> bool:
    """Say whether it is asked how to divide money between instruments: "how should I split 10k between BTC and ETH"."""
    divided = _SPLITS_MONEY.search(reading.text) is not None and (len(symbols) > 1 or reading.has("mix"))
    others = set(_NO_SPLIT) - ({"split", "dca", "portfolio"} if divided else set())
    if divided and _worded(reading):
        others -= {"return"}
    if divided and not read_shocks(reading) and not names_crisis_by_words(reading):
        others -= {"stress"}
    mixed = reading.has("mix") and _worded(reading) is not None
    return bool(divided or mixed) and len(symbols) > 1 and not reading.has(*others)


def _confidence(reading: Reading) -> dict[str, float]:
    """Return how sure one is of the views, said as a ratio: "confidence 0.7"."""
    found = re.search(r"\bconfidence(?: of| is|:)? (0?\.\d+)\b", reading.text, re.I)
    return {"view_confidence": float(found[1])} if found and reading.has("black_litterman") else {}


_SPLIT_BY = r"\b(?:by|per|each|and|to|across|,)(?: each| every| my| our)? {}\b(?!')"
_SAID = {"strategy": "strateg(?:y|ies)"}
_BREAKS = re.compile(r"\bbreak\b.*\bdown\b|\bsplit\b", re.I)


def _correlated_by(reading: Reading) -> dict[str, str]:
    """Return how correlations are to be estimated, where a way is said."""
    if not reading.has("correlation"):
        return {}
    method = "shrunk" if reading.has("shrunk") else "ewma" if reading.has("weighted_covariance") else ""
    return {"method": method} if method else {}


_BY_POSITION = re.compile(r"\bby (?:each )?(?:position|holding|symbol|stock|name|instrument|ticker)s?\b", re.I)


def _split(reading: Reading, slots: Slots, symbols: tuple[str, ...]) -> Frame | None:
    """Return the split of the profit that is asked for; by position in a period it is a ranking."""
    if reading.has("breakdown") or _BREAKS.search(reading.text):
        text = joined(reading.words)
        asked = [split for split in _SPLITS if re.search(_SPLIT_BY.format(_SAID.get(split, f"{split}s?")), text)]
        by_position = _BY_POSITION.search(text) is not None
        period = unless_latest(slots.period)
        if by_position and period and not asked:
            return Frame(topic="book", metric="pnl", period=period, order="desc")
        return Frame(topic="pnl_split", period=period, options={"by": [*asked, *(["leg"] if by_position else [])]})
    if slots.grain in _SPLITS and not symbols:
        return Frame(topic="pnl_split", period=slots.period, options={"by": [slots.grain]})
    return None


def method_of(reading: Reading) -> dict[str, Any]:
    """Return how weights are to be found, with the views of Black and Litterman; empty if nothing says it."""
    method = next((name for concept, name in _METHODS if reading.has(concept)), None)
    if method is None and reading.has("shortfall") and _LEAST.search(reading.text):
        method = "minimum_cvar"
    method = method or _worded(reading)
    if method is None:
        return {}
    return {
        "method": method,
        **({"views": views} if method == "black_litterman" and (views := _views(reading)) else {}),
    }


_LEAST = re.compile(r"\b(?:least|lowest|smallest|minimal|minimum|minimi[sz]\w*|tiniest)\b", re.I)
_SAME_RISK = re.compile(
    r"\b(?:same|equal|identical|even)(?: \w+)?(?: share| amount| part)?(?: of)?(?: the)? risk\b|\brisk (?:is "
    r")?(?:split |shared )?"
    r"(?:equally|evenly)\b|\b(?:equally|evenly) risky\b",
    re.I,
)
_LEAST_RISK = re.compile(
    r"\bminimi[sz]\w* (?:the )?(?:variance|risk|volatility)\b|\b(?:least|lowest|smallest|minimal|minimum|little|"
    r"less|low)(?: possible)? (?:risk\w*|variance|volatil\w*|swings?|"
    r"fluctuat\w*)\b|\b(?:safest|calmest|smoothest|steadiest|quietest|stablest|least (?:wild|risky|volatile|bumpy|"
    r"jumpy))\b|"
    r"\b(?:swing|swung|fluctuate|move|jump)\w*(?: \w+)? (?:the )?least\b|\bnot (?:too|so|very|that) (?:wild|risky|"
    r"volatile|crazy)\b|"
    r"\b(?:smooth|calm|stable|steady|safe)\b",
    re.I,
)


_EVENLY = re.compile(r"\b(?:evenly|in equal (?:parts|amounts|shares)|the same amount)\b", re.I)


def _worded(reading: Reading) -> str | None:
    """Return the method that is said in ordinary words: "so each carries the same risk", "the calmest mix"."""
    if _SAME_RISK.search(reading.text):
        return "equal_risk"
    if _EVENLY.search(reading.text):
        return "equal_weight"
    return "minimum_variance" if _LEAST_RISK.search(reading.text) else None


def _views(reading: Reading) -> dict[str, float]:
    """Return the expected returns of "I think NVDA does 20% a year", "AAPL over MSFT by 3%" by symbol or pair."""
    starts = {span.start: span.value for span in reading.spans if span.kind == "symbol"}
    out: dict[str, float] = {}
    for at, number in sorted(reading.numbers.items()):
        following = reading.words[at + number.words].low if at + number.words < len(reading.words) else ""
        if following in _SURE_OF:
            continue
        points = number.unit == "plain" and following in ("points", "pts", "point", "percentage")
        if number.unit != "percent" and not points:
            continue
        before = [place for place in starts if at - 6 <= place < at]
        if not before:
            continue
        said = " ".join(word.low for word in reading.words[min(before) : at])
        sign = -1.0 if re.search(r"\b(?:loses?|falls?|drops?|minus|down|-)\b", said) else 1.0
        over = len(before) > 1 and re.search(
            r"\b(?:over|above|beat(?:s|ing)?|outperform(?:s|ing)?|than|ahead of)\b", said
        )
        first, *rest = (starts[place] for place in sorted(before)[-2 if over else -1 :])
        out[f"{first}-{rest[0]}" if rest else first] = sign * number.value / (100 if points else 1)
    return out


_SURE_OF = ("sure", "confident", "confidence", "certain", "conviction", "certainty", "cap", "max", "each")


def _invested(reading: Reading) -> float | None:
    """Return the money of "200k to invest", "with 50,000"."""
    for at, number in reading.numbers.items():
        after = " ".join(word.low for word in reading.words[at + number.words : at + number.words + 2])
        if (
            number.unit == "plain"
            and number.value >= 1000
            and (
                re.match(
                    r"to invest|to put|to place|to spread|to deploy|to split|to allocate|invested|dollars|usd|$", after
                )
                or (at and reading.words[at - 1].low in ("split", "invest", "allocate", "spread", "put", "divide"))
            )
        ):
            return number.value
    return None


def _is_window(period: Period, slots: Slots) -> bool:
    """Say whether "60 days" beside another period is what a correlation rolls over."""
    return bool(period.count) and len(slots.periods) > 1


def _rolled_over(reading: Reading, slots: Slots) -> dict[str, int]:
    """Return the window of "rolling 30-day correlation" or "rolling correlation over 3 months" in sessions."""
    if not _ROLLING.search(reading.text):
        return {}
    text = " ".join(word.low for word in reading.words)
    unit = r"\b(\d+) (day|session|week|month|year)s?"
    if said := re.search(rf"{unit} (?:rolling |moving )?(?:corr|windows?\b)", text):
        return {"window": sessions_of(int(said[1]), said[2])}
    beside = next((one for one in slots.periods if _is_window(one, slots)), None)
    return {"window": sessions_of(beside.count or 0, beside.unit)} if beside is not None else {}


def _of_symbols(reading: Reading, topic: str, symbols: tuple[str, ...], options: dict[str, Any], verb: str) -> Plan:
    frame = Frame(topic=topic, symbols=symbols, options=options)
    many = len(symbols) > 1 or (bool(symbols) and (topic == "train" or symbols[0].startswith("group:")))
    if many:
        return Plan(outcome="answer", frame=frame)
    return Plan(outcome="clarify", frame=frame, say=f"Which symbols should I {verb}? Name two or more, or a group.")


def _cap(reading: Reading) -> dict[str, float]:
    share = reading.first_number("percent")
    tail = reading.has("minimum_cvar", "shortfall")
    if tail and share is not None and 0.8 <= share < 1.0:
        return {"confidence": share}
    bare = [number.value for number in reading.numbers.values() if number.unit == "plain" and 90 <= number.value < 100]
    if tail and len(bare) == 1:
        return {"confidence": round(bare[0] / 100, 9)}
    return (
        {"max_weight": share} if share is not None and 0.0 < share <= 1.0 and not reading.has("black_litterman") else {}
    )


def _named(reading: Reading) -> dict[str, str]:
    """Return the name that a model is to be kept under: "called momo"; the word is placed."""
    found = re.search(r"\b(?:called|named|as)\s+[\"“']?([A-Za-z][\w-]*)[\"”']?\s*[.?!]?$", reading.text)
    if found is None:
        return {}
    at = next(at for at in range(len(reading.words) - 1, -1, -1) if reading.words[at].low == found[1].lower())
    reading.spans.append(Span(kind="headline", value=found[1], start=at, end=at + 1))
    return {"name": found[1]}


def _horizon(reading: Reading) -> dict[str, int]:
    units = {"day": 1, "session": 1, "week": 5, "month": 21}
    text = " ".join(word.low for word in reading.words)
    found = re.search(r"\b(\d+)[- ](day|session|week|month)s?\b(?! (?:of )?(?:history|data))", text)
    return {"horizon": int(found[1]) * units[found[2].lower()]} if found else {}
