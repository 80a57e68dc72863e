"""Whoever asks for the start- or end-of-day report gets the tool that makes it; what only sounds so does not."""

from __future__ import annotations

from datetime import date

import pytest

from agents.planner.planner import plan_question
from agents.planner.universe import Universe
from agents.router import classify

TODAY = date(2022, 11, 29)
MONDAY = "2022-11-28"


@pytest.mark.parametrize(
    ("question", "kind", "session"),
    [
        ("eod report pls", "end", None),
        ("EOD report", "end", None),
        ("make the end of day report", "end", None),
        ("the end-of-day report please", "end", None),
        ("give me the end of day report for Monday", "end", MONDAY),
        ("end of day report for 2022-11-28", "end", MONDAY),
        ("eod summary", "end", None),
        ("wrap up the day", "end", None),
        ("can you wrap up the day for me?", "end", None),
        ("day recap", "end", None),
        ("how did the day close for us, the full report", "end", None),
        ("evening note", "end", None),
        ("close of day briefing", "end", None),
        ("report for the end of the day", "end", None),
        ("this morning's start of day report", "start", None),
        ("start of day report", "start", None),
        ("sod report", "start", None),
        ("morning briefing", "start", None),
        ("morning brief please", "start", None),
        ("I'd like the morning note", "start", None),
        ("brief me for the day", "start", None),
        ("pre-market report", "start", None),
        ("overnight report", "start", None),
        ("start-of-day report for yesterday", "start", MONDAY),
    ],
)
def test_a_report_is_asked_for(names: Universe, question: str, kind: str, session: str | None) -> None:
    plan = plan_question(question, names, TODAY)
    given = {"kind": kind} | ({"session": session} if session else {})
    assert [(call.name, call.args) for call in plan.calls] == [("day_report", given)]
    assert plan.outcome == "answer" and classify(question, plan, names) == "private"


def test_both_reports_at_once(names: Universe) -> None:
    plan = plan_question("start of day and end of day reports", names, TODAY)
    assert [call.args for call in plan.calls] == [{"kind": "start"}, {"kind": "end"}]


@pytest.mark.parametrize(
    "question",
    [
        "risk report",
        "value at risk at the end of the day",
        "close of AAPL on 2022-11-28",
        "end of day price of AAPL",
        "news on AAPL this morning",
        "when does AAPL report earnings?",
        "which companies report this morning?",
        "my P&L today",
        "how did the market close today?",
        "summary of my portfolio",
        "what is in the end of day report?",
        "morning star pattern on MSFT",
    ],
)
def test_what_only_sounds_like_it_is_no_report(names: Universe, question: str) -> None:
    assert "day_report" not in {call.name for call in plan_question(question, names, TODAY).calls}


@pytest.mark.parametrize(
    ("question", "outcome", "said"),
    [
        ("daily report", "clarify", "start-of-day or the end-of-day"),
        ("end of day report for last week", "clarify", "one session"),
        ("make the eod report every day", "decline", "schedule"),
        ("email the eod report to bob@example.com", "refuse", ""),
    ],
)
def test_what_is_not_clear_is_asked_and_what_is_not_done_is_said(
    names: Universe, question: str, outcome: str, said: str
) -> None:
    plan = plan_question(question, names, TODAY)
    assert plan.outcome == outcome and said in plan.say and not plan.calls
