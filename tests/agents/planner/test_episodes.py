"""Kinds of events: the stored episode that stands for one is replayed and named; anything else is asked back."""

from __future__ import annotations

from datetime import date

import pytest

from agents.planner.episodes import KINDS, kinds_of
from agents.planner.planner import plan_conversation, plan_question
from agents.planner.reading import read
from agents.planner.universe import Universe
from core.simulators.crises import CRISES

TODAY = date(2026, 6, 24)


@pytest.mark.parametrize(
    ("text", "crisis", "target"),
    [
        ("simulate a chip export ban on the ai infra stocks", "chips_2022", "ai_infrastructure"),
        ("simulat a chip export ban on the ai infra stoks", "chips_2022", "ai_infrastructure"),
        ("what if export controls on chips hit NVDA", "chips_2022", ("NVDA",)),
        ("simulate a semiconductor export ban on AMD", "chips_2022", ("AMD",)),
        ("simulate a semiconductor export ban", "chips_2022", ()),
        ("stress NVDA and AMD with the chip export ban of 2025", "chips_2025", ("NVDA", "AMD")),
        ("what if there is a bank run", "banks_2023", ()),
        ("stress JPM with bank failures", "banks_2023", ("JPM",)),
        ("stress my book with the war in Ukraine", "ukraine_2022", ()),
        ("what if russia invades ukraine again, on my book", "ukraine_2022", ()),
        ("what if there is an oil price war", "oil_war_2020", ()),
        ("what would a tech crash do to my book", "dotcom_2000", ()),
        ("stress QQQ with the tech crash of 2022", "rates_2022", ("QQQ",)),
        ("what happens to my book in an AI sell-off", "deepseek_2025", ()),
        ("what happens to QQQ in the deepseek rout", "deepseek_2025", ("QQQ",)),
        ("what if there is a trade war with China", "trade_war_2019", ()),
        ("simulate AAPL under new tariffs", "tariffs_2025", ("AAPL",)),
        ("put my book through the gilt crisis", "gilts_2022", ()),
        ("what if a stablecoin depegs", "stablecoin_2022", ()),
        ("how would my book do in a housing crash", "financial_2007_2009", ()),
        ("stress my book with an earthquake in japan", "japan_2011", ()),
        ("what if there is a new variant", "variant_2021", ()),
    ],
)
def test_an_episode_stands_for_a_kind_of_event_and_is_named(
    text: str, crisis: str, target: str | tuple[str, ...], names: Universe
) -> None:
    plan = plan_question(text, names, TODAY)
    assert [call.name for call in plan.calls] == ["stress"], plan
    args = plan.calls[0].args
    assert args["crises"] == [crisis]
    members = names.members[target] if isinstance(target, str) else target
    assert set(args.get("symbols", ())) == set(members)
    stored = CRISES[crisis]
    told = f"“{stored.title}” ({stored.start} to {stored.end}) stands for it"
    assert any(told in note for note in plan.notes), plan.notes


def test_two_kinds_are_two_episodes(names: Universe) -> None:
    plan = plan_question("stress my book with a war in Ukraine and a bank run", names, TODAY)
    assert plan.calls[0].args["crises"] == ["ukraine_2022", "banks_2023"]
    assert sum("stands for it" in note for note in plan.notes) == 2


def test_a_kind_changes_the_scenario_of_the_turn_before(names: Universe) -> None:
    plan = plan_conversation(("stress AAPL and MSFT with the covid crash", "and what about a bank run"), names, TODAY)
    assert plan.calls[0].args["crises"] == ["banks_2023"]
    assert plan.calls[0].args["symbols"] == ["AAPL", "MSFT"]


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("what if the chip export ban is lifted", "chips_2022"),
        ("what if the war in Ukraine ends", "ukraine_2022"),
        ("what if tariffs are suspended", "tariffs_2025"),
        ("what if there is a bank run in China", "banks_2023"),
        ("what if there is a trade war with Mexico", "trade_war_2019"),
        ("what if the chip export ban of 2023 repeats", "chips_2022"),
        ("what if there is a bank run and an earthquake", "banks_2023"),
        ("what if china invades taiwan", "ukraine_2022"),
        ("what if russia invades poland", "ukraine_2022"),
        ("simulate a recession on my book", "financial_2007_2009"),
        ("stress AAPL with a nuclear attack", "september_2001"),
    ],
)
def test_what_no_episode_stands_for_is_asked_back_with_the_nearest(text: str, nearest: str, names: Universe) -> None:
    plan = plan_question(text, names, TODAY)
    assert (plan.outcome, plan.calls) == ("clarify", ()), plan
    assert f"The nearest it has is “{CRISES[nearest].title}”" in plan.say


@pytest.mark.parametrize(
    "text",
    [
        "what if there is a bank run and my flibber breaks",
        "what would a banking crisis do to XLF",
        "what if there is a currency crisis",
        "tell me if tariffs are in the news",
        "buy NVDA if there is a chip ban",
        "what if ai bubble bursts",
        "what if tariffs are cut",
    ],
)
def test_anything_else_beside_a_kind_is_asked_back(text: str, names: Universe) -> None:
    plan = plan_question(text, names, TODAY)
    assert (plan.outcome, plan.calls) == ("clarify", ()), plan


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        ("news on deepseek", "news"),
        ("news on tariffs this week", "news"),
        ("events about the Ukraine war since February 2022", "geopolitical_events"),
        ("headlines on the trade war", "news"),
    ],
)
def test_news_and_events_stay_what_they_are(text: str, metric: str, names: Universe) -> None:
    plan = plan_question(text, names, TODAY)
    assert [call.args.get("metric") for call in plan.calls] == [metric], plan


def test_every_episode_of_a_kind_is_stored(names: Universe) -> None:
    assert {name for _, listed in KINDS for name in listed} <= set(CRISES)
    assert kinds_of(read("what did AAPL return", names, TODAY)) == ()
