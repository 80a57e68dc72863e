"""Which bytes ring the alarm: a table of values, the forms they may take on the way out, and what looks alike."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from agents.models.egress import Tripwire, encodings
from core.errors import PrivacyRefused

ID = "0123456789abcdef0123456789abcdef"
VALUES = (
    "Zebra Momentum",
    "DU1234567",
    "ada@example.com",
    "Fund/42 & Sons",
    'the "quiet" fund',
    "Münchner Konto",
    "tab\tand\nline",
    "100% safe",
    "a+b=c fund",
)


def in_json(value: str) -> str:
    return json.dumps({"messages": [{"role": "user", "content": f"see {value} now"}]})


def in_nested_json(value: str) -> str:
    return json.dumps({"input": json.dumps({"x": value.replace('"', "")})}) + json.dumps(value)


def in_address(value: str) -> str:
    return f"https://api.example.com/v1?q={quote(value, safe='')}&n=1"


def in_path(value: str) -> str:
    return f"https://api.example.com/{quote(value)}/x"


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("place", [in_json, in_nested_json, in_address, in_path], ids=lambda place: place.__name__)
def test_a_value_is_seen_wherever_it_stands(value: str, place: object) -> None:
    body = place(value)  # type: ignore[operator]
    assert Tripwire(lambda: (value,)).scan(body.encode()) == "a private value"
    assert Tripwire(lambda: ("Another Fund",)).scan(body.encode()) is None


@pytest.mark.parametrize("value", [value for value in VALUES if len(value) >= 12])
@pytest.mark.parametrize("before", ["", "a", "ab", "abc", '{"q": "'])
def test_a_value_in_base64_is_seen_at_any_offset(value: str, before: str) -> None:
    body = base64.b64encode(f"{before}{value} and more".encode())
    assert Tripwire(lambda: (value,)).scan(b'{"data": "' + body + b'"}') == "a private value"


@pytest.mark.parametrize("value", [value for value in VALUES if value.isascii()])
@pytest.mark.parametrize("change", [str.upper, str.lower, str.swapcase], ids=["upper", "lower", "swapped"])
def test_case_does_not_hide_ascii(value: str, change: object) -> None:
    assert Tripwire(lambda: (value,)).scan(change(value).encode())  # type: ignore[operator]


@pytest.mark.parametrize(
    ("number", "seen"),
    [
        ("1234.5", ("1234.5", "1234.50", "1,234.5", "1,234.50")),
        ("77731.4142857", ("77731.4142857", "77731.41", "77,731.41", "77,731.4142857")),
        ("1000000", ("1000000", "1000000.00", "1,000,000.00", "1,000,000.0")),
        ("-54321.987", ("-54321.987", "-54,321.99", "-54321.99")),
        ("0.12345", ("0.12345",)),
        ("999.99", ("999.99",)),
    ],
)
def test_a_number_is_seen_in_each_form(number: str, seen: tuple[str, ...]) -> None:
    wire = Tripwire(lambda: (number,))
    for form in seen:
        assert wire.scan(f'{{"nav": "{form}"}}'.encode()) == "a private value", form


@pytest.mark.parametrize(
    ("number", "other"),
    [
        ("77731.4142857", "77731"),
        ("77731.4142857", "77,732"),
        ("999.99", "1,000"),
        ("0.12345", "0.12"),
        ("4321", "4321"),
    ],
)
def test_coarser_or_short_numbers_are_no_alarm(number: str, other: str) -> None:
    assert Tripwire(lambda: (number,)).scan(other.encode()) is None


@pytest.mark.parametrize("kind", ["prp", "ord", "fil", "apr", "usr"])
@pytest.mark.parametrize(
    "body", ["{}", 'say "{}"', "a,{},b", "https://x.example/{}?y", '{{"k": ["{}"]}}', "({})", "{}."]
)
def test_an_id_of_the_books_is_seen(kind: str, body: str) -> None:
    assert Tripwire().scan(body.format(f"{kind}_{ID}").encode()) == "an id of the books"


@pytest.mark.parametrize(
    "body",
    [
        "prp_short",
        f"run_{ID}",
        f"fct_{ID}",
        f"thr_{ID}",
        "ord_0123456789abcdeg",
        f"word_{ID}",
        f"PRP-{ID}",
        "ord_",
        "",
        ID,
    ],
)
def test_other_ids_pass(body: str) -> None:
    assert Tripwire().scan(body.encode()) is None


@pytest.mark.parametrize(
    ("number", "expected"),
    [("5000", {"5000", "5,000.00", "5000.00", "5,000.0"}), ("12.5", {"12.5"}), ("-2500", {"-2500", "-2,500.00"})],
)
def test_the_forms_of_a_number(number: str, expected: set[str]) -> None:
    assert {form.encode() for form in expected} <= set(encodings(number))


@pytest.mark.parametrize("value", ["12345678", "2026-06-24", "1e5 fund", "$5,000 fund"])
def test_what_is_no_plain_number_is_kept_as_written(value: str) -> None:
    assert value.lower().encode() in set(encodings(value))


class Outgoing:
    def __init__(self, body: bytes, url: str = "https://api.example.com/v1") -> None:
        self.body = body
        self.url = url

    async def aread(self) -> bytes:
        return self.body


async def test_the_address_is_watched_too() -> None:
    wire = Tripwire(lambda: ("Zebra Momentum",))
    with pytest.raises(PrivacyRefused, match="was not sent"):
        await wire.check(Outgoing(b"", "https://api.example.com/?q=Zebra%20Momentum"))


async def test_an_unarmed_wire_lets_pass_and_counts_nothing() -> None:
    wire = Tripwire(lambda: ("Zebra Momentum",), armed=False)
    await wire.check(Outgoing(b"Zebra Momentum"))
    assert wire.hits == []


async def test_the_refusal_names_no_value_and_each_hit_is_counted() -> None:
    wire = Tripwire(lambda: ("Zebra Momentum",))
    for body in (b"zebra momentum", f"ord_{ID}".encode()):
        with pytest.raises(PrivacyRefused) as caught:
            await wire.check(Outgoing(body))
        assert "ebra" not in str(caught.value) and ID not in str(caught.value)
    assert wire.hits == ["a private value", "an id of the books"]


async def test_the_values_are_asked_for_at_each_request() -> None:
    values: list[str] = []
    wire = Tripwire(lambda: values)
    await wire.check(Outgoing(b"Zebra Momentum"))
    values.append("Zebra Momentum")
    with pytest.raises(PrivacyRefused):
        await wire.check(Outgoing(b"Zebra Momentum"))
