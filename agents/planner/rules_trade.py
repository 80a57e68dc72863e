"""Understand orders and position sizing: side, quantity or weight, price, how long it stands."""

from __future__ import annotations

import re
from typing import Any

from agents.planner.concepts import SIGNS
from agents.planner.order_terms import conditional, linked_pair, stop_limit, together, weighted_legs
from agents.planner.plan import Frame, Plan
from agents.planner.reading import Reading, Span
from agents.planner.rules_refuse import unapproved
from agents.planner.slots import Slots

_SIDES = ("buy", "sell", "trim", "add_to")
_ALL_OF_IT = re.compile(
    r"\b(?:all|everything|entire|whole|completely|out of|exit|liquidate|close (?:out|my|the|our)|get rid of)\b",
    re.I,
)
_BUY_TYPO = re.compile(r"^\s*(?:please\s+|pls\s+)?by\b", re.I)
# A part of what is held: "half my MSFT", "a third of the KO position", "double my AAPL", "sell 50% of my TSLA".
_PART_WORDS = r"half(?! an? )|halve|halves|thirds?|fourths?|double|doubling|triple|tripling|remaining|rest"
_PART = re.compile(
    rf"\b(?:{_PART_WORDS}|(?:a|one|three)\s+quarters?(?=\s+of|\s+(?:from|off|in)\s+(?:my|our|the)\b))\b(?!\s+kelly)|(?:%|\bpercent|\bpct)\s+(?:of|"
    rf"off)\s+(?:my|our|the|these|its)\s+"
    r"(?!portfolio|book|nav|account|net|equity|total|cash|capital|money|assets)|\b(?:by)\s+[\d.]+\s*(?:%|percent)",
    re.I,
)
_HELD = re.compile(r"\b(?:my|our|position|positions|holding|holdings|shares)\b", re.I)
_GETS = re.compile(
    r"^\s*(?:please |pls )?(?:let'?s |lets |i(?:'d| would) like to |i want to )?(?:get|grab|pick up|take) (?:me )?\d",
    re.I,
)
_PUTS_STOP = re.compile(r"\b(?:put|place|set|add|attach)\b.{0,20}\bstop\b.*\b(?:on|for|under|below)\b", re.I)
_DOUBLES = re.compile(r"\b(?:double|doubling|triple|tripling|halve|halving)\b", re.I)
_TO = re.compile(r"\b(?:to|at|until|down to|up to|target|weight)\b", re.I)
_CLOSES = re.compile(r"\bclose (?:out )?(?:of )?(?:my|the|our|all)\b.*\bpositions?\b", re.I)
# What would be lost on the way to a proposal: a "do not", a second side, a minus sign, a condition.
_UNCLEAR = re.compile(
    r"\.\.\.? ?no\b|\bno,? (?:all of|make|wait|actually|scratch|i mean)\b|\bscratch that\b|\bactually,? no\b|"
    r"\b(?:don['’]?t|do not|never|not to)\s+(?:buy|sell|purchase)|\b(?:buy|sell)\b.*\b(?:and|then)\s+(?:buy|sell)\b|"
    r"\b(?:buy|sell|purchase)\s+[-−]\s*\d",
    re.I,
)
_CONDITION = re.compile(r"\bif\b.*\b(?:falls?|drops?|rises?|breaks?|closes?|hits?|reaches|goes)\b", re.I)
# A price that may have been read as a year: "at 2000".
_PRICED = re.compile(r"(?:\b(?:at|limit|stop|below|under)|@)\s*\$?\d[\d,.]*(?![\d,.]*\s*(?:%|percent|pct))", re.I)
_AS_ONE = re.compile(
    r"\b(?:as (?:one|a single|a) (?:trade|order|proposal|pair|spread)|together|(?:both |all )?at once|at the "
    r"same time|simultaneous\w*|unwind|in one (?:trade|go)|pair|spread)\b",
    re.I,
)
_HYPOTHETICAL = ("backtest", "simulate", "stress", "crossover")


