"""Ask kinds of sizings, mixes, backtests and scenarios in several voices, with near misses beside them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from agents.planner.planner import plan_conversation
from agents.planner.universe import Universe

TODAY = date(2026, 6, 24)


def called(names: Universe, *turns: str) -> list[tuple[str, dict[str, Any]]]:
    plan = plan_conversation(turns, names, TODAY)
    assert plan.outcome == "answer", (turns, plan.outcome, plan.say)
    return [(call.name, call.args) for call in plan.calls]


def tools(names: Universe, *turns: str) -> set[str]:
    return {call.name for call in plan_conversation(turns, names, TODAY).calls}


BOOK = {"target": "portfolio"}


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (
            "What would my holdings have lost in the financial crisis of 2008?",
            BOOK | {"crises": ["financial_2008"]},
        ),
        ("what would my stocks have done in the covid crash", BOOK | {"crises": ["covid_2020"]}),
        ("black monday on the book", BOOK | {"crises": ["crash_1987"]}),
        ("if covid happened again what would 5000 bucks of tesla turn into", {"symbols": ["TSLA"], "value": 5000.0}),
        ("my 10k in bitcoin if crypto winter comes back", {"symbols": ["BTC-USD"], "value": 10000.0}),
        ("stress 250k of spy/tlt 70/30 for lehman", {"weights": [0.7, 0.3], "value": 250000.0}),
        (
            "Apply a 75 bp rise of the 10-year to a mix of 60% SPY and 40% AGG worth 1,000,000 USD.",
            {"symbols": ["SPY", "AGG"], "weights": [0.6, 0.4], "value": 1e6, "shocks": "DGS10 +75bp"},
        ),
        (
            "Shock of minus 10% to equities and plus 50 basis points to the ten-year yield, applied to our book.",
            BOOK | {"shocks": "SPY -10%, DGS10 +50bp"},
        ),
        (
            "btc nukes 40%, what does that do to mstr and coinbase",
            {"symbols": ["MSTR", "COIN"], "shocks": "BTC-USD -40%"},
        ),
        ("what happens to my book if the market drops 20%", BOOK | {"shocks": "SPY -20%"}),
        ("which crisis would hurt us most", BOOK),
        ("stress test my portfolio", BOOK),
        ("Suppose oil rises by a quarter; what becomes of our account?", BOOK | {"shocks": "USO +25%"}),
        ("spx -5, vix +50%, 10y +25bp on the book", BOOK | {"shocks": "^GSPC -5%, ^VIX +50%, DGS10 +25bp"}),
    ],
)
def test_a_scenario_is_asked_of_the_book_or_of_money_in_a_mix(
    question: str, said: dict[str, Any], names: Universe
) -> None:
    [(tool, arguments)] = called(names, question)
    assert tool == "stress" and said.items() <= arguments.items()


@pytest.mark.parametrize(
    ("added", "shocks"),
    [
        ("And if the VIX doubled at the same time?", "^GSPC -10%, ^VIX x2"),
        ("and rates +50bp on top", "^GSPC -10%, DGS10 +50bp"),
        ("what if gold falls 5% as well", "^GSPC -10%, GLD -5%"),
        ("and if gold falls 5% instead?", "GLD -5%"),
        ("make it 20% instead", "^GSPC -20%"),
    ],
)
def test_a_shock_comes_on_top_only_where_that_is_said(added: str, shocks: str, names: Universe) -> None:
    [(tool, arguments)] = called(names, "How would the book come through a 10% fall of the S&P?", added)
    assert (tool, arguments["shocks"]) == ("stress", shocks)


@pytest.mark.parametrize(
    "question",
    [
        "give me eth monthly returns for 2025",
        "what did my portfolio do in March 2020",
        "my pnl in the covid crash",
        "put me in for 0.25 BTC at 60k limit gtc",
        "return of SPY in the dotcom bust",
    ],
)
def test_what_happened_is_no_scenario(question: str, names: Universe) -> None:
    assert "stress" not in tools(names, question)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (
            "ive got 15k total, how many rocket lab shares is that if i put 10% in",
            {"symbol": "RKLB", "method": "fixed_fraction", "equity": 15000.0, "target_weight": 0.1},
        ),
        (
            "I have 80,000 dollars and want 5% in GLD; how many shares?",
            {"equity": 80000.0, "target_weight": 0.05},
        ),
        ("how much bitcoin would 10% of my portfolio be", {"symbol": "BTC-USD", "target_weight": 0.1}),
        ("if i put 20% of my account in btc how much is that", {"symbol": "BTC-USD", "target_weight": 0.2}),
        ("how many nvda shares can i get for 5 grand", {"equity": 5000.0, "target_weight": 1.0, "max_weight": 1.0}),
        (
            "size a position in amd: stop at 140, risking 2 percent of 30000",
            {"stop_price": 140.0, "risk_fraction": 0.02, "equity": 30000.0},
        ),
        (
            "How many Oklo shares fit if the stop is two and a half average true ranges off and we lose no more than "
            "0.5% of equity?",
            {"method": "atr_risk", "ranges": 2.5, "risk_fraction": 0.005},
        ),
        ("risk 0.5% of equity on XLE, stop 2 ATR", {"method": "atr_risk", "ranges": 2.0, "risk_fraction": 0.005}),
        (
            "We want Eli Lilly to add no more than 3% of annual volatility; how many shares does that allow?",
            {"symbol": "LLY", "method": "volatility_target", "target_volatility": 0.03},
        ),
        ("what position in SMH has 10% volatility on 500k", {"target_volatility": 0.1, "equity": 500000.0}),
        (
            "with 10k how much eth can i get if i only risk 2% with a stop 15% down",
            {"equity": 10000.0, "risk_fraction": 0.02, "stop_distance": 0.15},
        ),
        ("how much sofi should i buy", {"symbol": "SOFI"}),
        ("i want 5% of my 40k in nvda, how many shares", {"equity": 40000.0, "target_weight": 0.05}),
        ("how many units of gld for an expected shortfall of 1% of equity", {"method": "cvar_budget"}),
    ],
)
def test_a_size_takes_the_money_and_the_share_that_are_said(
    question: str, said: dict[str, Any], names: Universe
) -> None:
    [(tool, arguments)] = called(names, question)
    assert tool == "size_position" and said.items() <= arguments.items()


@pytest.mark.parametrize(
    "question",
    [
        "How many shares of JPM if the most I may lose is 1,000 USD and the stop is 5% below?",
        "How large a position in NVDA adds no more than 1% of daily VaR?",
    ],
)
def test_a_size_that_no_argument_holds_is_asked_back(question: str, names: Universe) -> None:
    assert plan_conversation([question], names, TODAY).outcome == "clarify"


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (
            "how should i split 10k between bitcoin, eth and solana so its not too wild",
            {"symbols": ["BTC-USD", "ETH-USD", "SOL-USD"], "value": 10000.0, "method": "minimum_variance"},
        ),
        ("how would you divide 50,000 dollars among VTI, BND and GLD", {"value": 50000.0}),
        (
            "I have 60,000 dollars for VTI, VXUS, BND and VNQ. How should I divide it so that each carries the "
            "same share of the risk?",
            {"method": "equal_risk", "value": 60000.0},
        ),
        ("how do i balance spy and tlt so both carry the same risk", {"method": "equal_risk"}),
        ("safest mix of voo bnd gld", {"method": "minimum_variance"}),
        ("What weights of SPY, TLT and GLD give the lowest risk?", {"method": "minimum_variance"}),
        ("min var aapl msft nvda amzn cap 40", {"method": "minimum_variance", "max_weight": 0.4}),
        ("how should i weight msft, jpm, xom and jnj, no more than 35% each", {"max_weight": 0.35}),
        ("risk parity for 100k in spy tlt gld dbc", {"method": "equal_risk", "value": 100000.0}),
        (
            "BL SPY EFA EEM, EEM over SPY by 3%, 60% sure",
            {"views": {"EEM-SPY": 0.03}, "view_confidence": 0.6},
        ),
        (
            "Which mix of VTI, VXUS, BND and VNQ had the smallest expected shortfall at 99%, judged on the past "
            "five years?",
            {"method": "minimum_cvar", "confidence": 0.99, "history_years": 5.0},
        ),
    ],
)
def test_money_is_divided_by_the_method_that_is_said(question: str, said: dict[str, Any], names: Universe) -> None:
    [(tool, arguments)] = called(names, question)
    assert tool == "optimise_portfolio" and said.items() <= arguments.items()
    assert "max_weight" in said or "max_weight" not in arguments


@pytest.mark.parametrize(
    "question",
    [
        "split my pnl by strategy and month",
        "how did SPY and TLT do",
        "which of SPY and TLT is the safest",
        "when did AAPL split",
    ],
)
def test_a_split_of_something_else_finds_no_weights(question: str, names: Universe) -> None:
    assert "optimise_portfolio" not in tools(names, question)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (
            "How would one have fared since 2005 by holding SPY only while it was above its 200-day average?",
            {"strategy": "sma_crossover", "parameters": {"fast": 1, "slow": 200}, "start": "2005-01-01"},
        ),
        ("hold spy while above 200 day ma otherwise cash since 2000", {"parameters": {"fast": 1, "slow": 200}}),
        (
            "What if I had owned QQQ only when it closed above its 100-day moving average, since 2010?",
            {"parameters": {"fast": 1, "slow": 100}},
        ),
        (
            "if i bought tesla whenever it crossed above its 50 day average",
            {"parameters": {"fast": 1, "slow": 50}},
        ),
        (
            "what would 200 a month in btc since 2018 be worth",
            {"strategy": "dollar_cost_averaging", "parameters": {"amount": 200.0, "frequency": "monthly"}},
        ),
        (
            "if i had put 1000 dollars into nvidia in 2015 what would it be worth now",
            {"strategy": "buy_and_hold", "capital": 1000.0, "start": "2015-01-01"},
        ),
        ("does buying spy at rsi 30 work", {"strategy": "rsi_threshold", "parameters": {"entry_below": 30.0}}),
        ("How well did trend following on gold work over the past twenty years?", {"strategy": "momentum"}),
        ("how would 10 thousand dollars in SPY have done since 2010", {"strategy": "buy_and_hold", "capital": 10000.0}),
        ("lump sum of 10k in voo in jan 2020, value today?", {"strategy": "buy_and_hold", "start": "2020-01-01"}),
        ("does trend following beat buy and hold on gold", {"strategy": "momentum"}),
        ("donchian 55/20 on gld", {"strategy": "breakout", "parameters": {"entry_period": 55, "exit_period": 20}}),
        ("20/100 sma on qqq from 2010, fees 5bp, trailing stop 10%", {"fee_bps": 5.0, "trailing_stop": 0.1}),
    ],
)
def test_a_rule_is_tested_however_it_is_told(question: str, said: dict[str, Any], names: Universe) -> None:
    [(tool, arguments)] = called(names, question)
    assert tool == "backtest" and said.items() <= arguments.items()
    assert "end" not in arguments or "past" in question
    assert "stop_loss" not in arguments


@pytest.mark.parametrize(
    "question",
    [
        "is SPY above its 200-day average",
        "which stocks are above their 200-day average",
        "when did QQQ last close below its 50 day average",
        "how much did I make in 2015",
        "what did NVDA return in 2015",
    ],
)
def test_how_prices_stand_is_no_rule_to_test(question: str, names: Universe) -> None:
    assert "backtest" not in tools(names, question)


@pytest.mark.parametrize(
    ("question", "confidence"),
    [
        ("Full statistics sheet of MTUM against SPY from 2015-01-01, with 90% confidence intervals.", 0.9),
        ("stats sheet of mtum vs spy, 99% intervals", 0.99),
        ("Full statistics sheet for MTUM against SPY, with 99% bootstrap confidence intervals.", 0.99),
    ],
)
def test_the_intervals_of_a_sheet_have_the_confidence_that_is_said(
    question: str, confidence: float, names: Universe
) -> None:
    [(tool, arguments)] = called(names, question)
    said = {"symbols": ["MTUM"], "benchmark": "SPY", "detail": "all", "confidence": confidence}
    assert tool == "performance" and said.items() <= arguments.items()
