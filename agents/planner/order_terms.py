"""Read what an order says beyond its side and count: conditional prices, linked pairs, legs."""

from __future__ import annotations

import re
from typing import Any

from agents.planner.arguments import canonical
from agents.planner.reading import Reading

_N = r"\$?(\d+(?:\.\d+)?)(?!\d*%)"
_AT = r"(?:(?: at| of| is| price| :| order|=)* )"
_WHEN = r"(?:if|when|whenever|once|should|as soon as|after|only)"
_FALLS = (
    r"(?:(?:falls?|drops?|dips?|slides?|sinks?|goes|gets|comes|pulls back|trades?|breaks?)(?: back)?(?: down)? "
    r"(?:to|below|under|beneath)|"
    r"(?:falls?|drops?|dips?|slides?|sinks?)(?: back)?(?: to)?|is (?:below|under)|down to)"
)
_RISES = (
    r"(?:(?:rises?|climbs?|goes|gets|trades?|breaks?|moves?|closes?|crosses|rallies)(?: back)?(?: up| out)? "
    r"(?:above|over|through|past|beyond)|"
    r"(?:rises?|climbs?|rallies|jumps?)(?: back)?(?: up)?(?: to)?|is (?:above|over)|up to)"
)
_FALLEN = re.compile(rf"\b{_WHEN}(?: [a-z'-]+){{0,3}}? {_FALLS} {_N}")
_RISEN = re.compile(rf"\b{_WHEN}(?: [a-z'-]+){{0,3}}? {_RISES} {_N}")
_HIT = re.compile(rf"\b{_WHEN}(?: [a-z'-]+){{0,3}}? (?:hits|touches|reaches|prints|gets to|trades at|is at) {_N}")
_LIMIT = re.compile(
    rf"\b(?:limit|take[- ]profit|profit|target|not below|not above|no (?:lower|less|worse|higher|more) "
    rf"than){_AT}{_N}|{_N} limit\b"
)
_STOP = re.compile(
    rf"\b(?:stop[- ]loss|stop loss|stop(?! limit)|trigger|if it trades|once it trades|when it trades){_AT}{_N}|"
    rf"{_N} (?:trigger|stop)\b"
)
_STOP_LIMIT = re.compile(r"\bstop[- ]limit\b")
_UNWINDS = re.compile(r"\b(?:unwind|trade (?:it|them) back|undo|reverse (?:it|them|the other)|back out)\b", re.I)
_IN_ORDER = re.compile(
    r"\b(?:in (?:that |this )?order|one after (?:the other|another)|in sequence|sequentially|only then)\b", re.I
)


def conditional(reading: Reading, side: str) -> dict[str, Any]:
    """Return "buy if it dips to 38.5" and "sell if it rises to 50" as limits, the other ways round as stops."""
    text = canonical(reading)
    fallen, risen = _FALLEN.search(text), _RISEN.search(text)
    if not fallen and not risen and reading.has("stop") and (hit := _HIT.search(text)):
        return {"order_type": "stop", "stop_price": float(hit[1])}
    found = fallen or risen
    if found is None or (fallen and risen):
        return {}
    price = float(found[1])
    better = (side == "buy") == bool(fallen)
    return {"order_type": "limit", "limit_price": price} if better else {"order_type": "stop", "stop_price": price}


def _first(form: re.Pattern[str], text: str) -> re.Match[str] | None:
    """Return the match with the figure after the word, or else the one with the figure before it."""
    found = list(form.finditer(text))
    overlapping = [hit for at in range(len(text)) if text[at - 1 : at] == " " and (hit := form.match(text, at))]
    return next((hit for hit in (*found, *overlapping) if hit[1]), found[0] if found else None)


def _price(found: re.Match[str] | None) -> float | None:
    return float(next(one for one in found.groups() if one)) if found else None


def stop_limit(reading: Reading) -> dict[str, Any]:
    """Return trigger and limit of a stop-limit order; empty unless both are said."""
    text = canonical(reading)
    stop, limit = _price(_first(_STOP, text)), _price(_first(_LIMIT, _STOP_LIMIT.sub(" ", text)))
    if not _STOP_LIMIT.search(text) or stop is None or limit is None:
        return {}
    return {"order_type": "stop_limit", "stop_price": stop, "limit_price": limit}


def linked_pair(reading: Reading, symbol: str, quantity: float | None) -> dict[str, Any]:
    """Return the limit and the stop order of "one cancels the other"; empty unless count and both prices are said.

    A limit above the stop is that of a sale, one below it that of a purchase; a side that says otherwise is none.
    """
    text = canonical(reading)
    limit, stop = _price(_first(_LIMIT, text)), _price(_first(_STOP, text))
    if not reading.has("linked") or limit is None or stop is None or quantity is None:
        return {}
    side = "sell" if limit > stop else "buy"
    if reading.has("buy", "sell") and not reading.has(side):
        return {}
    leg = {"symbol": symbol, "side": side, "quantity": quantity}
    return {
        "legs": [
            {**leg, "order_type": "limit", "limit_price": limit},
            {**leg, "order_type": "stop", "stop_price": stop},
        ],
        "legging": "one_cancels_other",
    }


def weighted_legs(reading: Reading) -> list[dict[str, Any]]:
    """Return the legs of "TLT up to 10% of nav and SPY to 25%": each symbol with the weight said after it."""
    marks: list[tuple[int, str | float]] = [
        (span.start, span.value) for span in reading.spans if span.kind == "symbol" and span.start >= 0
    ]
    marks += [(at, number.value) for at, number in reading.numbers.items() if number.unit == "percent"]
    found = [value for _, value in sorted(marks, key=lambda mark: mark[0])]
    pairs = list(zip(found[::2], found[1::2], strict=False))
    fits = (
        len(found) >= 4 and len(found) % 2 == 0 and all(isinstance(a, str) and isinstance(b, float) for a, b in pairs)
    )
    return [{"symbol": symbol, "target_weight": weight} for symbol, weight in pairs] if fits else []


def together(reading: Reading) -> dict[str, str]:
    """Return how several legs depend on one another, where it is said."""
    out = {"on_failure": "unwind"} if _UNWINDS.search(reading.text) else {}
    return {**out, "legging": "in_order"} if _IN_ORDER.search(reading.text) else out
