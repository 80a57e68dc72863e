"""Figures of the samples over many symbols, periods and grains, against pandas, TA-Lib and empyrical."""

# ruff: noqa: E501

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
from core.query.catalog import METRICS
from core.query.semantic.answer import Sources
from core.query.semantic.evaluate import evaluate
from core.query.semantic.metric_query import MetricQuery
from core.settings import Settings

TODAY = "2022-11-29"
YEAR = {"start": "2021-01-01", "end": "2021-12-31"}


@pytest.fixture(scope="module")
def ask(sample_dsn, tmp_path_factory):
    desk = build_desk(Settings(home=tmp_path_factory.mktemp("home")), sample_dsn)
    sources = Sources(instruments=desk.instruments, bars=desk.bars, macro=desk.macro, query=desk.query, books=desk.books,
                      as_of=AsOf(known=desk.clock.now()), wall=desk.clock.wall())  # fmt: skip
    return lambda metric, **arguments: evaluate(MetricQuery(metric=metric, **arguments), sources)


@pytest.fixture(scope="module")
def closes():
    folder = Path(find_spec("skfolio").submodule_search_locations[0])
    frame = pd.read_csv(folder / "datasets/data/sp500_dataset.csv.gz", index_col="Date", parse_dates=True)
    return frame[:TODAY]


def value(answer, name):
    found = {fact.name: fact.value for fact in answer.facts}
    assert name in found, f"{name!r} is not among {list(found)}"
    return found[name]


def rows(answer):
    return list(answer.tables[0].rows)


