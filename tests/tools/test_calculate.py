"""Arithmetic on facts of record, against figures worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.as_of import AsOf
from core.domain.facts import Fact, Label
from core.domain.principal import Principal
from core.errors import InvalidInput, Refused
from tools.calculate import CalculateArguments, calculate
from tools.context import ToolContext

NOW = AsOf(known=datetime(2024, 6, 14, 21, tzinfo=UTC))
ADA = Principal(id="usr_ada", name="Ada", kind="person", scopes=frozenset({"read"}))
AGENT = Principal(id="agent:usr_ada", name="desk agent", kind="agent", scopes=frozenset({"read"}))


def fact(value: Any, unit: Any = "ratio", currency: str | None = None, label: Label = "public") -> Fact:
    return Fact(
        id="fct_1", run="run_1", name="made", value=value, unit=unit, currency=currency, as_of=NOW.known, label=label
    )


class Calls:
    """Give facts by their place, and the call each belongs to."""

    def __init__(self, facts: tuple[Fact, ...], made_by: str = "agent:usr_ada") -> None:
        self.facts = facts
        self.made_by = made_by

    def fact(self, reference: str) -> Fact:
        return self.facts[int(reference.removeprefix("fct_"))]

    def call(self, run_id: str) -> Any:
        label = "private" if any(one.label == "private" for one in self.facts) else "public"
        return SimpleNamespace(call=SimpleNamespace(label=label, principal=self.made_by, tool="performance"))


def run(operation: str, *facts: Fact, principal: Principal = AGENT, made_by: str = "agent:usr_ada") -> Any:
    desk: Any = SimpleNamespace(calls=Calls(facts, made_by))
    context = ToolContext(
        desk=desk,
        principal=principal,
        run_id="run_9",
        tool="calculate",
        as_of=NOW,
        seed=0,
        face="test",
        thread_id=None,
        label="public",
    )
    asked = CalculateArguments(operation=operation, facts=tuple(f"fct_{n}" for n in range(len(facts))))  # type: ignore[arg-type]
    return calculate.function(context, asked)


@pytest.mark.parametrize(
    ("operation", "values", "unit", "expected", "made"),
    [
        ("difference", (0.05, 0.02), "ratio", 0.03, "ratio"),
        ("difference", (100.0, 250.0), "number", -150.0, "number"),
        ("ratio", (300.0, 120.0), "count", 2.5, "number"),
        ("sum", (1.5, 2.5, 4.0), "days", 8.0, "days"),
        ("sum", (0.1,) * 10, "number", 1.0, "number"),
        ("average", (10, 20, 60), "count", 30.0, "count"),
        ("average", (-0.5, 0.5), "ratio", 0.0, "ratio"),
    ],
)
def test_by_hand(operation: str, values: tuple[float, ...], unit: Any, expected: float, made: str) -> None:
    found = run(operation, *(fact(value, unit) for value in values)).facts[0]
    assert found.value == pytest.approx(expected, abs=1e-15)
    assert (found.unit, found.run, found.label) == (made, "run_9", "public")


def test_money_keeps_its_currency_and_a_ratio_of_money_has_none() -> None:
    money = (fact(110.0, "money", "USD"), fact(100.0, "money", "USD"))
    assert (run("difference", *money).facts[0].value, run("difference", *money).facts[0].currency) == (10.0, "USD")
    assert (run("ratio", *money).facts[0].value, run("ratio", *money).facts[0].currency) == (pytest.approx(1.1), None)


def test_a_return_of_21_percent_over_two_years_is_ten_a_year() -> None:
    dates = fact("2020-01-01", "date"), fact("2022-01-01", "date")
    found = run("annualised", fact(0.21), *dates).facts[0]
    assert found.value == pytest.approx(1.21 ** (365.25 / 731) - 1)
    assert found.value == pytest.approx(0.10, abs=1e-4)


@given(st.floats(-0.99, 5), st.integers(1, 9))
def test_annualising_whole_years_and_compounding_again_gives_the_return(growth: float, four_years: int) -> None:
    """Four calendar years are 1,461 days, exactly 4 x 365.25."""
    last = fact(f"{2004 + 4 * four_years}-01-01", "date")
    yearly = run("annualised", fact(growth), fact("2004-01-01", "date"), last).facts[0].value
    assert (1 + yearly) ** (4 * four_years) == pytest.approx(1 + growth)


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=20))
def test_the_average_lies_between_the_extremes_and_times_the_count_is_the_sum(values: list[float]) -> None:
    facts = [fact(value, "number") for value in values]
    average, total = (float(run(operation, *facts).facts[0].value) for operation in ("average", "sum"))
    assert min(values) - 1e-6 <= average <= max(values) + 1e-6
    assert average * len(values) == pytest.approx(total, abs=1e-5)


@pytest.mark.parametrize(
    ("operation", "facts", "said"),
    [
        ("difference", (fact(1.0), fact(1.0, "bps")), "one unit"),
        ("sum", (fact(1.0, "money", "USD"), fact(1.0, "money", "EUR")), "one unit"),
        ("difference", (fact(1.0),) * 3, "two facts"),
        ("ratio", (fact(1.0),) * 3, "two facts"),
        ("ratio", (fact(1.0), fact(0.0)), "nothing can be divided"),
        ("sum", (fact("AAPL", "text"), fact("MSFT", "text")), "no number"),
        ("sum", (fact(None), fact(1.0)), "no number"),
        ("sum", (fact(True, "number"), fact(1.0, "number")), "no number"),
        ("average", (fact("2020-01-01", "date"), fact("2021-01-01", "date")), "no number"),
        ("annualised", (fact(0.1), fact(0.1)), "first date"),
        ("annualised", (fact(0.1), fact("2021-01-01", "date"), fact("2020-01-01", "date")), "cannot be annualised"),
        ("annualised", (fact(-1.5), fact("2020-01-01", "date"), fact("2021-01-01", "date")), "cannot be annualised"),
    ],
)
def test_what_has_no_meaning_is_refused(operation: str, facts: tuple[Fact, ...], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        run(operation, *facts)


def test_the_label_is_that_of_the_most_private_fact() -> None:
    assert run("sum", fact(1.0), fact(1.0, label="private")).label == "private"


def test_an_agent_reads_no_private_fact_of_others() -> None:
    private = fact(1.0, label="private")
    with pytest.raises(Refused):
        run("sum", private, private, made_by="agent:usr_bob")
    assert run("sum", private, private, principal=ADA, made_by="agent:usr_bob").facts[0].value == 2.0


def test_the_new_fact_says_what_it_was_made_of() -> None:
    made = run("difference", fact(0.05), fact(0.02))
    assert made.facts[0].source == "difference(fct_0, fct_1)"
    assert (made.facts[0].name, made.sources) == ("difference of made, made", ("performance",))
