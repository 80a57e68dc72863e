"""Secrets stay out of addresses and texts, and clocks of vendors are read whatever they show."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, quote, quote_plus, urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.adapters.transport.redaction import HIDDEN, redact, redact_url
from core.adapters.transport.replies import Reply, error_of, read_json
from core.errors import (
    VendorKeyRefused,
    VendorMalformed,
    VendorNotFound,
    VendorQuotaSpent,
    VendorRefused,
    VendorUnavailable,
)

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
# Long enough that none stands in an address by chance.
SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=30)
PHRASES = st.text(st.characters(max_codepoint=126), max_size=40)


def reply(status: int = 200, body: bytes = b"{}", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, headers=named, body=body, received_at=NOON)


@settings(max_examples=60, deadline=None)
@given(SECRETS, st.sampled_from(["apikey", "apiKey", "API_KEY", "token", "x_cg_pro_api_key", "Signature"]))
def test_no_key_is_left_in_an_address(secret: str, name: str) -> None:
    shown = redact_url(f"https://api.example.com/v2/prices?{urlencode({'symbol': 'AAPL', name: secret})}")
    for spelling in (secret, quote(secret, safe=""), quote_plus(secret)):
        assert spelling not in shown
    assert parse_qs(urlsplit(shown).query) == {"symbol": ["AAPL"], name: [HIDDEN]}


@settings(max_examples=60, deadline=None)
@given(SECRETS)
def test_no_password_is_left_in_an_address(secret: str) -> None:
    shown = redact_url(f"https://user:{quote(secret, safe='')}@api.example.com/prices#part")
    assert shown == "https://api.example.com/prices"


@settings(max_examples=60, deadline=None)
@given(SECRETS, PHRASES, PHRASES)
def test_no_secret_is_left_in_a_text_in_either_spelling(secret: str, before: str, after: str) -> None:
    shown = redact(f"{before} {secret} {quote(secret, safe='')} {after}", [secret])
    assert secret not in shown and quote(secret, safe="") not in shown
    assert shown.count(HIDDEN) >= 2


def test_what_names_no_secret_can_be_read() -> None:
    url = "https://api.example.com/v2/aggs?symbols=AAPL,MSFT&from=2024-01-02&empty="
    assert redact_url(url) == url


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("-5", 0.0),
        ("1.5", 1.5),
        (" 30 ", 30.0),
        ("", None),
        ("a while", None),
        ("nan", 0.0),
    ],
)
def test_how_long_to_wait_in_seconds(stated: str, seconds: float | None) -> None:
    assert reply(429, retry_after=stated).retry_after_seconds == seconds


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(-100_000, 100_000))
def test_a_date_to_wait_for_is_measured_on_the_clock_that_stated_it(wait: int, wrong_by: int) -> None:
    # The vendor's clock is off by any amount: only the difference of its two statements counts.
    theirs = NOON + timedelta(seconds=wrong_by)
    stated = format_datetime(theirs + timedelta(seconds=wait), usegmt=True)
    found = reply(429, date=format_datetime(theirs, usegmt=True), retry_after=stated)
    assert found.retry_after_seconds == wait
    assert found.vendor_time == theirs


@pytest.mark.parametrize(
    "text", ["", "yesterday", "Fri, 31 Feb 2024 12:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 -0500", "0" * 400]
)
def test_a_clock_that_cannot_be_read_is_none(text: str) -> None:
    assert reply(date=text).vendor_time is None
    assert reply(429, retry_after=text or "x").retry_after_seconds in (None, 0.0)


def test_a_clock_without_a_zone_is_read_as_utc_and_others_become_utc() -> None:
    assert reply(date="Fri, 01 Mar 2024 12:00:00").vendor_time == NOON
    assert reply(date="Fri, 01 Mar 2024 07:00:00 -0500").vendor_time == NOON


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, VendorMalformed),
        (400, VendorRefused),
        (401, VendorKeyRefused),
        (402, VendorQuotaSpent),
        (403, VendorQuotaSpent),
        (404, VendorNotFound),
        (408, VendorUnavailable),
        (410, VendorNotFound),
        (418, VendorUnavailable),
        (422, VendorRefused),
        (425, VendorUnavailable),
        (429, VendorUnavailable),
        (500, VendorUnavailable),
        (503, VendorUnavailable),
        (599, VendorUnavailable),
    ],
)
def test_a_status_stands_for_one_kind_of_error_that_quotes_the_answer(status: int, kind: type) -> None:
    found = error_of(reply(status, b"slow\n down "), "polygon")
    assert type(found) is kind
    assert f"{status}" in str(found) and "polygon" in str(found)
    assert kind is VendorMalformed or "slow down" in str(found)


@pytest.mark.parametrize("status", [200, 201, 204, 206, 299])
def test_success_is_no_error(status: int) -> None:
    assert error_of(reply(status), "polygon") is None


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=2000))
def test_an_excerpt_is_one_short_line_of_any_bytes(body: bytes) -> None:
    excerpt = reply(500, body).excerpt
    assert len(excerpt) <= 120 and len(excerpt.splitlines()) <= 1
    assert str(error_of(reply(500, body), "x"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None)
@given(JSON)
def test_json_comes_back_as_it_was_sent(value: Any) -> None:
    assert reply(body=json.dumps(value).encode()).json() == value


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(max_size=5), st.text(max_size=20), min_size=1, max_size=4), st.data())
def test_json_that_was_cut_is_never_taken_for_whole(value: dict[str, str], data: st.DataObject) -> None:
    body = json.dumps(value).encode()
    with pytest.raises(VendorMalformed, match="JSON was expected"):
        read_json(body[: data.draw(st.integers(0, len(body) - 1))])


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "nothing came"),
        (b"  \n ", "nothing came"),
        (b"<!DOCTYPE html><title>Sign in</title>", "HTML came"),
        (b"\n<HTML><body>", "HTML came"),
        (b"OK", "no complete JSON came"),
        (b"\xff\xfe\x00", "no complete JSON came"),
    ],
)
def test_what_came_instead_of_json_is_named(body: bytes, what: str) -> None:
    with pytest.raises(VendorMalformed, match=what):
        read_json(body)


@pytest.mark.parametrize(
    ("stated", "media_type"),
    [("application/json; charset=utf-8", "application/json"), ("TEXT/HTML", "text/html"), (" a/b ;c", "a/b")],
)
def test_the_media_type_stands_without_its_parameters(stated: str, media_type: str) -> None:
    assert reply(content_type=stated).content_type == media_type
    assert reply().content_type == ""
