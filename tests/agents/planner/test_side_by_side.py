"""Two things asked in one question are both answered, and a changed window changes what was measured."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from agents.planner.planner import plan_conversation
from agents.planner.universe import Universe

TODAY = date(2026, 6, 24)


def calls(names: Universe, *turns: str) -> list[tuple[str, dict[str, Any]]]:
    return [(call.name, call.args) for call in plan_conversation(turns, names, TODAY).calls]


@pytest.mark.parametrize(
    ("question", "metrics"),
    [
        ("What is our cash balance, and do we have any open orders?", ["cash", "orders"]),
        ("how much cash do we hold and are we near any margin", []),
        ("when does nvidia report next and did they beat last time", ["earnings_dates", "earnings_surprise"]),
        ("btc px + 30d rvol", ["close", "realized_volatility"]),
        ("AAPL close and does it pay a dividend", ["close", "dividends"]),
    ],
)
def test_both_are_asked(question: str, metrics: list[str], names: Universe) -> None:
    found = [arguments.get("metric") for _, arguments in calls(names, question)]
    assert found == metrics or (not metrics and len(found) != 1)


def test_what_comes_next_does_not_limit_what_was(names: Universe) -> None:
    _, past = calls(names, "when does nvidia report next and did they beat last time")
    assert past[1]["symbols"] == ["NVDA"] and past[1].get("period") != {"name": "upcoming"}


def test_a_plus_in_a_shock_joins_no_questions(names: Universe) -> None:
    assert len(calls(names, "stress my book: oil +30 %, rates + 50 bp")) == 1


@pytest.mark.parametrize(
    ("first", "then", "changed"),
    [
        ("63-session rolling correlation of GLD and TLT from 2020-01-01", "Same with a 126-session window.", 126),
        ("30 day volatility of TLT", "with a 60 day window", 60),
    ],
)
def test_another_window(first: str, then: str, changed: int, names: Universe) -> None:
    [(name, before)], [(same, after)] = calls(names, first), calls(names, first, then)
    assert name == same and after == {**before, "window": changed} != before


def test_a_stretch_that_was_measured_over_is_changed_whole(names: Universe) -> None:
    [(_, after)] = calls(names, "SMH realised vol over the last 60 sessions", "same with 126 sessions")
    assert after["period"]["last"] == 126 and after["window"] == 126


@pytest.mark.parametrize(
    ("words", "fast", "slow"),
    [
        ("owning QQQ only while its 50-day average is above its 200-day average", 50, 200),
        ("holding QQQ when the 20 dma is over the 100 dma", 20, 100),
        ("holding QQQ only while above its 200-day average", 1, 200),
    ],
)
def test_an_average_over_another_is_their_crossover(words: str, fast: int, slow: int, names: Universe) -> None:
    [(name, arguments)] = calls(names, f"backtest {words} since 2010")
    assert name == "backtest" and arguments["parameters"] == {"fast": fast, "slow": slow}


@pytest.mark.parametrize("words", ["hi sev geopol events ytd", "high severity geopolitical events this year"])
def test_a_severity_may_be_short(words: str, names: Universe) -> None:
    [(_, arguments)] = calls(names, words)
    assert arguments["metric"] == "geopolitical_events" and arguments["severity"] == "high"


@pytest.mark.parametrize(
    "words", ["promise me solana makes at least 20% by june", "swear to me that AAPL doubles", "promise it pays off"]
)
def test_nobody_promises_a_profit(words: str, names: Universe) -> None:
    assert plan_conversation([words], names, TODAY).outcome == "refuse"


@pytest.mark.parametrize(
    "words",
    ["put forward a purchase of 20 shares of VIG", "Would you please put forward a purchase of 20 shares of VIG at the "
     "market price for me to look over?", "draw up a purchase of 20 VIG"],
)  # fmt: skip
def test_a_purchase_put_forward_is_a_proposal(words: str, names: Universe) -> None:
    plan = plan_conversation([words], names, TODAY)
    assert plan.outcome == "needs_approval"
    assert [(call.name, call.args["symbol"], call.args["quantity"]) for call in plan.calls] == [
        ("propose_trade", "VIG", 20)
    ]


@pytest.mark.parametrize(
    ("question", "tool", "wanted"),
    [
        ("Which share splits do we have on record for Broadcom?", "query_metric", {"metric": "splits"}),
        (
            "Which weights of LQD, HYG, IEF and TIP would have had the smallest 99 % CVaR over the past five years?",
            "optimise_portfolio",
            {"method": "minimum_cvar", "confidence": 0.99, "history_years": 5.0},
        ),
        (
            "How large may a position in XOP be if it costs us at most 0.75 % of equity at a stop two ATR away?",
            "size_position",
            {"risk_fraction": 0.0075},
        ),
        (
            "Stress 30 % TLT and 70 % LQD with a rise of 150 basis points in the ten-year yield.",
            "stress",
            {"shocks": "DGS10 +150bp", "weights": [0.3, 0.7]},
        ),
        ("stress the book: spy -7 vix x2", "stress", {"shocks": "SPY -7%, ^VIX x2"}),
        ("stress my holdings with a drop of 10% in oil", "stress", {"shocks": "USO -10%"}),
        (
            "got 5k, how do i split it between btc eth and sol so its the least risky",
            "optimise_portfolio",
            {"method": "minimum_variance", "value": 5000.0},
        ),
        (
            "In what proportions should I hold SPY, AGG and GLD so that each carries the same amount of risk?",
            "optimise_portfolio",
            {"method": "equal_risk"},
        ),
        (
            "what if id just held eth from the start of 2019 with a 25% trailing stop",
            "backtest",
            {"strategy": "buy_and_hold", "trailing_stop": 0.25, "start": "2019-01-01"},
        ),
    ],
)
def test_what_is_said_of_a_figure_stays_with_it(
    question: str, tool: str, wanted: dict[str, Any], names: Universe
) -> None:
    [(name, arguments)] = calls(names, question)
    assert name == tool and {key: arguments.get(key) for key in wanted} == wanted


def test_a_price_and_a_series_are_both_shown(names: Universe) -> None:
    found = calls(names, "Price of gold and the 10 year yield")
    assert [arguments["metric"] for _, arguments in found] == ["close", "macro_value"]


@pytest.mark.parametrize(
    ("question", "outcome"),
    [
        ("Please put a hedge on that exposure.", "clarify"),
        ("hedge my book", "clarify"),
        ("how am I doing vs SPY and QQQ", "clarify"),
        ("how do we compare to SPY and QQQ", "clarify"),
        ("Please delete last week's rejected orders and fills from the database before the auditors come.", "refuse"),
    ],
)
def test_what_is_not_done_is_not_answered_by_something_else(question: str, outcome: str, names: Universe) -> None:
    plan = plan_conversation([question], names, TODAY)
    assert plan.outcome == outcome and not plan.calls


def test_the_same_pair_over_other_dates(names: Universe) -> None:
    [(_, arguments)] = calls(
        names, "Correlation of EEM and INDA since 2023-01-01?", "The same pair, but for 2022 only."
    )
    assert arguments["symbols"] == ["EEM", "INDA"]
    assert arguments["period"] == {"start": "2022-01-01", "end": "2022-12-31"}


@pytest.mark.parametrize("question", ["how do I compare AAPL to MSFT", "how did KO do against PEP in 2020?"])
def test_two_names_are_compared_whoever_asks(question: str, names: Universe) -> None:
    plan = plan_conversation([question], names, TODAY)
    [call] = plan.calls
    assert call.name == "performance"
    assert {*call.args["symbols"], *filter(None, [call.args.get("benchmark")])} in ({"AAPL", "MSFT"}, {"KO", "PEP"})
