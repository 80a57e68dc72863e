"""The quant tools agree with independent libraries on the sample data, read here straight from its files."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from datetime import date
from importlib.metadata import distribution

import empyrical
import numpy as np
import pytest
import talib
from scipy import stats

from core.domain.facts import ToolResult
from core.errors import InvalidInput, NoData, UnknownName

Ask = Callable[..., ToolResult]
LAST = date(2022, 11, 29)


@pytest.fixture(scope="module")
def closes() -> Callable[..., tuple[list[date], np.ndarray]]:
    """Read total-return closes of the 20 large caps from the wheel, without any code of ours."""
    package = distribution("skfolio")
    name = next(str(path) for path in package.files or () if path.name.startswith("sp500_dataset"))
    with gzip.open(package.locate_file(name), "rt") as file:
        rows = list(csv.DictReader(file))
    key = next(iter(rows[0]))

    def read(symbol: str, start: date | None = None, end: date = LAST) -> tuple[list[date], np.ndarray]:
        kept = [
            (date.fromisoformat(row[key][:10]), float(row[symbol]))
            for row in rows
            if (start is None or date.fromisoformat(row[key][:10]) >= start)
            and date.fromisoformat(row[key][:10]) <= end
        ]
        return [day for day, _ in kept], np.array([value for _, value in kept])

    return read


def returns(close: np.ndarray) -> np.ndarray:
    return close[1:] / close[:-1] - 1.0


def value(result: ToolResult, name: str) -> float:
    found = result.fact(name).value
    assert isinstance(found, float | int)
    return float(found)


def test_a_year_is_measured_from_the_last_close_before_it(ask: Ask, closes) -> None:
    result = ask("performance", symbols=["AAPL"], start="2008-01-01", end="2008-12-31")
    days, close = closes("AAPL", date(2007, 12, 31), date(2008, 12, 31))
    assert result.fact("AAPL measured from the close of").value == days[0].isoformat() == "2007-12-31"
    assert value(result, "AAPL total return") == pytest.approx(close[-1] / close[0] - 1.0, rel=1e-12)
    # Published: Apple lost 56.9 % in 2008 (198.08 to 85.35 before later splits; it paid no dividend).
    assert value(result, "AAPL total return") == pytest.approx(85.35 / 198.08 - 1.0, abs=2e-3)
    assert result.label == "public"


def test_statistics_equal_empyricals(ask: Ask, closes) -> None:
    result = ask("performance", symbols=["MSFT"], start="2015-01-01")
    r = returns(closes("MSFT", date(2014, 12, 31))[1])
    assert value(result, "MSFT annualised volatility") == pytest.approx(empyrical.annual_volatility(r), rel=1e-9)
    assert value(result, "MSFT Sharpe ratio") == pytest.approx(empyrical.sharpe_ratio(r), rel=1e-9)
    assert value(result, "MSFT Sortino ratio") == pytest.approx(empyrical.sortino_ratio(r), rel=1e-9)
    assert value(result, "MSFT maximum drawdown") == pytest.approx(empyrical.max_drawdown(r), rel=1e-9)
    assert value(result, "MSFT daily ES 95 %") == pytest.approx(empyrical.conditional_value_at_risk(r, 0.05), rel=1e-9)


def test_a_comparison_gives_beta_and_correlation_of_a_regression(ask: Ask, closes) -> None:
    result = ask("performance", symbols=["JPM", "KO"], start="2016-01-01", benchmark="XOM")
    jpm, ko, xom = (returns(closes(symbol, date(2015, 12, 31))[1]) for symbol in ("JPM", "KO", "XOM"))
    assert value(result, "JPM beta to XOM") == pytest.approx(stats.linregress(xom, jpm).slope, rel=1e-9)
    table = next(part for part in result.tables if part.name == "correlation")
    assert table.rows[0][2] == pytest.approx(np.corrcoef(jpm, ko)[0, 1], rel=1e-9)


def test_the_price_chart_ends_with_the_last_known_close(ask: Ask, closes) -> None:
    result = ask("price_chart", symbols=["AAPL"], start="2022-01-01")
    days, close = closes("AAPL", date(2022, 1, 1))
    assert result.fact("AAPL last session").value == LAST.isoformat()
    assert value(result, "AAPL last close") == pytest.approx(close[-1])
    line = result.charts[0].series[0]
    assert (line.x[-1], line.y[-1]) == (LAST.isoformat(), pytest.approx(close[-1]))
    assert len(line.x) == len(days)


def test_several_symbols_are_rebased_to_100(ask: Ask) -> None:
    result = ask("price_chart", symbols=["AAPL", "MSFT", "KO"], start="2010-01-01")
    assert [series.y[0] for series in result.charts[0].series] == [100.0, 100.0, 100.0]
    assert all(len(series.x) <= 800 for series in result.charts[0].series)


def test_indicators_equal_ta_lib(ask: Ask, closes) -> None:
    result = ask("indicators", symbol="AAPL", names=["sma", "rsi"], parameters={"sma": {"period": 100}})
    close = closes("AAPL")[1]
    assert value(result, "AAPL sma(100)") == pytest.approx(talib.SMA(close, 100)[-1], rel=1e-9)
    assert value(result, "AAPL rsi(14)") == pytest.approx(talib.RSI(close, 14)[-1], rel=1e-9)


def test_an_indicator_without_its_fields_says_why(ask: Ask) -> None:
    with pytest.raises(InvalidInput, match="close-only series"):
        ask("indicators", symbol="AAPL", names=["atr"])


def test_buying_and_holding_in_a_backtest_is_the_price_change_less_costs(ask: Ask, closes) -> None:
    result = ask("backtest", strategy="buy_and_hold", symbols=["KO"], start="2020-01-01", fee_bps=0, slippage_bps=0)
    close = closes("KO", date(2020, 1, 1))[1]
    # Decided at the last close before the period, filled at its first.
    assert value(result, "final equity") == pytest.approx(100_000 * close[-1] / close[0], rel=1e-9)
    costly = ask("backtest", strategy="buy_and_hold", symbols=["KO"], start="2020-01-01", fee_bps=50, slippage_bps=0)
    assert value(costly, "final equity") == pytest.approx(value(result, "final equity") / 1.005, rel=1e-6)


def test_a_crossover_equals_a_plain_loop(ask: Ask, closes) -> None:
    result = ask(
        "backtest",
        strategy="sma_crossover",
        symbols=["AAPL"],
        parameters={"fast": 20, "slow": 100},
        start="2015-01-01",
        fee_bps=0,
        slippage_bps=0,
    )
    days, close = closes("AAPL")
    fast, slow = talib.SMA(close, 20), talib.SMA(close, 100)
    first = next(index for index, day in enumerate(days) if day >= date(2015, 1, 1))
    money, shares, wanted = 100_000.0, 0.0, False
    # The first decision falls on the last session of the warm-up, so that the period starts in the market.
    for index in range(first - 1, len(close)):
        if wanted and not shares:
            shares, money = money / close[index], 0.0
        elif not wanted and shares:
            money, shares = shares * close[index], 0.0
        wanted = bool(fast[index] > slow[index])
    assert value(result, "final equity") == pytest.approx(money + shares * close[-1], rel=1e-9)
    assert result.fact("last session").value == LAST.isoformat()


def test_a_backtest_says_how_far_to_trust_it(ask: Ask) -> None:
    result = ask("backtest", strategy="sma_crossover", symbols=["MSFT"], start="2005-01-01")
    assert 0.0 <= value(result, "deflated Sharpe ratio (probability)") <= 1.0
    assert 0.0 <= value(result, "probability of backtest overfitting") <= 1.0
    assert value(result, "parameter variants tried") == 9
    sensitivity = next(table for table in result.tables if table.name == "sensitivity")
    assert {row[0] for row in sensitivity.rows} == {1, 2, 3, 5}
    with_costs = [row for row in sensitivity.rows if row[0] == 1]
    growth = [row[2] for row in sorted(with_costs, key=lambda row: row[1])]
    assert growth == sorted(growth, reverse=True)


def test_paying_in_monthly_reports_a_money_weighted_return(ask: Ask) -> None:
    result = ask("backtest", strategy="dollar_cost_averaging", symbols=["KO"], start="2015-01-01")
    assert value(result, "money paid in") == 95 * 1000.0  # January 2015 to November 2022
    assert 0.0 < value(result, "money-weighted return per year") < 0.3


def test_a_simulation_repeats_with_its_seed_and_differs_without(ask: Ask) -> None:
    first, again = (ask("simulate", symbols=["MSFT"], paths=500, sessions=20, seed=11) for _ in range(2))
    other = ask("simulate", symbols=["MSFT"], paths=500, sessions=20, seed=12)
    assert value(first, "mean value") == value(again, "mean value")
    assert value(first, "mean value") != value(other, "mean value")


def test_simulated_gbm_has_the_closed_forms_range(ask: Ask, closes) -> None:
    result = ask("simulate", symbols=["JPM"], model="gbm", sessions=63, paths=50_000, drift="zero", seed=3)
    close = closes("JPM", date(2017, 11, 30))[1]
    spread = np.log(close[1:] / close[:-1]).std(ddof=1) * np.sqrt(63)
    for name, level in (("lower end of the range", 0.025), ("upper end of the range", 0.975)):
        expected = close[-1] * np.exp(-(spread**2) / 2 + stats.norm.ppf(level) * spread)
        assert value(result, name) == pytest.approx(expected, rel=0.02)
    assert value(result, "probability of loss") == pytest.approx(stats.norm.cdf(spread / 2), abs=0.01)


def test_the_risk_of_named_symbols_is_public_and_that_of_the_book_private(ask: Ask) -> None:
    named = ask("risk_report", symbols=["MSFT", "JPM"], weights=[0.5, 0.5])
    assert named.label == "public"
    own = ask("risk_report")
    assert own.label == "private"
    assert {fact.label for fact in own.facts} == {"private"}


def test_value_at_risk_is_the_quantile_of_todays_positions(ask: Ask, closes) -> None:
    result = ask("risk_report", symbols=["MSFT", "JPM"], weights=[0.7, 0.3], value=100_000)
    sessions = int(value(result, "sessions of history"))
    msft, jpm = (returns(closes(symbol)[1])[-sessions:] for symbol in ("MSFT", "JPM"))
    profit = 70_000 * msft + 30_000 * jpm
    assert value(result, "value at risk") == pytest.approx(-np.quantile(profit, 0.05), rel=1e-9)
    assert value(result, "annualised volatility of the book") == pytest.approx(
        profit.std(ddof=1) / 1e5 * np.sqrt(252), rel=0.01
    )


def test_a_replayed_crisis_is_the_change_over_its_sessions(ask: Ask, closes) -> None:
    result = ask("stress", symbols=["JPM"], value=50_000, crises=["financial_2008"])
    days, close = closes("JPM")
    base = close[days.index(date(2008, 9, 12))]
    end = close[days.index(date(2009, 3, 9))]
    assert value(result, "scenario profit or loss") == pytest.approx(50_000 * (end / base - 1.0), rel=1e-9)


def test_a_shock_reaches_the_rest_of_the_book_by_regression(ask: Ask, closes) -> None:
    result = ask("stress", symbols=["KO"], value=10_000, shocks="XOM -10%", covariance="sample")
    ko, xom = (returns(closes(symbol, date(2019, 11, 29))[1]) for symbol in ("KO", "XOM"))
    beta = stats.linregress(xom, ko).slope
    assert value(result, "scenario profit or loss") == pytest.approx(-1000 * beta, rel=0.01)


def test_a_size_risks_what_was_asked_at_the_stop(ask: Ask, closes) -> None:
    result = ask(
        "size_position", symbol="AAPL", method="risk_per_stop", risk_fraction=0.01, stop_distance=0.08, equity=100_000
    )
    price = closes("AAPL")[1][-1]
    assert value(result, "shares") == np.floor(1000 / (price * 0.08))
    assert result.label == "public"
    assert ask("size_position", symbol="AAPL").label == "private"


@pytest.mark.parametrize(
    ("tool", "arguments", "error", "sentence"),
    [
        ("performance", {"symbols": ["APPL"]}, UnknownName, "AAPL"),
        ("performance", {"symbols": ["AAPL"], "start": "2022-05-01", "end": "2022-04-01"}, InvalidInput, "empty"),
        ("performance", {"symbols": ["AAPL"], "start": "1980-01-01", "end": "1981-01-01"}, NoData, "AAPL"),
        ("performance", {"symbols": []}, InvalidInput, "symbols"),
        ("performance", {"symbols": ["AAPL"], "since": "2020"}, InvalidInput, "since"),
        ("backtest", {"strategy": "smacross", "symbols": ["AAPL"]}, UnknownName, "sma_crossover"),
        (
            "backtest",
            {"strategy": "sma_crossover", "symbols": ["AAPL"], "parameters": {"fast": 0}},
            InvalidInput,
            "fast",
        ),
        ("simulate", {"symbols": ["AAPL"], "weights": [0.5, 0.5]}, InvalidInput, "weights"),
        ("stress", {"symbols": ["AAPL"], "crises": ["crash_2042"]}, UnknownName, "crisis"),
        ("risk_report", {"symbols": ["AAPL"], "crisis": "covid_2020"}, InvalidInput, "crisis"),
        ("stress", {"symbols": ["AAPL"], "shocks": "NOPE -10%"}, UnknownName, "NOPE"),
        (
            "size_position",
            {"symbol": "AAPL", "method": "fixed_fraction", "equity": 1000},
            InvalidInput,
            "target_weight",
        ),
    ],
)
def test_bad_input_gets_a_sentence(
    ask: Ask, tool: str, arguments: dict[str, object], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        ask(tool, **arguments)
