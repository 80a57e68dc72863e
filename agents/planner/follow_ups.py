"""Change a part of what was talked about when a turn names only that part."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Literal

from agents.planner.changed_runs import changed_run, own_concepts
from agents.planner.periods import ALL, last_units
from agents.planner.plan import Frame, Plan
from agents.planner.reading import Reading, Span
from agents.planner.refinements import refined
from agents.planner.rules import first_rule
from agents.planner.rules_events import news, of_the_month
from agents.planner.rules_technicals import positional, window_of
from agents.planner.slots import Slots, sessions_of, take_slots
from agents.planner.subjects import same_series, same_subject
from agents.planner.universe import Universe

_CONTINUES = re.compile(
    r"^\s*(?:and|also|what about|how about|same|now|then|ok|or|plus|add|with|without|but|instead|include|for|in|"
    r"since|on|what if|remove|drop|sorry|actually|i meant?|no)\b",
    re.I,
)
_PLURAL_PRONOUN = re.compile(r"\b(?:them|they|those|these|both)\b", re.I)
# "Now on the weekly" turns to the next thing; it names no time.
_NOW = re.compile(r"\s*(?:and |ok |so )?now\b", re.I)
_CANDLES = re.compile(r"\bcandle(?:s|stick|sticks)?\b", re.I)
_BOTTOM = re.compile(r"\b(?:bottom|worst|lowest|least|losers?|laggards?|weakest)\b", re.I)
_OTHER_END = re.compile(
    r"\b(?:bottom|worst|lowest|least|losers?|laggards?|weakest|top|best|highest|winners?|leaders?|strongest)\b", re.I
)


def follow_up(reading: Reading, slots: Slots, universe: Universe, previous: Frame | None) -> Plan | None:
    """Change a part of the previous frame when a turn names only that part; None if it stands on its own."""
    if previous is None:
        return None
    if (series := _other_basket(reading, previous)) and not slots.symbols:
        return _changed(reading, replace(slots, series=series), previous)
    if one_part := (
        refined(reading, slots, universe, previous)
        or _rolled(reading, slots, previous)
        or _counted(reading, slots, previous)
        or _measured_otherwise(reading, slots, previous)
        or _between_both(reading, slots, universe, previous)
        or _stretched(reading, slots, previous)
        or _largest_held(reading, slots, previous)
        or _of_a_state(reading, slots, previous)
        or _split_by(reading, slots, previous)
        or _news_about(reading, slots, previous)
        or changed_run(reading, slots, previous)
        or _parametrised(reading, slots, previous)
        or _set_against(reading, slots, previous)
        or _estimated_otherwise(reading, slots, previous)
    ):
        return one_part
    if _beaten(reading, slots, previous):
        both = tuple(dict.fromkeys((*previous.symbols, *slots.symbols)))
        return Plan(
            outcome="answer",
            frame=Frame(topic="performance", symbols=both, period=slots.period or previous.period),
        )
    if reading.has("stress") and previous.topic in _SHOWN and previous.symbols and not slots.symbols:
        return same_subject(reading, slots, universe, previous)
    own = own_concepts(reading, previous)
    compares = (
        reading.has("compare")
        and _PLURAL_PRONOUN.search(reading.text)
        and len(previous.symbols) > 1
        and not slots.symbols
    )
    if compares:
        return Plan(
            outcome="answer",
            frame=Frame(topic="performance", symbols=previous.symbols, period=slots.period or previous.period),
        )
    if own:
        return _something_new(reading, slots, universe, previous)
    if shown := _shown_otherwise(reading, slots, previous):
        return shown
    unnamed = not (slots.symbols or slots.series or slots.group) and _ITS.search(reading.text)
    if previous.symbols and previous.topic in _SHOWN and unnamed and reading.has(*_EXTREMES):
        return same_subject(reading, slots, universe, previous)
    counts = [number.value for number in reading.numbers.values() if number.unit == "plain"]
    if previous.limit is not None and len(counts) == 1 and not slots.symbols and counts[0] == int(counts[0]) > 0:
        slots = replace(slots, count=int(counts[0]))
        return _changed(reading, slots, previous)
    # A stress test whose scenario was asked back has nothing yet that a turn could change.
    is_open = previous.topic == "stress" and not previous.options.keys() & {"shocks", "scenario"}
    if (
        previous.topic != "trade"
        and not is_open
        and (
            slots.symbols
            or slots.series
            or slots.group
            or slots.period
            or slots.grain
            or _other_release(slots, previous)
        )
    ):
        return _changed(reading, slots, previous)
    return None


_BEATEN = re.compile(r"\b(?:it|they|that|this)\b.*\b(?:beat|beaten|outperform\w*|underperform\w*|lag\w*)\b", re.I)


def _beaten(reading: Reading, slots: Slots, previous: Frame) -> bool:
    """Say whether what was talked about is set against another: "did it beat SPY?", which is not of earnings."""
    reported = previous.metric in ("earnings_dates", "earnings_surprise") or reading.has("earnings")
    one_of_each = len(previous.symbols) == len(slots.symbols) == 1 and previous.topic in _SHOWN
    return one_of_each and not reported and _BEATEN.search(reading.text) is not None


def _other_release(slots: Slots, previous: Frame) -> bool:
    """Say whether another release is named after one: "and the jobs report?"."""
    return bool(slots.topics) and previous.metric == "economic_events"


_ROLLS = re.compile(r"\b(?:roll|rolling|moving|rolled)\b", re.I)


def _rolled(reading: Reading, slots: Slots, previous: Frame) -> Plan | None:
    """Roll the same correlation over a window: "now make it rolling, 40 sessions"."""
    correlated = "correlation" in (previous.topic, previous.metric) and len(previous.symbols) > 1
    rest = reading.concepts() - {
        "correlation",
        "clusters",
        "pronoun",
        "same",
        "days",
        "unit",
        "sma",
        "compare",
        "above",
    }
    named = slots.symbols or slots.series or slots.group
    if not correlated or rest or named or not _ROLLS.search(reading.text):
        return None
    counts = [number.value for number in reading.numbers.values() if number.unit == "plain"]
    beside = next((one for one in slots.periods if one.count), None)
    length = window_of(reading, None, "sma") or (int(counts[0]) if len(counts) == 1 and counts[0] >= 2 else None)
    if length is None and beside is not None:
        length = sessions_of(beside.count or 0, beside.unit)
    options = {
        **(previous.options if previous.topic == "correlation" else {}),
        **({"window": length} if length else {}),
    }
    dated = [one for one in slots.periods if one is not beside and one.kind != "latest"]
    period = dated[0] if dated else previous.period
    return Plan(
        outcome="answer", frame=Frame(topic="correlation", symbols=previous.symbols, period=period, options=options)
    )


def _counted(reading: Reading, slots: Slots, previous: Frame) -> Plan | None:
    """Count the articles that were listed: "how many were there this month?"."""
    rest = reading.concepts() - {"count", "news", "pronoun", "same"}
    named = slots.series or slots.group or reading.numbers or reading.leftovers()
    if previous.metric != "news" or not reading.has("count") or rest or named or previous.options.get("topic"):
        return None
    frame = Frame(
        topic="metric",
        metric="news_count",
        symbols=slots.symbols or previous.symbols,
        group=None if slots.symbols else previous.group,
        period=of_the_month(slots.period, reading) or previous.period,
        order="desc",
    )
    return Plan(outcome="answer", frame=frame)


def _estimated_otherwise(reading: Reading, slots: Slots, previous: Frame) -> Plan | None:
    """Estimate the same correlations in another way: "add TLT and use the Ledoit-Wolf estimator"."""
    method = "shrunk" if reading.has("shrunk") else "ewma" if reading.has("weighted_covariance") else ""
    if not method or "correlation" not in (previous.topic, previous.metric) or not previous.symbols:
        return None
    symbols = tuple(dict.fromkeys((*previous.symbols, *slots.symbols))) if reading.has("add") else slots.symbols
    frame = Frame(
        topic="correlation",
        symbols=symbols or previous.symbols,
        period=slots.period if slots.period and slots.period.kind != "latest" else previous.period,
        options={**(previous.options if previous.topic == "correlation" else {}), "method": method},
    )
    return Plan(outcome="answer", frame=frame)


def _something_new(reading: Reading, slots: Slots, universe: Universe, previous: Frame) -> Plan | None:
    """Ask something new of what was talked about; None where the turn names its own subject."""
    named = slots.symbols or slots.series or slots.group or reading.numbers
    if own_concepts(reading, previous) <= {"when", "days"} and not named:
        # "When was that" is of the extreme that was shown, which is shown with its day.
        shown = reading.has("when") and previous.aggregation in ("minimum", "maximum") and not slots.period
        return Plan(outcome="answer", frame=previous) if shown else None
    pronoun = (
        (reading.has("pronoun") or _CONTINUES.match(reading.text))
        and not slots.symbols
        and not slots.series
        and slots.group is None
    )
    metric = (
        previous.symbols
        and pronoun
        and not reading.has("portfolio", "orders", "fills", "proposals", "risk", "backtest", "simulate", "stress")
    )
    if previous.series and pronoun and not reading.has("portfolio", "orders", "fills", "backtest", "simulate"):
        return same_series(reading, universe, previous)
    # "Show it as a correlation with XOM as well": those before and the new one.
    joined = previous.symbols and slots.symbols and reading.has("pronoun") and _AS_WELL.search(reading.text)
    against = (
        len(previous.symbols) == 1 and len(slots.symbols) == 1 and reading.has(*_OF_TWO) and _ITS.search(reading.text)
    )
    return same_subject(reading, slots, universe, previous) if metric or joined or against else None


def _parametrised(reading: Reading, slots: Slots, previous: Frame) -> Plan | None:
    """Change the parameters of the one indicator shown: "use 8 17 9", "with 21 days"."""
    names = previous.options.get("names", ()) if previous.topic == "indicators" else ()
    rest = reading.concepts() - {"pronoun", "same", "days", "unit"}
    if len(names) != 1 or rest or slots.symbols or slots.series or slots.group or not reading.numbers:
        return None
    found = positional(reading, list(names))
    options = {**previous.options, "parameters": found}
    return Plan(outcome="answer", frame=previous.model_copy(update={"options": options})) if found else None


_THAN = re.compile(r"\b(?:it|that|they|this)\b.*\b(?:than|versus|vs|against|compared (?:to|with))\b", re.I)


def _set_against(reading: Reading, slots: Slots, previous: Frame) -> Plan | None:
    """Set what was talked about against another: "was it better than XLF?"."""
    measured = previous.topic == "performance" or previous.metric in ("return", "price_change")
    rest = reading.concepts() - {"pronoun", "best", "worst", "compare", "return", "above", "below"}
    if not measured or rest or len(slots.symbols) != 1 or not _THAN.search(reading.text):
        return None
    both = tuple(dict.fromkeys((*previous.symbols, *slots.symbols)))
    period = slots.period or previous.period
    return Plan(outcome="answer", frame=Frame(topic="performance", symbols=both, period=period, wants=("return",)))


# "What was its worst month": of what was shown.
_SHOWN = frozenset({"metric", "performance", "chart"})
_EXTREMES = ("best", "worst", "minimum", "maximum", "high", "low")
# "Its beta to QQQ" is that of what was talked about.
_OF_TWO = ("beta", "correlation", "spread", "ratio")
_ITS = re.compile(r"\b(?:its|their|it)\b", re.I)
_AS_WELL = re.compile(
    r"\b(?:as well|too|also|include|together with|on top|alongside|overlay|superimpose|"
    r"(?:on(?:to)?|in(?:to)?|to) (?:the |that |this |it|one )?(?:same )?(?:chart|plot|graph|picture|"
    r"axes|comparison|table|list)|beside it|next to it)\b",
    re.I,
)


def _stretched(reading: Reading, slots: Slots, previous: Frame) -> Plan | None:
    """Change how many years were looked at: "make it 10" after "over the last 5 years"."""
    counts = [number.value for number in reading.numbers.values() if number.unit == "plain"]
    period = previous.period
    named = slots.symbols or slots.series or slots.group or slots.periods
    alone = reading.concepts() <= {"pronoun", "same"} and not named and _MAKE_IT.search(reading.text)
    if not alone or len(counts) != 1 or period is None or not period.count or counts[0] != int(counts[0]):
        return None
    changed = previous.model_copy(update={"period": last_units(int(counts[0]), period.unit, reading.today)})
    return Plan(outcome="answer", frame=changed, private=previous.topic in ("book", "portfolio"))


_MAKE_IT = re.compile(
    r"^\W*(?:ok |and |now |please |then )*(?:make (?:it|that)|(?:what|how) about|try|for|over|with|and|use|go)\b", re.I
)
_WINDOWED = frozenset({"rsi", "sma", "ema", "price_vs_sma", "realized_volatility"})
_BENCHMARKED = frozenset({"beta", "correlation"})


def _measured_otherwise(reading: Reading, slots: Slots, previous: Frame) -> Plan | None:
    """Change the window or the benchmark of what was measured: "and the 21 day one", "use QQQ as the benchmark"."""
    rest = reading.concepts() - {
        "days",
        "pronoun",
        "same",
        "compare",
        "sma",
        "ema",
        "rsi",
        "volatility",
        "add",
        "unit",
        "return",
    }
    other = any(reading.has(name) and name not in (previous.metric or "") for name in ("sma", "ema", "rsi"))
    if previous.topic == "correlation" and not rest - {"correlation"} and not slots.symbols:
        length = window_of(reading, None, "sma")
        options = {**previous.options, "window": length}
        return Plan(outcome="answer", frame=previous.model_copy(update={"options": options})) if length else None
    if previous.topic not in ("metric", "performance") or rest or other:
        return None
    performance = previous.topic == "performance" and (
        "benchmark" in previous.options or "benchmark" in reading.text.lower()
    )
    measured = previous.metric in _BENCHMARKED or performance
    if measured and len(slots.symbols) == 1 and _BENCHMARK.search(reading.text):
        options = {**previous.options, "benchmark": slots.symbols[0]}
        return Plan(outcome="answer", frame=previous.model_copy(update={"options": options}))
    window = window_of(reading, None, "sma") if previous.metric in _WINDOWED and not slots.series else None
    if window is None and previous.metric in _WINDOWED and not slots.symbols and not slots.series:
        plain = [number.value for number in reading.numbers.values() if number.unit == "plain"]
        window = int(plain[0]) if len(plain) == 1 and plain[0] >= 2 else None
    if window is None:
        return None
    symbols = slots.symbols or previous.symbols
    changed: dict[str, Any] = {"window": window, "symbols": symbols}
    stretch = previous.period
    if stretch is not None and stretch.kind == "sessions" and previous.window in (None, stretch.sessions):
        # "Over the last 60 sessions", then "with 126": the stretch is what was measured over.
        changed["period"] = stretch.model_copy(update={"sessions": window, "count": window})
    return Plan(outcome="answer", frame=previous.model_copy(update=changed))


_BENCHMARK = re.compile(
    r"^\W*(?:and |now |or |ok )*(?:to|with) (?=\S+\W*$)|\b(?:benchmark|against|relative to|versus|vs)\b", re.I
)
_OF_BOTH = re.compile(r"\b(?:them|they|those|these|both|the two|between|each other|the pair)\b", re.I)
_BETWEEN = frozenset(
    {
        "spread",
        "ratio",
        "correlation",
        "compare",
        "pair",
        "pronoun",
        "return",
        "chart",
        "volatility",
        "sharpe",
        "drawdown",
    }
)


def _between_both(reading: Reading, slots: Slots, universe: Universe, previous: Frame) -> Plan | None:
    """Return the plan of "the difference between them" after two turns that each named one."""
    if not previous.others or not _OF_BOTH.search(reading.text) or slots.symbols or slots.series or slots.group:
        return None
    now = previous.series or previous.symbols
    if len(now) != 1 or not reading.concepts() <= _BETWEEN:
        return None
    kind = "macro" if previous.series else "symbol"
    for name in (*previous.others, *now):
        reading.spans.append(Span(kind=kind, value=name, start=-1, end=-1))
    return first_rule(reading, take_slots(reading, universe), universe, previous)


def _largest_held(reading: Reading, slots: Slots, previous: Frame) -> Plan | None:
    """Answer "which one is the biggest" about the positions that were shown."""
    shown = previous.topic == "portfolio" or (previous.topic == "book" and previous.metric == "positions")
    asked = reading.has("best", "worst") and reading.concepts() <= {
        "best",
        "worst",
        "pronoun",
        "portfolio",
        "return",
        "pnl",
    }
    if not shown or not asked or slots.symbols or slots.group or slots.series or previous.symbols:
        return None
    sized = re.search(r"\b(?:biggest|largest|smallest|top|heaviest)\b", reading.text, re.I)
    order: Literal["asc", "desc"] = "asc" if _BOTTOM.search(reading.text) or "smallest" in reading.text else "desc"
    frame = Frame(topic="book", metric="positions", order=order, limit=slots.count or 1)
    if not sized:
        frame = frame.model_copy(update={"metric": "pnl", "period": slots.period or ALL})
    return Plan(outcome="answer", frame=frame, private=True)


_BY = re.compile(
    r"^\W*(?:and |now |ok |please |then )*(?:(?:split|broken down|break (?:it|that) down|show (?:it|that)|grouped) )?"
    r"by (position|holding|symbol|name|leg|strategy|cost|day|month)s?\W*$",
    re.I,
)


def _split_by(reading: Reading, slots: Slots, previous: Frame) -> Plan | None:
    """Split the profit that was shown: "by strategy"; by position it is the profit of each."""
    found = _BY.search(reading.text)
    if found is None or previous.topic != "book" or previous.metric != "pnl":
        return None
    said = found[1].lower()
    if said in ("position", "holding", "symbol", "name"):
        frame = Frame(topic="book", metric="pnl", period=previous.period, symbols=previous.symbols)
    else:
        frame = Frame(topic="pnl_split", period=previous.period, options={"by": [said]})
    return Plan(outcome="answer", frame=frame, private=True)


def _news_about(reading: Reading, slots: Slots, previous: Frame) -> Plan | None:
    """Narrow the news that was shown to those about something: "just the headlines about recalls"."""
    rest = reading.concepts() - {"news", "quoting", "pronoun", "same"}
    if previous.metric != "news" or rest or slots.symbols or slots.group or not _ONES.search(reading.text):
        return None
    plan = news(reading, slots)
    topic = plan.frame.options.get("topic") if plan is not None and plan.frame is not None else None
    if not topic:
        return None
    changed = {"options": {**previous.options, "topic": topic}, "period": slots.period or previous.period}
    return Plan(outcome="answer", frame=previous.model_copy(update=changed))


_STATES = {"rejected": "rejected", "cancelled": "cancelled", "fills": "filled", "working": "open", "pending": "pending"}


def _of_a_state(reading: Reading, slots: Slots, previous: Frame) -> Plan | None:
    """Narrow the orders or proposals that were shown: "just the cancelled ones", "only the open ones"."""
    said = re.search(r"\b(open|approved|expired)\b", reading.text, re.I)
    found = [_STATES[name] for name in _STATES if reading.has(name)] or ([said[1].lower()] if said else [])
    rest = reading.concepts() - {*_STATES, "pronoun", "orders", "proposals", "same", "add", "approve"}
    listed = previous.topic == "book" and previous.metric in ("orders", "proposals")
    named = (
        slots.series
        or slots.group
        or reading.numbers
        or (reading.has("orders", "proposals") and not _ONES.search(reading.text))
    )
    if not listed or len(found) != 1 or rest or named:
        return None
    frame = previous.model_copy(
        update={
            "options": {**previous.options, "state": found[0]},
            "symbols": slots.symbols or previous.symbols,
            "period": slots.period or previous.period,
        }
    )
    return Plan(outcome="answer", frame=frame, private=True)


_ONES = re.compile(r"\b(?:ones?|just|only|of (?:them|those|these)|which)\b", re.I)
_BASKETS = (("core_cpi", "cpi"), ("core_pce", "pce"))


def _other_basket(reading: Reading, previous: Frame) -> tuple[str, ...]:
    """Return the series of "same for headline" or "and core?" after one of the two."""
    wanted = re.search(r"\b(headline|core)\b", reading.text, re.I)
    if not wanted or len(reading.concepts() - {"same", "news", "pronoun", "compare"}) or len(previous.series) != 1:
        return ()
    core = wanted[1].lower() == "core"
    return next(((pair[0] if core else pair[1],) for pair in _BASKETS if previous.series[0] in pair), ())


def _shown_otherwise(reading: Reading, slots: Slots, previous: Frame) -> Plan | None:
    """Draw the same prices as candles, or list the other end of the same ranking."""
    if previous.topic == "chart" and _CANDLES.search(reading.text) and not reading.leftovers():
        return Plan(outcome="answer", frame=previous.model_copy(update={"options": {"kind": "candlestick"}}))
    if previous.order is None or previous.metric is None or not _OTHER_END.search(reading.text):
        return None
    order: Literal["asc", "desc"] = "asc" if _BOTTOM.search(reading.text) else "desc"
    update: dict[str, Any] = {"order": order}
    if slots.period is not None and slots.period.kind != "latest":
        update["period"] = slots.period
    if previous.metric in ("high", "low"):
        update["metric"] = "low" if order == "asc" else "high"
    if previous.aggregation in ("minimum", "maximum"):
        update["aggregation"] = "minimum" if order == "asc" else "maximum"
    counts = [number.value for number in reading.numbers.values() if number.unit == "plain"]
    if len(counts) == 1 and counts[0] == int(counts[0]) > 0:
        update["limit"] = int(counts[0])
    return Plan(outcome="answer", frame=previous.model_copy(update=update))


def _changed(reading: Reading, slots: Slots, previous: Frame) -> Plan:
    symbols, series = slots.symbols, slots.series
    update: dict[str, Any] = {}
    if len(symbols) == 1 and set(reading.rejected) & set(previous.symbols):
        # "Ether in place of bitcoin": one of them changes, the others stay.
        symbols = tuple(symbols[0] if symbol in reading.rejected else symbol for symbol in previous.symbols)
        return _with_slots(reading, slots, previous, symbols, series, update)
    if (symbols or series) and not previous.group:
        update["others"] = previous.series if series else previous.symbols
    if reading.has("add") or _AS_WELL.search(reading.text):
        symbols = tuple(dict.fromkeys((*previous.symbols, *symbols)))
        series = tuple(dict.fromkeys((*previous.series, *series)))
    elif reading.has("remove"):
        symbols = tuple(symbol for symbol in previous.symbols if symbol not in symbols)
    elif reading.has("compare") and symbols:
        symbols = tuple(dict.fromkeys((*previous.symbols, *symbols)))
        if previous.topic in ("performance", "metric") and previous.metric in (
            None,
            "return",
            "volatility",
            "sharpe_ratio",
            "max_drawdown",
        ):
            update["topic"] = "performance"
    return _with_slots(reading, slots, previous, symbols, series, update)


def _with_slots(
    reading: Reading,
    slots: Slots,
    previous: Frame,
    symbols: tuple[str, ...],
    series: tuple[str, ...],
    update: dict[str, Any],
) -> Plan:
    if symbols:
        update.update(symbols=symbols, group=None)
    elif slots.group:
        update.update(group=slots.group, symbols=())
    if series and previous.series:
        update["series"] = series
    turns = slots.period is not None and slots.period.kind == "latest" and _NOW.match(reading.text)
    if slots.period is not None and not turns:
        about_news = previous.metric in ("news", "news_count", "sentiment")
        update["period"] = of_the_month(slots.period, reading) if about_news else slots.period
    if slots.grain:
        update["grain"] = slots.grain
        if previous.topic == "chart":
            update |= {
                "topic": "metric",
                "metric": "close",
                "aggregation": "list",
                "order": "asc",
                "chart": True,
                "options": {},
            }
    if slots.count is not None and previous.limit is not None:
        update["limit"] = slots.count
    if slots.topics and previous.metric == "economic_events":
        update["options"] = {**previous.options, "topic": slots.topics[0]}
    return Plan(
        outcome="answer",
        frame=previous.model_copy(update=update),
        private=previous.topic in ("book", "portfolio", "trade"),
    )
