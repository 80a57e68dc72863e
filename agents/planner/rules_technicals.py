"""Understand questions on technical indicators and moving averages."""

from __future__ import annotations

import re
from typing import Any

from agents.planner.periods import ALL, unless_latest
from agents.planner.plan import Frame, Plan
from agents.planner.reading import Reading
from agents.planner.slots import Slots, members_of
from agents.planner.universe import Universe

_ASKED_INDICATORS = {
    "macd": "macd",
    "bollinger": "bollinger",
    "atr": "atr",
    "stochastic": "stochastic",
    "adx": "adx",
    "obv": "obv",
    "cci": "cci",
    "williams": "williams_r",
    "roc": "roc",
    "trix": "trix",
    "donchian": "donchian",
    **{
        name: name
        for name in (
            "aroon", "keltner", "mfi", "parabolic_sar", "ultimate_oscillator", "stochastic_rsi", "natr", "kama", "dema",
            "tema", "wma", "cmo", "ppo", "chaikin_oscillator", "balance_of_power",
        )
    },
}  # fmt: skip
# What the figures beside an indicator's name are, in their order.
_PARAMETERS = {
    "macd": ("fast", "slow", "signal"),
    "ppo": ("fast", "slow"),
    "bollinger": ("period", "deviations"),
    "keltner": ("period", "atr_period", "ranges"),
    "stochastic": ("k_period", "k_slowing", "d_period"),
    "stochastic_rsi": ("period", "k_period", "d_period"),
}


_USUAL = (
    r"\b(?:usual|standard|default|normal|customary|classic)(?: settings| parameters)?(?: of)? "
    r"(\d{1,3}(?:(?: ,| -| and| , and| /)* \d{1,3}){0,2})\b"
)


def _parameters(reading: Reading, names: list[str]) -> dict[str, dict[str, float]]:
    """Return the figures of "ATR(20)", "20-day ATR", "MACD 8/21/5", "Bollinger bands 20 and 2.5" by indicator."""
    out: dict[str, dict[str, float]] = {}
    said = {value: key for key, value in _ASKED_INDICATORS.items()} | {"rsi": "rsi", "sma": "sma", "ema": "ema"}
    lows = [word.low for word in reading.words]
    for name in names:
        for span in reading.spans:
            if span.kind != "concept" or span.value != said.get(name):
                continue
            after = " ".join(lows[span.end : span.end + 9])
            before = " ".join(lows[max(0, span.start - 3) : span.start])
            figures: list[float] = []
            if found := re.match(
                r"(?:\( ?|with (?:a |the )?|(?:smoothing )?(?:period|length|window) of |of |at |but |using |"
                r"set to |over )*(\d[\d./]*(?:(?: ,| and|/)? \d[\d.]*){0,2})",
                after,
            ):
                figures = [float(one) for one in re.findall(r"\d+(?:\.\d+)?", found[1])]
            elif (
                found := re.search(r"(\d{1,3})(?:[- ]?(?:d|day|days|session|sessions|period|bar|week))?$", before)
            ) or (found := re.search(_USUAL, " ".join(lows))):
                figures = [float(one) for one in re.findall(r"\d+", found[1])]
            keys = _PARAMETERS.get(name, ("period",))
            if name == "keltner" and len(figures) == 2:
                keys = ("period", "ranges")  # the usual two: 20 sessions, 2 ranges
            if figures and len(figures) <= len(keys):
                out[name] = dict(zip(keys, figures, strict=False))
    return out or positional(reading, names)


def positional(reading: Reading, names: list[str]) -> dict[str, dict[str, float]]:
    """Return the figures of "MACD with 12, 26 and 9" or "ATR, 20 period" as the parameters in their order."""
    plain = [abs(number.value) for _, number in sorted(reading.numbers.items()) if number.unit == "plain"]
    keys = _PARAMETERS.get(names[0], ("period",)) if len(names) == 1 else ()
    if names == ["keltner"] and len(plain) == 2:
        keys = ("period", "ranges")
    if not plain or len(plain) > len(keys) or len(plain) != len(reading.numbers):
        return {}
    return {names[0]: dict(zip(keys, plain, strict=False))}


