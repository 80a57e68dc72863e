"""Scenarios: shocks written in many ways, crises by any name, and events the desk does not have."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.planner.plan import Plan
from agents.planner.planner import plan_conversation, plan_question
from agents.planner.reading import read
from agents.planner.shocks import crisis_of, is_shock_word, read_shocks
from agents.planner.universe import Universe, build_universe
from core.data.universe import universe
from core.simulators.crises import CRISES
from core.simulators.shock_language import parse_shocks

TODAY = date(2026, 6, 24)


def stressed(text: str, names: Universe) -> dict[str, Any]:
    plan = plan_question(text, names, TODAY)
    assert [call.name for call in plan.calls] == ["stress"], (plan.outcome, plan.say, plan.calls)
    return plan.calls[0].args


@pytest.mark.parametrize(
    ("text", "shocks"),
    [
        ("stress my book: oil +30%, rates up 50bp", {"USO": 0.3, "DGS10": 0.005}),
        ("stress my book: oil +30 %, rates + 50 bp", {"USO": 0.3, "DGS10": 0.005}),
        ("stress my portfolio with equities -10%", {"SPY": -0.1}),
        ("stress my portfolio with equities −10%", {"SPY": -0.1}),
        ("stress my portfolio: equities: -10%", {"SPY": -0.1}),
        ("equities drop 10% on my book", {"SPY": -0.1}),
        ("what if stocks fall ten percent, on my portfolio", {"SPY": -0.1}),
        ("what if the market falls 20%", {"SPY": -0.2}),
        ("what if the stock market drops by 15 percent", {"SPY": -0.15}),
        ("what happens to my book if shares tumble 12.5%", {"SPY": -0.125}),
        ("a 10% drop in equities on my book, stress", {"SPY": -0.1}),
        ("stress my book with a 25% fall in oil", {"USO": -0.25}),
        ("stress my book with a 50bp hike in rates", {"DGS10": 0.005}),
        ("stress my book with a 25 basis point cut to rates", {"DGS10": -0.0025}),
        ("suppose yields rise 75 basis points: what does my book lose", {"DGS10": 0.0075}),
        ("what if interest rates jump by 100 bps", {"DGS10": 0.01}),
        ("what if rates go up 1%", {"DGS10": 0.01}),
        ("what if rates rise half a point", {"DGS10": 0.005}),
        ("what if rates fall a quarter point", {"DGS10": -0.0025}),
        ("what if yields fall two percentage points", {"DGS10": -0.02}),
        ("what if the 10 year yield rises 40bp", {"DGS10": 0.004}),
        ("shock gold +5%", {"GLD": 0.05}),
        ("what if gold rallies 5% and oil plunges 20%", {"GLD": 0.05, "USO": -0.2}),
        ("imagine bitcoin crashes 60%", {"BTC-USD": -0.6}),
        ("what if crypto halves", {"BTC-USD": -0.5}),
        ("what if oil doubles", {"USO": 1.0}),
        ("vix doubles on my book", {"^VIX": 1.0}),
        ("stress my portfolio: equities -10%, vix doubles", {"SPY": -0.1, "^VIX": 1.0}),
        ("SPY -10%, rates +100bp on my portfolio", {"SPY": -0.1, "DGS10": 0.01}),
        ("SPY -10%, QQQ -15%, TLT +4%", {"SPY": -0.1, "QQQ": -0.15, "TLT": 0.04}),
        ("what if apple drops 20%", {"AAPL": -0.2}),
        ("what if Apple and Microsoft fall, AAPL -20% and MSFT -10%", {"AAPL": -0.2, "MSFT": -0.1}),
        ("what if nvidia falls another 30 percent", {"NVDA": -0.3}),
        ("if $TSLA loses 40% what happens to my account", {"TSLA": -0.4}),
        ("stress test: stocks down 7.5% & oil up 12%", {"SPY": -0.075, "USO": 0.12}),
        ("hypothetically equities sink 50bps, my book", {"SPY": -0.005}),
    ],
)
def test_a_shock_is_read_in_any_wording(text: str, shocks: dict[str, float], names: Universe) -> None:
    found = stressed(text, names)
    assert parse_shocks(found["shocks"]).moves({}) == pytest.approx(shocks)
    assert found["target"] == "portfolio"


@given(
    factor=st.sampled_from([("equities", "SPY"), ("oil", "USO"), ("gold", "GLD"), ("QQQ", "QQQ"), ("tesla", "TSLA")]),
    tenths=st.integers(min_value=1, max_value=950),
    up=st.booleans(),
    form=st.sampled_from(
        ["{f} {s}{n}%", "{f} {w} {n}%", "{f} {w} by {n} percent", "a {n}% {d} in {f}", "{f}: {s}{n} %"]
    ),
)
@settings(max_examples=120, deadline=None)
def test_the_size_and_sign_of_a_shock_survive(factor: tuple[str, str], tenths: int, up: bool, form: str) -> None:
    number = f"{tenths / 10:g}"
    words = {"f": factor[0], "n": number, "s": "+" if up else "-", "w": "rises" if up else "falls"}
    text = "stress my book: " + form.format(**words, d="rise" if up else "drop")
    plan = plan_question(text, names_once(), TODAY)
    expected = (1 if up else -1) * tenths / 1000
    assert plan.calls, (text, plan)
    assert parse_shocks(plan.calls[0].args["shocks"]).moves({}) == {factor[1]: pytest.approx(expected)}, (text, plan)


_KEPT: list[Universe] = []


def names_once() -> Universe:
    if not _KEPT:
        _KEPT.append(build_universe(universe()))
    return _KEPT[0]


@pytest.mark.parametrize(
    "text",
    [
        "what if rates go to 6%",
        "stress my book with oil at $150",
        "what if oil hits 150",
        "what happens to my book if equities are down 500 points",
        "what if the vix spikes to 40",
    ],
)
def test_a_level_is_no_move(text: str, names: Universe) -> None:
    plan = plan_question(text, names, TODAY)
    assert (plan.outcome, plan.calls) == ("clarify", ())
    assert "move" in plan.say


@pytest.mark.parametrize("text", ["what if tech stocks fall 20%", "stress my book: semiconductor stocks -30%"])
def test_a_group_is_not_shocked_as_if_it_were_the_market(text: str, names: Universe) -> None:
    plan = plan_question(text, names, TODAY)
    assert (plan.outcome, plan.calls) == ("clarify", ())
    assert "which symbol stands for" in plan.say


@pytest.mark.parametrize(
    "text",
    [
        "what if there is a war",
        "what if china invades taiwan",
        "what happens to my book in a war with China",
        "simulate a recession on my book",
        "stress AAPL with a nuclear attack",
        "what would a trade embargo do to my portfolio",
        "stress my book with an earthquake",
        "suppose a government shutdown, what happens to SPY",
    ],
)
def test_an_event_the_desk_does_not_have_is_asked_back(text: str, names: Universe) -> None:
    plan = plan_question(text, names, TODAY)
    assert (plan.outcome, plan.calls) == ("clarify", ()), plan
    assert sum(f"{crisis.title} ({crisis.start.year})" in plan.say for crisis in CRISES.values()) >= 5
    assert f"{len(CRISES)} past crises" in plan.say and "every crisis on my book" in plan.say
    assert "SPY -10%, rates +100bp" in plan.say


def test_the_event_is_named_back(names: Universe) -> None:
    said = plan_question("simulate a trade embargo on the ai infra stocks", names, TODAY).say
    assert "“embargo”" in said or "“trade embargo”" in said


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("the covid crash", {"crises": ["covid_2020"]}),
        ("SPY -10%, rates +100bp", {"shocks": "SPY -10%, DGS10 +100bp"}),
        ("2008", {"crises": ["financial_2008"]}),
        ("then equities -20%", {"shocks": "SPY -20%"}),
    ],
)
def test_the_answer_to_that_completes_the_question(answer: str, expected: dict[str, Any], names: Universe) -> None:
    plan = plan_conversation(("simulate a trade embargo on AAPL and MSFT", answer), names, TODAY)
    args = plan.calls[0].args
    assert {key: args.get(key) for key in expected} == expected
    assert args["symbols"] == ["AAPL", "MSFT"]


@pytest.mark.parametrize("turn", ["what is the unemployment rate", "AAPL", "this month"])
def test_an_open_scenario_takes_no_other_answer(turn: str, names: Universe) -> None:
    plan = plan_conversation(("stress AAPL with a nuclear attack", turn), names, TODAY)
    assert not any(call.name == "stress" for call in plan.calls), plan


@pytest.mark.parametrize("name", CRISES)
def test_every_crisis_is_found_by_its_name_and_by_its_title(name: str, names: Universe) -> None:
    for said in (name, name.replace("_", " "), CRISES[name].title):
        found = stressed(f"stress my book with {said}", names)
        assert (found["crises"], found["target"]) == ([name], "portfolio"), said


@pytest.mark.parametrize(
    ("text", "crisis"),
    [
        ("replay lehman on my book", "financial_2008"),
        ("run the gfc peak to trough through my portfolio", "financial_2007_2009"),
        ("what would march 2020 do to my portfolio", "covid_2020"),
        ("stress my book with the pandemic", "covid_2020"),
        ("stress SPY with 9/11", "september_2001"),
        ("survive the 87 crash? stress my book", "crash_1987"),
        ("replay volmageddon on QQQ", "volatility_2018"),
        ("stress KRE with silicon valley bank", "banks_2023"),
        ("replay the ltcm blow-up on my book", "russia_1998"),
    ],
)
def test_a_crisis_has_more_than_one_name(text: str, crisis: str, names: Universe) -> None:
    assert crisis_of(read(text, names, TODAY)) == crisis


@pytest.mark.parametrize("text", ["buy $2,000 of AAPL", "simulate AAPL 2008 paths", "what if I had 2,020 dollars"])
def test_a_count_is_no_crisis(text: str, names: Universe) -> None:
    assert crisis_of(read(text, names, TODAY)) is None


@pytest.mark.parametrize(
    "text",
    [
        "trim MSFT by 20%",
        "how many days was SPY down 2% in 2022",
        "AAPL above 150",
        "rates",
        "oil price",
        "a 70/30 SPY/TLT mix",
        "backtest RSI 30/70 on SPY",
        "what was the biggest one-day drop of oil",
        "my book",
    ],
)
def test_what_is_no_scenario_is_not_taken_for_one(text: str, names: Universe) -> None:
    plan: Plan = plan_question(text, names, TODAY)
    assert plan.frame is None or plan.frame.topic != "stress"


@pytest.mark.parametrize("text", ["trim MSFT", "no numbers here", "rates", "", "equities"])
def test_without_a_number_there_is_no_shock(text: str, names: Universe) -> None:
    assert not read_shocks(read(text, names, TODAY))


def test_a_factor_without_prices_cannot_be_shocked() -> None:
    listed = universe()
    stored = {one.instrument_id for one in listed if one.symbol in ("AAPL", "SPY")}
    few = build_universe(listed, stored)
    for text, word in (
        ("what if the vix doubles", "VIX"),
        ("what if oil drops 30%", "USO"),
        ("what if gold falls 5%", "GLD"),
    ):
        plan = plan_question(text, few, TODAY)
        assert (plan.outcome, plan.calls) == ("clarify", ())
        assert "no prices" in plan.say and word in plan.say, plan.say
    assert plan_question("what if SPY drops 10%", few, TODAY).calls


def test_another_measure_of_the_same_market_stands_in_and_is_named() -> None:
    listed = universe()
    few = build_universe(listed, {one.instrument_id for one in listed if one.symbol in ("AAPL", "^GSPC")})
    plan = plan_question("stress my book: SPY -10%", few, TODAY)
    assert plan.calls[0].args["shocks"] == "^GSPC -10%"
    assert any("^GSPC stands for it" in note for note in plan.notes)


def test_a_shock_to_rates_in_percent_says_how_it_was_read(names: Universe) -> None:
    assert any("percentage points" in note for note in plan_question("what if rates rise 1%", names, TODAY).notes)
    assert not any("points" in note for note in plan_question("what if rates rise 100bp", names, TODAY).notes)


@pytest.mark.parametrize(("word", "expected"), [("Drops", True), ("doubles", True), ("bp", True), ("flibber", False)])
def test_words_of_a_shock(word: str, expected: bool) -> None:
    assert is_shock_word(word) is expected


class TestGroups:
    """Groups as targets of simulations and risk measures."""

    LISTED = universe()

    def few(self, *without: str) -> Universe:
        return build_universe(self.LISTED, {one.instrument_id for one in self.LISTED if one.symbol not in without})

    @pytest.mark.parametrize("text", ["risk of the ai infra stocks", "simulate ai infra stocks for 3 months"])
    def test_members_without_prices_are_left_out_and_named(self, text: str) -> None:
        plan = plan_question(text, self.few("DTCR", "VRT"), TODAY)
        symbols = plan.calls[0].args["symbols"]
        assert not {"DTCR", "VRT"} & set(symbols)
        assert {"NVDA", "MSFT"} <= set(symbols)
        assert any("DTCR" in note and "VRT" in note and "no prices" in note for note in plan.notes)

    def test_nothing_is_said_when_all_have_prices(self, names: Universe) -> None:
        assert not any("prices" in note for note in plan_question("risk of ai infra stocks", names, TODAY).notes)

    def test_a_group_without_any_prices_is_said(self) -> None:
        plan = plan_question("risk of the ai infra stocks", build_universe(self.LISTED, set()), TODAY)
        assert (plan.outcome, plan.calls) == ("no_data", ())
        assert "ai infrastructure" in plan.say

    def test_a_cut_list_is_said(self, names: Universe) -> None:
        plan = plan_question("risk of equity", names, TODAY)
        if plan.calls and plan.calls[0].args.get("symbols"):
            assert len(plan.calls[0].args["symbols"]) <= 50
            assert any("The first 50 of" in note for note in plan.notes)
