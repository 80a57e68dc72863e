"""Know a content that was asked before: the same words, tools and results, whatever ids this run gave them."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from agents.models.provider import Envelope, Provider

_ID = re.compile(r"\b(?:run|fct)_[0-9a-f]{32}")
_PLACE = re.compile(r"\b(?:run|fct)_\[(\d+)\]")


class Content:
    """Hash what a provider would read with the ids of runs numbered in order, so that the same question as of the
    same time over the same data has the same digest; any other date, figure, prompt or tool has another.

    Only public contents may be kept. A reply is kept with the numbers and gets the ids of the run that it serves.
    """

    def __init__(self, provider: Provider, envelope: Envelope) -> None:
        self.model = f"{provider.name} {provider.model}"
        self.may_be_kept = envelope.label == "public" and provider.kind == "cloud"
        self._ids: list[str] = []
        read = self._numbered(envelope.content())
        self.digest = hashlib.sha256(f"{self.model}\n{read}".encode()).hexdigest()

    def _numbered(self, text: str) -> str:
        return _ID.sub(lambda match: f"{match[0][:3]}_[{self._number(match[0][4:])}]", text)

    def _number(self, identity: str) -> int:
        if identity not in self._ids:
            self._ids.append(identity)
        return self._ids.index(identity)

    def store(self, message: AIMessage) -> str:
        """Return a reply as it is kept: its text and calls, no ids of this run."""
        return self._numbered(
            json.dumps({"content": message.content, "tool_calls": message.tool_calls}, ensure_ascii=False)
        )

    def restore(self, kept: str) -> AIMessage:
        """Return a kept reply with the ids of this run; it used no tokens."""
        from langchain_core.messages import AIMessage

        text = _PLACE.sub(lambda match: f"{match[0][:3]}_{self._identity(int(match[1]))}", kept)
        reply = json.loads(text)
        return AIMessage(content=reply["content"], tool_calls=reply["tool_calls"])

    def _identity(self, number: int) -> str:
        # A number that the content does not have was a model's invention; it stays one that nothing is called by.
        return self._ids[number] if number < len(self._ids) else "0" * 32
