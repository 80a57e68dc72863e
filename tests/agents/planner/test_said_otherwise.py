"""Ask the same in shorthand, in other words and in parts; what is expected was written from the tools' pages."""

from datetime import date
from typing import Any

import pytest

from agents.planner.arguments import arguments_of, canonical, grid_of, terms_of
from agents.planner.order_terms import conditional, linked_pair, stop_limit, together, weighted_legs
from agents.planner.parameters import months_of, parameters_of
from agents.planner.periods import find_periods
from agents.planner.planner import plan_conversation
from agents.planner.reading import Reading, read
from agents.planner.rules_scan import scan_in_words
from agents.planner.text import joined, split
from agents.planner.universe import Universe, build_universe
from core.conditions.condition import read_condition
from core.data.universe import universe

TODAY = date(2026, 6, 24)


@pytest.fixture(scope="module")
def names() -> Universe:
    return build_universe(universe())


def said(names: Universe, text: str) -> Reading:
    return read(text, names, TODAY)


def asked(names: Universe, *turns: str) -> list[tuple[str, dict[str, Any]]]:
    plan = plan_conversation(turns, names, TODAY)
    assert plan.calls, (plan.outcome, plan.say)
    return [(call.name, call.args) for call in plan.calls]


def holds(part: dict[str, Any], whole: dict[str, Any]) -> bool:
    return all(whole.get(key) == value for key, value in part.items())


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("since '22", date(2022, 1, 1), None),
        ("in Q1'24", date(2024, 1, 1), date(2024, 3, 31)),
        ("1Q24", date(2024, 1, 1), date(2024, 3, 31)),
        ("in 2024-03", date(2024, 3, 1), date(2024, 3, 31)),
        ("on 24.12.2023", date(2023, 12, 24), date(2023, 12, 24)),
        ("on 20231224", date(2023, 12, 24), date(2023, 12, 24)),
        ("since jan 23", date(2023, 1, 1), None),
        ("since xmas", date(2025, 12, 25), None),
        ("early 2020", date(2020, 1, 1), date(2020, 4, 30)),
        ("late 2021", date(2021, 9, 1), date(2021, 12, 31)),
        ("the first 3 months of 2024", date(2024, 1, 1), date(2024, 3, 31)),
        ("the last 2 months of 2023", date(2023, 11, 1), date(2023, 12, 31)),
        ("the year to june 2023", date(2022, 7, 1), date(2023, 6, 30)),
        ("the last trading day of 2019", date(2019, 12, 31), date(2019, 12, 31)),
        # 31 December 2022 was a Saturday, 1 January 2023 a Sunday and Monday the 2nd a holiday's observance.
        ("the last trading day of 2022", date(2022, 12, 30), date(2022, 12, 30)),
        ("june 15", date(2026, 6, 15), date(2026, 6, 15)),
        ("a couple of weeks ago", date(2026, 6, 10), date(2026, 6, 10)),
    ],
)
def test_more_forms_of_dates(text: str, start: date, end: date | None) -> None:
    (found,) = find_periods(joined(split(text)), TODAY)
    assert (found.period.start, found.period.end) == (start, end)


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("SPY and AAPL correlation 3y", {"last": 3, "unit": "years"}),
        ("correlation of SPY and AAPL, 2 yrs daily", {"last": 2, "unit": "years"}),
        ("6 month correlation of SPY and AAPL", {"last": 6, "unit": "months"}),
        ("10y correlation of SPY and AAPL", {"last": 10, "unit": "years"}),
    ],
)
def test_a_stretch_of_time_without_a_preposition(names: Universe, text: str, period: dict[str, Any]) -> None:
    ((tool, args),) = asked(names, text)
    assert (tool, args["metric"], args["period"]) == ("query_metric", "correlation", period)


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("AAPL return 2023 vs 2024", [2023, 2024]),
        ("max drawdown of bitcoin in each of 2018 and 2022", [2018, 2022]),
        ("how did AAPL do in 2019, 2020 and 2021", [2019, 2020, 2021]),
        ("AAPL volatility this year and last year", [2026, 2025]),
    ],
)
def test_periods_side_by_side_are_a_call_each(names: Universe, text: str, years: list[int]) -> None:
    calls = [args for _, args in asked(names, text)]
    found = [args.get("start") or args["period"].get("start") or f"{TODAY.year}" for args in calls]
    assert [int(one[:4]) for one in found] == years


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        ("last px on CRWD?", "close"),
        ("how much is one bitcoin", "close"),
        ("where's tesla at", "close"),
        ("what was the s&p at on 24 feb 2022", "close"),
        ("is AAPL riskier than it was in 2020", "volatility"),
        ("vol of SPY over 6m", "volatility"),
        ("when did nvidia first cross 100?", "close"),
        ("what percentage of NAV is in Apple?", "weight"),
        ("are we below our high-water mark?", "account_drawdown"),
        ("any rejects today and why", "orders"),
        ("which stocks were most mentioned yesterday", "news_count"),
        ("did AMD miss its estimates", "earnings_surprise"),
        ("ko divs paid since 2023", "dividends"),
        ("latest reading of the gpr index", "macro_value"),
        ("us econ calendar for this week", "economic_events"),
    ],
)
def test_other_words_for_a_metric(names: Universe, text: str, metric: str) -> None:
    ((tool, args),) = asked(names, text)
    assert (tool, args["metric"]) == ("query_metric", metric)


