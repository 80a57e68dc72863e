"""Sweeps, walk-forwards, expected values and scans of made-up markets, and the ledger that counts their trials."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from core.domain.event_calendar import EventCalendar
from core.errors import InvalidInput, NoData


def value(result: Any, name: str) -> Any:
    return result.fact(name).value


def table(result: Any, name: str) -> Any:
    return next(part for part in result.tables if part.name == name)


@pytest.fixture
def waves(market: Any) -> Any:
    """Give AAA and BBB: waves of 700 sessions around a rising and a flat line; CCC between them."""
    draw = np.random.default_rng(4)
    noise = draw.normal(0, 0.3, (3, 700))
    aaa = [100 + 0.05 * n + 12 * math.sin(n / 25) + noise[0, n] for n in range(700)]
    bbb = [80 + 8 * math.sin(n / 25) + noise[1, n] + 4 * math.sin(n / 9) for n in range(700)]
    market.add("AAA", aaa, start="2021-01-04")
    market.add("BBB", bbb, start="2021-01-04")
    market.add(
        "CCC", [(a + b) / 2 + noise[2, n] for n, (a, b) in enumerate(zip(aaa, bbb, strict=True))], start="2021-01-04"
    )
    return market


CROSS = {"strategy": "sma_crossover", "symbols": ["AAA"], "fee_bps": 1, "slippage_bps": 1}
GRID = {"fast": [3, 5, 8], "slow": [15, 30]}


def test_a_sweep_ranks_its_variants_and_equals_the_backtest_of_the_best(waves: Any) -> None:
    result = waves.ask("sweep", **CROSS, grid=GRID, start="2021-06-01")
    assert value(result, "variants run") == 6
    rows = table(result, "variants").rows
    assert [row[2] for row in rows] == sorted((row[2] for row in rows), reverse=True)
    fast, slow, sharpe, growth, fall = rows[0]
    alone = waves.ask("backtest", **CROSS, parameters={"fast": fast, "slow": slow}, start="2021-06-01")
    assert value(alone, "Sharpe ratio") == pytest.approx(sharpe)
    assert value(alone, "annual growth (CAGR)") == pytest.approx(growth)
    assert value(alone, "maximum drawdown") == pytest.approx(fall)
    heat = result.charts[0]
    assert heat.kind == "heatmap"
    assert [len(series.y) for series in heat.series] == [2, 2, 2]
    assert max(v for series in heat.series for v in series.y) == pytest.approx(sharpe)


def test_a_sweep_leaves_out_what_is_not_valid_and_says_so(waves: Any) -> None:
    result = waves.ask("sweep", **CROSS, grid={"fast": [5, 50], "slow": [20]})
    assert value(result, "variants run") == 1
    assert value(result, "variants that are not valid") == 1
    with pytest.raises(NoData, match="Not one"):
        waves.ask("sweep", **CROSS, grid={"fast": [50], "slow": [20]})
    with pytest.raises(NoData, match="Not one"):
        waves.ask("sweep", **CROSS, grid={"fats": [5]})


def test_trials_of_earlier_runs_on_the_same_symbols_count(waves: Any) -> None:
    first = waves.ask("backtest", **CROSS, parameters={"fast": 5, "slow": 30})
    assert value(first, "of these known from earlier runs only") == 0
    alone = value(first, "parameter variants tried")
    waves.ask("sweep", **CROSS, grid=GRID)
    waves.ask("backtest", **{**CROSS, "symbols": ["BBB"]}, parameters={"fast": 2, "slow": 9})
    again = waves.ask("backtest", **CROSS, parameters={"fast": 5, "slow": 30})
    added = value(again, "of these known from earlier runs only")
    # The sweep's six less those that are neighbours or the variant itself; the other symbol does not count.
    assert 3 <= added <= 5
    assert value(again, "parameter variants tried") == alone + added
    luck = "Sharpe ratio expected of the luckiest of them"
    assert value(again, luck) > value(first, luck)
    assert value(again, "deflated Sharpe ratio (probability)") <= value(first, "deflated Sharpe ratio (probability)")
    repeated = waves.ask("backtest", **CROSS, parameters={"fast": 5, "slow": 30})
    assert value(repeated, "parameter variants tried") == alone + added


def test_a_walk_forward_is_out_of_sample(waves: Any) -> None:
    given = {"train_sessions": 200, "test_sessions": 100, "embargo_sessions": 2}
    result = waves.ask("walk_forward", **CROSS, grid=GRID, **given)
    folds = table(result, "folds").rows
    assert value(result, "folds") == len(folds) >= 4
    assert folds[0][0] == value(result, "first session out of sample")
    assert value(result, "parameter variants tried") >= 6
    assert {row[2] for row in folds} <= {f"fast {f}, slow {s}" for f in (3, 5, 8) for s in (15, 30)}


def test_the_expected_value_has_an_error_and_a_seed(waves: Any) -> None:
    given = {"paths": 300, "sessions": 60, "seed": 5}
    result = waves.ask("expected_value", **CROSS, parameters={"fast": 5, "slow": 20}, **given)
    again = waves.ask("expected_value", **CROSS, parameters={"fast": 5, "slow": 20}, **given)
    assert value(result, "expected return") == value(again, "expected return")
    assert value(result, "expected return standard error") > 0
    assert 0 < value(result, "probability of profit") < 1
    assert value(result, "expected shortfall 95 %") > 0
    held = [row[1] for row in table(result, "holding").rows]
    assert held == sorted(held)
    assert result.charts[0].kind == "histogram"
    zero = waves.ask(
        "expected_value", strategy="buy_and_hold", symbols=["AAA"], model="gbm", drift="zero", fee_bps=0,
        slippage_bps=0, **{**given, "paths": 4000},
    )  # fmt: skip
    # Where prices are martingales and trading is free, nothing is expected.
    assert abs(value(zero, "expected return")) < 3.5 * value(zero, "expected return standard error")


@pytest.mark.parametrize(
    ("strategy", "symbols", "parameters"),
    [
        ("pair", ["AAA", "BBB"], {"window": 30, "entry_z": 1.0}),
        ("fly", ["AAA", "CCC", "BBB"], {"window": 30, "entry_z": 1.0, "ratios": "pca"}),
        ("switch", ["AAA", "BBB"], {"rule": "value", "lookback": 40, "review": "daily"}),
        ("timed_spread", ["AAA", "BBB"], {"window": 30}),
        ("rotation", ["AAA", "BBB", "CCC"], {"lookback": 60, "top": 1}),
    ],
)
def test_spreads_run_from_backtest_to_expected_value(
    waves: Any, strategy: str, symbols: list[str], parameters: Any
) -> None:
    given = {"strategy": strategy, "symbols": symbols, "parameters": parameters}
    result = waves.ask("backtest", **given, stop_loss=0.1)
    assert value(result, "trades") > 0
    legs, years = table(result, "legs").rows, table(result, "years").rows
    assert [row[0] for row in legs] == symbols
    gained = value(result, "final equity") - 100_000
    borrowed = next((fact.value for fact in result.facts if fact.name == "borrowing paid"), 0.0)
    assert sum(row[1] - row[2] for row in legs) - borrowed == pytest.approx(gained, abs=0.01)
    assert sum(row[1] for row in years) == pytest.approx(gained, abs=0.01)
    market, rest = (value(result, f"profit {what} the average of the symbols") for what in ("from", "beyond"))
    assert market + rest == pytest.approx(gained, abs=0.01)
    assert {chart.title for chart in result.charts} >= {"Growth, start = 100", "Drawdown"}
    worth = waves.ask("expected_value", **given, paths=100, sessions=40, seed=1)
    assert value(worth, "paths") == 100


def test_conditions_hold_a_strategy_back_and_stops_end_it(waves: Any) -> None:
    free = waves.ask("backtest", **CROSS, parameters={"fast": 3, "slow": 15})
    timed = waves.ask("backtest", **CROSS, parameters={"fast": 3, "slow": 15}, enter="close > sma(100)")
    assert value(timed, "share of sessions invested") < value(free, "share of sessions invested")
    aged = waves.ask("backtest", **CROSS, parameters={"fast": 3, "slow": 15}, stop_sessions=5)
    assert "time stop" in {row[8] for row in table(aged, "trades").rows}
    assert any("closes only" in note for note in waves.ask("backtest", **CROSS, stop_loss=0.02).notes)
    with pytest.raises(InvalidInput, match="column 9"):
        waves.ask("backtest", **CROSS, enter="close > smaa(100)")
    with pytest.raises(NoData, match="no events"):
        waves.ask("backtest", **CROSS, enter='not within(2d, "FOMC")')


def test_events_reach_the_strategy(waves: Any) -> None:
    day = np.array(["2021-09-01"], dtype="datetime64[D]")
    waves.events = EventCalendar(
        name=np.array(["FOMC"]),
        asset=np.array([-1]),
        day=day,
        scheduled=day - 60,
        known=day,
        surprise=np.array([np.nan]),
    )
    rule = {
        "strategy": "timed",
        "symbols": ["AAA"],
        "parameters": {"buy": 'within(2d, "FOMC")', "sell": 'not within(2d, "FOMC")'},
    }
    trades = table(waves.ask("backtest", **rule), "trades").rows
    assert [(row[2], row[3]) for row in trades] == [("2021-08-31", "2021-09-07")]


def test_a_scan_finds_where_a_condition_holds_now(waves: Any) -> None:
    result = waves.ask("scan_conditions", condition="close > sma(20)", symbols=["AAA", "BBB", "CCC"])
    found = {row[0] for row in table(result, "matches").rows}
    assert value(result, "symbols looked at") + value(result, "symbols without the data for it") == 3
    assert value(result, "symbols on which it holds") == len(found)
    other = waves.ask("scan_conditions", condition="not close > sma(20)", symbols=["AAA", "BBB", "CCC"])
    missed = {row[0] for row in table(other, "matches").rows}
    assert found.isdisjoint(missed)
    assert len(found | missed) == value(result, "symbols looked at")


def test_a_scan_says_what_it_cannot_look_at(waves: Any) -> None:
    result = waves.ask("scan_conditions", condition="volume > 0", symbols=["AAA"])
    assert value(result, "symbols without the data for it") == 1
    with pytest.raises(InvalidInput, match="column 1"):
        waves.ask("scan_conditions", condition="clsoe > 1", symbols=["AAA"])
    with pytest.raises(InvalidInput, match="legs"):
        waves.ask("scan_conditions", condition="zscore(spread, 60) > 2", symbols=["AAA"])
