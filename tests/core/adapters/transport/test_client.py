"""The transport against a stand-in: retries, patience, secrets, addresses, several items."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from core.adapters.transport.client import ATTEMPTS, PATIENCE_SECONDS, Timing, Transport
from core.adapters.transport.replies import Reply
from core.errors import (
    VendorError,
    VendorKeyRefused,
    VendorMalformed,
    VendorNotFound,
    VendorQuotaSpent,
    VendorRefused,
    VendorUnavailable,
)
from core.ports.vendor import Payload, VendorTerms
from core.settings import VendorAccess
from core.testing.vendor_contract import NOW, StoppedTime
from core.testing.vendor_stand_ins import StandIn, serve, small_data

TERMS = VendorTerms(
    name="polygon",
    title="The Vendor",
    delivers={"bars": "bars"},
    base_url="https://vendor.example",
    requests_per_minute=5,
    limits="none",
    keys=("VENDOR_KEY",),
    without_key="the rest.",
)
KEY = "massive-stand-in-key"
PATH = "/v3/reference/splits"


@contextmanager
def reached(time: StoppedTime, *, url: str = "", secret: str = KEY) -> Iterator[tuple[StandIn, Transport]]:
    with serve("polygon", data=small_data(), now=NOW) as stand_ins:
        stand_in = stand_ins["polygon"]
        access = VendorAccess(
            base_url=url or stand_in.url,
            secrets={"VENDOR_KEY": SecretStr(secret)},
            requests_per_minute=1e9,
            timeout_seconds=30.0,
        )
        timing = Timing(now=time.wall, monotonic=time.monotonic, sleep=time.sleep, random=time.random)
        yield stand_in, Transport(TERMS, access, timing)


def ask(transport: Transport, path: str = PATH) -> Reply:
    return transport.get(path, {"limit": "10"}, headers={"authorization": f"Bearer {transport.secret()}"})


def test_it_gives_up_after_a_few_attempts_and_waits_longer_each_time() -> None:
    time = StoppedTime()
    with reached(time) as (stand_in, transport):
        stand_in.fail("server_error")
        with pytest.raises(VendorUnavailable, match="503"):
            ask(transport)
        assert len(stand_in.asked) == ATTEMPTS
    waits = [seconds for seconds in time.slept if seconds > 0.01]
    # 1, 2, 4, 8 seconds, each times 0.75: jitter in the middle.
    assert waits == pytest.approx([0.75, 1.5, 3.0, 6.0])


def test_what_the_vendor_asks_for_goes_before_our_own_pace() -> None:
    time = StoppedTime()
    with reached(time) as (stand_in, transport):
        stand_in.fail("rate_limit", times=2)
        assert ask(transport).status == 200
    assert [seconds for seconds in time.slept if seconds > 0.01] == pytest.approx([1.5, 1.5])


def test_an_hour_is_more_than_patience() -> None:
    time = StoppedTime()
    with reached(time) as (stand_in, transport):
        stand_in.fail("long_ban")
        with pytest.raises(VendorUnavailable) as caught:
            ask(transport)
    assert caught.value.after_seconds == 3600.0 > PATIENCE_SECONDS
    assert time.elapsed < 1.0


@pytest.mark.parametrize("status", [401, 404])
def test_what_no_retry_can_help_is_asked_once(status: int) -> None:
    with reached(StoppedTime(), secret=KEY if status == 404 else "another") as (stand_in, transport):
        with pytest.raises(VendorNotFound if status == 404 else VendorKeyRefused):
            ask(transport, "/nowhere")
        assert len(stand_in.asked) == 1


def test_a_refused_key_names_the_variable_and_what_works_without_it() -> None:
    with reached(StoppedTime(), secret="wrong") as (_, transport), pytest.raises(VendorKeyRefused) as caught:
        ask(transport)
    assert "VENDOR_KEY" in str(caught.value)
    assert "the rest." in str(caught.value)
    assert "wrong" not in str(caught.value)


def test_a_vendor_that_repeats_the_key_in_its_answer_does_not_give_it_away(caplog: pytest.LogCaptureFixture) -> None:
    def judge(reply: Reply) -> None:
        raise VendorMalformed(f"no good: {KEY}")

    headers = {"authorization": f"Bearer {KEY}"}
    with (
        caplog.at_level(logging.DEBUG),
        reached(StoppedTime()) as (_, transport),
        pytest.raises(VendorMalformed) as caught,
    ):
        transport.get(PATH, secret_query={"apikey": KEY}, headers=headers, judge=judge)
    assert "no good: ***" in str(caught.value)
    assert KEY not in str(caught.value) + caplog.text


def test_nobody_listening_is_unavailable_and_says_so() -> None:
    with (
        reached(StoppedTime(), url="http://127.0.0.1:9") as (_, transport),
        pytest.raises(VendorUnavailable, match="cannot be reached"),
    ):
        ask(transport)


def test_a_moved_address_is_not_followed_with_the_key() -> None:
    reply = Reply(status=302, headers={"location": "https://other.example"}, body=b"", received_at=NOW)
    from core.adapters.transport.replies import error_of

    assert isinstance(error_of(reply, "The Vendor"), VendorMalformed)
    with reached(StoppedTime()) as (_, transport):
        ask(transport)
        assert transport._http is not None
        assert transport._http.follow_redirects is False


def test_a_trickle_is_given_up() -> None:
    # Every look at the clock finds a second gone: the answer never ends within its time.
    time = StoppedTime()

    def running() -> float:
        time.elapsed += 30.0
        return time.elapsed

    with serve("polygon", data=small_data(), now=NOW) as stand_ins:
        access = VendorAccess(
            base_url=stand_ins["polygon"].url,
            secrets={"VENDOR_KEY": SecretStr(KEY)},
            requests_per_minute=1e9,
            timeout_seconds=5.0,
        )
        timing = Timing(now=time.wall, monotonic=running, sleep=time.sleep, random=time.random)
        with pytest.raises(VendorUnavailable, match="too slowly"):
            ask(Transport(TERMS, access, timing))


def test_a_missing_key_is_told_before_asking() -> None:
    access = VendorAccess(base_url="https://v.example", secrets={}, requests_per_minute=1.0, timeout_seconds=1.0)
    time = StoppedTime()
    timing = Timing(now=time.wall, monotonic=time.monotonic, sleep=time.sleep, random=time.random)
    with pytest.raises(VendorKeyRefused, match="VENDOR_KEY is not set"):
        Transport(TERMS, access, timing).require_key()
    optional = replace(TERMS, key_required=False)
    Transport(optional, access, timing).require_key()
    assert Transport(optional, access, timing).secret() is None


def test_a_payload_carries_the_request_and_both_clocks() -> None:
    time = StoppedTime(now=NOW + timedelta(hours=3))
    with reached(time) as (_, transport):
        reply = ask(transport)
        payload = transport.payload("splits", reply, PATH, {"limit": "10"}, page=1)
    assert payload.request == {"path": PATH, "query": {"limit": "10"}, "page": 1}
    assert payload.vendor_time == NOW
    assert payload.received_at >= NOW + timedelta(hours=3)
    assert payload.happened_by == NOW
    ahead = replace(payload, vendor_time=datetime(2030, 1, 1, tzinfo=UTC))
    assert ahead.happened_by == ahead.received_at
    assert replace(payload, vendor_time=None).happened_by == payload.received_at


def _delivered(outcomes: dict[str, VendorError | None]) -> tuple[list[str], VendorError | None, list[str]]:
    """Fetch items with given outcomes; return what came, the error at the end, and which were tried."""
    tried: list[str] = []
    found: list[str] = []

    def fetch(name: str) -> Iterator[Payload]:
        tried.append(name)
        error = outcomes[name]
        if error is not None:
            raise error
        yield Payload(vendor="polygon", kind=name, request={}, content_type="", body=b"", received_at=NOW)

    with reached(StoppedTime()) as (_, transport):
        try:
            found.extend(payload.kind for payload in transport.deliver_each(outcomes, fetch, str))
        except VendorError as error:
            return found, error, tried
    return found, None, tried


def test_items_fail_one_by_one_and_are_told_at_the_end() -> None:
    found, error, tried = _delivered(
        {"A": None, "B": VendorRefused("no"), "C": None, "D": VendorMalformed("odd"), "E": None}
    )
    assert found == ["A", "C", "E"]
    assert tried == ["A", "B", "C", "D", "E"]
    assert isinstance(error, VendorMalformed)
    assert "2 requests failed (B, D)" in str(error)
    assert "run it again" in str(error)


def test_three_in_a_row_end_it() -> None:
    down = {name: VendorUnavailable("down") for name in "BCD"}
    found, error, tried = _delivered({"A": None, **down, "E": None})
    assert found == ["A"]
    assert tried == ["A", "B", "C", "D"]
    assert isinstance(error, VendorUnavailable)


@pytest.mark.parametrize("error", [VendorKeyRefused("no"), VendorQuotaSpent("spent")])
def test_a_matter_of_the_whole_vendor_ends_it_at_once(error: VendorError) -> None:
    found, raised, tried = _delivered({"A": None, "B": error, "C": None})
    assert (found, tried) == (["A"], ["A", "B"])
    assert raised is error


def test_a_long_pause_ends_it_at_once() -> None:
    found, error, tried = _delivered({"A": None, "B": VendorUnavailable("wait", after_seconds=3600.0), "C": None})
    assert (found, tried) == (["A"], ["A", "B"])
    assert isinstance(error, VendorUnavailable)


def test_a_vendor_that_has_nothing_of_several_is_reached_at_a_wrong_address() -> None:
    found, error, tried = _delivered({"A": VendorNotFound("no page"), "B": VendorNotFound("no page")})
    assert (found, tried) == ([], ["A", "B"])
    assert isinstance(error, VendorNotFound)
    assert "2 requests failed (A, B)" in str(error)
    assert _delivered({"A": VendorNotFound("no page")}) == ([], None, ["A"])


def test_what_is_not_there_is_no_failure() -> None:
    found, error, _ = _delivered({"A": VendorNotFound("none"), "B": None})
    assert (found, error) == (["B"], None)