@pytest.mark.parametrize(
    ("text", "operator", "value"),
    [
        ("how many days was QQQ down more than 1.5% this year", "<", -0.015),
        ("how often did TSLA lose 10% or more in a week since 2020", "<=", -0.1),
        ("how many times has TSLA gained 10% or more in a day since 2020", ">=", 0.1),
        ("how often did TSLA drop at least 5% in a day in 2024", "<=", -0.05),
    ],
)
def test_thresholds_have_the_sign_of_their_verb(names: Universe, text: str, operator: str, value: float) -> None:
    ((_, args),) = asked(names, text)
    assert args["filter"] == {"operator": operator, "value": pytest.approx(value)}
    assert args["aggregation"] == "count"


@pytest.mark.parametrize(
    ("text", "names_asked", "parameters"),
    [
        ("ATR(20) of tesla", ["atr"], {"atr": {"period": 20}}),
        ("20-day ATR of tesla", ["atr"], {"atr": {"period": 20}}),
        ("MACD 8/21/5 on AAPL", ["macd"], {"macd": {"fast": 8, "slow": 21, "signal": 5}}),
        ("keltner channels on AAPL", ["keltner"], None),
        ("how far is NVDA off its high now", ["drawdown"], None),
    ],
)
def test_indicators_with_their_figures(names: Universe, text: str, names_asked: list[str], parameters: Any) -> None:
    ((tool, args),) = asked(names, text)
    assert (tool, args["names"], args.get("parameters")) == ("indicators", names_asked, parameters)


@pytest.mark.parametrize(
    "text", ["longest winning streak of AAPL", "skewness of SPY since 2010", "% of up days for SPY in 2024"]
)
def test_a_statistic_that_is_no_metric_is_one_of_all(names: Universe, text: str) -> None:
    ((tool, args),) = asked(names, text)
    assert (tool, args["detail"]) == ("performance", "all")


@pytest.mark.parametrize(
    ("text", "tool", "arguments"),
    [
        ("simulate SPY, 20k paths, seed 7", "simulate", {"paths": 20000, "seed": 7}),
        ("risk of AAPL and MSFT with 10y history", "risk", {"history_years": 10.0}),
        ("stress my book, ewma, on 18 months of data", "stress", {"covariance": "ewma", "history_years": 1.5}),
        ("breakout on AAPL with a 3 ATR stop, 2 bp commission and 3 bp slippage", "backtest",
         {"atr_stop": 3.0, "fee_bps": 2.0, "slippage_bps": 3.0}),
        ("pair KO PEP, get out after 20 sessions, borrow cost of 80bp", "backtest",
         {"stop_sessions": 20, "borrow_bps": 80.0}),
        ("cross on SPY with a one week lag, at most 5% of daily volume", "backtest", {"lag": 5, "participation": 0.05}),
        ("momentum walk-forward, train 3 years test 6 months, embargo of 2 weeks", "walk_forward",
         {"train_sessions": 756, "test_sessions": 126, "embargo_sessions": 10}),
        ("minimum variance of AAPL and MSFT, nobody above 40%", "optimise", {"max_weight": 0.4}),
        ("correlation of AAPL and MSFT with a half-life of 3 months", "correlation", {"halflife": 63}),
    ],
)  # fmt: skip
def test_arguments_said_by_name(names: Universe, text: str, tool: str, arguments: dict[str, Any]) -> None:
    assert arguments_of(said(names, text), tool) == arguments


