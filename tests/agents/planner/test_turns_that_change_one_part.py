"""A turn that changes one part keeps what was said before: it plans as the whole sentence would."""

from datetime import date

import pytest

from agents.planner.planner import plan_conversation, plan_question
from agents.planner.universe import Universe

TODAY = date(2026, 6, 24)


@pytest.mark.parametrize(
    ("first", "then", "whole"),
    [
        # Add one.
        ("plot GLD since 2024", "add SLV", "plot GLD and SLV since 2024"),
        ("plot GLD since 2024", "put SLV on the same chart", "plot GLD and SLV since 2024"),
        ("plot GLD since 2024", "put SLV in the same plot", "plot GLD and SLV since 2024"),
        ("chart NVDA since March", "overlay AMD", "chart NVDA and AMD since March"),
        ("compare SPY and QQQ since 2020", "put GLD in as well", "compare SPY, QQQ and GLD since 2020"),
        ("correlation of SPY and TLT since 2020", "add GLD", "correlation of SPY, TLT and GLD since 2020"),
        ("simulate SPY for 3 months", "add TLT", "simulate SPY and TLT for 3 months"),
        ("minimum variance of SPY TLT GLD", "add QQQ", "minimum variance of SPY TLT GLD QQQ"),
        ("calibrate garch on SPY", "add QQQ", "calibrate garch on SPY and QQQ"),
        ("unemployment since 2010", "since 2000 instead", "unemployment since 2000"),
        # Only some of them.
        ("orders today", "just the cancelled ones", "cancelled orders today"),
        ("orders this week", "only the filled ones", "filled orders this week"),
        ("orders this week", "just AAPL", "AAPL orders this week"),
        ("fills this month", "just AAPL", "AAPL fills this month"),
        ("top 5 stocks this year", "just the tech ones", "top 5 tech stocks this year"),
        ("event study of AAPL around earnings", "only the beats", "event study of AAPL around earnings beats"),
        ("event study of AAPL around earnings", "just the misses", "event study of AAPL around earnings misses"),
        # Make it another size.
        ("stress the book with SPY -8%", "make that -15%", "stress the book with SPY -15%"),
        ("stress the book with SPY -8%", "make it -15% and VIX doubling", "stress the book with SPY -15%, VIX x2"),
        ("likeliest way for the book to lose 10%", "make that 20%", "likeliest way for the book to lose 20%"),
        ("top 5 stocks this year", "make that 10", "top 10 stocks this year"),
        ("14 day RSI of AAPL", "make that 7 days", "7 day RSI of AAPL"),
        ("simulate SPY for 3 months", "make that 6 months", "simulate SPY for 6 months"),
        ("VaR of 60% SPY 40% TLT", "make that 50/50", "VaR of 50% SPY 50% TLT"),
        ("size a position in NVDA at 10% vol", "make that 15%", "size a position in NVDA at 15% vol"),
        ("buy 10 AAPL", "make that 20", "buy 20 AAPL"),
        ("backtest a 50/200 crossover on SPY", "make that 20/100", "backtest a 20/100 crossover on SPY"),
        ("backtest a 50/200 crossover on SPY since 2010", "on QQQ", "backtest a 50/200 crossover on QQQ since 2010"),
        # Another model, window, grain, benchmark, end of a ranking, split.
        ("calibrate garch on SPY", "heston instead", "calibrate heston on SPY"),
        ("simulate SPY for 3 months", "with garch", "simulate SPY for 3 months with garch"),
        ("train a ridge model on SPY", "with lightgbm", "train a lightgbm model on SPY"),
        ("rolling correlation of SPY and TLT", "with 126 days", "126 day rolling correlation of SPY and TLT"),
        ("annual returns of SPY since 2015", "monthly instead", "monthly returns of SPY since 2015"),
        ("nav this year", "by month", "nav this year by month"),
        ("beta of NVDA to SPY", "to QQQ", "beta of NVDA to QQQ"),
        ("worst day of TSLA in 2022", "and the best", "best day of TSLA in 2022"),
        ("pnl this month", "by position", "pnl this month by position"),
        ("pnl this month", "by strategy", "pnl this month by strategy"),
        (
            "walk-forward a crossover on SPY, fast 10 or 20, slow 100 or 200",
            "anchored",
            "walk-forward a crossover on SPY, fast 10 or 20, slow 100 or 200, anchored",
        ),
        (
            "expected value of a 50/200 crossover on SPY",
            "over 90 sessions",
            "expected value of a 50/200 crossover on SPY over 90 sessions",
        ),
        ("data coverage of SPY", "and QQQ", "data coverage of QQQ"),
    ],
)  # fmt: skip
def test_it_plans_as_the_whole_sentence(first: str, then: str, whole: str, names: Universe) -> None:
    said = plan_conversation([first, then], names, TODAY)
    expected = plan_question(whole, names, TODAY)
    assert said.outcome == expected.outcome in ("answer", "needs_approval"), said.say
    assert [(call.name, call.args) for call in said.calls] == [(call.name, call.args) for call in expected.calls]


def test_news_are_narrowed_without_losing_whom_and_when(names: Universe) -> None:
    plan = plan_conversation(["news on Tesla this week", "just the headlines about recalls"], names, TODAY)
    assert plan.calls[0].args == {
        "metric": "news", "symbols": ["TSLA"], "period": {"name": "this_week"}, "topic": "recalls"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("my positions", "just the tech ones"),  # the book is shown whole
        ("orders today", "just the blue ones"),
        ("event study of AAPL around earnings", "only the beats and the misses"),
        ("volatility of XLE in 2025", "make it spicier"),
        ("nav this year", "by gizmo"),
    ],
)
def test_what_cannot_be_changed_is_asked_back(first: str, then: str, names: Universe) -> None:
    plan = plan_conversation([first, then], names, TODAY)
    assert (plan.outcome, plan.calls) == ("clarify", ())


def test_a_part_of_the_book_is_not_answered_with_all_of_it(names: Universe) -> None:
    [call] = plan_question("my tech positions", names, TODAY).calls
    assert call.args == {"metric": "positions", "group": "tech"}
    assert plan_question("my positions", names, TODAY).outcome == "answer"
