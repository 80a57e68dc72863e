"""Numbers in words are read as the numbers they spell: every one to a thousand, and others up to a billion."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.planner.text import split

ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def spelled(number: int, *, hyphen: str = "-", with_and: bool = True) -> str:
    """Spell a number below a billion as English does, with "and" before what is below a hundred or without it."""

    def rest(left: int, *, small: bool) -> str:
        between = " and " if with_and and small else " "
        return between + spelled(left, hyphen=hyphen, with_and=with_and) if left else ""

    if number < 20:
        return ONES[number]
    if number < 100:
        return TENS[number // 10] + (hyphen + ONES[number % 10] if number % 10 else "")
    if number < 1000:
        return f"{ONES[number // 100]} hundred{rest(number % 100, small=True)}"
    for scale, name in ((1_000_000, "million"), (1000, "thousand")):
        if number >= scale:
            left = number % scale
            head = spelled(number // scale, hyphen=hyphen, with_and=with_and)
            return f"{head} {name}{rest(left, small=left < 100)}"
    raise AssertionError("every number is below twenty, a hundred, a thousand or above")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (21, "twenty-one"),
        (105, "one hundred and five"),
        (125, "one hundred and twenty-five"),
        (1001, "one thousand and one"),
        (12_345, "twelve thousand three hundred and forty-five"),
        (2_000_010, "two million and ten"),
    ],
)
def test_the_spelling_of_this_file_is_that_of_english(number: int, text: str) -> None:
    assert spelled(number) == text


@pytest.mark.parametrize("hyphen", ["-", " "])
@pytest.mark.parametrize("with_and", [True, False])
def test_every_number_to_a_thousand(hyphen: str, with_and: bool) -> None:
    wrong = []
    for number in range(2, 1001):
        text = f"buy {spelled(number, hyphen=hyphen, with_and=with_and)} shares"
        if [word.raw for word in split(text)] != ["buy", str(number), "shares"]:
            wrong.append(text)
    assert wrong == []


@settings(max_examples=150, deadline=None)
@given(st.integers(1001, 999_999_999), st.sampled_from(["-", " "]), st.booleans())
def test_larger_ones(number: int, hyphen: str, with_and: bool) -> None:
    text = f"sell {spelled(number, hyphen=hyphen, with_and=with_and)} shares"
    assert [word.raw for word in split(text)] == ["sell", str(number), "shares"]


@pytest.mark.parametrize(
    "text",
    [
        "compare two hundred and AAPL",
        "the moving averages of fifty and two hundred days",
        "AAPL and MSFT",
        "between twenty and thirty percent",
    ],
)
def test_and_between_two_things_joins_no_numbers(text: str) -> None:
    assert "and" in [word.low for word in split(text)]