def protects(reading: Reading) -> bool:
    """Say whether a stop is to be placed on what is held: "a stop on my MSFT at 400"."""
    return (
        reading.has("stop")
        and not reading.has("buy", "sell", "size", "limit")
        and (bool(_HELD.search(" ".join(word.low for word in reading.words))) or bool(_PUTS_STOP.search(reading.text)))
        and bool(reading.numbers)
    )


def is_trade(reading: Reading) -> bool:
    """Say whether a question asks for an order."""
    if reading.has(*_HYPOTHETICAL) or reading.has("when"):
        return False
    names = reading.values("symbol")
    told = re.fullmatch(r"(?:bought|sold)", " ".join(_side_words(reading))) is not None
    said = (
        (reading.has("buy", "sell") and not told)
        or bool(_CLOSES.search(reading.text))
        or (reading.has("trim", "add_to") and (reading.has("weight", "shares") or _share(reading)))
    )
    said = said or (bool(names) and bool(_DOUBLES.search(reading.text)) and bool(_HELD.search(reading.text)))
    said = said or (bool(names) and reading.has("trim", "add_to") and bool(_PART.search(reading.text)))
    said = said or (
        bool(names)
        and (protects(reading) or (reading.has("dca") and bool(reading.numbers) and not reading.has("risk")))
    )
    brought = (
        re.search(r"\b(?:tak|bring|mov|gett?|sett?|mak|putt?)(?:e?s?|ing)\b.*\bto\b", reading.text, re.I) is not None
    )
    said = said or (
        bool(names) and brought and _share(reading) is not None and reading.has("nav", "weight", "portfolio")
    )
    said = said or (bool(names) and reading.has("linked", "immediate", "fill_or_kill") and bool(reading.numbers))
    said = said or (bool(names) and _GETS.search(reading.text) is not None)
    typo = bool(_BUY_TYPO.search(reading.text)) and _quantity(reading) is not None
    ordered = (
        reading.has("orders", "send_now")
        and reading.has("send_now", "bypass", "propose")
        and bool(names)
        and bool(reading.numbers)
    )
    weighed = _share(reading) is not None and reading.has("weight", "nav", "portfolio", "exposure")
    counted = _quantity(reading) is not None or reading.has("shares")
    proposed = reading.has("propose") and bool(names) and (counted or weighed)
    question = re.match(
        r"\s*(?:did|do(?! not)|does|was|were|are|have|has|when|what (?:did|does|would)|how much did|why|"
        r"how many|which|who|am|is)\b",
        reading.text,
        re.I,
    )
    # "The correlation between gold and the long treasury ETF" buys nothing.
    measured = reading.has("correlation", "beta", "sharpe", "drawdown") and not reading.numbers
    if measured or re.search(r"\b(?:did|have|had) (?:i|we)\b", reading.text, re.I):
        return False
    return (said or typo or ordered or proposed) and not (question and not reading.has("propose"))


def _side_words(reading: Reading) -> list[str]:
    """Return the words that say a side; "my nephew bought some" tells, it does not order."""
    spans = (
        span for span in reading.spans if span.kind == "concept" and span.value in ("buy", "sell") and span.start >= 0
    )
    return [reading.words[at].low for span in spans for at in range(span.start, span.end)]


