"""Read what returns a statistic is to be measured on: "Sharpe on weekly returns"."""

from __future__ import annotations

import re

from agents.planner.plan import Frame, Plan
from agents.planner.reading import Reading
from core.query.semantic.metrics import SAMPLED

_RETURNS = (
    r"\b(hourly|daily|weekly|monthly|quarterly|yearly|annual)(?: (?:log|total|price|simple))? "
    r"(?:returns?|clos(?:es|ings?)|closing prices|prices|data|basis|bars|changes|moves|candles)\b"
)
_ON_RETURNS = re.compile(_RETURNS, re.I)
# "Sharpe and weekly returns" asks for both.
_AND_RETURNS = re.compile(rf"\b(?:and|plus)(?: (?:its|their|the|also))? {_RETURNS}", re.I)
_PER_WEEK = re.compile(
    r"\b(weekly|monthly) (?:(?:rolling|realized|realised|annualised|annualized) )?"
    r"(?:sharpe|sortino|volatility|vol|beta|correlations?|drawdowns?)\b",
    re.I,
)
_ONLY_RETURNS = re.compile(
    r"\W*(?:(?:and|now|but|same|the same|do it|make it|what about|please) )*"
    rf"(?:on|using|with|from|by|based on) (?:the )?{_RETURNS}(?: instead| please| then)*\W*",
    re.I,
)
_FREQUENCIES = {"daily": "day", "weekly": "week", "monthly": "month"}
_OF_RETURNS = ("volatility", "sharpe", "sortino", "drawdown", "correlation", "beta", "cagr", "calmar", "statistic")
_SAMPLED_WANTS = frozenset({"volatility", "sharpe", "sortino", "drawdown"})
_WHICH = (
    "I measure volatility, Sharpe and Sortino ratios, drawdowns, correlation and beta on daily, weekly or monthly "
    "returns: which figure, and on which?"
)


def sampled(plan: Plan, reading: Reading) -> Plan:
    """Return a plan of statistics with the returns that they are to be measured on; ask where that is unclear."""
    frame = plan.frame
    if frame is None or plan.outcome != "answer" or frame.grain is not None or not reading.has(*_OF_RETURNS):
        return plan
    if not (frame.metric in SAMPLED or frame.metric == "realized_volatility" or frame.topic == "performance"):
        return plan
    said, per_week = _ON_RETURNS.search(reading.text), _PER_WEEK.search(reading.text)
    if said is None and per_week is not None:
        say = f"“{per_week[1].lower()}”: measured on {per_week[1].lower()} returns, or one figure for each?"
        return Plan(outcome="clarify", say=f"{say} Say for example “Sharpe on weekly returns”.", frame=frame)
    if said is None:
        return plan
    if _AND_RETURNS.search(reading.text):
        return Plan(outcome="clarify", say="The figure and the returns are two questions to me: which first?")
    return _on(frame, said[1].lower(), plan)


def resampled(reading: Reading, previous: Frame | None) -> Plan | None:
    """Return the statistic of the turn before, measured on other returns: "and on weekly returns?"."""
    said = _ONLY_RETURNS.fullmatch(reading.text)
    of_statistics = previous is not None and (previous.metric in SAMPLED or previous.topic == "performance")
    if said is None or previous is None or not of_statistics or reading.values("symbol"):
        return None
    return _on(previous, said[1].lower(), Plan(outcome="answer", frame=previous))


def _on(frame: Frame, said: str, plan: Plan) -> Plan:
    frequency = _FREQUENCIES.get(said)
    metric = "volatility" if frame.metric == "realized_volatility" and frame.window is None else frame.metric
    if frequency == "day" and "frequency" not in frame.options:
        return plan
    kept = metric in SAMPLED or (frame.wants and set(frame.wants) <= _SAMPLED_WANTS)
    if frequency is None or not kept:
        return Plan(outcome="clarify", say=_WHICH, frame=frame)
    changes = {"metric": metric, "aggregation": None, "options": {**frame.options, "frequency": frequency}}
    return plan.model_copy(update={"frame": frame.model_copy(update=changes)})
