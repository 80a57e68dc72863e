"""What a status, a body and a header stand for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.adapters.transport.redaction import HIDDEN, redact, redact_url
from core.adapters.transport.replies import Reply, error_of, read_json
from core.errors import (
    VendorError,
    VendorKeyRefused,
    VendorMalformed,
    VendorNotFound,
    VendorQuotaSpent,
    VendorRefused,
    VendorUnavailable,
)

AT = datetime(2024, 1, 31, 12, 0, tzinfo=UTC)


def reply(status: int = 200, body: bytes = b"{}", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, headers=named, body=body, received_at=AT)


@pytest.mark.parametrize(
    ("status", "expected", "retry_helps"),
    [
        (301, VendorMalformed, True),
        (400, VendorRefused, False),
        (401, VendorKeyRefused, False),
        (402, VendorQuotaSpent, False),
        (403, VendorQuotaSpent, False),
        (404, VendorNotFound, False),
        (408, VendorUnavailable, True),
        (410, VendorNotFound, False),
        (418, VendorUnavailable, True),
        (422, VendorRefused, False),
        (429, VendorUnavailable, True),
        (500, VendorUnavailable, True),
        (502, VendorUnavailable, True),
        (503, VendorUnavailable, True),
        (529, VendorUnavailable, True),
    ],
)
def test_a_status_stands_for_one_error(status: int, expected: type[VendorError], retry_helps: bool) -> None:
    error = error_of(reply(status, b"told so"), "The Vendor")
    assert type(error) is expected
    assert error.retry_helps is retry_helps
    assert "The Vendor" in str(error)


@pytest.mark.parametrize("status", [200, 201, 204])
def test_success_is_no_error(status: int) -> None:
    assert error_of(reply(status), "The Vendor") is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after": "-3"}, 0.0),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "Wed, 31 Jan 2024 12:01:30 GMT"}, 90.0),
        # The vendor's clock is an hour ahead of ours: its date is meant on its own clock.
        ({"retry_after": "Wed, 31 Jan 2024 13:00:20 GMT", "date": "Wed, 31 Jan 2024 13:00:00 GMT"}, 20.0),
        ({"retry_after": "Wed, 31 Jan 2024 11:00:00 GMT"}, 0.0),
    ],
)
def test_the_pause_that_is_asked_for(headers: dict[str, str], seconds: float | None) -> None:
    assert reply(429, **headers).retry_after_seconds == seconds
    error = error_of(reply(429, **headers), "The Vendor")
    assert isinstance(error, VendorUnavailable)
    assert error.after_seconds == seconds


def test_the_vendors_clock_is_read_and_a_senseless_one_ignored() -> None:
    assert reply(date="Wed, 31 Jan 2024 11:59:00 GMT").vendor_time == datetime(2024, 1, 31, 11, 59, tzinfo=UTC)
    assert reply(date="the day after tomorrow").vendor_time is None
    assert reply().vendor_time is None


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"<!DOCTYPE html><html></html>", "HTML"),
        (b"\n  <html><body>Sign in</body></html>", "HTML"),
        (b"", "nothing"),
        (b'{"results": [1, 2', "no complete JSON"),
        (b"\xff\xfe\x00", "no complete JSON"),
    ],
)
def test_what_is_not_json_says_what_it_is(body: bytes, told: str) -> None:
    with pytest.raises(VendorMalformed, match=told) as caught:
        read_json(body)
    assert caught.value.retry_helps


def test_the_type_of_a_body_is_read_without_its_parameters() -> None:
    assert reply(content_type="Application/JSON; charset=utf-8").content_type == "application/json"
    assert reply().content_type == ""


def test_an_excerpt_is_one_short_line() -> None:
    assert reply(body=b"a\n b\t" + b"c" * 5000).excerpt.startswith("a b c")
    assert len(reply(body=b"x" * 5000).excerpt) == 120


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h.example/a?apikey=s3cret&x=1", f"https://h.example/a?apikey={HIDDEN}&x=1"),
        ("https://h.example/a?x=1&API_KEY=s3cret", f"https://h.example/a?x=1&API_KEY={HIDDEN}"),
        ("https://h.example/a?x_cg_demo_api_key=s3cret", f"https://h.example/a?x_cg_demo_api_key={HIDDEN}"),
        ("https://me:s3cret@h.example/a", "https://h.example/a"),
        ("/v2/aggs?cursor=YXA9&limit=5", "/v2/aggs?cursor=YXA9&limit=5"),
        ("https://h.example/a#token=s3cret", "https://h.example/a"),
    ],
)
def test_addresses_lose_their_secrets_and_nothing_else(url: str, shown: str) -> None:
    assert redact_url(url) == shown


def test_a_secret_is_hidden_as_it_is_and_as_it_looks_in_an_address() -> None:
    assert redact("key a+b/c and a%2Bb%2Fc, not ab", ["a+b/c"]) == f"key {HIDDEN} and {HIDDEN}, not ab"
    assert redact("nothing to hide", ["", "zz"]) == "nothing to hide"
