"""Identities between tools on the sample data: what one says, another must say too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from core.domain.facts import ToolResult
from core.errors import InvalidInput, UnknownName
from tools.context import Desk

Ask = Callable[..., ToolResult]


def value(result: ToolResult, name: str) -> Any:
    return result.fact(name).value


def test_backtest_and_performance_agree_on_buying_and_holding(ask: Ask) -> None:
    period = {"start": "2019-01-02", "end": "2019-12-31"}
    held = ask("backtest", strategy="buy_and_hold", symbols=["MSFT"], fee_bps=0, slippage_bps=0, **period)
    measured = ask("performance", symbols=["MSFT"], start="2019-01-03", end="2019-12-31")
    # The backtest fills at the first close of its period; performance is based on the close before its own.
    assert value(measured, "MSFT measured from the close of") == value(held, "first session") == "2019-01-02"
    assert value(held, "total return") == pytest.approx(value(measured, "MSFT total return"), rel=1e-9)
    assert value(held, "share of sessions invested") == 1.0


def test_sensitivity_starts_with_the_headline_of_a_late_period(ask: Ask) -> None:
    result = ask("backtest", strategy="sma_crossover", symbols=["KO"], start="2021-06-01")
    row = next(part for part in result.tables if part.name == "sensitivity").rows[0]
    assert row[2] == pytest.approx(value(result, "annual growth (CAGR)"))
    assert row[4] == pytest.approx(value(result, "maximum drawdown"))


def test_the_portfolio_is_worth_the_same_to_every_tool(ask: Ask) -> None:
    risk = ask("risk_report", target="portfolio")
    simulated = ask("simulate", target="portfolio", paths=200, sessions=2, seed=1)
    sized = ask("size_position", symbol="KO", method="fixed_fraction", target_weight=0.05)
    assert value(simulated, "start value") == pytest.approx(value(risk, "value"), rel=1e-9)
    assert value(sized, "equity") == pytest.approx(value(risk, "value"), rel=1e-9)
    assert {risk.label, simulated.label, sized.label} == {"private"}


def test_a_benchmark_among_the_symbols_is_the_benchmark(ask: Ask) -> None:
    first = ask("performance", symbols=["XOM", "JPM"], benchmark="XOM", start="2018-01-01")
    apart = ask("performance", symbols=["JPM"], benchmark="XOM", start="2018-01-01")
    assert value(first, "JPM beta to XOM") == pytest.approx(value(apart, "JPM beta to XOM"), rel=1e-9)


def test_weights_of_a_mix_scale_its_risk(ask: Ask) -> None:
    whole = ask("risk_report", symbols=["AAPL"], weights=[1.0], value=100_000)
    half = ask("risk_report", symbols=["AAPL"], weights=[0.5], value=100_000)
    assert value(half, "cash") == pytest.approx(50_000)
    for name in ("value at risk", "expected shortfall", "value at risk (gaussian)"):
        assert value(half, name) == pytest.approx(value(whole, name) / 2, rel=1e-9)


def test_a_shock_to_the_only_holding_is_its_whole_effect(ask: Ask) -> None:
    result = ask("stress", symbols=["MSFT"], value=10_000, shocks="MSFT -25%")
    assert value(result, "scenario profit or loss") == pytest.approx(-2_500)
    assert result.label == "public"


def test_a_replayed_crisis_is_the_performance_of_that_time(ask: Ask) -> None:
    replayed = ask("stress", symbols=["JPM"], value=1000, crises=["financial_2008"])
    then = ask("performance", symbols=["JPM"], start="2008-09-15", end="2009-03-09")
    assert value(replayed, "scenario change of value") == pytest.approx(value(then, "JPM total return"), rel=1e-9)


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_no_probability_is_listed_twice(ask: Ask, confidence: float) -> None:
    result = ask("simulate", symbols=["KO"], paths=200, sessions=2, confidence=confidence)
    listed = [round(row[0], 6) for row in result.tables[0].rows]
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("tool", ["price_chart", "performance", "backtest"])
def test_a_reversed_period_is_refused_alike(ask: Ask, tool: str) -> None:
    more = {"strategy": "buy_and_hold"} if tool == "backtest" else {}
    with pytest.raises(InvalidInput, match="2020-02-02 to 2020-01-01 is empty"):
        ask(tool, symbols=["KO"], start="2020-02-02", end="2020-01-01", **more)


def test_every_number_of_a_private_result_is_private_in_the_log(desk: Desk, ask: Ask) -> None:
    result = ask("simulate", target="portfolio", paths=200, sessions=2)
    assert {desk.calls.fact(fact.id).label for fact in result.facts} == {"private"}


def test_a_misspelt_symbol_offers_the_right_one(ask: Ask) -> None:
    with pytest.raises(UnknownName) as raised:
        ask("price_chart", symbols=["MSTF"])
    assert "MSFT" in str(raised.value)
