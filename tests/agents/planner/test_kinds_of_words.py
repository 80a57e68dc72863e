"""Rules for kinds of words: what a figure with a unit is, what qualifies a return, what is only imagined or held."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from agents.planner.plan import Plan
from agents.planner.planner import plan_conversation, plan_question
from agents.planner.reading import read
from agents.planner.shocks import read_shocks
from agents.planner.slots import mix_of
from agents.planner.universe import Universe
from core.data.universe import memberships

TODAY = date(2026, 6, 24)


def last(names: Universe, *turns: str) -> tuple[str, dict[str, Any]]:
    plan = plan_conversation(turns, names, TODAY)
    assert plan.calls, (turns, plan.outcome, plan.say)
    return plan.calls[-1].name, plan.calls[-1].args


def back(names: Universe, *turns: str) -> Plan:
    plan = plan_conversation(turns, names, TODAY)
    assert (plan.outcome, plan.calls) == ("clarify", ()), (turns, plan.calls)
    return plan


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("return of MSFT since the beginning of January 2020", "2020-01-01", None),
        ("return of MSFT since the start of 2020", "2020-01-01", None),
        ("return of MSFT from the very beginning of March 2021", "2021-03-01", None),
        ("return of MSFT since the beginning of the year", "2026-01-01", "2026-06-24"),
        ("return of MSFT since the end of 2019", "2019-12-31", None),
        ("return of MSFT since the close of March 2020", "2020-03-31", None),
        ("return of MSFT from the start of 2020 to the end of 2021", "2020-01-01", "2021-12-31"),
        ("return of MSFT from 2020 to the end of 2021", "2020-01-01", "2021-12-31"),
        ("return of MSFT between the beginning of March 2020 and June 2021", "2020-03-01", "2021-06-30"),
        ("return of MSFT from 2020 to 2021", "2020-01-01", "2021-12-31"),
    ],
)
def test_a_beginning_is_a_first_day_and_no_stretch_of_ten_days(
    text: str, start: str, end: str | None, names: Universe
) -> None:
    name, args = last(names, text)
    assert (name, args["start"], args.get("end")) == ("performance", start, end)


@pytest.mark.parametrize(
    "said",
    ["dividends included", "including dividends", "with dividends reinvested", "dividends reinvested"],
)
def test_dividends_that_are_included_qualify_a_return(said: str, names: Universe) -> None:
    name, args = last(names, f"total return of KO since 2015, {said}")
    assert (name, args["symbols"], args["start"]) == ("performance", ["KO"], "2015-01-01")


def test_dividends_alone_are_still_the_payments(names: Universe) -> None:
    assert last(names, "dividends of KO since 2015")[1]["metric"] == "dividends"


@pytest.mark.parametrize("said", ["excluding dividends", "without dividends", "dividends excluded", "price alone"])
def test_a_return_without_dividends_is_the_change_of_the_price(said: str, names: Universe) -> None:
    name, args = last(names, f"return of KO since 2015 {said}")
    assert (name, args["metric"], args["symbols"]) == ("query_metric", "price_change", ["KO"])
    assert args["period"] == {"start": "2015-01-01"}


def test_a_figure_that_dividends_would_change_is_still_asked_back(names: Universe) -> None:
    assert back(names, "volatility of KO since 2015 without dividends").leftovers


@pytest.mark.parametrize(
    ("text", "symbols", "crisis"),
    [
        ("put AAPL, AMZN and XOM through the covid crash", ["AAPL", "AMZN", "XOM"], "covid_2020"),
        ("put QQQ through the financial crisis", ["QQQ"], "financial_2008"),
        ("putting KO and PEP through the dot-com crash", ["KO", "PEP"], "dotcom_2000"),
    ],
)
def test_what_is_put_through_a_crisis_is_stressed(text: str, symbols: list[str], crisis: str, names: Universe) -> None:
    name, args = last(names, text)
    assert (name, args["symbols"], args["crises"]) == ("stress", symbols, [crisis])


def test_money_put_in_every_month_is_a_savings_plan(names: Universe) -> None:
    name, args = last(names, "put 500 a month into SPY through 2008")
    assert (name, args["strategy"]) == ("backtest", "dollar_cost_averaging")
    assert args["parameters"]["amount"] == 500


@pytest.mark.parametrize(
    ("turns", "start", "end"),
    [
        (("return of AAPL this year", "and last year"), "2025-01-01", "2025-12-31"),
        (("return of AAPL year to date", "same for MSFT but last year"), "2025-01-01", "2025-12-31"),
        (("return of AAPL this year", "and in last year"), "2025-01-01", "2025-12-31"),
        (("return of AAPL in 2024", "and last year"), "2025-06-24", "2026-06-24"),
        (("return of AAPL this year", "MSFT over the last year"), "2025-06-24", "2026-06-24"),
        (("return of AAPL this year", "and the past year"), "2025-06-24", "2026-06-24"),
        (("return of AAPL this year", "and the past 2 years"), "2024-06-24", "2026-06-24"),
    ],
)
def test_last_year_after_this_year_is_the_calendar_year(
    turns: tuple[str, ...], start: str, end: str, names: Universe
) -> None:
    args = last(names, *turns)[1]
    assert (args["start"], args["end"]) == (start, end)


def test_a_statistic_of_last_year_after_this_year_says_how_it_was_read(names: Universe) -> None:
    plan = plan_conversation(["volatility of SPY this year", "same thing for TLT but last year"], names, TODAY)
    period = {"start": "2025-01-01", "end": "2025-12-31"}
    assert plan.calls[0].args == {"metric": "volatility", "symbols": ["TLT"], "period": period}
    assert any("2025" in note for note in plan.notes)
    assert not any("twelve months" in note for note in plan.notes)


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("how much have I paid in fees and commissions this month", {"name": "this_month"}),
        ("what did I pay in commissions last month", {"name": "last_month"}),
        ("my trading fees in 2025", {"start": "2025-01-01", "end": "2025-12-31"}),
    ],
)
def test_fees_of_a_period_are_those_of_its_fills(text: str, period: dict[str, str], names: Universe) -> None:
    assert last(names, text) == ("query_metric", {"metric": "fills", "period": period})


def test_fees_of_all_time_are_split_by_cost(names: Universe) -> None:
    assert last(names, "how much have I paid in fees") == ("pnl_analysis", {"by": ["cost"]})


@pytest.mark.parametrize(
    ("text", "symbol", "quantity", "price"),
    [
        ("put a stop loss on my 100 disney shares at 85", "DIS", 100, 85),
        ("place a stop on my 40 MSFT shares at $380", "MSFT", 40, 380),
        ("put a stop at 50 on my 10 KO shares", "KO", 10, 50),
    ],
)
def test_a_stop_on_what_is_held_is_a_stop_order_to_sell(
    text: str, symbol: str, quantity: float, price: float, names: Universe
) -> None:
    plan = plan_question(text, names, TODAY)
    assert plan.outcome == "needs_approval"
    expected = {"symbol": symbol, "side": "sell", "order_type": "stop", "stop_price": price, "quantity": quantity}
    assert plan.calls[0].args == expected
    assert not any("buy" in note for note in plan.notes)


@pytest.mark.parametrize(
    "text",
    [
        "put a stop loss on my MSFT at 400",
        "put a trailing stop on my 50 MSFT",
        "what does a stop on my 100 MSFT at 400 lose me",
    ],
)
def test_a_stop_without_its_figures_is_asked_back(text: str, names: Universe) -> None:
    back(names, text)


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("60% SPY / 40% TLT", [0.6, 0.4]),
        ("50% in SPY, 30% in TLT and 20% of GLD", [0.5, 0.3, 0.2]),
        ("60% SPY and 30% TLT", []),
        ("60% SPY and TLT", []),
        ("60% SPY, 40% TLT and GLD", []),
        ("SPY falls 60% and 40% TLT", []),
    ],
)
def test_a_mix_is_every_symbol_with_its_share_of_the_whole(text: str, shares: list[float], names: Universe) -> None:
    assert list(mix_of(read(text, names, TODAY)).values()) == shares


def test_what_a_mix_holds_is_no_shock(names: Universe) -> None:
    assert not read_shocks(read("chance that 60% SPY / 40% TLT loses money", names, TODAY))
    moves = read_shocks(read("what if TLT loses 40%", names, TODAY)).moves
    assert moves == {"TLT": pytest.approx(-0.4)}


@pytest.mark.parametrize(
    ("text", "tool", "expected"),
    [
        ("what is the chance that 60% SPY / 40% TLT loses money over the next year", "simulate", {"sessions": 252}),
        ("95% VaR of 60% SPY and 40% TLT", "risk_report", {"confidence": 0.95}),
        ("what happens to 60% SPY / 40% TLT if stocks drop 20%", "stress", {"shocks": "SPY -20%"}),
    ],
)
def test_a_mix_gives_the_weights(text: str, tool: str, expected: dict[str, Any], names: Universe) -> None:
    name, args = last(names, text)
    assert (name, args["symbols"], args["weights"]) == (tool, ["SPY", "TLT"], [0.6, 0.4])
    assert {key: args[key] for key in expected} == expected
    assert "confidence" in expected or "confidence" not in args


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "If I have $250,000, how many shares of JNJ is a 5% position?",
            {"symbol": "JNJ", "method": "fixed_fraction", "target_weight": 0.05, "equity": 250000},
        ),
        (
            "position size for solana, 2 ATR stop, risking 1%",
            {"symbol": "SOL-USD", "method": "atr_risk", "ranges": 2, "risk_fraction": 0.01},
        ),
        (
            "size NVDA with a 3 ATR stop risking 0.5% on a $100k account",
            {"symbol": "NVDA", "method": "atr_risk", "ranges": 3, "risk_fraction": 0.005, "equity": 100000},
        ),
        (
            "position size for AAPL with stop at $180 risking 1% of a $50,000 account",
            {
                "symbol": "AAPL",
                "method": "risk_per_stop",
                "stop_price": 180,
                "risk_fraction": 0.01,
                "equity": 50000,
            },
        ),
    ],
)
def test_figures_of_a_size(text: str, expected: dict[str, Any], names: Universe) -> None:
    assert last(names, text) == ("size_position", expected)


def test_a_weight_of_the_portfolio_is_proposed(names: Universe) -> None:
    plan = plan_question("I want microsoft to be 8% of my portfolio, propose the trade", names, TODAY)
    assert plan.outcome == "needs_approval"
    assert [call.name for call in plan.calls] == ["size_position", "propose_trade"]
    assert plan.calls[-1].args["target_weight"] == 0.08


@pytest.mark.parametrize(
    ("text", "capital"),
    [
        ("backtest buy and hold of VTI from 2015 through 2020 starting with $50k", 50000),
        ("backtest a 50/200 crossover on SPY with 20,000 dollars", 20000),
    ],
)
def test_money_is_the_capital_of_a_backtest(text: str, capital: float, names: Universe) -> None:
    name, args = last(names, text)
    assert (name, args["capital"]) == ("backtest", capital)


def test_a_fee_in_money_is_no_capital(names: Universe) -> None:
    assert back(names, "backtest buy and hold of SPY with a $5 fee").leftovers == ("$5",)


def test_shares_of_two_symbols_are_no_moving_averages(names: Universe) -> None:
    assert "Which rule" in back(names, "backtest 60/40 SPY/TLT").say
    assert last(names, "backtest 50/200 on AAPL")[1]["parameters"] == {"fast": 50, "slow": 200}


@pytest.mark.parametrize(
    ("said", "stop"),
    [
        ("now with a 10% trailing stop", {"trailing_stop": 0.1}),
        ("and with a 5% stop loss", {"stop_loss": 0.05}),
    ],
)
def test_a_stop_changes_the_backtest_that_was_talked_about(said: str, stop: dict[str, float], names: Universe) -> None:
    name, args = last(names, "backtest momentum on QQQ since 2012", said)
    assert name == "backtest"
    assert args == {"strategy": "momentum", "symbols": ["QQQ"], "start": "2012-01-01", **stop}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("what would have to happen for me to lose 25% in a month", {"loss": 0.25, "horizon_sessions": 21}),
        ("what must happen for my portfolio to lose 10% in a week", {"loss": 0.1, "horizon_sessions": 5}),
    ],
)
def test_what_would_have_to_happen(text: str, expected: dict[str, float], names: Universe) -> None:
    assert last(names, text) == ("reverse_stress", {"target": "portfolio", **expected})


def test_both_sides_of_an_event_window(names: Universe) -> None:
    name, args = last(names, "how has Nike reacted to its earnings beats? use two days before and five days after")
    assert (name, args["before"], args["after"], args["surprise"]) == ("event_study", 2, 5, "positive")


@pytest.mark.parametrize(("said", "surprise"), [("hotter", "positive"), ("cooler", "negative"), ("lower", "negative")])
def test_a_release_beside_what_was_expected(said: str, surprise: str, names: Universe) -> None:
    text = f"suppose the next cpi comes in {said} than expected, simulate what that does to my book"
    expected = {"target": "portfolio", "event": "economic", "name": "CPI", "surprise": surprise}
    assert last(names, text) == ("inject_event", expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rolling 30-day correlation of JPM and BAC", {"window": 30}),
        ("30 day rolling correlation of JPM and BAC", {"window": 30}),
        ("rolling 3-month correlation of JPM and BAC since 2015", {"window": 63, "start": "2015-01-01"}),
        ("rolling correlation of JPM and BAC over 60 days since 2015", {"window": 60, "start": "2015-01-01"}),
        ("rolling correlation of JPM and BAC since 2015", {"start": "2015-01-01"}),
    ],
)
def test_a_rolling_correlation_has_its_window(text: str, expected: dict[str, Any], names: Universe) -> None:
    assert last(names, text) == ("correlation", {"symbols": ["JPM", "BAC"], **expected})


def test_which_two_are_least_correlated(names: Universe) -> None:
    args = last(names, "which two out of NVDA, AMD and INTC have been least correlated this year")[1]
    assert (args["metric"], args["symbols"]) == ("correlation", ["NVDA", "AMD", "INTC"])
    back(names, "which 3 out of NVDA, AMD, MU and INTC have been least correlated this year")


def test_the_dow_30_is_a_group_and_the_dow_an_index(names: Universe) -> None:
    args = last(names, "which of the dow 30 lost the most last week")[1]
    assert (args["group"], args["order"], args["period"]) == ("dow_30", "asc", {"name": "last_week"})
    assert last(names, "price of the dow")[1]["symbols"] == ["^DJI"]
    current = {one.instrument_id for one in memberships() if one.group_name == "dow_30" and one.valid_to is None}
    members = names.members["dow_30"]
    assert len(members) == len(set(members)) == len(current)
    # Removed in 2013 and in 2024 (S&P Dow Jones Indices); Amazon came in 2024.
    assert not {"AA", "INTC"} & set(members)
    assert "AMZN" in members


def test_a_fast_slow_pair_of_averages(names: Universe) -> None:
    text = "Which fast/slow SMA pair would have worked best for Nvidia? Try fast 10 and 20 with slow 100 and 200"
    name, args = last(names, text)
    assert (name, args["grid"]) == ("sweep", {"fast": [10, 20], "slow": [100, 200]})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("how much cash have I got left", {"metric": "cash"}),
        ("are any of my MSFT orders still open", {"metric": "orders", "symbols": ["MSFT"], "state": "open"}),
        ("corr matrix of XLE, XLF and XLK", {"metric": "correlation", "symbols": ["XLE", "XLF", "XLK"]}),
    ],
)
def test_words_that_belong_to_what_is_asked(text: str, expected: dict[str, Any], names: Universe) -> None:
    assert last(names, text) == ("query_metric", expected)


@pytest.mark.parametrize(
    "text", ["how did developed markets do this year", "how is the left of AAPL", "show order id 5"]
)
def test_the_same_words_elsewhere_are_asked_back(text: str, names: Universe) -> None:
    assert back(names, text).leftovers


def test_what_sources_disagree_on(names: Universe) -> None:
    for text in ("do your sources disagree on AAPL prices?", "do the vendors agree on AAPL"):
        assert last(names, text) == ("data_coverage", {"symbols": ["AAPL"], "compare": True})
    back(names, "do the news sources disagree on AAPL")


@pytest.mark.parametrize("said", ["id", "I'd", "I had"])
def test_what_one_might_have_held_is_no_question_on_the_account(said: str, names: Universe) -> None:
    plan = plan_question(f"if {said} held coca cola for the last ten years what would i have made", names, TODAY)
    assert [(call.name, call.args["symbols"]) for call in plan.calls] == [("performance", ["KO"])]
    assert not plan.private


@pytest.mark.parametrize("before", ["", "run ", "run this sql: ", "please execute the query: ", "SQL: "])
def test_a_statement_goes_to_the_guarded_tool_as_written(before: str, names: Universe) -> None:
    sql = "select count(*)  from market_data.v_instruments"
    name, args = last(names, before + sql)
    assert (name, args) == ("run_sql", {"sql": sql})


def test_a_sentence_that_begins_with_select_is_no_statement(names: Universe) -> None:
    assert last(names, "select the best stocks this year")[0] == "query_metric"
