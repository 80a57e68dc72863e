"""Understand questions on markets: prices, returns, statistics, indicators, rankings."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from agents.planner.arguments import arguments_of
from agents.planner.periods import ALL, Period, last_units, through_its_year, unless_latest
from agents.planner.plan import Frame, Plan
from agents.planner.reading import Reading
from agents.planner.requests import LATEST_CLOSE
from agents.planner.rules_asked_otherwise import imagined, opened, price_only, quiet_day
from agents.planner.rules_levels import level, volume_of_a_day
from agents.planner.rules_technicals import fallen, indicator, moving_average, window_of
from agents.planner.sampling import sampled
from agents.planner.slots import Slots, members_of, passed_level
from agents.planner.text import joined
from agents.planner.universe import Universe
from core.query.semantic.period import months_before

_STATISTICS = {
    "sharpe": "sharpe_ratio",
    "sortino": "sortino_ratio",
    "cagr": "annualized_return",
    "drawdown": "max_drawdown",
    "correlation": "correlation",
    "beta": "beta",
}
# Chosen together these are what the performance tool shows side by side.
_COMPARED = frozenset({"return", "change", "volatility", "sharpe", "sortino", "cagr", "drawdown", "calmar"})
_HOW_IS_IT = re.compile(
    r"\b(?:how(?:'s|’s| is| are| has| have|s)\b.*\b(?:doing|done|performing|faring|going|looking|been)\b|"
    r"how(?:'s|’s| is| are)\s+(?:the\s+)?[\w&.^$-]+(?:\s+[\w&.-]+)?\s*(?:today|now|right now|currently|these days|"
    r"lately)?\s*\?*\s*$|"
    r"what(?:'s|’s| is) up with|tell me about|what about|how about|give me an? (?:overview|summary))",
    re.IGNORECASE,
)


def market(reading: Reading, slots: Slots, universe: Universe) -> Plan | None:
    """Return the plan of a question on prices, returns, statistics or indicators, or None."""
    if slots.period is not None and slots.period.start is not None and slots.period.start > reading.today:
        return Plan(
            outcome="decline",
            say="That day has not come, and I do not guess prices. I can simulate a range of outcomes: for example "
            "“simulate AAPL for 3 months”.",
        )
    for rule in (
        price_only,
        quiet_day,
        opened,
        imagined,
        _correlation,
        _by_name,
        _share_of_days,
        fallen,
        indicator,
        moving_average,
        _ranking,
        _spread,
        _chart,
        _how_is_it,
        _compare,
        _statistic,
        level,
        _change,
        _performance,
    ):
        plan = rule(reading, slots, universe)
        if plan is not None:
            return sampled(plan, reading)
    return None


def _correlation(reading: Reading, slots: Slots, universe: Universe) -> Plan | None:
    if not reading.has("correlation"):
        return None
    symbols, group, note = members_of(slots, universe)
    if len(symbols) < 2 and group is None:
        return Plan(
            outcome="clarify",
            say="Between which symbols should I measure the correlation?",
            frame=Frame(topic="metric", metric="correlation", symbols=symbols, period=slots.period),
        )
    frame = Frame(
        topic="metric",
        metric="correlation",
        symbols=symbols,
        group=group,
        period=unless_latest(slots.period),
        chart=reading.has("chart"),
    )
    return Plan(outcome="answer", frame=frame, notes=(note,) if note else ())


def _share_of_days(reading: Reading, slots: Slots, universe: Universe) -> Plan | None:
    """Return the plan of "% of up days": how many were up, and the share of days up among every statistic."""
    share = re.search(
        r"(?:%|\bpercent(?:age)?|\bpct|\bshare|\bfraction|\bproportion) of (?:up|down|green|red|positive|"
        r"negative|winning|losing|all)? ?(?:trading )?(?:days|sessions)",
        reading.text,
        re.I,
    )
    if not share or not slots.symbols:
        return None
    frame = Frame(
        topic="performance", symbols=slots.symbols, period=unless_latest(slots.period), options={"detail": "all"}
    )
    return Plan(outcome="answer", frame=frame)


_FALLS = re.compile(
    r"\b(?:losers?|laggards?|decliners?|hurt|crushed|battered|fell|fall(?:s|ing|en)?|lost|losing|drop(?:s|ped|ping)?|"
    r"declin(?:es?|ed|ing)|tank(?:s|ed|ing)?|tumbl(?:es?|ed|ing)|plung(?:es?|ed|ing)|slump(?:s|ed|ing)?|slid(?:es?|ing)?|"
    r"sank|sinks?|sinking|crash(?:es|ed|ing)?|slipp(?:ed|ing)|underperform\w*|bottom|worst|weakest|lowest|least|smallest|"
    r"down)\b"
)
# "What fell today", of nothing that is named: the stocks, ranked.
_WHAT_MOVED = re.compile(
    r"^\W*(?:what|who|which)(?: (?:is|are|has|have|been|got|getting|all|really))* "
    r"(?:fell|falling|fallen|dropped|dropping|tanked|tanking|tumbled|tumbling|plunged|plunging|slumped|slumping|slid|"
    r"sliding|sank|sinking|crashed|crashing|slipped|slipping|rose|rising|risen|climbed|climbing|jumped|jumping|rallied|"
    r"rallying|surged|surging|soared|soaring|gained|gaining)(?: (?:hard|higher|lower))?\b",
    re.I,
)


def _ranking(reading: Reading, slots: Slots, universe: Universe) -> Plan | None:
    """Rank a group, or several named symbols when one is asked for: best, worst, most volatile."""
    if slots.group and len(slots.symbols) == 1 and reading.has("beta"):
        return _ranked_beta(reading, slots)
    if slots.symbols and slots.group and not reading.has("best", "worst"):
        return None
    if (
        slots.group is None
        and not (
            len(slots.symbols) > 1
            and reading.has("best", "worst")
            and re.search(r"\bwhich|who|what\b", reading.text, re.I)
        )
        and not (len(slots.symbols) > 1 and _RANKED.search(reading.text))
        and not (not slots.symbols and not slots.series and slots.period and _WHAT_MOVED.match(joined(reading.words)))
        and not (
            reading.has("best", "worst")
            and not slots.symbols
            and reading.has("return", "volatility", "sharpe", "volume", "drawdown", "change")
        )
    ):
        return None
    if _is_of_nothing(reading, slots):
        return None
    metric = _measured(reading) or "return"
    if metric == "return" and slots.group and (unit := _SINGLE.search(reading.text)):
        lost = reading.has("worst", "minimum")
        frame = Frame(
            topic="metric",
            metric="return",
            group=slots.group,
            period=unless_latest(slots.period) or ALL,
            grain=unit[1].lower(),
            aggregation="minimum" if lost else "maximum",
            order="asc" if lost else "desc",
            limit=slots.count or 1,
        )
        return Plan(outcome="answer", frame=frame)
    text, said = reading.text.lower(), _as_said(reading)
    down = _FALLS.search(said) is not None and not re.search(r"\b(?:strongest|best|highest)\b", text)
    order = "asc" if down != (metric in ("max_drawdown",) and not reading.has("best")) else "desc"
    if metric in ("volatility", "realized_volatility", "volume", "beta"):
        order = (
            "asc"
            if reading.has("worst", "minimum") and re.search(r"\b(?:least|lowest|smallest|calmest)\b", text)
            else "desc"
        )
    if metric == "max_drawdown":
        order = "asc"
    extreme = reading.has("best", "worst", "maximum", "minimum")
    singular = extreme and not re.search(
        r"\b(?:stocks|names|performers|winners|losers|movers|funds|etfs|coins|symbols|gainers|laggards|ranking|"
        r"rank|ranked|sort|sorted)\b",
        f"{text} {said}",
    )
    which_one = re.search(r"\bwhich\b.*\b(?:has|had|is|was|did|gained|lost|rose|fell|performed)\b", text)
    subject_count = _subject_count(reading)
    symbols, group, note = (
        members_of(slots, universe) if subject_count else (slots.symbols, None if slots.symbols else slots.group, "")
    )
    if subject_count and group == "crypto" and slots.count == 10 and universe.members.get("crypto_top10"):
        group, note = "crypto_top10", "The 10 largest as listed by the desk."
    limit = (
        1
        if which_one and (extreme or metric == "max_drawdown") and not re.search(r"\btop \d|\bwhich \d", said)
        else slots.count
        if not subject_count
        else (1 if singular else None)
    )
    if limit is None and singular and not slots.symbols:
        limit = 1
    if subject_count and not note and slots.group:
        note = f"The desk does not store sizes for this group, so all of it is ranked, not the {slots.count} largest."
    if not symbols and group is None:
        group = "equity"
    frame = Frame(
        topic="metric",
        metric=metric,
        symbols=symbols,
        group=group,
        period=unless_latest(slots.period),
        order=order if extreme or reading.has("return", "change", "volatility") or _RANKED.search(text) else None,
        limit=limit,
        operator=slots.operator,
        value=_scaled(slots.threshold, metric),
        window=window_of(reading, slots.threshold, "vol") if metric == "realized_volatility" else None,
    )
    return Plan(outcome="answer", frame=frame, notes=(note,) if note else ())


def _as_said(reading: Reading) -> str:
    """Return the words in lower case; "what coin" is read as of all coins and asks for one."""
    said = joined(reading.words)
    one = re.search(r"\b(?:what|which) (?:coin|token)\b(?!s)", reading.text, re.I)
    return re.sub(r"\b(coin|token)s\b", r"\1", said) if one else said


def _is_of_nothing(reading: Reading, slots: Slots) -> bool:
    """Say whether nothing is measured: the best by what, over which time; over 50 what."""
    if slots.period is None and reading.concepts() <= {"best", "worst", "pronoun"}:
        return True
    bare = all(number.unit == "plain" for number in reading.numbers.values())
    return _measured(reading) is None and slots.threshold is not None and bare


def _ranked_beta(reading: Reading, slots: Slots) -> Plan:
    """Return the betas of a group's members to a benchmark: "which sector has the highest beta to the S&P"."""
    lowest = reading.has("worst", "minimum")
    frame = Frame(
        topic="metric",
        metric="beta",
        group=slots.group,
        period=unless_latest(slots.period),
        order="asc" if lowest else "desc",
        limit=slots.count or 1,
        options={"benchmark": slots.symbols[0]},
    )
    return Plan(outcome="answer", frame=frame)


