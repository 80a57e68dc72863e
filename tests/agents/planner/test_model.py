"""The planner as a chat model, and the answers it writes."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from agents.grounding import REFERENCE, ground
from agents.planner.answers import clause, write_answer
from agents.planner.model import OfflinePlanner
from agents.planner.plan import Call, Frame, Plan
from agents.planner.universe import Universe
from core.domain.facts import Column, Fact, Table, ToolResult, Unit

AS_OF = datetime(2022, 11, 29, 21, tzinfo=UTC)
TODAY = date(2022, 11, 29)


def result(tool: str, values: dict[str, tuple[object, Unit]], *tables: Table) -> ToolResult:
    facts = tuple(
        Fact(
            id=f"fct_{n}",
            run="run_1",
            name=name,
            value=value,
            unit=unit,
            currency="USD" if unit == "money" else None,
            as_of=AS_OF,
            label="public",
        )  # type: ignore[arg-type]
        for n, (name, (value, unit)) in enumerate(values.items())
    )
    return ToolResult(run="run_1", tool=tool, label="public", as_of=AS_OF, facts=facts, tables=tables)


RESULTS = {
    "performance": result(
        "performance",
        {
            "AAPL measured from the close of": ("2007-12-31", "date"),
            "AAPL last session": ("2008-12-31", "date"),
            "AAPL total return": (-0.569, "ratio"),
            "AAPL annualised volatility": (0.58, "ratio"),
            "AAPL Sharpe ratio": (-1.14, "number"),
            "AAPL maximum drawdown": (-0.59, "ratio"),
        },
    ),
    "price_chart": result(
        "price_chart",
        {
            "JPM last close": (133.5, "money"),
            "JPM last session": ("2022-11-29", "date"),
            "JPM change over the period": (-0.1, "ratio"),
        },
    ),
    "size_position": result(
        "size_position",
        {
            "shares": (442.0, "shares"),
            "position value": (62_215.9, "money"),
            "weight": (0.24, "ratio"),
            "equity": (256_560.0, "money"),
            "price": (140.7, "money"),
            "annualised volatility": (0.41, "ratio"),
        },
    ),
    "query_metric": result("query_metric", {"AAPL close": (140.76, "money"), "AAPL session": ("2022-11-29", "date")}),
    "propose_trade": result("propose_trade", {"side": ("buy", "text"), "quantity": (10.0, "shares")}),
    "data_coverage": result("data_coverage", {"Daily bars": (208_848, "count")}),
}


@pytest.mark.parametrize(("tool", "found"), RESULTS.items())
def test_an_answer_is_words_and_references_only(tool: str, found: ToolResult) -> None:
    call = Call(name=tool, args={"symbol": "AAPL", "symbols": ["AAPL"], "side": "buy", "metric": "close"})
    text = write_answer(Plan(outcome="answer"), [(call, found)], [])
    assert REFERENCE.search(text)
    assert not any(character.isdigit() for character in REFERENCE.sub("", text)), text
    assert ground(text, [found]).accepted


def test_a_clause_with_a_missing_value_is_left_out() -> None:
    found = result("x", {"a": (1.0, "number"), "b": (None, "number")})
    assert clause(found, "a is <a>.") == "a is {{fact:fct_0}}."
    assert (clause(found, "b is <b>."), clause(found, "c is <c>.")) == ("", "")


def test_a_latest_close_is_a_sentence() -> None:
    call = Call(name="query_metric", args={"metric": "close"})
    text = ground(
        write_answer(Plan(outcome="answer"), [(call, RESULTS["query_metric"])], []), [RESULTS["query_metric"]]
    ).text
    assert text == "AAPL closed at $140.76 on 2022-11-29."


def test_only_the_measure_asked_for_is_said() -> None:
    plan = Plan(outcome="answer", frame=Frame(topic="performance", symbols=("AAPL",), wants=("volatility",)))
    text = write_answer(plan, [(Call(name="performance"), RESULTS["performance"])], [])
    assert "annualised volatility" in text
    assert "Sharpe" not in text


@pytest.mark.parametrize(("close", "verdict"), [(120.0, "is above"), (90.0, "is not above")])
def test_above_or_below_cost_is_said_in_words(close: float, verdict: str) -> None:
    found = result("query_metric", {"AAPL average cost": (100.0, "money"), "AAPL last close": (close, "money")})
    plan = Plan(outcome="answer", frame=Frame(topic="book", metric="average_cost", wants=("versus_cost",)))
    assert verdict in write_answer(plan, [(Call(name="query_metric"), found)], [])


def test_rows_of_a_table_are_counted_not_copied() -> None:
    table = Table(
        name="news",
        title="News",
        columns=(Column(name="headline", unit="text"),),
        rows=(("Buy 999 now",), ("b",), ("c",)),
    )
    text = write_answer(Plan(outcome="answer"), [(Call(name="query_metric"), result("query_metric", {}, table))], [])
    assert text.startswith("News: 3 rows.")
    assert "999" not in text


def test_an_error_is_the_answer_when_nothing_else_is() -> None:
    assert write_answer(Plan(outcome="answer"), [], ["Unknown symbol 'X'."]).startswith("Unknown symbol")


async def test_it_calls_and_then_answers(names: Universe) -> None:
    planner = OfflinePlanner(universe=names, today=TODAY)
    asked = [HumanMessage(content="AAPL price")]
    first = await planner.ainvoke(asked)
    assert isinstance(first, AIMessage)
    assert [(call["name"], call["args"]["symbols"]) for call in first.tool_calls] == [("query_metric", ["AAPL"])]
    key = str(first.tool_calls[0]["id"])
    after = [*asked, first, ToolMessage(content="{}", tool_call_id=key)]
    second = await OfflinePlanner(universe=names, today=TODAY, results={key: RESULTS["query_metric"]}).ainvoke(after)
    assert not second.tool_calls
    assert "{{fact:fct_0}}" in str(second.content)


async def test_it_streams_the_same_calls(names: Universe) -> None:
    planner = OfflinePlanner(universe=names, today=TODAY)
    whole = None
    async for chunk in planner.astream([HumanMessage(content="buy 3 KO")]):
        whole = chunk if whole is None else whole + chunk
    assert whole is not None
    assert [(call["name"], call["args"]["quantity"]) for call in whole.tool_calls] == [("propose_trade", 3)]


def test_it_calls_only_bound_tools(names: Universe) -> None:
    bound = OfflinePlanner(universe=names, today=TODAY).bind_tools([{"name": "performance"}])
    assert not bound.invoke([HumanMessage(content="AAPL price")]).tool_calls
    assert bound.invoke([HumanMessage(content="How did AAPL do in 2008?")]).tool_calls


def test_call_ids_differ_between_turns(names: Universe) -> None:
    planner = OfflinePlanner(universe=names, today=TODAY)
    first = planner.invoke([HumanMessage(content="AAPL price")])
    later = planner.invoke(
        [HumanMessage(content="AAPL price"), AIMessage(content="x"), HumanMessage(content="and MSFT?")]
    )
    assert first.tool_calls[0]["id"] != later.tool_calls[0]["id"]


async def test_a_plan_that_was_made_is_not_made_again_and_no_thread_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Plan(outcome="answer", calls=(Call(name="performance", args={"symbols": ["AAPL"]}),))
    monkeypatch.setattr("agents.planner.model.plan_conversation", lambda *_: pytest.fail("planned twice"))
    threads: list[int] = []
    reply = OfflinePlanner._reply

    def watched(self: OfflinePlanner, messages: object) -> AIMessage:
        threads.append(threading.get_ident())
        return reply(self, messages)  # type: ignore[arg-type]

    monkeypatch.setattr(OfflinePlanner, "_reply", watched)
    planner = OfflinePlanner(universe=Universe(), today=TODAY, made=made)
    message = await planner.ainvoke([HumanMessage(content="How did AAPL do?")])
    assert [call["name"] for call in message.tool_calls] == ["performance"]
    assert threads == [threading.get_ident()]
