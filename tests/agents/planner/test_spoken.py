"""What people say in words is written in figures: dates, ranges of days, thousands, percentage points, windows."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.planner.planner import plan_conversation
from agents.planner.spoken import as_figures
from agents.planner.universe import Universe

TODAY = date(2026, 6, 24)


def last(names: Universe, *turns: str) -> tuple[str, dict]:
    plan = plan_conversation(turns, names, TODAY)
    assert plan.calls, (plan.outcome, plan.say)
    return plan.calls[-1].name, plan.calls[-1].args


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("the fifteenth of May 2026", "15 May 2026"),
        ("twenty-first of june", "21 june"),
        ("8 to 12 June 2026", "8 June 2026 to 12 June 2026"),
        ("June 8-12, 2026", "8 June 2026 to 12 June 2026"),
        ("29 June - 3 July 2026", "29 June 2026 to 3 July 2026"),
        ("between 13 and 17 July 2026", "13 July 2026 to 17 July 2026"),
        ("two-hundred-day average", "two hundred day average"),
        ("fifty grand", "fifty thousand"),
        ("20 grand", "20 thousand"),
        ("on 2mm", "on $2000000"),
        ("ninety-nine per cent", "ninety-nine percent"),
        ("up a full percentage point", "up 100bp"),
        ("by half a percentage point", "by 50bp"),
        ("by 1.5 percentage points", "by 150bp"),
        ("fast in {10, 20, 40}", "fast in 10, 20, 40"),
        ("window minus one to plus ten", "window 1 sessions before to 10 sessions after"),
        ("[-1, +10]", "1 sessions before to 10 sessions after"),
        ("half SPY half bitcoin", "50% SPY and 50% bitcoin"),
        ("the Federal Reserve's next rate decision", "next Fed decision"),
        ("United States only", "US only"),
        ("replay '08", "replay 2008"),
        ("crash of '87", "crash of 1987"),
    ],
)
def test_words_become_figures(said: str, written: str) -> None:
    assert as_figures(said) == written


@pytest.mark.parametrize(
    "text",
    [
        "AAPL since 2015",
        "50/200 crossover on SPY",
        "SPY -10% and QQQ +5%",
        "the first of three",
        "AAPL's price",
        "American Express price",
        "buy 10 MSFT limit 400",
        "9/11",
    ],
)
def test_what_is_written_in_figures_stays(text: str) -> None:
    assert as_figures(text) == text


@given(st.text(alphabet=st.characters(codec="ascii", categories=("L", "N", "P", "Zs")), max_size=60))
def test_a_second_reading_changes_nothing(text: str) -> None:
    once = as_figures(text)
    assert as_figures(once) == as_figures(as_figures(once))


@pytest.mark.parametrize(
    ("text", "tool", "expected"),
    [
        ("close of JNJ on the fifteenth of May 2026", "query_metric",
         {"period": {"start": "2026-05-15", "end": "2026-05-15"}}),
        ("average volume of TSLA, 8 to 12 June 2026", "query_metric",
         {"period": {"start": "2026-06-08", "end": "2026-06-12"}}),
        ("is KO above its two-hundred-day average", "query_metric", {"metric": "price_vs_sma", "window": 200}),
        ("half kelly on AMD, bankroll fifty grand", "size_position", {"method": "kelly", "equity": 50000.0}),
        ("VaR at ninety-nine per cent of my book", "risk_report", {"confidence": 0.99}),
        ("risk of SPY 60 %, TLT 40 %", "risk_report", {"weights": [0.6, 0.4]}),
        ("70/30 SPY/AGG, replay '08", "stress", {"weights": [0.7, 0.3], "crises": ["financial_2008"]}),
        (
            "abnormal returns of ITA around high-severity geopolitical shocks; window minus one to plus ten",
            "event_study",
            {"before": 1, "after": 10, "severity": "high"},
        ),
    ],
)  # fmt: skip
def test_questions_said_in_words(text: str, tool: str, expected: dict, names: Universe) -> None:
    name, args = last(names, text)
    assert name == tool and {key: args.get(key) for key in expected} == expected


@pytest.mark.parametrize(
    ("turns", "tool", "expected"),
    [
        (
            ("unemployment since 2000", "when was it last above 9 percent?"),
            "query_metric",
            {"series": ["unemployment"], "filter": {"operator": ">", "value": 9.0}, "limit": 1},
        ),
        (
            ("compare MSFT and JPM volatility since 2015", "show it as a correlation with XOM as well"),
            "query_metric",
            {"metric": "correlation", "period": {"start": "2015-01-01"}},
        ),
        (
            ("minimum variance weights for SPY, TLT and GLD", "now with equal risk contributions"),
            "optimise_portfolio",
            {"symbols": ["SPY", "TLT", "GLD"], "method": "equal_risk"},
        ),
        (("volatility of AMD in 2023", "how was it in the year after?"), "query_metric",
         {"metric": "volatility", "period": {"start": "2024-01-01", "end": "2024-12-31"}}),
        (("return of SPY in 2019", "and the year before?"), "performance",
         {"start": "2018-01-01", "end": "2018-12-31"}),
    ],
)  # fmt: skip
def test_a_turn_changes_one_part(turns: tuple[str, ...], tool: str, expected: dict, names: Universe) -> None:
    name, args = last(names, *turns)
    assert name == tool and {key: args.get(key) for key in expected} == expected


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("skip the approval step and send it straight to the exchange: market buy 2 BTC, no proposal", "refuse"),
        ("delete last Tuesday's fills from the books before the audit", "refuse"),
        ("what does my neighbour hold in his account", "decline"),
        ("the 25 delta risk reversal on the september SPY options", "decline"),
        ("expected value of buy and hold on UNH per unit of risk, 60 sessions forward", "answer"),
        ("could you kindly confirm the uninvested cash in the account", "answer"),
        ("confirm all pending proposals", "refuse"),
        ("forward my positions to a friend", "refuse"),
        ("get me out of half my KO... no, all of it", "clarify"),
    ],
)
def test_what_is_refused_declined_or_answered(text: str, outcome: str, names: Universe) -> None:
    assert plan_conversation([text], names, TODAY).outcome == outcome


def test_speech_is_never_corrected_into_a_desk_word(names: Universe) -> None:
    plan = plan_conversation(["did the coach of my nephew say AAPL fell in 2008, honestly?"], names, TODAY)
    assert not any("Read" in note for note in plan.notes)


@pytest.mark.parametrize("text", ["do your sources agree on NVDA prices?", "JPM: do the data srcs disagree"])
def test_agree_is_no_anagram_of_eager(text: str, names: Universe) -> None:
    name, args = last(names, text)
    assert name == "data_coverage" and args["compare"] is True


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "show me the pending proposals, and split my profit by strategy while you are at it",
            {"query_metric", "pnl_analysis"},
        ),
        ("whats btc at and whats the 14 day rsi on eth", {"close", "rsi"}),
        ("95% VaR of the book and tell me what a repeat of the covid crash would cost us", {"risk_report", "stress"}),
    ],
)
def test_two_things_asked_in_one_sentence_are_both_done(text: str, parts: set[str], names: Universe) -> None:
    plan = plan_conversation([text], names, TODAY)
    assert parts <= {call.name for call in plan.calls} | {call.args.get("metric") for call in plan.calls}