_SINGLE = re.compile(r"\b(?:worst|best|biggest|largest) (?:single |one-?)(day|week|month)\b", re.I)
_RANKED = re.compile(r"\b(?:rank|sort|order)(?:ed|ing)?\b.*\bby\b", re.I)


def _subject_count(reading: Reading) -> bool:
    """Say whether a number belongs to the group ("the ten largest coins"), not to the ranking ("top 10")."""
    return bool(
        re.search(
            r"\b(?:of the|between the|among the|the|our) \d+ (?:largest|biggest|greatest)\b|\b(?:of the|"
            r"between the|among the|among our|our) (?:largest|biggest) \d+\b",
            " ".join(word.low for word in reading.words),
        )
    )


def _measured(reading: Reading) -> str | None:
    """Return the metric that the words name, or None."""
    for concept, metric in _STATISTICS.items():
        if reading.has(concept):
            return metric
    if reading.has("volatility"):
        return (
            "realized_volatility"
            if window_of(reading, None, "vol") or re.search(r"reali[sz]ed|rolling", reading.text, re.I)
            else "volatility"
        )
    if reading.has("volume"):
        return "volume"
    if reading.has("return"):
        return "return"
    if reading.has("change"):
        return "price_change"
    return None


def _scaled(threshold: float | None, metric: str) -> float | None:
    ratios = (
        "return",
        "price_change",
        "volatility",
        "realized_volatility",
        "max_drawdown",
        "annualized_return",
        "price_vs_sma",
    )
    return threshold / 100 if threshold is not None and metric in ratios else threshold


