"""Typed questions on the samples, against pandas, empyrical, TA-Lib and the source files themselves."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import empyrical
import numpy as np
import pandas as pd
import pytest
import talib

from app.bootstrap import build_desk
from core.domain.as_of import AsOf
from core.domain.principal import Principal
from core.errors import InvalidInput, NoData, SqlRefused, UnknownName
from core.query.catalog import METRICS
from core.query.semantic.answer import Sources
from core.query.semantic.evaluate import evaluate
from core.query.semantic.metric_query import MetricQuery
from core.settings import Settings
from tools.runner import run_tool

TODAY = "2022-11-29"
ANN = Principal(id="usr_ann", name="ann", kind="person", scopes=frozenset({"read"}))


@pytest.fixture(scope="module")
def desk(sample_dsn, tmp_path_factory):
    return build_desk(Settings(home=tmp_path_factory.mktemp("home")), sample_dsn)


@pytest.fixture(scope="module")
def sources(desk):
    return Sources(
        instruments=desk.instruments,
        bars=desk.bars,
        macro=desk.macro,
        query=desk.query,
        books=desk.books,
        as_of=AsOf(known=desk.clock.now()),
        wall=desk.clock.wall(),
    )


@pytest.fixture(scope="module")
def ask(sources):
    def run(metric, **arguments):
        return evaluate(MetricQuery(metric=metric, **arguments), sources)

    return run


@pytest.fixture(scope="module")
def closes():
    """Give the total-return closes of the samples, read straight from the package's file, up to the desk's date."""
    folder = Path(find_spec("skfolio").submodule_search_locations[0])
    frame = pd.read_csv(folder / "datasets/data/sp500_dataset.csv.gz", index_col="Date", parse_dates=True)
    return frame[:TODAY]


def value(answer, name):
    found = [fact for fact in answer.facts if fact.name == name]
    assert found, f"{name!r} is not among {[fact.name for fact in answer.facts]}"
    return found[0].value


def rows(answer):
    return answer.tables[0].rows


def test_newest_close(ask, closes):
    answer = ask("close", symbols=("MSFT",))
    assert value(answer, "MSFT close") == pytest.approx(closes["MSFT"].iloc[-1])
    assert value(answer, "MSFT session") == TODAY
    assert answer.facts[0].unit == "money" and answer.facts[0].currency == "USD"
    assert answer.sql and "skfolio" in answer.sources[0]


def test_last_closes_newest_first(ask, closes):
    answer = ask("close", symbols=("AAPL",), period={"last": 20, "unit": "sessions"}, order="desc")
    assert [row[2] for row in rows(answer)] == pytest.approx(closes["AAPL"].iloc[-20:].tolist()[::-1])
    assert answer.charts[0].kind == "line" and len(answer.charts[0].series[0].x) == 20


@pytest.mark.parametrize(("aggregation", "word"), [("average", "average"), ("median", "median")])
def test_average_over_a_year(ask, closes, aggregation, word):
    answer = ask("close", symbols=("KO",), aggregation=aggregation, period={"start": "2021-01-01", "end": "2021-12-31"})
    year = closes["KO"]["2021"]
    expected = year.mean() if aggregation == "average" else year.median()
    assert value(answer, f"KO {word} close") == pytest.approx(expected)
    assert value(answer, "KO sessions") == len(year) == 252


def test_extremes_carry_their_dates(ask, closes):
    answer = ask("close", symbols=("XOM",), aggregation="minimum", period={"start": "2020-01-01", "end": "2020-12-31"})
    assert value(answer, "XOM lowest close") == pytest.approx(closes["XOM"]["2020"].min())
    assert value(answer, "XOM date of the lowest close") == str(closes["XOM"]["2020"].idxmin().date())


def test_closes_by_month_take_the_last_of_each(ask, closes):
    answer = ask(
        "close", symbols=("KO",), grain="month", period={"start": "2021-01-01", "end": "2021-12-31"}, order="asc"
    )
    assert [row[2] for row in rows(answer)] == pytest.approx(closes["KO"]["2021"].resample("ME").last().tolist())


def test_a_filter_lists_and_counts(ask, closes):
    answer = ask("close", symbols=("AAPL",), period={"start": "2022-01-01"}, filter={"operator": ">", "value": 170})
    assert value(answer, "AAPL sessions found") == int((closes["AAPL"]["2022"] > 170).sum())


def test_return_of_a_year_starts_at_the_close_before(ask, closes):
    answer = ask("return", symbols=("AAPL",), period={"start": "2008-01-01", "end": "2008-12-31"})
    expected = closes["AAPL"]["2008"].iloc[-1] / closes["AAPL"]["2007"].iloc[-1] - 1
    assert value(answer, "AAPL return") == pytest.approx(expected)
    assert value(answer, "AAPL from the close of") == "2007-12-31"


def test_ranking_of_a_group(ask, closes):
    answer = ask("return", group="stocks", period={"name": "this_year"}, limit=5, order="desc")
    change = (closes.iloc[-1] / closes.loc["2021"].iloc[-1] - 1).sort_values(ascending=False)
    assert [row[0] for row in rows(answer)] == change.index[:5].tolist()
    assert [row[3] for row in rows(answer)] == pytest.approx(change.iloc[:5].tolist())
    worst = ask("return", group="equity", period={"name": "this_year"}, limit=1, order="asc")
    assert rows(worst)[0][0] == change.index[-1]
    assert any("left out" in note for note in answer.notes)


def test_weekly_returns_side_by_side(ask, closes):
    answer = ask("return", symbols=("AAPL", "MSFT"), grain="week", period={"last": 12, "unit": "weeks"})
    weekly = closes[["AAPL", "MSFT"]].resample("W-SUN").last().pct_change().iloc[-12:]
    assert len(rows(answer)) == 24
    for symbol in weekly:
        assert [row[2] for row in rows(answer) if row[0] == symbol] == pytest.approx(weekly[symbol].tolist())


def test_days_that_fell_are_counted(ask, closes):
    daily = closes["AAPL"].pct_change()["2020"]
    answer = ask(
        "return",
        symbols=("AAPL",),
        grain="day",
        aggregation="count",
        filter={"operator": "<", "value": -0.03},
        period={"start": "2020-01-01", "end": "2020-12-31"},
    )
    assert value(answer, "AAPL days") == int((daily < -0.03).sum())


def test_two_periods_are_compared(ask, closes):
    answer = ask(
        "return",
        symbols=("JPM",),
        period={"start": "2019-01-01", "end": "2019-12-31"},
        versus={"start": "2020-01-01", "end": "2020-12-31"},
    )
    yearly = closes["JPM"].resample("YE").last().pct_change()
    assert value(answer, "JPM difference") == pytest.approx(yearly["2019"].iloc[0] - yearly["2020"].iloc[0])


@pytest.mark.parametrize(
    ("metric", "reference"),
    [
        ("volatility", lambda r: r.std() * np.sqrt(252)),
        ("sharpe_ratio", empyrical.sharpe_ratio),
        ("sortino_ratio", empyrical.sortino_ratio),
        ("max_drawdown", empyrical.max_drawdown),
        ("annualized_return", empyrical.annual_return),
    ],
)
def test_statistics_equal_independent_ones(ask, closes, metric, reference):
    answer = ask(metric, symbols=("JPM",), period={"start": "2015-01-01", "end": "2019-12-31"})
    returns = closes["JPM"].pct_change()["2015":"2019"]
    assert value(answer, f"JPM {METRICS[metric].title}") == pytest.approx(float(reference(returns)), rel=1e-9)


@pytest.mark.parametrize(("frequency", "rule", "a_year"), [("week", "W-SUN", 52), ("month", "ME", 12)])
def test_statistics_on_weekly_and_monthly_returns(ask, closes, frequency, rule, a_year):
    period = {"start": "2015-01-01", "end": "2019-12-31"}
    # From the last close before the period: the first week holds it and the first sessions of the year.
    sampled = closes["JPM"]["2014-12-31":"2019-12-31"].resample(rule).last()
    returns = sampled.pct_change().dropna()
    expected = {
        "volatility": returns.std() * np.sqrt(a_year),
        "sharpe_ratio": returns.mean() / returns.std() * np.sqrt(a_year),
        "max_drawdown": (sampled / sampled.cummax() - 1.0).min(),
    }
    for metric, figure in expected.items():
        answer = ask(metric, symbols=("JPM",), period=period, frequency=frequency)
        assert value(answer, f"JPM {METRICS[metric].title}") == pytest.approx(float(figure), rel=1e-9), metric
        assert rows(answer)[0][3] == len(returns)
        assert answer.tables[0].columns[3].name == f"{frequency}s"
        assert any(f"On {frequency}ly returns" in note for note in answer.notes)


def test_pairs_on_monthly_returns(ask, closes):
    period = {"start": "2018-01-01", "end": "2021-12-31"}
    monthly = closes[["AAPL", "JPM"]]["2017-12-29":"2021-12-31"].resample("ME").last().pct_change().dropna()
    found = ask("correlation", symbols=("AAPL", "JPM"), period=period, frequency="month")
    assert value(found, "correlation of AAPL and JPM") == pytest.approx(monthly["AAPL"].corr(monthly["JPM"]))
    assert value(found, "months") == len(monthly) == 48
    assert found.tables[0].title == "Correlation of monthly returns"
    beta = ask("beta", symbols=("AAPL",), benchmark="JPM", period=period, frequency="month")
    assert value(beta, "AAPL beta to JPM") == pytest.approx(np.polyfit(monthly["JPM"], monthly["AAPL"], 1)[0])


@pytest.mark.parametrize("metric", ["close", "return", "rsi", "realized_volatility", "annualized_return"])
def test_a_frequency_is_of_statistics_of_returns(ask, metric):
    with pytest.raises(InvalidInput, match="is not measured on weekly returns"):
        ask(metric, symbols=("JPM",), frequency="week")


def test_realised_volatility_of_log_returns(ask, closes):
    answer = ask("realized_volatility", symbols=("AAPL",), window=20)
    expected = np.log(closes["AAPL"]).diff().iloc[-20:].std() * np.sqrt(252)
    assert value(answer, "AAPL Realised volatility") == pytest.approx(expected)


def test_correlation_and_beta(ask, closes):
    period = {"start": "2020-01-01", "end": "2021-12-31"}
    answer = ask("correlation", symbols=("AAPL", "MSFT", "JPM"), period=period)
    returns = closes[["AAPL", "MSFT", "JPM"]].pct_change()["2020":"2021"]
    assert value(answer, "correlation of AAPL and JPM") == pytest.approx(returns["AAPL"].corr(returns["JPM"]))
    assert answer.charts[0].kind == "heatmap"
    beta = ask("beta", symbols=("AAPL",), benchmark="MSFT", period=period)
    assert value(beta, "AAPL beta to MSFT") == pytest.approx(np.polyfit(returns["MSFT"], returns["AAPL"], 1)[0])


def test_rsi_screen(ask, closes):
    answer = ask("rsi", group="equity", filter={"operator": "<", "value": 50}, order="asc")
    expected = {name: talib.RSI(closes[name].to_numpy(), 14)[-1] for name in closes}
    below = sorted((name for name, rsi in expected.items() if rsi < 50), key=expected.get)
    found = [row for row in rows(answer) if row[0] in closes]
    assert [row[0] for row in found] == below
    assert [row[2] for row in found] == pytest.approx([expected[name] for name in below], abs=1e-3)


def test_close_against_its_average(ask, closes):
    answer = ask("price_vs_sma", symbols=("AAPL",), window=100)
    assert value(answer, "AAPL Close versus its moving average") == pytest.approx(
        closes["AAPL"].iloc[-1] / closes["AAPL"].iloc[-100:].mean() - 1
    )
    assert value(answer, "AAPL 100-session average") == pytest.approx(closes["AAPL"].iloc[-100:].mean())


def test_spread_of_two_closes(ask, closes):
    answer = ask("spread", symbols=("MSFT", "AAPL"), period={"start": "2022-01-01"})
    difference = (closes["MSFT"] - closes["AAPL"])["2022"]
    assert value(answer, "Spread of MSFT and AAPL") == pytest.approx(difference.iloc[-1])
    assert value(answer, "date of the highest") == str(difference.idxmax().date())


def test_macro_values_are_those_of_the_source(ask):
    from statsmodels.datasets import macrodata

    frame = macrodata.load_pandas().data
    answer = ask("macro_value", series=("unemployment",))
    assert value(answer, "US unemployment rate at quarter end") == frame["unemp"].iloc[-1]
    above = ask("macro_value", series=("unemployment",), filter={"operator": ">", "value": 6}, order="desc")
    assert value(above, "US unemployment rate at quarter end: periods found") == int((frame["unemp"] > 6).sum())
    growth = ask("macro_growth", series=("real gdp",), grain="year")
    yearly = frame.groupby("year")["realgdp"].agg(["mean", "size"]).query("size == 4")["mean"].pct_change().dropna()
    assert [row[1] for row in rows(growth)] == pytest.approx(yearly.tolist())
    yoy = ask("macro_yoy", series=("US_CPI_Q",), period={"last": 8, "unit": "quarters"})
    assert [row[1] for row in rows(yoy)] == pytest.approx((frame["cpi"].pct_change(4)).iloc[-8:].tolist())
    spread = ask("macro_spread", series=("US_TBILL_Q", "US_INFLATION_Q"))
    assert value(spread, "highest") == pytest.approx((frame["tbilrate"] - frame["infl"]).max())


def test_nothing_known_later_is_seen(sources, closes):
    from dataclasses import replace
    from datetime import UTC, datetime

    earlier = replace(sources, as_of=AsOf(known=datetime(2015, 6, 30, 22, tzinfo=UTC)))
    answer = evaluate(MetricQuery(metric="close", symbols=("AAPL",)), earlier)
    assert value(answer, "AAPL session") == "2015-06-30"
    assert value(answer, "AAPL close") == pytest.approx(closes["AAPL"]["2015-06-30"])


def test_books_agree_with_each_other(ask, desk):
    held = desk.books.holdings()
    positions = ask("positions", limit=5)
    assert [row[0] for row in rows(positions)] == [line.symbol for line in held.positions][:5]
    cash = ask("cash")
    assert value(cash, "cash") == pytest.approx(float(held.cash))
    assert value(cash, "cash share of net asset value") == pytest.approx(float(held.cash / held.nav))
    nav = sum(row[5] for row in rows(ask("positions"))) + value(cash, "cash")
    assert nav == pytest.approx(value(cash, "net asset value"))
    today, whole = ask("pnl"), ask("pnl", period={"name": "all"})
    assert value(today, "P&L today") == pytest.approx(float(held.pnl_today))
    assert value(whole, "total P&L") == pytest.approx(
        value(whole, "unrealised P&L") + value(whole, "realised P&L") - value(whole, "fees"), abs=0.01
    )
    drawdown = ask("account_drawdown")
    assert value(drawdown, "account drawdown from the peak") == pytest.approx(
        value(drawdown, "net asset value") / value(drawdown, "peak net asset value") - 1
    )


def test_profit_of_a_period_is_the_difference_of_totals(ask):
    month = value(ask("pnl", period={"start": "2022-11-01", "end": TODAY}), "P&L of the period")
    navs = {row[0]: row[1] for row in rows(ask("nav", period={"name": "all"}))}
    last_of_october = max(day for day in navs if day < "2022-11-01")
    assert month == pytest.approx(navs[TODAY] - navs[last_of_october], abs=0.01)


def test_orders_fills_and_proposals(ask):
    rejected = ask("orders", state="rejected")
    assert {row[5] for row in rows(rejected)} == {"rejected"} and rejected.sql[0].count("$") == 2
    assert value(ask("fills"), "number of fills") == len(rows(ask("fills"))) > 0
    pending = ask("proposals", state="pending")
    assert len(rows(pending)) == 2 and all(0 < row[8] < 31 for row in rows(pending))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"metric": "closse", "symbols": ("AAPL",)}, UnknownName, "Did you mean close"),
        ({"metric": "close", "symbols": ("APPL",)}, UnknownName, "AAPL"),
        ({"metric": "close", "group": "unicorns"}, UnknownName, "group"),
        ({"metric": "close"}, InvalidInput, "of what"),
        ({"metric": "correlation", "symbols": ("AAPL",)}, InvalidInput, "at least 2"),
        ({"metric": "macro_spread", "series": ("US_TBILL_Q",)}, InvalidInput, "needs 2"),
        ({"metric": "close", "symbols": ("AAPL",), "window": 5}, InvalidInput, "no window"),
        (
            {"metric": "close", "symbols": ("AAPL",), "period": {"start": "1950-01-01", "end": "1950-12-31"}},
            NoData,
            "AAPL",
        ),
        ({"metric": "volume", "symbols": ("MSFT",)}, NoData, "closes only"),
        ({"metric": "news", "symbols": ("AAPL",)}, NoData, "No article"),
        ({"metric": "economic_events", "topic": "CPI"}, NoData, "CPI"),
        ({"metric": "average_cost", "symbols": ("PFE",)}, NoData, "holds no"),
    ],
)
def test_what_cannot_be_answered_is_said(ask, arguments, error, words):
    with pytest.raises(error, match=words):
        ask(**arguments)


def test_tools_label_what_they_return(desk):
    public = run_tool(desk, "query_metric", {"metric": "close", "symbols": ["AAPL"]}, principal=ANN, face="test")
    private = run_tool(desk, "query_metric", {"metric": "cash"}, principal=ANN, face="test")
    assert (public.label, private.label) == ("public", "private")
    assert {fact.label for fact in private.facts} == {"private"}
    free = run_tool(
        desk, "run_sql", {"sql": "SELECT count(*) AS bars FROM market_data.v_prices"}, principal=ANN, face="test"
    )
    assert free.label == "public" and free.fact("bars").value > 100_000
    books = run_tool(desk, "run_sql", {"sql": "SELECT * FROM execution.v_fills"}, principal=ANN, face="test")
    assert books.label == "private" and books.sources == ("execution.v_fills",)
    with pytest.raises(SqlRefused):
        run_tool(desk, "run_sql", {"sql": "SELECT * FROM desk.secrets"}, principal=ANN, face="test")
    short = run_tool(
        desk, "run_sql", {"sql": "SELECT symbol FROM market_data.v_prices", "max_rows": 3}, principal=ANN, face="test"
    )
    assert short.tables[0].truncated and len(short.tables[0].rows) == 3 and short.notes


def test_run_sql_agrees_with_query_metric(desk):
    sql = (
        "SELECT close FROM market_data.v_prices WHERE symbol = 'AAPL' AND session <= current_date "
        "ORDER BY session DESC LIMIT 1"
    )
    free = run_tool(desk, "run_sql", {"sql": sql}, principal=ANN, face="test")
    typed = run_tool(desk, "query_metric", {"metric": "close", "symbols": ["AAPL"]}, principal=ANN, face="test")
    assert free.fact("close").value == pytest.approx(typed.fact("AAPL close").value)
