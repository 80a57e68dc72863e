"""Send a labelled envelope to a provider: the only function that reaches a model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from agents.models.prices import cost_of, worst_cost
from agents.models.provider import Envelope, ModelFailed, Provider, Reply
from agents.models.replies import Content
from core.errors import PrivacyRefused
from core.ports.model_calls import ModelCall, ModelLedger, ModelUsage
from core.settings import hand_to_library

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage

    from agents.models.egress import Tripwire

ATTEMPTS = 2
TOTAL_SECONDS = 90.0
LONGEST_WAIT_SECONDS = 5.0
_TRANSIENT = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})


def stop_tracing() -> None:
    """Force outside tracing of model calls off, whatever the environment says."""
    for name in ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING", "LANGCHAIN_TRACING_V2"):
        hand_to_library(name, "false")


class Sender:
    """Keep the clients of the providers; `send` checks the label before anything is built or sent.

    With a `ledger`, each try is reserved at its worst cost before it is made, and a public content that was replied
    to before is not sent again.
    """

    def __init__(
        self,
        tripwire: Tripwire,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        ledger: ModelLedger | None = None,
    ) -> None:
        stop_tracing()
        self._tripwire = tripwire
        self._clock = clock
        self._sleep = sleep
        self._ledger = ledger
        self._clients: dict[str, BaseChatModel] = {}

    async def send(self, provider: Provider, envelope: Envelope) -> Reply:
        """Return the provider's reply to an envelope.

        Raises PrivacyRefused when the envelope's label is above the provider's clearance or a private value
        stands in the bytes, BudgetExceeded when it could cost more than it may, ModelFailed when no usable reply
        came after the retries.
        """
        if provider.clearance == "public" and envelope.label != "public":
            raise PrivacyRefused(
                f"A {envelope.label} envelope must not go to {provider.name}, which may see public data only.",
                rule="clearance",
            )
        content = Content(provider, envelope)
        message = await self._kept(content)
        if message is None:
            message = await self._tried(provider, envelope)
            await self._keep(content, message)
        return Reply(message=message, provider=provider.name, model=provider.model, usage=message.usage_metadata)

    async def _kept(self, content: Content) -> AIMessage | None:
        if self._ledger is None or not content.may_be_kept:
            return None
        kept = await asyncio.to_thread(self._ledger.kept_reply, content.digest)
        return content.restore(kept) if kept is not None else None

    async def _keep(self, content: Content, message: AIMessage) -> None:
        if self._ledger is not None and content.may_be_kept:
            kept = content.store(message)
            await asyncio.to_thread(self._ledger.keep_reply, content.digest, content.model, kept)

    async def _tried(self, provider: Provider, envelope: Envelope) -> AIMessage:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._reserved(provider, envelope)
            except ModelFailed as error:
                if not error.transient or attempt == ATTEMPTS:
                    raise
                await self._sleep(min(error.retry_after or 0.5 * attempt, LONGEST_WAIT_SECONDS))
        raise AssertionError("unreachable")

    async def _reserved(self, provider: Provider, envelope: Envelope) -> AIMessage:
        """Make one try between its reservation and its settlement; a try that may have been billed stays reserved."""
        if self._ledger is None:
            return await self._call(provider, envelope)
        worst = worst_cost(provider, envelope)
        planned = ModelCall(
            thread_id=envelope.thread_id,
            question_id=envelope.question_id,
            principal=envelope.principal,
            provider=provider.name,
            model=provider.model,
            label=envelope.label,
            worst_usd=worst,
        )
        call_id = await asyncio.to_thread(self._ledger.reserve, planned)
        started = self._clock()
        usage = ModelUsage(outcome="failed", cost_usd=worst)
        try:
            message = await self._call(provider, envelope)
            used = message.usage_metadata
            usage = ModelUsage(
                outcome="done",
                input_tokens=used["input_tokens"] if used else 0,
                output_tokens=used["output_tokens"] if used else 0,
                cost_usd=cost_of(provider, used) if used else worst,
            )
        except ModelFailed as error:
            usage = ModelUsage(outcome="failed", cost_usd=worst if error.billed else Decimal(0))
            raise
        except PrivacyRefused:
            usage = ModelUsage(outcome="blocked")
            raise
        finally:
            usage = replace(usage, milliseconds=(self._clock() - started) * 1000)
            await asyncio.shield(asyncio.to_thread(self._ledger.settle, call_id, usage))
        return message

    async def _call(self, provider: Provider, envelope: Envelope) -> AIMessage:
        from langsmith import tracing_context

        client = self._client(provider)
        model: Any = client.bind_tools(list(envelope.tools)) if envelope.tools else client
        before = len(self._tripwire.hits)
        try:
            with tracing_context(enabled=False):
                whole = await asyncio.wait_for(_collect(model, envelope, provider.first_byte_seconds), TOTAL_SECONDS)
        except Exception as error:  # each SDK has its own error classes without a common base
            self._raise_hit(before)
            raise _failure(provider, error) from error
        return _checked(provider, whole)

    def _raise_hit(self, before: int) -> None:
        # The SDKs wrap what a request hook raises into their own connection errors.
        if len(self._tripwire.hits) > before:
            raise PrivacyRefused(f"The request held {self._tripwire.hits[-1]} and was not sent.", rule="egress")

    def _client(self, provider: Provider) -> BaseChatModel:
        if provider.name not in self._clients:
            self._clients[provider.name] = provider.build(self._tripwire)
        return self._clients[provider.name]


async def _collect(model: Any, envelope: Envelope, first_byte_seconds: float) -> Any:
    """Read the stream to its end and return the joined message: a cut stream raises instead of giving half."""
    stream = model.astream(list(envelope.messages))
    async with aclosing(stream):
        try:
            whole = await asyncio.wait_for(anext(stream), first_byte_seconds)
        except StopAsyncIteration:
            return None
        async for chunk in stream:
            whole = whole + chunk
    return whole


def _checked(provider: Provider, whole: Any) -> AIMessage:
    from langchain_core.messages import AIMessage

    if whole is None:
        raise ModelFailed(f"{provider.name} sent an empty reply.")
    if whole.invalid_tool_calls or not all(_is_json_object(chunk["args"]) for chunk in whole.tool_call_chunks):
        raise ModelFailed(f"{provider.name} sent a tool call whose arguments are not JSON.")
    finish = str(
        (whole.response_metadata or {}).get("stop_reason")
        or (whole.response_metadata or {}).get("finish_reason")
        or (whole.response_metadata or {}).get("done_reason")
        or (whole.response_metadata or {}).get("status")
        or ""
    )
    if not finish:
        raise ModelFailed(f"The stream of {provider.name} was cut before its end.")
    text = whole.text if isinstance(whole.text, str) else whole.text()
    if not text.strip() and not whole.tool_calls:
        raise ModelFailed(f"{provider.name} sent an empty reply.")
    calls = [{**call, "args": json.loads(json.dumps(call["args"]))} for call in whole.tool_calls]
    return AIMessage(content=text, tool_calls=calls, usage_metadata=whole.usage_metadata)


def _is_json_object(text: str | None) -> bool:
    # The library completes half-sent arguments by guessing ('{"symbols": ["AA' becomes ["AA"]), so the raw text counts.
    try:
        return isinstance(json.loads(text or "{}"), dict)
    except ValueError:
        return False


def _failure(provider: Provider, error: BaseException) -> ModelFailed:
    status = getattr(error, "status_code", None)
    response = getattr(error, "response", None)
    waits = response.headers.get("retry-after") if response is not None and hasattr(response, "headers") else None
    retry_after = float(waits) if waits and waits.replace(".", "", 1).isdigit() else None
    transient = status is None or status in _TRANSIENT
    what = f"HTTP {status}" if status else type(error).__name__
    # A refused request is not billed, and neither is one that reached nobody.
    return ModelFailed(
        f"{provider.name} did not answer ({what}).",
        retry_after=retry_after,
        retry_helps=transient,
        billed=status is None and "ConnectionError" not in what and "ConnectError" not in what,
    )