def _by_name(reading: Reading, slots: Slots, universe: Universe) -> Plan | None:
    """Return every statistic of a symbol, where one is named that is no metric of its own: skewness, streaks."""
    if not reading.has("statistic") or not slots.symbols:
        return None
    against = _BENCHMARK.search(reading.text) is not None and len(slots.symbols) == 2
    options = {
        "detail": "all",
        **({"benchmark": slots.symbols[-1]} if against else {}),
        **arguments_of(reading, "performance"),
    }
    symbols = slots.symbols[:-1] if against else slots.symbols
    frame = Frame(topic="performance", symbols=symbols, period=unless_latest(slots.period), options=options)
    return Plan(outcome="answer", frame=frame)


_BENCHMARK = re.compile(
    r"\b(?:against|relative to|benchmark(?:ed)?|versus|vs|over|to|tracking error|information ratio)\b", re.I
)


def _spread(reading: Reading, slots: Slots, universe: Universe) -> Plan | None:
    of_returns = re.search(r"\b(?:returns?|performances?|gains?)\b", reading.text, re.I)
    if not reading.has("spread", "ratio") or len(slots.symbols) != 2 or of_returns:
        return None
    metric = "price_ratio" if reading.has("ratio") else "spread"
    frame = Frame(
        topic="metric",
        metric=metric,
        symbols=slots.symbols,
        period=unless_latest(slots.period),
        grain=slots.grain,
        aggregation=_listed(slots),
        chart=reading.has("chart"),
    )
    return Plan(outcome="answer", frame=frame)


