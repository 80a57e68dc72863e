"""Let the analysts of the panel argue over their own facts, a node each, and a chair sum up; no number is theirs."""

from __future__ import annotations

import asyncio
import json
import operator
import re
from collections.abc import Awaitable, Callable
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage
from langgraph.runtime import Runtime

from agents.grounding import ground
from agents.models.cutoffs import trained_until
from agents.models.provider import Envelope
from agents.planner.panel_answers import next_steps, opinions_in_words, verdict_lines
from agents.turn import MOST_STEPS, Turn
from core.advice.opinion import ANALYSTS
from core.advice.track_record import is_contaminated
from core.domain.facts import Label, ToolResult
from core.reporting.rendering import render_fact
from prompts.loader import load_prompt
from tools._verdicts import keep_views

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

    from agents.models.chain import Chain
    from core.advice.verdict import Word

TOOL = "recommend"
CHAIR = "chair"
MOST_TOKENS = 40_000
"""Where the analysts have used more together, the chair is not asked and the verdict stands as it is."""
_CALL = re.compile(
    r"^[ \t>*-]*CALL:\s*\**\s*(?P<symbol>[\w.^=/-]+)\s*:?\s+\**(?P<word>buy|hold|sell)\b.*$", re.I | re.M
)


class PanelState(TypedDict):
    """Hold what was argued: by analyst, the tokens used, and what the chair wrote, with who was asked."""

    argued: Annotated[dict[str, str], operator.or_]
    tokens: Annotated[int, operator.add]
    summary: str
    calls: dict[str, str]
    model: str


def to_argue(turn: Turn) -> ToolResult | None:
    """Return what the panel may argue over: the one result of a turn that asked for nothing but a verdict."""
    results = list(turn.results.values())
    asked = {name for _, name, _ in turn.calls}
    fits = asked == {TOOL} and len(results) == 1 and not turn.argued and turn.steps < MOST_STEPS
    return results[0] if fits and results[0].details.get("panel") else None


def after_tools(state: dict[str, Any], runtime: Runtime[Turn]) -> str:
    """Name the step after the tools: a verdict that a model asked for is argued first."""
    turn = runtime.context
    return "panel" if turn.route != "offline" and to_argue(turn) is not None else "model"


def build_panel(chain: Chain) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Return the compiled sub-graph: the analysts side by side, then the chair; a run passes its Turn as context."""
    from langgraph.graph import END, START, StateGraph

    def node(ask: Callable[[PanelState, Turn], Awaitable[dict[str, Any]]]) -> Any:
        async def run(state: PanelState, runtime: Runtime[Turn]) -> dict[str, Any]:
            return await ask(state, runtime.context)

        return run

    def analyst(name: str) -> Callable[[PanelState, Turn], Awaitable[dict[str, Any]]]:
        return lambda state, turn: _argue(name, turn, chain)

    graph = StateGraph(PanelState, context_schema=Turn)
    graph.add_node(CHAIR, node(lambda state, turn: _sum_up(state, turn, chain)))
    for name in ANALYSTS:
        graph.add_node(name, node(analyst(name)))
        graph.add_edge(START, name)
    graph.add_edge(list(ANALYSTS), CHAIR)
    graph.add_edge(CHAIR, END)
    # What is argued is kept in the answer only: no checkpoint of its own.
    return graph.compile(checkpointer=False)


async def convene(turn: Turn, panel: CompiledStateGraph[Any, Any, Any, Any]) -> dict[str, Any]:
    """Return the message of the panel, with references for digits; nothing where no model had anything to say."""
    result = to_argue(turn)
    assert result is not None
    turn.argued, turn.steps = True, turn.steps + 1
    empty: PanelState = {"argued": {}, "tokens": 0, "summary": "", "calls": {}, "model": ""}
    found: dict[str, Any] = await panel.ainvoke(empty, context=turn)
    if not found["argued"] and not found["summary"]:
        return {}
    if found["calls"]:
        await asyncio.to_thread(_keep, turn, result, found["calls"], found["model"])
    return {"messages": [AIMessage(content=_written(result, found))]}


async def _argue(analyst: str, turn: Turn, chain: Chain) -> dict[str, Any]:
    """Return what a model makes of one analyst's own facts; nothing where it has none or wrote a number of its own."""
    result = argued_over(turn)
    cases = [
        (case["symbol"], one)
        for case in result.details["panel"]
        for one in case["opinions"]
        if one["analyst"] == analyst
    ]
    told = [(symbol, one) for symbol, one in cases if one["score"] is not None]
    if not told:
        return {}
    own = _only(result, {fact for _, one in told for fact in (*one["facts"], one["score"])})
    given = {
        "facts": _facts(own),
        "reasons": [{"symbol": symbol, "for": one["for"], "against": one["against"]} for symbol, one in told],
    }
    prompt = load_prompt(f"panel_{analyst.replace(' ', '_')}").fill(symbols=", ".join(symbol for symbol, _ in told))
    text, tokens, _ = await _ask(turn, chain, prompt, given)
    checked = ground(text, [own])
    return {"argued": {analyst: text} if text and checked.accepted else {}, "tokens": tokens}


