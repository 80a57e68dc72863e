"""From a frame to the arguments of tools, the parts that questions share, and the names of a small universe."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from agents.planner.periods import ALL, LATEST, UPCOMING, Period
from agents.planner.plan import Frame
from agents.planner.planner import plan_question
from agents.planner.reading import read
from agents.planner.requests import MOST_SYMBOLS, calls_of, factor_symbol, group_members, is_group, query_period
from agents.planner.slots import sessions_of, take_slots
from agents.planner.universe import Universe, build_universe, plain_name
from core.domain.market_records import Instrument

TODAY = date(2026, 6, 24)
YEAR = Period(kind="range", start=date(2022, 1, 1), end=date(2022, 12, 31))


def listed(number: int, symbol: str, name: str, groups: tuple[str, ...] = ()) -> Instrument:
    return Instrument(
        instrument_id=number,
        symbol=symbol,
        name=name,
        asset_class="equity",
        calendar="XNYS",
        groups=groups,
        source="test",
        known_at=datetime(2000, 1, 1, tzinfo=UTC),
    )


SMALL = build_universe(
    [listed(n, f"Z{n:03d}", f"Zeta{n} Inc.", ("zetas",)) for n in range(60)]
    + [listed(100, "ONE", "Omicron Holdings", ("few",)), listed(101, "TWO", "Tauri Corp", ("few",))],
)


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        (None, None),
        (ALL, {"name": "all"}),
        (LATEST, {"name": "latest"}),
        (UPCOMING, {"name": "upcoming"}),
        (YEAR, {"start": "2022-01-01", "end": "2022-12-31"}),
        (Period(kind="range", start=date(2022, 1, 1)), {"start": "2022-01-01"}),
        (Period(kind="range", end=date(2022, 1, 1)), {"end": "2022-01-01"}),
        (Period(kind="sessions", sessions=20, end=TODAY), {"last": 20, "unit": "sessions"}),
        (Period(kind="range", name="this_week", start=TODAY), {"name": "this_week"}),
        (Period(kind="range", count=3, unit="month", start=TODAY), {"last": 3, "unit": "months"}),
        (Period(kind="range", count=1, unit="decade", start=date(2016, 6, 24)), {"start": "2016-06-24"}),
        (Period(kind="next", count=2, unit="week", start=TODAY), {"next": 2, "unit": "weeks"}),
        (Period(kind="next", start=TODAY, end=TODAY), {"start": "2026-06-24", "end": "2026-06-24"}),
    ],
)
def test_periods_in_the_words_of_the_semantic_layer(period: Period | None, expected: Any) -> None:
    assert query_period(period) == expected


@pytest.mark.parametrize(
    ("frame", "tool", "expected"),
    [
        (Frame(topic="metric", metric="close"), "query_metric", {"metric": "close"}),
        (
            Frame(topic="metric", metric="return", symbols=("ONE",), group="few"),
            "query_metric",
            {"metric": "return", "symbols": ["ONE"]},
        ),
        (Frame(topic="metric", metric="return", group="few"), "query_metric", {"metric": "return", "group": "few"}),
        (
            Frame(topic="metric", metric="rsi", operator="<", value=0.0),
            "query_metric",
            {"metric": "rsi", "filter": {"operator": "<", "value": 0.0}},
        ),
        (
            Frame(topic="book", metric="orders", options={"state": "open", "fee_bps": 3}),
            "query_metric",
            {"metric": "orders", "state": "open"},
        ),
        (
            Frame(topic="performance", symbols=("ONE",), period=YEAR, options={"benchmark": "TWO"}),
            "performance",
            {"symbols": ["ONE"], "start": "2022-01-01", "end": "2022-12-31", "benchmark": "TWO"},
        ),
        (Frame(topic="performance", symbols=("ONE",), period=ALL), "performance", {"symbols": ["ONE"]}),
        (
            Frame(topic="chart", symbols=("ONE",), options={"kind": "candlestick"}),
            "price_chart",
            {"symbols": ["ONE"], "kind": "candlestick"},
        ),
        (
            Frame(topic="chart", symbols=("ONE", "TWO"), options={"kind": "candlestick"}),
            "price_chart",
            {"symbols": ["ONE", "TWO"], "kind": "line"},
        ),
        (
            Frame(topic="chart", symbols=("ONE",), period=Period(kind="sessions", sessions=20, end=TODAY)),
            "price_chart",
            {"symbols": ["ONE"], "start": "2026-05-20", "kind": "line"},
        ),
        (
            Frame(topic="indicators", symbols=("ONE",), options={"names": ("rsi",)}),
            "indicators",
            {"symbol": "ONE", "names": ["rsi"]},
        ),
        (Frame(topic="risk"), "risk_report", {"target": "portfolio"}),
        (
            Frame(topic="risk", symbols=("ONE",), options={"confidence": 0.99, "paths": 5}),
            "risk_report",
            {"target": "symbols", "symbols": ["ONE"], "confidence": 0.99},
        ),
        (
            Frame(topic="stress", options={"shocks": {"rates": 0.01}}),
            "stress",
            {"target": "portfolio", "shocks": "DGS10 +100bp"},
        ),
        (
            Frame(topic="stress", options={"scenario": "covid_2020"}),
            "stress",
            {"target": "portfolio", "crises": ["covid_2020"]},
        ),
        (
            Frame(topic="simulate", symbols=("ONE", "TWO"), options={"weights": [0.5, 0.5], "paths": 9, "fee_bps": 1}),
            "simulate",
            {"target": "symbols", "symbols": ["ONE", "TWO"], "weights": [0.5, 0.5], "paths": 9},
        ),
        (
            Frame(topic="backtest", symbols=("ONE",), options={"strategy": "buy_and_hold", "fee_bps": 0, "paths": 9}),
            "backtest",
            {"strategy": "buy_and_hold", "symbols": ["ONE"], "fee_bps": 0},
        ),
        (
            Frame(topic="size", symbols=("ONE",), options={"method": "kelly"}),
            "size_position",
            {"symbol": "ONE", "method": "kelly"},
        ),
        (
            Frame(topic="trade", symbols=("ONE",), options={"side": "buy", "quantity": 3}),
            "propose_trade",
            {"symbol": "ONE", "side": "buy", "quantity": 3},
        ),
        (
            Frame(topic="trade", symbols=("ONE",), options={"side": "sell"}, wants=("part",)),
            "query_metric",
            {"metric": "positions", "symbols": ["ONE"]},
        ),
        (
            Frame(topic="trade", symbols=("ONE",), options={"side": "sell", "target_weight": 0.0}),
            "propose_trade",
            {"symbol": "ONE", "side": "sell", "target_weight": 0.0},
        ),
        (Frame(topic="coverage"), "data_coverage", {}),
        (Frame(topic="coverage", symbols=("ONE",)), "data_coverage", {"symbols": ["ONE"]}),
        (Frame(topic="portfolio"), "portfolio", {}),
        (Frame(topic="sql", options={"sql": "select 1"}), "run_sql", {"sql": "select 1"}),
    ],
)
def test_one_call_with_exactly_these_arguments(frame: Frame, tool: str, expected: dict[str, Any]) -> None:
    assert [(call.name, call.args) for call in calls_of(frame, SMALL)] == [(tool, expected)]


def test_a_weight_is_sized_before_it_is_proposed() -> None:
    frame = Frame(topic="trade", symbols=("ONE",), options={"side": "buy", "target_weight": 0.05})
    sized, proposed = calls_of(frame, SMALL)
    assert (sized.name, sized.args["target_weight"]) == ("size_position", 0.05)
    assert (proposed.name, proposed.args["side"]) == ("propose_trade", "buy")


def test_the_latest_close_stands_beside_the_performance_when_wanted() -> None:
    calls = calls_of(Frame(topic="performance", symbols=("ONE",), wants=("latest_close",)), SMALL)
    assert [call.name for call in calls] == ["performance", "query_metric"]
    assert calls[1].args == {"metric": "close", "symbols": ["ONE"], "period": {"name": "latest"}}


def test_a_group_is_cut_at_what_a_tool_takes_and_says_so() -> None:
    members, remark = group_members(Frame(topic="risk", symbols=("group:zetas",)), SMALL)
    assert members == tuple(f"Z{n:03d}" for n in range(MOST_SYMBOLS))
    assert remark == "The first 50 of 60 members of zetas."


@pytest.mark.parametrize(
    ("symbols", "group"), [((), False), (("ONE",), False), (("group:few",), True), (("ONE", "group:few"), False)]
)
def test_what_is_a_group(symbols: tuple[str, ...], group: bool) -> None:
    assert is_group(Frame(topic="risk", symbols=symbols)) is group


def test_a_group_nobody_knows_has_no_members() -> None:
    assert group_members(Frame(topic="risk", symbols=("group:none",)), SMALL) == ((), "")


@pytest.mark.parametrize(
    ("factor", "expected"),
    [("rates", "DGS10"), ("oil", "USO"), ("gold", "GLD"), ("crypto", "BTC-USD"), ("KO", "KO"), ("spreads", None)],
)
def test_what_stands_for_a_factor(factor: str, expected: str | None, names: Universe) -> None:
    assert factor_symbol(factor, names) == expected


@pytest.mark.parametrize(
    ("count", "unit", "sessions"),
    [(1, "day", 1), (2, "week", 10), (3, "month", 63), (2, "quarter", 126), (1, "year", 252), (4, "session", 4)],
)
def test_sessions(count: int, unit: str, sessions: int) -> None:
    assert sessions_of(count, unit) == sessions


@pytest.mark.parametrize(
    ("text", "operator", "threshold"),
    [
        ("RSI under 30", "<", 30),
        ("RSI over 70", ">", 70),
        ("close at least 100", ">=", 100),
        ("unemployment at most 4", "<=", 4),
        ("return above 5%", ">", 5),
        ("more than 6 percent", ">", 6),
        ("RSI >= 70", ">=", 70),
        ("rsi<30", "<", 30),
        ("RSI of 30", None, None),
        ("price of KO", None, None),
    ],
)
def test_above_or_below_what(text: str, operator: str | None, threshold: float | None, names: Universe) -> None:
    slots = take_slots(read(text, names, TODAY), names)
    assert (slots.operator, slots.threshold) == (operator, pytest.approx(threshold) if threshold else threshold)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("top 5 stocks", 5),
        ("five biggest positions", 5),
        ("last 10 headlines on KO", 10),
        ("which 3 stocks fell most", 3),
        ("worst ten ETFs", 10),
        ("stocks with RSI under 30", None),
        ("price of KO", None),
        ("20 day volatility of KO", None),
    ],
)
def test_how_many(text: str, count: int | None, names: Universe) -> None:
    assert take_slots(read(text, names, TODAY), names).count == count


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Microsoft Corporation", "microsoft"),
        ("Berkshire Hathaway Inc. (Class B)", "berkshire hathaway"),
        ("JPMorgan Chase & Co.", "jpmorgan chase"),
        ("Meta Platforms, Inc.", "meta"),
        ("McDonald’s Corporation", "mcdonald's"),
        ("ASML Holding N.V.", "asml"),
        ("", ""),
    ],
)
def test_names_as_people_say_them(name: str, expected: str) -> None:
    assert plain_name(name) == expected


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("price of omicron", ["ONE"]),
        ("price of tauri", ["TWO"]),
        ("zeta7 price", ["Z007"]),
    ],
)
def test_a_small_universe_knows_only_its_own_names(text: str, symbols: list[str]) -> None:
    (call,) = plan_question(text, SMALL, TODAY).calls
    assert call.args["symbols"] == symbols


@pytest.mark.parametrize("text", ["price of Volkswagen", "VWAGY price", "volatility of Zork"])
def test_a_name_nobody_listed_is_no_other_symbol(text: str) -> None:
    for call in plan_question(text, SMALL, TODAY).calls:
        assert not set(call.args.get("symbols", ())) & set(SMALL.classes)
