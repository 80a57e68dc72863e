"""Results of a small made-up desk, for reports and pages: recorded tables with ids, as the tools return them."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from core.domain.as_of import AsOf
from core.domain.facts import Chart, ChartSeries, Column, Fact, Table, ToolResult
from core.errors import InvalidInput, NoData

NOW = datetime(2022, 11, 29, 21, 0, tzinfo=UTC)
HELD = ("AAPL", "MSFT", "JPM")


def _column(name: str, unit: str, **extra: Any) -> Column:
    return Column(name=name, unit=unit, **extra)


def _money(name: str) -> Column:
    return _column(name, "money", currency="USD")


_SYMBOL = _column("symbol", "text")


def _table(name: str, columns: list[Column], rows: list[tuple[Any, ...]], title: str = "") -> Table:
    return Table(name=name, title=title, columns=tuple(columns), rows=tuple(rows))


def _positions() -> Table:
    columns = [
        _SYMBOL,
        _column("quantity", "shares"),
        _money("average_cost"),
        _money("price"),
        _column("weight", "ratio"),
    ]
    columns += [_money("market_value"), _money("unrealized_pnl"), _money("pnl_today"), _money("realized_pnl")]
    rows = [
        ("AAPL", 120.0, 132.4, 141.17, 0.3012, 16940.4, 1052.4, -357.6, 0.0),
        ("MSFT", 60.0, 221.1, 240.33, 0.2564, 14419.8, 1153.8, -88.2, 0.0),
        ("JPM", 80.0, 128.9, 135.94, 0.1934, 10875.2, 563.2, 41.6, 0.0),
    ]
    return _table("positions", columns, rows, "Positions")


def _activity() -> list[Table]:
    order_columns = [_SYMBOL, _column("quantity", "shares"), _column("state", "text")]
    order_columns += [_column("desk_time", "date"), _column("reason", "text")]
    fill_columns = [_SYMBOL, _column("side", "text"), _column("quantity", "shares")]
    fill_columns += [_money("price"), _column("filled_at", "date")]
    orders = [
        ("MSFT", 10.0, "filled", "2022-11-29T14:30+00:00", ""),
        ("TSLA", 5000.0, "rejected", "2022-11-29T15:00+00:00", "The order is above the largest notional."),
        ("GE", 7.0, "rejected", "2022-11-01T15:00+00:00", "An old one."),
    ]
    fills = [("MSFT", "buy", 10.0, 240.33, "2022-11-29T14:30+00:00")]
    return [_table("orders", order_columns, orders, "Orders"), _table("fills", fill_columns, fills, "Fills")]


def _proposals() -> Table:
    columns = [_column("what", "text"), _column("state", "text"), _column("order_type", "text"), _money("notional")]
    columns += [_column("expires_at", "date"), _column("reason", "text")]
    rows = [
        ("buy 25 GE", "pending", "limit", 1250.0, "2022-11-30T21:00+00:00", "Trend"),
        ("sell 5 JPM", "rejected", "limit", 679.0, "2022-11-20T21:00+00:00", ""),
    ]
    return _table("proposals", columns, rows, "Proposals")


def _limits() -> Table:
    columns = [_column("limit", "text"), *(_column(name, "ratio") for name in ("used", "allowed", "share_used"))]
    rows = [("largest position", 0.3012, 0.35, 0.8606), ("gross exposure", 0.751, 1.5, 0.5007)]
    return _table("limits", columns, rows, "Limits")


def _portfolio(arguments: dict[str, Any]) -> tuple[list[tuple[str, Any, str]], list[Table], list[Chart]]:
    sections = arguments.get("sections", ["value", "positions", "history"])
    facts = [
        ("net asset value", 56235.4, "money"),
        ("cash", 14000.0, "money"),
        ("P&L of the last session", -404.2, "money"),
        ("unrealised P&L", 2769.4, "money"),
        ("return of the last session", -0.0071, "ratio"),
    ]
    tables = [_positions()] if "positions" in sections else []
    tables += _activity() if "orders" in sections else []
    tables += [_proposals()] if "proposals" in sections else []
    tables += [_limits()] if "limits" in sections else []
    if "limits" in sections:
        return [("trading", "on", "text"), ("least cash allowed", 0.0, "money")], tables, []
    nav = ChartSeries(name="net asset value", x=tuple(day for day, _ in _nav()), y=tuple(value for _, value in _nav()))
    charts = [Chart(kind="line", title="Net asset value", series=(nav,), unit="money")] if "history" in sections else []
    return facts if "value" in sections else [], tables, charts


def _days(count: int) -> list[str]:
    first = date(2022, 7, 1)
    days = [first + timedelta(days=index) for index in range(count * 2)]
    return [day.isoformat() for day in days if day.weekday() < 5][:count]


def _risk(size: float) -> tuple[list[tuple[str, Any, str]], list[Table], list[Chart]]:
    facts = [
        ("value", 56235.4, "money"),
        ("value at risk", 1104.22 * size, "money"),
        ("expected shortfall", 1590.8 * size, "money"),
        ("value at risk (gaussian)", 1190.0, "money"),
        ("value at risk, share of value", 0.0196, "ratio"),
        ("annualised volatility of the book", 0.2134, "ratio"),
        ("largest weight", 0.3012, "ratio"),
        ("effective number of positions", 3.9, "number"),
        ("average correlation", 0.74, "number"),
        ("maximum drawdown of today's book in history", -0.2391, "ratio"),
    ]
    columns = [
        _SYMBOL,
        _money("value"),
        _column("weight", "ratio"),
        _money("contribution to ES"),
        _column("share of ES", "ratio"),
    ]
    rows = [
        ("AAPL", 16940.4, 0.3012, 810.0, 0.5092),
        ("MSFT", 14419.8, 0.2564, 520.8, 0.3274),
        ("JPM", 10875.2, 0.1934, 260.0, 0.1634),
    ]
    tail = _table(
        "tail_risk",
        [_column("method", "text"), _money("value at risk"), _money("expected shortfall")],
        [("historical", 1104.22, 1590.8), ("gaussian", 1190.0, 1492.1), ("filtered", 1310.5, 1803.4)],
        "Tail risk by method",
    )
    matrix = [[1.0, 0.78, 0.61], [0.78, 1.0, 0.55], [0.61, 0.55, 1.0]]
    heat = Chart(
        kind="heatmap",
        title="Correlation of daily returns",
        series=tuple(ChartSeries(name=name, x=HELD, y=tuple(row)) for name, row in zip(HELD, matrix, strict=True)),
    )
    days = _days(90)
    falls = ChartSeries(
        name="drawdown", x=tuple(days), y=tuple(-0.1 * abs(math.sin(index / 14)) for index in range(90))
    )
    drawdown = Chart(kind="line", title="Drawdown of today's book, had it been held", series=(falls,), unit="ratio")
    bars = tuple(
        ChartSeries(name=name, x=HELD, y=values)
        for name, values in (("weight", (0.30, 0.26, 0.19)), ("share of ES", (0.51, 0.33, 0.16)))
    )
    shares = Chart(kind="bar", title="Weight and share of tail risk", series=bars, unit="ratio")
    return facts, [_table("contributions", columns, rows, "Who carries the tail risk"), tail], [shares, heat, drawdown]


def _metric(arguments: dict[str, Any]) -> tuple[list[tuple[str, Any, str]], list[Table], list[Chart]]:
    metric = arguments["metric"]
    answers: dict[str, Callable[[], Table]] = {
        "return": lambda: _moves(arguments["group"]),
        "realized_volatility": lambda: _table(
            "result", [_SYMBOL, _column("realized volatility", "ratio")], [("NASDAQ", 0.3441), ("SP500", 0.2412)]
        ),
        "price_vs_sma": lambda: _table(
            "result",
            [_SYMBOL, _column("price vs SMA", "ratio")],
            [("JPM", 0.1012), ("MSFT", -0.0714), ("AAPL", -0.0691)],
        ),
        "rsi": lambda: _table(
            "result", [_SYMBOL, _column("RSI", "number")], [("JPM", 71.3), ("MSFT", 48.0), ("AAPL", 41.9)]
        ),
        "economic_events": lambda: _table(
            "result",
            [
                _column("event_date", "date"),
                _column("country", "text"),
                _column("name", "text"),
                _column("importance", "text"),
                _column("forecast", "number"),
            ],
            [
                ("2022-12-02", "US", "Nonfarm Payrolls (Nov)", "high", 200.0),
                ("2022-12-01", "US", "ISM Manufacturing PMI", "high", 49.8),
            ],
        ),
        "earnings_dates": lambda: _table("result", [_SYMBOL, _column("event_date", "date")], [("MSFT", "2022-12-05")]),
        "news": lambda: _table(
            "result",
            [_column("published_date", "date"), _SYMBOL, _column("headline", "text"), _column("sentiment", "number")],
            [("2022-11-28", "AAPL", "Apple <b>may</b> lose 6 million iPhone Pros", -0.4)],
        ),
    }
    if metric == "account_drawdown":
        falls = ChartSeries(name="drawdown", x=tuple(day for day, _ in _falls()), y=tuple(fall for _, fall in _falls()))
        chart = Chart(kind="line", title="Account drawdown", series=(falls,), unit="ratio")
        return [("account drawdown from the peak", -0.1207, "ratio")], [], [chart]
    if metric == "pnl":
        profit = {"this_month": 912.4, "this_year": -2410.0}[arguments["period"]["name"]]
        return [("P&L of the period", profit, "money")], [], []
    if metric not in answers:
        raise NoData(f"Nothing is stored for {metric}.")
    return [], [answers[metric]()], []


def _moves(group: str) -> Table:
    moves = {
        "index": [("NASDAQ", -0.0059), ("SP500", -0.0016)],
        "etf": [("VLUE", 0.0041), ("MTUM", -0.0021)],
        "equity": [(f"S{index:02d}", 0.021 - 0.003 * index) for index in range(14)],
    }
    if group not in moves:
        raise NoData(f"No {group} is stored.")
    return _table("result", [_SYMBOL, _column("return", "ratio")], moves[group])


def _nav() -> list[tuple[str, float]]:
    return [(day, 55000 + 900 * math.sin(index / 9) + 12 * index) for index, day in enumerate(_days(100))]


def _falls() -> list[tuple[str, float]]:
    peak, falls = 0.0, []
    for day, value in _nav():
        peak = max(peak, value)
        falls.append((day, value / peak - 1))
    return falls


def _sql(arguments: dict[str, Any]) -> tuple[list[tuple[str, Any, str]], list[Table], list[Chart]]:
    text = arguments["sql"]
    if "AS expected" in text:
        columns = [_column(name, "text") for name in ("topic", "source", "price_basis")]
        columns += [_column(name, "number") for name in ("year", "stored", "expected")]
        years = [("equity", "skfolio", "total_return", y, 252 - (y == 2020) * 40, 252) for y in range(1990, 2023)]
        return [], [_table("result", columns, years, "Result")], []
    if "v_ingest_runs" in text:
        columns = [_column("run_id", "text"), _column("state", "text"), _column("started_at", "date")]
        return [], [_table("result", columns, [("ing_1", "done", "2026-01-02T09:00:00+00:00")], "Result")], []
    if "v_quarantine" in text:
        columns = [_column("record_kind", "text"), _column("reason", "text"), _column("held", "number")]
        return [], [_table("result", columns, [("bar", "high_below_low", 3)], "Result")], []
    return [], [_table("result", [_SYMBOL, _column("missing", "number")], [], "Result")], []


def _coverage() -> tuple[list[tuple[str, Any, str]], list[Table], list[Chart]]:
    facts = [("instruments", 34, "count"), ("sessions stored", 210344, "count"), ("sessions missing", 12, "count")]
    columns = [_column("dataset", "text"), *(_column(name, "count") for name in ("items", "rows"))]
    columns += [_column(name, "date") for name in ("first", "last")]
    columns += [_column(name, "count") for name in ("missing_sessions", "sessions_behind")]
    columns += [_column("sources", "text")]
    rows = [
        ("prices of stocks", 25, 178414, "1990-01-02", "2022-11-29", 40, 0, "skfolio, bokeh_sampledata"),
        ("macro series", 19, 18133, "1919-01-01", "2019-01-03", None, None, "statsmodels"),
    ]
    return facts, [_table("datasets", columns, rows, "Stored data, by dataset")], []


def _performance(arguments: dict[str, Any]) -> tuple[list[tuple[str, Any, str]], list[Table], list[Chart]]:
    symbol = arguments["symbols"][0]
    facts = [
        (f"{symbol} last session", arguments["end"], "date"),
        (f"{symbol} total return", -0.1189, "ratio"),
        (f"{symbol} Sharpe ratio", -0.21, "number"),
        (f"{symbol} sessions", 251, "count"),
    ]
    return facts, [], []


def _indicators(arguments: dict[str, Any]) -> tuple[list[tuple[str, Any, str]], list[Table], list[Chart]]:
    symbol, names = arguments["symbol"], arguments["names"]
    if symbol == "GE" and "adx" in names:
        raise InvalidInput("Indicator adx needs high, low, close; missing: high, low.")
    facts = [(f"{symbol} {name}(14)", 41.9 + place, "number") for place, name in enumerate(names)]
    facts += [(f"{symbol} last close", 141.17, "money"), (f"{symbol} last session", "2022-11-29", "date")]
    rows = [(f"{name}(14)", 41.9 + place) for place, name in enumerate(names)]
    columns = [_column("indicator", "text"), _column("value", "number")]
    days = tuple(_days(90))
    swings = tuple(-0.1 * abs(math.sin(index / 14)) for index in range(90))
    lines = [ChartSeries(name=name, x=days, y=swings) for name in ("close", *(f"{name}(14)" for name in names))]
    charts = [Chart(kind="line", title=symbol, series=tuple(lines), unit="money")]
    charts += [Chart(kind="line", title=part.name, series=(part,)) for part in lines[1:]]
    return facts, [_table("indicators", columns, rows, f"Indicators of {symbol}")], charts


def _correlation(arguments: dict[str, Any]) -> tuple[list[tuple[str, Any, str]], list[Table], list[Chart]]:
    symbols = arguments["symbols"]
    columns = [_SYMBOL, *(_column(symbol, "number") for symbol in symbols)]
    rows = [
        (symbol, *(1.0 if one == other else round(0.9 - 0.1 * (one + other), 2) for other in range(len(symbols))))
        for one, symbol in enumerate(symbols)
    ]
    return [], [_table("correlation", columns, rows)], []


def _stops() -> tuple[list[tuple[str, Any, str]], list[Table], list[Chart]]:
    texts = [_column(name, "text") for name in ("strategy", "protection", "symbol")]
    columns = [*texts, _column("quantity", "shares"), _money("price"), _column("order", "text"), _column("why", "text")]
    rows = [
        ("Rising", "stop rests", "AAPL", 120.0, 128.25, "ord_1", None),
        ("Banks", "watched", "JPM, BAC", None, None, None, "stop watched by the scan at each new bar"),
    ]
    facts = [("orders at rest", 1, "count"), ("strategies watched", 1, "count")]
    return facts, [_table("protection", columns, rows, "What protects your strategies")], []


class MadeUpDesk:
    """Answer tool calls with recorded-looking results; `numbering` gives the run ids."""

    def __init__(self, numbering: Callable[[int], str] | None = None) -> None:
        self.risk_before = 0.7
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.results: list[ToolResult] = []
        self._numbering = numbering or (lambda number: f"run_{number:032x}")

    def __call__(self, tool: str, arguments: dict[str, Any], /, as_of: AsOf | None = None) -> ToolResult:
        self.calls.append((tool, arguments))
        facts, tables, charts = {
            "portfolio": _portfolio,
            "risk_report": lambda _: _risk(1.0 if as_of is None else self.risk_before),
            "query_metric": _metric,
            "strategy_stops": lambda _: _stops(),
            "data_coverage": lambda _: _coverage(),
            "run_sql": _sql,
            "performance": _performance,
            "indicators": _indicators,
            "correlation": _correlation,
        }[tool](arguments)
        run = self._numbering(len(self.calls))
        result = ToolResult(
            run=run,
            tool=tool,
            label="private",
            as_of=NOW if as_of is None else as_of.known,
            facts=tuple(
                Fact(
                    id=f"fct_{run.removeprefix('run_')}_{index}",
                    run=run,
                    name=name,
                    value=value,
                    unit=unit,
                    currency="USD" if unit == "money" else None,
                    as_of=NOW if as_of is None else as_of.known,
                    label="private",
                )
                for index, (name, value, unit) in enumerate(facts)
            ),
            tables=tuple(tables),
            charts=tuple(charts),
            sql=("SELECT 1",),
            sources=("skfolio (total_return)",),
            notes=(),
        )
        self.results.append(result)
        return result


class StillClock:
    """Stand still in a replay."""

    mode = "replay"

    def now(self) -> datetime:
        return NOW

    def wall(self) -> datetime:
        return datetime(2026, 1, 2, 9, 30, tzinfo=UTC)


class CountedIds:
    """Count."""

    def __init__(self) -> None:
        self.number = 0

    def new(self, prefix: str) -> str:
        self.number += 1
        return f"{prefix}_{self.number:032x}"


@pytest.fixture(scope="session")
def made_up_desk() -> type[MadeUpDesk]:
    return MadeUpDesk


@pytest.fixture(scope="session")
def clock() -> StillClock:
    return StillClock()


@pytest.fixture(scope="session")
def ids() -> CountedIds:
    return CountedIds()
