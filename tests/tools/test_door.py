"""The one door in memory: scopes, labels that only rise, failures on record, digests, traces and replays."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.as_of import AsOf
from core.domain.facts import Column, Fact, Frozen, Label, Table, ToolResult
from core.domain.principal import Principal, agent_for
from core.errors import InvalidInput, NoData, Refused, UnknownName
from tools import runner
from tools.context import ToolContext
from tools.registry import Tool, load_tool, tool
from tools.runner import check_arguments, result_digest, run_tool
from tools.tracing import explain, replay

ANN = Principal(id="usr_ann", name="ann", kind="person", scopes=frozenset({"read", "trade"}))
BOB = Principal(id="usr_bob", name="bob", kind="person", scopes=frozenset({"read"}))
GUEST = Principal(id="usr_guest", name="guest", kind="person", scopes=frozenset())
NOON = datetime(2024, 1, 2, 12, tzinfo=UTC)


class Sum(Frozen):
    """Ask for a sum."""

    left: int
    right: int = 1


def declared(function: Any, **how: Any) -> Tool:
    return tool(**({"effect": "compute", "data": "public"} | how))(function)


@pytest.fixture
def door(market: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a market whose door knows the tools a test declares."""
    known: dict[str, Tool] = {}
    monkeypatch.setattr(runner, "load_tool", lambda name: known.get(name) or load_tool(name))

    def add(function: Any, **how: Any) -> Tool:
        known[function.__name__] = declared(function, **how)
        return known[function.__name__]

    market.declare = add
    return market


def add_up(context: ToolContext, arguments: Sum) -> ToolResult:
    """Add two numbers."""
    context.fact("sum", arguments.left + arguments.right, "count")
    table = Table(name="parts", columns=(Column(name="part", unit="count"),), rows=((arguments.left,),))
    return context.result(tables=[table], details={"seed": context.seed})


def draw(context: ToolContext, arguments: Sum) -> ToolResult:
    """State the seed."""
    context.fact("seed", context.seed, "count")
    return context.result()


def whisper(context: ToolContext, arguments: Sum) -> ToolResult:
    """State a fact first and learn later that it is private."""
    context.fact("before", 1, "count")
    context.raise_label("private")
    context.fact("after", 2, "count")
    return context.result()


def break_down(context: ToolContext, arguments: Sum) -> ToolResult:
    """Fail as left says."""
    raise NoData("nothing there") if arguments.left else ZeroDivisionError("secret 4711")


def ask(market: Any, name: str, principal: Principal = ANN, /, **more: Any) -> ToolResult:
    arguments = more.pop("arguments", {"left": 2})
    return run_tool(market.desk, name, arguments, principal=principal, face="test", **more)


def test_a_declaration_reads_name_arguments_and_description_from_the_function() -> None:
    found = declared(add_up, effect="read")
    assert (found.name, found.effect, found.data, found.seeded) == ("add_up", "read", "public", False)
    assert found.arguments is Sum
    assert found.description == "Add two numbers."
    assert found.schema()["required"] == ["left"]


def test_a_tool_without_a_label_is_private() -> None:
    assert tool(effect="read")(add_up).data == "private"


def test_arguments_are_recorded_with_their_defaults(door: Any) -> None:
    door.declare(add_up)
    result = ask(door, "add_up", thread_id="thr_1")
    call = door.calls.call(result.run).call
    assert call.arguments == {"left": 2, "right": 1}
    assert (call.tool, call.principal, call.face, call.thread_id) == ("add_up", "usr_ann", "test", "thr_1")
    assert (call.code_version, call.started_at) == ("test", door.clock.wall())
    assert result.fact("sum").value == 3


@pytest.mark.parametrize("arguments", [{}, {"left": "two"}, {"left": 1, "middle": 2}])
def test_arguments_that_do_not_fit_leave_no_record(door: Any, arguments: dict[str, Any]) -> None:
    door.declare(add_up)
    with pytest.raises(InvalidInput, match=r"left|middle"):
        ask(door, "add_up", arguments=arguments)
    assert door.calls.records == {}


def test_every_field_that_does_not_fit_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"left: .*; right: .*quantdesk tools add_up"):
        check_arguments(declared(add_up), {"left": "x", "right": "y"})


def test_no_scope_no_call(door: Any) -> None:
    door.declare(add_up)
    with pytest.raises(Refused, match="guest lacks the scope 'read'") as refused:
        ask(door, "add_up", GUEST)
    assert refused.value.rule == "scope"
    assert door.calls.records == {}


@pytest.mark.parametrize("person", [ANN, BOB])
def test_only_who_may_trade_may_propose(door: Any, person: Principal) -> None:
    door.declare(add_up, effect="propose")
    if "trade" in person.scopes:
        assert ask(door, "add_up", person).fact("sum").value == 3
    else:
        with pytest.raises(Refused, match="'trade'"):
            ask(door, "add_up", person)