def trade(reading: Reading, slots: Slots, previous: Frame | None) -> Plan:
    """Return the plan of an order, or a question about the part that is missing."""
    # "Get me 15 shares then", after one name was talked about.
    goes_on = reading.has("pronoun") or (reading.has("shares") and previous is not None and len(previous.symbols) == 1)
    symbols = slots.symbols or (previous.symbols if previous and goes_on else ())
    if legs := _legs(reading, symbols) or (weighted_legs(reading) if len(symbols) > 1 else []):
        pair = Frame(topic="trade", symbols=symbols, options={"legs": legs, **together(reading)})
        return Plan(outcome="needs_approval", frame=pair, private=True)
    if len(symbols) != 1:
        return _ask(
            "Which one instrument should the proposal be for?"
            if not symbols
            else "One proposal at a time: which of " + ", ".join(symbols) + " comes first?"
        )
    if reading.has("linked"):
        return _linked(reading, symbols[0])
    side = _side(reading)
    priced = stop_limit(reading) or conditional(reading, side)
    if refused := _cannot_wait(reading, slots, symbols[0], conditioned=not priced):
        return _ask(refused)
    options: dict[str, Any] = {"side": side, **(priced or _price(reading)), **_standing(reading)}
    if options["order_type"] == "market" and reading.periods and _PRICED.search(reading.text):
        return _ask(f"Is that a price or a year? Say it as “{side} N {symbols[0]} limit P”, with P the price.")
    notes: list[str] = []
    weight = _share(reading)
    quantity = _quantity(reading)
    if priced:
        notes.append(f"Read as a {str(options['order_type']).replace('_', '-')} order.")
    part = _is_part(reading, side, weight)
    if part and (share := _part_of(reading, weight)) is None:
        return _ask_part(symbols, options)
    if quantity is None and (money := _money(reading)) is not None:
        return _ask_money(symbols[0], side, money, options)
    counted = {"position_share": share} if part else _counted(reading, side, weight, quantity)
    if not counted:
        return _ask(
            f"How many shares of {symbols[0]} should I propose to {side}? I do not choose a quantity myself; "
            f"“size a position in {symbols[0]}” works one out.",
            Frame(topic="trade", symbols=symbols, options=options),
        )
    options.update(counted)
    if reading.has("bypass") or unapproved(reading):
        notes.append("No order goes out without a person's approval: this is a proposal that waits for it.")
    if not _sided(reading):
        notes.append("No side was said: read as a buy.")
    wants = ("sizing",) if (options.get("target_weight") and side == "sell") or reading.has("trim", "add_to") else ()
    frame = Frame(topic="trade", symbols=symbols, options=options, wants=wants)
    return Plan(outcome="needs_approval", frame=frame, notes=tuple(notes), private=True)


def _sided(reading: Reading) -> bool:
    closes = _CLOSES.search(reading.text) or _BUY_TYPO.search(reading.text)
    return reading.has(*_SIDES) or protects(reading) or closes is not None


def _counted(reading: Reading, side: str, weight: float | None, quantity: float | None) -> dict[str, float]:
    """Return the weight to reach or the count of an order; empty if neither is said."""
    if weight is not None and _is_weight(reading):
        return {"target_weight": weight}
    if quantity is not None:
        return {"quantity": quantity}
    return {"target_weight": 0.0} if side == "sell" and _ALL_OF_IT.search(reading.text) else {}


def _linked(reading: Reading, symbol: str) -> Plan:
    """Return the plan of a limit and a stop order of which one cancels the other."""
    pair = linked_pair(reading, symbol, _quantity(reading))
    if not pair:
        return _ask(
            "A linked pair needs a count, a limit and a stop: "
            f"“sell N {symbol}, limit P, stop Q, one cancels the other”."
        )
    return Plan(outcome="needs_approval", frame=Frame(topic="trade", symbols=(symbol,), options=pair), private=True)


def _cannot_wait(reading: Reading, slots: Slots, symbol: str, *, conditioned: bool) -> str:
    """Return what to say to an order for later, with a condition or with a second side; empty for a plain one.

    A condition that a limit or a stop says as well is none: `conditioned` is False then.
    """
    if any(period.kind == "next" for period in slots.periods):
        return (
            "An order goes out when a person has approved it; I do not schedule one for later. "
            f"Ask again then, or say it without the date and I propose it now for {symbol}."
        )
    if _UNCLEAR.search(reading.text) or (conditioned and _CONDITION.search(reading.text)):
        return "I propose one plain order at a time, without conditions. Say it as “buy N of it” or “sell N of it”."
    return ""


