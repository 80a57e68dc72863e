import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.models.egress import Tripwire, encodings
from core.errors import PrivacyRefused

SECRET = "Fund Zebra/42"


@pytest.mark.parametrize(
    "body",
    [SECRET, SECRET.upper(), json.dumps({"text": SECRET}), quote(SECRET), quote(SECRET, safe=""),
     base64.b64encode(SECRET.encode()).decode(),
     base64.b64encode(f"x{SECRET} and more".encode()).decode(),
     base64.b64encode(f"xy{SECRET} and more".encode()).decode()],
)  # fmt: skip
def test_a_private_value_is_seen_in_any_usual_form(body: str) -> None:
    assert Tripwire(lambda: (SECRET,)).scan(f"before {body} after".encode()) is not None


@pytest.mark.parametrize("body", ["77731.4142857", "77,731.41", "77731.41"])
def test_a_number_is_seen_raw_rounded_and_with_commas(body: str) -> None:
    assert Tripwire(lambda: ("77731.4142857",)).scan(f"holds {body} of".encode()) is not None


@pytest.mark.parametrize(
    "body", ["prp_0123456789abcdef0123456789abcdef", "see ord_00112233445566778899", "fil_aaaaaaaaaaaaaaaaaaaa"]
)
def test_ids_of_the_books_are_seen(body: str) -> None:
    assert Tripwire().scan(body.encode()) == "an id of the books"


def test_harmless_bytes_pass() -> None:
    wire = Tripwire(lambda: (SECRET, "77731.4142857", "abc"))
    assert wire.scan(b"How did AAPL do in 2008? 0.25 abc 12,345") is None


def test_short_values_are_no_canaries() -> None:
    assert Tripwire(lambda: ("10", "AAPL")).scan(b"10 AAPL") is None


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789", min_size=12, max_size=30), st.integers(0, 5))
def test_base64_at_any_offset(value: str, offset: int) -> None:
    body = base64.b64encode(b"#" * offset + value.encode() + b"##").lower()
    assert any(form in body for form in encodings(value))


class FakeRequest:
    url = "https://api.example.com/v1"

    def __init__(self, body: bytes) -> None:
        self.body = body

    async def aread(self) -> bytes:
        return self.body


async def test_a_hit_stops_the_request_and_is_remembered() -> None:
    wire = Tripwire(lambda: (SECRET,))
    with pytest.raises(PrivacyRefused):
        await wire.check(FakeRequest(SECRET.encode()))
    assert wire.hits == ["a private value"]
    await wire.check(FakeRequest(b"harmless"))