async def _sum_up(state: PanelState, turn: Turn, chain: Chain) -> dict[str, Any]:
    """Return the chair's summary and calls; nothing when the tokens are spent or it wrote a number of its own."""
    if not state["argued"] or state["tokens"] > MOST_TOKENS:
        return {}
    result = argued_over(turn)
    cases = result.details["panel"]
    facts = {fact for case in cases for fact in case["facts"]}
    facts |= {one["score"] for case in cases for one in case["opinions"] if one["score"]}
    given = {
        "verdicts": [
            {"symbol": case["symbol"], "verdict": case["verdict"], "edge in the past": case["edge"]} for case in cases
        ],
        "facts": _facts(_only(result, facts)),
        "arguments": [{"analyst": name, "text": _argument(state, cases, name)} for name in ANALYSTS],
    }
    prompt = load_prompt("panel_chair").fill(
        symbols=", ".join(case["symbol"] for case in cases), horizon=f"{result.details['horizon_sessions']} sessions"
    )
    text, tokens, model = await _ask(turn, chain, prompt, given)
    known = {case["symbol"].upper(): case["symbol"] for case in cases}
    calls = {
        known[found["symbol"].upper()]: found["word"].lower()
        for found in _CALL.finditer(text)
        if found["symbol"].upper() in known
    }
    summary = _CALL.sub("", text).strip()
    accepted = bool(summary) and ground(summary, [result.model_copy(update={"notes": (), "tables": ()})]).accepted
    return {"summary": summary if accepted else "", "calls": calls, "tokens": tokens, "model": model}


async def _ask(turn: Turn, chain: Chain, prompt: str, given: dict[str, Any]) -> tuple[str, int, str]:
    """Return a model's words under the label of the turn, with the tokens used and who wrote; empty from nobody."""
    label: Label = turn.label
    messages: list[AnyMessage] = [SystemMessage(content=prompt), HumanMessage(content=json.dumps(given))]
    envelope = Envelope(
        label=label,
        messages=messages,
        thread_id=turn.thread_id,
        question_id=turn.question_id,
        principal=turn.principal.id,
    )
    replied = await chain.ask(envelope, tell=turn.remarks.append)
    if replied is None:
        return "", 0, ""
    provider, reply = replied
    used = reply.usage["total_tokens"] if reply.usage else 0
    # A model that asks for tools here gets none.
    text = "" if reply.message.tool_calls else str(reply.message.content).strip()
    return text, used, f"{provider.name} {provider.model}"


def argued_over(turn: Turn) -> ToolResult:
    """Return the result that the panel of this turn argues over."""
    return next(result for result in turn.results.values() if result.tool == TOOL)


def _only(result: ToolResult, facts: set[str]) -> ToolResult:
    """Return a result with some of its facts and nothing else: what one seat of the panel may see and refer to."""
    kept = tuple(fact for fact in result.facts if fact.id in facts)
    return result.model_copy(update={"facts": kept, "tables": (), "notes": (), "sources": (), "details": {}})


def _facts(result: ToolResult) -> list[dict[str, str]]:
    return [
        {"write": f"{{{{fact:{fact.id}}}}}", "name": fact.name, "value": render_fact(fact)} for fact in result.facts
    ]


def _argument(state: PanelState, cases: list[dict[str, Any]], analyst: str) -> str:
    return state["argued"].get(analyst) or " ".join(opinions_in_words(cases, analyst))


def _keep(turn: Turn, result: ToolResult, calls: dict[str, Word], model: str) -> None:
    """Keep the chair's calls beside the panel's verdicts, and say where they may be hindsight."""
    cutoff = trained_until(model.partition(" ")[2])
    sessions = {case["symbol"]: date.fromisoformat(case["session"]) for case in result.details["panel"]}
    keep_views(
        turn.desk,
        turn.principal,
        calls,
        run_id=result.run,
        sessions=sessions,
        horizon=result.details["horizon_sessions"],
        model=model,
        cutoff=cutoff,
        known=result.as_of,
    )
    if any(is_contaminated(sessions[symbol], cutoff) for symbol in calls):
        until = f"up to {cutoff}" if cutoff else "up to a day that agents/models/cutoffs.py does not declare"
        turn.remarks.append(
            f"{model} was trained {until}: what it says of this session may be hindsight. Its calls are kept as "
            "contaminated and left out of the rankings."
        )


def _written(result: ToolResult, found: dict[str, Any]) -> str:
    """Return the answer: the computed verdicts, the chair's words, and each analyst's case, argued or as computed."""
    cases = result.details["panel"]
    parts = ["\n\n".join(verdict_lines(result)), found["summary"]]
    lines = []
    for name in ANALYSTS:
        if name in found["argued"]:
            lines.append(f"- **{name}**: {' '.join(found['argued'][name].split())}")
        else:
            lines += [f"- {line}" for line in opinions_in_words(cases, name)]
    parts.append("\n".join(lines))
    if found["calls"]:
        said = ", ".join(f"{symbol} {word}" for symbol, word in found["calls"].items())
        parts.append(f"The chair's own call, which changes no verdict: {said}.")
    return "\n\n".join(part for part in (*parts, *next_steps(cases)) if part)
