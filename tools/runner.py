"""Run a tool: check its arguments, record the call, label the result; the one door for every face."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

from pydantic import ValidationError

from core.domain.as_of import AsOf
from core.domain.facts import ToolResult, highest
from core.domain.principal import Principal
from core.errors import InvalidInput, QuantdeskError, Refused
from core.ports.calls import ToolCall
from tools.context import Desk, ToolContext
from tools.registry import Tool, load_tool


def run_tool(
    desk: Desk,
    name: str,
    arguments: dict[str, Any],
    *,
    principal: Principal,
    face: str,
    thread_id: str | None = None,
    as_of: AsOf | None = None,
    seed: int | None = None,
    run_id: str | None = None,
) -> ToolResult:
    """Run one tool by name and return its recorded result.

    Raises UnknownName for an unknown tool, InvalidInput for arguments that do not fit, Refused when the caller
    lacks the scope, and whatever the tool itself raises; a failed call is recorded too.
    """
    declared = load_tool(name)
    _check_scope(declared, principal)
    checked = check_arguments(declared, arguments)
    run = run_id or desk.ids.new("run")
    moment = as_of or AsOf(known=desk.clock.now())
    plain = checked.model_dump(mode="json")
    drawn = (seed if seed is not None else _seed_of(name, plain, moment)) if declared.seeded else 0
    call = ToolCall(
        run_id=run,
        tool=name,
        arguments=plain,
        label=declared.data,
        effect=declared.effect,
        principal=principal.id,
        face=face,
        thread_id=thread_id,
        as_of=moment,
        code_version=desk.code_version,
        seed=drawn if declared.seeded else None,
        started_at=desk.clock.wall(),
    )
    context = ToolContext(
        desk=desk,
        principal=principal,
        run_id=run,
        tool=name,
        as_of=moment,
        seed=drawn,
        face=face,
        thread_id=thread_id,
        label=declared.data,
    )
    desk.calls.start(call)
    started = time.perf_counter()
    try:
        result = declared.function(context, checked)
    except QuantdeskError as error:
        _finish(desk, run, started, None, error=f"{error.code}: {error}")
        raise
    except BaseException as error:
        _finish(desk, run, started, None, error=f"internal: {type(error).__name__}")
        raise
    result = result.model_copy(update={"label": highest(declared.data, result.label)})
    _finish(desk, run, started, result)
    return result


def check_arguments(declared: Tool, arguments: dict[str, Any]) -> Any:
    """Return the arguments as the tool's model; raise InvalidInput naming each field that does not fit."""
    try:
        return declared.arguments.model_validate(arguments)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'arguments'}: {item['msg']}" for item in error.errors()
        )
        raise InvalidInput(
            f"Arguments of {declared.name} do not fit: {problems}.",
            hint=f"`quantdesk tools {declared.name}` shows the schema.",
        ) from error


def result_digest(result: ToolResult) -> str:
    """Return SHA-256 over the result without the ids of its run: equal for equal results."""
    body = result.model_dump_json().replace(result.run.removeprefix("run_"), "")
    if result.proposal_id:
        body = body.replace(result.proposal_id, "")
    return hashlib.sha256(body.encode()).hexdigest()


def _finish(desk: Desk, run: str, started: float, result: ToolResult | None, *, error: str | None = None) -> None:
    digest = result_digest(result) if result is not None else None
    duration_ms = (time.perf_counter() - started) * 1000
    desk.calls.finish(run, duration_ms=duration_ms, result=result, digest=digest, error=error)


def _check_scope(declared: Tool, principal: Principal) -> None:
    needed = "trade" if declared.effect == "propose" else "read"
    if needed not in principal.scopes:
        raise Refused(f"{principal.name} lacks the scope {needed!r} for {declared.name}.", rule="scope")


def _seed_of(name: str, arguments: dict[str, Any], moment: AsOf) -> int:
    """Return the seed of a question: asked again at the same desk time, its random figures are the same."""
    question = json.dumps([name, arguments, moment.known.isoformat()], sort_keys=True)
    return int.from_bytes(hashlib.sha256(question.encode()).digest()[:6])
