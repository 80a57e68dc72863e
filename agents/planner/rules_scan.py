"""Understand scans: a timing condition inside a sentence."""

from __future__ import annotations

import re

from agents.planner.text import plain
from core.errors import InvalidInput

_ASKS = re.compile(r"^\s*(?:please\s+)?(?:scan|screen|search|find|list|show me|show|which|what)\b", re.IGNORECASE)
_BEFORE = re.compile(r"\b(?:where|whose|for|with|having|have|has|that|on which|are|is)\b|:", re.IGNORECASE)
_LOOKS = re.compile(r"[<>]|==|\w\(|crosses_")


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