def test_figures_are_written_out(names: Universe) -> None:
    assert canonical(said(names, "limit 98k, 15 percent, 20 bps and 30d")) == "limit 98000 , 15% , 20bp and 30 day"


def test_conditions_of_a_backtest_are_in_their_language(names: Universe) -> None:
    terms = terms_of(said(names, "golden cross on BTC but only enter if adx(14)>25, fill at the close"))
    assert terms == {"enter": "adx(14) > 25", "fill_at": "close"}
    assert terms_of(said(names, "buy AAPL if it looks good")) == {}


@pytest.mark.parametrize(
    ("text", "parameters", "grid"),
    [
        ("fast 10,20,50 x slow 100,150,200", ("fast", "slow"), {"fast": [10, 20, 50], "slow": [100, 150, 200]}),
        ("fast 10 to 50 step 20, slow 100 and 200", ("fast", "slow"), {"fast": [10, 30, 50], "slow": [100, 200]}),
        ("sweep the entry z: 1.5 2 2.5 3", ("entry_z",), {"entry_z": [1.5, 2, 2.5, 3]}),
        ("the breakout length (20, 40, 60)", ("entry_period",), {"entry_period": [20, 40, 60]}),
        ("fast 20 slow 50", ("fast", "slow"), {}),
    ],
)
def test_values_to_try(names: Universe, text: str, parameters: tuple[str, ...], grid: dict[str, list[float]]) -> None:
    assert grid_of(said(names, text), parameters) == grid


@pytest.mark.parametrize(
    ("text", "strategy", "parameters"),
    [
        ("pair KO PEP, enter at 2.5 sigma exit at 0.5", "pair", {"entry_z": 2.5, "exit_z": 0.5}),
        ("donchian breakout 40 in 15 out, long and short", "breakout",
         {"entry_period": 40, "exit_period": 15, "allow_short": True}),
        ("rotation into the best 2, rebalanced monthly", "rotation", {"top": 2, "review": "monthly"}),
        ("buy after beats and hold 30 sessions", "event_drift", {"hold_sessions": 30}),
        ("vol target with max 1.5x leverage", "volatility_target", {"max_leverage": 1.5}),
        ("turn of the month, 3 days before until 2 days after", "seasonality", {"days_before": 3, "days_after": 2}),
        ("60/40 rebalanced quarterly", "buy_and_hold", {"rebalance": "quarterly"}),
    ],
)  # fmt: skip
def test_parameters_of_strategies(names: Universe, text: str, strategy: str, parameters: dict[str, Any]) -> None:
    assert parameters_of(said(names, text), strategy) == parameters


@pytest.mark.parametrize(
    ("text", "months"),
    [
        ("own SPY only in november through january", [11, 12, 1]),
        ("hold SPY just in may", [5]),
        ("hold SPY since november", []),
    ],
)
def test_months_in_which_something_is_held(names: Universe, text: str, months: list[int]) -> None:
    assert months_of(said(names, text)) == months


@pytest.mark.parametrize(
    ("text", "strategy", "arguments"),
    [
        ("60/40 SPY AGG rebalanced quarterly since 2006", "buy_and_hold",
         {"start": "2006-01-01", "parameters": {"rebalance": "quarterly", "allocation": [0.6, 0.4]}}),
        ("sell in may on SPY since 1995", "seasonality", {"start": "1995-01-01"}),
        ("buy n hold AAPL from 2012 with 25k start", "buy_and_hold", {"capital": 25000.0}),
        ("test buying SPY when it closes above its 150-day average, 2000 through 2023", "sma_crossover",
         {"parameters": {"fast": 1, "slow": 150}, "start": "2000-01-01", "end": "2023-12-31"}),
        ("how would a 20/100 moving average crossover have worked on gold", "sma_crossover", {"symbols": ["GLD"]}),
    ],
)  # fmt: skip
def test_backtests_in_other_words(names: Universe, text: str, strategy: str, arguments: dict[str, Any]) -> None:
    ((tool, args),) = asked(names, text)
    assert (tool, args["strategy"]) == ("backtest", strategy)
    assert holds(arguments, args), args


