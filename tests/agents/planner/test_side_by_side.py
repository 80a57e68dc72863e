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
