"""Performance, price charts, indicators and position sizes of markets made up by hand."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from core.errors import InvalidInput, NoData, UnknownName

CLOSES = {
    "2023-12-28": 80.0,
    "2023-12-29": 100.0,
    "2024-01-02": 110.0,
    "2024-01-03": 99.0,
    "2024-01-04": 108.9,
    "2024-01-05": 119.79,
}


@pytest.fixture
def small(market: Any) -> Any:
    market.add("AAA", CLOSES)
    return market


def value(result: Any, name: str) -> Any:
    return result.fact(name).value


# ---------------------------------------------------------------------------------------- performance


def test_the_return_runs_from_the_last_close_before_the_period(small: Any) -> None:
    result = small.ask("performance", symbols=["AAA"], start="2024-01-01")
    assert value(result, "AAA measured from the close of") == "2023-12-29"
    assert value(result, "AAA last session") == "2024-01-05"
    assert value(result, "AAA total return") == pytest.approx(0.1979)
    assert value(result, "AAA sessions") == 4
    assert value(result, "AAA share of days up") == pytest.approx(0.75)
    assert value(result, "AAA best day") == pytest.approx(0.1)
    assert value(result, "AAA worst day") == pytest.approx(-0.1)
    assert value(result, "AAA maximum drawdown") == pytest.approx(-0.1)


def test_volatility_and_sharpe_ratio_by_hand(small: Any) -> None:
    result = small.ask("performance", symbols=["AAA"], start="2024-01-01")
    # Returns 0.1, -0.1, 0.1, 0.1: mean 0.05, sample deviation 0.1.
    assert value(result, "AAA annualised volatility") == pytest.approx(0.1 * math.sqrt(252))
    assert value(result, "AAA Sharpe ratio") == pytest.approx(0.5 * math.sqrt(252))


def test_without_a_start_the_first_close_is_the_base(small: Any) -> None:
    result = small.ask("performance", symbols=["AAA"], end="2024-01-02")
    assert value(result, "AAA measured from the close of") == "2023-12-28"
    assert value(result, "AAA total return") == pytest.approx(110 / 80 - 1)


def test_facts_and_table_agree(small: Any) -> None:
    result = small.ask("performance", symbols=["AAA"])
    (table,) = result.tables
    for column, cell in zip(table.columns[3:], table.rows[0][3:], strict=True):
        fact = result.fact(f"AAA {column.name}")
        assert (fact.value, fact.unit) == (cell, column.unit)


def test_the_growth_chart_is_the_total_return(small: Any) -> None:
    result = small.ask("performance", symbols=["AAA"], start="2024-01-01")
    (line,) = result.charts[0].series
    assert line.y == pytest.approx((100.0, 110.0, 99.0, 108.9, 119.79))
    assert line.x[0] == "2023-12-29"


def test_a_period_without_sessions_is_no_data(small: Any) -> None:
    with pytest.raises(NoData):
        small.ask("performance", symbols=["AAA"], start="2024-01-06")


def test_symbols_are_compared_on_the_sessions_they_share(small: Any) -> None:
    small.add("BBB", {day: price * 2 for day, price in CLOSES.items() if day != "2024-01-03"})
    result = small.ask("performance", symbols=["AAA", "BBB"])
    assert value(result, "AAA/BBB correlation") == pytest.approx(1.0)
    assert value(result, "AAA sessions") == 5
    assert value(result, "BBB sessions") == 4
    assert result.tables[1].rows[0] == ("AAA", pytest.approx(1.0), pytest.approx(1.0))


@pytest.fixture
def pair(market: Any) -> Any:
    """Give IDX, and DBL that moves twice as far."""
    moves = np.resize(np.array([0.01, -0.02, 0.015, 0.005, -0.01]), 60)
    market.add("IDX", [100.0, *(100 * np.cumprod(1 + moves))], aliases=("the index",))
    market.add("DBL", [100.0, *(100 * np.cumprod(1 + 2 * moves))])
    return market


@pytest.mark.parametrize("symbols", [["DBL"], ["IDX", "DBL"], ["DBL", "IDX"]])
@pytest.mark.parametrize("benchmark", ["IDX", "the index"])
def test_the_benchmark_is_the_one_named_wherever_it_stands(pair: Any, symbols: list[str], benchmark: str) -> None:
    result = pair.ask("performance", symbols=symbols, benchmark=benchmark)
    assert value(result, "DBL beta to IDX") == pytest.approx(2.0)
    assert not any("IDX beta" in fact.name for fact in result.facts)


def test_a_benchmark_alone_has_nothing_to_compare(pair: Any) -> None:
    result = pair.ask("performance", symbols=["IDX"], benchmark="IDX")
    assert len(result.tables) == 1


def test_three_symbols_make_a_heat_map(pair: Any) -> None:
    pair.add("CCC", [100.0 + number for number in range(61)])
    result = pair.ask("performance", symbols=["IDX", "DBL", "CCC"])
    assert [chart.kind for chart in result.charts] == ["line", "heatmap"]


def test_what_trades_every_day_is_annualised_by_365_and_the_note_says_both(market: Any) -> None:
    closes = [100.0, 110.0, 99.0, 108.9, 119.79]
    market.add("BTC", closes, calendar="24x7", asset_class="crypto")
    market.add("AAA", closes)
    result = market.ask("performance", symbols=["BTC", "AAA"])
    assert value(result, "BTC annualised volatility") == pytest.approx(0.1 * math.sqrt(365))
    assert value(result, "AAA annualised volatility") == pytest.approx(0.1 * math.sqrt(252))
    assert any("252 sessions and 365 days" in note for note in result.notes)


# --------------------------------------------------------------------------------------------- charts


def test_a_chart_of_one_symbol_shows_its_prices(small: Any) -> None:
    result = small.ask("price_chart", symbols=["AAA"], start="2024-01-02", end="2024-01-04")
    (chart,) = result.charts
    assert chart.series[0].y == (110.0, 99.0, 108.9)
    assert (chart.kind, chart.unit, chart.y_title) == ("line", "money", "USD")
    assert value(result, "AAA change over the period") == pytest.approx(108.9 / 110 - 1)
    assert result.tables[0].rows == (
        ("AAA", "2024-01-02", 110.0, "2024-01-04", 108.9, pytest.approx(-0.01), 99.0, 110.0),
    )


def test_prices_are_asked_as_prices_and_returns_as_returns(small: Any) -> None:
    small.ask("price_chart", symbols=["AAA"])
    small.ask("performance", symbols=["AAA"])
    assert [part["purpose"] for part in small.asked] == ["price", "return"]


def test_several_symbols_start_at_100_each_on_its_own_first_session(small: Any) -> None:
    small.add("BBB", {"2024-01-03": 5.0, "2024-01-04": 6.0})
    result = small.ask("price_chart", symbols=["AAA", "BBB"])
    first, second = result.charts[0].series
    assert (first.x[0], first.y[0]) == ("2023-12-28", 100.0)
    assert second.y == pytest.approx((100.0, 120.0))
    assert second.x == ("2024-01-03", "2024-01-04")


def test_a_long_chart_is_thinned_but_ends_where_the_fact_says(market: Any) -> None:
    market.clock.moment = market.clock.moment.replace(year=2030)
    market.add("AAA", [float(price) for price in range(1, 2001)], start="2020-01-01")
    result = market.ask("price_chart", symbols=["AAA"])
    line = result.charts[0].series[0]
    assert len(line.x) == 800
    assert (line.y[0], line.y[-1]) == (1.0, value(result, "AAA last close")) == (1.0, 2000.0)
    assert line.x[-1] == value(result, "AAA last session")


def test_candlesticks_hold_open_high_low_and_close(market: Any) -> None:
    market.add("AAA", [10.0, 11.0], open=[9.0, 10.5], high=[12.0, 13.0], low=[8.0, 9.5], basis="raw")
    result = market.ask("price_chart", symbols=["AAA"], kind="candlestick")
    (series,) = result.charts[0].series
    assert result.charts[0].kind == "candlestick"
    assert (series.open, series.high, series.low, series.y) == ((9, 10.5), (12, 13), (8, 9.5), (10, 11))


def test_candlesticks_show_the_last_250_sessions(market: Any) -> None:
    closes = [float(price) for price in range(1, 261)]
    market.add("AAA", closes, start="2023-01-02", open=closes, high=closes, low=closes)
    (chart,) = market.ask("price_chart", symbols=["AAA"], kind="candlestick").charts
    assert chart.title == "AAA, the last 250 sessions"
    assert chart.series[0].y == tuple(closes[10:])


def test_without_highs_a_line_is_drawn_and_said_so(small: Any) -> None:
    result = small.ask("price_chart", symbols=["AAA"], kind="candlestick")
    assert result.charts[0].kind == "line"
    assert any("closes only" in note for note in result.notes)


def test_prices_in_two_currencies_are_not_labelled_with_one(small: Any) -> None:
    small.add("EUX", CLOSES, currency="EUR")
    mixed = small.ask("price_chart", symbols=["AAA", "EUX"])
    assert {column.currency for column in mixed.tables[0].columns} == {None}
    assert (mixed.fact("AAA last close").currency, mixed.fact("EUX last close").currency) == ("USD", "EUR")
    (alone,) = small.ask("price_chart", symbols=["EUX"]).tables
    assert {column.currency for column in alone.columns if column.unit == "money"} == {"EUR"}


# ----------------------------------------------------------------------------------------- indicators


def test_a_moving_average_is_the_mean_of_the_last_closes(small: Any) -> None:
    result = small.ask("indicators", symbol="AAA", names=["sma"], parameters={"sma": {"period": 3}})
    assert value(result, "AAA sma(3)") == pytest.approx((99 + 108.9 + 119.79) / 3)
    close, average = result.charts[0].series
    assert close.y == tuple(CLOSES.values())
    assert average.y[:2] == (None, None)
    assert average.y[2] == pytest.approx((80 + 100 + 110) / 3)


def test_an_indicator_warms_up_on_what_lies_before_the_period(small: Any) -> None:
    result = small.ask("indicators", symbol="AAA", names=["sma"], parameters={"sma": {"period": 3}}, start="2024-01-02")
    average = result.charts[0].series[1]
    assert average.x[0] == "2024-01-02"
    assert average.y[0] == pytest.approx((80 + 100 + 110) / 3)


def test_an_indicator_that_is_still_warming_up_has_no_value(small: Any) -> None:
    result = small.ask("indicators", symbol="AAA", names=["sma"], parameters={"sma": {"period": 7}})
    assert value(result, "AAA sma(7)") is None
    assert result.tables[0].rows == (("sma(7)", None),)


@pytest.mark.parametrize(
    ("period", "error"),
    [({"start": "2024-01-04", "end": "2024-01-02"}, InvalidInput), ({"start": "2024-01-06"}, NoData)],
)
def test_indicators_refuse_a_period_without_sessions(small: Any, period: dict[str, str], error: type) -> None:
    with pytest.raises(error):
        small.ask("indicators", symbol="AAA", names=["sma"], parameters={"sma": {"period": 2}}, **period)


def test_an_unknown_indicator_is_named(small: Any) -> None:
    with pytest.raises(UnknownName, match="smaa"):
        small.ask("indicators", symbol="AAA", names=["smaa"])


def test_an_indicator_of_several_outputs_names_each(market: Any) -> None:
    market.add("AAA", [100.0 + number % 7 for number in range(80)])
    result = market.ask("indicators", symbol="AAA", names=["macd"])
    assert len(result.tables[0].rows) == 3
    assert len({row[0] for row in result.tables[0].rows}) == 3


# ----------------------------------------------------------------------------------------------- size


@pytest.fixture
def swinging(market: Any) -> Any:
    """Give AAA that moves 1 % up and down around 200 and ends there, so that its volatility is known."""
    closes = [200.0]
    for number in range(64):
        closes.append(closes[-1] * (1.01 if number % 2 == 0 else 1 / 1.01))
    closes[-1] = 200.0
    market.add("AAA", closes)
    market.add("BTC", closes, calendar="24x7", asset_class="crypto")
    market.closes = np.array(closes)
    return market


def size(market: Any, **arguments: Any) -> Any:
    return market.ask("size_position", symbol="AAA", equity=100_000, **arguments)


def test_a_fixed_fraction_by_hand(swinging: Any) -> None:
    result = size(swinging, method="fixed_fraction", target_weight=0.1011)
    # 10,110 at 200 are 50.55 shares.
    assert value(result, "shares") == 50
    assert value(result, "position value") == 10_000
    assert value(result, "weight") == pytest.approx(0.10)
    assert value(result, "price") == 200.0


def test_volatility_target_is_target_over_volatility(swinging: Any) -> None:
    result = size(swinging, target_volatility=0.02)
    moves = swinging.closes[-64:][1:] / swinging.closes[-64:][:-1] - 1
    volatility = float(np.std(moves, ddof=1) * math.sqrt(252))
    assert value(result, "annualised volatility") == pytest.approx(volatility)
    assert value(result, "shares") == math.floor(100_000 * 0.02 / volatility / 200)


@pytest.mark.parametrize("stop", [{"stop_price": 190.0}, {"stop_distance": 0.05}], ids=["price", "distance"])
def test_risk_to_a_stop_loses_the_fraction_there(swinging: Any, stop: dict[str, float]) -> None:
    result = size(swinging, method="risk_per_stop", risk_fraction=0.01, max_weight=1, **stop)
    # 1,000 at risk over 10 a share.
    assert value(result, "shares") == 100


def test_a_stop_above_the_price_is_a_short(swinging: Any) -> None:
    assert value(size(swinging, method="risk_per_stop", stop_price=220, max_weight=1), "shares") == -50


def test_half_kelly_by_hand(swinging: Any) -> None:
    moves = swinging.closes[1:] / swinging.closes[:-1] - 1
    recent = moves[-63:]
    weight = 0.5 * moves.mean() * 252 / (np.std(recent, ddof=1) ** 2 * 252)
    result = size(swinging, method="kelly", max_weight=1)
    assert value(result, "shares") == math.floor(100_000 * min(weight, 1) / 200)


def test_the_largest_weight_cuts_and_says_so(swinging: Any) -> None:
    result = size(swinging, method="fixed_fraction", target_weight=0.9)
    assert value(result, "weight") == pytest.approx(0.25)
    assert any("Cut from 90.00 %" in str(row[0]) for row in result.tables[0].rows)


def test_crypto_is_sized_in_ten_thousandths(swinging: Any) -> None:
    result = swinging.ask("size_position", symbol="BTC", equity=1000, method="fixed_fraction", target_weight=0.1234567)
    assert value(result, "shares") == pytest.approx(0.6172)


def test_less_than_one_share_is_no_position(swinging: Any) -> None:
    result = swinging.ask("size_position", symbol="AAA", equity=500, method="fixed_fraction", target_weight=0.2)
    assert value(result, "shares") == 0
    assert any("Less than one lot" in str(row[0]) for row in result.tables[0].rows)


@pytest.mark.parametrize(
    ("method", "message"), [("fixed_fraction", "needs target_weight"), ("risk_per_stop", "needs stop_price")]
)
def test_a_method_says_what_it_needs(swinging: Any, method: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        size(swinging, method=method)


def test_the_accounts_own_equity_is_private(swinging: Any) -> None:
    swinging.hold("30000", {"AAA": "200"}, AAA="100")
    result = swinging.ask("size_position", symbol="AAA", method="fixed_fraction", target_weight=0.1)
    assert (value(result, "equity"), value(result, "shares")) == (50_000.0, 25.0)
    assert {result.label, *(fact.label for fact in result.facts)} == {"private"}
    assert size(swinging, method="fixed_fraction", target_weight=0.1).label == "public"


def test_a_volatility_needs_three_closes(market: Any) -> None:
    market.add("NEW", [10.0, 11.0])
    with pytest.raises(NoData, match="NEW has 2 closes"):
        market.ask("size_position", symbol="NEW", equity=1000, method="fixed_fraction", target_weight=0.1)


# -------------------------------------------------------------------------------------- every result


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("performance", {"symbols": ["AAA", "UP", "FLAT"]}),
        ("price_chart", {"symbols": ["AAA", "UP", "FLAT"]}),
        ("indicators", {"symbol": "FLAT", "names": ["sma", "rsi", "macd"]}),
        ("indicators", {"symbol": "UP", "names": ["rsi", "sma"]}),
        ("backtest", {"symbols": ["UP"], "strategy": "buy_and_hold"}),
        ("backtest", {"symbols": ["FLAT"], "strategy": "sma_crossover", "parameters": {"fast": 2, "slow": 5}}),
        ("risk_report", {"symbols": ["AAA", "UP"]}),
        ("simulate", {"symbols": ["AAA", "UP"], "paths": 100, "sessions": 3, "seed": 1}),
        ("size_position", {"symbol": "AAA", "equity": 1000}),
    ],
)
def test_whatever_the_market_a_result_is_plain_json_and_comes_back_the_same(
    market: Any, tool: str, arguments: dict[str, Any]
) -> None:
    draw = np.random.default_rng(2)
    market.add("AAA", [float(price) for price in 100 * np.cumprod(1 + 0.01 * draw.standard_normal(120))])
    market.add("UP", [100.0 * 1.001**number * (1 + 1e-4 * (number % 3)) for number in range(120)])
    market.add("FLAT", [100.0] * 120)
    result = market.ask(tool, **arguments)
    json.dumps(result.model_dump(mode="json"), allow_nan=False)
    assert type(result).model_validate_json(result.model_dump_json()) == result


def test_no_fact_is_stated_twice_under_one_name(market: Any) -> None:
    market.add("AAA", list(CLOSES.values()))
    market.add("BBB", [price + 1 for price in CLOSES.values()])
    result = market.ask("performance", symbols=["AAA", "BBB"], benchmark="BBB")
    names = [fact.name for fact in result.facts]
    assert len(set(names)) == len(names)


def test_all_statistics_come_with_intervals_around_them(market: Any) -> None:
    generator = np.random.default_rng(5)
    days = np.busday_offset(np.datetime64("2023-01-02"), np.arange(300), roll="forward").astype(str)
    moves = generator.normal(0.0, 0.01, 300)
    market.add("IDX", dict(zip(days, 100.0 * np.cumprod(1.0 + moves), strict=True)))
    market.add("AAA", dict(zip(days, 50.0 * np.cumprod(1.0 + 2.0 * moves), strict=True)))
    result = market.ask("performance", symbols=["AAA"], benchmark="IDX", detail="all", resamples=100)
    table = next(part for part in result.tables if part.name == "statistics_AAA")
    rows = {row[0]: row for row in table.rows}
    assert len(rows) >= 50
    _, estimate, low, high, _ = rows["annualised volatility"]
    assert low < estimate < high
    assert estimate == pytest.approx((2.0 * moves[1:]).std(ddof=1) * math.sqrt(252))
    # A copy at twice the weight has beta 2 in every resampled history.
    assert rows["beta"][1:4] == pytest.approx((2.0, 2.0, 2.0))
    assert value(result, "AAA Sharpe ratio, low end at 95%") < value(result, "AAA Sharpe ratio")
    assert any("Politis and White" in note for note in result.notes)
