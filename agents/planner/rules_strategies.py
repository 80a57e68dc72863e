"""Understand what is said about a person's own strategies: enable, disable, scan, what protects them."""

from __future__ import annotations

import re
from typing import Any

from agents.planner.plan import Call, Frame, Plan
from agents.planner.slots import Slots

_SCAN = re.compile(
    r"^\s*(?:please\s+)?(?:scan|check|run|look at|what do|what does)\b.*\b(?:strategy|strategies)\b", re.IGNORECASE
)
_STOPS = re.compile(
    r"\b(?:stops?|stop[- ]loss(?:es)?|targets?)\b.*\b(?:rests?|resting|watched|protected)\b"
    r"|\b(?:which|what|how)\b(?=.*\bprotect(?:s|ed)?\b).*\bstrateg(?:y|ies)\b",
    re.IGNORECASE,
)
_RUN_MINE = re.compile(
    r"\b(?:my|our) (?:saved |enabled )?(?:strategy|strategies)\b.*\b(?:run|scan|check)\b.*\b(?:bars?|signals?|"
    r"proposals?|all)\b",
    re.I,
)
_SWITCH = re.compile(
    r"^\s*(?:please\s+)?(enable|activate|disable|deactivate|save|store|keep|create|set up)\s+(.+)$",
    re.IGNORECASE | re.DOTALL,
)
_STRATEGY = re.compile(r"\b(?:strategy|strategies)\b", re.IGNORECASE)
_QUOTED = re.compile(r"[\"“‘]([^\"“”‘’]+)[\"”’]")
_NAMED = re.compile(
    r"\b(?:called|named)\s+(\S[^?.!,:]*?)(?=\s*:|\s+with\b|,|$)|\bmy strategy\s+(?:called\s+|named\s+)?(\S[^?.!,]*)$",
    re.IGNORECASE,
)
_WEIGHT = re.compile(
    r"(?:with|at|using|,)\s+(?:at most\s+|up to\s+)?([\d.]+)\s*(?:%|percent)(?!\s*(?:stop|loss))", re.IGNORECASE
)
_STOP = re.compile(
    r"\bstop(?:[- ]loss)?\s*(?:of|at)?\s*([\d.]+)\s*(?:%|percent)|([\d.]+)\s*(?:%|percent)\s+stop", re.IGNORECASE
)


def strategies(question: str, slots: Slots) -> Plan | None:
    """Return the plan of a question about one's own strategies, None for any other question."""
    text = question.strip().rstrip("?.! ")
    if (_SCAN.match(text) or _RUN_MINE.search(text)) and not slots.symbols:
        named = _name(text)
        return _plan("scan_strategies", {} if named is None else {"strategy": named})
    if _STOPS.search(text) and not slots.symbols:
        return _plan("strategy_stops", {})
    found = _SWITCH.match(text)
    if not found or not _STRATEGY.search(text):
        return None
    if found[1].lower() in ("disable", "deactivate"):
        named = _name(text)
        if named is None:
            return _ask("Which of your strategies should I disable? Write its name in quotation marks.")
        return _plan("save_strategy", {"name": named, "enabled": False})
    return _enable(text, slots)


def _enable(text: str, slots: Slots) -> Plan:
    from core.strategies.loader import available

    kinds = [name for name in available() if re.search(rf"\b{name.replace('_', '[ _-]')}\b", text, re.IGNORECASE)]
    named = _name(text)
    if not slots.symbols:
        if named is None:
            return _ask("Which strategy, on which symbols? Such as: enable a pair strategy on KO and PEP.")
        return _plan("save_strategy", {"name": named, **_terms(text)})
    if len(kinds) != 1:
        return _ask(f"Which strategy should run on {', '.join(slots.symbols)}? Such as pair, timed or sma_crossover.")
    name = named or f"{kinds[0].replace('_', ' ')} {' '.join(slots.symbols)}"
    return _plan("save_strategy", {"name": name, "strategy": kinds[0], "symbols": list(slots.symbols), **_terms(text)})


def _terms(text: str) -> dict[str, Any]:
    weight, stop = _WEIGHT.search(text), _STOP.search(text)
    terms: dict[str, Any] = {}
    if weight:
        terms["weight"] = float(weight[1]) / 100
    if stop:
        terms["stop_loss"] = float(stop[1] or stop[2]) / 100
    if _DISABLED.search(text):
        terms["enabled"] = False
    return terms


_DISABLED = re.compile(
    r"\b(?:disabled|inactive|deactivated|dormant|switched off|turned off|paused|not (?:yet )?(?:enabled|active|"
    r"live|on)|"
    r"(?:don'?t|do not|without) (?:enabl\w+|activat\w+|scan\w*|switch\w* (?:it )?on|turn\w* (?:it )?on)(?: it)?|"
    r"(?:leave|keep) (?:it |that |this )?off)\b",
    re.IGNORECASE,
)


def _name(text: str) -> str | None:
    if quoted := _QUOTED.search(text):
        return quoted[1].strip()
    found = _NAMED.search(text)
    return None if found is None else (found[1] or found[2]).strip()


def _plan(tool: str, arguments: dict[str, Any]) -> Plan:
    frame = Frame(topic="strategies", options={"tool": tool, "arguments": arguments})
    return Plan(outcome="answer", frame=frame, calls=(Call(name=tool, args=arguments),), private=True)


def _ask(question: str) -> Plan:
    return Plan(outcome="clarify", say=question, private=True)