def _chart(reading: Reading, slots: Slots, universe: Universe) -> Plan | None:
    if (
        not reading.has("chart")
        or not slots.symbols
        or reading.has("volatility", "rsi", "correlation", "drawdown", "volume", "sharpe")
    ):
        return None
    candles = bool(re.search(r"candle", reading.text, re.I))
    frame = Frame(
        topic="chart",
        symbols=slots.symbols,
        period=unless_latest(slots.period),
        options={"kind": "candlestick"} if candles else {},
    )
    return Plan(outcome="answer", frame=frame)


def _compare(reading: Reading, slots: Slots, universe: Universe) -> Plan | None:
    if len(slots.symbols) < 2 or slots.grain or reading.has("close", "volume") or slots.aggregation:
        return None
    if reading.has("beta"):
        return None
    measured = [concept for concept in _COMPARED if reading.has(concept)]
    if measured == ["volatility"] and _measured(reading) == "realized_volatility":
        return None
    if not (reading.has("compare") or len(measured) > 1 or (measured and len(slots.symbols) > 1) or not measured):
        return None
    against = re.search(r"\b(?:against|relative to|benchmark(?:ed)?)\b", reading.text, re.I) and not re.search(
        r"\b(?:who|which)\b", reading.text, re.I
    )
    options = {"benchmark": slots.symbols[-1]} if against and len(slots.symbols) == 2 else {}
    symbols = slots.symbols[:-1] if options else slots.symbols
    frame = Frame(
        topic="performance",
        symbols=symbols,
        period=unless_latest(slots.period),
        options=options,
        wants=tuple(measured),
    )
    return Plan(outcome="answer", frame=frame)


def _statistic(reading: Reading, slots: Slots, universe: Universe) -> Plan | None:
    metric = "calmar" if reading.has("calmar") else _measured(reading)
    if metric in (None, "return", "price_change", "volume") or not slots.symbols:
        return None
    if metric == "volatility" and volume_of_a_day(reading, slots):
        return None
    symbols = slots.symbols
    options: dict[str, Any] = {}
    if metric == "beta" and len(symbols) == 2:
        symbols, options = slots.symbols[:1], {"benchmark": slots.symbols[-1]}
    if reading.has("calmar"):
        return Plan(
            outcome="answer",
            frame=Frame(topic="performance", symbols=symbols, period=unless_latest(slots.period), wants=("calmar",)),
        )
    window = window_of(reading, slots.threshold, "vol") if metric == "realized_volatility" else None
    aggregation = (
        "list"
        if metric == "realized_volatility" and slots.period is not None and slots.period.kind == "range"
        else None
    )
    frame = Frame(
        topic="metric",
        metric=metric,
        symbols=symbols,
        period=unless_latest(slots.period),
        window=window,
        options=options,
        aggregation=aggregation,
        chart=reading.has("chart"),
    )
    return Plan(outcome="answer", frame=frame)