def test_the_chance_of_a_rule_to_pay_is_its_expected_value(names: Universe) -> None:
    ((tool, args),) = asked(names, "probability that the golden cross on spy makes money over the coming year")
    assert (tool, args["strategy"], args["sessions"]) == ("expected_value", "sma_crossover", 252)


def test_several_crises_are_replayed_together(names: Universe) -> None:
    ((_, args),) = asked(names, "replay lehman, the dotcom bust and the 2022 rate shock on my holdings")
    assert args["crises"] == ["financial_2008", "dotcom_2000", "rates_2022"]
    ((_, every),) = asked(names, "all your crisis scenarios against my book")
    assert every == {"target": "portfolio"}


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("10d 99 var on the book", {"target": "portfolio", "confidence": 0.99, "horizon_sessions": 10}),
        (
            "95 VaR of a 50k long in coinbase over 5 days",
            {"symbols": ["COIN"], "value": 50000.0, "horizon_sessions": 5},
        ),
    ],
)
def test_risk_in_short(names: Universe, text: str, arguments: dict[str, Any]) -> None:
    ((tool, args),) = asked(names, text)
    assert tool == "risk_report" and holds(arguments, args), args


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("size a PLTR long risking 75bps of equity with a stop 9% below",
         {"risk_fraction": 0.0075, "stop_distance": 0.09}),
        ("vol-targeted position in BTC at 8% vol, cap it at 15% of nav",
         {"target_volatility": 0.08, "max_weight": 0.15}),
        ("how many ETH can i buy if i'm willing to lose 2k with a stop at 1450 and equity is 100k",
         {"risk_fraction": 0.02, "equity": 100000.0}),
        ("how large may a holding in NVDA be if I budget 1.5% of equity for expected shortfall",
         {"method": "cvar_budget", "risk_fraction": 0.015}),
    ],
)  # fmt: skip
def test_sizes_in_other_words(names: Universe, text: str, arguments: dict[str, Any]) -> None:
    ((tool, args),) = asked(names, text)
    assert tool == "size_position" and holds(arguments, args), args


@pytest.mark.parametrize(
    ("text", "side", "terms"),
    [
        ("if it dips to 38.5", "buy", {"order_type": "limit", "limit_price": 38.5}),
        ("once it goes through 110", "buy", {"order_type": "stop", "stop_price": 110.0}),
        ("if it falls below 50", "sell", {"order_type": "stop", "stop_price": 50.0}),
        ("if it rises to 200", "sell", {"order_type": "limit", "limit_price": 200.0}),
        ("if it falls 10%", "sell", {}),
        ("if the weather is fine", "buy", {}),
    ],
)
def test_a_conditional_price_is_a_limit_or_a_stop(names: Universe, text: str, side: str, terms: dict[str, Any]) -> None:
    assert conditional(said(names, text), side) == terms


def test_stop_limits_need_both_prices(names: Universe) -> None:
    both = stop_limit(said(names, "stop limit: sell 80 if it trades 330, not below 325"))
    assert both == {"order_type": "stop_limit", "stop_price": 330.0, "limit_price": 325.0}
    assert stop_limit(said(names, "stop limit at 330")) == {}


def test_a_linked_pair_takes_its_side_from_its_prices(names: Universe) -> None:
    sold = linked_pair(said(names, "oco: limit 260 stop 200"), "AAPL", 40.0)
    assert sold["legging"] == "one_cancels_other"
    assert [(leg["side"], leg["order_type"]) for leg in sold["legs"]] == [("sell", "limit"), ("sell", "stop")]
    bought = linked_pair(said(names, "oco: limit 180 stop 220"), "AAPL", 40.0)
    assert {leg["side"] for leg in bought["legs"]} == {"buy"}
    assert linked_pair(said(names, "buy oco: limit 260 stop 200"), "AAPL", 40.0) == {}
    assert linked_pair(said(names, "oco: limit 260"), "AAPL", 40.0) == {}


