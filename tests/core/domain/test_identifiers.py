"""Identifiers follow RFC 9562, sort by time and repeat where they must."""

from __future__ import annotations

import hashlib
import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.identifiers import Uuid7Source, client_order_id, content_id
from core.testing.clock import FixedClock

MOMENT = datetime(2024, 2, 29, 12, 0, tzinfo=UTC)


def source(moment: datetime = MOMENT, seed: int = 7) -> Uuid7Source:
    return Uuid7Source(FixedClock(moment), random.Random(seed))


@given(st.integers(31_536_000, 7_258_118_400), st.integers())
def test_an_id_is_a_valid_uuid_version_7_with_its_time(seconds: int, seed: int) -> None:
    identifier = source(datetime.fromtimestamp(seconds, UTC), seed).new("run")
    value = UUID(hex=identifier.removeprefix("run_"))
    assert value.version == 7
    assert value.variant == "specified in RFC 4122"
    assert value.int >> 80 == seconds * 1000


def test_the_published_example_of_the_rfc_is_reproduced() -> None:
    # RFC 9562, appendix A.6: 2022-02-22 14:22:22.00-05:00, rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F.
    class Bits:
        def getrandbits(self, k: int) -> int:
            assert k == 80
            return 0xCC3 << 64 | 0x18C4DC0C0C07398F

    moment = datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)
    made = Uuid7Source(FixedClock(moment), Bits()).new("run")
    assert UUID(hex=made.removeprefix("run_")) == UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")


def test_ids_sort_by_time() -> None:
    earlier, later = source(MOMENT).new("run"), source(MOMENT + timedelta(milliseconds=1)).new("run")
    assert earlier < later


def test_the_same_clock_and_bits_give_the_same_ids() -> None:
    assert source().new("ord") == source().new("ord")


def test_an_unknown_prefix_is_refused() -> None:
    with pytest.raises(ValueError, match="prefix 'foo'"):
        source().new("foo")


def test_the_client_order_id_is_the_documented_hash() -> None:
    expected = hashlib.sha256(b"prp_1|0|1").hexdigest()[:30]
    assert client_order_id("prp_1", 0, 1) == f"qd{expected}"
    assert len(client_order_id("prp_1", 0, 1)) == 32


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.integers(0, 9), st.integers(0, 9))
def test_client_order_ids_differ_by_leg_and_attempt(proposal: str, leg: int, attempt: int) -> None:
    assert client_order_id(proposal, leg, attempt) != client_order_id(proposal, leg + 1, attempt)
    assert client_order_id(proposal, leg, attempt) != client_order_id(proposal, leg, attempt + 1)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x1f")), min_size=2, max_size=4))
def test_content_ids_depend_on_how_the_parts_are_cut(parts: list[str]) -> None:
    joined = ["".join(parts)]
    assert content_id("art", *parts) == content_id("art", *parts)
    if parts != joined:
        assert content_id("art", *parts) != content_id("art", *joined)
