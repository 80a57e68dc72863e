"""Define the ledger of calls to language models: what was asked, what it may cost, and replies to ask for only once."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

from core.domain.facts import Label

CallOutcome = Literal["done", "failed", "blocked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """Describe a call before it is made; `worst_usd` is the most it can cost."""

    thread_id: str | None
    question_id: str
    principal: str
    provider: str
    model: str
    label: Label
    worst_usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUsage:
    """Say what a call used; `outcome` is done, failed or blocked (the alarm on outgoing bytes rang)."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    milliseconds: float = 0.0
    outcome: CallOutcome


class ModelLedger(Protocol):
    """Keep every call to a model within the caps, and public replies by the hash of what was asked."""

    def reserve(self, call: ModelCall) -> int:
        """Record a call at its worst cost and return its id.

        Raises BudgetExceeded, naming the cap, when the question, the person or the day would cost more than it may.
        """
        ...

    def settle(self, call_id: int, usage: ModelUsage) -> None:
        """Put what a call used in the place of its reservation; one that is never settled counts at its worst."""
        ...

    def spent(self, question_id: str) -> Decimal:
        """Return what the calls of a question cost in US dollars."""
        ...

    def kept_reply(self, content_hash: str) -> str | None:
        """Return the reply kept for a content, or None."""
        ...

    def keep_reply(self, content_hash: str, model: str, reply: str) -> None:
        """Keep a reply; of two for one content the first stays."""
        ...
