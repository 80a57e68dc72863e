"""Several places named for events or headlines: each is searched for; what no list exists for is asked back."""

from __future__ import annotations

from datetime import date

import pytest

from agents.planner.planner import plan_question
from agents.planner.universe import Universe

TODAY = date(2026, 6, 24)


@pytest.mark.parametrize(
    ("text", "metric", "places"),
    [
        ("events in Ukraine", "geopolitical_events", ["Ukraine"]),
        ("events in Ukraine and Israel", "geopolitical_events", ["Ukraine", "Israel"]),
        ("what's going on in Ukraine and Taiwan", "geopolitical_events", ["Ukraine", "Taiwan"]),
        ("anything in Russia, China or Iran this month", "geopolitical_events", ["Russia", "China", "Iran"]),
        ("high severity events involving Iran and Israel", "geopolitical_events", ["Iran", "Israel"]),
        ("how many events in Gaza and Lebanon this year", "geopolitical_events", ["Gaza", "Lebanon"]),
        ("news on Ukraine, Israel and Taiwan this week", "news", ["Ukraine", "Israel", "Taiwan"]),
        ("headlines about the red sea and Yemen", "news", ["Red Sea", "Yemen"]),
    ],
)
def test_every_place_is_searched_for(text: str, metric: str, places: list[str], names: Universe) -> None:
    plan = plan_question(text, names, TODAY)
    assert [call.args["metric"] for call in plan.calls] == [metric] * len(places), plan
    assert [call.args["topic"] for call in plan.calls] == places
    others = [{key: value for key, value in call.args.items() if key != "topic"} for call in plan.calls]
    assert all(one == others[0] for one in others)


def test_places_and_periods_are_crossed(names: Universe) -> None:
    plan = plan_question("events in Ukraine and Israel in 2022 and 2023", names, TODAY)
    asked = [(call.args["topic"], call.args["period"]["start"]) for call in plan.calls]
    assert asked == [(place, f"{year}-01-01") for place in ("Ukraine", "Israel") for year in (2022, 2023)]


@pytest.mark.parametrize(
    "text",
    [
        "events in Japan and Germany",
        "cpi in Japan and Germany next week",
        "dividends in Israel and Ukraine",
        "news on Ukraine and AAPL",
        "economic events in Israel",
    ],
)
def test_what_has_no_list_by_place_is_asked_back(text: str, names: Universe) -> None:
    plan = plan_question(text, names, TODAY)
    assert (plan.outcome, plan.calls) == ("clarify", ()), plan
