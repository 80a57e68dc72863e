"""Backtests and simulations of made-up markets: fills, costs and warm-up by hand; seeds, tails and drift."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from core.errors import InvalidInput, NoData, UnknownName


def value(result: Any, name: str) -> Any:
    return result.fact(name).value


def table(result: Any, name: str) -> Any:
    return next(part for part in result.tables if part.name == name)


@pytest.fixture
def wave(market: Any) -> Any:
    """Give AAA: a rising wave of 300 sessions from the first weekday of 2023."""
    closes = [100 + 0.1 * number + 10 * math.sin(number / 12) for number in range(300)]
    days = market.add("AAA", closes, start="2023-01-02")
    market.closes, market.days_of = np.array(closes), days
    return market


def backtest(market: Any, strategy: str = "buy_and_hold", **arguments: Any) -> Any:
    given = {"fee_bps": 0, "slippage_bps": 0, "symbols": ["AAA"]} | arguments
    return market.ask("backtest", strategy=strategy, **given)


def test_without_a_start_the_first_fill_is_the_second_session(wave: Any) -> None:
    result = backtest(wave)
    assert value(result, "final equity") == pytest.approx(100_000 * wave.closes[-1] / wave.closes[1])
    assert table(result, "trades").rows[0][2] == wave.days_of[1].isoformat()


def test_with_a_start_the_first_fill_is_the_first_session_of_the_period(wave: Any) -> None:
    result = backtest(wave, start=wave.days_of[100].isoformat())
    assert value(result, "first session") == wave.days_of[100].isoformat()
    assert value(result, "sessions") == 200
    assert value(result, "final equity") == pytest.approx(100_000 * wave.closes[-1] / wave.closes[100])
    assert table(result, "trades").rows[0][2:4] == (wave.days_of[100].isoformat(), "open")


def test_an_end_cuts_what_comes_later(wave: Any) -> None:
    result = backtest(wave, start=wave.days_of[100].isoformat(), end=wave.days_of[150].isoformat())
    assert value(result, "last session") == wave.days_of[150].isoformat()
    assert value(result, "total return") == pytest.approx(wave.closes[150] / wave.closes[100] - 1)


def test_a_fee_is_paid_out_of_the_shares_bought(wave: Any) -> None:
    free, dear = backtest(wave), backtest(wave, fee_bps=100)
    assert value(dear, "final equity") == pytest.approx(value(free, "final equity") / 1.01)
    assert value(dear, "fees paid") == pytest.approx(100_000 / 1.01 * 0.01)
    assert value(dear, "slippage paid") == 0


def test_slippage_worsens_the_price_paid(wave: Any) -> None:
    free, slipped = backtest(wave), backtest(wave, slippage_bps=100)
    assert value(slipped, "final equity") == pytest.approx(value(free, "final equity") / 1.01)
    assert table(slipped, "trades").rows[0][4] == pytest.approx(wave.closes[1] * 1.01)


@pytest.mark.parametrize("cost", ["fee_bps", "slippage_bps"])
def test_more_costs_never_earn_more(wave: Any, cost: str) -> None:
    crossover = {"strategy": "sma_crossover", "parameters": {"fast": 3, "slow": 8}}
    found = [value(backtest(wave, **crossover, **{cost: bps}), "final equity") for bps in (0, 5, 20, 80)]
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == 4


def test_the_warm_up_is_traded_before_the_period_and_not_counted(wave: Any) -> None:
    start = 60
    result = backtest(wave, "sma_crossover", parameters={"fast": 5, "slow": 20}, start=wave.days_of[start].isoformat())
    close = wave.closes

    def mean(index: int, sessions: int) -> float:
        return float(close[index - sessions + 1 : index + 1].mean())

    money, shares, wanted, invested = 100_000.0, 0.0, False, 0
    for index in range(start - 1, 300):
        if wanted and not shares:
            shares, money = money / close[index], 0.0
        elif shares and not wanted:
            money, shares = shares * close[index], 0.0
        invested += bool(shares)
        wanted = mean(index, 5) > mean(index, 20)
    assert value(result, "final equity") == pytest.approx(money + shares * close[-1])
    assert value(result, "sessions") == 240
    assert value(result, "share of sessions invested") == pytest.approx(invested / 240)


def test_a_holding_kept_through_a_period_is_invested_all_of_it(wave: Any) -> None:
    result = backtest(wave, start=wave.days_of[100].isoformat(), end=wave.days_of[110].isoformat())
    assert value(result, "share of sessions invested") == 1.0


def test_turnover_and_costs_a_year_are_those_of_the_period(wave: Any) -> None:
    result = backtest(
        wave,
        "sma_crossover",
        parameters={"fast": 5, "slow": 100},
        fee_bps=10,
        start=wave.days_of[150].isoformat(),
    )
    trades = table(result, "trades").rows
    assert trades
    # Fees over average equity and years are the bps a year; turnover times the fee must say the same.
    assert value(result, "costs per year") == pytest.approx(value(result, "turnover per year") * 10)


def test_sensitivity_begins_with_the_result_itself(wave: Any) -> None:
    result = backtest(
        wave,
        "sma_crossover",
        parameters={"fast": 5, "slow": 100},
        fee_bps=3,
        slippage_bps=2,
        start=wave.days_of[150].isoformat(),
    )
    first = table(result, "sensitivity").rows[0]
    assert first[:2] == (1, 5.0)
    assert first[2] == pytest.approx(value(result, "annual growth (CAGR)"))
    assert first[3] == pytest.approx(value(result, "Sharpe ratio"))
    assert first[4] == pytest.approx(value(result, "maximum drawdown"))


def test_growth_chart_drawdown_and_facts_agree(wave: Any) -> None:
    result = backtest(wave, start=wave.days_of[50].isoformat())
    growth, drawdown = result.charts
    assert growth.series[0].y[-1] == pytest.approx(100 * (1 + value(result, "total return")))
    assert min(drawdown.series[0].y) == pytest.approx(value(result, "maximum drawdown"))
    assert [part.name for part in growth.series][1] == "buy and hold"


def test_buying_and_holding_equals_its_benchmark(wave: Any) -> None:
    result = backtest(wave)
    ours, theirs = table(result, "performance").rows
    assert ours[1:] == theirs[1:]
    assert value(result, "total return") == value(result, "buy and hold total return")


def test_parameters_reach_the_strategy_and_are_recorded(wave: Any) -> None:
    result = backtest(wave, "sma_crossover", parameters={"fast": 4, "slow": 9})
    assert result.details["parameters"] == {"fast": "4", "slow": "9", "allow_short": "False"}
    assert result.details["strategy"] == "sma_crossover"
    assert value(result, "parameter variants tried") > 1
    assert value(result, "lowest Sharpe ratio of the variants") <= value(result, "Sharpe ratio") + 1e-9


def test_money_paid_in_is_counted_and_no_deflated_ratio_is_claimed(wave: Any) -> None:
    result = backtest(wave, "dollar_cost_averaging", parameters={"amount": 100.0})
    # 300 weekdays from 2 January 2023 end on 23 February 2024; what is decided on the first session of each of the
    # 14 months is paid on the next one.
    assert value(result, "money paid in") == 1400.0
    assert value(result, "gain over money paid in") == pytest.approx(value(result, "final equity") - 1400.0)
    assert not any("deflated" in fact.name for fact in result.facts)
    assert all(part.name != "sensitivity" for part in result.tables)


def test_starting_money_counts_as_paid_in(wave: Any) -> None:
    result = backtest(wave, "dollar_cost_averaging", parameters={"amount": 100.0}, capital=1000)
    assert value(result, "money paid in") == 2400.0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"strategy": "buy_and_hol"}, UnknownName, "buy_and_hold"),
        ({"parameters": {"speed": 1}}, UnknownName, "speed"),
        ({"strategy": "sma_crossover", "parameters": {"fast": 9, "slow": 9}}, InvalidInput, "less than slow"),
        ({"start": "2023-06-01", "end": "2023-05-31"}, InvalidInput, "is empty"),
        ({"start": "2024-02-23"}, NoData, "Fewer than 2 sessions"),
        ({"capital": 0}, InvalidInput, "capital"),
        ({"fee_bps": -1}, InvalidInput, "fee_bps"),
        ({"symbols": []}, InvalidInput, "symbols"),
        ({"strategy": "pair"}, InvalidInput, "needs 2 assets"),
    ],
)
def test_what_cannot_be_backtested_is_said(wave: Any, arguments: dict[str, Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        backtest(wave, **arguments)


def test_fills_at_the_next_open_where_there_is_one(market: Any) -> None:
    closes = [100.0 + number for number in range(60)]
    opens = [price - 0.5 for price in closes]
    market.add("AAA", closes, open=opens, high=closes, low=opens)
    result = backtest(market)
    assert value(result, "final equity") == pytest.approx(100_000 * 159 / 100.5)
    assert any("next open" in note for note in result.notes)


# ------------------------------------------------------------------------------------------ simulation


@pytest.fixture
def noisy(market: Any) -> Any:
    """Give two symbols of three years with drift, from a fixed generator."""
    draw = np.random.default_rng(5)
    for symbol, drift in (("AAA", 0.002), ("BBB", 0.0)):
        closes = 100 * np.cumprod(1 + drift + 0.01 * draw.standard_normal(600))
        market.add(symbol, [float(price) for price in closes], start="2022-06-01")
    return market


def simulate(market: Any, **arguments: Any) -> Any:
    return market.ask("simulate", **({"symbols": ["AAA"], "paths": 400, "sessions": 10, "seed": 3} | arguments))


def facts(result: Any) -> dict[str, Any]:
    return {fact.name: fact.value for fact in result.facts}


@pytest.mark.parametrize("model", ["gbm", "bootstrap"])
def test_a_seed_repeats_the_result_and_another_does_not(noisy: Any, model: str) -> None:
    first = simulate(noisy, model=model)
    assert facts(first) == facts(simulate(noisy, model=model))
    assert value(first, "mean value") != value(simulate(noisy, model=model, seed=4), "mean value")


def test_without_a_seed_one_is_drawn_recorded_and_told(noisy: Any) -> None:
    result = simulate(noisy, seed=None)
    seed = noisy.calls.call(result.run).call.seed
    assert result.details["seed"] == seed
    assert any(f"seed {seed}," in note for note in result.notes)
    assert facts(simulate(noisy, seed=seed)) == facts(result)


def test_facts_table_and_fan_say_the_same(noisy: Any) -> None:
    result = simulate(noisy, symbols=["AAA", "BBB"], value=1000.0)
    rows = {cells[0]: cells for cells in table(result, "quantiles").rows}
    assert rows[0.5][1] == value(result, "median value")
    assert rows[0.5][3] == value(result, "median change")
    outer = result.charts[0].series[0]
    assert outer.y[-1] == pytest.approx(value(result, "median value"))
    assert outer.low[-1] == pytest.approx(rows[0.05][1])
    assert outer.high[-1] == pytest.approx(rows[0.95][1])
    assert outer.y[0] == pytest.approx(value(result, "start value")) == pytest.approx(1000.0)
    assert len(outer.x) == 11


def test_quantiles_rise_with_their_probability(noisy: Any) -> None:
    rows = table(simulate(noisy), "quantiles").rows
    assert [cells[0] for cells in rows] == sorted(cells[0] for cells in rows)
    assert [cells[1] for cells in rows] == sorted(cells[1] for cells in rows)


@pytest.mark.parametrize(
    ("confidence", "ends"), [(0.9, (0.05, 0.95)), (0.95, (0.025, 0.975)), (0.98, (0.01, 0.99)), (0.8, (0.1, 0.9))]
)
def test_the_range_cuts_half_of_the_rest_at_each_end(noisy: Any, confidence: float, ends: tuple[float, float]) -> None:
    result = simulate(noisy, confidence=confidence)
    rows = {cells[0]: cells[1] for cells in table(result, "quantiles").rows}
    assert set(rows) == {0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, *ends}
    assert value(result, "lower end of the range") == rows[ends[0]]
    assert value(result, "upper end of the range") == rows[ends[1]]


def test_losses_deepen_with_confidence_and_the_shortfall_lies_beyond(noisy: Any) -> None:
    found = [facts(simulate(noisy, symbols=["BBB"], confidence=level)) for level in (0.8, 0.9, 0.95, 0.99)]
    risks = [part["value at risk"] for part in found]
    assert risks == sorted(risks)
    assert all(part["expected shortfall"] >= part["value at risk"] for part in found)


@pytest.mark.parametrize("model", ["gbm", "bootstrap"])
def test_zero_drift_keeps_the_mean_where_it_is(noisy: Any, model: str) -> None:
    flat = simulate(noisy, model=model, drift="zero", paths=4000, sessions=60)
    kept = simulate(noisy, model=model, drift="historical", paths=4000, sessions=60)
    error = value(flat, "mean value standard error")
    assert abs(value(flat, "mean value") - value(flat, "start value")) < 5 * error
    assert value(kept, "mean value") > value(kept, "start value") + 5 * error


def test_the_calibrated_volatility_is_that_of_the_history(noisy: Any) -> None:
    result = simulate(noisy, model="gbm")
    assert value(result, "AAA calibrated volatility") == pytest.approx(0.01 * math.sqrt(252), rel=0.1)


def test_cash_narrows_the_outcome_in_proportion(noisy: Any) -> None:
    whole = simulate(noisy, weights=(1.0,), value=1000.0)
    half = simulate(noisy, weights=(0.5,), value=1000.0)
    for name in ("value at risk", "expected shortfall"):
        assert value(half, name) == pytest.approx(value(whole, name) / 2)
    assert value(half, "probability of loss") == value(whole, "probability of loss")


def test_the_portfolio_simulated_is_private(noisy: Any) -> None:
    noisy.hold("10", {"AAA": "100"}, AAA="2")
    result = simulate(noisy, symbols=[], target="portfolio")
    assert result.label == "private"
    assert value(result, "start value") == pytest.approx(210.0)
