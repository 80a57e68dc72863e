"""Macro figures as first published, or as known on a day, are asked for in many words and become one argument."""

from __future__ import annotations

from datetime import date

import pytest

from agents.planner.planner import plan_question
from agents.planner.universe import Universe

TODAY = date(2022, 11, 29)
MARCH = {"start": "2020-03-01", "end": "2020-03-31"}


@pytest.mark.parametrize(
    "question",
    [
        "unemployment of March 2020 as first published",
        "first print of unemployment for March 2020",
        "the initial estimate of unemployment for March 2020",
        "unemployment in March 2020 before revisions",
        "unemployment rate March 2020, as originally reported",
        "unrevised unemployment rate of March 2020",
        "unemployment of March 2020 as initially released",
        "what was the first release of unemployment for March 2020?",
    ],
)
def test_as_first_published(names: Universe, question: str) -> None:
    plan = plan_question(question, names, TODAY)
    (call,) = plan.calls
    assert (plan.outcome, call.name, call.args["metric"]) == ("answer", "query_metric", "macro_value")
    assert (call.args["series"], call.args["vintage"]) == (["unemployment"], "first")
    assert {key: call.args["period"][key] for key in MARCH} == MARCH


@pytest.mark.parametrize(
    ("question", "period"),
    [
        ("unemployment of March 2020 as known on 2020-05-01", MARCH),
        ("unemployment in March 2020 as it was known on 2020-05-01", MARCH),
        ("what was the unemployment rate as known on 2020-05-01?", None),
    ],
)
def test_as_known_on_a_day(names: Universe, question: str, period: dict[str, str] | None) -> None:
    (call,) = plan_question(question, names, TODAY).calls
    assert (call.args["series"], call.args["vintage"]) == (["unemployment"], "2020-05-01")
    told = call.args.get("period", {})
    assert (period is None and "start" not in told) or {key: told.get(key) for key in MARCH} == period


@pytest.mark.parametrize(
    "question",
    ["unemployment in March 2020", "when was unemployment first above 10%?", "the latest print of unemployment"],
)
def test_other_questions_take_the_newest_known(names: Universe, question: str) -> None:
    for call in plan_question(question, names, TODAY).calls:
        assert "vintage" not in call.args


def test_a_change_as_first_published_is_asked_back(names: Universe) -> None:
    plan = plan_question("change of unemployment in March 2020 as first published", names, TODAY)
    assert plan.outcome == "clarify" and "as known on" in plan.say
