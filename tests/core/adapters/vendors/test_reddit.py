"""Reddit: the contract of every vendor, and the traps of this one."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from core.adapters.transport.client import Timing, Transport
from core.adapters.transport.replies import Reply
from core.adapters.vendors.reddit import TERMS, Reddit, _judge, _judge_sign_in, open_vendor
from core.data.symbols import SymbolResolver
from core.data.universe import symbol_history, universe
from core.errors import VendorKeyRefused, VendorMalformed, VendorNotFound, VendorRefused
from core.ports.vendor import Payload, RecordRows, Vendor, Wanted
from core.settings import VendorAccess
from core.testing.vendor_contract import StoppedTime, VendorContract


class TestReddit(VendorContract):
    vendor = "reddit"
    topic = "news"
    paged = True
    page_rows = 3
    matching = "/r/"

    def open(self, access: VendorAccess, time: StoppedTime) -> Vendor:
        timing = Timing(now=time.wall, monotonic=time.monotonic, sleep=time.sleep, random=time.random)
        return open_vendor(Transport(TERMS, access, timing))

    def test_pages_end_where_posts_are_older_than_the_window(self) -> None:
        with self.standing() as stand_in:
            stand_in.page_rows = 1
            vendor = self.reach(stand_in)
            newest = max(article.published for article in self.data().articles).date()
            list(vendor.fetch("news", Wanted(start=newest, end=newest)))
            pages = [asked for asked in stand_in.asked if asked.path.startswith("/r/")]
        # Two pages of the community of the newest post, one of each other.
        assert len(pages) == 6

    def test_the_sign_in_is_made_once(self) -> None:
        with self.standing() as stand_in:
            self.payloads(self.reach(stand_in))
            assert sum(asked.path == "/api/v1/access_token" for asked in stand_in.asked) == 1
            assert stand_in.asked[0].body == b"grant_type=client_credentials"


def _parsed(body: bytes, start: str = "2000-01-01", end: str = "2030-01-01") -> list[tuple[object, ...]]:
    payload = Payload(
        vendor="reddit",
        kind="posts",
        request={"path": "", "query": {}, "start": start, "end": end},
        content_type="application/json",
        body=body,
        received_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    blocks = list(Reddit.__new__(Reddit).parse(payload, SymbolResolver(universe(), symbol_history())))
    return [row for block in blocks if isinstance(block, RecordRows) for row in block.rows]


@pytest.mark.shared
def test_recorded_posts_are_read(shared_folder: Path) -> None:
    file = shared_folder / "vendor_samples/reddit/TestSubredditListings.test_new_1.json"
    found = json.loads(file.read_text())["data"]["children"]
    rows = _parsed(file.read_bytes())
    assert [row[3] for row in rows] == [post["data"]["title"].strip() for post in found]
    assert all(row[5] == f"r/{post['data']['subreddit']}" for row, post in zip(rows, found, strict=True))
    moments = [datetime.fromtimestamp(post["data"]["created_utc"], UTC) for post in found]
    assert [row[1] for row in rows] == moments


@pytest.mark.shared
def test_the_recorded_token_is_one(shared_folder: Path) -> None:
    body = (shared_folder / "vendor_samples/reddit/TestSubredditListings.test_new_0.json").read_bytes()
    _judge_sign_in(Reply(status=200, headers={}, body=body, received_at=datetime(2026, 1, 1, tzinfo=UTC)))


def _post(**fields: object) -> dict[str, object]:
    post = {"name": "t3_1", "title": "T", "selftext": "s", "subreddit": "stocks", "created_utc": 1706700000.0}
    return {"kind": "t3", "data": {**post, **fields}}


def _listing(*posts: dict[str, object]) -> bytes:
    return json.dumps({"data": {"children": list(posts)}}).encode()


def test_removed_posts_and_removed_texts_are_left_out() -> None:
    rows = _parsed(
        _listing(_post(title="[removed]"), _post(name="t3_2", selftext="[deleted]"), _post(name="t3_3", title=" "))
    )
    assert [(row[3], row[4]) for row in rows] == [("T", "")]


def test_only_the_days_asked_for_are_taken() -> None:
    body = _listing(_post(), _post(name="t3_2", created_utc=1706800000.0))
    # 1706700000 is 2024-01-31T11:20:00Z.
    assert [row[2] for row in _parsed(body, "2024-01-31", "2024-01-31")] == [date(2024, 1, 31)]


def test_a_long_text_is_cut() -> None:
    (row,) = _parsed(_listing(_post(selftext="x" * 10_000)))
    assert len(str(row[4])) == 2_000


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"error": 404, "message": "Not Found"}, VendorNotFound),
        ({"error": 403, "message": "Forbidden", "reason": "private"}, VendorRefused),
        ({"data": {}}, VendorMalformed),
        ([], VendorMalformed),
        ({"data": {"children": [{"kind": "t3", "data": {}}]}}, VendorMalformed),
        ({"data": {"dist": 2, "children": [{"data": {"created_utc": 1}}]}}, VendorMalformed),
    ],
)
def test_what_is_no_listing_is_an_error(body: object, error: type[Exception]) -> None:
    reply = Reply(status=200, headers={}, body=json.dumps(body).encode(), received_at=datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(error):
        _judge(reply)


@pytest.mark.parametrize(
    ("body", "error"),
    [({"error": "invalid_grant"}, VendorKeyRefused), ({}, VendorMalformed), ([], VendorMalformed)],
)
def test_a_sign_in_without_a_token_is_an_error(body: object, error: type[Exception]) -> None:
    reply = Reply(status=200, headers={}, body=json.dumps(body).encode(), received_at=datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(error):
        _judge_sign_in(reply)
