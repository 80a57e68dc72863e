"""Replies of vendors are kept once, compressed, and come back bit for bit in the order they arrived."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.adapters.store.database import Database
from core.adapters.store.payloads import PostgresPayloads
from core.ports.vendor import Payload

AT = datetime(2024, 2, 14, 12, tzinfo=UTC)
ONE = Payload(
    vendor="test",
    kind="bars",
    request={"path": "/v2/aggs", "query": {"limit": "5000"}},
    content_type="application/json",
    body=b'{"results": []}',
    received_at=AT,
    vendor_time=AT - timedelta(seconds=2),
)


@pytest.fixture
def payloads(database_dsn: str) -> Iterator[PostgresPayloads]:
    database = Database(database_dsn)
    yield PostgresPayloads(database)
    database.close()


def test_a_reply_comes_back_as_it_was(payloads: PostgresPayloads) -> None:
    assert payloads.keep(ONE)
    assert list(payloads.read()) == [ONE]


def test_the_same_reply_to_the_same_request_is_kept_once(payloads: PostgresPayloads) -> None:
    assert payloads.keep(ONE)
    assert not payloads.keep(replace(ONE, received_at=AT + timedelta(hours=1)))
    for other in (
        replace(ONE, body=b"{}"),
        replace(ONE, kind="splits"),
        replace(ONE, vendor="other"),
        replace(ONE, request={"path": "/v2/aggs", "query": {"limit": "1"}}),
    ):
        assert payloads.keep(other)
    assert len(list(payloads.read())) == 5


def test_replies_are_read_by_vendor_and_time_in_the_order_they_arrived(payloads: PostgresPayloads) -> None:
    for step in (3, 1, 2, 0):
        payloads.keep(replace(ONE, body=str(step).encode(), received_at=AT + timedelta(minutes=step)))
    payloads.keep(replace(ONE, vendor="other"))
    assert [found.body for found in payloads.read("test")] == [b"0", b"1", b"2", b"3"]
    assert [found.body for found in payloads.read("test", AT + timedelta(minutes=2))] == [b"2", b"3"]
    assert list(payloads.read("test", AT + timedelta(minutes=9))) == []
    assert list(payloads.read("nobody")) == []


def test_more_replies_than_one_page_of_the_reader_all_come(payloads: PostgresPayloads) -> None:
    # All of one moment, so that the order within it counts too.
    for step in range(123):
        payloads.keep(replace(ONE, body=str(step).encode()))
    found = list(payloads.read("test"))
    assert sorted(int(payload.body) for payload in found) == list(range(123))


def test_a_body_is_smaller_on_disk_than_in_the_hand(payloads: PostgresPayloads, database_dsn: str) -> None:
    import psycopg

    body = b'{"ticker": "AAPL", "close": 100.0},' * 5000
    payloads.keep(replace(ONE, body=body))
    with psycopg.connect(database_dsn) as connection:
        row = connection.execute("SELECT octet_length(body), encoding FROM ops.raw_payloads").fetchone()
    assert row is not None
    assert row[0] < len(body) / 50
    assert row[1] == "deflate"


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.dictionaries(st.text("abc", max_size=3), st.integers() | st.text("xyz"), max_size=3))
def test_any_bytes_and_any_request_survive(
    payloads: PostgresPayloads, body: bytes, request_made: dict[str, object]
) -> None:
    made = replace(ONE, body=body, request=request_made, vendor_time=None)
    payloads.keep(made)
    assert made in list(payloads.read("test"))