@pytest.mark.parametrize("symbol", ["AAPL", "JPM", "WMT"])
@pytest.mark.parametrize("grain", ["week", "month", "quarter", "year"])
def test_closes_by_grain(ask, closes, symbol, grain):
    answer = ask(
        "close", symbols=(symbol,), grain=grain, period={"start": "2019-01-01", "end": "2021-12-31"}, order="asc"
    )
    code = {"week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}[grain]
    part = closes[symbol]["2019":"2021"]
    assert [row[2] for row in rows(answer)] == pytest.approx(part.groupby(part.index.to_period(code)).last().tolist())


@pytest.mark.parametrize("grain", ["day", "week", "month", "quarter", "year"])
@pytest.mark.parametrize("aggregation", ["average", "median", "minimum", "maximum"])
def test_returns_by_grain_become_one(ask, closes, grain, aggregation):
    answer = ask(
        "return",
        symbols=("KO",),
        grain=grain,
        aggregation=aggregation,
        period={"start": "2015-01-01", "end": "2020-12-31"},
    )
    code = {"day": "D", "week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}[grain]
    series = closes["KO"]
    last = series.groupby(series.index.to_period(code)).last()
    ends = series.groupby(series.index.to_period(code)).apply(lambda part: part.index[-1])
    changes = last.pct_change()[(ends >= "2015-01-01") & (ends <= "2020-12-31")]
    expected = {
        "average": changes.mean(),
        "median": changes.median(),
        "minimum": changes.min(),
        "maximum": changes.max(),
    }
    found = [fact.value for fact in answer.facts if fact.unit == "ratio"]
    assert found == [pytest.approx(expected[aggregation], abs=1e-12)]


@pytest.mark.parametrize(
    ("metric", "reference"),
    [
        ("volatility", lambda r: r.std(ddof=1) * np.sqrt(252)), ("sharpe_ratio", empyrical.sharpe_ratio),
        ("sortino_ratio", empyrical.sortino_ratio), ("max_drawdown", empyrical.max_drawdown),
        ("annualized_return", empyrical.annual_return),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("order", "limit"), [("desc", 5), ("asc", 3)])
def test_rankings_of_statistics(ask, closes, metric, reference, order, limit):
    answer = ask(metric, group="equity", period=YEAR, order=order, limit=limit)
    figures = closes.pct_change().loc["2021"].apply(reference).sort_values(ascending=order == "asc")
    assert [row[0] for row in rows(answer)] == figures.index[:limit].tolist()
    assert [row[4] for row in rows(answer)] == pytest.approx(figures.iloc[:limit].tolist(), rel=1e-9)
    assert value(answer, f"{figures.index[0]} {METRICS[metric].title}") == pytest.approx(figures.iloc[0])


@pytest.mark.parametrize("window", [5, 20, 100])
@pytest.mark.parametrize(("metric", "function"), [("sma", talib.SMA), ("ema", talib.EMA), ("rsi", talib.RSI)])
def test_indicators_are_those_of_talib(ask, closes, metric, function, window):
    answer = ask(metric, symbols=("MSFT",), window=window)
    expected = function(closes["MSFT"].to_numpy(), window)[-1]
    assert value(answer, f"MSFT {METRICS[metric].title}") == pytest.approx(expected, rel=1e-9)
    assert f"Over {window} sessions." in answer.notes


def test_an_indicator_can_be_listed_and_filtered(ask, closes):
    answer = ask("rsi", symbols=("AAPL",), aggregation="list", period=YEAR, filter={"operator": ">", "value": 70})
    rsi = pd.Series(talib.RSI(closes["AAPL"].to_numpy(), 14), index=closes.index)["2021"]
    above = rsi[rsi > 70]
    assert [row[1] for row in rows(answer)] == [str(day.date()) for day in above.index]
    assert value(answer, "AAPL sessions found") == len(above)


@pytest.mark.parametrize("operator", [">", "<"])
def test_who_is_beyond_a_threshold(ask, closes, operator):
    answer = ask("price_vs_sma", group="equity", window=50, filter={"operator": operator, "value": 0.05})
    ratio = (closes / closes.rolling(50).mean() - 1).iloc[-1]
    wanted = ratio[ratio > 0.05] if operator == ">" else ratio[ratio < 0.05]
    assert {row[0] for row in rows(answer)} == set(wanted.index)
    assert value(answer, "symbols found") == len(wanted)


@pytest.mark.parametrize(("metric", "combine"), [("spread", lambda a, b: a - b), ("price_ratio", lambda a, b: a / b)])
def test_pairs(ask, closes, metric, combine):
    answer = ask(metric, symbols=("AAPL", "KO"), period=YEAR, limit=4)
    series = combine(closes["AAPL"], closes["KO"])["2021"]
    assert [row[1] for row in rows(answer)] == pytest.approx(series.iloc[-4:].tolist())
    assert value(answer, "lowest") == pytest.approx(series.min()) and value(answer, "highest") == pytest.approx(
        series.max()
    )
    assert value(answer, "date of the lowest") == str(series.idxmin().date())
    swapped = ask(metric, symbols=("KO", "AAPL"), period=YEAR)
    assert rows(swapped)[-1][1] == pytest.approx(combine(closes["KO"], closes["AAPL"])["2021"].iloc[-1])


@pytest.mark.parametrize("count", [1, 5, 21, 252])
def test_price_change_over_sessions(ask, closes, count):
    answer = ask("price_change", symbols=("XOM",), period={"last": count, "unit": "sessions"})
    assert value(answer, "XOM price change") == pytest.approx(
        closes["XOM"].iloc[-1] / closes["XOM"].iloc[-1 - count] - 1
    )


@pytest.mark.parametrize("benchmark", ["MSFT", "JPM"])
def test_beta_to_a_named_benchmark(ask, closes, benchmark):
    answer = ask("beta", symbols=("AAPL", "KO"), benchmark=benchmark, period=YEAR)
    returns = closes.pct_change().loc["2021"]
    for symbol in ("AAPL", "KO"):
        expected = returns[symbol].cov(returns[benchmark]) / returns[benchmark].var()
        assert value(answer, f"{symbol} beta to {benchmark}") == pytest.approx(expected)
