from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.adapters.store.calls import CallStore
from core.adapters.store.database import Database
from core.domain.as_of import AsOf
from core.domain.facts import Column, Fact, Table, ToolResult
from core.errors import InvalidInput, UnknownName
from core.ports.calls import ToolCall

NOON = datetime(2022, 11, 29, 21, tzinfo=UTC)


@pytest.fixture
def calls(database_dsn):
    database = Database(database_dsn)
    yield CallStore(database)
    database.close()


def a_call(**changes):
    call = ToolCall(
        run_id="run_1",
        tool="performance",
        arguments={"symbol": "AAPL", "window": [1, 2.5, None]},
        label="public",
        effect="compute",
        principal="usr_1",
        face="cli",
        thread_id="thr_1",
        as_of=AsOf(known=NOON),
        code_version="abc",
        seed=2**47,
        started_at=NOON,
    )
    return replace(call, **changes)


def a_result(run="run_1", label="public"):
    def fact(name, value, unit, number):
        return Fact(
            id=f"fct_1_{number}", run=run, name=name, value=value, unit=unit, as_of=NOON, label=label, source="x"
        )

    return ToolResult(
        run=run,
        tool="performance",
        label=label,
        as_of=NOON,
        facts=(
            fact("return", 0.1 + 0.2, "ratio", 0),
            fact("best day", "2020-03-24", "date", 1),
            fact("none", None, "number", 2),
        ),
        tables=(
            Table(
                name="years",
                columns=(Column(name="year", unit="count"), Column(name="ret", unit="ratio", title="Return")),
                rows=((2007, 0.5), (2008, -0.57)),
            ),
        ),
        sources=("market_data.v_return_prices",),
    )


def test_a_call_with_its_result_and_facts_comes_back_unchanged(calls):
    result = a_result()
    calls.start(a_call())
    assert calls.call("run_1").state == "running"
    calls.finish("run_1", duration_ms=12.5, result=result, digest="d" * 64, error=None)
    record = calls.call("run_1")
    assert record.call == a_call()
    assert (record.state, record.result, record.result_digest, record.duration_ms) == ("done", result, "d" * 64, 12.5)
    assert [calls.fact(fact.id) for fact in result.facts] == list(result.facts)
    assert calls.fact("fct_1_0").value == 0.30000000000000004


def test_a_table_cell_is_a_fact(calls):
    calls.start(a_call())
    calls.finish("run_1", duration_ms=1, result=a_result(), digest=None, error=None)
    cell = calls.fact("run_1:years:1:ret")
    assert (cell.value, cell.unit, cell.name, cell.label) == (-0.57, "ratio", "years Return", "public")
    assert cell.source == "market_data.v_return_prices"


@pytest.mark.parametrize(
    "name",
    ["run_1:years:2:ret", "run_1:years:0:nope", "run_1:months:0:ret", "run_1:years", "run_9:years:0:ret", "fct_9"],
)
def test_unknown_facts_are_named_as_such(calls, name):
    calls.start(a_call())
    calls.finish("run_1", duration_ms=1, result=a_result(), digest=None, error=None)
    with pytest.raises(UnknownName):
        calls.fact(name)


def test_a_failed_call_keeps_its_error_and_no_facts(calls):
    calls.start(a_call())
    calls.finish("run_1", duration_ms=1, result=None, digest=None, error="no_data: nothing\x00 stored")
    record = calls.call("run_1")
    assert (record.state, record.error, record.result) == ("failed", "no_data: nothing stored", None)


def test_the_call_takes_the_raised_label_of_its_result(calls):
    calls.start(a_call())
    calls.finish("run_1", duration_ms=1, result=a_result(label="private"), digest=None, error=None)
    assert calls.call("run_1").call.label == "private"


def test_an_unfinished_run_may_start_again_but_a_finished_one_may_not(calls):
    calls.start(a_call())
    calls.start(a_call())
    calls.finish("run_1", duration_ms=1, result=a_result(), digest=None, error=None)
    with pytest.raises(InvalidInput, match="done"):
        calls.start(a_call())


def test_nul_characters_are_refused_with_a_sentence(calls):
    with pytest.raises(InvalidInput, match="NUL"):
        calls.start(a_call(arguments={"symbol": "A\x00"}))


def test_recent_calls_come_newest_first_and_by_thread(calls):
    for number in range(5):
        calls.start(
            a_call(
                run_id=f"run_{number}",
                thread_id="thr_2" if number % 2 else None,
                started_at=NOON + timedelta(seconds=number),
            )
        )
    assert [record.call.run_id for record in calls.recent(limit=3)] == ["run_4", "run_3", "run_2"]
    assert [record.call.run_id for record in calls.recent(thread_id="thr_2")] == ["run_3", "run_1"]


def finished(calls, number, **changes):
    call = a_call(run_id=f"run_{number}", **changes)
    calls.start(call)
    calls.finish(call.run_id, duration_ms=1.0, result=a_result(call.run_id), digest="d", error=None)
    return call


def test_done_calls_of_some_tools_come_newest_first(calls):
    first = finished(calls, 11, tool="backtest", started_at=NOON)
    second = finished(calls, 12, tool="sweep", started_at=NOON + timedelta(hours=1))
    finished(calls, 13, tool="performance", started_at=NOON)
    calls.start(a_call(run_id="run_14", tool="backtest"))
    calls.start(a_call(run_id="run_15", tool="backtest"))
    calls.finish("run_15", duration_ms=1.0, result=None, digest=None, error="no_data: nothing")
    found = calls.done(("backtest", "sweep"), before=None)
    assert [call.run_id for call in found] == [second.run_id, first.run_id]
    assert found[1].arguments == first.arguments


def test_done_calls_stop_before_a_moment(calls):
    finished(calls, 21, tool="backtest", started_at=NOON)
    finished(calls, 22, tool="backtest", started_at=NOON + timedelta(hours=1))
    assert [call.run_id for call in calls.done(("backtest",), before=NOON + timedelta(hours=1))] == ["run_21"]
    assert calls.done(("backtest",), before=NOON) == []
    assert len(calls.done(("backtest",), before=None, limit=1)) == 1
    assert calls.done((), before=None) == []


def test_private_calls_are_not_counted(calls):
    call = a_call(run_id="run_31", tool="backtest", label="private")
    calls.start(call)
    calls.finish("run_31", duration_ms=1.0, result=a_result("run_31", "private"), digest="d", error=None)
    assert calls.done(("backtest",), before=None) == []