def test_an_unknown_tool_is_unknown(door: Any) -> None:
    with pytest.raises(UnknownName, match="tool 'add_upp'"):
        ask(door, "add_upp")


def test_a_raised_label_covers_the_facts_stated_before(door: Any) -> None:
    door.declare(whisper)
    result = ask(door, "whisper")
    assert [fact.label for fact in result.facts] == ["private", "private"]
    assert result.label == door.calls.call(result.run).call.label == "private"


def test_a_private_tool_cannot_give_a_public_result(door: Any) -> None:
    door.declare(add_up, data="private")
    assert ask(door, "add_up").label == "private"


@given(st.lists(st.sampled_from(["public", "private"])), st.sampled_from(["public", "private"]))
def test_labels_never_fall(raised: list[Label], first: Label) -> None:
    context = ToolContext(
        desk=None,  # type: ignore[arg-type]
        principal=ANN,
        run_id="run_1",
        tool="t",
        as_of=AsOf(known=NOON),
        seed=0,
        face="test",
        thread_id=None,
        label=first,
    )
    for label in raised:
        context.raise_label(label)
    assert (context.label == "public") == (first == "public" and "private" not in raised)


def test_facts_are_numbered_in_their_order_and_carry_the_run(market: Any) -> None:
    context = market.context()
    made = [context.fact(f"f{number}", number, "money", currency="EUR", source="s") for number in range(3)]
    assert [fact.id for fact in made] == ["fct_0001_0", "fct_0001_1", "fct_0001_2"]
    assert {(fact.run, fact.currency, fact.source, fact.as_of) for fact in made} == {
        ("run_0001", "EUR", "s", market.clock.now())
    }
    assert context.result().facts == tuple(made)


def test_sources_are_named_once_in_order(market: Any) -> None:
    assert market.context().result(sources=["b", "a", "b"]).sources == ("b", "a")


def test_two_runs_of_one_context_share_no_facts(market: Any) -> None:
    first = market.context()
    first.fact("x", 1, "count")
    assert market.context().result().facts == ()


def test_a_known_failure_is_recorded_with_its_code(door: Any) -> None:
    door.declare(break_down)
    with pytest.raises(NoData):
        ask(door, "break_down", arguments={"left": 1})
    (record,) = door.calls.records.values()
    assert (record.state, record.error, record.result) == ("failed", "no_data: nothing there", None)
    assert record.result_digest is None


def test_a_defect_is_recorded_by_kind_without_its_text(door: Any) -> None:
    door.declare(break_down)
    with pytest.raises(ZeroDivisionError):
        ask(door, "break_down", arguments={"left": 0})
    (record,) = door.calls.records.values()
    assert record.error == "internal: ZeroDivisionError"


def test_only_a_seeded_tool_gets_a_seed(door: Any) -> None:
    door.declare(add_up)
    door.declare(draw, seeded=True)
    plain, seeded = ask(door, "add_up"), ask(door, "draw")
    assert door.calls.call(plain.run).call.seed is None
    assert plain.details == {"seed": 0}
    assert door.calls.call(seeded.run).call.seed == seeded.fact("seed").value
    assert 0 < seeded.fact("seed").value < 2**48


def test_a_seed_follows_from_the_question_and_its_moment_or_is_given(door: Any) -> None:
    door.declare(draw, seeded=True)
    first = ask(door, "draw", run_id="run_a").fact("seed").value
    assert ask(door, "draw", run_id="run_b").fact("seed").value == first
    assert ask(door, "draw", run_id="run_c", as_of=AsOf(known=NOON)).fact("seed").value != first
    assert ask(door, "draw", seed=0).fact("seed").value == 0


def test_a_call_looks_at_the_moment_it_is_given(door: Any) -> None:
    door.declare(add_up)
    assert ask(door, "add_up").as_of == door.clock.now()
    assert ask(door, "add_up", as_of=AsOf(known=NOON)).as_of == NOON


def test_equal_results_of_two_runs_have_one_digest(door: Any) -> None:
    door.declare(add_up)
    first, again, other = (ask(door, "add_up", arguments={"left": left}) for left in (2, 2, 3))
    assert first.run != again.run
    assert result_digest(first) == result_digest(again) != result_digest(other)
    assert door.calls.call(first.run).result_digest == result_digest(first)


@pytest.mark.parametrize(
    "change", [{"notes": ("n",)}, {"label": "private"}, {"sql": ("SELECT 1",)}, {"as_of": NOON}, {"details": {"a": 1}}]
)
def test_a_digest_sees_every_part(door: Any, change: dict[str, Any]) -> None:
    door.declare(add_up)
    result = ask(door, "add_up")
    assert result_digest(result.model_copy(update=change)) != result_digest(result)


