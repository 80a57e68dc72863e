"""Understand scans: a timing condition inside a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable

from agents.planner.text import plain
from core.errors import InvalidInput

_ASKS = re.compile(r"^\s*(?:please\s+)?(?:scan|screen|search|find|list|show me|show|which|what)\b", re.IGNORECASE)
_BEFORE = re.compile(r"\b(?:where|whose|for|with|having|have|has|that|on which|are|is)\b|:", re.IGNORECASE)
_LOOKS = re.compile(r"[<>]|==|\w\(|crosses_")


_RSI = (
    r"\brsi ?\(? ?(\d{1,2})? ?\)?(?: is| of| has| have| dropped| fallen| risen| still| sits| now)* (under|below|"
    r"less than|over|above|more than|greater than) (\d{1,2})\b"
)
_AVERAGE = (
    r"(?:its |the |their |a )?(\d{2,3})[- ]?(?:day|d|session)? ?(?:simple )?(?:moving averages?|moving "
    r"avg|averages?|avg|dma|sma|ma|line)\b"
)
_WORDED: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (r"\b(?:just )?(?:crossed|crossing|crosses|broke|breaking|moved|closed back|went) (above|below|over|under|"
     r"through) " + _AVERAGE,
     lambda found: f"crosses_{'below' if found[1] in ('below', 'under') else 'above'}(close, sma({found[2]}))"),
    (_RSI, lambda found: f"rsi({found[1] or 14}) {'<' if found[2] in ('under', 'below', 'less than') else '>'} "
                         f"{found[3]}"),
    # "Over the 50 and the 200 day average": both.
    (r"\b(above|over|below|under) (?:both )?(?:its |the |their )?(\d{2,3})[- ]?(?:day|d)?,? (?:and|&) " + _AVERAGE,
     lambda found: " and ".join(
         f"close {'<' if found[1] in ('below', 'under') else '>'} sma({days})" for days in (found[2], found[3]))),
    (r"\b(above|over|below|under) " + _AVERAGE,
     lambda found: f"close {'<' if found[1] in ('below', 'under') else '>'} sma({found[2]})"),
    (r"\b(?:52|fifty[- ]two)[- ]?(?:week|wk|w) (highs?|lows?)\b",
     lambda found: "close >= highest(close, 252)" if found[1].startswith("h") else "close <= lowest(close, 252)"),
    (r"\b(\d{2,3})[- ]?(?:day|d|session) (highs?|lows?)\b",
     lambda found: f"close >= highest(close, {found[1]})" if found[2].startswith("h") else f"close <= "
                                                                                           f"lowest(close, "
                                                                                           f"{found[1]})"),
    (r"\b(\d{2,3})[- ]?(?:day|d|session)? ?(?:simple )?(?:moving )?(?:averages?|avg|dma|sma|"
    r"ma)? (?:just )?(?:cross(?:es|ed|ing)?|"
     r"go(?:es)?|went) (above|below|over|under) (?:its |the |their |a )?(\d{2,3})[- ]?(?:day|d|session|dma)?\b",
     lambda found: f"crosses_{'below' if found[2] in ('below', 'under') else 'above'}(sma({found[1]}), "
     f"sma({found[3]}))"),
    (r"\bgolden cross\b", lambda found: "crosses_above(sma(50), sma(200))"),
    (r"\bdeath cross\b", lambda found: "crosses_below(sma(50), sma(200))"),
    (r"\badx (?:over|above) (\d{1,2})\b", lambda found: f"adx(14) > {found[1]}"),
    (r"\boversold\b", lambda found: "rsi(14) < 30"),
    (r"\boverbought\b", lambda found: "rsi(14) > 70"),
)  # fmt: skip


def scan_in_words(text: str) -> tuple[str, str] | None:
    """Return the condition of "tech: rsi under 35 and above 200dma" and the words that say where to look.

    None unless two things are asked of each instrument, or one that only a scan knows: a crossing, a new high or low.
    """
    left, found = text.lower(), []
    for form, write in _WORDED:
        while hit := re.search(form, left):
            found.append((hit.start(), write(hit)))
            left = left[: hit.start()] + " " * len(hit.group()) + left[hit.end() :]
    found = list(dict((said, (at, said)) for at, said in reversed(found)).values())
    if sum(said.startswith("rsi(") for _, said in found) > 1:
        # "Oversold, that is, an RSI below 35": the figure that is said goes before the usual one.
        found = [(at, said) for at, said in found if said not in ("rsi(14) < 30", "rsi(14) > 70")]
    only_a_scan = any("cross" in said or "highest" in said or "lowest" in said for _, said in found)
    asked = sum(said.count(" and ") + 1 for _, said in found)
    if not found or (asked < 2 and not only_a_scan):
        return None
    return " and ".join(said for _, said in sorted(found)), left


def scan(question: str) -> tuple[str, str] | None:
    """Return the condition of a question such as `scan stocks for rsi(14) < 30`, and the words before it.

    None when the question is not a scan. A condition that is almost one is returned as it stands, so that the tool can
    point at the column of what is wrong.
    """
    if not _ASKS.match(question) or not _LOOKS.search(question):
        return None
    from core.conditions.condition import read_condition

    text = plain(question).rstrip("?.! ")
    almost = None
    for found in _BEFORE.finditer(text):
        rest, before = text[found.end() :].strip(), text[: found.start()]
        if not _LOOKS.search(rest):
            break
        try:
            read_condition(rest)
        except InvalidInput:
            almost = almost or ((rest, before) if re.search(r"\w\(", rest) else None)
            continue
        return rest, before
    return almost if text.lower().startswith(("scan", "screen")) else None
