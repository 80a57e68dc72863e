"""Read the parameters of a strategy as people say them: "enter at 2.5 sigma, exit at 0.5", "40 in 15 out"."""

from __future__ import annotations

import re
from typing import Any

from agents.planner.dates import MONTH, MONTHS
from agents.planner.reading import Reading

_NUMBER = r"(\d+(?:\.\d+)?)"
_SIGMA = r"(?:sigmas?|z(?:-?scores?)?|standard deviations?|std ?devs?|deviations?|sd|stdevs?)"
_DAYS = r"(?:[- ]?(?:day|days|session|sessions|d))?"
_IN = r"(?:enter(?:ing|s)?|entry|entries|get in|go in|open(?:ing)?|buy|trade)"
_OUT = r"(?:exit(?:ing|s)?|leav(?:e|ing)|get out|go out|clos(?:e|ing)|out|unwind)"
_TO = (
    r"(?: (?:at|above|beyond|when|on|a|an|the|it|is|of|spread|z|score|z-score|reaches|back|to|inside|within|"
    r"below|under|new))*"
)
_BREAK = r"(?:breakouts?|highs?|high breakouts?|channels?|donchian)"
_REVIEWS = {"week": "weekly", "month": "monthly", "quarter": "quarterly", "year": "yearly", "annual": "yearly"}

# Each parameter: how it is said, the more particular form first, with its figure in the first group.
_FORMS: dict[str, tuple[str, ...]] = {
    "entry_z": (rf"\bz(?:-?score)? (?:of )?{_NUMBER}", rf"\b{_IN}{_TO} {_NUMBER}", rf"\b{_NUMBER} ?{_SIGMA}"),
    "exit_z": (rf"\b{_OUT}{_TO} {_NUMBER}",),
    "entry_period": (
        rf"\b{_NUMBER}{_DAYS} (?:in|entry)\b", rf"\b{_NUMBER}{_DAYS} {_BREAK}\b", rf"\b{_BREAK}(?: of)? {_NUMBER}",
        rf"\b{_IN}{_TO} {_NUMBER}",
    ),
    "exit_period": (
        rf"\b{_NUMBER}{_DAYS} (?:out|exit)\b", rf"\b{_NUMBER}{_DAYS} lows?\b", rf"\b{_OUT}{_TO} {_NUMBER}",
    ),
    "window": (rf"\b{_NUMBER}{_DAYS} (?:rolling )?(?:window|lookback|look-back)", rf"\b(?:window|lookback)(?: "
                                                                                  rf"of)? {_NUMBER}"),
    "period": (rf"\b{_NUMBER}{_DAYS} (?:average|mean|band|bollinger|window)", rf"\b(?:window|period)(?: of)? "
                                                                              rf"{_NUMBER}"),
    "top": (rf"\b(?:top|best|strongest|leading) {_NUMBER}\b", rf"\b{_NUMBER} (?:best|strongest|leaders?|top)\b"),
    "hold": (rf"\b(?:top|best|strongest) {_NUMBER}\b",),
    "skip": (rf"\bskip(?:ping)?(?: the)?(?: last)? {_NUMBER}",),
    "hold_sessions": (rf"\bhold(?:ing)?(?: it| them)?(?: for)? {_NUMBER}{_DAYS}", rf"\bfor {_NUMBER} (?:days|"
                                                                                  rf"sessions)\b"),
    "threshold": (rf"\b(?:surprises?|beats?)(?: (?:of|above|over|beyond|more than|at least))* {_NUMBER} ?%",),
    "max_leverage": (rf"\b(?:up to|max(?:imum)?|at most|capped at)(?: a| leverage| of)* {_NUMBER} ?x?\b",),
    "days_before": (rf"\blast {_NUMBER}(?: trading)? days", rf"\b{_NUMBER}(?: trading)? (?:days?|sessions?) before",),
    "days_after": (rf"\bfirst {_NUMBER}(?: trading)? days", rf"\b{_NUMBER}(?: trading)? (?:days?|sessions?) after",),
}  # fmt: skip
_OF = {
    "pair": ("entry_z", "exit_z", "window"),
    "fly": ("entry_z", "exit_z", "window"),
    "mean_reversion": ("entry_z", "exit_z", "period"),
    "breakout": ("entry_period", "exit_period"),
    "rotation": ("top", "skip"),
    "switch": ("hold",),
    "momentum": ("skip",),
    "event_drift": ("hold_sessions", "threshold"),
    "volatility_target": ("max_leverage", "window"),
    "seasonality": ("days_before", "days_after"),
}
_RATIOS = frozenset({"entry_z", "exit_z", "threshold", "max_leverage"})
_PERCENT = frozenset({"threshold"})
_SHORTABLE = ("breakout", "mean_reversion", "momentum", "sma_crossover", "event_drift")
_SHORT = re.compile(
    r"\b(?:long(?: and |/| or |-)short|go(?:ing)? short|short(?:ing)? (?:side|too|allowed|as well)|both (?:ways|"
    r"sides|directions)|"
    r"allow(?:ing|ed)? short(?:s|ing)?|with shorts?|short when)\b",
    re.I,
)
_REVIEWED = re.compile(
    r"\b(?:rebalance|rebalanced?|rebalancing|review(?:ed)?|re-?ranked|refreshed|updated|reset)\b(?: (?:it|every|"
    r"each|once|a|the|of|them))*"
    r" (week|month|quarter|year|annual)(?:ly|s)?\b|\b(week|month|quarter|annual|year)(?:ly)? (?:rebalanc\w+|review)\b",
    re.I,
)


_MONTHLY = re.compile(
    r"\b(?:own|owning|hold|holding|held|long|invested|buy|buying|in the market)\b.*\b(?:only|just|each|"
    r"every)\b.*?\b(?:in|during|from|between) "
    rf"({MONTH})(?: (?:to|through|thru|until|till|-|and) ({MONTH}))?\b(?! (?:19|20)\d\d)",
    re.I,
)


def months_of(reading: Reading) -> list[int]:
    """Return the months of "own it only in November through January"; empty if no months are said to be held."""
    found = _MONTHLY.search(" ".join(word.low for word in reading.words))
    if found is None:
        return []
    first, last = MONTHS[found[1].lower()], MONTHS[(found[2] or found[1]).lower()]
    return [(first - 1 + step) % 12 + 1 for step in range((last - first) % 12 + 1)]


def parameters_of(reading: Reading, strategy: str | None) -> dict[str, Any]:
    """Return the parameters of a strategy that a question says, by their names in the strategy."""
    text = " ".join(word.low for word in reading.words).replace(" ( ", " ").replace(" ) ", " ")
    out: dict[str, Any] = {}
    for name in _OF.get(strategy or "", ()):
        for form in _FORMS[name]:
            if found := re.search(form, text):
                figure = float(found[1])
                out[name] = figure / 100 if name in _PERCENT else figure if name in _RATIOS else int(figure)
                text = text[: found.start()] + " " + text[found.end() :]
                break
    if strategy == "seasonality" and (months := months_of(reading)):
        out["months"] = months
    if strategy in _SHORTABLE and _SHORT.search(reading.text):
        out["allow_short"] = True
    if found := _REVIEWED.search(reading.text):
        often = _REVIEWS[(found[1] or found[2]).lower()]
        if strategy in ("rotation", "momentum", "switch"):
            out["review"] = often
        elif strategy == "buy_and_hold":
            out["rebalance"] = often
    return out
