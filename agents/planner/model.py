"""Offer the planner as a chat model, so that the graph runs the same with and without a language model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.base import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import ConfigDict, Field

from agents.planner.answers import write_answer
from agents.planner.plan import Call, Plan
from agents.planner.planner import plan_conversation
from agents.planner.universe import Universe
from core.domain.facts import ToolResult

NAME = "offline planner"
REMEMBERED_TURNS = 8


class OfflinePlanner(BaseChatModel):
    """Plan tool calls with a grammar and write answers from templates over their facts.

    `results` and `errors` are those of the running turn, by tool call id; a message alone carries no numbers.
    `made` is the plan of the last question where it was made before.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    universe: Universe
    today: date
    results: Mapping[str, ToolResult] = Field(default_factory=dict)
    errors: Mapping[str, str] = Field(default_factory=dict)
    tool_names: tuple[str, ...] = ()
    made: Plan | None = None

    @property
    def _llm_type(self) -> str:
        return NAME

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return a planner that calls only these tools."""
        names = tuple(tool["name"] if isinstance(tool, dict) else getattr(tool, "name", "") for tool in tools)
        return self.model_copy(update={"tool_names": names})

    def plan(self, messages: Sequence[BaseMessage]) -> Plan:
        """Return the plan of the last question of a conversation."""
        if self.made is not None:
            return self.made
        asked = [str(message.content) for message in messages if isinstance(message, HumanMessage)]
        return plan_conversation(asked[-REMEMBERED_TURNS:], self.universe, self.today)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._reply(messages))])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        # In the running loop: by default a thread is started for what takes two milliseconds.
        return self._generate(messages)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        import json

        reply = self._reply(messages)
        chunks = [
            tool_call_chunk(name=call["name"], args=json.dumps(call["args"]), id=call["id"], index=index)
            for index, call in enumerate(reply.tool_calls)
        ]
        yield ChatGenerationChunk(message=AIMessageChunk(content=reply.content, tool_call_chunks=chunks))

    def _reply(self, messages: Sequence[BaseMessage]) -> AIMessage:
        plan = self.plan(messages)
        last = max(index for index, message in enumerate(messages) if isinstance(message, HumanMessage))
        after = messages[last + 1 :]
        answered = {message.tool_call_id for message in after if isinstance(message, ToolMessage)}
        if not answered:
            return self._first_reply(plan, turn=last)
        calls = {
            call["id"]: Call(name=call["name"], args=call["args"])
            for message in after
            if isinstance(message, AIMessage)
            for call in message.tool_calls
            if call["id"]
        }
        written = [(calls[key], self.results[key]) for key in calls if key in self.results]
        return AIMessage(content=write_answer(plan, written, [self.errors[key] for key in calls if key in self.errors]))

    def _first_reply(self, plan: Plan, *, turn: int) -> AIMessage:
        calls = [call for call in plan.calls if not self.tool_names or call.name in self.tool_names]
        if plan.calls and not calls:
            return AIMessage(content="The tool for that is not installed on this desk.")
        if not calls:
            return AIMessage(content=plan.say or "Please say that another way.")
        tool_calls = [
            {"name": call.name, "args": call.args, "id": f"call_{turn}_{index}", "type": "tool_call"}
            for index, call in enumerate(calls)
        ]
        return AIMessage(content="", tool_calls=tool_calls)
