"""Every call goes through one door that checks, records and labels."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.domain.facts import ToolResult
from core.domain.principal import Principal
from core.errors import InvalidInput, Refused, UnknownName
from tools.context import Desk
from tools.runner import result_digest, run_tool
from tools.tracing import explain, replay

Ask = Callable[..., ToolResult]
ANN = Principal(id="usr_ann", name="ann", kind="person", scopes=frozenset({"read", "trade", "approve"}))
NOBODY = Principal(id="usr_bob", name="bob", kind="person", scopes=frozenset())
AGENT = Principal(
    id="agent:usr_ann", name="desk agent", kind="agent", scopes=frozenset({"read"}), requested_by="usr_ann"
)


def test_a_call_is_recorded_with_everything_to_repeat_it(desk: Desk, ask: Ask) -> None:
    result = ask("simulate", symbols=["MSFT"], paths=200, sessions=5)
    record = desk.calls.call(result.run)
    assert record.state == "done"
    assert record.call.tool == "simulate"
    assert record.call.principal == "usr_ann"
    assert record.call.face == "test"
    assert record.call.seed is not None
    assert record.call.as_of.known == desk.clock.now() == result.as_of
    assert record.call.code_version == desk.code_version
    assert record.result_digest == result_digest(result)
    assert record.duration_ms is not None
    assert record.duration_ms > 0


def test_every_fact_can_be_explained(desk: Desk, ask: Ask) -> None:
    result = ask("performance", symbols=["KO"], start="2021-01-01")
    for fact in result.facts:
        found = explain(desk, fact.id, ANN)
        assert (found.name, found.value, found.unit) == (fact.name, fact.value, fact.unit)
        assert found.record.call.run_id == result.run


def test_every_cell_of_a_table_can_be_explained(desk: Desk, ask: Ask) -> None:
    result = ask("performance", symbols=["KO", "PEP"], start="2021-01-01")
    table = result.tables[0]
    for row, values in enumerate(table.rows):
        for column, cell in zip(table.columns, values, strict=True):
            found = explain(desk, f"{result.run}:{table.name}:{row}:{column.name}", ANN)
            assert found.value == cell
            assert found.unit == column.unit


@pytest.mark.parametrize("reference", ["fct_nothing_0", "run_nothing", "run_nothing:table:0:x"])
def test_an_unknown_reference_says_so(desk: Desk, reference: str) -> None:
    with pytest.raises(UnknownName):
        explain(desk, reference, ANN)


def test_what_is_no_reference_is_refused(desk: Desk) -> None:
    with pytest.raises(InvalidInput, match="fct_"):
        explain(desk, "42", ANN)


def test_an_agent_may_not_read_private_runs_of_others(desk: Desk, ask: Ask) -> None:
    own = ask("risk_report")
    with pytest.raises(Refused, match="private"):
        explain(desk, own.run, AGENT)
    assert explain(desk, own.run, ANN).record.call.label == "private"


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("performance", {"symbols": ["AAPL", "JPM"], "start": "2019-01-01"}),
        ("backtest", {"strategy": "sma_crossover", "symbols": ["XOM"], "start": "2010-01-01"}),
        ("simulate", {"symbols": ["MSFT", "KO"], "paths": 300, "sessions": 10}),
        ("simulate", {"target": "portfolio", "paths": 300, "sessions": 10}),
        ("risk_report", {}),
        ("portfolio", {}),
        ("data_coverage", {}),
    ],
)
def test_a_replayed_run_gives_the_same_digest(desk: Desk, ask: Ask, tool: str, arguments: dict[str, object]) -> None:
    result = ask(tool, **arguments)
    again = replay(desk, result.run, ANN, face="test")
    assert again.same
    assert again.same_code
    assert again.run_id != result.run


def test_a_failed_call_is_recorded_and_cannot_be_replayed(desk: Desk, ask: Ask) -> None:
    with pytest.raises(UnknownName):
        ask("performance", symbols=["APPL"])
    failed = next(record for record in desk.calls.recent(limit=5) if record.state == "failed")
    assert failed.error is not None
    assert failed.error.startswith("unknown_name")
    with pytest.raises(InvalidInput, match="no result"):
        replay(desk, failed.call.run_id, ANN, face="test")


def test_arguments_that_do_not_fit_are_named_and_nothing_runs(desk: Desk) -> None:
    before = desk.calls.recent(limit=1)[0].call.run_id
    with pytest.raises(InvalidInput, match=r"paths: Input should be greater than or equal to 100"):
        run_tool(desk, "simulate", {"symbols": ["KO"], "paths": 1}, principal=ANN, face="test")
    assert desk.calls.recent(limit=1)[0].call.run_id == before


@pytest.mark.parametrize("tool", ["performance", "propose_trade"])
def test_without_the_scope_nothing_runs(desk: Desk, tool: str) -> None:
    arguments = {"symbols": ["KO"]} if tool == "performance" else {"symbol": "KO", "side": "buy", "quantity": 1}
    with pytest.raises(Refused, match="lacks the scope"):
        run_tool(desk, tool, arguments, principal=NOBODY, face="test")


def test_digests_ignore_the_ids_of_a_run_and_see_every_value(ask: Ask) -> None:
    first = ask("performance", symbols=["KO"], start="2022-01-01")
    again = ask("performance", symbols=["KO"], start="2022-01-01")
    assert result_digest(first) == result_digest(again)
    changed = first.model_copy(update={"facts": (first.facts[0].model_copy(update={"value": 1}), *first.facts[1:])})
    assert result_digest(changed) != result_digest(first)
