"""Trace a number to the run that made it, and run it again."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.as_of import AsOf
from core.domain.facts import Cell, Unit
from core.domain.principal import Principal
from core.errors import InvalidInput, Refused
from core.ports.calls import CallRecord
from tools.context import Desk
from tools.runner import run_tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Say where a number comes from: the value, and the call with its arguments, data and code."""

    reference: str
    name: str
    value: Cell
    unit: Unit
    currency: str | None
    record: CallRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Say whether running a call again gave the same result, digest for digest."""

    original: CallRecord
    run_id: str
    digest: str
    same: bool
    same_code: bool


def explain(desk: Desk, reference: str, principal: Principal) -> Explanation:
    """Explain a fact id (`fct_...`), a table cell (`run:table:row:column`) or a run id (`run_...`).

    Raises UnknownName when nothing has this id and Refused when it is private and the caller may not read.
    """
    if reference.startswith("fct_") or (reference.startswith("run_") and ":" in reference):
        fact = desk.calls.fact(reference)
        record = _readable(desk.calls.call(fact.run), principal)
        return Explanation(
            reference=reference, name=fact.name, value=fact.value, unit=fact.unit, currency=fact.currency, record=record
        )
    if not reference.startswith("run_"):
        raise InvalidInput(
            f"{reference!r} is not the id of a number.",
            hint="Give a fact (fct_...), a cell (run_...:table:row:column) or a run.",
        )
    record = _readable(desk.calls.call(reference), principal)
    return Explanation(
        reference=reference, name=record.call.tool, value=None, unit="text", currency=None, record=record
    )


def replay(desk: Desk, run_id: str, principal: Principal, *, face: str) -> Replay:
    """Run a recorded call again on what was known and stored then, with its seed, and compare the results.

    Raises Refused for a proposal (it is data that exists already) and InvalidInput for a call that failed.
    """
    original = _readable(desk.calls.call(run_id), principal)
    call = original.call
    if call.effect == "propose":
        raise Refused(
            "A proposal is not made twice; show it instead.", rule="replay", hint="`quantdesk proposals show ID`."
        )
    if original.state != "done" or original.result_digest is None:
        raise InvalidInput(f"Run {run_id} {original.state}; there is no result to compare with.")
    again = run_tool(
        desk,
        call.tool,
        call.arguments,
        principal=principal,
        face=face,
        as_of=AsOf(known=call.as_of.known, recorded=call.started_at),
        seed=call.seed,
    )
    digest = desk.calls.call(again.run).result_digest or ""
    return Replay(
        original=original,
        run_id=again.run,
        digest=digest,
        same=digest == original.result_digest,
        same_code=call.code_version == desk.code_version,
    )


def _readable(record: CallRecord, principal: Principal) -> CallRecord:
    # Every signed-in person with the scope `read` may read the desk's private data; an agent only what it made.
    if "read" not in principal.scopes:
        raise Refused(f"{principal.name} lacks the scope 'read'.", rule="scope")
    if principal.kind != "person" and record.call.label == "private" and record.call.principal != principal.id:
        raise Refused("This run is private.", rule="privacy")
    return record