# A fall from the high as it stands now, which is no deepest fall of a period.
_FALLEN = re.compile(
    r"\b(?:current|now|right now|currently|today|at the moment|how far)\b.*\b(?:off|from|below|under|"
    r"drawdown)\b.*\b(?:high|peak|top|drawdown)\b|"
    r"\bdrawdown\b.*\b(?:now|currently|today|at the moment)\b|\bcurrent drawdown\b|"
    r"\bhow far\b.*\b(?:off|from|below|under)\b.*\b(?:high|highs|peak|top)\b",
    re.I,
)


def fallen(reading: Reading, slots: Slots, universe: Universe) -> Plan | None:
    """Return the plan of "how far is it off its high now", which the drawdown as an indicator says."""
    dated = slots.period is not None and slots.period.start is not None and not slots.period.name
    if len(slots.symbols) != 1 or not _FALLEN.search(reading.text) or reading.has("sma", "ema") or dated:
        return None
    frame = Frame(topic="indicators", symbols=slots.symbols, options={"names": ["drawdown"]})
    return Plan(outcome="answer", frame=frame)


def indicator(reading: Reading, slots: Slots, universe: Universe) -> Plan | None:
    """Return the plan of a question on indicators by name, or on what is oversold."""
    asked = [name for concept, name in _ASKED_INDICATORS.items() if reading.has(concept)]
    if asked or reading.has("indicator"):
        if reading.has("rsi"):
            asked.append("rsi")
        if reading.has("sma"):
            asked.append("sma")
        if len(slots.symbols) != 1:
            return Plan(
                outcome="clarify",
                say="Indicators are computed for one symbol: which one?",
                frame=Frame(topic="indicators", options={"names": asked}),
            )
        frame = Frame(
            topic="indicators",
            symbols=slots.symbols,
            period=unless_latest(slots.period),
            options=_given(names=asked, parameters=_parameters(reading, asked)),
        )
        return Plan(outcome="answer", frame=frame)
    if not reading.has("rsi", "oversold", "overbought"):
        return None
    symbols, group, note = members_of(slots, universe)
    operator, value = slots.operator, slots.threshold
    if operator is None and reading.has("oversold", "overbought"):
        operator, value = ("<", 30.0) if reading.has("oversold") else (">", 70.0)
    if (
        symbols
        and not re.search(r"\b(?:which|who|any|list|find|screen)\b", reading.text, re.I)
        and slots.operator is None
    ):
        operator = value = None
    if not symbols and group is None:
        group = "equity"
    order = "desc" if operator in (">", ">=") else "asc" if operator else None
    extreme = group is not None and operator is None
    if extreme and reading.has("best", "maximum"):
        order = "desc"
    elif extreme and reading.has("worst", "minimum"):
        order = "asc"
    single = order and operator is None and re.search(r"\bwhich (?:stock|etf|fund|coin|name|one)\b", reading.text, re.I)
    listed = slots.period is not None and slots.period.kind in ("range", "sessions")
    frame = Frame(
        topic="metric",
        metric="rsi",
        symbols=symbols,
        group=group,
        period=unless_latest(slots.period),
        window=window_of(reading, slots.threshold, "rsi"),
        operator=operator,
        value=value,
        order=order,
        limit=slots.count or (1 if single else None),
        aggregation="list" if listed else None,
    )
    return Plan(outcome="answer", frame=frame, notes=(note,) if note else ())


_WHEN = re.compile(r"\b(?:when|last time|how (?:many|often)|(?:what|which) (?:day|date))\b", re.I)


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value}


# An average said by its length alone: "below its 200 day", "over the 50d".
_BY_LENGTH = re.compile(
    r"\b(?:above|below|over|under|through|reclaim\w*|los[te]\w*|cross\w*|clear\w*|from|of)\b(?: its| the| their|"
    r" a)+ (\d{2,3})"
    r"(?:[- ]?(?:day|d|dma|session)s?)\b(?! (?:highs?|lows?|range|vol\w*|var|return|average volume))"
)


