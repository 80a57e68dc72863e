"""Describe a model provider and what may be sent to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from core.domain.facts import Label
from core.errors import Unavailable

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, BaseMessage
    from langchain_core.messages.ai import UsageMetadata

    from agents.models.egress import Tripwire

ProviderKind = Literal["cloud", "local"]
MOST_OUTPUT_TOKENS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Name a provider: where it runs decides what it may see; `build` makes its client when first needed."""

    name: str
    kind: ProviderKind
    model: str
    build: Callable[[Tripwire], BaseChatModel]
    most_output_tokens: int = MOST_OUTPUT_TOKENS
    first_byte_seconds: float = 20.0

    @property
    def clearance(self) -> Label:
        """Return the highest label this provider may see: private only on this machine."""
        return "private" if self.kind == "local" else "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Hold what would be sent, with the label of everything in it, and for which question of whom."""

    label: Label
    messages: Sequence[BaseMessage]
    tools: Sequence[dict[str, Any]] = ()
    thread_id: str | None = None
    question_id: str = ""
    principal: str = ""

    def content(self) -> str:
        """Return what a model would read, as JSON."""
        read = [
            {
                "type": message.type,
                "content": message.content,
                "calls": getattr(message, "tool_calls", None),
                "answers": getattr(message, "tool_call_id", None),
            }
            for message in self.messages
        ]
        return json.dumps([read, list(self.tools)], ensure_ascii=False, sort_keys=True, default=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Hold a model's reply and what it cost."""

    message: AIMessage
    provider: str
    model: str
    usage: UsageMetadata | None = None


class ModelFailed(Unavailable):
    """Report that a provider did not give a usable reply; the next in line is asked.

    `billed` says that it may have counted tokens: its reply began, or nobody knows.
    """

    code = "model_failed"

    def __init__(
        self, message: str, *, retry_after: float | None = None, retry_helps: bool = True, billed: bool = True
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.billed = billed
        self.transient = retry_helps


@dataclass(slots=True)
class Breaker:
    """Stop asking a provider that keeps failing; after a pause one call is let through as a probe."""

    failures_to_open: int = 3
    pause_seconds: float = 30.0
    _failures: int = 0
    _opened_at: float | None = field(default=None)

    def allows(self, now: float) -> bool:
        """Say whether a call may be tried at a monotonic time in seconds."""
        return self._opened_at is None or now - self._opened_at >= self.pause_seconds

    def begin(self, now: float) -> bool:
        """Say whether a call may begin; the probe after a pause starts a new one for everybody else."""
        if not self.allows(now):
            return False
        if self._opened_at is not None:
            self._opened_at = now
        return True

    def succeeded(self) -> None:
        """Close the breaker."""
        self._failures, self._opened_at = 0, None

    def failed(self, now: float) -> None:
        """Count a failure; open after several in a row, and again at once when a probe fails."""
        self._failures += 1
        if self._failures >= self.failures_to_open:
            self._opened_at = now