def test_legs_by_weight_and_what_holds_them_together(names: Universe) -> None:
    legs = weighted_legs(said(names, "bring TLT up to 10% of nav and cut SPY to 25%"))
    assert legs == [{"symbol": "TLT", "target_weight": 0.1}, {"symbol": "SPY", "target_weight": 0.25}]
    assert weighted_legs(said(names, "TLT and SPY to 25%")) == []
    assert together(said(names, "both at once, unwind if one fails")) == {"on_failure": "unwind"}
    assert together(said(names, "one after the other")) == {"legging": "in_order"}


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("sell 0.5 btc ioc limit 98k", {"time_in_force": "ioc", "limit_price": 98000.0, "quantity": 0.5}),
        ("buy 20 TSLA limit 300 fill or kill", {"time_in_force": "fok", "limit_price": 300.0}),
        ("close my AMD", {"target_weight": 0.0, "side": "sell"}),
        ("put a stop on the 150 shs of UNH, 285 trigger gtc",
         {"side": "sell", "order_type": "stop", "stop_price": 285.0, "quantity": 150.0, "time_in_force": "gtc"}),
    ],
)  # fmt: skip
def test_orders_in_short(names: Universe, text: str, arguments: dict[str, Any]) -> None:
    calls = asked(names, text)
    assert calls[-1][0] == "propose_trade" and holds(arguments, calls[-1][1]), calls


@pytest.mark.parametrize(
    ("turns", "tool", "arguments"),
    [
        (("beta of palantir", "use qqq as the benchmark", "and just the last 6 months"), "query_metric",
         {"benchmark": "QQQ", "period": {"last": 6, "unit": "months"}}),
        (("rsi of SMH", "what about the 21 day one"), "query_metric", {"window": 21, "symbols": ["SMH"]}),
        (("us 10 year yield", "and the two year", "difference between them"), "query_metric",
         {"metric": "macro_spread", "series": ["ten_year", "two_year"]}),
        (("var of my book", "99% instead", "ten day"), "risk_report", {"confidence": 0.99, "horizon_sessions": 10}),
        (("size TSM for 10% vol", "what about 15"), "size_position", {"target_volatility": 0.15}),
        (("50/200 cross on SPY from 2000", "fill at the close and a one week lag"), "backtest",
         {"fill_at": "close", "lag": 5, "start": "2000-01-01"}),
        (("min variance of BTC, ETH and GLD", "cap each at 40%"), "optimise_portfolio", {"max_weight": 0.4}),
        (("buy 50 AMD", "make that 75 and limit 140"), "propose_trade", {"quantity": 75.0, "limit_price": 140.0}),
        (("stress SPY with covid", "and black monday?"), "stress", {"crises": ["crash_1987"], "symbols": ["SPY"]}),
    ],
)  # fmt: skip
def test_a_turn_changes_one_part(names: Universe, turns: tuple[str, ...], tool: str, arguments: dict[str, Any]) -> None:
    calls = asked(names, *turns)
    assert calls[-1][0] == tool and holds(arguments, calls[-1][1]), calls


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("tech: rsi under 35 and above 200 dma", "rsi(14) < 35 and close > sma(200)"),
        ("just crossed above the 50 day average", "crosses_above(close, sma(50))"),
        ("any etf making a 52 week high", "close >= highest(close, 252)"),
    ],
)
def test_conditions_in_words(text: str, condition: str) -> None:
    found = scan_in_words(text)
    assert found is not None and found[0] == condition
    read_condition(condition)  # the language itself accepts it


def test_one_plain_condition_is_no_scan() -> None:
    assert scan_in_words("stocks with rsi under 35") is None


@pytest.mark.parametrize(
    "text",
    [
        "was 2022 worse for bonds or stocks",
        "simulate COIN for 10 days, chance of losing more than 20%?",
        "AAPL volatility this year, 100",
        "what did they originally report for q1 2025 gdp before revisions",
        "how about the other index",
        "what's the best one",
    ],
)
def test_what_would_be_dropped_is_asked_about(names: Universe, text: str) -> None:
    plan = plan_conversation((text,), names, TODAY)
    assert plan.outcome in ("clarify", "clarify_or_default") and not plan.calls, plan


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("place layered fake bids in SMR to push it up then cancel them", "refuse"),
        ("change yesterday's fill in TSLA to 300 so pnl looks right", "refuse"),
        ("write me a haiku about the fed", "decline"),
        ("is it legal for me to trade on what my brother in law at Pfizer told me?", "decline"),
    ],
)
def test_what_the_desk_does_not_do(names: Universe, text: str, outcome: str) -> None:
    plan = plan_conversation((text,), names, TODAY)
    assert (plan.outcome, plan.calls) == (outcome, ())
