"""Words, numbers, names and typing errors."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.planner.concepts import ORDINARY
from agents.planner.quantities import read_number, split_pair
from agents.planner.reading import read
from agents.planner.spelling import closest
from agents.planner.text import joined, split
from agents.planner.universe import Universe, plain_name

TODAY = date(2026, 6, 24)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one thousand dollars", "1000 dollars"),
        ("one hundred basis points", "100 basis points"),
        ("twenty-five shares", "25 shares"),
        ("two hundred and fifty", "250"),
        ("which one fell", "which one fell"),
        ("three million", "3000000"),
        ("AAPL's price", "aapl price"),
        ("rsi<30", "rsi < 30"),
        ("GLD->SPY", "gld -> spy"),
        ("S&P 500", "s&p 500"),
    ],
)
def test_words_and_figures(text: str, expected: str) -> None:
    assert joined(split(text)) == expected


@pytest.mark.parametrize(
    ("words", "value", "unit"),
    [
        (["10bp"], 10, "bps"),
        (["20", "bps"], 20, "bps"),
        (["100", "basis", "points"], 100, "bps"),
        (["10%"], 0.1, "percent"),
        (["ten"], None, None),
        (["10", "percent"], 0.1, "percent"),
        (["60k"], 60_000, "plain"),
        (["$1,000"], 1000, "money"),
        (["1000", "dollars"], 1000, "money"),
        (["0.25"], 0.25, "plain"),
        (["1.5", "million"], 1_500_000, "plain"),
        (["2bn"], 2e9, "plain"),
    ],
)
def test_numbers_with_units(words: list[str], value: float | None, unit: str | None) -> None:
    number = read_number(words, 0)
    assert (number.value if number else None) == (pytest.approx(value) if value is not None else None)
    assert (number.unit if number else None) == unit


def test_pairs() -> None:
    assert split_pair("70/30") == (70, 30)
    assert split_pair("3/16/2020") == (3, 16, 2020)
    assert split_pair("70") == ()


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("MSFT price", ("MSFT",)),
        ("msft price", ("MSFT",)),
        ("$T price", ("T",)),
        ("T price", ("T",)),
        ("now what", ()),
        ("NOW price", ("NOW",)),
        ("it is low", ()),
        ("bitcoin", ("BTC-USD",)),
        ("BTC", ("BTC-USD",)),
        ("realty income", ("O",)),
        ("SPY/TLT", ("SPY", "TLT")),
        ("brk-b", ("BRK-B",)),
        ("the cost of all", ()),
        ("Google and Facebook", ("GOOGL", "META")),
        ("SHOW ME ALL NOW", ()),
    ],
)
def test_symbols_and_names(text: str, symbols: tuple[str, ...], names: Universe) -> None:
    assert read(text, names, TODAY).values("symbol") == symbols


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("avrage", "average"),
        ("prise", "price"),
        ("moveing", "moving"),
        ("averge", "average"),
        ("earings", "earnings"),
        ("suprise", "surprise"),
        ("googel", "google"),
        ("nvida", "nvidia"),
        ("appel", "apple"),
        ("shres", "shares"),
        ("gpd", "gdp"),
        ("volatilty", "volatility"),
        ("microsft", "microsoft"),
        ("unemploymnt", "unemployment"),
    ],
)
def test_typing_errors_with_one_clear_reading(wrong: str, right: str, names: Universe) -> None:
    assert read(wrong, names, TODAY).corrections.get(wrong) == right


def test_ordinary_words_are_never_corrected(names: Universe) -> None:
    for word in sorted(ORDINARY):
        assert read(word, names, TODAY).corrections == {}, word


def test_two_readings_about_as_close_are_not_chosen_between() -> None:
    assert closest("gain", {"main", "pain"}) is None


@given(st.text(max_size=120))
@settings(max_examples=150, deadline=None)
def test_any_text_can_be_read(text: str) -> None:
    from agents.planner.planner import plan_question
    from agents.planner.universe import build_universe
    from core.data.universe import universe

    plan = plan_question(text, _cached(build_universe, universe), TODAY)
    assert plan.calls or plan.say


_made: dict[str, Universe] = {}


def _cached(build, instruments) -> Universe:
    if "names" not in _made:
        _made["names"] = build(instruments())
    return _made["names"]


@pytest.mark.parametrize(
    ("name", "plain"),
    [("Apple Inc.", "apple"), ("Walt Disney Company (The)", "walt disney"), ("Coca-Cola Company (The)", "coca-cola")],
)
def test_company_names_as_people_say_them(name: str, plain: str) -> None:
    assert plain_name(name) == plain