# "xle 50d", "200d on spy": the usual lengths of an average, with nothing else said.
_LENGTH_ONLY = re.compile(r"\b(50|100|200)[- ]?(?:d|day|dma)\b")


def _lengths(reading: Reading) -> list[int]:
    """Return the lengths of "50 and 200 day averages"; empty unless several are said."""
    text = " ".join(word.low for word in reading.words)
    found = re.search(
        r"\b(\d{1,3}(?:[- ]?(?:d|day|dma|sma|ema|ma)s?)?(?:(?: ,| and| or| &| vs| versus| against|/)+ "
        r"?\d{1,3})+)(?:[- ]?(?:d|day|session)s?)? "
        r"(?:sma|ema|ma|moving|simple|"
        r"exponential|averages?|dma)|(?:sma|ema|ma|averages?)s? (?:of )?(\d{1,3}(?:(?: ,| and| or| &|/)+ ?\d{1,3})+)",
        text,
    )
    return [int(one) for one in re.findall(r"\d+", found[1] or found[2])] if found else []


def moving_average(reading: Reading, slots: Slots, universe: Universe) -> Plan | None:
    """Return the plan of a question on a moving average, or on the price above or below one."""
    text = " ".join(word.low for word in reading.words)
    by_length = _BY_LENGTH.search(text) or (_LENGTH_ONLY.search(text) if not reading.concepts() else None)
    if not reading.has("sma", "ema") and not by_length:
        return None
    symbols, group, note = members_of(slots, universe)
    if not symbols and group is None:
        return None
    window = int(by_length[1]) if by_length else window_of(reading, None, "sma")
    lengths = _lengths(reading)
    relative = reading.has("above", "below", "compare", "spread") or bool(
        re.search(r"\b(?:distance|far|away|from)\b", reading.text, re.I)
    )
    metric = "price_vs_sma" if relative else "ema" if reading.has("ema") else "sma"
    if lengths and len(symbols) == 1 and not relative:
        # One indicator has one length, so each is a call of its own.
        frame = Frame(
            topic="metric", metric=metric, symbols=symbols, window=lengths[0], period=unless_latest(slots.period)
        )
        return Plan(outcome="answer", frame=frame.model_copy(update={"options": {"windows": lengths}}))
    since_when = bool(symbols) and relative and bool(_WHEN.search(reading.text))
    screening = group is not None or len(symbols) > 3 or since_when
    operator = (
        (">" if reading.has("above") else "<" if reading.has("below") else None) if screening and relative else None
    )
    frame = Frame(
        topic="metric",
        metric=metric,
        symbols=symbols,
        group=group,
        window=window,
        period=unless_latest(slots.period) or (ALL if since_when else None),
        operator=operator,
        value=0.0 if operator else None,
        aggregation="count" if since_when and reading.has("count") else None,
        order="desc" if since_when and not reading.has("count") else None,
        limit=1 if since_when and not reading.has("count") else slots.count,
        wants=("above_average",) if relative and not screening else (),
    )
    return Plan(outcome="answer", frame=frame, notes=(note,) if note else ())


def window_of(reading: Reading, threshold: float | None, kind: str) -> int | None:
    """Return N of "20d vol", "100 day moving average", "SMA 200", "rsi(14)"."""
    text = " ".join(word.low for word in reading.words)
    for pattern in (
        r"(?:sma|ema|ma|rsi) ?\( ?(\d{1,3}) ?\)",
        r"(\d{1,3})[- ]?(?:d|day|days|dma|session|sessions|period|bar)\b",
        r"(?:sma|ema|ma|rsi|average|vol|volatility) ?\(? ?(\d{1,3})\b(?!%)",
        r"(\d{1,3})[- ](?:sma|ema|ma|rsi)\b",
        r"(\d{1,3})[- ]?(?:week|wk|w)\b[- ]*(?:sma|ema|ma|moving|vol)",
    ):
        if match := re.search(pattern, text):
            value = int(match[1]) * (5 if "week" in pattern else 1)
            if threshold is None or value != threshold:
                return value if value >= 2 else None
    return None
