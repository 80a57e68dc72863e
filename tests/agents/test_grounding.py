from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.grounding import for_model, ground
from core.domain.facts import Column, Fact, Table, ToolResult

AS_OF = datetime(2022, 11, 29, 21, tzinfo=UTC)


def fact(number: int, name: str, value: float | str, unit: str = "ratio", currency: str | None = None) -> Fact:
    return Fact(
        id=f"fct_{number}",
        run="run_1",
        name=name,
        value=value,
        unit=unit,
        currency=currency,
        as_of=AS_OF,
        label="public",
    )  # type: ignore[arg-type]


RESULT = ToolResult(
    run="run_1",
    tool="performance",
    label="public",
    as_of=AS_OF,
    facts=(
        fact(0, "AAPL total return", -0.5690),
        fact(1, "AAPL last session", "2008-12-31", "date"),
        fact(2, "value", 1_234_567.891, "money", "USD"),
    ),
    tables=(
        Table(
            name="prices",
            columns=(Column(name="symbol", unit="text"), Column(name="close", unit="money", currency="USD")),
            rows=(("AAPL", 3.05),),
        ),
    ),
    notes=("Annualised by 252 sessions.",),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It fell {{fact:fct_0}}.", "It fell -56.90%."),
        ("It fell {{fact:AAPL total return}}.", "It fell -56.90%."),
        ("It fell {{ fct_0 }}.", "It fell -56.90%."),
        ("Close {{fact:run_1:prices:0:close}}", "Close $3.05"),
        ("Close {{fact:prices:0:close}}", "Close $3.05"),
        ("Worth {{fact:value}} on {{fact:AAPL last session}}.", "Worth $1,234,567.89 on 2008-12-31."),
    ],
)
def test_references_become_digits(text: str, expected: str) -> None:
    checked = ground(text, [RESULT])
    assert (checked.text, checked.accepted) == (expected, True)


@pytest.mark.parametrize(
    "text",
    [
        "It fell 57%.",
        "It fell 42 percent.",
        "It lost more than half the",
        "Down 12.3 % and 5bps",
        "It was worth $1,234,568.",
        "roughly fifty percent",
        "about 3 times",
        "€99",
        "a loss of 1.2 million",
        "It doubled the money",
        "up -4,5",
        "{{fact:nothing}}",
        "{{fact:prices:7:close}}",
        "twenty-five of them",
    ],
)
def test_a_number_without_a_fact_is_found(text: str) -> None:
    assert not ground(text, [RESULT]).accepted


@pytest.mark.parametrize(
    "text",
    [
        "It fell -56.90%.",
        "A fall of 56.90%.",
        "On 2008-12-31 it closed at $3.05.",
        "AAPL and the S&P500 fell in Q2.",
        "Annualised by 252 sessions.",
        "One of them fell.",
        "No number here.",
    ],
)
def test_printed_values_and_names_may_be_typed(text: str) -> None:
    assert ground(text, [RESULT]).accepted, ground(text, [RESULT]).free


def test_numbers_of_the_question_may_be_repeated() -> None:
    assert ground("The 50/200 crossover in 2008.", [], said=["backtest a 50/200 crossover in 2008"]).accepted
    assert not ground("The 50/200 crossover in 2008.", []).accepted


@given(st.floats(min_value=1e-3, max_value=1e7))
def test_no_random_number_passes(value: float) -> None:
    text = f"{value:.7f}"
    assert not ground(f"It is {text}.", [RESULT]).accepted


def test_a_model_reads_printed_values_and_references() -> None:
    read = for_model(RESULT)
    assert read["facts"][0] == {"write": "{{fact:fct_0}}", "name": "AAPL total return", "value": "-56.90%"}  # type: ignore[index]
    assert read["tables"][0]["rows"] == [["AAPL", "$3.05"]]  # type: ignore[index]


def test_an_ambiguous_name_needs_the_id() -> None:
    other = RESULT.model_copy(update={"run": "run_2", "facts": (fact(9, "AAPL total return", 0.1),)})
    assert not ground("{{fact:AAPL total return}}", [RESULT, other]).accepted
    assert ground("{{fact:fct_9}}", [RESULT, other]).text == "10.00%"
