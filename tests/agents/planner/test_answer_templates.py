"""The offline planner's sentences over made-up results: each tool's template, with the digits filled in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from agents.grounding import ground
from agents.planner.answers import clause, write_answer
from agents.planner.plan import Call, Frame, Plan
from core.domain.facts import Cell, Column, Fact, Table, ToolResult, Unit

MOMENT = datetime(2026, 6, 24, 20, tzinfo=UTC)
Given = tuple[str, Cell, Unit]


def result(tool: str, *given: Given, tables: tuple[Table, ...] = ()) -> ToolResult:
    facts = tuple(
        Fact(
            id=f"fct_{position:032x}",
            run="run_1",
            name=name,
            value=value,
            unit=unit,
            currency="USD" if unit == "money" else None,
            as_of=MOMENT,
            label="public",
        )
        for position, (name, value, unit) in enumerate(given, start=1)
    )
    return ToolResult(run="run_1", tool=tool, label="public", as_of=MOMENT, facts=facts, tables=tables)


def said(
    tool: str,
    *given: Given,
    args: dict[str, Any] | None = None,
    wants: tuple[str, ...] = (),
    tables: tuple[Table, ...] = (),
    plan: Plan | None = None,
    errors: tuple[str, ...] = (),
) -> str:
    found = result(tool, *given, tables=tables)
    plan = plan or Plan(outcome="answer", frame=Frame(topic="metric", wants=wants))
    text = write_answer(plan, [(Call(name=tool, args=args or {}), found)], errors)
    return ground(text, [found], said=[plan.say, *plan.notes, *errors]).text


def table(name: str, symbols: tuple[str, ...], *, title: str = "", truncated: bool = False) -> Table:
    return Table(
        name=name,
        title=title,
        columns=(Column(name="symbol", unit="text"), Column(name="value", unit="number")),
        rows=tuple((symbol, 1.0) for symbol in symbols),
        truncated=truncated,
    )


def performance_of(symbol: str, total: float) -> tuple[Given, ...]:
    return (
        (f"{symbol} total return", total, "ratio"),
        (f"{symbol} measured from the close of", "2025-06-24", "date"),
        (f"{symbol} last session", "2026-06-24", "date"),
        (f"{symbol} annualised volatility", 0.25, "ratio"),
        (f"{symbol} Sharpe ratio", 1.5, "number"),
        (f"{symbol} maximum drawdown", -0.2, "ratio"),
    )


@pytest.mark.parametrize(("total", "printed"), [(0.1234, "12.34%"), (-0.4567, "-45.67%"), (0.0, "0.00%"), (12, "1,2")])
def test_performance(total: float, printed: str) -> None:
    text = said("performance", *performance_of("KO", total))
    assert text.startswith(f"KO returned {printed}")
    assert text.endswith(
        " from the close of 2025-06-24 to that of 2026-06-24, with an annualised volatility of 25.00%, "
        "a Sharpe ratio of 1.50 and a maximum drawdown of -20.00%."
    )


def test_performance_has_a_line_for_each_symbol_and_for_what_compares_them() -> None:
    text = said(
        "performance",
        *performance_of("KO", 0.1),
        *performance_of("PEP", -0.1),
        ("KO beta to SPY", 0.6, "number"),
        ("KO and PEP correlation", 0.71, "number"),
        ("KO excess return over SPY", -0.02, "ratio"),
    )
    lines = text.splitlines()
    assert [line.split()[:3] for line in lines[:2]] == [["KO", "returned", "10.00%"], ["PEP", "returned", "-10.00%"]]
    assert lines[2:] == ["KO beta to SPY: 0.60.", "KO and PEP correlation: 0.71.", "KO excess return over SPY: -2.00%."]


@pytest.mark.parametrize(
    ("wants", "expected"),
    [
        (("sharpe",), "Sharpe ratio 1.50."),
        (("volatility",), "annualised volatility 25.00%."),
        (("drawdown",), "maximum drawdown -20.00%."),
        (("drawdown", "sharpe"), "Sharpe ratio 1.50, maximum drawdown -20.00%."),
        (("sharpe", "calmar"), "Sharpe ratio 1.50."),
    ],
)
def test_only_the_wanted_measures_are_said(wants: tuple[str, ...], expected: str) -> None:
    text = said("performance", *performance_of("KO", 0.1), wants=wants)
    assert text == f"KO from the close of 2025-06-24 to that of 2026-06-24: {expected}"


def test_performance_of_many_symbols_is_cut_at_eight_lines() -> None:
    text = said("performance", *(fact for n in range(12) for fact in performance_of(f"A{chr(65 + n)}", 0.1)))
    assert len(text.splitlines()) == 8


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (0.05, "KO closed at $60.50 on 2026-06-24, 5.00% over the period."),
        (-0.5, "KO closed at $60.50 on 2026-06-24, -50.00% over the period."),
        (None, "KO closed at $60.50 on 2026-06-24."),
    ],
)
def test_price_chart(change: float | None, expected: str) -> None:
    facts: tuple[Given, ...] = (
        ("KO last close", 60.5, "money"),
        ("KO last session", "2026-06-24", "date"),
        ("KO change over the period", change, "ratio"),
    )
    assert said("price_chart", *facts) == expected


BACKTEST: tuple[Given, ...] = (
    ("first session", "2015-01-02", "date"),
    ("last session", "2025-12-31", "date"),
    ("total return", 1.5, "ratio"),
    ("annual growth (CAGR)", 0.087, "ratio"),
    ("Sharpe ratio", 0.8, "number"),
    ("maximum drawdown", -0.31, "ratio"),
    ("buy and hold total return", 2.25, "ratio"),
    ("buy and hold maximum drawdown", -0.34, "ratio"),
    ("trades", 1234, "count"),
    ("costs per year", 0.0011, "ratio"),
)
TESTED = {"strategy": "sma_crossover", "symbols": ["SPY"]}


def test_backtest() -> None:
    assert said("backtest", *BACKTEST, args=TESTED) == (
        "SMA crossover on SPY, 2015-01-02 to 2025-12-31: total return 150.00% (8.70% a year), Sharpe ratio 0.80, "
        "maximum drawdown -31.00%. Buying and holding returned 225.00% with a maximum drawdown of -34.00%. "
        "1,234 trades; costs of 0.11% a year."
    )


def test_backtest_says_how_likely_luck_is_when_that_is_known() -> None:
    luck: tuple[Given, ...] = (
        ("deflated Sharpe ratio (probability)", 0.42, "ratio"),
        ("probability of backtest overfitting", 0.6, "ratio"),
    )
    text = said("backtest", *BACKTEST, *luck, args=TESTED)
    assert text.endswith(
        "(deflated Sharpe ratio): 42.00%; probability that tuning the parameters on the past misleads "
        "(overfitting): 60.00%."
    )


def test_a_savings_plan_is_told_in_money() -> None:
    saved: tuple[Given, ...] = (
        *BACKTEST,
        ("money paid in", 12000.0, "money"),
        ("final equity", 20000.5, "money"),
        ("gain over money paid in", 8000.5, "money"),
        ("money-weighted return per year", 0.091, "ratio"),
    )
    text = said("backtest", *saved, args={"strategy": "dollar_cost_averaging", "symbols": ["VTI", "BND"]})
    assert text.startswith(
        "Dollar cost averaging on VTI, BND, 2015-01-02 to 2025-12-31: $12,000.00 was paid in and became $20,000.50, "
        "a gain of $8,000.50; money-weighted return 9.10% a year."
    )
    assert "Buying and holding" not in text


SIMULATED: tuple[Given, ...] = (
    ("sessions ahead", 63, "count"),
    ("paths", 10000, "count"),
    ("start value", 100000.0, "money"),
    ("median value", 101500.0, "money"),
    ("median change", 0.015, "ratio"),
    ("confidence", 0.95, "ratio"),
    ("lower end of the range", 80000.0, "money"),
    ("upper end of the range", 125000.0, "money"),
    ("probability of loss", 0.44, "ratio"),
    ("value at risk", 15000.0, "money"),
    ("expected shortfall", 19000.0, "money"),
)


@pytest.mark.parametrize(
    ("args", "what"),
    [
        ({"target": "portfolio"}, "your portfolio"),
        ({"target": "symbols", "symbols": ["SPY", "TLT"]}, "SPY, TLT"),
        ({"target": "symbols", "symbols": list("ABCDEFGH")}, "A, B, C, D, E, F"),
    ],
)
def test_simulation(args: dict[str, Any], what: str) -> None:
    assert said("simulate", *SIMULATED, args=args) == (
        f"Simulated {what} over 63 sessions on 10,000 paths, from $100,000.00: median $101,500.00 (1.50%); 95.00% of "
        "the paths end between $80,000.00 and $125,000.00; probability of a loss 44.00%; value at risk $15,000.00, "
        "expected shortfall $19,000.00."
    )


def test_a_shock_is_told_with_each_move() -> None:
    facts: tuple[Given, ...] = (
        ("shock to SPY", -0.1, "ratio"),
        ("shock to DGS10", 100.0, "bps"),
        ("scenario profit or loss", -12345.678, "money"),
        ("scenario change of value", -0.0823, "ratio"),
    )
    assert said("stress", *facts, args={"target": "portfolio"}) == (
        "Shock SPY -10.00%, DGS10 100.0 bps on your portfolio: profit or loss -$12,345.68 (-8.23%)."
    )


def test_a_crisis_is_told_with_its_dates_and_drawdown() -> None:
    facts: tuple[Given, ...] = (
        ("scenario", "Financial crisis", "text"),
        ("scenario first session", "2007-10-09", "date"),
        ("scenario last session", "2009-03-09", "date"),
        ("scenario profit or loss", -500.0, "money"),
        ("scenario change of value", -0.5, "ratio"),
        ("scenario maximum drawdown", -0.55, "ratio"),
    )
    assert said("stress", *facts, args={"target": "symbols", "symbols": ["SPY"]}) == (
        "Replaying Financial crisis (2007-10-09 to 2009-03-09) on SPY: profit or loss -$500.00 (-50.00%) "
        "with a maximum drawdown of -55.00%."
    )


def test_risk() -> None:
    facts: tuple[Given, ...] = (
        ("value", 50000.0, "money"),
        ("value at risk", 900.0, "money"),
        ("value at risk, share of value", 0.018, "ratio"),
        ("expected shortfall", 1300.0, "money"),
        ("annualised volatility of the book", 0.17, "ratio"),
        ("largest weight", 0.3, "ratio"),
        ("effective number of positions", 4.5, "number"),
    )
    assert said("risk_report", *facts, args={"target": "portfolio"}) == (
        "Risk of your portfolio, worth $50,000.00: daily value at risk $900.00 (1.80%), expected shortfall $1,300.00, "
        "annualised volatility 17.00%. Largest weight 30.00%, effective number of positions 4.50."
    )


def test_size() -> None:
    facts: tuple[Given, ...] = (
        ("shares", 41.0, "shares"),
        ("position value", 9840.0, "money"),
        ("weight", 0.0984, "ratio"),
        ("equity", 100000.0, "money"),
        ("price", 240.0, "money"),
        ("annualised volatility", 0.28, "ratio"),
    )
    assert said("size_position", *facts, args={"symbol": "AAPL"}) == (
        "AAPL: 41 shares, worth $9,840.00, a weight of 9.84% of equity $100,000.00, at a price of $240.00 and an "
        "annualised volatility of 28.00%."
    )


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_a_proposal_always_says_that_nothing_is_sent(side: str) -> None:
    facts: tuple[Given, ...] = (("quantity", 10.0, "shares"), ("limit price", 150.0, "money"))
    args = {"side": side, "symbol": "AAPL"}
    start = f"Proposal to {side} AAPL is written and waits for a person's approval"
    assert said("propose_trade", *facts, args=args) == (
        f"{start}: quantity 10; limit price $150.00. Nothing is sent before that."
    )
    assert said("propose_trade", args=args) == f"{start}. Nothing is sent before that."


def test_closes_are_sentences() -> None:
    one: tuple[Given, ...] = (("KO close", 60.5, "money"), ("KO session", "2026-06-24", "date"))
    two: tuple[Given, ...] = (*one, ("PEP close", 0.01236, "money"), ("PEP session", "2026-06-23", "date"))
    assert said("query_metric", *one, args={"metric": "close"}) == "KO closed at $60.50 on 2026-06-24."
    assert said("query_metric", *two, args={"metric": "close"}).splitlines() == [
        "- KO closed at $60.50 on 2026-06-24",
        "- PEP closed at $0.01236 on 2026-06-23",
    ]


def test_a_close_without_its_session_is_listed_plainly() -> None:
    assert said("query_metric", ("KO close", 60.5, "money"), args={"metric": "close"}) == "KO close: $60.50."


def test_facts_of_a_symbol_stand_on_one_line_and_longer_symbols_win() -> None:
    text = said(
        "query_metric",
        ("BRK beta", 1.0, "number"),
        ("BRK B beta", 2.0, "number"),
        ("BRK B sessions", 250, "count"),
        tables=(table("t", ("BRK", "BRK B")),),
    )
    assert text.splitlines() == ["- BRK beta: 1.00", "- BRK B beta: 2.00 (sessions: 250)"]


def test_no_more_than_ten_lines_and_then_the_table_is_named() -> None:
    symbols = tuple(f"S{chr(65 + n)}" for n in range(13))
    facts: list[Given] = [(f"{symbol} return", 0.01, "ratio") for symbol in symbols]
    lines = said("query_metric", *facts, tables=(table("t", symbols, title="Returns"),)).splitlines()
    assert len(lines) == 11
    assert lines[-1].startswith("Returns: ")


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ((table("news", ()),), "news: nothing found."),
        ((table("news", (), title="Headlines"),), "Headlines: nothing found."),
        ((table("news", ("KO",), title="Headlines"),), "Headlines: one row."),
        ((table("a", ()), table("b", ("KO",))), "a: nothing found. b: one row."),
    ],
)
@pytest.mark.parametrize("tool", ["query_metric", "data_coverage", "run_sql"])
def test_tables_alone(tool: str, tables: tuple[Table, ...], expected: str) -> None:
    assert said(tool, tables=tables) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(0.04, "Above its moving average."), (-0.04, "Below its moving average.")]
)
def test_above_its_average(value: float, expected: str) -> None:
    text = said("query_metric", ("KO distance", value, "ratio"), wants=("above_average",))
    assert text.splitlines()[-1] == expected


@pytest.mark.parametrize(
    ("cost", "close", "expected"),
    [
        (50.0, 60.0, "The last close is above your average cost."),
        (60.0, 50.0, "The last close is not above your average cost."),
        (60.0, 60.0, "The last close is not above your average cost."),
        (None, 60.0, ""),
        (60.0, None, ""),
    ],
)
def test_against_the_cost(cost: float | None, close: float | None, expected: str) -> None:
    text = said(
        "query_metric",
        ("KO average cost", cost, "money"),
        ("KO last close", close, "money"),
        wants=("versus_cost",),
    )
    assert ("average cost." in text.splitlines()[-1]) == bool(expected)
    assert expected in text


def test_any_other_tool_lists_eight_facts() -> None:
    facts: list[Given] = [(f"measure {chr(97 + n)}", n, "count") for n in range(12)]
    assert said("indicators", *facts).splitlines() == [f"- Measure {chr(97 + n)}: {n}" for n in range(8)]


TOOLS = (
    *("performance", "price_chart", "backtest", "simulate", "risk_report", "stress", "size_position", "query_metric"),
    *("indicators", "data_coverage", "portfolio", "run_sql"),
)


@pytest.mark.parametrize("tool", TOOLS)
def test_without_facts_nothing_is_said(tool: str) -> None:
    assert said(tool, args={"target": "portfolio"}) == ""


@pytest.mark.parametrize("tool", TOOLS)
def test_a_fact_without_a_value_is_left_out_not_printed(tool: str) -> None:
    named: tuple[Given, ...] = (("shares", None, "shares"), ("value", None, "money"), ("paths", None, "count"))
    assert said(tool, *named, args={"target": "portfolio"}) == ""


def test_an_error_of_two_calls_is_said_once() -> None:
    text = write_answer(
        Plan(outcome="answer"), [], ["Unknown symbol 'X'.", "Unknown symbol 'Y'.", "Unknown symbol 'X'."]
    )
    assert text == "Unknown symbol 'X'.\n\nUnknown symbol 'Y'."


def test_errors_and_remarks_follow_the_results() -> None:
    plan = Plan(outcome="answer", notes=("Read as a year", "Is that right?", "Done."))
    text = said("size_position", plan=plan, errors=("No prices for KO.",))
    assert text == "No prices for KO.\n\nRead as a year. Is that right? Done."


@pytest.mark.parametrize(("outcome", "shown"), [("clarify", True), ("answer", False)])
def test_a_question_back_stands_after_what_it_is_about(outcome: Any, shown: bool) -> None:
    plan = Plan(outcome=outcome, say="How many?")
    text = said("query_metric", ("KO quantity", 10.0, "shares"), plan=plan)
    assert text == "KO quantity: 10." + ("\n\nHow many?" if shown else "")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("all <a>", "all {{fact:fct_00000000000000000000000000000001}}"),
        ("<a> and <b>", ""),
        ("<missing>", ""),
        ("no slots", "no slots"),
        ("", ""),
    ],
)
def test_clause(template: str, expected: str) -> None:
    assert clause(result("t", ("a", 1.0, "number"), ("b", None, "number")), template) == expected