def _legs(reading: Reading, symbols: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the legs of "buy 10 SPY and sell 10 QQQ as one trade": each symbol with its own side and count.

    Empty unless it is said that they are one trade, and every symbol has a side and a count directly before it.
    """
    if len(symbols) < 2 or not _AS_ONE.search(reading.text) or reading.has("limit", "stop"):
        return []
    spans = sorted(reading.spans, key=lambda span: span.start)
    legs: list[dict[str, Any]] = []
    side: str | None = None
    count: float | None = None
    for span in spans:
        if span.kind == "concept" and span.value in ("buy", "sell"):
            side, count = span.value, None
        elif span.kind == "number" and span.start in reading.numbers and reading.numbers[span.start].unit == "plain":
            count = reading.numbers[span.start].value
        elif span.kind == "symbol":
            if side is None or count is None:
                return []
            legs.append({"symbol": span.value, "side": side, "quantity": count})
            count = None
    return legs if len(legs) == len(symbols) else []


def is_part_word(word: str) -> bool:
    """Say whether a word tells a part of a holding, such as half or third."""
    return re.fullmatch(rf"{_PART_WORDS}|quarters?", word.lower()) is not None


def _is_part(reading: Reading, side: str, weight: float | None) -> bool:
    """Say whether a part of the holding is meant, which is no share of net asset value."""
    if _PART.search(reading.text):
        return True
    named = reading.has("weight", "nav", "portfolio", "exposure", "weight_verb") or _TO.search(reading.text)
    return side == "sell" and weight is not None and not named


_PARTS = {
    "half": 0.5, "halve": 0.5, "halves": 0.5, "halving": 0.5, "third": 1 / 3, "thirds": 1 / 3, "quarter": 0.25,
    "quarters": 0.25, "fourth": 0.25, "fourths": 0.25, "double": 1.0, "doubling": 1.0,
}  # fmt: skip


def _part_of(reading: Reading, weight: float | None) -> float | None:
    """Return the share of what is held that "half my MSFT" or "50% of my TSLA" names; None where it is not plain."""
    said = [at for at, word in enumerate(reading.words) if word.low in _PARTS]
    if weight is not None:
        return weight if not said and 0.0 < weight <= 1.0 else None
    if len(said) != 1:
        return None
    # The figure of "two thirds" counts parts and nothing else.
    count = reading.numbers.pop(said[0] - 1, None)
    share = _PARTS[reading.words[said[0]].low] * (count.value if count else 1.0)
    return share if 0.0 < share <= 1.0 else None


def _ask_part(symbols: tuple[str, ...], options: dict[str, Any]) -> Plan:
    kept = {key: value for key, value in options.items() if key == "side"}
    return _ask(
        f"A proposal needs a number of {symbols[0]}, and I do not work one out of a part of a holding. "
        f"What you hold is above, if anything; say the number, such as “{options['side']} N {symbols[0]}”, "
        f"or the weight to reach, such as “{symbols[0]} to N percent of the portfolio”.",
        Frame(topic="trade", symbols=symbols, options=kept, wants=("part",)),
    )


def _money(reading: Reading) -> float | None:
    """Return the amount of "buy $2,000 of AAPL"; a price after at, limit or stop is none."""
    taken = price_positions(reading)
    return next(
        (n.value for at, n in sorted(reading.numbers.items()) if n.unit == "money" and at not in taken),
        None,
    )


def _ask_money(symbol: str, side: str, money: float, options: dict[str, Any]) -> Plan:
    return _ask(
        f"Proposals are made in shares, not in money, and I do not divide ${money:,.0f} by a price that moves. "
        f"Ask for the price of {symbol}, then say how many to {side}; "
        f"or name a weight, such as “{side} {symbol} to N percent of the portfolio”.",
        Frame(topic="trade", symbols=(symbol,), options=options),
    )


def size(reading: Reading, slots: Slots, previous: Frame | None) -> Plan:
    """Return the plan of sizing a position."""
    symbols = slots.symbols or (previous.symbols[:1] if previous else ())
    if len(symbols) > 1 and re.search(r"\b(?:below|under|above|from|off|to) the market\b", reading.text, re.I):
        # A stop is below the market price of what is bought, which is no instrument of its own.
        reading.spans = [span for span in reading.spans if span.kind != "symbol" or not _is_market(reading, span)]
        symbols = tuple(symbol for symbol in symbols if symbol in reading.values("symbol"))
    if len(symbols) != 1:
        return _ask("Which one instrument should I size?")
    method = _method(reading)
    if reading.has("var") and method != "cvar_budget":
        return _ask("I size by the expected shortfall, not by the value at risk: which expected shortfall may it add?")
    options: dict[str, Any] = {"method": method} if method else {}
    options.update(_size_figures(reading, method))
    if "target_weight" in options and not method:
        options = {"method": "fixed_fraction", **options}
    if options.get("method") == "risk_per_stop" and not {"stop_price", "stop_distance"} & set(options):
        return _ask(
            f"At which price, or how far below the price, would the stop of {symbols[0]} be? For example 8 %.",
            Frame(topic="size", symbols=symbols, options=options),
        )
    return Plan(outcome="answer", frame=Frame(topic="size", symbols=symbols, options=options), private=True)


def _is_market(reading: Reading, span: Span) -> bool:
    return any(word.low == "market" for word in reading.words[span.start : span.end])


def _method(reading: Reading) -> str:
    """Return how a position is to be sized, or an empty text where nothing says it."""
    if re.search(r"\bkelly\b", reading.text, re.I):
        return (
            "estimated_kelly"
            if re.search(r"\b(?:estimated|shrunk|shrunken|adjusted)\b", reading.text, re.I)
            else "kelly"
        )
    if reading.has("shortfall"):
        return "cvar_budget"
    if reading.has("volatility", "volatility_target"):
        return "volatility_target"
    if reading.has("atr"):
        return "atr_risk"
    if reading.has("stop") or re.search(r"\brisk", reading.text, re.I):
        return "risk_per_stop"
    share = (
        r"(?:%|percent|pct) (?:(?:position|holding|allocation|stake|weight)\b|"
        r"of (?:my|our|the) (?:account|book|portfolio|nav|equity|estate|capital|money|bankroll|pot)\b)"
    )
    share_of_it = re.search(share, reading.text, re.I) or (reading.first_number("percent") and not reading.has("risk"))
    return "fixed_fraction" if reading.has("weight") or share_of_it else ""


_OF_PERCENT = {"fixed_fraction": "target_weight", "volatility_target": "target_volatility"}


def _size_figures(reading: Reading, method: str) -> dict[str, float]:
    """Return the figures of a sizing: a percentage by the method, a stop, the equity, a count of ranges."""
    out: dict[str, float] = {}
    stop_at = reading.position("stop")
    others = [at for at in reading.numbers if not _is_equity(reading, at)]
    closest = min(others, key=lambda at: (abs(at - stop_at - 1), -at), default=-1) if stop_at >= 0 else -1
    shares = [number for number in reading.numbers.values() if number.unit == "percent"]
    caps = set() if method in ("cvar_budget", "volatility_target") and len(shares) == 1 else _caps(reading)
    lost = _lost_at_stop(reading)
    for at, number in sorted(reading.numbers.items()):
        if at == lost:
            continue
        if at in caps:
            out["max_weight"] = number.value
            continue
        near_stop = at == closest and abs(at - stop_at) <= 4 and method != "atr_risk"
        if number.unit == "plain" and method == "volatility_target" and _word_after(reading, at) == "vol":
            out["target_volatility"] = number.value / 100
            continue
        if number.unit == "percent":
            out[_OF_PERCENT.get(method, "stop_distance" if near_stop else "risk_fraction")] = number.value
        elif number.unit == "bps":
            out["risk_fraction"] = number.value / 1e4
        elif near_stop:
            out["stop_price"] = number.value
        elif _is_equity(reading, at):
            out["equity"] = number.value
        elif method == "atr_risk" and number.unit == "plain":
            out["ranges"] = number.value
    if not method and set(out) == {"equity"}:
        # All of the money is to be spent: "how many shares can I get for 5,000".
        out |= {"target_weight": 1.0, "max_weight": 1.0}
    if lost is not None and "equity" in out:
        out["risk_fraction"] = round(reading.numbers[lost].value / out["equity"], 10)
    return out


def _caps(reading: Reading) -> set[int]:
    """Return the places of the percentages that cap a weight: "cap it at 15% of nav", "max 10%", "no more than 20%"."""
    found = set()
    for at, number in reading.numbers.items():
        before = " ".join(word.low for word in reading.words[max(0, at - 4) : at])
        earlier = " ".join(word.low for word in reading.words[max(0, at - 6) : at])
        if (
            number.unit == "percent"
            and not re.search(r"\b(?:los|risk)\w*|\bcosts? (?:us|me|the)\b", earlier)
            and re.search(
                r"\b(?:cap(?:ped)?|max(?:imum)?|at most|no more than|never (?:above|over|more than)|"
                r"limit(?:ed)?|up to)(?: \w+){0,3}$",
                before,
            )
        ):
            found.add(at)
    return found


def _lost_at_stop(reading: Reading) -> int | None:
    """Return the place of the money of "willing to lose 2k", "risking $500"."""
    for at, number in reading.numbers.items():
        before = " ".join(word.low for word in reading.words[max(0, at - 4) : at])
        if number.unit in ("plain", "money") and re.search(
            r"\b(?:lose|losing|risk|risking|loss of)(?: (?:at|most|only|up|to|max|maximum|about))*$", before
        ):
            return at
    return None


def _is_equity(reading: Reading, at: int) -> bool:
    """Say whether a figure is what the account is worth: "a $50,000 account", "if I have 250k"."""
    number, after = reading.numbers[at], _word_after(reading, at)
    text = " ".join(word.low for word in reading.words[:at])
    has = re.search(
        r"\b(?:(?:(?:i|we)(?: have|'ve| had| got)|ive|i've|weve|we've)(?: got| have)?(?: about| around| only)?|"
        r"(?:equity|capital|"
        r"account|bankroll|savings|budget) (?:of|is)|(?:%|percent|\d) of(?: my| our| a| the)?)$",
        text,
    )
    for_money = number.unit == "money" or re.fullmatch(r"[\d.,]+[km]", reading.words[at].low) or number.words > 1
    has = has or (re.search(r"\b(?:with|for|out of|on|from)(?: just| only| about)?$", text) if for_money else None)
    if has and for_money and after not in ("stop", "limit", "shares", "a", "below", "above"):
        return True
    if (
        for_money
        and not after
        and not re.search(r"\b(?:stop|los\w*|risk\w*|limit|at|below|above|under)(?: \w+)?$", text)
    ):
        return True
    if (
        after in ("total", "in")
        and re.search(r"\b(?:total|in total|in cash|in all)\b", reading.text, re.I)
        and for_money
    ):
        return True
    has = has or (re.search(r"\bwith$", text) if after not in ("stop", "limit") else None)
    if has and after in ("equity", "capital", "account", "cash"):
        return True
    named = after in ("account", "portfolio", "book", "capital", "equity")
    has = has or re.search(r"\b(?:equity|capital|account|nav|bankroll)(?: value)?(?: is| of| =)?$", text)
    if number.value >= 10_000 and not after:
        has = has or re.search(r"\b(?:on|with)$", text)
    return number.unit in ("money", "plain") and (named or (has is not None and (number.unit == "money" or not after)))


def _word_after(reading: Reading, at: int) -> str:
    after = at + reading.numbers[at].words
    following = reading.words[after].low if after < len(reading.words) else ""
    return following if following not in SIGNS else ""


def _ask(question: str, frame: Frame | None = None) -> Plan:
    return Plan(outcome="clarify", say=question, frame=frame, private=True)


def _side(reading: Reading) -> str:
    if _CLOSES.search(reading.text) or protects(reading):
        return "sell"
    first = min(
        ((reading.position(concept), concept) for concept in _SIDES if reading.has(concept)), default=(0, "buy")
    )[1]
    return "sell" if first in ("sell", "trim") else "buy"


def _is_weight(reading: Reading) -> bool:
    return reading.has("weight", "nav", "portfolio", "trim", "add_to", "exposure", "weight_verb") or bool(
        re.search(r"%|\bpercent\b", reading.text)
    )


def _share(reading: Reading) -> float | None:
    return reading.first_number("percent")


def _quantity(reading: Reading) -> float | None:
    """Return the count that stands before shares or a symbol, or after a side: "50 TSLA", "10 shares of AAPL"."""
    starts = {span.start: span for span in reading.spans}
    ends = {span.end: span for span in reading.spans}
    taken = price_positions(reading)
    for at, number in sorted(reading.numbers.items()):
        if number.unit != "plain" or at in taken:
            continue
        after, before = starts.get(at + number.words), ends.get(at) or ends.get(_before_whom(reading, at))
        if after and (after.kind == "symbol" or (after.kind == "concept" and after.value == "shares")):
            return number.value
        if (
            before
            and before.kind == "concept"
            and before.value in ("buy", "sell", "propose", "orders", "add_to", "trim")
        ):
            return number.value
        if before and before.kind == "symbol":
            return number.value
        following = reading.words[at + number.words].low if at + number.words < len(reading.words) else ""
        if following in ("of", "more"):
            return number.value
    return None


def _before_whom(reading: Reading, at: int) -> int:
    """Return the place before the person for whom is bought: "buy me 20"."""
    return at - 1 if at and reading.words[at - 1].low in ("me", "us", "myself") else at


def price_positions(reading: Reading) -> set[int]:
    """Return the places of the figures that are prices: those at a limit or a stop."""
    return {at for at in reading.numbers if _price_word(reading, at)}


def _price_word(reading: Reading, at: int) -> str:
    before = reading.words[at - 1].low if at else ""
    earlier = reading.words[at - 2].low if at > 1 else ""
    number = reading.numbers[at]
    after = reading.words[at + number.words].low if at + number.words < len(reading.words) else ""
    if (
        before in ("stop", "trigger")
        or after == "trigger"
        or (before in ("at", "of") and (earlier == "stop" or protects(reading)))
    ):
        return "stop"
    if (
        before in ("limit", "@")
        or (before in ("at", "price", "below", "under") and earlier not in ("stop",))
        or (before == "of" and earlier in ("limit", "price"))
        or after == "limit"
    ):
        return "limit"
    return ""


def _price(reading: Reading) -> dict[str, Any]:
    out: dict[str, Any] = {"order_type": "market"}
    for at, number in sorted(reading.numbers.items()):
        if number.unit not in ("plain", "money"):
            continue
        word = _price_word(reading, at)
        if word == "limit":
            out.update(order_type="limit", limit_price=number.value)
        elif word == "stop":
            out.update(order_type="stop", stop_price=number.value)
    return out


def _standing(reading: Reading) -> dict[str, Any]:
    if reading.has("immediate", "fill_or_kill"):
        return {"time_in_force": "fok" if reading.has("fill_or_kill") else "ioc"}
    return (
        {"time_in_force": "gtc"} if reading.has("gtc") else {"time_in_force": "day"} if reading.has("day_order") else {}
    )