def test_a_result_survives_json(door: Any) -> None:
    door.declare(add_up)
    result = ask(door, "add_up")
    assert ToolResult.model_validate_json(result.model_dump_json()) == result
    json.dumps(result.model_dump(mode="json"), allow_nan=False)


# --------------------------------------------------------------------------------------------- tracing


def test_fact_cell_and_run_lead_to_one_call(door: Any) -> None:
    door.declare(add_up)
    result = ask(door, "add_up")
    fact = explain(door.desk, result.facts[0].id, BOB)
    assert (fact.name, fact.value, fact.unit) == ("sum", 3, "count")
    cell = explain(door.desk, f"{result.run}:parts:0:part", BOB)
    assert (cell.name, cell.value) == ("part", 2)
    whole = explain(door.desk, result.run, BOB)
    assert (whole.name, whole.value, whole.unit) == ("add_up", None, "text")
    assert fact.record == cell.record == whole.record


@pytest.mark.parametrize("column", ["0:no_such", "7:part"])
def test_a_cell_that_is_not_there_is_unknown(door: Any, column: str) -> None:
    door.declare(add_up)
    with pytest.raises(UnknownName):
        explain(door.desk, f"{ask(door, 'add_up').run}:parts:{column}", ANN)


@pytest.mark.parametrize("reference", ["", "sum", "prp_1", "FCT_1"])
def test_what_is_no_reference_is_said_to_be_none(market: Any, reference: str) -> None:
    with pytest.raises(InvalidInput, match="not the id of a number"):
        explain(market.desk, reference, ANN)


def test_private_runs_open_to_persons_and_to_the_agent_that_made_them(door: Any) -> None:
    door.declare(whisper)
    own, persons = ask(door, "whisper", agent_for(ANN)), ask(door, "whisper")
    assert explain(door.desk, own.run, agent_for(ANN)).name == "whisper"
    assert explain(door.desk, own.facts[0].id, BOB).value == 1
    for reference in (persons.run, persons.facts[0].id):
        with pytest.raises(Refused, match="private"):
            explain(door.desk, reference, agent_for(ANN))
    with pytest.raises(Refused, match="private"):
        explain(door.desk, own.run, agent_for(BOB))


def test_without_the_scope_read_nothing_is_explained_or_replayed(door: Any) -> None:
    door.declare(add_up)
    run = ask(door, "add_up").run
    for look in (lambda: explain(door.desk, run, GUEST), lambda: replay(door.desk, run, GUEST, face="test")):
        with pytest.raises(Refused, match="guest lacks the scope"):
            look()


def test_a_replay_repeats_arguments_seed_and_moment(door: Any) -> None:
    door.declare(draw, seeded=True)
    first = ask(door, "draw", as_of=AsOf(known=NOON))
    door.clock.moment = datetime(2025, 6, 1, tzinfo=UTC)
    again = replay(door.desk, first.run, BOB, face="mcp")
    assert again.same
    assert again.same_code
    call = door.calls.call(again.run_id).call
    assert call.as_of == AsOf(known=NOON, recorded=door.calls.call(first.run).call.started_at)
    assert (call.seed, call.principal, call.face) == (first.fact("seed").value, "usr_bob", "mcp")


def test_a_replay_notices_that_the_answer_changed(door: Any) -> None:
    door.declare(add_up)
    first = ask(door, "add_up")

    def add_up_otherwise(context: ToolContext, arguments: Sum) -> ToolResult:
        context.fact("sum", 99, "count")
        return context.result()

    add_up_otherwise.__name__ = "add_up"
    door.declare(add_up_otherwise)
    again = replay(door.desk, first.run, ANN, face="test")
    assert not again.same
    assert again.digest != again.original.result_digest


def test_a_proposal_is_not_made_twice(door: Any) -> None:
    door.declare(add_up, effect="propose")
    with pytest.raises(Refused, match="not made twice"):
        replay(door.desk, ask(door, "add_up").run, ANN, face="test")


def test_a_failed_run_has_nothing_to_compare(door: Any) -> None:
    door.declare(break_down)
    with pytest.raises(NoData):
        ask(door, "break_down", run_id="run_x")
    with pytest.raises(InvalidInput, match="no result"):
        replay(door.desk, "run_x", ANN, face="test")


def test_a_fact_is_found_by_name_or_the_names_are_listed() -> None:
    fact = Fact(id="fct_1", run="run_1", name="sum", value=1, unit="count", as_of=NOON, label="public")
    result = ToolResult(run="run_1", tool="t", label="public", as_of=NOON, facts=(fact,))
    assert result.fact("sum") is fact
    with pytest.raises(KeyError, match="sum"):
        result.fact("product")