def _listed(slots: Slots) -> str | None:
    return slots.aggregation or (
        "list" if slots.period is not None and slots.period.kind in ("range", "sessions") else None
    )


def _change(reading: Reading, slots: Slots, universe: Universe) -> Plan | None:
    """Returns by day, week, month or year: a list, an average, the best or the worst one, how many were up."""
    asked = reading.has("return", "change", "best", "worst", "minimum", "maximum", "days", "average", "count")
    # "IWM month by month for 2025" asks for what it did in each month.
    bare = slots.grain is not None and reading.concepts() <= {
        "daily",
        "weekly",
        "monthly",
        "quarterly",
        "yearly",
        "each",
        "unit",
    }
    if not slots.symbols or not (asked or bare or _IN_PERCENT.search(reading.text)):
        return None
    grain = slots.grain or _unit_of_extreme(reading)
    if grain is None:
        return None
    if slots.grain and slots.period is not None:
        slots = replace(slots, period=through_its_year(slots.period))
    text = reading.text.lower()
    aggregation = slots.aggregation
    if aggregation is None and reading.has("best", "worst"):
        aggregation = (
            "maximum"
            if reading.has("best")
            and not re.search(
                r"\b(?:drops?|loss(?:es)?|falls?|declines?|losing|plunges?|slides?|sell-?offs?|losers?)\b", text
            )
            else "minimum"
        )
    operator, value = slots.operator, _scaled(slots.threshold, "return")
    if aggregation == "count" and operator is None:
        operator, value = (
            ("<", 0.0)
            if re.search(
                r"\b(?:down|negative|red|losing|fell|falls?|fallen|lost|los[et]|lower|declin\w*|loss(?:es)?|drop\w*)\b",
                text,
            )
            else (">", 0.0)
        )
    if (
        operator in (">", ">=")
        and re.search(
            r"\b(?:down|fell|los[et]\w*|losing|drop\w*|fall\w*|declin\w*|slid\w*|sank|plung\w*|worse)\b", text
        )
        and value
    ):
        operator, value = "<" + operator[1:], -value
    elif operator == "<=" and value and value > 0 and passed_level(reading):
        value = -value  # "fell 2% in a day" is at most -2 %
    when = _LAST_OR_FIRST.search(text)
    dated = "desc" if when and when[1] in ("last", "latest") else "asc"
    order: Any = {"minimum": "asc", "maximum": "desc"}.get(aggregation or "", dated if aggregation is None else None)
    limit = slots.count or (1 if aggregation in ("minimum", "maximum") or when else None)
    period = unless_latest(slots.period) or (ALL if aggregation or when else None)
    frame = Frame(
        topic="metric",
        metric="return",
        symbols=slots.symbols,
        period=period,
        grain=grain,
        aggregation=aggregation or "list",
        order=order,
        limit=limit,
        operator=operator,
        value=value,
    )
    return Plan(outcome="answer", frame=frame)


_IN_PERCENT = re.compile(r"\bin (?:pct|percent(?:ages?)?)\b|\bin %", re.I)


_LAST_OR_FIRST = re.compile(r"\b(last|latest|first) time\b")


