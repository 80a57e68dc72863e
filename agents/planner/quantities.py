"""Read numbers with their units: money, percent, basis points, shares, levels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

NumberUnit = Literal["plain", "money", "percent", "bps"]

_SUFFIX = {"x": 1.0, "k": 1e3, "m": 1e6, "mm": 1e6, "mn": 1e6, "b": 1e9, "bn": 1e9}
_SCALE_WORDS = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "hundred": 1e2}
_NUMBER = re.compile(r"^([$€£]?)(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.?\d+)(bps?|bip?s?|pct|x|k|mm|mn|m|bn|b|%)?$")
UNIT_WORDS: dict[str, NumberUnit] = {
    "percent": "percent", "pct": "percent", "%": "percent", "percentage": "percent",
    "bp": "bps", "bps": "bps", "bips": "bps",
    "dollars": "money", "dollar": "money", "usd": "money", "bucks": "money",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """Hold a number, its unit and how many words it took; `value` of percent is a ratio, of bps basis points."""

    value: float
    unit: NumberUnit
    words: int


def read_number(words: list[str], at: int) -> Number | None:
    """Read the number that starts at a word, with its unit; None if there is none.

    "10%" and "ten percent" are the ratio 0.1, "20 bps" is 20, "$1,000", "60k" and "1000 dollars" are money
    or plain figures.
    """
    match = _NUMBER.match(words[at])
    if not match:
        return None
    sign, digits, suffix = match.groups()
    value = float(digits.replace(",", ""))
    unit: NumberUnit = "money" if sign else "plain"
    taken = 1
    if suffix in ("%", "pct"):
        return Number(value=value / 100, unit="percent", words=1)
    if suffix and suffix.startswith("b") and suffix not in ("b", "bn"):
        return Number(value=value, unit="bps", words=1)
    if suffix:
        value *= _SUFFIX[suffix]
    if at + taken < len(words) and words[at + taken] in _SCALE_WORDS:
        value *= _SCALE_WORDS[words[at + taken]]
        taken += 1
    return _with_unit_word(words, at, value, unit, taken)


def _with_unit_word(words: list[str], at: int, value: float, unit: NumberUnit, taken: int) -> Number:
    following = words[at + taken] if at + taken < len(words) else ""
    after = words[at + taken + 1] if at + taken + 1 < len(words) else ""
    if following == "basis" and after in ("point", "points"):
        return Number(value=value, unit="bps", words=taken + 2)
    if following in UNIT_WORDS:
        named = UNIT_WORDS[following]
        return Number(value=value / 100 if named == "percent" else value, unit=named, words=taken + 1)
    return Number(value=value, unit=unit, words=taken)


def split_pair(word: str) -> tuple[float, ...]:
    """Return the figures of "50/200" or "70/30/10"; empty if the word is no such list."""
    body = word.removesuffix("%")
    if not re.fullmatch(r"\d+(?:\.\d+)?(?:/\d+(?:\.\d+)?)+", body):
        return ()
    return tuple(float(part) for part in body.split("/"))
