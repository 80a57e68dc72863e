"""Decide before the first model call who may see a question: private stays on this machine.

The decision is deterministic. Private is what names the account (my, portfolio, orders, profit ...), what asks
for an order, a size or a simulation of the book, a symbol with a quantity, and everything unsure.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from agents.planner.plan import Plan
from agents.planner.reading import read
from agents.planner.text import plain
from agents.planner.universe import Universe
from core.domain.facts import Label, highest

_ACCOUNT = re.compile(
    r"\b(?:profits?|unreali[sz]ed|money (?:made|lost)|"
    r"my|mine|our|ours|portfolio|holdings?|account|p&l|p/l|pnl|nav|net asset value|buying power|cost basis|"
    r"average cost|"
    r"my book|the book|our book|fills?|filled|proposals?|approv\w+|order(?:s|ed)?|position(?:s)?|cash balance|"
    r"drawdown of my|net worth|"
    r"dividends? (?:i|we) (?:got|received)|(?:i|we) (?:own|hold|have|bought|sold|paid|got)|(?:do|did|am|are|have|"
    r"can|should) (?:i|we))\b",
    re.IGNORECASE,
)
_TRADE = re.compile(
    r"\b(?:buy|buying|bought|sell|selling|sold|(?:go |going |sell )short|shorting|short \d+|purchase|liquidate|"
    r"trim|rebalance|propose|place|unwind|hedge)\b",
    re.IGNORECASE,
)
_QUANTITY = re.compile(
    r"\b\d[\d,.]*[km]?\s*(?:shares?|units?|lots?|coins?|contracts?)\b|\b(?:quantity|qty)\b|\b(?:prp|ord|fil|apr|"
    r"usr|run|thr)_[0-9a-f]{6,}\b",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.\w+|\bU\d{6,}\b|\bDU\d{5,}\b")
PRIVATE_METRICS = frozenset(
    {"positions", "weight", "average_cost", "cash", "nav", "pnl", "account_drawdown", "fills", "orders", "proposals"}
)


def classify(question: str, plan: Plan, universe: Universe, *, private_terms: Collection[str] = ()) -> Label:
    """Return the label of a question: public only when it is clearly about markets or small talk.

    `private_terms` are names that must not leave, such as accounts and saved strategies.
    """
    question = plain(question)
    if plan.private or plan_label(plan) == "private":
        return "private"
    if _ACCOUNT.search(question) or _QUANTITY.search(question) or _ADDRESS.search(question):
        return "private"
    low = question.lower()
    if any(term and re.search(rf"(?<!\w){re.escape(term.lower())}(?!\w)", low) for term in private_terms):
        return "private"
    if _TRADE.search(question) and not (plan.frame is not None and plan.frame.topic == "backtest"):
        return "private"
    if (
        plan.calls
        or plan.outcome in ("refuse", "decline", "clarify_or_default")
        or (plan.outcome == "answer" and plan.say)
    ):
        return "private" if _symbol_with_number(question, universe) and not plan.calls else "public"
    unsure = plan.leftovers or not question or _symbol_with_number(question, universe)
    return "private" if unsure else "public"


def plan_label(plan: Plan) -> Label:
    """Return the label of what a plan will call."""
    labels = [call_label(call.name, call.args) for call in plan.calls]
    return highest("public", *labels)


_PRIVATE = frozenset(
    {
        *("propose_trade", "portfolio", "size_position", "pnl_analysis"),
        *("save_strategy", "scan_strategies", "strategy_stops", "track_record", "day_report"),
    }
)


def call_label(name: str, arguments: dict[str, object]) -> Label:
    """Return the least label a tool call can have, by its name and arguments."""
    if name in _PRIVATE:
        return "private"
    if name == "recommend":
        return "private" if arguments.get("target") == "portfolio" else "public"
    if name == "query_metric":
        return "private" if str(arguments.get("metric", "")) in PRIVATE_METRICS else "public"
    if name in ("simulate", "risk_report", "stress", "reverse_stress", "inject_event"):
        return "public" if arguments.get("target", "symbols") == "symbols" and arguments.get("symbols") else "private"
    if name == "run_sql":
        return (
            "private"
            if re.search(r"\b(?:execution|strategies|desk|chat)\s*\.", str(arguments.get("sql", "")), re.I)
            else "public"
        )
    return "public"


# A function's name is no symbol, and what it is called with no quantity of one: pg_sleep(1000).
_FUNCTION_CALL = re.compile(r"\b[a-z]+(?:_[a-z]+)+\s*\([\d\s.,]*\)")


def _symbol_with_number(question: str, universe: Universe) -> bool:
    from datetime import date

    reading = read(_FUNCTION_CALL.sub(" ", question), universe, date(2000, 1, 1))
    return bool(reading.values("symbol")) and bool(reading.numbers)