def _unit_of_extreme(reading: Reading) -> str | None:
    match = (
        re.search(
            r"\b(?:best|worst|biggest|largest|strongest|weakest|greatest|smallest|up|down|negative|positive|"
            r"green|red|winning|losing|single)[- ](?:\w+ )?(?:trading )?(day|week|month|quarter|year)s?\b",
            reading.text.lower(),
        )
        or re.search(r"\bhow many (?:trading )?(day|week|month|quarter|year)s\b", reading.text.lower())
        or re.search(
            r"\b(?:in|within|on) (?:a|one|a single|any) (?:single |given )?(day|week|month|quarter|year)\b",
            reading.text.lower(),
        )
        or re.search(
            r"\b(?:biggest|largest|worst|best|maximum) (?:1|one|single)[- ](day|week|month)\b", reading.text.lower()
        )
    )
    if match:
        return match[1]
    if not reading.has("best", "worst", "minimum", "maximum", "count", "when") and "%" not in reading.text:
        return None
    taken = {at for span in reading.spans if span.kind in ("period", "window") for at in range(span.start, span.end)}
    units = [word.low.rstrip("s") for at, word in enumerate(reading.words) if at not in taken]
    return next(("day" if unit == "session" else unit for unit in units if unit in _UNITS), None)


_UNITS = frozenset({"day", "session", "week", "month", "quarter", "year"})


def _how_is_it(reading: Reading, slots: Slots, universe: Universe) -> Plan | None:
    """How something is doing, without a period: the last 12 months and the latest close."""
    if slots.symbols and _only_asks_how(reading, slots):
        year = Period(kind="range", start=months_before(reading.today, 12), end=reading.today, count=1, unit="year")
        frame = Frame(topic="performance", symbols=slots.symbols, period=year, wants=("return", LATEST_CLOSE))
        return Plan(outcome="answer", frame=frame, notes=("No period was said: the last 12 months.",))
    return None


def _only_asks_how(reading: Reading, slots: Slots) -> bool:
    """Say whether a question is no more than "how is it doing?"."""
    if slots.period is not None and slots.period.kind != "latest":
        return False
    asked = reading.concepts() <= {"return", "pronoun", "same", "digest", "greeting"}
    return asked and _HOW_IS_IT.search(reading.text) is not None


_DOING = re.compile(
    r"\bhow(?:'s|’s|s| is| are| has| have)\b.*\b(?:doing|done|performing|faring|getting on|been)\b", re.I
)


# A symbol and no more than "mtd" or "3m" is asked for its return.
_TO_DATE = frozenset({"this_year", "this_quarter", "this_month", "this_week"})
_SHORT_STRETCH = re.compile(r"\b(\d+) ?(y|yr|m|mo|mth|w|wk|d)\b", re.I)


def _short_alone(reading: Reading) -> Period | None:
    """Return the time of "btc 7d" and "spy 3m", where nothing else is said."""
    if (
        reading.concepts()
        or reading.leftovers()
        or reading.numbers
        or reading.values("macro") not in ((), ("three_month",))
    ):
        return None
    found = _SHORT_STRETCH.search(reading.text)
    return last_units(int(found[1]), found[2].lower(), reading.today) if found else None


def _performance(reading: Reading, slots: Slots, universe: Universe) -> Plan | None:
    """How something did over a period; without a period a bare symbol is not a question."""
    period = slots.period or _short_alone(reading)
    if not slots.symbols or not (reading.has("return", "change", "compare", "digest") or period is not None):
        return None
    one_day = period is not None and period.start is not None and period.start == period.end and period.kind == "range"
    if one_day or (period is not None and period.kind == "latest"):
        frame = Frame(topic="metric", metric="price_change", symbols=slots.symbols, period=period if one_day else None)
        return Plan(outcome="answer", frame=frame)
    since = period is not None and period.text.startswith("since") and period.end is None
    bare = period is not None and (since or period.name in _TO_DATE or _SHORT_STRETCH.search(reading.text) is not None)
    if bare and not reading.leftovers() and reading.concepts() <= {"pronoun", "add", "same"}:
        frame = Frame(topic="performance", symbols=slots.symbols, period=period, wants=("return",))
        return Plan(outcome="answer", frame=frame)
    if not reading.has("return", "change", "compare") and not _DOING.search(reading.text):
        return Plan(
            outcome="clarify",
            say=f"What about {', '.join(slots.symbols)} in that period: the return, the prices, the volatility, news?",
            frame=Frame(topic="performance", symbols=slots.symbols, period=period),
        )
    frame = Frame(topic="performance", symbols=slots.symbols, period=period, wants=("return",))
    return Plan(outcome="answer", frame=frame)
