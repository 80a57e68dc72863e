"""Define the steps of a turn: route, model, policy, tools, ground, answer."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage, SystemMessage, ToolMessage
from langgraph.graph.message import add_messages
from langgraph.runtime import Runtime

from agents import sql_repair
from agents.answer import Answer, RouteChosen, TextChunk, ToolFinished, ToolStarted
from agents.grounding import for_model, ground
from agents.models.provider import Envelope
from agents.planner.answers import write_answer
from agents.planner.model import NAME as OFFLINE
from agents.planner.model import OfflinePlanner
from agents.planner.plan import Call, Outcome, Plan
from agents.router import call_label, classify
from agents.turn import MOST_STEPS, MOST_TOOL_CALLS, Turn
from core.domain.facts import Label, ToolResult, highest
from core.errors import BudgetExceeded, NoData, QuantdeskError, Refused, ServiceError, UnknownName, UserError
from tools.registry import load_tools
from tools.runner import run_tool

if TYPE_CHECKING:
    from agents.models.chain import Chain

logger = logging.getLogger(__name__)
KEPT_MESSAGES = 40
FAILED_HINTS = {
    "unknown_name": "The name is not known here; ask the person which one is meant.",
    "no_data": "The desk holds nothing for this; say so.",
    "invalid_input": "An argument does not fit the schema; correct it.",
    "refused": "A rule forbids this; say so and do not try another way.",
    "budget_exceeded": "A limit was reached; ask for less.",
}


def rise(left: Label | str, right: Label | str) -> Label:
    """Return the higher of two labels: the label of a thread never falls."""
    return "private" if "private" in (left, right) else "public"


class State(TypedDict):
    """Hold what is kept of a thread: its messages and its label."""

    messages: Annotated[list[AnyMessage], add_messages]
    label: Annotated[str, rise]


def _planner(turn: Turn) -> OfflinePlanner:
    return OfflinePlanner(
        universe=turn.universe,
        today=turn.today,
        results=turn.results,
        errors={key: person_sentence(error) for key, error in turn.errors.items()},
        tool_names=tuple(tool.name for tool in load_tools()),
        made=turn.plan,
    )


async def route(state: State, runtime: Runtime[Turn]) -> dict[str, Any]:
    """Label the question before any model sees it; forbidden things are refused here, without a model."""
    turn = runtime.context
    turn.plan = _planner(turn).plan(state["messages"])
    label = classify(turn.question, turn.plan, turn.universe, private_terms=turn.private_terms)
    turn.label = rise(state.get("label") or "public", label)
    if turn.plan.outcome == "refuse":
        turn.text = turn.plan.say
    return {"label": turn.label}


def after_route(state: State, runtime: Runtime[Turn]) -> str:
    """Name the next step: a refused question needs no model."""
    return "answer" if runtime.context.text else "model"


async def ask_model(state: State, turn: Turn, chain: Chain) -> dict[str, Any]:
    """Take the next message from the first model that may see the thread and answers, else from the planner."""
    turn.steps += 1
    message: AIMessage | None = None
    if not turn.offline_only and turn.steps <= MOST_STEPS:
        label: Label = rise(state.get("label") or "public", turn.label)
        # Without anybody to ask there is nothing to write for them.
        if chain.cleared(label):
            turn.asked_models = True
            message = await _reply_of_a_model(state, turn, chain, label)
    if message is None:
        turn.offline_only = True
        _announce(turn, "offline", OFFLINE)
        reply_message = await _planner(turn).ainvoke(state["messages"])
        message = AIMessage(content=reply_message.content, tool_calls=reply_message.tool_calls)
    return {"messages": [message]}


async def _reply_of_a_model(state: State, turn: Turn, chain: Chain, label: Label) -> AIMessage | None:
    envelope = Envelope(
        label=label,
        messages=_messages_for_model(state, turn),
        tools=_tool_schemas(),
        thread_id=turn.thread_id,
        question_id=turn.question_id,
        principal=turn.principal.id,
    )
    replied = await chain.ask(envelope, tell=turn.remarks.append)
    if replied is None:
        return None
    provider, reply = replied
    _announce(turn, provider.kind, f"{provider.name} {provider.model}")
    return _with_own_ids(reply.message, len(state["messages"]))


def _with_own_ids(message: AIMessage, place: int) -> AIMessage:
    """Return a reply whose calls have ids of our own: a model that repeats its ids would hide its earlier results."""
    calls = [{**call, "id": f"call_{place}_{number}"} for number, call in enumerate(message.tool_calls)]
    return AIMessage(content=message.content, tool_calls=calls, usage_metadata=message.usage_metadata)


def _announce(turn: Turn, route: Any, model: str) -> None:
    if (turn.route, turn.model) != (route, model) or turn.steps == 1:
        turn.route, turn.model = route, model
        turn.emit(RouteChosen(route=route, model=model, label=turn.label))


def _messages_for_model(state: State, turn: Turn) -> list[AnyMessage]:
    """Return what a model reads: the rules, the trimmed thread, and the correction of a refused answer."""
    from core.query.catalog import METRICS
    from prompts.loader import load_prompt

    rules = load_prompt("analyst").fill(
        today=turn.today.isoformat(),
        clock="a replay of the past" if turn.replay else "live",
        metrics=", ".join(METRICS),
    )
    kept = state["messages"][-KEPT_MESSAGES:]
    while kept and not isinstance(kept[0], HumanMessage):
        kept = kept[1:]
    messages: list[AnyMessage] = [SystemMessage(content=rules), *kept]
    if turn.correction is not None:
        text, numbers = turn.correction
        messages += [AIMessage(content=text), HumanMessage(content=load_prompt("correction").fill(numbers=numbers))]
    return messages


@lru_cache(maxsize=1)
def _tool_schemas() -> list[dict[str, Any]]:
    # Read only: the schemas of 28 tools take 60 ms to write.
    return [
        {"name": tool.name, "description": tool.description, "input_schema": tool.schema()} for tool in load_tools()
    ]


def after_model(state: State) -> str:
    """Name the next step: tool calls are checked, text is grounded."""
    last = state["messages"][-1]
    return "policy" if isinstance(last, AIMessage) and last.tool_calls else "ground"


def after_panel(state: State) -> str:
    """Name the next step: what the panel wrote is grounded; where no model spoke, the turn goes on without it."""
    return "ground" if isinstance(state["messages"][-1], AIMessage) else "model"


async def policy(state: State, runtime: Runtime[Turn]) -> dict[str, Any]:
    """Raise the label to that of the calls before they run, so that the next hop already obeys it."""
    turn = runtime.context
    last = state["messages"][-1]
    assert isinstance(last, AIMessage)
    declared: dict[str, Label] = {tool.name: tool.data for tool in load_tools()}
    labels: list[Label] = []
    for call in last.tool_calls:
        labels.append(highest(declared.get(call["name"], "private"), call_label(call["name"], call["args"])))
    turn.label = rise(turn.label, highest(*labels) if labels else "public")
    return {"label": turn.label}


async def tools(state: State, runtime: Runtime[Turn]) -> dict[str, Any]:
    """Run the calls one after the other through the runner; errors become fixed codes for the model."""
    turn = runtime.context
    last = state["messages"][-1]
    assert isinstance(last, AIMessage)
    messages = []
    for call in last.tool_calls:
        key = str(call["id"])
        turn.calls.append((key, call["name"], dict(call["args"])))
        turn.emit(ToolStarted(call_id=key, name=call["name"], args=call["args"]))
        content = await _run(turn, key, call["name"], dict(call["args"]))
        messages.append(ToolMessage(content=content, tool_call_id=key, name=call["name"]))
    return {"messages": messages, "label": turn.label}


async def _run(turn: Turn, key: str, name: str, arguments: dict[str, Any]) -> str:
    try:
        if len(turn.calls) > MOST_TOOL_CALLS:
            raise BudgetExceeded(f"More than {MOST_TOOL_CALLS} tool calls in one turn.")
        if name == sql_repair.TOOL:
            sql_repair.check_repairs(turn.sql_failures)
        result = await asyncio.to_thread(
            run_tool,
            turn.desk,
            name,
            arguments,
            principal=turn.principal,
            face=turn.face,
            thread_id=turn.thread_id,
            as_of=turn.as_of,
        )
    except QuantdeskError as error:
        turn.errors[key] = error
        turn.emit(ToolFinished(call_id=key, name=name, error=person_sentence(error)))
        # Sentences for people may name values; a model gets the code and a fixed hint.
        if name == sql_repair.TOOL:
            turn.sql_failures += 1
            return json.dumps(sql_repair.reply_to_model(error, turn.sql_failures))
        return json.dumps({"error": error.code, "hint": FAILED_HINTS.get(error.code, "The tool failed; say so.")})
    except Exception as error:  # noqa: BLE001  # a defect of one tool must not lose the person's turn
        # Its text may hold private rows: only the kind of error is logged.
        logger.error("tool %s failed: %s", name, type(error).__name__)
        turn.errors[key] = ServiceError(
            f"The tool {name} failed inside the desk.", hint="`quantdesk status` and the log say more."
        )
        turn.emit(ToolFinished(call_id=key, name=name, error=person_sentence(turn.errors[key])))
        return json.dumps({"error": "internal", "hint": "The tool failed; say so."})
    turn.results[key] = result
    turn.label = rise(turn.label, result.label)
    turn.emit(ToolFinished(call_id=key, name=name, result=result))
    return json.dumps(for_model(result))


def person_sentence(error: QuantdeskError) -> str:
    """Return the sentence a person reads about an error: their own mistakes in full, inner failures without details."""
    if isinstance(error, UserError | BudgetExceeded):
        return str(error)
    if isinstance(error, ServiceError):
        return f"{error.message} {error.hint}".strip()
    return "Something failed inside the desk; the log has the details."


async def check(state: State, runtime: Runtime[Turn]) -> dict[str, Any]:
    """Fill in the references; text with a number that is no fact goes back once, then gives way to the tables."""
    turn = runtime.context
    last = state["messages"][-1]
    text = str(last.content)
    checked = ground(text, list(turn.results.values()), said=_said(turn))
    if checked.accepted:
        turn.text, turn.correction = checked.text, None
        return {}
    if turn.route != "offline" and turn.corrected == 0:
        turn.corrected += 1
        turn.correction = (text, ", ".join((*checked.free, *checked.unknown))[:400])
    else:
        turn.correction = None
        turn.text = _without_prose(turn)
    return {"messages": [RemoveMessage(id=str(last.id))]}


def after_check(state: State, runtime: Runtime[Turn]) -> str:
    """Name the next step: text without a fact behind a number goes back to the model once."""
    return "answer" if runtime.context.text else "model"


def _said(turn: Turn) -> list[str]:
    arguments = json.dumps([args for _, _, args in turn.calls])
    plan = turn.plan
    # The planner's own words are ours, not a model's; errors are the desk's sentences.
    own = [plan.say, *plan.notes] if plan is not None and turn.route == "offline" else []
    errors = [person_sentence(error) for error in turn.errors.values()]
    return [turn.question, arguments, str(turn.today), *own, *errors]


def _without_prose(turn: Turn) -> str:
    """Return the desk's own words over the same results, when a model's were refused."""
    plan = Plan(outcome="answer")
    written = [(Call(name=name, args=args), turn.results[key]) for key, name, args in turn.calls if key in turn.results]
    text = ground(write_answer(plan, written, []), list(turn.results.values()), said=_said(turn)).text
    return text or "The model's answer held numbers that are no facts, so it is not shown. Please ask again."


async def finish(state: State, runtime: Runtime[Turn]) -> dict[str, Any]:
    """Stream the checked text and make the answer."""
    turn = runtime.context
    for chunk in _chunks(turn.text):
        turn.emit(TextChunk(text=chunk))
    turn.answer = make_answer(turn)
    return {"messages": [AIMessage(content=turn.text)], "label": turn.label}


def _chunks(text: str) -> list[str]:
    return text.splitlines(keepends=True) or [text]


def make_answer(turn: Turn) -> Answer:
    """Return the answer of a finished turn."""
    results = list(turn.results.values())
    repaired = sql_repair.remark(turn.sql_failures, answered=any(result.tool == sql_repair.TOOL for result in results))
    remarks = [*turn.remarks, repaired] if repaired and turn.route != "offline" else turn.remarks
    return Answer(
        text=turn.text,
        outcome=_outcome(turn, results),
        route=turn.route,
        label=turn.label,
        tool_calls=tuple(Call(name=name, args=args) for _, name, args in turn.calls),
        sql=tuple(statement for result in results for statement in result.sql),
        facts=tuple(fact for result in results for fact in result.facts),
        tables=tuple(table for result in results for table in result.tables),
        charts=tuple(chart for result in results for chart in result.charts),
        sources=tuple(dict.fromkeys(source for result in results for source in result.sources)),
        notes=tuple(dict.fromkeys([*remarks, *(note for result in results for note in result.notes)])),
        proposal_ids=tuple(made for result in results for made in result.proposal_ids),
        runs=tuple(result.run for result in results),
        model=turn.model,
        as_of=turn.as_of.known,
        clock="replay" if turn.replay else "live",
    )


def _outcome(turn: Turn, results: Sequence[ToolResult]) -> Outcome:
    if turn.errors and not results:
        error = next(iter(turn.errors.values()))
        if isinstance(error, NoData | UnknownName):
            return "no_data"
        return "refuse" if isinstance(error, Refused) else "clarify" if isinstance(error, UserError) else "failed"
    if any(result.proposal_ids for result in results):
        return "needs_approval"
    planned = turn.plan.outcome if turn.plan is not None else "answer"
    if turn.errors and planned == "needs_approval":
        return "refuse" if any(isinstance(error, Refused) for error in turn.errors.values()) else "clarify"
    if results:
        return "clarify" if planned == "clarify" and turn.route == "offline" else "answer"
    return planned if turn.route == "offline" or planned in ("refuse", "decline") else "answer"
