"""Give the JSON documents that the command line and REST share one form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from core.domain.books import Fill, Order, OrderState
    from core.execution.books import Books
    from core.execution.proposals import ProposalView
    from tools.registry import Tool
    from tools.tracing import Explanation, Replay


_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def to_json(value: Any) -> str:
    """Return JSON text: models and dataclasses as objects, Decimal as text, times as ISO text, NaN as null."""
    text = json.dumps(plain(value), ensure_ascii=False, allow_nan=False)
    # Half a surrogate pair, as in a file name that is no UTF-8, cannot be written; its escape is JSON too.
    return text.encode("utf-8", "backslashreplace").decode()


def printable(text: str) -> str:
    """Return text without what could change how a terminal or page shows its surroundings.

    Control characters but line breaks and tabs, and marks that turn the direction of writing, become escapes.
    """
    return _STEERING.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


def plain(value: Any) -> Any:
    """Return the value made of dicts, lists, texts, finite numbers, booleans and None only."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if hasattr(value, "model_dump"):
        return plain(value.model_dump())
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, Iterable):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [plain(item) for item in items]
    return str(value)


def tool_document(tool: Tool) -> dict[str, Any]:
    """Describe a tool."""
    return {
        "name": tool.name,
        "effect": tool.effect,
        "data": tool.data,
        "description": tool.description,
        "schema": tool.schema(),
    }


def explanation_document(found: Explanation) -> dict[str, Any]:
    """Tell where a number comes from: its value as printed, and the call behind it."""
    from core.reporting.rendering import render_value

    call, result = found.record.call, found.record.result
    return {
        "fact": found.reference,
        "name": found.name,
        "value": found.value,
        "shown": render_value(found.value, found.unit, found.currency),
        "unit": found.unit,
        "currency": found.currency,
        "label": call.label,
        "run": call.run_id,
        "tool": call.tool,
        "arguments": call.arguments,
        "sql": list(result.sql) if result else [],
        "sources": list(result.sources) if result else [],
        "as_of": call.as_of.known.isoformat(),
        "asked_by": call.principal,
        "face": call.face,
        "thread_id": call.thread_id,
        "started_at": call.started_at.isoformat(),
        "duration_ms": found.record.duration_ms,
        "state": found.record.state,
        "code_version": call.code_version,
        "seed": call.seed,
        "result_digest": found.record.result_digest,
        "replay": f"quantdesk replay {call.run_id}",
    }


def replay_document(found: Replay) -> dict[str, Any]:
    """Tell whether a call made again gave the same result."""
    call = found.original.call
    return {
        "run": call.run_id,
        "tool": call.tool,
        "same": found.same,
        "recorded_digest": found.original.result_digest,
        "replayed_digest": found.digest,
        "replayed_run": found.run_id,
        "same_code": found.same_code,
        "label": call.label,
    }


def proposal_document(view: ProposalView) -> dict[str, Any]:
    """Tell everything a person decides on, from the stored record only, with what became of it."""
    proposal = view.proposal
    return {
        **proposal.model_dump(mode="json"),
        "state": view.state,
        "progress": view.progress,
        "seconds_left": round(view.seconds_left),
        "decision": view.decision.model_dump(mode="json") if view.decision else None,
        "orders": [order.model_dump(mode="json") for order in view.orders],
    }


def order_document(order: Order, symbol: str, fills: Iterable[Fill]) -> dict[str, Any]:
    """Tell an order with its executions."""
    return {
        **order.model_dump(mode="json"),
        "symbol": symbol,
        "fills": [fill.model_dump(mode="json") for fill in fills if fill.order_id == order.order_id],
    }


def orders_document(books: Books, account: str | None, states: list[OrderState] | None) -> list[dict[str, Any]]:
    """List the orders of an account, newest first."""
    fills = books.fills(account, limit=None)
    return [
        order_document(order, books.symbol(order.instrument_id), fills)
        for order in books.orders(account, states=states)
    ]


def command_of(tool: str, arguments: dict[str, Any], as_of: datetime | None = None) -> str:
    """Return the command line that makes the same tool call by hand."""
    import shlex

    words = ["quantdesk", "tool", tool, "--args", json.dumps(arguments, ensure_ascii=False)]
    if as_of is not None:
        words += ["--as-of", as_of.isoformat()]
    return shlex.join(words)
